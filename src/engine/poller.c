#include "engine/poller.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "api/reply.h"
#include "base/log.h"
#include "base/strings.h"
#include "engine/compose.h"
#include "engine/engine_internal.h"
#include "engine/ingest.h"
#include "engine/job_poll.h"
#include "engine/plan.h"
#include "engine/tail.h"
#include "engine/watch.h"
#include "model/schedule.h"

#define LIST_PAGE_MAX 100U              /* the largest page servers are known to give */
#define LIST_PAGES_MAX 200U             /* a poll; a first contact that needs more goes on in the next one */
#define JOB_POLLS_MAX 4U                /* of one source at a time */

static void poll_list(Source *s);
static void poll_jobs(Source *s);

/* --- the end of a poll ------------------------------------------------------------------------------- */

static int tell_trouble(Source *s, TroubleNews news, usec_t blind_usec) {
        Engine *e = s->engine;
        _cleanup_(notice_freep) Notice *n = NULL;
        _cleanup_free_ char *subject = NULL;

        int r = observation_begin(e);
        if (r < 0)
                return r;
        r = compose_source(s, &s->trouble, news, s->outcome.detail, blind_usec, engine_now(e).real_usec, &n);
        if (r >= 0)
                r = observation_tell(e, TAKE_PTR(n), &(Subject) { .source = s->stored.id }, NULL);
        if (r >= 0)
                r = string_printf(&subject, "source:%s", s->settings->name);
        if (r >= 0)
                r = store_trouble_save(e->ports.store, subject, &s->trouble);
        return observation_end(e, r);
}

static void log_poll(const Source *s, uint64_t n_failed_before) {
        const Outcome *o = &s->outcome;
        char next[SPAN_MAX] = "";

        if (!s->engine->once && !s->engine->draining)
                (void) format_span(usec_sub(s->next_poll_usec, engine_now(s->engine).boot_usec), next);
        /* Every failure is in the log once; whether it becomes a notice is for the trouble counter. */
        if (o->kind != OUTCOME_OK)
                log_context(SOURCE_LOG(s), s->n_failed <= 1 ? LOG_WARNING : LOG_DEBUG,
                            "poll failed (%s)%s%s%s%s", reason_to_string(o->reason), *o->detail ? ": " : "",
                            o->detail, *next ? "; next poll in " : "", next);
        else
                log_context(SOURCE_LOG(s), LOG_DEBUG, "polled: %u requests, %zu unfinished jobs",
                            s->n_requests, watches_count(s));
        /* What was told is told to be over by its notice. */
        if (o->kind == OUTCOME_OK && n_failed_before > 0 && s->trouble.told_usec == 0)
                log_context(SOURCE_LOG(s), LOG_INFO, "polls work again");
}

/* What is due already does not wait for other timers: within its accuracy, which for slow sources is long,
 * the event loop would. */
static usec_t timer_time(const Source *s, usec_t at_usec) {
        return at_usec <= engine_now(s->engine).boot_usec ? 0 : at_usec;
}

static void poll_arm(Source *s, usec_t at_usec) {
        s->next_poll_usec = at_usec;
        if (sd_event_source_set_time(s->timer, timer_time(s, at_usec)) < 0 ||
            sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT) < 0)
                log_context(SOURCE_LOG(s), LOG_ERR, "cannot set the timer of the next poll");
}

static void poll_schedule(Source *s) {
        ScheduleLimits limits = {
                .poll_interval_usec = s->settings->poll_interval_usec,
                .idle_interval_usec = s->settings->idle_interval_usec,
                .retry_after_max_usec = s->settings->retry_after_max_usec,
        };

        /* Until first contact is over there may be unfinished jobs that were not seen yet. */
        bool active = watches_count(s) > 0 || !s->stored.baseline.done || s->stored.walk.open;
        usec_t now = engine_now(s->engine).boot_usec;
        /* For what one job does not answer the others are not looked at less often. */
        usec_t at = schedule_next(&limits, active, &s->outcome, s->in_part ? 1 : s->n_failed,
                                  s->poll_started_usec, now, engine_random());
        /* A list that is asked for as soon as there is room for it would leave none for jobs. */
        if (s->out_of_budget)
                at = MAX(at, budget_when(&s->budget, s->settings->requests_per_minute,
                                         1 + MIN(watches_count(s), (size_t) JOB_POLLS_MAX)));
        bool again = s->again && s->outcome.reason != REASON_THROTTLED;
        s->again = false;
        s->held_until_usec = s->outcome.reason == REASON_THROTTLED ? at : 0;
        poll_arm(s, again ? now : at);
}

