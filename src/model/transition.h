#pragma once
/* What became news: (what we knew of a job, what the server shows now) -> status changes worth a notice.
 * `status` alone decides; never an event's text, `error`, `finished_at` or `result_files`. */

#include <stdbool.h>
#include <stdint.h>

#include "model/job.h"
#include "model/notice.h"

/* What the source told us about time and first contact. */
typedef struct Baseline {
        bool done;                      /* first contact is over */
        int64_t at;                     /* when it began, Unix seconds by the server's clock */
} Baseline;

#define TRANSITIONS_MAX 2U

typedef struct Transition {
        NoticeType type;
        const char *status;             /* canonical; borrowed from `observed` or static */
        const char *previous;           /* canonical; borrowed from `known_status`, or NULL */
} Transition;

/* Whether a job that was never seen before was there before us. During first contact that is every job that
 * is not younger than its beginning (lists that are oldest first end with those); after it only a finished
 * one. */
bool job_is_past(const Job *observed, const Baseline *baseline);

/* known_status: canonical, NULL when the job was never seen. Returns how many of ret are filled: none for a
 * job never seen that is past; "created" and the status for a new one; the status for a change. */
unsigned transition_detect(const char *known_status, const Job *observed, const Baseline *baseline,
                           Transition ret[static TRANSITIONS_MAX]);

/* Whether an event is worth a notice: a warning or an error that is not from before first contact. `silent`:
 * its job was seen at first contact. */
bool event_is_news(const Event *e, bool silent, const Baseline *baseline);
