#include "engine/tail.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "api/results.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"
#include "engine/checkpoints.h"
#include "engine/compose.h"
#include "engine/conditions.h"
#include "engine/engine_internal.h"
#include "engine/ingest.h"
#include "store/outbox.h"

#define TAILS_RUNNING_MAX 4U
#define TAIL_PAGES_MAX 200U             /* of 100 events: more than the longest run known has */
#define TAIL_PAGE_SIZE 100U

/* When to look again after the end, while results are missing; the first is for everybody. */
static const usec_t late_looks[] = { USEC_PER_MINUTE, 5 * USEC_PER_MINUTE, 30 * USEC_PER_MINUTE };

/* A look that failed is made again, ever more rarely, for so long after the end. */
#define TAIL_GIVE_UP_USEC USEC_PER_DAY
#define TAIL_WAIT_MAX USEC_PER_HOUR
#define TAIL_ASKED_MAX (USEC_PER_DAY + USEC_PER_HOUR)    /* retry_after_max is a day at most */

struct Tail {
        Source *source;
        int64_t job, notice;
        bool running;
        StoredJob *stored;
        Walk walk;
        unsigned n_pages;
        bool failed;                    /* something could not be asked, which may be better later */
        usec_t asked_usec;              /* how long the source wants to be left alone */
        SourceCall *call;
        Tail *prev, *next;
};

static void tail_ask_job(Tail *t);
static void tail_ask_results(Tail *t);
static void tail_ask_events(Tail *t);

static void tail_free(Tail *t) {
        DL_DELETE(t->source->tails, t);
        t->call = source_cancel(t->call);
        stored_job_free(t->stored);
        walk_done(&t->walk);
        free(t);
}

void tails_cancel(Source *s) {
        while (s->tails)
                tail_free(s->tails);
        s->tail_timer = sd_event_source_disable_unref(s->tail_timer);
}

void tails_shift_clock(Source *s, int64_t step_usec) {
        Tail *t;

        DL_FOREACH(s->tails, t)
                if (t->stored)
                        t->stored->changed_usec = usec_shift(t->stored->changed_usec, step_usec);
}

bool tails_are_urgent(const Source *s) {
        const Tail *t;

        DL_FOREACH(s->tails, t)
                if (t->notice > 0)
                        return true;
        return false;
}

/* --- the end ---------------------------------------------------------------------------------------- */

static usec_t tail_next_look(const Tail *t, bool wanting, usec_t now) {
        usec_t end = t->stored->changed_usec;

        if (end > now)                          /* the clock went back while nobody was looking */
                return wanting || t->failed ? usec_add(now, TAIL_WAIT_MAX) : 0;
        for (size_t i = 0; i < ARRAY_SIZE(late_looks); i++) {
                usec_t due = usec_add(end, late_looks[i]);
                if (due > now && (i == 0 || wanting))
                        return MAX(due, usec_add(now, t->asked_usec));
        }
        usec_t age = now - end;
        if (!t->failed || age > TAIL_GIVE_UP_USEC)
                return 0;
        return usec_add(now, MAX(t->asked_usec, MIN(MAX(age, late_looks[0]), TAIL_WAIT_MAX)));
}

/* Metrics that came after the terminal notice are news of their own, once. */
static int tail_tell_results(Tail *t, bool have_metrics, usec_t now) {
        _cleanup_(notice_freep) Notice *terminal = NULL, *n = NULL;
        Engine *e = t->source->engine;

        if (!have_metrics)
                return 0;
        int r = store_notice_load_latest(e->ports.store, t->job, notice_type_for_status(t->stored->status),
                                         &terminal);
        if (r <= 0 || terminal->metrics)
                return MIN(r, 0);
        r = compose_once(t->source, t->stored->job, NOTICE_JOB_RESULTS, now, &n);
        if (r >= 0)
                r = compose_details(e->ports.store, t->job, n);
        if (r < 0)
                return r;
        return observation_tell(e, TAKE_PTR(n), &(Subject) { .source = t->source->stored.id, .job = t->job },
                                NULL);
}

