#include <ctype.h>
#include <errno.h>

#include <json-c/json.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

#include "base/strings.h"
#include "config/config.h"
#include "ctl/ctl.h"
#include "ctl/since.h"
#include "io/bus.h"
#include "model/notice.h"

#define FILTERS (GROUP_SOURCE | GROUP_SINCE | GROUP_LIMIT)

static const CtlVerb jobs = {
        "jobs", NULL, "the jobs, unfinished ones first",
        FILTERS | GROUP_STATUS, verb_jobs,
};
static const CtlVerb show = {
        "show", "JOB", "all that is known of a job, with its loss curve",
        GROUP_SOURCE, verb_show,
};
static const CtlVerb events = {
        "events", "JOB", "what the service wrote about a job, newest last",
        FILTERS | GROUP_LEVEL, verb_events,
};
static const CtlVerb metrics = {
        "metrics", "JOB", "training metrics step by step",
        GROUP_SOURCE | GROUP_LIMIT | GROUP_PLOT, verb_metrics,
};
static const CtlVerb checkpoints = {
        "checkpoints", "JOB", "models that a job made on its way, with their metrics",
        GROUP_SOURCE | GROUP_LIMIT, verb_checkpoints,
};
static const CtlVerb notices = {
        "notices", NULL, "what was worth telling, and who was told",
        FILTERS | GROUP_TYPE, verb_notices,
};
static const CtlVerb deliveries = {
        "deliveries", NULL, "notices on their way to receivers: owed, done, given up",
        FILTERS | GROUP_STATE | GROUP_RECEIVER, verb_deliveries,
};

static const CtlVerb status_verb = {
        "status", NULL, "how the daemon does: sources, receivers, troubles",
        GROUP_DAEMON, verb_status,
};
static const CtlVerb poll = {
        "poll", "[SOURCE]", "ask a source, or every one, now, and wait for it",
        GROUP_DAEMON, verb_poll,
};
static const CtlVerb probe = {
        "probe", "SOURCE", "try each kind of request on a source: what works, and what to change",
        GROUP_DAEMON, verb_probe,
};
static const CtlVerb test = {
        "test", "RECEIVER", "send a receiver a made-up notice (--type job.failed), and show its answer",
        GROUP_DAEMON | GROUP_TYPE, verb_test,
};
static const CtlVerb retry = {
        "retry", "[NOTICE]", "send again what was given up of a notice, or --all-dead",
        GROUP_DAEMON | GROUP_DEAD | GROUP_RECEIVER | GROUP_SINCE, verb_retry,
};
static const CtlVerb silence = {
        "silence", NULL, "keep back what is about a --job or --source, or for a --receiver, --for 2h",
        GROUP_DAEMON | GROUP_SILENCE | GROUP_SOURCE | GROUP_RECEIVER, verb_silence,
};
static const CtlVerb unsilence = {
        "unsilence", "[SILENCE]", "end a silence, or --all",
        GROUP_DAEMON | GROUP_SILENCES, verb_unsilence,
};
static const CtlVerb silences = {
        "silences", NULL, "what is silenced, until when, and how much was kept back",
        GROUP_DAEMON, verb_silences,
};
static const CtlVerb reload = {
        "reload", NULL, "apply the configuration as it is now, or say what is wrong with it",
        GROUP_DAEMON, verb_reload,
};
static const CtlVerb log_level = {
        "log-level", "[LEVEL]", "print or change the least urgent level that is logged",
        GROUP_DAEMON, verb_log_level,
};

const CtlVerb *const ctl_verbs[] = {
        /* read the state */
        &jobs, &show, &events, &metrics, &checkpoints, &notices, &deliveries,
        /* ask the daemon */
        &status_verb, &poll, &probe, &test, &retry, &silence, &unsilence, &silences, &reload, &log_level,
        NULL,
};

const CtlVerb *ctl_verb_find(const char *name) {
        for (const CtlVerb *const *v = ctl_verbs; *v; v++)
                if (streq((*v)->name, name))
                        return *v;
        return NULL;
}

