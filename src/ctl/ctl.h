#pragma once
/* ftwatchctl: what one run of it knows, and the table of verbs. A verb is one file and one row in
 * verbs.c; an option one row in options.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>
#include <systemd/sd-bus.h>

#include "base/macro.h"
#include "base/time.h"
#include "ctl/term.h"
#include "store/query.h"

enum {
        CTL_OK = 0,
        CTL_FAILED = 1,                 /* or not found */
        CTL_USAGE = 2,
};

/* Which options a verb takes besides those that all take. */
typedef enum CtlGroup {
        GROUP_ALL = 0,
        GROUP_SOURCE = 1 << 0,
        GROUP_STATUS = 1 << 1,
        GROUP_SINCE = 1 << 2,
        GROUP_LIMIT = 1 << 3,
        GROUP_STATE = 1 << 4,
        GROUP_LEVEL = 1 << 5,
        GROUP_PLOT = 1 << 6,
        GROUP_TYPE = 1 << 7,
        GROUP_RECEIVER = 1 << 8,
        GROUP_DAEMON = 1 << 9,          /* of all verbs that ask the daemon */
        GROUP_DEAD = 1 << 10,
        GROUP_SILENCE = 1 << 11,
        GROUP_SILENCES = 1 << 12,
} CtlGroup;

typedef struct CtlOptions {
        const char *config_file;        /* NULL: the default one, which need not be there */
        const char *state_dir;
        const char *instance;           /* NULL: the only one */
        usec_t timeout_usec;            /* for an answer of the daemon */
        const char *source, *type, *receiver, *plot;
        const char *since;
        char **statuses;                /* canonical */
        bool active, finished;
        unsigned states;                /* 1U << DeliveryState */
        EventLevel level;
        bool no_metrics, all_dead, all;
        const char *job, *comment;
        usec_t for_usec;
        uint64_t limit;
        bool has_limit;
        ColorMode color;
        bool json, utc, help, version;
        unsigned given;                 /* CtlGroups that were used */
} CtlOptions;

typedef struct Ctl {
        CtlOptions options;
        Term out, err;
        usec_t now_usec;                /* realtime, read once */
        usec_t since_usec;
        Store *store;                   /* open while a verb that wants it runs */
        sd_bus *bus;                    /* open from the first call on */
} Ctl;

typedef struct CtlVerb {
        const char *name;
        const char *argument;           /* "JOB"; "[JOB]": may be left out; NULL: takes none */
        const char *help;               /* one line, no full stop */
        unsigned groups;                /* CtlGroups */
        /* Runs with the store open and one state of it in view, unless it asks the daemon (GROUP_DAEMON);
         * prints, also what went wrong, and returns an exit status. `argument` is NULL where there is none.
         */
        int (*run)(Ctl *c, const char *argument);
} CtlVerb;

extern const CtlVerb *const ctl_verbs[];        /* NULL-terminated */
const CtlVerb *ctl_verb_find(const char *name);

/* The whole program, but for the locale. */
int ctl_main(int argc, char *argv[]);

/* options.c: takes options out of argv; what is left is in *ret_words (NULL-terminated, malloc'ed array
 * of borrowed strings). CTL_OK, or CTL_USAGE or CTL_FAILED after saying why on stderr. */
int ctl_options_parse(Ctl *c, int argc, char *argv[], const char ***ret_words);
/* What belongs to this verb only is refused with others. */
int ctl_options_check(Ctl *c, const CtlVerb *verb);
void ctl_options_done(CtlOptions *o);
/* The options of these groups, as in --help. */
void ctl_options_help(const Term *t, unsigned groups, bool common);

/* state.c: finds and opens the store; CTL_OK, or CTL_FAILED after saying why. */
int ctl_store_open(Ctl *c);

/* daemon.c: calls a method of the daemon's manager, and waits. ctl_call(): CTL_OK with the reply, or
 * CTL_FAILED after saying why. ctl_try_call(): negative errno with the error, for ctl_fail_call(). `types`
 * and what follows as for sd_bus_message_append(). */
int ctl_call(Ctl *c, sd_bus_message **ret, const char *member, const char *types, ...);
int ctl_try_call(Ctl *c, sd_bus_message **ret, sd_bus_error *error, const char *member, const char *types,
                 ...);
int ctl_fail_call(const Ctl *c, int r, const sd_bus_error *error);
/* Whether it is that nobody is there to answer. */
bool ctl_daemon_is_absent(int r, const sd_bus_error *error);
/* verb_status.c: the state of things, from the daemon or, after saying so, from the store. CTL_OK, or
 * CTL_FAILED after saying why. */
int ctl_get_status(Ctl *c, json_object **ret, bool *ret_running);
/* verb_silence.c */
int ctl_print_silences(const Ctl *c, json_object *list);
/* Opens the bus and says what the daemon is called there. */
int ctl_bus_open(Ctl *c, char **ret_name);

/* find.c: the one job that is meant; CTL_OK, or CTL_FAILED after naming the candidates or the lack of
 * them. */
int ctl_find_job(Ctl *c, const char *name, JobRows *ret);

/* say.c: "ftwatchctl: ..." on stderr, cleaned; returns CTL_FAILED or CTL_USAGE. */
int ctl_fail(const Ctl *c, const char *format, ...) _printf_(2, 3);
int ctl_fail_usage(const Ctl *c, const char *format, ...) _printf_(2, 3);
/* For errors of store and memory: what could not be done, and SQLite's or libc's words. */
int ctl_fail_errno(const Ctl *c, int r, const char *what);
/* "unknown verb 'jbos'; did you mean 'jobs'?" */
int ctl_fail_unknown(const Ctl *c, const char *what, const char *word, const char *const *candidates);
/* A hint beside the answer, on stderr. */
void ctl_note(const Ctl *c, const char *format, ...) _printf_(2, 3);

/* The limit to ask for: what was given, else this verb's own for people, else (JSON) none. */
size_t ctl_limit(const Ctl *c, size_t for_people);
void ctl_note_more(const Ctl *c, bool more, size_t n, const char *what);

/* json.c: one document on stdout. Takes o. */
int ctl_print_json(const Ctl *c, json_object *o);
int ctl_json_job(const JobRow *j, json_object **ret);
int ctl_json_usec(json_object *o, const char *key, usec_t usec);        /* Unix seconds, null for 0 */
int ctl_json_events(const EventRows *events, json_object **ret);
int ctl_json_deliveries(const DeliveryRows *deliveries, json_object **ret);
int ctl_json_notices(const NoticeRows *notices, json_object **ret);     /* each with its deliveries */

/* What a verb file offers to the table, and `show` to others. */
int verb_jobs(Ctl *c, const char *argument);
int verb_show(Ctl *c, const char *argument);
int verb_events(Ctl *c, const char *argument);
int verb_checkpoints(Ctl *c, const char *argument);
int verb_metrics(Ctl *c, const char *argument);
int verb_notices(Ctl *c, const char *argument);
int verb_deliveries(Ctl *c, const char *argument);
int verb_status(Ctl *c, const char *argument);
int verb_poll(Ctl *c, const char *argument);
int verb_probe(Ctl *c, const char *argument);
int verb_test(Ctl *c, const char *argument);
int verb_retry(Ctl *c, const char *argument);
int verb_silence(Ctl *c, const char *argument);
int verb_unsilence(Ctl *c, const char *argument);
int verb_silences(Ctl *c, const char *argument);
int verb_reload(Ctl *c, const char *argument);
int verb_log_level(Ctl *c, const char *argument);