static int tail_store_end(Tail *t, usec_t now) {
        _cleanup_(metrics_freep) Metrics *metrics = NULL;
        Store *store = t->source->engine->ports.store;

        int r = t->notice > 0 ? compose_complete(store, t->notice, t->job, now) : 0;
        bool in_notice = r > 0;
        if (r >= 0)
                r = store_metrics_load(store, t->job, &metrics);
        if (r < 0)
                return r;
        bool have_metrics = !metrics_is_empty(metrics);
        r = in_notice ? 0 : tail_tell_results(t, have_metrics, now);
        if (r < 0)
                return r;
        /* A job that is paused goes on being watched, with the walk that its watch keeps. */
        if (!status_is_terminal(t->stored->status))
                return store_job_set_tail(store, t->job, 0);
        r = store_job_save_walk(store, t->job, &t->walk);
        bool wanting = !have_metrics && streq(t->stored->status, "succeeded");
        return r < 0 ? r : store_job_set_tail(store, t->job, tail_next_look(t, wanting, now));
}

static int tails_run(Source *s);

static void tail_finish(Tail *t) {
        Source *s = t->source;
        Engine *e = s->engine;

        if (t->stored)          /* a failure is logged, and looked at again later */
                (void) conditions_look(s, t->job, status_is_terminal(t->stored->status));
        if (t->stored && observation_begin(e) >= 0 &&
            observation_end(e, tail_store_end(t, engine_now(e).real_usec)) >= 0)
                dispatcher_wake(e->dispatcher);
        tail_free(t);
        int r = tails_run(s);
        if (r >= 0)
                r = tails_schedule(s);
        if (r < 0)
                log_context(SOURCE_LOG(s), LOG_ERR, "cannot look at finished jobs: %s", strerror(-r));
        engine_check_idle(e);
}

/* --- what is asked, one after the other -------------------------------------------------------------- */

/* False: the source throttles, and nothing more is asked now. */
static bool tail_take_outcome(Tail *t, const char *what, const Outcome *o) {
        Source *s = t->source;
        LogContext about = { .source = t->source->settings->name, .job_id = t->stored->job->id };

        log_context(&about, LOG_DEBUG, "no %s of the finished job: %s%s%s", what,
                    reason_to_string(o->reason), *o->detail ? ", " : "", o->detail);
        t->failed = t->failed || o->kind == OUTCOME_RETRY;
        if (o->reason != REASON_THROTTLED)
                return true;
        t->failed = true;
        t->asked_usec = MAX(MIN(o->retry_after_usec, s->settings->retry_after_max_usec),
                            s->settings->poll_interval_usec);
        s->held_until_usec =
                MAX(s->held_until_usec, usec_add(engine_now(s->engine).boot_usec, t->asked_usec));
        tail_finish(t);
        return false;
}

static void tail_ask(Tail *t, DialectPath what, const char *id, const char *after, source_done_t done) {
        int r = source_get(t->source, what, id, after,
                           what == DIALECT_FILE_CONTENT || what == DIALECT_JOB ? 0 : TAIL_PAGE_SIZE, done, t,
                           &t->call);
        if (r < 0)
                tail_finish(t);
}

static void on_job(const Outcome *result, HttpReply *reply, void *userdata) {
        Tail *t = userdata;
        _cleanup_json_ json_object *o = NULL;
        _cleanup_(stored_job_freep) StoredJob *fresh = NULL;
        Job *job = NULL;

        t->call = NULL;
        Outcome outcome = *result;
        if (outcome.kind != OUTCOME_OK && !tail_take_outcome(t, "details", &outcome))
                return;
        if (outcome.kind == OUTCOME_OK &&
            json_parse_bounded(buf_string(&reply->body), reply->body.size, &o, NULL) >= 0 &&
                 job_from_json(o, &job) >= 0) {
                /* Another job than asked for would be a server gone mad: not believed. */
                if (!streq(job->id, t->stored->job->id))
                        job_free(job);
                else if (ingest_job(t->source, job) >= 0 &&
                         store_job_load_by_id(t->source->engine->ports.store, t->job, &fresh) > 0) {
                        stored_job_free(t->stored);
                        t->stored = TAKE_PTR(fresh);
                }
        }
        tail_ask_results(t);
}

