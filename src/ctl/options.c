/* Options: one table, one row each. Its functions only write down what was said; what depends on other
 * options (the zone of --since) is worked out when all are known. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "ctl/ctl.h"

typedef struct CtlOption {
        char letter;                    /* 0: none */
        const char *name;
        const char *argument;           /* NULL: takes none */
        CtlGroup group;
        const char *help;
        int (*set)(Ctl *c, const char *value);
} CtlOption;

/* --- what they do ---------------------------------------------------------------------------------- */

#define DEFINE_SET_STRING(field)                                        \
        static int set_##field(Ctl *c, const char *value) {             \
                c->options.field = value;                               \
                return CTL_OK;                                          \
        }
#define DEFINE_SET_FLAG(field)                                          \
        static int set_##field(Ctl *c, const char *value _unused_) {    \
                c->options.field = true;                                \
                return CTL_OK;                                          \
        }

DEFINE_SET_STRING(config_file)
DEFINE_SET_STRING(state_dir)
DEFINE_SET_STRING(instance)
DEFINE_SET_STRING(source)
DEFINE_SET_STRING(type)
DEFINE_SET_STRING(receiver)
DEFINE_SET_STRING(plot)
DEFINE_SET_STRING(since)
DEFINE_SET_FLAG(json)
DEFINE_SET_FLAG(utc)
DEFINE_SET_FLAG(help)
DEFINE_SET_FLAG(version)
DEFINE_SET_FLAG(no_metrics)
DEFINE_SET_FLAG(all_dead)
DEFINE_SET_FLAG(all)
DEFINE_SET_STRING(job)
DEFINE_SET_STRING(comment)

/* Calls `take` for every word of a list. */
static int each_word(Ctl *c, const char *value, int (*take)(Ctl *c, const char *word)) {
        _cleanup_free_ char *copy = strdup(value);
        char *rest = copy, *word;

        if (!copy)
                return ctl_fail_errno(c, -ENOMEM, "read the options");
        while ((word = strsep(&rest, ","))) {
                int status = *word ? take(c, word) : CTL_OK;
                if (status != CTL_OK)
                        return status;
        }
        return CTL_OK;
}

static int take_status(Ctl *c, const char *word) {
        if (streq(word, "active"))
                c->options.active = true;
        else if (streq(word, "finished"))
                c->options.finished = true;
        else {
                /* Not checked against a list: servers invent statuses. */
                int r = strv_extend(&c->options.statuses, status_canonical(word));
                if (r < 0)
                        return ctl_fail_errno(c, r, "read the options");
        }
        return CTL_OK;
}

static int set_status(Ctl *c, const char *value) {
        return each_word(c, value, take_status);
}

static int take_state(Ctl *c, const char *word) {
        static const char *const names[] = { "pending", "inflight", "done", "dead", "silenced", NULL };
        DeliveryState state;

        if (delivery_state_from_string(word, &state) < 0)
                return ctl_fail_unknown(c, "delivery state", word, names);
        c->options.states |= 1U << state;
        return CTL_OK;
}

static int set_state(Ctl *c, const char *value) {
        return each_word(c, value, take_state);
}

static int set_level(Ctl *c, const char *value) {
        static const char *const names[] = { "info", "warning", "error", NULL };

        for (int level = EVENT_LEVEL_INFO; level <= EVENT_LEVEL_ERROR; level++)
                if (streq(event_level_to_string((EventLevel) level), value)) {
                        c->options.level = (EventLevel) level;
                        return CTL_OK;
                }
        return ctl_fail_unknown(c, "level", value, names);
}

static int set_limit(Ctl *c, const char *value) {
        if (parse_uint64(value, &c->options.limit) < 0)
                return ctl_fail_usage(c, "--limit wants a number, not '%s'", value);
        c->options.limit = MIN(c->options.limit, (uint64_t) QUERY_ROWS_MAX);
        c->options.has_limit = true;
        return CTL_OK;
}

