#pragma once
/* The JSON of jobs, events and checkpoints. Rows are rendered once and kept until the thing changes, so that
 * serving an unchanged page costs little more than copying it. */
#include <stdbool.h>
#include <stddef.h>

#include "job.h"
#include "training.h"

/* The object as it is now; owned by the job, valid until the world changes. summary: the specification's
 * row. */
const char *render_job(Job *job, bool summary, size_t *ret_size);
const char *render_event(const World *w, Event *e, size_t *ret_size);
/* The caller frees. */
char *render_checkpoint(const Job *job, const Checkpoint *c);