static void on_results(const Outcome *result, HttpReply *reply, void *userdata) {
        Tail *t = userdata;
        _cleanup_(metrics_freep) Metrics *m = NULL;

        t->call = NULL;
        Outcome outcome = *result;
        if (outcome.kind == OUTCOME_OK && results_read(buf_string(&reply->body), reply->body.size, &m) < 0)
                outcome = outcome_make(OUTCOME_RETRY, REASON_BAD_REPLY, reply->status,
                                       "the result file is no CSV with steps");
        if (outcome.kind == OUTCOME_OK)
                (void) ingest_metrics(t->source, t->job,
                                      m); /* a failure is logged, and looked at again later */
        else if (!tail_take_outcome(t, "result file", &outcome))
                return;
        tail_ask_events(t);
}

static void on_checkpoints(const Outcome *result, HttpReply *reply, void *userdata) {
        Tail *t = userdata;

        t->call = NULL;
        (void) checkpoints_take(t->source, t->job, NULL, result, reply);
        tail_finish(t);
}

static void on_events(const Outcome *result, HttpReply *reply, void *userdata) {
        Tail *t = userdata;
        _cleanup_(page_done) Page page = {};
        const char *reason = NULL;
        Store *store = t->source->engine->ports.store;
        int step = -EBADMSG;

        t->call = NULL;
        Outcome outcome = *result;
        if (outcome.kind == OUTCOME_OK && page_read(&reply->body, NULL, &page, &reason) >= 0) {
                /* A notice that went without them can no longer carry the warnings. */
                bool in_notice = t->notice > 0 && store_notice_waits(store, t->notice) > 0;
                step = ingest_tail_page(t->source, t->stored, &t->walk, &page, in_notice, &reason);
        }
        if (step < 0 && outcome.kind == OUTCOME_OK)
                outcome = outcome_make(OUTCOME_RETRY, REASON_BAD_REPLY, reply->status, reason);
        if (outcome.kind != OUTCOME_OK && !tail_take_outcome(t, "events", &outcome))
                return;
        if (step == WALK_STEP_MORE && ++t->n_pages < TAIL_PAGES_MAX)
                tail_ask_events(t);
        else if (checkpoints_are_offered(t->source))
                tail_ask(t, DIALECT_CHECKPOINTS, t->stored->job->id, NULL, on_checkpoints);
        else
                tail_finish(t);
}

static void tail_ask_job(Tail *t) {
        tail_ask(t, DIALECT_JOB, t->stored->job->id, NULL, on_job);
}

static void tail_ask_results(Tail *t) {
        if (t->stored->job->result_file)
                tail_ask(t, DIALECT_FILE_CONTENT, t->stored->job->result_file, NULL, on_results);
        else
                tail_ask_events(t);
}

static void tail_ask_events(Tail *t) {
        tail_ask(t, DIALECT_EVENTS, t->stored->job->id, t->walk.after, on_events);
}

/* --- the beginning ----------------------------------------------------------------------------------- */

/* The first look walks all events, whatever was known; a late one stops at known ground. */
static int tail_prepare(Tail *t) {
        uint64_t last_walk = 0;

        int r = store_job_load_by_id(t->source->engine->ports.store, t->job, &t->stored);
        if (r == 0)
                return -ENOENT;
        if (r >= 0)
                r = walk_copy(&t->stored->events_walk, &t->walk);
        if (r >= 0)
                r = store_events_last_walk(t->source->engine->ports.store, t->job, &last_walk);
        if (r < 0)
                return r;
        bool was_open = t->walk.open;   /* the first look was cut short */
        walk_restart(&t->walk);
        t->walk.n = MAX(t->walk.n, last_walk) + 1;
        t->walk.floor = t->notice > 0 || was_open ? 0 : t->walk.n;
        t->walk.open = true;
        return 0;
}

