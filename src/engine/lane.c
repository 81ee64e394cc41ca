#include "engine/lane.h"

#include <errno.h>
#include <stdlib.h>

#include <systemd/sd-event.h>
#include <utlist.h>

#include "base/log.h"
#include "base/strings.h"
#include "engine/compose.h"
#include "engine/engine_internal.h"
#include "engine/observation.h"
#include "model/trouble.h"
#include "store/outbox.h"

#define HEALTH_LATE_USEC USEC_PER_MINUTE
#define STORE_RETRY_USEC (5 * USEC_PER_SEC)     /* after the store failed */

typedef struct Sending {
        Lane *lane;
        Delivery delivery;
        char notice_id[NOTICE_ID_SIZE];
        ReceiverSend *send;
        int unrenderable;               /* why it cannot be put into a message, negative errno, or 0 */
        bool recovers;                  /* it got through after failures: so may others, before their time */
        bool ended;                     /* as below, but the store does not know it yet */
        Outcome outcome;
        DeliveryVerdict verdict;
        struct Sending *prev, *next;
} Sending;

struct Lane {
        Engine *engine;
        const ReceiverCommon *receiver;
        ReceiverPorts ports;
        sd_event_source *timer;
        Sending *sending;
        size_t n_sending;
        size_t n_ended;                 /* of those: still to be settled */
        bool stopped;

        uint64_t n_failed;              /* in a row */
        usec_t blocked_until_usec;      /* boottime: no attempt before, because it fails or said so */
        usec_t asked_until_usec;        /* the part of it that the receiver asked for */
        usec_t next_send_usec;          /* boottime: its rate */
        usec_t due_usec;                /* boottime, of the earliest that waits; USEC_INFINITY: none does */
        usec_t longest_wait_usec;       /* that anything can be due from now */
        Trouble trouble;
};

#define LANE_LOG(l) (&(LogContext) { .receiver = (l)->receiver->name })

static int on_lane_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) source;
        (void) usec;
        lane_run(userdata);
        return 0;
}

