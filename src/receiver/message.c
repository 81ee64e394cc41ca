#include "receiver/message.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/text.h"
#include "base/time.h"
#include "model/advice.h"
#include "model/outcome.h"
#include "receiver/message_fact.h"

#define DOT " \xc2\xb7 "                /* between the parts of a line */
#define DURATION_MAX_SEC (60 * 24 * 3600)

static int clean_into(char **ret, const char *s, size_t max_chars) {
        if (isempty(s))
                return 0;
        char *clean = text_clean(s, max_chars, false);
        if (!clean)
                return -ENOMEM;
        free(*ret);
        *ret = clean;
        return 0;
}

static bool url_is_usable(const char *url) {
        if (!url || !(startswith(url, "https://") || startswith(url, "http://")) || strlen(url) > 2000)
                return false;
        for (; *url; url++)
                if ((unsigned char)*url <= ' ' || (unsigned char)*url >= 0x7f ||
                    strchr("\"'<>\\`|^{}", *url))
                        return false;
        return true;
}

/* --- what happened ------------------------------------------------------------------------------- */

static const char *subject_of(const Notice *n) {
        if (n->job)
                return job_title(n->job);
        if (n->receiver)
                return n->receiver;
        return n->source ? n->source : "ftwatchd";
}

static bool event_is_error(const Event *e) {
        return e->level == EVENT_LEVEL_ERROR;
}

