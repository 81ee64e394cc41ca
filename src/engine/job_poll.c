#include "engine/job_poll.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "api/reply.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"
#include "engine/checkpoints.h"
#include "engine/engine_internal.h"
#include "engine/ingest.h"
#include "engine/poller.h"
#include "engine/watch.h"

/* Few are expected, and below them enough to be sure of known ground; else it is followed by large pages. */
#define EVENTS_FIRST_PAGE (2 * WALK_GROUND_ITEMS)
#define EVENTS_NEXT_PAGE 100U
#define CHECKPOINTS_PAGE 100U           /* servers keep a few */
#define EVENT_PAGES_MAX 50U             /* a poll; what lies below is walked in the next one */
#define REQUESTS_FOR_LATE_EVENTS 2U /* looking for late events below known ones is worth one more request   \
                                     */
#define MISSING_MAX 2U                  /* polls in a row in which the server says "no such job" */

static void ask_events(JobPoll *p);

void job_poll_free(JobPoll *p) {
        p->call = source_cancel(p->call);
        free(p->job_id);
        free(p);
}

static void job_poll_end(JobPoll *p, const Outcome *outcome) {
        poller_job_done(p, outcome);
}

static void job_poll_ok(JobPoll *p) {
        Outcome ok = outcome_ok();

        job_poll_end(p, &ok);
}

static void job_poll_internal(JobPoll *p, int error) {
        Outcome failed = engine_outcome(p->source->engine, error);

        job_poll_end(p, &failed);
}

static void ask(JobPoll *p, DialectPath what, const char *after, unsigned limit, source_done_t done) {
        p->n_requests++;
        int r = source_get(p->source, what, p->job_id, after, limit, done, p, &p->call);
        if (r < 0)
                job_poll_internal(p, r);
}

static void on_checkpoints(const Outcome *result, HttpReply *reply, void *userdata) {
        JobPoll *p = userdata;

        p->call = NULL;
        Watch *w = watch_find(p->source, p->job_id);
        if (!w) {
                job_poll_ok(p);
                return;
        }
        Outcome outcome = checkpoints_take(p->source, w->row, w, result, reply);
        job_poll_end(p, &outcome);
}

static void job_poll_checkpoints(JobPoll *p, Watch *w) {
        if (checkpoints_are_wanted(p->source, w))
                ask(p, DIALECT_CHECKPOINTS, NULL, CHECKPOINTS_PAGE, on_checkpoints);
        else
                job_poll_ok(p);
}

/* All its events were seen, or it has none to be seen. */
static void job_poll_seen(JobPoll *p, Watch *w, bool have_events) {
        int r = watch_look(p->source, w, have_events);

        if (r < 0)
                job_poll_internal(p, r);
        else
                job_poll_checkpoints(p, w);
}

/* --- the job ----------------------------------------------------------------------------------------- */

/* One "no such job" may be a replica that lags. */
static void job_is_missing(JobPoll *p, Watch *w) {
        if (++w->n_missing < MISSING_MAX) {
                job_poll_ok(p);
                return;
        }
        int r = ingest_removal(p->source, w);
        if (r < 0)
                job_poll_internal(p, r);
        else
                job_poll_ok(p);
}

static void on_job(const Outcome *result, HttpReply *reply, void *userdata) {
        JobPoll *p = userdata;
        _cleanup_json_ json_object *o = NULL;
        const char *reason = "not the job that was asked for";
        Job *job = NULL;

        p->call = NULL;
        Watch *w = watch_find(p->source, p->job_id);
        Outcome outcome = *result;
        if (!w) {
                job_poll_ok(p);
                return;
        }
        if (outcome.reason == REASON_NOT_FOUND) {
                job_is_missing(p, w);
                return;
        }
        w->n_missing = 0;
        if (outcome.kind == OUTCOME_OK &&
            (json_parse_bounded(buf_string(&reply->body), reply->body.size, &o, &reason) < 0 ||
             job_from_json(o, &job) < 0 || !streq(job->id, p->job_id))) {
                job_free(job);
                outcome = outcome_make(OUTCOME_RETRY, REASON_BAD_REPLY, reply->status, reason);
        }
        if (outcome.kind != OUTCOME_OK) {
                job_poll_end(p, &outcome);
                return;
        }
        int r = ingest_job(p->source, job);
        if (r < 0)
                job_poll_internal(p, r);
        else if (!watch_find(p->source, p->job_id))
                job_poll_ok(p);                         /* finished: its tail reads the events */
        else
                ask_events(p);
}

