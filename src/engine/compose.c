#include "engine/compose.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/strings.h"
#include "engine/engine_internal.h"
#include "model/advice.h"
#include "receiver/message.h"
#include "store/outbox.h"

#define URL_MAX 2000U

/* The source's link template with its {placeholders} filled in; none, no link. */
static int compose_url(const Source *s, const Job *job, char **ret) {
        const struct {
                const char *name, *value;
        } fields[] = {
                { "{job_id}", job->id },
                { "{model}", strempty(job->model) },
                { "{source}", s->settings->name },
        };
        _cleanup_(buf_done) Buf url = BUF_INIT(URL_MAX);
        const char *p = s->settings->job_url;

        if (!p)
                return 0;
        while (*p) {
                size_t i;
                for (i = 0; i < ARRAY_SIZE(fields); i++)
                        if (startswith(p, fields[i].name))
                                break;
                if (i == ARRAY_SIZE(fields)) {
                        (void) buf_putc(&url, *p++);
                        continue;
                }
                _cleanup_free_ char *escaped = NULL;
                int r = http_escape(fields[i].value, &escaped);
                if (r < 0)
                        return r;
                (void) buf_puts(&url, escaped);
                p += strlen(fields[i].name);
        }
        int r = buf_take(&url, ret);
        return r == -EFBIG ? 0 : r;             /* a link too long is left out, not cut */
}

static int compose_new(NoticeType type, usec_t now_real_usec, Notice **ret) {
        Notice *n = calloc(1, sizeof *n);

        if (!n)
                return -ENOMEM;
        n->type = type;
        n->created_usec = now_real_usec;
        *ret = n;
        return 0;
}

static int compose_job(const Source *s, const Job *job, NoticeType type, usec_t now_real_usec,
                       Notice **ret) {
        _cleanup_(notice_freep) Notice *n = NULL;

        int r = compose_new(type, now_real_usec, &n);
        if (r >= 0)
                r = free_and_strdup(&n->source, s->settings->name);
        if (r >= 0)
                r = free_and_strdup(&n->status, status_canonical(job->status));
        if (r >= 0)
                r = job_copy(job, &n->job);
        if (r >= 0)
                r = compose_url(s, job, &n->url);
        if (r >= 0)
                *ret = TAKE_PTR(n);
        return r;
}

int compose_transition(const Source *s, const Job *job, const Transition *t, unsigned n_entered,
                       usec_t now_real_usec, Notice **ret) {
        _cleanup_(notice_freep) Notice *n = NULL;
        _cleanup_free_ char *unique = NULL;

        int r = compose_job(s, job, t->type, now_real_usec, &n);
        if (r >= 0)
                r = free_and_strdup(&n->status, t->status);
        if (r >= 0)
                r = free_and_strdup(&n->previous_status, t->previous);
        if (r >= 0)
                r = t->type == NOTICE_JOB_CREATED ? string_printf(&unique, "created") :
                    string_printf(&unique, "%s#%u", t->status, n_entered);
        if (r >= 0)
                r = notice_id_make(s->settings->endpoint, job->id, t->type, unique, n->id);
        if (r >= 0)
                *ret = TAKE_PTR(n);
        return r;
}

int compose_event(const Source *s, const Job *job, const Event *event,
                  const uint8_t key[static EVENT_KEY_SIZE], usec_t now_real_usec, Notice **ret) {
        _cleanup_(notice_freep) Notice *n = NULL;
        char unique[2 * EVENT_KEY_SIZE + 1];

        for (size_t i = 0; i < EVENT_KEY_SIZE; i++)
                (void) snprintf(unique + 2 * i, 3, "%02x", key[i]);
        int r = compose_job(s, job, NOTICE_JOB_EVENT, now_real_usec, &n);
        if (r >= 0)
                r = free_and_strdup(&n->detail, event->message);
        if (r >= 0)
                r = free_and_strdup(&n->reason, event_level_to_string(event->level));
        if (r >= 0)
                r = notice_id_make(s->settings->endpoint, job->id, NOTICE_JOB_EVENT, unique, n->id);
        if (r >= 0)
                *ret = TAKE_PTR(n);
        return r;
}

int compose_unique(const Source *s, const Job *job, NoticeType type, const char *unique,
                   usec_t now_real_usec, Notice **ret) {
        _cleanup_(notice_freep) Notice *n = NULL;

        int r = compose_job(s, job, type, now_real_usec, &n);
        if (r >= 0)
                r = notice_id_make(s->settings->endpoint, job->id, type, unique, n->id);
        if (r >= 0)
                *ret = TAKE_PTR(n);
        return r;
}