static bool poller_pauses(const Source *s) {
        return !s->polling && s->n_failed > 0 && s->outcome.reason == REASON_THROTTLED &&
               s->next_poll_usec > engine_now(s->engine).boot_usec;
}

int poller_hasten(Source *s) {
        if (poller_pauses(s))
                return -EAGAIN;
        if (s->polling)
                s->again = true;
        else
                poll_arm(s, engine_now(s->engine).boot_usec);
        return 0;
}

static void poll_report(const Source *s) {
        const EnginePorts *ports = &s->engine->ports;
        const PollReport report = {
                .source = s->settings->name,
                .outcome = &s->outcome,
                .started_usec = s->poll_started_usec,
                .n_requests = s->n_requests,
                .n_unfinished = watches_count(s),
        };

        if (ports->on_poll && !s->engine->draining)
                ports->on_poll(&report, ports->userdata);
}

void poller_report_pause(const Source *s) {
        if (poller_pauses(s))
                poll_report(s);
}

/* Of a list with no unfinished job nobody asks for more than whether it has changed. */
static void slim_list(Source *s) {
        if (!s->polling && watches_count(s) == 0)
                row_cache_slim(&s->list);
}

static void poll_finish(Source *s) {
        usec_t blind_usec = 0;

        int r = ingest_waiting(s);
        if (r < 0 && s->outcome.kind == OUTCOME_OK)
                s->outcome = engine_outcome(s->engine, r);
        s->polling = false;
        s->n_polls++;
        uint64_t n_failed_before = s->n_failed;
        s->n_failed = s->outcome.kind == OUTCOME_OK ? 0 : s->n_failed + 1;
        if (!s->engine->once && !s->engine->draining)
                poll_schedule(s);
        s->gate.silent = reason_is_silence(s->outcome.reason);
        log_poll(s, n_failed_before);
        Trouble before = s->trouble;
        TroubleNews news = trouble_take_poll(&s->trouble, &s->outcome, s->settings->trouble_after,
                                             engine_now(s->engine).real_usec, &blind_usec);
        /* What could not be told is told after the next poll. */
        if (news != TROUBLE_NO_NEWS && tell_trouble(s, news, blind_usec) < 0)
                s->trouble = before;
        if (s->outcome.kind == OUTCOME_OK)
                plan_pages(s);
        slim_list(s);
        poll_report(s);
        tails_held(s);
        engine_changed(s->engine);
}

static void poll_fail(Source *s, Outcome outcome) {
        s->outcome = outcome;
        poll_finish(s);
}

static void poll_fail_internal(Source *s, int error) {
        poll_fail(s, engine_outcome(s->engine, error));
}

/* --- the jobs that are not finished ------------------------------------------------------------------ */

void poller_job_done(JobPoll *p, const Outcome *outcome) {
        Source *s = p->source;

        DL_DELETE(s->job_polls, p);
        s->n_job_polls--;
        s->n_requests += p->n_requests;
        job_poll_free(p);
        /* The poll is as bad as its worst part; what throttles one request throttles the rest of them. */
        bool ends = outcome->reason == REASON_THROTTLED || outcome->reason == REASON_UNAUTHORIZED;
        bool of_all = ends || reason_is_silence(outcome->reason);
        if (outcome->kind != OUTCOME_OK && (s->outcome.kind == OUTCOME_OK || (of_all && s->in_part))) {
                s->outcome = *outcome;
                s->in_part = !of_all;
        }
        if (ends)
                s->fanning_out = false;
        poll_jobs(s);
}

