#pragma once
/* The life of a delivery, as pure functions: when to try again, when to give up. The outbox table holds the
 * truth. */

#include <stdbool.h>

#include "base/time.h"
#include "model/outcome.h"

typedef enum DeliveryState {            /* values are in the database */
        DELIVERY_PENDING = 0,
        DELIVERY_INFLIGHT = 1,
        DELIVERY_DONE = 2,
        DELIVERY_DEAD = 3,
        DELIVERY_SILENCED = 4,          /* kept back by a silence; nothing was tried */
} DeliveryState;

const char *delivery_state_to_string(DeliveryState s);
int delivery_state_from_string(const char *s, DeliveryState *ret);      /* -EINVAL */

/* Exponential with jitter: min * 2^(n_failures - 1), at most max, times 0.75 .. 1 by random (0 ..
 * UINT32_MAX). */
usec_t backoff_usec(uint64_t n_failures, usec_t min_usec, usec_t max_usec, uint32_t random);

typedef struct DeliveryLimits {
        usec_t backoff_min_usec, backoff_max_usec;
        usec_t retry_after_max_usec;
        usec_t max_age_usec;
} DeliveryLimits;

typedef struct DeliveryVerdict {
        DeliveryState state;            /* PENDING, DONE or DEAD */
        usec_t due_usec;                /* when PENDING, realtime */
        bool degrade;                   /* when PENDING: render the degraded form */
        Reason reason;                  /* EXPIRED when given up for its age */
} DeliveryVerdict;

/* What follows from the attempt number `attempts` (counted from 1, this one included) with this outcome. */
DeliveryVerdict delivery_settle(const Outcome *outcome, uint64_t attempts, bool degraded,
                                usec_t created_usec, const DeliveryLimits *limits, usec_t now_real_usec,
                                uint32_t random);