static int set_for(Ctl *c, const char *value) {
        if (parse_span(value, &c->options.for_usec) < 0 || c->options.for_usec == 0)
                return ctl_fail_usage(c, "--for wants a span (2h, 3d), not '%s'", value);
        return CTL_OK;
}

static int set_timeout(Ctl *c, const char *value) {
        if (parse_span(value, &c->options.timeout_usec) < 0 || c->options.timeout_usec == 0)
                return ctl_fail_usage(c, "--timeout wants a span (30s, 5min), not '%s'", value);
        return CTL_OK;
}

static int set_color(Ctl *c, const char *value) {
        static const char *const names[] = { "auto", "always", "never", NULL };

        for (int i = 0; names[i]; i++)
                if (streq(names[i], value)) {
                        c->options.color = (ColorMode) i;
                        return CTL_OK;
                }
        return ctl_fail_unknown(c, "colour mode", value, names);
}

/* --- the table ------------------------------------------------------------------------------------- */

static const CtlOption options[] = {
        { 0, "source", "GLOB", GROUP_SOURCE, "only of sources with such a name", set_source },
        { 0, "status", "STATUS,..", GROUP_STATUS, "only these; active and finished mean many", set_status },
        { 0, "since", "SPAN|DATE", GROUP_SINCE, "only what is newer: 2h, 3d, 2026-11-22", set_since },
        { 0, "level", "LEVEL", GROUP_LEVEL, "only this or worse: info, warning, error", set_level },
        { 0, "no-metrics", NULL, GROUP_LEVEL, "without events that only carry metrics", set_no_metrics },
        { 0, "plot", "NAME", GROUP_PLOT, "draw this series, or the losses: loss", set_plot },
        { 0, "type", "GLOB", GROUP_TYPE, "only such notices: job.failed, source.*", set_type },
        { 0, "state", "STATE,..", GROUP_STATE, "only these: pending, inflight, done, dead, silenced",
          set_state },
        { 0, "receiver", "GLOB", GROUP_RECEIVER, "only to receivers with such a name", set_receiver },
        { 'n', "limit", "N", GROUP_LIMIT, "at most so many, 0 for all", set_limit },
        { 0, "all-dead", NULL, GROUP_DEAD, "all that was given up, not one notice", set_all_dead },
        { 0, "job", "GLOB", GROUP_SILENCE, "what is about jobs with such an id or suffix", set_job },
        { 0, "for", "SPAN", GROUP_SILENCE, "how long: 2h, 3d", set_for },
        { 0, "comment", "TEXT", GROUP_SILENCE, "why, for those who wonder", set_comment },
        { 0, "all", NULL, GROUP_SILENCES, "every silence there is", set_all },
        { 0, "timeout", "SPAN", GROUP_DAEMON, "how long to wait for the daemon (2min)", set_timeout },

        { 0, "config", "FILE", GROUP_ALL, "says where the state is", set_config_file },
        { 0, "state-dir", "DIR", GROUP_ALL, "where it is, whatever the file says", set_state_dir },
        { 'i', "instance", "NAME", GROUP_ALL, "of ftwatchd@NAME, where there are several", set_instance },
        { 'j', "json", NULL, GROUP_ALL, "one JSON document", set_json },
        { 0, "color", "WHEN", GROUP_ALL, "auto, always or never", set_color },
        { 0, "utc", NULL, GROUP_ALL, "times in UTC, not in the local zone", set_utc },
        { 'h', "help", NULL, GROUP_ALL, "this, or with a verb its own", set_help },
        { 'V', "version", NULL, GROUP_ALL, "of this program and its libraries", set_version },
};

void ctl_options_done(CtlOptions *o) {
        o->statuses = strv_free(o->statuses);
}