/* The next one that was not asked about in this poll, round and round: where one poll had to end the next
 * one begins, so that the same jobs do not always miss out. NULL: none, or no more in this poll. */
static Watch *poll_next_watch(Source *s) {
        Watch *w = s->next_watch ? s->next_watch : s->watches;

        if (!s->fanning_out || !w || w->asked_in > s->n_polls)
                return NULL;
        if (!source_may_ask(s)) {
                log_context(SOURCE_LOG(s), LOG_DEBUG, "out of requests_per_minute: the next poll goes on");
                s->fanning_out = false;
                s->out_of_budget = true;
                return NULL;
        }
        s->next_watch = w->hh.next;
        w->asked_in = s->n_polls + 1;
        return w;
}

/* Ends the poll when nothing is left to ask. A job that ends within job_poll_start() comes back here by
 * poller_job_done(). */
static void poll_jobs(Source *s) {
        Watch *w;

        while (s->polling && s->n_job_polls < JOB_POLLS_MAX && !s->engine->draining &&
               (w = poll_next_watch(s))) {
                int r = job_poll_start(s, w);
                if (r < 0) {
                        s->outcome = engine_outcome(s->engine, r);
                        s->in_part = s->fanning_out = false;
                }
        }
        if (s->polling && s->n_job_polls == 0)
                poll_finish(s);
}

static void poll_list_done(Source *s) {
        s->fanning_out = true;
        poll_jobs(s);
}

/* --- the list ---------------------------------------------------------------------------------------- */

static const char *list_cursor(const Source *s) {
        return s->cover_after ? s->cover_after : s->stored.walk.after;
}

static void mark_seen(Source *s, const RowInfo *infos, size_t n) {
        for (size_t i = 0; i < n; i++) {
                Watch *w = infos[i].id ? watch_find(s, infos[i].id) : NULL;
                if (w) {
                        w->seen = true;
                        w->n_missing = 0;
                }
        }
}

/* What comes after a page. Over known ground the list is walked on only where that saves requests for single
 * jobs. */
static void list_go_on(Source *s, int step, const Page *page, const RowInfo *infos) {
        s->n_pages++;
        if (s->n_pages > 1)             /* first contact can take minutes: it shows that it goes on */
                engine_changed(s->engine);
        s->out_of_budget = !source_may_ask(s);
        if (s->n_pages >= LIST_PAGES_MAX || s->out_of_budget) {
                poll_list_done(s);
                return;
        }
        if (step == WALK_STEP_DONE && s->resumed) {     /* the gap is closed: now the top */
                s->resumed = false;
                s->trusted = true;
                (void) walk_begin(&s->stored.walk);
                poll_list(s);
                return;
        }
        const char *last = page->n_rows > 0 ? infos[page->n_rows - 1].id : NULL;
        bool cover = step == WALK_STEP_DONE && s->n_pages < s->cover_pages && page->has_more && last &&
                     s->stored.walk.order != WALK_ORDER_OLDEST_FIRST && !s->stored.walk.after_ignored;
        int r = free_and_strdup(&s->cover_after, cover ? last : NULL);
        if (r < 0)
                poll_fail_internal(s, r);
        else if (cover || step == WALK_STEP_MORE)
                poll_list(s);
        else
                poll_list_done(s);
}

static void list_take_page(Source *s, HttpReply *reply) {
        _cleanup_(page_done) Page page = {};
        const char *reason = NULL;
        RowInfo *infos = NULL;
        bool cover = s->cover_after != NULL, is_top = !list_cursor(s);
        bool is_known = s->stored.baseline.done;
        const RowCache *cache = is_top && s->trusted ? &s->list : NULL;

        int r = page_read(&reply->body, cache ? &cache->page : NULL, &page, &reason);
        if (r >= 0)
                r = ingest_job_page(s, &page, cache, reply->date, cover, &infos, &reason);
        if (r == -EBADMSG) {
                poll_fail(s, outcome_make(OUTCOME_RETRY, REASON_BAD_REPLY, reply->status, reason));
                return;
        }
        if (r < 0) {
                row_cache_done(&s->list);
                poll_fail_internal(s, r);
                return;
        }
        if (!is_known && s->stored.baseline.done)
                log_context(SOURCE_LOG(s), LOG_INFO,
                            "first contact: %zu unfinished job%s; from now on what happens is told",
                            watches_count(s), watches_count(s) == 1 ? "" : "s");
        mark_seen(s, infos, page.n_rows);
        list_go_on(s, r, &page, infos);
        /* That of a first contact is ten times as large as those to come. */
        if (is_top && is_known) {
                row_cache_replace(&s->list, &page, infos);
                slim_list(s);           /* the poll may have ended above */
        } else
                row_infos_free(infos, page.n_rows);
}

