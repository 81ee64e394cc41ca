#pragma once
/* When to say that a source or a receiver is in trouble, and when that it is over: once each, reminded at
 * most daily, also where two kinds of trouble take turns. A state machine fed with the outcome of every
 * attempt. */

#include <stdbool.h>

#include "base/time.h"
#include "model/notice.h"
#include "model/outcome.h"

#define TROUBLE_REMIND_USEC USEC_PER_DAY
#define TROUBLE_TYPES 4U                /* of a source; a receiver has one */

typedef struct Trouble {
        uint64_t n_row;                 /* failures in a row, of whatever type */
        uint64_t n_type;                /* of the same type in a row */
        NoticeType type;                /* of the last failure */
        Reason reason;
        usec_t since_usec;              /* realtime, the first failure in this row */
        NoticeType told_type;
        usec_t told_usec;               /* realtime, when last told; 0: not told */
        /* The same of the other types that were told in this row, since the start: at most one notice more
         * after a restart is the price of not storing them. */
        usec_t others_usec[TROUBLE_TYPES];
} Trouble;

typedef enum TroubleNews {
        TROUBLE_NO_NEWS,
        TROUBLE_TELL,                   /* t->told_type, t->reason, t->since_usec say what */
        TROUBLE_RECOVERED,              /* t is reset; *ret_blind_usec */
} TroubleNews;

/* Which notice a failed poll leads to, and after how many in a row (0: use the configured number). */
NoticeType trouble_type_for_source(Reason reason, uint64_t *ret_after);

/* A source's poll ended so. `after`: polls in a row that must have failed. */
TroubleNews trouble_take_poll(Trouble *t, const Outcome *outcome, uint64_t after, usec_t now_real_usec,
                              usec_t *ret_blind_usec);

#define TROUBLE_RECEIVER_AFTER 3U
/* A receiver's attempt ended so: three failed in a row, over at least a minute, or one refusal for good. */
TroubleNews trouble_take_delivery(Trouble *t, const Outcome *outcome, usec_t now_real_usec,
                                  usec_t *ret_blind_usec);

/* A message was refused, not the receiver: other messages may pass. */
bool trouble_is_refusal(const Outcome *outcome);
/* One more such refusal, counted apart from what trouble_take_delivery() counts: told once a day. There is
 * no end to be told, as nothing is over. From the third in a row (t->n_row; the caller resets it when
 * something passes) it is the receiver's trouble too. */
TroubleNews trouble_take_refusal(Trouble *t, const Outcome *outcome, usec_t now_real_usec);

/* The clock was set: the row began, and was told, at another time by it. */
void trouble_shift(Trouble *t, int64_t step_usec);
