#pragma once
/* The numbers of a training run, a function of the seed and the step alone: metric events with the made-up
 * stamps and tick ids of the real service, checkpoints, result file. */
#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

#include "job.h"

#define CHECKPOINTS_KEPT 3              /* the last three epochs, as the services document */

typedef struct Checkpoint {
        int64_t step, epoch;
        int64_t stamp;
        bool final;
        char id[48];
        Metrics metrics;
} Checkpoint;

void training_add_events(Job *job);
/* Newest first; returns how many exist now. */
size_t training_checkpoints(const Job *job, double now, Checkpoint ret[CHECKPOINTS_KEPT]);
/* The whole result file; owned by the job. NULL without training. */
const char *training_csv(Job *job);
