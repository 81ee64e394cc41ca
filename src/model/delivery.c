#include "model/delivery.h"

#include <errno.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/strings.h"

static const char *const states[] = {
        [DELIVERY_PENDING] = "pending",
        [DELIVERY_INFLIGHT] = "inflight",
        [DELIVERY_DONE] = "done",
        [DELIVERY_DEAD] = "dead",
        [DELIVERY_SILENCED] = "silenced",
};

const char *delivery_state_to_string(DeliveryState s) {
        return (size_t) s < ARRAY_SIZE(states) ? states[s] : "unknown";
}

int delivery_state_from_string(const char *s, DeliveryState *ret) {
        for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                if (streq(states[i], s)) {
                        *ret = (DeliveryState) i;
                        return 0;
                }
        return -EINVAL;
}

usec_t backoff_usec(uint64_t n_failures, usec_t min_usec, usec_t max_usec, uint32_t random) {
        usec_t wait = MIN(min_usec, max_usec);

        if (n_failures == 0)
                return 0;
        for (uint64_t n = 1; n < n_failures && wait > 0 && wait < max_usec; n++)
                wait = wait > max_usec / 2 ? max_usec : wait * 2;
        /* Shorter, never longer: max stays the longest wait. In two parts, as wait * random may not fit. */
        usec_t quarter = wait / 4;
        return wait - ((quarter >> 32) * random + ((quarter & UINT32_MAX) * random >> 32));
}

DeliveryVerdict delivery_settle(const Outcome *outcome, uint64_t attempts, bool degraded,
                                usec_t created_usec, const DeliveryLimits *limits, usec_t now_real_usec,
                                uint32_t random) {
        if (outcome->kind == OUTCOME_OK)
                return (DeliveryVerdict) { .state = DELIVERY_DONE };

        bool reshape = outcome->reshape && !degraded;
        if (outcome->kind == OUTCOME_REJECTED)
                return reshape ? (DeliveryVerdict) { .state = DELIVERY_PENDING, .due_usec = now_real_usec,
                                                     .degrade = true, .reason = outcome->reason } :
                                 (DeliveryVerdict) { .state = DELIVERY_DEAD, .reason = outcome->reason };

        usec_t wait = backoff_usec(MAX(attempts, (uint64_t) 1), limits->backoff_min_usec,
                                   limits->backoff_max_usec, random);
        wait = MAX(wait, MIN(outcome->retry_after_usec, limits->retry_after_max_usec));
        usec_t due = usec_add(now_real_usec, wait);
        /* A stamp of the future was made before the clock was set back: it must not live longer for that. */
        if (due > usec_add(MIN(created_usec, now_real_usec), limits->max_age_usec))
                return (DeliveryVerdict) { .state = DELIVERY_DEAD, .reason = REASON_EXPIRED };
        return (DeliveryVerdict) { .state = DELIVERY_PENDING,
                                  .due_usec = due,
                                  .degrade = degraded || reshape,
                                  .reason = outcome->reason };
}