static bool cursor_was_refused(const Source *s, const Outcome *o) {
        return list_cursor(s) && !s->restarted && api_outcome_refuses_cursor(o);
}

static void on_list(const Outcome *result, HttpReply *reply, void *userdata) {
        Source *s = userdata;

        s->call = NULL;
        Outcome outcome = *result;
        if (cursor_was_refused(s, &outcome)) {
                s->restarted = true;
                s->trusted = false;
                free(TAKE_PTR(s->cover_after));
                walk_restart(&s->stored.walk);
                poll_list(s);
                return;
        }
        if (outcome.kind != OUTCOME_OK) {
                poll_fail(s, outcome);
                return;
        }
        source_set_server_date(s, reply->date);
        if (!list_cursor(s) && s->trusted && row_cache_is_same(&s->list, &reply->body)) {
                s->stored.walk.open = false;
                s->n_pages++;
                mark_seen(s, s->list.infos, s->list.page.n_rows);
                if (s->cover_pages > 1 && s->list.valid)
                        list_go_on(s, WALK_STEP_DONE, &s->list.page, s->list.infos);
                else
                        poll_list_done(s);
                return;
        }
        list_take_page(s, reply);
}

static void poll_list(Source *s) {
        const char *after = list_cursor(s);
        /* Where `after` does nothing, what is not on the one page there is stays unseen: the largest. */
        bool first = s->n_pages == 0 && !after && s->stored.baseline.done && !s->stored.walk.after_ignored;

        s->n_requests++;
        int r = source_get(s, DIALECT_LIST_JOBS, NULL, after, first ? s->list_limit : LIST_PAGE_MAX, on_list,
                           s, &s->call);
        if (r < 0)
                poll_fail_internal(s, r);
}

/* --- a poll ------------------------------------------------------------------------------------------ */

static int on_poll_timer(sd_event_source *timer, uint64_t usec, void *userdata) {
        Source *s = userdata;

        (void) timer;
        (void) usec;
        engine_check_clock(s->engine);
        if (s->polling || s->engine->draining || s->engine->broken < 0)
                return 0;
        s->polling = true;
        s->held_until_usec = 0;         /* whether it still throttles the list will show */
        s->poll_started_usec = engine_now(s->engine).boot_usec;
        s->outcome = outcome_ok();
        s->n_pages = s->n_requests = 0;
        s->restarted = s->out_of_budget = s->in_part = false;
        for (Watch *w = s->watches; w; w = w->hh.next)
                w->seen = false;
        s->trusted = s->stored.baseline.done && !s->stored.walk.open;
        s->resumed = walk_begin(&s->stored.walk);
        poll_list(s);
        return 0;
}

int poller_start(Source *s, usec_t delay_usec) {
        usec_t at = usec_add(engine_now(s->engine).boot_usec, delay_usec);

        s->next_poll_usec = at;
        /* Accuracy: coalesced with other wake-ups of the system within a hundredth of the interval. */
        int r = sd_event_add_time(s->engine->ports.event, &s->timer, CLOCK_BOOTTIME, timer_time(s, at),
                                  MAX(s->settings->poll_interval_usec / 100, (usec_t) 1), on_poll_timer, s);
        if (r >= 0)
                r = tails_schedule(s);
        return MIN(r, 0);
}

void poller_stop(Source *s) {
        s->timer = sd_event_source_disable_unref(s->timer);
        s->tail_timer = sd_event_source_disable_unref(s->tail_timer);
}