/* --- its events -------------------------------------------------------------------------------------- */

/* The cursor's event may be gone: from the top again, once, over the same ground. */
static bool cursor_was_refused(const JobPoll *p, const Watch *w, const Outcome *o) {
        return w->events_walk.after && !p->restarted && api_outcome_refuses_cursor(o);
}

static void take_events(JobPoll *p, Watch *w, HttpReply *reply) {
        _cleanup_(page_done) Page page = {};
        const char *reason = NULL;
        RowInfo *infos = NULL;
        bool is_top = !w->events_walk.after;
        const RowCache *cache = is_top && p->trusted ? &w->events : NULL;

        int r = page_read(&reply->body, cache ? &cache->page : NULL, &page, &reason);
        if (r >= 0)
                r = ingest_event_page(p->source, w, &page, cache, p->n_requests < REQUESTS_FOR_LATE_EVENTS,
                                      &infos, &reason);
        if (r == -EBADMSG) {
                Outcome bad = outcome_make(OUTCOME_RETRY, REASON_BAD_REPLY, reply->status, reason);
                job_poll_end(p, &bad);
                return;
        }
        if (r < 0) {
                job_poll_internal(p, r);
                return;
        }
        if (!infos) {                                   /* it waits; its walk ends with it */
                job_poll_checkpoints(p, w);
                return;
        }
        if (is_top)
                row_cache_replace(&w->events, &page, infos);
        else
                row_infos_free(infos, page.n_rows);
        bool again = r == WALK_STEP_MORE;
        if (!again && p->resumed) {                     /* the gap is closed: now the top */
                p->resumed = false;
                p->trusted = again = true;
                (void) walk_begin(&w->events_walk);
        }
        if (!again)
                job_poll_seen(p, w, true);
        else if (++p->n_pages < EVENT_PAGES_MAX)
                ask_events(p);
        else
                job_poll_ok(p);
}

static void on_events(const Outcome *result, HttpReply *reply, void *userdata) {
        JobPoll *p = userdata;

        p->call = NULL;
        Watch *w = watch_find(p->source, p->job_id);
        Outcome outcome = *result;
        if (!w) {
                job_poll_ok(p);
                return;
        }
        if (cursor_was_refused(p, w, &outcome)) {
                p->restarted = true;
                p->trusted = false;
                walk_restart(&w->events_walk);
                ask_events(p);
                return;
        }
        /* It went away meanwhile, and the next poll asks for it, or its list is all that is missing. */
        if (outcome.reason == REASON_NOT_FOUND) {
                job_poll_seen(p, w, false);
                return;
        }
        if (outcome.kind != OUTCOME_OK || reply->status != 200) {
                job_poll_end(p, &outcome);
                return;
        }
        if (!w->events_walk.after && p->trusted && row_cache_is_same(&w->events, &reply->body)) {
                w->events_walk.open = false;
                job_poll_seen(p, w, true);
                return;
        }
        take_events(p, w, reply);
}

static void ask_events(JobPoll *p) {
        Watch *w = watch_find(p->source, p->job_id);
        /* Where there is no second page the first must hold all that may have come since the last poll. */
        bool paged = !w->events_walk.after_ignored && !row_cache_ends_nameless(&w->events);
        bool first = p->n_pages == 0 && !w->events_walk.after && paged;

        ask(p, DIALECT_EVENTS, w->events_walk.after, first ? EVENTS_FIRST_PAGE : EVENTS_NEXT_PAGE,
            on_events);
}

int job_poll_start(Source *s, Watch *w) {
        JobPoll *p = calloc(1, sizeof *p);

        if (!p)
                return -ENOMEM;
        p->source = s;
        int r = free_and_strdup(&p->job_id, w->job_id);
        if (r < 0) {
                free(p);
                return r;
        }
        DL_APPEND(s->job_polls, p);
        s->n_job_polls++;
        p->trusted = !w->events_walk.open;
        p->resumed = walk_begin(&w->events_walk);
        if (w->seen)
                ask_events(p);
        else
                ask(p, DIALECT_JOB, NULL, 0, on_job);
        return 0;
}
