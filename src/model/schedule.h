#pragma once
/* When a source is polled next. Pure; intervals in boottime, so that a suspended machine polls once when it
 * wakes. */

#include <stdbool.h>

#include "base/time.h"
#include "model/outcome.h"

typedef struct ScheduleLimits {
        usec_t poll_interval_usec;      /* while a job is unfinished */
        usec_t idle_interval_usec;
        usec_t retry_after_max_usec;
} ScheduleLimits;

#define SCHEDULE_BACKOFF_MAX_USEC (10 * USEC_PER_MINUTE)

/* The next poll after one that began at started_usec and ended so. n_failed in a row, this one included.
 * After a failure: the interval doubled for each failure from the second on, to ten minutes at most (or the
 * interval, if that is longer); never before what the server asked for, up to retry_after_max. Jitter: a
 * tenth of the interval, by random (0..UINT32_MAX). */
usec_t schedule_next(const ScheduleLimits *limits, bool is_active, const Outcome *outcome, uint64_t n_failed,
                     usec_t started_usec, usec_t now_usec, uint32_t random);