static int lane_load_trouble(Lane *l) {
        _cleanup_free_ char *subject = NULL;

        int r = string_printf(&subject, "receiver:%s", l->receiver->name);
        if (r >= 0)
                r = store_trouble_load(l->engine->ports.store, subject, &l->trouble);
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
                r = lane_load_trouble(l);
        if (r < 0) {
                lane_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

static void sending_free(Sending *s) {
        DL_DELETE(s->lane->sending, s);
        s->lane->n_sending--;
        s->lane->n_ended -= s->ended;
        delivery_done(&s->delivery);
        free(s);
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

static void lane_arm(Lane *l, const Now *now) {
        usec_t at = MAX(MAX(l->due_usec, l->blocked_until_usec), l->next_send_usec);

        if (l->due_usec == USEC_INFINITY || l->n_sending >= lane_width(l))
                at = USEC_INFINITY;
        if (l->n_ended > 0)
                at = MIN(at, usec_add(now->boot_usec, STORE_RETRY_USEC));
        if (l->stopped || at == USEC_INFINITY)
                (void) sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
        else if (sd_event_source_set_time(l->timer, at) < 0 ||
                 sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT) < 0)
                log_context(LANE_LOG(l), LOG_ERR, "cannot set the timer of the next delivery");
}

/* --- an attempt ended -------------------------------------------------------------------------------- */

static int lane_tell(Lane *l, TroubleNews news, const Outcome *outcome, usec_t blind_usec, usec_t now) {
        _cleanup_(notice_freep) Notice *n = NULL;
        _cleanup_free_ char *subject = NULL;

        int r = compose_receiver(l->receiver->name, &l->trouble, news, outcome->detail, blind_usec, now, &n);
        if (r >= 0)
                r = observation_tell(l->engine, TAKE_PTR(n), &(Subject) {}, NULL);
        if (r >= 0)
                r = string_printf(&subject, "receiver:%s", l->receiver->name);
        return r < 0 ? r : store_trouble_save(l->engine->ports.store, subject, &l->trouble);
}

/* One back-off for the receiver, not one for each delivery: while it fails one attempt at a time probes it.
 */
static void lane_take_outcome(Lane *l, const Outcome *outcome, const Now *now) {
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

static void lane_log(const Lane *l, const Sending *s, const DeliveryVerdict *v, const Outcome *o) {
        LogContext about = { .receiver = l->receiver->name, .notice_id = s->notice_id };
        _cleanup_(notice_freep) Notice *n = NULL;
        _cleanup_free_ char *line = NULL;

        if (v->state == DELIVERY_DEAD) {
                if (store_notice_load(l->engine->ports.store, s->delivery.notice, &n) > 0)
                        (void) compose_line(n, &line);
                log_context(&about, LOG_ERR, "gave up a notice (%s)%s%s%s%s", reason_to_string(v->reason),
                            *o->detail ? ": " : "", o->detail, line ? "; it was: " : "", strempty(line));
        } else if (o->kind != OUTCOME_OK)
                log_context(&about, l->n_failed <= 1 ? LOG_WARNING : LOG_DEBUG,
                            "delivery failed, will be tried again (%s)%s%s", reason_to_string(o->reason),
                            *o->detail ? ": " : "", o->detail);
        else
                log_context(&about, LOG_DEBUG, "delivered at attempt %llu",
                            (unsigned long long) s->delivery.attempts);
}

static int lane_settle(Lane *l, const Sending *s, const Now *now) {
        usec_t blind_usec = 0;
        Outcome known = s->outcome;

        /* What is sent again in a plainer form is no trouble yet; refused in that form too it is. */
        known.reshape = known.reshape && s->verdict.state == DELIVERY_PENDING;
        TroubleNews news = trouble_take_delivery(&l->trouble, &known, now->real_usec, &blind_usec);
        int r = store_delivery_settle(l->engine->ports.store, s->delivery.seq, &s->verdict, &s->outcome,
                                      now->real_usec);
        if (r >= 0 && s->recovers)
                r = store_deliveries_hasten(l->engine->ports.store, l->receiver->name, now->real_usec);
        if (r >= 0 && news != TROUBLE_NO_NEWS)
                r = lane_tell(l, news, &s->outcome, blind_usec, now->real_usec);
        return r;
}

/* On failure the attempt stays, to be settled when the store can be written again: its line waits for it. */
static int sending_settle(Sending *s, const Now *now) {
        Lane *l = s->lane;
        Trouble before = l->trouble;

        int r = observation_begin(l->engine);
        if (r >= 0)
                r = observation_end(l->engine, lane_settle(l, s, now));
        if (r >= 0) {
                sending_free(s);
                return 0;
        }
        l->trouble = before;
        l->n_ended += !s->ended;
        s->ended = true;
        return r;
}

static void on_sent(const Outcome *outcome, void *userdata) {
        Sending *s = userdata;
        Lane *l = s->lane;
        Engine *e = l->engine;
        Now now = engine_now(e);
        DeliveryLimits limits = {
                .backoff_min_usec = l->receiver->backoff_min_usec,
                .backoff_max_usec = l->receiver->backoff_max_usec,
                .retry_after_max_usec = l->receiver->retry_after_max_usec,
                .max_age_usec = l->receiver->max_age_usec,
        };

        s->send = NULL;
        s->outcome = *outcome;
        s->verdict = delivery_settle(outcome, s->delivery.attempts, s->delivery.degraded,
                                     s->delivery.created_usec, &limits, now.real_usec, engine_random());
        s->recovers = outcome->kind == OUTCOME_OK && l->n_failed > 1;
        lane_take_outcome(l, outcome, &now);
        lane_log(l, s, &s->verdict, outcome);
        if (sending_settle(s, &now) < 0)
                lane_arm(l, &now);
        else
                dispatcher_wake(e->dispatcher);
        engine_changed(e);
}

/* --- an attempt begins ------------------------------------------------------------------------------- */

/* Rendered once; every later attempt sends the same bytes. */
static int sending_render(Sending *s, bool *ret_rendered) {
        _cleanup_(notice_freep) Notice *n = NULL;
        Lane *l = s->lane;
        Store *store = l->engine->ports.store;

        int r = store_notice_load(store, s->delivery.notice, &n);
        if (r == 0)
                r = -ENOENT;
        if (r == -EBADMSG) {
                s->unrenderable = r;
                return 0;
        }
        if (r < 0)
                return r;
        memcpy(s->notice_id, n->id, sizeof s->notice_id);
        r = store_delivery_body(store, s->delivery.seq, &s->delivery.body);
        *ret_rendered = r == 0;
        if (r != 0)
                return MIN(r, 0);
        r = l->receiver->kind->render(l->receiver, n, s->delivery.degraded, &s->delivery.body);
        if (r == -ENOMEM)
                return r;
        *ret_rendered = r >= 0;
        s->unrenderable = MIN(r, 0);
        return 0;
}

static int sending_start(Sending *s, const Now *now) {
        Lane *l = s->lane;
        bool rendered = false;

        int r = observation_begin(l->engine);
        if (r < 0)
                return r;
        r = sending_render(s, &rendered);
        if (r >= 0)
                r = store_delivery_claim(l->engine->ports.store, s->delivery.seq,
                                         rendered ? &s->delivery.body : NULL, s->delivery.degraded);
        l->engine->owes = rendered; /* the bytes must not change; that it was tried may be forgotten */
        r = observation_end(l->engine, r);
        if (r < 0)
                return r;
        s->delivery.attempts++;
        if (s->unrenderable < 0)
                return s->unrenderable;
        ReceiverAttempt attempt = {
                .notice_id = s->notice_id,
                .body = s->delivery.body.data,
                .body_size = s->delivery.body.size,
                .now_real_usec = now->real_usec,
        };
        return l->receiver->kind->send(l->receiver, &l->ports, &attempt, on_sent, s, &s->send);
}

static int lane_begin(Lane *l, Delivery *d, const Now *now) {
        Sending *s = calloc(1, sizeof *s);

        if (!s)
                return -ENOMEM;
        s->lane = l;
        s->delivery = *d;
        DL_APPEND(l->sending, s);
        l->n_sending++;
        l->next_send_usec = usec_add(now->boot_usec, l->receiver->kind->interval_usec);
        if (usec_add(d->created_usec, l->receiver->max_age_usec) <= now->real_usec) {
                Outcome late = outcome_make(OUTCOME_RETRY, REASON_EXPIRED, 0, "older than max_age");
                on_sent(&late, s);
                return 0;
        }
        int r = sending_start(s, now);
        if (r >= 0)
                return 0;
        if (s->delivery.attempts == d->attempts) {      /* not claimed: nothing has happened */
                sending_free(s);
                return r;
        }
        /* What cannot be rendered does not hold up its receiver: in the plainest form, or not at all. */
        OutcomeKind kind = s->unrenderable < 0 ? OUTCOME_REJECTED : OUTCOME_RETRY;
        Outcome failed = outcome_make(kind, REASON_INTERNAL, 0, strerror(-r));
        failed.reshape = s->unrenderable < 0 && !s->delivery.degraded;
        on_sent(&failed, s);
        return 0;
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

        if (l->n_ended > 0 && !e->broken)
                lane_settle_ended(l, &now);
        while (!l->stopped && !e->broken && l->n_sending < lane_width(l)) {
                _cleanup_(delivery_done) Delivery d = {};
                bool may_send = now.boot_usec >= l->blocked_until_usec && now.boot_usec >= l->next_send_usec;
                r = store_delivery_next(e->ports.store, l->receiver->name, USEC_INFINITY, &d);
                l->due_usec = r > 0 ? lane_due(l, &d, &now) : USEC_INFINITY;
                if (r <= 0 || !may_send || l->due_usec > now.boot_usec)
                        break;
                Delivery taken = d;
                d = (Delivery) {};
                r = lane_begin(l, &taken, &now);
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

        if (l->stopped || l->n_sending >= lane_width(l) || l->blocked_until_usec > now.boot_usec)
                return true;
        return usec_add(l->due_usec, HEALTH_LATE_USEC) > now.boot_usec ||
               usec_add(l->next_send_usec, HEALTH_LATE_USEC) > now.boot_usec;
}

int lane_dump(const Lane *l, Buf *ret) {
        Now now = engine_now(l->engine);
        char span[SPAN_MAX];

        return buf_printf(ret, "receiver %s (%s): %zu in flight, %llu failed in a row%s%s\n",
                          l->receiver->name, l->receiver->kind->name, l->n_sending,
                          (unsigned long long) l->n_failed,
                          l->blocked_until_usec > now.boot_usec ? ", next attempt in " : "",
                          l->blocked_until_usec > now.boot_usec
                                  ? format_span(usec_sub(l->blocked_until_usec, now.boot_usec), span)
                                  : "");
}