/* What waited for its turn: its late look is promised already, its notice goes with what there is. */
void tails_held(Source *s) {
        Tail *t, *next;

        if (!source_is_held(s))
                return;
        DL_FOREACH_SAFE(s->tails, t, next)
                if (!t->running)
                        tail_free(t);
        if (tails_schedule(s) < 0)
                log_context(SOURCE_LOG(s), LOG_ERR, "cannot set the timer of late looks");
}

static int tails_run(Source *s) {
        Tail *t, *next;
        unsigned n_running = 0;

        DL_FOREACH(s->tails, t)
                n_running += t->running;
        DL_FOREACH_SAFE(s->tails, t, next) {
                if (t->running || n_running >= TAILS_RUNNING_MAX || s->engine->draining)
                        continue;
                int r = tail_prepare(t);
                if (r < 0)
                        tail_free(t);
                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                t->running = true;
                n_running++;
                tail_ask_job(t);
                next = s->tails;        /* tail_ask_job may have ended it, and others */
        }
        return 0;
}

int tail_promise(Source *s, int64_t job, usec_t now_real_usec) {
        return store_job_set_tail(s->engine->ports.store, job, usec_add(now_real_usec, late_looks[0]));
}

int tail_start(Source *s, int64_t job, int64_t notice) {
        Tail *t = calloc(1, sizeof *t);

        if (!t)
                return -ENOMEM;
        *t = (Tail) { .source = s, .job = job, .notice = notice };
        DL_APPEND(s->tails, t);
        return tails_run(s);
}

static bool tail_is_under_way(const Source *s, int64_t job) {
        const Tail *t;

        DL_FOREACH(s->tails, t)
                if (t->job == job)
                        return true;
        return false;
}

/* How long until a look that was promised. What lies farther ahead than any look can was promised before the
 * clock was set back. */
static usec_t tail_wait(usec_t due, usec_t now_real_usec) {
        usec_t wait = usec_sub(due, now_real_usec);

        return wait > TAIL_ASKED_MAX ? 0 : wait;
}

static int on_tail_timer(sd_event_source *timer, uint64_t usec, void *userdata) {
        Source *s = userdata;
        Engine *e = s->engine;
        usec_t now, due;
        int64_t job;
        int r;

        (void) timer;
        (void) usec;
        engine_check_clock(e);
        now = engine_now(e).real_usec;
        while ((r = store_job_next_tail(e->ports.store, s->stored.id, &job, &due)) > 0 &&
               tail_wait(due, now) == 0 && !source_is_held(s) && source_may_ask(s)) {
                /* Until it is done it counts as due later: a crash in between looks again. */
                r = store_job_set_tail(e->ports.store, job, usec_add(now, late_looks[1]));
                if (r >= 0 && !tail_is_under_way(s, job))
                        r = tail_start(s, job, 0);
                if (r < 0)
                        break;
        }
        if (r >= 0)
                r = tails_schedule(s);
        if (r < 0) {
                /* A full disk may pass. */
                (void) sd_event_source_set_time_relative(s->tail_timer, USEC_PER_MINUTE);
                (void) sd_event_source_set_enabled(s->tail_timer, SD_EVENT_ONESHOT);
                (void) engine_store_failed(e, r);
        }
        return 0;
}

int tails_schedule(Source *s) {
        Engine *e = s->engine;
        Now now = engine_now(e);
        int64_t job;
        usec_t due;

        int r = store_job_next_tail(e->ports.store, s->stored.id, &job, &due);
        if (r < 0)
                return r;
        if (r == 0)
                return s->tail_timer ? sd_event_source_set_enabled(s->tail_timer, SD_EVENT_OFF) : 0;
        usec_t at = MAX(usec_add(now.boot_usec, tail_wait(due, now.real_usec)), s->held_until_usec);
        if (!source_may_ask(s))
                at = MAX(at, usec_add(now.boot_usec, USEC_PER_SEC));
        if (!s->tail_timer)
                return sd_event_add_time(e->ports.event, &s->tail_timer, CLOCK_BOOTTIME, at, USEC_PER_SEC,
                                         on_tail_timer, s);
        r = sd_event_source_set_time(s->tail_timer, at);
        return r < 0 ? r : sd_event_source_set_enabled(s->tail_timer, SD_EVENT_ONESHOT);
}
