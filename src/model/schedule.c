#include "model/schedule.h"

#include "base/macro.h"
#include "model/delivery.h"

usec_t schedule_next(const ScheduleLimits *limits, bool is_active, const Outcome *outcome, uint64_t n_failed,
                     usec_t started_usec, usec_t now_usec, uint32_t random) {
        usec_t interval = is_active ? limits->poll_interval_usec : limits->idle_interval_usec;
        usec_t jitter = (usec_t) ((double) interval / 10 * random / UINT32_MAX);

        if (outcome->kind == OUTCOME_OK) {
                /* Steady from start to start: the time a poll takes does not add up. Jitter only spreads
                 * sources, backwards. */
                usec_t next = usec_add(started_usec, interval - jitter);
                return MAX(next, usec_add(now_usec, interval / 10));
        }
        /* A poll that failed is tried again at the pace of an active source, idle or not: news may be
         * waiting. */
        usec_t least = limits->poll_interval_usec;
        usec_t wait = backoff_usec(n_failed, least, MAX(least, SCHEDULE_BACKOFF_MAX_USEC), random);
        wait = MAX(wait, MIN(outcome->retry_after_usec, limits->retry_after_max_usec));
        return usec_add(now_usec, wait);
}