static int fail_unknown_verb(const Ctl *c, const char *word) {
        const char *names[ARRAY_SIZE(ctl_verbs) + 1] = { "help" };

        for (size_t i = 0; ctl_verbs[i]; i++)
                names[i + 1] = ctl_verbs[i]->name;
        return ctl_fail_unknown(c, "verb", word, names);
}

/* --- help, version --------------------------------------------------------------------------------- */

/* Two spaces behind the longest verb: completions read this. */
#define VERB_LINE "  %-12s %-9s  %s\n"

static void print_verbs(const Term *t, bool of_daemon) {
        for (const CtlVerb *const *v = ctl_verbs; *v; v++)
                if (!!((*v)->groups & GROUP_DAEMON) == of_daemon)
                        term_printf(t, VERB_LINE, (*v)->name, strempty((*v)->argument), (*v)->help);
}

static int print_help(const Ctl *c) {
        const Term *t = &c->out;

        term_put(t, STYLE_NONE,
                 "ftwatchctl shows what ftwatchd knows about fine-tuning jobs, and asks it to "
                 "act.\n\n");
        term_put(t, STYLE_NONE, "  ftwatchctl [OPTION..] VERB [ARGUMENT]\n\n");
        print_verbs(t, false);
        term_printf(t, VERB_LINE "\n", "help", "[VERB]", "a verb and its options; help types: of notices");
        term_put(t, STYLE_NONE, "These ask the daemon; root and the group " BUS_GROUP " may:\n\n");
        print_verbs(t, true);
        term_put(t, STYLE_NONE, "\n");
        term_put(t, STYLE_NONE, "A JOB is an id or a suffix, or how one begins (ftjob- may be left out).\n"
                                "The state is where the configuration says (" CONFIG_FILE_DEFAULT ").\n\n");
        ctl_options_help(t, 0, true);
        term_put(t, STYLE_NONE, "\nExit status: 0 done, 1 failed or not found, 2 wrong usage.\n");
        return CTL_OK;
}

static int print_verb_help(const Ctl *c, const CtlVerb *v) {
        const Term *t = &c->out;

        term_printf(t, "  ftwatchctl %s%s%s [OPTION..]\n\n", v->name, v->argument ? " " : "",
                    strempty(v->argument));
        if (v->groups & GROUP_DAEMON)
                term_printf(t, "%c%s.\n\n", toupper(v->help[0]), v->help + 1);
        else
                term_printf(t, "Shows %s.\n\n", v->help);
        ctl_options_help(t, v->groups, false);
        term_put(t, STYLE_NONE, "\nWith every verb:\n");
        ctl_options_help(t, 0, true);
        return CTL_OK;
}

/* Also what the completions of shells read. */
static int print_types(const Ctl *c) {
        const Term *t = &c->out;

        term_put(t, STYLE_NONE,
                 "What notices are about; * goes to every receiver when there are no rules.\n\n");
        for (int type = 0; type < _NOTICE_TYPE_MAX; type++) {
                const NoticeTypeInfo *info = notice_type_info((NoticeType) type);
                term_printf(t, "  %c %s\n", info->by_default ? '*' : ' ', info->name);
        }
        term_put(t, STYLE_NONE, "\nftwatchd.conf(5) says when each is told.\n");
        return CTL_OK;
}

static int print_version(const Ctl *c) {
        term_put(&c->out, STYLE_NONE, "ftwatchctl " FTWATCH_VERSION "\n");
        term_printf(&c->out, "sqlite %s, json-c %s\n", sqlite3_libversion(), json_c_version());
        return CTL_OK;
}

/* --- the run --------------------------------------------------------------------------------------- */

static int work_out_options(Ctl *c) {
        const char *since = c->options.since;

        if (c->options.utc) {
                if (setenv("TZ", "UTC0", 1) < 0)
                        return ctl_fail(c, "cannot set the time zone");
                tzset();
        }
        if (since && parse_since(since, c->now_usec, &c->since_usec) < 0)
                return ctl_fail_usage(c, "--since wants a span (2h) or a date (2026-11-22), not '%s'",
                                      since);
        return CTL_OK;
}

/* What is printed meanwhile waits in memory. */
typedef struct Held {
        Term *term;
        FILE *to;
        char *text;
        size_t size;
} Held;

