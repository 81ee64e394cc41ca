/* The checks run one after another: what the list shows decides what the others ask for. When the list is
 * not where it was looked for, the other dialects that the host may have are tried, with the same credential
 * and on the same host. */
#include "engine/probe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/dialect.h"
#include "api/endpoint.h"
#include "api/page.h"
#include "api/results.h"
#include "base/json.h"
#include "base/strings.h"
#include "engine/engine_internal.h"
#include "model/advice.h"
#include "model/trouble.h"

#define PROBE_CONNECTIONS 4U            /* one request at a time: it never waits */
#define LIST_LIMIT 20U /* what every server gives by default: enough to find a finished job */
#define CLOCK_SKEW_MAX 300              /* seconds: what Standard Webhooks tolerates */

struct Probe {
        Engine engine;                  /* as much of one as a request needs */
        Source source;
        SourceSettings trial;           /* borrows everything from the settings but dialect and version */
        Source trial_source;
        size_t n_trials;
        SourceCall *call;
        sd_event_source *deadline;      /* NULL: none */
        usec_t limit_usec;
        ProbeCheck check;               /* under way */
        usec_t asked_usec;              /* boottime */
        char *job_id, *file_id;         /* to be looked at; NULL: none was seen */
        int64_t date;                   /* of a reply, 0 unknown */
        usec_t date_usec;               /* realtime when it came */
        ProbeReport report;
        probe_done_t done;
        void *userdata;
};

static void ask_next(Probe *p);

static ProbeFinding *finding(Probe *p) {
        return &p->report.findings[p->check];
}

_printf_(2, 3)
static void say(char **to, const char *format, ...) {
        va_list ap;
        char *s = NULL;

        va_start(ap, format);
        int n = vasprintf(&s, format, ap);
        va_end(ap);
        if (n < 0)                      /* a line less; the verdict stands */
                return;
        free(*to);
        *to = s;
}

static void conclude(Probe *p, const Outcome *o) {
        ProbeFinding *f = finding(p);
        uint64_t after;

        f->outcome = *o;
        f->took_usec = usec_sub(engine_now(&p->engine).boot_usec, p->asked_usec);
        if (o->kind == OUTCOME_OK) {
                f->verdict = PROBE_OK;
                return;
        }
        const char *advice = advice_find(trouble_type_for_source(o->reason, &after), o->reason, o->detail);
        f->verdict = PROBE_FAILED;
        say(&f->words, "%s", *o->detail ? o->detail : reason_to_string(o->reason));
        if (advice)
                say(&f->advice, "%s", advice);
}

static void conclude_bad_reply(Probe *p, const char *why) {
        Outcome o = outcome_make(OUTCOME_RETRY, REASON_BAD_REPLY, 200, why);

        conclude(p, &o);
}

static void skip(Probe *p, const char *why) {
        ProbeFinding *f = finding(p);

        f->verdict = PROBE_SKIPPED;
        free(f->advice);
        f->advice = NULL;
        if (why)
                say(&f->words, "%s", why);
}

/* --- what the replies hold ----------------------------------------------------------------------------- */

/* -EBADMSG when the row is none. */
static int parse_job(const char *text, size_t size, Job **ret) {
        _cleanup_json_ json_object *o = NULL;

        int r = json_parse_bounded(text, size, &o, NULL);
        return r < 0 ? r : job_from_json(o, ret);
}

/* The first finished job that has results, else the newest. */
static int choose_job(Probe *p, const Job *j) {
        bool has_results = j->result_file && status_is_terminal(j->status);

        if (p->file_id || (p->job_id && !has_results))
                return 0;
        int r = free_and_strdup(&p->job_id, j->id);
        return r >= 0 && has_results ? free_and_strdup(&p->file_id, j->result_file) : r;
}

static void read_list(Probe *p, HttpReply *reply) {
        _cleanup_(page_done) Page page = {};
        const char *reason = "out of memory";

        if (page_read(&reply->body, NULL, &page, &reason) < 0) {
                conclude_bad_reply(p, reason);
                return;
        }
        for (size_t i = 0; i < page.n_rows; i++) {
                _cleanup_(job_freep) Job *j = NULL;
                int r = parse_job(page_row_text(&page, i), page.rows[i].size, &j);
                if (r >= 0)
                        r = choose_job(p, j);
                if (r < 0) {
                        conclude_bad_reply(p, "a row of the list is no job");
                        return;
                }
                if (i == 0)
                        say(&finding(p)->words, "%zu%s, the first one %s (%s)", page.n_rows,
                            page.has_more ? " jobs on the first page" : page.n_rows == 1 ? " job" : " jobs",
                            j->id, j->status);
        }
        if (page.n_rows == 0)
                say(&finding(p)->words, "no jobs yet");
}

static void read_job(Probe *p, HttpReply *reply) {
        _cleanup_(job_freep) Job *j = NULL;

        if (parse_job(buf_string(&reply->body), reply->body.size, &j) < 0)
                conclude_bad_reply(p, "the reply is no job");
        else
                say(&finding(p)->words, "%s: %s", j->id, j->status);
}