int compose_once(const Source *s, const Job *job, NoticeType type, usec_t now_real_usec, Notice **ret) {
        return compose_unique(s, job, type, "1", now_real_usec, ret);
}

/* What source.* and receiver.* share. `recovered` is the type for the end of the trouble. */
static int compose_trouble(const Trouble *t, TroubleNews news, NoticeType recovered, const char *endpoint,
                           const char *subject, const char *detail, usec_t blind_usec, usec_t now_real_usec,
                           Notice **ret) {
        _cleanup_(notice_freep) Notice *n = NULL;
        bool over = news == TROUBLE_RECOVERED;
        char unique[64];

        int r = compose_new(over ? recovered : t->told_type, now_real_usec, &n);
        if (r >= 0 && !over)
                r = free_and_strdup(&n->reason, reason_to_string(t->reason));
        if (r >= 0 && !over)
                r = free_and_strdup(&n->advice, advice_find(n->type, t->reason, detail));
        if (r >= 0 && !isempty(detail))
                r = free_and_strdup(&n->detail, detail);
        if (r < 0)
                return r;
        if (over)
                n->blind_sec = (int64_t) (blind_usec / USEC_PER_SEC);
        (void) snprintf(unique, sizeof unique, "%" PRIu64, over ? now_real_usec : t->told_usec);
        r = notice_id_make(endpoint, subject, n->type, unique, n->id);
        if (r >= 0)
                *ret = TAKE_PTR(n);
        return r;
}

int compose_source(const Source *s, const Trouble *t, TroubleNews news, const char *detail,
                   usec_t blind_usec, usec_t now_real_usec, Notice **ret) {
        _cleanup_(notice_freep) Notice *n = NULL;

        /* By its name: several accounts at one endpoint may fail in the same microsecond. */
        int r = compose_trouble(t, news, NOTICE_SOURCE_RECOVERED, s->settings->endpoint, s->settings->name,
                                detail, blind_usec, now_real_usec, &n);
        if (r >= 0)
                r = free_and_strdup(&n->source, s->settings->name);
        if (r >= 0)
                *ret = TAKE_PTR(n);
        return r;
}

int compose_receiver(const char *receiver, const Trouble *t, TroubleNews news, const char *detail,
                     usec_t blind_usec, usec_t now_real_usec, Notice **ret) {
        _cleanup_(notice_freep) Notice *n = NULL;

        int r = compose_trouble(t, news, NOTICE_RECEIVER_RECOVERED, "", receiver, detail, blind_usec,
                                now_real_usec, &n);
        if (r >= 0)
                r = free_and_strdup(&n->receiver, receiver);
        if (r >= 0)
                *ret = TAKE_PTR(n);
        return r;
}

int compose_details(Store *store, int64_t job_row, Notice *n) {
        _cleanup_(stored_job_freep) StoredJob *stored = NULL;
        _cleanup_(metrics_freep) Metrics *metrics = NULL;
        Event **events = NULL;
        size_t n_events = 0;

        int r = store_job_load_by_id(store, job_row, &stored);
        if (r > 0)
                r = store_metrics_load(store, job_row, &metrics);
        if (r >= 0)
                r = store_events_tail(store, job_row, NOTICE_EVENTS_MAX, &events, &n_events);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n->n_events; i++)
                event_free(n->events[i]);
        free(n->events);
        n->events = events;
        n->n_events = n_events;
        metrics_free(n->metrics);
        n->metrics = metrics && !metrics_is_empty(metrics) ? TAKE_PTR(metrics) : NULL;
        if (stored) {
                job_free(n->job);
                n->job = TAKE_PTR(stored->job);
        }
        return 0;
}

int compose_complete(Store *store, int64_t notice, int64_t job_row, usec_t now_real_usec) {
        _cleanup_(notice_freep) Notice *n = NULL;

        int r = store_notice_waits(store, notice);
        if (r > 0)
                r = store_notice_load(store, notice, &n);
        if (r > 0)
                r = compose_details(store, job_row, n);
        return r < 0 || !n ? r : store_notice_complete(store, notice, n, now_real_usec);
}

int compose_line(const Notice *n, char **ret) {
        _cleanup_(message_freep) Message *m = NULL;

        int r = message_new(n, &m);
        if (r < 0)
                return r;
        if (n->advice)
                return string_printf(ret, "%s. %s", m->brief, n->advice);
        *ret = TAKE_PTR(m->brief);
        return 0;
}