static int held_begin(Held *h, Term *term) {
        FILE *memory = open_memstream(&h->text, &h->size);

        if (!memory)
                return -errno;
        h->term = term;
        h->to = term->out;
        term->out = memory;
        return 0;
}

static int held_end(Held *h) {
        if (!h->term)
                return 0;
        int r = ferror(h->term->out) ? -ENOMEM : 0;

        if (fclose(h->term->out) != 0)
                r = -ENOMEM;
        h->term->out = h->to;
        if (r >= 0)
                (void) fwrite(h->text, 1, h->size, h->to);      /* a failure is seen at the end */
        free(h->text);
        return r;
}

static int read_store(Ctl *c, const CtlVerb *verb, const char *argument) {
        int status = ctl_store_open(c);

        if (status != CTL_OK)
                return status;
        int r = query_begin(c->store);
        if (r < 0)
                status = ctl_fail_errno(c, r, "read the state");
        else
                status = verb->run(c, argument);
        c->store = store_free(c->store);
        return status;
}

/* Printed when the state is closed again: the log of the daemon's database cannot begin anew, and grows, as
 * long as somebody sees an old state, and a pager may wait for days. */
static int run_on_store(Ctl *c, const CtlVerb *verb, const char *argument) {
        Held out = {}, err = {};

        int r = held_begin(&out, &c->out);
        if (r >= 0)
                r = held_begin(&err, &c->err);
        int status = r < 0 ? CTL_FAILED : read_store(c, verb, argument);
        int q = held_end(&out);
        r = r < 0 ? r : q;
        q = held_end(&err);
        r = r < 0 ? r : q;
        return r < 0 ? ctl_fail_errno(c, r, "print what is in the state") : status;
}

static int run_verb(Ctl *c, const CtlVerb *verb, const char *argument) {
        if (!(verb->groups & GROUP_DAEMON))
                return run_on_store(c, verb, argument);
        int status = verb->run(c, argument);
        c->bus = sd_bus_flush_close_unref(c->bus);
        c->store = store_free(c->store);
        return status;
}

/* words: VERB [ARGUMENT], "help" [VERB], or nothing */
static int dispatch(Ctl *c, const char *const *words) {
        const char *word = words[0];
        bool help = c->options.help || !word;

        if (c->options.version)
                return print_version(c);
        if (word && streq(word, "help")) {
                help = true;
                word = *++words;
        }
        if (help && !word)
                return print_help(c);
        if (help && streq(word, "types"))
                return print_types(c);
        const CtlVerb *verb = ctl_verb_find(word);
        if (!verb)
                return fail_unknown_verb(c, word);
        if (help)
                return print_verb_help(c, verb);
        int status = ctl_options_check(c, verb);
        if (status != CTL_OK)
                return status;
        const char *argument = verb->argument ? words[1] : NULL;
        if (verb->argument && verb->argument[0] != '[' && isempty(argument))
                return ctl_fail_usage(c, "'%s' wants a %s; see ftwatchctl help %s", verb->name,
                                      verb->argument, verb->name);
        const char *extra = words[argument ? 2 : 1];
        if (extra)
                return ctl_fail_usage(c, "'%s' takes no '%s'; see ftwatchctl help %s", verb->name, extra,
                                      verb->name);
        status = work_out_options(c);
        return status != CTL_OK ? status : run_verb(c, verb, argument);
}

int ctl_main(int argc, char *argv[]) {
        _cleanup_free_ const char **words = NULL;
        Ctl c = { .now_usec = clock_usec(CLOCK_REALTIME) };

        /* Until --color is known. */
        term_init(&c.out, stdout, COLOR_AUTO);
        term_init(&c.err, stderr, COLOR_AUTO);
        int status = ctl_options_parse(&c, argc, argv, &words);
        if (status == CTL_OK) {
                term_init(&c.out, stdout, c.options.color);
                term_init(&c.err, stderr, c.options.color);
                status = dispatch(&c, words);
        }
        ctl_options_done(&c.options);
        /* A full disk behind a redirection must not look like success. */
        if ((fflush(stdout) != 0 || ferror(stdout)) && status == CTL_OK)
                status = ctl_fail(&c, "cannot write the output");
        return status;
}