static void read_page(Probe *p, HttpReply *reply) {
        _cleanup_(page_done) Page page = {};
        const char *reason = "out of memory";

        if (page_read(&reply->body, NULL, &page, &reason) < 0)
                conclude_bad_reply(p, reason);
        else if (page.n_rows == 0)
                say(&finding(p)->words, "none yet");
        else
                say(&finding(p)->words, "%zu%s", page.n_rows, page.has_more ? " on the first page" : "");
}

static void read_results(Probe *p, HttpReply *reply) {
        _cleanup_(metrics_freep) Metrics *m = NULL;

        if (results_read(buf_string(&reply->body), reply->body.size, &m) < 0)
                conclude_bad_reply(p, "the result file is no CSV with a column step");
        else
                say(&finding(p)->words, "%zu series, the last step is %" PRId64, m->n_series,
                    metrics_last_step(m));
}

/* --- the checks ---------------------------------------------------------------------------------------- */

static const struct {
        DialectPath path;
        bool of_file;                   /* asks for the file, else for the job */
        unsigned limit;
        void (*read)(Probe *p, HttpReply *reply);
} checks[] = {
        [PROBE_LIST] = { DIALECT_LIST_JOBS, false, LIST_LIMIT, read_list },
        [PROBE_JOB] = { DIALECT_JOB, false, 0, read_job },
        [PROBE_EVENTS] = { DIALECT_EVENTS, false, LIST_LIMIT, read_page },
        [PROBE_CHECKPOINTS] = { DIALECT_CHECKPOINTS, false, LIST_LIMIT, read_page },
        [PROBE_RESULTS] = { DIALECT_FILE_CONTENT, true, 0, read_results },
        [PROBE_CLOCK] = { _DIALECT_PATH_MAX, false, 0, NULL },
};
_Static_assert(ARRAY_SIZE(checks) == _PROBE_CHECK_MAX, "every check has its row");

static void check_clock(Probe *p) {
        ProbeFinding *f = finding(p);
        char span[SPAN_MAX];

        if (p->date <= 0) {
                skip(p, NULL);
                return;
        }
        int64_t skew = (int64_t) (p->date_usec / USEC_PER_SEC) - p->date;
        f->verdict = llabs(skew) > CLOCK_SKEW_MAX ? PROBE_FAILED : PROBE_OK;
        if (f->verdict == PROBE_OK) {
                say(&f->words, "agrees with the server's");
                return;
        }
        usec_t minutes = ((usec_t) llabs(skew) + 30) / 60 * USEC_PER_MINUTE;
        say(&f->words, "this machine is %s %s the server", format_span(minutes, span),
            skew > 0 ? "ahead of" : "behind");
        say(&f->advice,
            "Set the clock (timedatectl set-ntp true): certificates, tokens and the signatures of "
            "webhooks are refused when it is wrong.");
}

static void finish(Probe *p) {
        p->report.works = true;
        for (ProbeCheck c = 0; c < _PROBE_CHECK_MAX; c++)
                p->report.works = p->report.works && p->report.findings[c].verdict != PROBE_FAILED;
        p->deadline = sd_event_source_disable_unref(p->deadline);
        p->done(&p->report, p->userdata);
}

/* What a server may lack, or not have yet, is no failure. */
static bool may_be_absent(const Probe *p, const Outcome *o) {
        return (p->check == PROBE_CHECKPOINTS && o->status == 404) ||
               (p->check == PROBE_RESULTS && o->reason == REASON_NOT_FOUND);
}

static bool try_other(Probe *p);

static void say_nothing_answers(Probe *p) {
        say(&finding(p)->advice,
            "Check host and path of the endpoint: this API is not there, in no dialect and "
            "with no other api_version.");
}

static void on_reply(const Outcome *o, HttpReply *reply, void *userdata) {
        Probe *p = userdata;

        p->call = NULL;
        if (reply && reply->date > 0) {
                p->date = reply->date;
                p->date_usec = engine_now(&p->engine).real_usec;
        }
        conclude(p, o);
        if (may_be_absent(p, o))
                skip(p, p->check == PROBE_RESULTS ? "not there yet" : "the server has none");
        else if (o->kind == OUTCOME_OK)
                checks[p->check].read(p, reply);
        if (p->check == PROBE_LIST && finding(p)->outcome.reason == REASON_MISCONFIGURED) {
                if (try_other(p))
                        return;
                say_nothing_answers(p);
        }
        p->check++;
        ask_next(p);
}

static void ask_next(Probe *p) {
        bool list_failed = p->report.findings[PROBE_LIST].verdict == PROBE_FAILED;

        for (; p->check < PROBE_CLOCK; p->check++) {
                const char *id = checks[p->check].of_file ? p->file_id : p->job_id;
                if (p->check != PROBE_LIST && (list_failed || !id)) {
                        skip(p, list_failed ? NULL :
                                p->job_id ? "no finished job to look at" : "no job to look at");
                        continue;
                }
                p->asked_usec = engine_now(&p->engine).boot_usec;
                int r = source_get(&p->source, checks[p->check].path, id, NULL, checks[p->check].limit,
                                   on_reply, p, &p->call);
                if (r >= 0)
                        return;
                Outcome o = outcome_make(OUTCOME_RETRY, REASON_INTERNAL, 0, strerror(-r));
                conclude(p, &o);
        }
        check_clock(p);
        finish(p);
}