/* A reminder says so in its title. */
static const char *again_verb(NoticeType type) {
        static const struct {
                NoticeType type;
                const char *verb;
        } verbs[] = {
                { NOTICE_JOB_STALLED, "still shows no progress" },
                { NOTICE_JOB_WAITING, "still waits for its start" },
                { NOTICE_JOB_OVERDUE, "is still overdue" },
                { NOTICE_JOB_PAUSED, "is still paused" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
                if (verbs[i].type == type)
                        return verbs[i].verb;
        return notice_type_info(type)->verb;
}

/* It answers, and others may pass: "is failing" would be too much. */
static bool is_refusal(const char *reason) {
        Reason r = reason_from_string(reason);

        return r == REASON_BAD_REQUEST || r == REASON_TOO_LARGE;
}

static int add_title(Message *m, const Notice *n) {
        const char *subject = subject_of(n);
        _cleanup_free_ char *name = text_clean(subject, MESSAGE_TITLE_MAX / 2, false);
        _cleanup_free_ char *text = NULL;
        int r;

        if (!name)
                return -ENOMEM;
        if (n->type == NOTICE_JOB_STATUS_CHANGED && n->status)
                r = string_printf(&text, "%s is now \xe2\x80\x9c%s\xe2\x80\x9d", name, n->status);
        else if (n->type == NOTICE_JOB_METRIC && n->reason)
                r = string_printf(&text, "%s: %s", name, n->reason);
        else if (n->reminder > 0)
                r = string_printf(&text, "%s %s", name, again_verb(n->type));
        else if (n->type == NOTICE_JOB_EVENT && n->n_events > 0)
                r = string_printf(&text, "%s reports %s", name,
                                  event_is_error(n->events[n->n_events - 1]) ? "an error" : "a warning");
        else if (n->type == NOTICE_RECEIVER_FAILING && is_refusal(n->reason))
                r = string_printf(&text, "%s refuses messages", name);
        else
                r = string_printf(&text, "%s %s", name, m->info->verb);
        if (r >= 0 && n->test && n->type != NOTICE_TEST) {
                _cleanup_free_ char *real = TAKE_PTR(text);
                r = string_printf(&text, "Test: %s", real);
        }
        return r < 0 ? r : clean_into(&m->title, text, MESSAGE_TITLE_MAX);
}

/* --- to which job -------------------------------------------------------------------------------- */

static int add_metadata(Message *m, json_object *metadata) {
        _cleanup_(buf_done) Buf b = BUF_INIT(64 * 1024);

        if (!json_object_is_type(metadata, json_type_object))
                return 0;
        json_object_object_foreach(metadata, key, value) {
                if (!json_object_is_type(value, json_type_string))
                        continue;
                if (b.size > MESSAGE_VALUE_MAX * 4)
                        break;
                _cleanup_free_ char *k = text_clean(key, 64, false);
                _cleanup_free_ char *v = text_clean(json_object_get_string(value), MESSAGE_VALUE_MAX, false);
                if (!k || !v)
                        return -ENOMEM;
                (void) buf_printf(&b, "%s%s = %s", b.size > 0 ? ", " : "", k, v);
        }
        return b.error < 0 ? b.error
                           : facts_add(&m->about, "Metadata", buf_string(&b), MESSAGE_VALUE_MAX, FACT_PLAIN);
}

static int add_about(Message *m, const Notice *n) {
        const Job *j = n->job;
        bool has_suffix = j && !streq(job_title(j), j->id);
        bool unusual = j && j->method && !streq(j->method, "supervised");
        assert(m->title);
        bool untold = n->status && !strstr(m->title, n->status);        /* most titles say the status */
        bool changed = n->type == NOTICE_JOB_STATUS_CHANGED;
        const FactSource sources[] = {
                { "Job", j ? j->id : NULL, MESSAGE_VALUE_MAX, FACT_CODE },
                { "Suffix", has_suffix ? j->suffix : NULL, MESSAGE_TITLE_MAX, FACT_PLAIN },
                { "Base model", j ? j->model : NULL, MESSAGE_VALUE_MAX, FACT_CODE },
                { "Method", unusual ? j->method : NULL, MESSAGE_VALUE_MAX, FACT_PLAIN },
                { "Source", n->source, MESSAGE_VALUE_MAX, FACT_PLAIN },
                { "Receiver", n->receiver, MESSAGE_VALUE_MAX, FACT_PLAIN },
                { "Status", untold ? n->status : NULL, MESSAGE_VALUE_MAX, FACT_PLAIN },
                { "Previous status", changed ? n->previous_status : NULL, MESSAGE_VALUE_MAX, FACT_PLAIN },
        };

        int r = facts_add_all(&m->about, sources, ARRAY_SIZE(sources));
        return r < 0 || !j ? r : add_metadata(m, j->metadata);
}

/* --- what now ------------------------------------------------------------------------------------ */

static int add_events(Message *m, const Notice *n) {
        size_t skip = n->n_events > NOTICE_EVENTS_MAX ? n->n_events - NOTICE_EVENTS_MAX : 0;

        for (size_t i = skip; i < n->n_events; i++) {
                const Event *e = n->events[i];
                if (n->job && streq_null(e->message, n->job->error.message))
                        continue;       /* said already */
                MessageEvent *to = m->events + m->n_events++;
                char stamp[STAMP_MAX] = "";
                struct tm tm;
                time_t t = (time_t) e->created_at;
                if (t > 0 && localtime_r(&t, &tm) && strftime(stamp, sizeof stamp, "%H:%M:%S %Z", &tm) == 0)
                        stamp[0] = '\0';
                to->level = e->level;
                to->time = strdup(stamp);
                to->text = text_clean(e->message, MESSAGE_EVENT_MAX, false);
                if (!to->time || !to->text)
                        return -ENOMEM;
        }
        return 0;
}

static int add_act(Message *m, const Notice *n) {
        static const JobError no_error;
        const Job *j = n->job;
        bool ended_badly = n->type == NOTICE_JOB_FAILED || n->type == NOTICE_JOB_CANCELLED;
        const JobError *e = j && ended_badly ? &j->error : &no_error;   /* else it means nothing */
        bool untold = n->type != NOTICE_JOB_METRIC;                     /* its title says it */
        const FactSource sources[] = {
                { "Fine-tuned model", j ? j->fine_tuned_model : NULL, MESSAGE_VALUE_MAX, FACT_CODE },
                { "Checkpoint model", n->checkpoint ? n->checkpoint->model : NULL, MESSAGE_VALUE_MAX,
                  FACT_CODE },
                { "Error", e->message, MESSAGE_TEXT_MAX, FACT_TEXT },
                { "Error code", e->code, MESSAGE_VALUE_MAX, FACT_CODE },
                { "Parameter", e->param, MESSAGE_VALUE_MAX, FACT_CODE },
                { "Reason", untold ? n->reason : NULL, MESSAGE_VALUE_MAX, FACT_PLAIN },
        };

        int r = clean_into(&m->detail, n->detail, MESSAGE_TEXT_MAX);
        r = r < 0 ? r : clean_into(&m->advice, advice_for_notice(n), MESSAGE_TEXT_MAX);
        r = r < 0 ? r : facts_add_all(&m->act, sources, ARRAY_SIZE(sources));
        /* An event that is the news is a sentence of its own. */
        if (r >= 0 && n->type == NOTICE_JOB_EVENT && !m->detail && n->n_events > 0)
                return clean_into(&m->detail, n->events[n->n_events - 1]->message, MESSAGE_TEXT_MAX);
        m->events_last = m->tone != TONE_BAD;
        return r < 0 || n->type == NOTICE_JOB_EVENT ? r : add_events(m, n);
}

/* --- how it went --------------------------------------------------------------------------------- */

/* "3 (batch size 4, learning rate x 0.1)"; -1 and "auto" say nothing. */
static int add_epochs(Message *m, json_object *hyper) {
        static const struct {
                const char *key, *label;
        } extras[] = { { "batch_size", "batch size" },
                       { "learning_rate_multiplier", "learning rate \xc3\x97" } };
        _cleanup_(buf_done) Buf b = BUF_INIT(256);
        char number[NUMBER_MAX];
        size_t n_extras = 0;
        double v;

        if (!json_to_double(json_member(hyper, "n_epochs"), &v) || v <= 0)
                return 0;
        (void) buf_puts(&b, format_number(v, number));
        for (size_t i = 0; i < ARRAY_SIZE(extras); i++)
                if (json_to_double(json_member(hyper, extras[i].key), &v) && v > 0)
                        (void) buf_printf(&b, "%s%s %s", n_extras++ > 0 ? ", " : " (", extras[i].label,
                                          format_number(v, number));
        if (n_extras > 0)
                (void) buf_putc(&b, ')');
        return b.error < 0 ? b.error
                           : facts_add(&m->went, "Epochs", buf_string(&b), MESSAGE_VALUE_MAX, FACT_PLAIN);
}

/* Most failed and cancelled jobs carry no finished_at: then it is from creation to the last event, both by
 * the server's clock. When it was noticed says nothing: that may be days later. */
static int64_t duration_of(const Notice *n, bool *ret_about) {
        int64_t duration = job_duration_sec(n->job);

        *ret_about = false;
        if (duration >= 0 || !n->status || !status_is_terminal(n->status) || n->job->created_at <= 0 ||
            n->n_events == 0)
                return duration;
        duration = n->events[n->n_events - 1]->created_at - n->job->created_at;
        *ret_about = true;
        return duration >= 0 && duration <= DURATION_MAX_SEC ? duration : -1;
}

static int add_went(Message *m, const Notice *n) {
        char stamp[STAMP_MAX], span[SPAN_MAX], count[COUNT_MAX];
        bool about;
        int r = 0;

        if (n->blind_sec > 0)
                r = facts_addf(&m->went, "Lasted", "%s",
                               format_span((usec_t) n->blind_sec * USEC_PER_SEC, span));
        if (r < 0 || !n->job)
                return r;
        int64_t duration = duration_of(n, &about);
        if (n->job->created_at > 0)
                r = facts_addf(&m->went, "Created", "%s",
                               format_stamp((usec_t) n->job->created_at * USEC_PER_SEC, stamp));
        if (r >= 0 && duration >= 0)
                r = facts_addf(&m->went, "Duration", "%s%s", about ? "about " : "",
                               format_span((usec_t) duration * USEC_PER_SEC, span));
        if (r >= 0 && n->job->trained_tokens >= 0)
                r = facts_addf(&m->went, "Trained tokens", "%s",
                               format_count(n->job->trained_tokens, count));
        r = r < 0 ? r : add_epochs(m, n->job->hyperparameters);
        return r < 0 ? r : message_add_metrics(m, n->metrics);
}

/* --- all of it in one line ----------------------------------------------------------------------- */

static const char *fact_value(const MessageFacts *f, const char *name) {
        for (size_t i = 0; i < f->n; i++)
                if (streq(f->list[i].name, name))
                        return f->list[i].value;
        return NULL;
}

static int add_brief(Message *m, const Notice *n) {
        _cleanup_(buf_done) Buf b = BUF_INIT(64 * 1024);
        const char *duration = fact_value(&m->went, n->job ? "Duration" : "Lasted");
        const char *error = fact_value(&m->act, "Error");
        const char *model = fact_value(&m->act, n->checkpoint ? "Checkpoint model" : "Fine-tuned model");
        const char *why = error ? error : m->detail;
        /* That a job was created says nothing of how it went, even if it is over already. */
        bool went = n->type != NOTICE_JOB_CREATED;

        (void) buf_puts(&b, m->title);
        if (duration && went && n->type != NOTICE_JOB_RESULTS)
                (void) buf_printf(&b, " after %s", duration);
        if (why)
                (void) buf_printf(&b, ": %s", why);
        if (model && went)
                (void) buf_printf(&b, DOT "%s", model);
        if (m->n_curves > 0 && went && n->type != NOTICE_JOB_METRIC) {
                char first[NUMBER_MAX], last[NUMBER_MAX];
                (void) buf_printf(&b, DOT "%s %s \xe2\x86\x92 %s", m->curves[0].name,
                                  format_number(m->curves[0].summary.first.value, first),
                                  format_number(m->curves[0].summary.last.value, last));
        }
        if (n->source && n->job)
                (void) buf_printf(&b, DOT "%s", n->source);
        return b.error < 0 ? b.error : clean_into(&m->brief, buf_string(&b), 2 * MESSAGE_VALUE_MAX);
}

static int add_footer(Message *m, const Notice *n) {
        char stamp[STAMP_MAX];

        return string_printf(&m->footer, "ftwatchd" DOT "%s" DOT "%s", format_stamp(n->created_usec, stamp),
                             n->id);
}

int message_new(const Notice *n, Message **ret) {
        _cleanup_(message_freep) Message *m = calloc(1, sizeof *m);
        int (*const steps[])(Message *, const Notice *) = {
                add_title, add_about, add_act, add_went, add_brief, add_footer,
        };

        if (!m)
                return -ENOMEM;
        m->info = notice_type_info(n->type);
        m->tone = m->info->tone;
        m->url = url_is_usable(n->url) ? n->url : NULL;
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                int r = steps[i](m, n);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(m);
        return 0;
}

Message *message_free(Message *m) {
        if (!m)
                return NULL;
        facts_done(&m->about);
        facts_done(&m->act);
        facts_done(&m->went);
        for (size_t i = 0; i < m->n_events; i++) {
                free(m->events[i].time);
                free(m->events[i].text);
        }
        for (size_t i = 0; i < m->n_curves; i++) {
                free(m->curves[i].name);
                free(m->curves[i].points);
                free(m->curves[i].sparkline);
        }
        free(m->title);
        free(m->brief);
        free(m->detail);
        free(m->advice);
        free(m->footer);
        free(m);
        return NULL;
}
