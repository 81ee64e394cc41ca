#include "engine/lane_internal.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/log.h"
#include "base/strings.h"
#include "engine/engine_internal.h"
#include "store/outbox.h"

#define HEALTH_LATE_USEC USEC_PER_MINUTE
#define STORE_RETRY_USEC (5 * USEC_PER_SEC)     /* after the store failed */

static int on_lane_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) source;
        (void) usec;
        lane_run(userdata);
        return 0;
}

static int lane_load_trouble(Lane *l, const char *prefix, Trouble *ret) {
        _cleanup_free_ char *subject = NULL;

        int r = string_printf(&subject, "%s%s", prefix, l->receiver->name);
        if (r >= 0)
                r = store_trouble_load(l->engine->ports.store, subject, ret);
        return MIN(r, 0);
}

static usec_t lane_longest_wait(const Lane *l) {
        const Config *c = l->engine->config;
        usec_t wait = MAX(l->receiver->backoff_max_usec, l->receiver->retry_after_max_usec);

        for (size_t i = 0; i < c->n_sources; i++)
                wait = MAX(wait, c->sources[i]->enrich_timeout_usec);
        return wait;
}

int lane_new(Lane **ret, Engine *e, const ReceiverCommon *receiver) {
        Lane *l = calloc(1, sizeof *l);

        if (!l)
                return -ENOMEM;
        l->engine = e;
        l->receiver = receiver;
        l->due_usec = USEC_INFINITY;
        l->longest_wait_usec = lane_longest_wait(l);
        l->ports = (ReceiverPorts) {
                .http = e->ports.http,
                .glue = e->ports.glue,
                .event = e->ports.event,
                .version = e->ports.version,
        };
        int r = sd_event_add_time(e->ports.event, &l->timer, CLOCK_BOOTTIME, 0, USEC_PER_MSEC, on_lane_timer,
                                  l);
        if (r >= 0)
                r = sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = lane_load_trouble(l, LANE_TROUBLE, &l->trouble);
        if (r >= 0)
                r = lane_load_trouble(l, LANE_REFUSALS, &l->refusals);
        l->refusals.n_row = 0;
        if (r < 0) {
                lane_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

Lane *lane_free(Lane *l) {
        if (!l)
                return NULL;
        while (l->sending) {
                if (l->sending->send)
                        l->receiver->kind->cancel(l->sending->send);
                sending_free(l->sending);
        }
        sd_event_source_disable_unref(l->timer);
        free(l);
        return NULL;
}

static size_t lane_width(const Lane *l) {
        if (l->n_failed > 0)
                return 1;
        return l->receiver->concurrency > 0 ? l->receiver->concurrency : l->receiver->kind->concurrency;
}

void lane_arm(Lane *l, const Now *now) {
        usec_t at = MAX(MAX(l->due_usec, l->blocked_until_usec), l->next_send_usec);

        if (l->due_usec == USEC_INFINITY || l->n_sending >= lane_width(l))
                at = USEC_INFINITY;
        if (l->n_ended > 0)
                at = usec_add(now->boot_usec, STORE_RETRY_USEC);
        if (l->stopped || at == USEC_INFINITY)
                (void) sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
        else if (sd_event_source_set_time(l->timer, at) < 0 ||
                 sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT) < 0)
                log_context(LANE_LOG(l), LOG_ERR, "cannot set the timer of the next delivery");
}

/* One back-off for the receiver, not one for each delivery: while it fails one attempt at a time probes it.
 */
void lane_take_outcome(Lane *l, const Outcome *outcome, const Now *now) {
        if (outcome->reason == REASON_EXPIRED)          /* nothing was tried */
                return;
        if (outcome->kind != OUTCOME_RETRY) {
                l->n_failed = 0;
                l->blocked_until_usec = l->asked_until_usec;
                return;
        }
        /* Attempts that were under way together fail together: that is one failure. */
        if (l->n_failed == 0 || now->boot_usec >= l->blocked_until_usec)
                l->n_failed++;
        usec_t wait = backoff_usec(l->n_failed, l->receiver->backoff_min_usec,
                                   l->receiver->backoff_max_usec, engine_random());
        usec_t asked = MIN(outcome->retry_after_usec, l->receiver->retry_after_max_usec);
        l->asked_until_usec = MAX(l->asked_until_usec, usec_add(now->boot_usec, asked));
        l->blocked_until_usec = MAX(l->asked_until_usec, usec_add(now->boot_usec, wait));
}

static void lane_settle_ended(Lane *l, const Now *now) {
        Sending *s, *next;

        DL_FOREACH_SAFE(l->sending, s, next)
                if (s->ended && sending_settle(s, now) < 0)
                        return;
}

/* When it is due, in boottime: the store's stamps are realtime. A receiver that failed is probed with what
 * is due first, even before its own time, but not with what waits for details. A stamp farther ahead than
 * anything can wait was made before the clock was set back. */
static usec_t lane_due(const Lane *l, const Delivery *d, const Now *now) {
        usec_t wait = usec_sub(d->due_usec, now->real_usec);
        bool probe = l->n_failed > 0 && d->attempts > 0;

        return probe || wait > l->longest_wait_usec ? now->boot_usec : usec_add(now->boot_usec, wait);
}

void lane_run(Lane *l) {
        Engine *e = l->engine;
        Now now = engine_now(e);
        int r = 0;

        engine_check_clock(e);
        if (l->n_ended > 0 && e->broken == 0)
                lane_settle_ended(l, &now);
        if (!l->stopped && e->broken == 0)
                r = engine_reset_deliveries(e);
        /* While the end of one cannot be written down no other begins: the store would offer the same. */
        while (r >= 0 && !l->stopped && e->broken == 0 && l->n_ended == 0 && l->n_sending < lane_width(l)) {
                _cleanup_(delivery_done) Delivery d = {};
                bool may_send = now.boot_usec >= l->blocked_until_usec && now.boot_usec >= l->next_send_usec;
                r = store_delivery_next(e->ports.store, l->receiver->name, USEC_INFINITY, &d);
                l->due_usec = r > 0 ? lane_due(l, &d, &now) : USEC_INFINITY;
                if (r <= 0 || !may_send || l->due_usec > now.boot_usec)
                        break;
                Delivery taken = d;
                d = (Delivery) {};
                r = sending_begin(l, &taken, &now);
                if (r < 0)
                        break;
        }
        if (r < 0) {
                /* The store's trouble, not the receiver's: no hot loop on it, and no end of it either. */
                (void) engine_store_failed(e, r);
                l->due_usec = 0;
                l->blocked_until_usec =
                        MAX(l->blocked_until_usec, usec_add(now.boot_usec, STORE_RETRY_USEC));
        }
        lane_arm(l, &now);
}

int lane_hasten(Lane *l, usec_t *ret_wait_usec) {
        usec_t now = engine_now(l->engine).boot_usec;

        l->blocked_until_usec = MIN(l->blocked_until_usec, l->asked_until_usec);
        *ret_wait_usec = usec_sub(l->blocked_until_usec, now);
        return *ret_wait_usec > 0 ? -EAGAIN : 0;
}

void lane_shift_clock(Lane *l, int64_t step_usec) {
        Sending *s;

        trouble_shift(&l->trouble, step_usec);
        trouble_shift(&l->refusals, step_usec);
        DL_FOREACH(l->sending, s)
                s->delivery.created_usec = usec_shift(s->delivery.created_usec, step_usec);
}

void lane_stop(Lane *l) {
        l->stopped = true;
        (void) sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
}

const ReceiverCommon *lane_receiver(const Lane *l) {
        return l->receiver;
}

size_t lane_n_in_flight(const Lane *l) {
        return l->n_sending - l->n_ended;
}

bool lane_is_idle(const Lane *l) {
        Now now = engine_now(l->engine);

        if (lane_n_in_flight(l) > 0)
                return false;
        return l->stopped || l->n_failed > 0 || l->n_ended > 0 || l->blocked_until_usec > now.boot_usec ||
               l->due_usec > now.boot_usec;
}

bool lane_health_ok(const Lane *l) {
        Now now = engine_now(l->engine);

        if (l->stopped || l->n_ended > 0 || l->n_sending >= lane_width(l) ||
            l->blocked_until_usec > now.boot_usec)
                return true;
        return usec_add(l->due_usec, HEALTH_LATE_USEC) > now.boot_usec ||
               usec_add(l->next_send_usec, HEALTH_LATE_USEC) > now.boot_usec;
}

void lane_get_status(const Lane *l, LaneStatus *ret) {
        bool blocked = l->blocked_until_usec > engine_now(l->engine).boot_usec;

        *ret = (LaneStatus) {
                .n_in_flight = lane_n_in_flight(l),
                .n_failed = l->n_failed,
                .failing = l->n_failed > 0 || l->trouble.n_row > 0,
                .reason = l->trouble.n_row > 0 ? reason_to_string(l->trouble.reason) : NULL,
                .blocked_until_usec = blocked ? l->blocked_until_usec : 0,
        };
}

int lane_dump(const Lane *l, Buf *ret) {
        Now now = engine_now(l->engine);
        char span[SPAN_MAX];

        return buf_printf(ret, "receiver %s (%s): %zu in flight, %llu failed in a row%s%s\n",
                          l->receiver->name, l->receiver->kind->name, lane_n_in_flight(l),
                          (unsigned long long) l->n_failed,
                          l->blocked_until_usec > now.boot_usec ? ", next attempt in " : "",
                          l->blocked_until_usec > now.boot_usec
                                  ? format_span(usec_sub(l->blocked_until_usec, now.boot_usec), span)
                                  : "");
}