/* --- other dialects ------------------------------------------------------------------------------------ */

static bool host_may_have(const SourceSettings *s, const Dialect *d) {
        _cleanup_(endpoint_done) Endpoint e = {};
        _cleanup_free_ char *message = NULL;
        const char *what;

        if (endpoint_parse(s->endpoint, &(EndpointShape) {}, &e, &message) < 0)
                return false;
        HostClass class = host_classify(&e, &what);
        return (class == HOST_OTHER || class == d->host) && (!d->path_keep || strstr(e.path, d->path_keep));
}

static void on_trial(const Outcome *o, _unused_ HttpReply *reply, void *userdata) {
        Probe *p = userdata;
        const SourceSettings *s = p->report.settings, *t = &p->trial;

        p->call = NULL;
        if (o->kind != OUTCOME_OK && try_other(p))
                return;
        if (o->kind == OUTCOME_OK && t->dialect != s->dialect)
                say(&finding(p)->advice,
                    "The server answers to the dialect %s: set dialect = \"%s\", and leave api_version out.",
                    t->dialect->name, t->dialect->name);
        else if (o->kind == OUTCOME_OK)
                say(&finding(p)->advice, "The server takes api_version %s: leave api_version out.",
                    t->api_version);
        else
                say_nothing_answers(p);
        p->check++;
        ask_next(p);
}

/* Asks the next one that there is; false when all were. */
static bool try_other(Probe *p) {
        const SourceSettings *s = p->report.settings;
        const char *const *names = dialect_names();

        while (names[p->n_trials]) {
                const Dialect *d = dialect_find(names[p->n_trials++]);
                char *version = (char *) d->api_version;        /* borrowed, never freed */
                if ((d == s->dialect && streq_null(version, s->api_version)) || !host_may_have(s, d))
                        continue;
                p->trial = *s;
                p->trial.dialect = d;
                p->trial.api_version = version;
                if (source_get(&p->trial_source, DIALECT_LIST_JOBS, NULL, NULL, 1, on_trial, p, &p->call) >=
                    0)
                        return true;
        }
        return false;
}

/* --- beginning and end --------------------------------------------------------------------------------- */

/* What the other dialects would have said stays open; the list itself was answered. */
static int on_deadline(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        Probe *p = userdata;
        char span[SPAN_MAX], words[SPAN_MAX + sizeof "not answered within  of the whole probe"];

        p->call = source_cancel(p->call);
        if (p->n_trials == 0) {
                (void) snprintf(words, sizeof words, "not answered within %s of the whole probe",
                                format_span(p->limit_usec, span));
                Outcome o = outcome_make(OUTCOME_RETRY, REASON_TIMEOUT, 0, words);
                conclude(p, &o);
        }
        for (p->check++; p->check < PROBE_CLOCK; p->check++)
                skip(p, NULL);
        check_clock(p);
        finish(p);
        return 0;
}

static int set_deadline(Probe *p, sd_event *event, usec_t limit_usec) {
        p->limit_usec = limit_usec;
        return limit_usec == 0 ? 0 : sd_event_add_time_relative(event, &p->deadline, CLOCK_BOOTTIME,
                                                                limit_usec, 0, on_deadline, p);
}

int probe_new(Probe **ret, const SourceSettings *settings, sd_event *event, Http *http, usec_t limit_usec,
              probe_done_t done, void *userdata) {
        _cleanup_(probe_freep) Probe *p = calloc(1, sizeof *p);

        if (!p)
                return -ENOMEM;
        p->engine.ports = (EnginePorts) { .event = event, .http = http };
        p->source = (Source) { .engine = &p->engine, .settings = settings };
        p->trial_source = (Source) { .engine = &p->engine, .settings = &p->trial };
        p->report.settings = settings;
        p->done = done;
        p->userdata = userdata;
        p->asked_usec = engine_now(&p->engine).boot_usec;
        int r = gate_new(&p->engine.gate, event, PROBE_CONNECTIONS, 0);
        if (r >= 0 && !source_settings_key(settings))
                r = token_attach(&p->engine, settings, &p->source.token);
        p->trial_source.token = p->source.token;
        if (r >= 0)
                r = set_deadline(p, event, limit_usec);
        if (r >= 0)
                r = source_get(&p->source, DIALECT_LIST_JOBS, NULL, NULL, LIST_LIMIT, on_reply, p, &p->call);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

Probe *probe_free(Probe *p) {
        if (!p)
                return NULL;
        p->call = source_cancel(p->call);
        sd_event_source_disable_unref(p->deadline);
        tokens_free(&p->engine);
        for (ProbeCheck c = 0; c < _PROBE_CHECK_MAX; c++) {
                free(p->report.findings[c].words);
                free(p->report.findings[c].advice);
        }
        free(p->job_id);
        free(p->file_id);
        gate_free(p->engine.gate);
        free(p);
        return NULL;
}
