#include "model/trouble.h"

#include <stddef.h>

#include "base/macro.h"

_Static_assert(NOTICE_SOURCE_THROTTLED - NOTICE_SOURCE_UNAUTHORIZED + 1 == TROUBLE_TYPES,
               "one for each type of trouble");

static const struct {
        NoticeType type;
        uint64_t after; /* 0: the configured number. A wrong key does not get better by waiting */
} by_reason[_REASON_MAX] = {
        [REASON_NONE] = { NOTICE_SOURCE_UNREACHABLE, 0 },
        [REASON_DNS] = { NOTICE_SOURCE_UNREACHABLE, 0 },
        [REASON_CONNECT] = { NOTICE_SOURCE_UNREACHABLE, 0 },
        [REASON_TLS] = { NOTICE_SOURCE_UNREACHABLE, 0 },
        [REASON_PROXY] = { NOTICE_SOURCE_UNREACHABLE, 0 },
        [REASON_TIMEOUT] = { NOTICE_SOURCE_UNREACHABLE, 0 },
        [REASON_RESET] = { NOTICE_SOURCE_UNREACHABLE, 0 },
        [REASON_SERVER_ERROR] = { NOTICE_SOURCE_UNREACHABLE, 0 },
        [REASON_THROTTLED] = { NOTICE_SOURCE_THROTTLED, 0 },
        [REASON_BAD_REPLY] = { NOTICE_SOURCE_MISCONFIGURED, 0 },
        [REASON_TOO_LARGE] = { NOTICE_SOURCE_MISCONFIGURED, 0 },
        [REASON_REDIRECT] = { NOTICE_SOURCE_MISCONFIGURED, 2 },
        [REASON_UNAUTHORIZED] = { NOTICE_SOURCE_UNAUTHORIZED, 2 },
        [REASON_MISCONFIGURED] = { NOTICE_SOURCE_MISCONFIGURED, 2 },
        [REASON_NOT_FOUND] = { NOTICE_SOURCE_MISCONFIGURED, 2 },
        [REASON_BAD_REQUEST] = { NOTICE_SOURCE_MISCONFIGURED, 2 },
        [REASON_GONE] = { NOTICE_SOURCE_MISCONFIGURED, 2 },
        [REASON_EXPIRED] = { NOTICE_SOURCE_UNREACHABLE, 0 },
        [REASON_INTERNAL] = { NOTICE_SOURCE_UNREACHABLE, 0 },
};

NoticeType trouble_type_for_source(Reason reason, uint64_t *ret_after) {
        *ret_after = by_reason[reason].after;
        return by_reason[reason].type;
}

static TroubleNews trouble_end(Trouble *t, usec_t now, usec_t *ret_blind_usec) {
        bool told = t->told_usec > 0;

        *ret_blind_usec = usec_sub(now, t->since_usec);
        *t = (Trouble) {};
        return told ? TROUBLE_RECOVERED : TROUBLE_NO_NEWS;
}

static void trouble_count(Trouble *t, NoticeType type, Reason reason, usec_t now) {
        if (t->n_row++ == 0)
                t->since_usec = now;
        t->n_type = t->n_row > 1 && t->type == type ? t->n_type + 1 : 1;
        t->type = type;
        t->reason = reason;
}

/* When a type was told last, which is not told_type. */
static usec_t *trouble_other(Trouble *t, NoticeType type) {
        unsigned i = (unsigned) type - NOTICE_SOURCE_UNAUTHORIZED;

        return i < TROUBLE_TYPES ? &t->others_usec[i] : NULL;
}

/* Tells it when it was not told yet, or is due to be told again. */
static TroubleNews trouble_tell(Trouble *t, usec_t now) {
        usec_t *other = trouble_other(t, t->type), *before = trouble_other(t, t->told_type);
        usec_t last = t->told_type == t->type ? t->told_usec : other ? *other : 0;

        if (last > 0 && usec_sub(now, last) < TROUBLE_REMIND_USEC)
                return TROUBLE_NO_NEWS;
        if (t->told_usec > 0 && before)
                *before = t->told_usec;
        t->told_type = t->type;
        t->told_usec = now;
        return TROUBLE_TELL;
}

TroubleNews trouble_take_poll(Trouble *t, const Outcome *outcome, uint64_t after, usec_t now,
                              usec_t *ret_blind_usec) {
        uint64_t own_after;

        if (outcome->kind == OUTCOME_OK)
                return trouble_end(t, now, ret_blind_usec);
        NoticeType type = trouble_type_for_source(outcome->reason, &own_after);
        trouble_count(t, type, outcome->reason, now);
        /* Failures that take turns are blindness too: after twice the number it does not matter which one is
         * told. */
        if (t->n_type < (own_after > 0 ? own_after : after) && (t->told_usec > 0 || t->n_row < 2 * after))
                return TROUBLE_NO_NEWS;
        return trouble_tell(t, now);
}

TroubleNews trouble_take_delivery(Trouble *t, const Outcome *outcome, usec_t now, usec_t *ret_blind_usec) {
        if (outcome->kind == OUTCOME_OK)
                return trouble_end(t, now, ret_blind_usec);
        if (outcome->reshape || outcome->reason == REASON_EXPIRED)
                return TROUBLE_NO_NEWS;
        trouble_count(t, NOTICE_RECEIVER_FAILING, outcome->reason, now);
        bool lasting = t->n_row >= TROUBLE_RECEIVER_AFTER && usec_sub(now, t->since_usec) >= USEC_PER_MINUTE;
        return outcome->kind == OUTCOME_REJECTED || lasting ? trouble_tell(t, now) : TROUBLE_NO_NEWS;
}

bool trouble_is_refusal(const Outcome *outcome) {
        return outcome->kind == OUTCOME_REJECTED && !outcome->reshape &&
               (outcome->reason == REASON_BAD_REQUEST || outcome->reason == REASON_TOO_LARGE ||
                outcome->reason == REASON_INTERNAL);
}

TroubleNews trouble_take_refusal(Trouble *t, const Outcome *outcome, usec_t now) {
        trouble_count(t, NOTICE_RECEIVER_FAILING, outcome->reason, now);
        return trouble_tell(t, now);
}

void trouble_shift(Trouble *t, int64_t step_usec) {
        t->since_usec = usec_shift(t->since_usec, step_usec);
        t->told_usec = usec_shift(t->told_usec, step_usec);
        for (size_t i = 0; i < TROUBLE_TYPES; i++)
                t->others_usec[i] = usec_shift(t->others_usec[i], step_usec);
}