void ctl_options_help(const Term *t, unsigned groups, bool common) {
        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                const CtlOption *o = &options[i];
                if (o->group == GROUP_ALL ? !common : !(groups & o->group))
                        continue;
                int pad = 16 - (int) strlen(o->name) - (o->argument ? 1 + (int) strlen(o->argument) : 0);
                if (o->letter)
                        term_printf(t, "  -%c, ", o->letter);
                else
                        term_pad(t, 6);
                term_printf(t, "--%s%s%s%*s  %s\n", o->name, o->argument ? "=" : "", strempty(o->argument),
                            MAX(pad, 0), "", o->help);
        }
}

/* --- parsing --------------------------------------------------------------------------------------- */

static int fail_unknown_option(const Ctl *c, const char *word) {
        const char *names[ARRAY_SIZE(options) + 1] = {};
        char name[64] = {};
        size_t size = MIN(strcspn(word, "="), sizeof name - 1);

        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                names[i] = options[i].name;
        memcpy(name, word, size);
        const char *nearest = nearest_string(name, names);
        if (nearest)
                return ctl_fail_usage(c, "unknown option '--%s'; did you mean '--%s'?", name, nearest);
        return ctl_fail_usage(c, "unknown option '--%s'; see ftwatchctl --help", name);
}

/* `*value` is what is glued to the option, NULL if nothing is; `*next` moves if the value is the next
 * word. */
static int apply(Ctl *c, const CtlOption *o, const char *value, char *argv[], int *next) {
        if (!o->argument && value)
                return ctl_fail_usage(c, "--%s takes no value", o->name);
        if (o->argument && !value) {
                value = argv[*next];
                if (!value)
                        return ctl_fail_usage(c, "--%s wants %s", o->name, o->argument);
                (*next)++;
        }
        c->options.given |= o->group;
        return o->set(c, value);
}

static int apply_long(Ctl *c, const char *word, char *argv[], int *next) {
        size_t size = strcspn(word, "=");

        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (strlen(options[i].name) == size && strncmp(options[i].name, word, size) == 0)
                        return apply(c, &options[i], word[size] ? word + size + 1 : NULL, argv, next);
        return fail_unknown_option(c, word);
}

/* "-n5", "-n 5", "-jh" */
static int apply_letters(Ctl *c, const char *word, char *argv[], int *next) {
        for (; *word; word++) {
                const CtlOption *o = NULL;
                for (size_t i = 0; i < ARRAY_SIZE(options) && !o; i++)
                        if (options[i].letter == *word)
                                o = &options[i];
                if (!o)
                        return ctl_fail_usage(c, "unknown option '-%c'; see ftwatchctl --help", *word);
                bool glued = o->argument && word[1];
                int status = apply(c, o, glued ? word + 1 : NULL, argv, next);
                if (status != CTL_OK || glued)
                        return status;
        }
        return CTL_OK;
}

int ctl_options_parse(Ctl *c, int argc, char *argv[], const char ***ret_words) {
        _cleanup_free_ const char **words = calloc((size_t) argc + 1, sizeof *words);
        size_t n_words = 0;
        bool only_words = false;

        if (!words)
                return ctl_fail_errno(c, -ENOMEM, "read the options");
        for (int i = 1; i < argc;) {
                const char *word = argv[i++];
                int status = CTL_OK;
                if (only_words || word[0] != '-' || !word[1])
                        words[n_words++] = word;
                else if (streq(word, "--"))
                        only_words = true;
                else if (word[1] == '-')
                        status = apply_long(c, word + 2, argv, &i);
                else
                        status = apply_letters(c, word + 1, argv, &i);
                if (status != CTL_OK)
                        return status;
        }
        *ret_words = TAKE_PTR(words);
        return CTL_OK;
}

int ctl_options_check(Ctl *c, const CtlVerb *verb) {
        unsigned foreign = c->options.given & ~verb->groups;

        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (foreign & options[i].group)
                        return ctl_fail_usage(c, "'%s' takes no --%s; see ftwatchctl help %s", verb->name,
                                              options[i].name, verb->name);
        return CTL_OK;
}
