/* One attempt: rendered once, claimed, sent, settled. Everything that is kept of it is in the outbox. */
#include "engine/lane_internal.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/log.h"
#include "base/strings.h"
#include "engine/compose.h"
#include "engine/engine_internal.h"
#include "engine/observation.h"

void sending_free(Sending *s) {
        DL_DELETE(s->lane->sending, s);
        s->lane->n_sending--;
        s->lane->n_ended -= s->ended;
        delivery_done(&s->delivery);
        free(s);
}

/* --- an attempt ended -------------------------------------------------------------------------------- */

static int lane_tell(Lane *l, const char *prefix, const Trouble *t, TroubleNews news, const Outcome *outcome,
                     usec_t blind_usec, usec_t now) {
        _cleanup_(notice_freep) Notice *n = NULL;
        _cleanup_free_ char *subject = NULL;

        int r = compose_receiver(l->receiver->name, t, news, outcome->detail, blind_usec, now, &n);
        if (r >= 0)
                r = observation_tell(l->engine, TAKE_PTR(n), &(Subject) {}, NULL);
        if (r >= 0)
                r = string_printf(&subject, "%s%s", prefix, l->receiver->name);
        return r < 0 ? r : store_trouble_save(l->engine->ports.store, subject, t);
}

static void lane_log(const Lane *l, const Sending *s, const DeliveryVerdict *v, const Outcome *o) {
        LogContext about = { .receiver = l->receiver->name, .notice_id = s->notice_id };
        _cleanup_(notice_freep) Notice *n = NULL;
        _cleanup_free_ char *line = NULL;

        bool dead = v->state == DELIVERY_DEAD;
        if ((dead || (o->kind != OUTCOME_OK && l->n_failed <= 1)) &&
            store_notice_load(l->engine->ports.store, s->delivery.notice, &n) > 0) {
                (void) compose_line(n, &line);
                about.source = n->source;
                about.job_id = n->job ? n->job->id : NULL;
        }
        if (dead) {
                log_context(&about, LOG_ERR, "gave up a notice (%s)%s%s%s%s", reason_to_string(v->reason),
                            *o->detail ? ": " : "", o->detail, line ? "; it was: " : "", strempty(line));
        } else if (o->kind != OUTCOME_OK)
                log_context(&about, l->n_failed <= 1 ? LOG_WARNING : LOG_DEBUG,
                            "delivery failed, will be tried again (%s)%s%s", reason_to_string(o->reason),
                            *o->detail ? ": " : "", o->detail);
        else if (o->partial)
                log_context(&about, LOG_WARNING, "delivered, but not to everybody: %s", o->detail);
        else
                log_context(&about, LOG_DEBUG, "delivered at attempt %llu",
                            (unsigned long long) s->delivery.attempts);
}

/* Who was left out gets it no more: a second mail to all the others is no way. */
static int lane_tell_partial(Lane *l, const Outcome *outcome, usec_t now) {
        const Outcome refusal =
                outcome_make(OUTCOME_REJECTED, REASON_NOT_FOUND, outcome->status, outcome->detail);

        return trouble_take_refusal(&l->refusals, &refusal, now) == TROUBLE_NO_NEWS
                       ? 0
                       : lane_tell(l, LANE_REFUSALS, &l->refusals, TROUBLE_TELL, &refusal, 0, now);
}

/* One message refused among others that pass is told for itself; three in a row are the receiver's trouble.
 */
static int lane_take_trouble(Lane *l, const Outcome *outcome, usec_t now) {
        usec_t blind_usec = 0;
        int r = 0;

        if (outcome->kind == OUTCOME_OK)
                l->refusals.n_row = 0;
        if (outcome->partial && (r = lane_tell_partial(l, outcome, now)) < 0)
                return r;
        if (trouble_is_refusal(outcome) && l->refusals.n_row + 1 < TROUBLE_RECEIVER_AFTER)
                return trouble_take_refusal(&l->refusals, outcome, now) == TROUBLE_NO_NEWS
                               ? 0
                               : lane_tell(l, LANE_REFUSALS, &l->refusals, TROUBLE_TELL, outcome, 0, now);
        TroubleNews news = trouble_take_delivery(&l->trouble, outcome, now, &blind_usec);
        if (news != TROUBLE_NO_NEWS)
                r = lane_tell(l, LANE_TROUBLE, &l->trouble, news, outcome, blind_usec, now);
        return r;
}

static int lane_settle(Lane *l, const Sending *s, const Now *now) {
        Outcome known = s->outcome;

        /* What is sent again in a plainer form is no trouble yet; refused in that form too it is. */
        known.reshape = known.reshape && s->verdict.state == DELIVERY_PENDING;
        int r = store_delivery_settle(l->engine->ports.store, s->delivery.seq, &s->verdict, &s->outcome,
                                      now->real_usec);
        if (r >= 0 && s->recovers)
                r = store_deliveries_hasten(l->engine->ports.store, l->receiver->name, now->real_usec);
        bool counts = !s->test || known.kind == OUTCOME_OK;
        return r < 0 || !counts ? r : lane_take_trouble(l, &known, now->real_usec);
}

static void sending_report(const Sending *s) {
        const EnginePorts *ports = &s->lane->engine->ports;
        const DeliveryReport report = {
                .notice_id = s->notice_id,
                .receiver = s->lane->receiver->name,
                .outcome = &s->outcome,
                .state = s->verdict.state,
        };

        if (ports->on_delivery)
                ports->on_delivery(&report, ports->userdata);
}

int sending_settle(Sending *s, const Now *now) {
        Lane *l = s->lane;
        Trouble trouble = l->trouble, refusals = l->refusals;

        int r = observation_begin(l->engine);
        if (r >= 0)
                r = observation_end(l->engine, lane_settle(l, s, now));
        if (r >= 0) {
                sending_report(s);
                sending_free(s);
                return 0;
        }
        l->trouble = trouble;
        l->refusals = refusals;
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

        engine_check_clock(e);
        s->send = NULL;
        s->outcome = *outcome;
        s->verdict = delivery_settle(outcome, s->delivery.attempts, s->delivery.degraded,
                                     s->delivery.created_usec, &limits, now.real_usec, engine_random());
        /* Who tests waits for an answer: it is not sent when he has gone. */
        if (s->test && s->verdict.state == DELIVERY_PENDING && !s->verdict.degrade)
                s->verdict.state = DELIVERY_DEAD;
        s->recovers = outcome->kind == OUTCOME_OK && l->n_failed > 1;
        if (!s->test || outcome->kind == OUTCOME_OK)
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
        s->test = n->test;

        /* The receiver was made another kind meanwhile: what was rendered, and refused, was for the old one.
         */
        bool other = *s->delivery.kind && !streq(s->delivery.kind, l->receiver->kind->name);
        if (other)
                s->delivery.degraded = false;
        r = other ? 0 : store_delivery_body(store, s->delivery.seq, &s->delivery.body);
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
        /* Its time is over: it goes with the details that have come. */
        if (s->delivery.line > 0)
                r = compose_complete(l->engine->ports.store, s->delivery.notice, s->delivery.line,
                                     now->real_usec);
        if (r >= 0)
                r = sending_render(s, &rendered);
        if (r >= 0)
                r = store_delivery_claim(l->engine->ports.store, s->delivery.seq,
                                         rendered ? &s->delivery.body : NULL, l->receiver->kind->name,
                                         s->delivery.degraded);
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

int sending_begin(Lane *l, Delivery *d, const Now *now) {
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
