#pragma once
/* Whether a paused job goes on by itself, from what the API shows of it. Two pauses are documented
 * ("Cost management for fine-tuning"): jobs of the Developer tier are pre-empted and resumed by the service,
 * reinforcement jobs stop at a spending limit of $5,000 and wait for a person. The third is a person's own.
 */

#include <stddef.h>

#include "model/job.h"

typedef enum PauseEnd {
        PAUSE_UNKNOWN,                  /* neither the job nor its events say */
        PAUSE_RESUMES,                  /* by itself */
        PAUSE_AT_LIMIT,                 /* waits for a person */
        PAUSE_BY_USER,                  /* waits for a person */
        PAUSE_PERHAPS_AT_LIMIT,         /* reinforcement, and no event says why */
        PAUSE_NOT_AT_LIMIT,             /* another method, which knows no such limit */
        _PAUSE_END_MAX,
} PauseEnd;

/* What an event says goes before what the tier says, and that before the method. job may be NULL. */
PauseEnd pause_judge(const Job *job, Event *const *events, size_t n_events);
/* What is known, what is not, and what to do; static. */
const char *pause_advice(PauseEnd end);
