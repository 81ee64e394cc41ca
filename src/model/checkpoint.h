#pragma once
/* A checkpoint of a job: a model that can be deployed while training goes on. Read tolerantly from
 * GET .../checkpoints; servers keep those of the last three epochs only, so what was seen is stored. */

#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/macro.h"
#include "model/metrics.h"

typedef struct Checkpoint {
        char *id;                       /* never NULL */
        char *model;                    /* the final one is the job's own model; NULL unknown */
        int64_t created_at;             /* Unix seconds by the server's clock, 0 unknown */
        int64_t step;                   /* -1 unknown */
        json_object *metrics;           /* an object or NULL; may hold strings ("type": "supervised") */
} Checkpoint;

/* -EBADMSG when it is no object with a usable id. Takes the API's row and what checkpoint_to_json() made. */
int checkpoint_from_json(json_object *o, Checkpoint **ret);
/* As the API spells it, without the metrics. */
int checkpoint_to_json(const Checkpoint *c, size_t name_chars, json_object **ret);
/* Its numbers as series of one point each at its step; missing ones (-1) are left out. */
int checkpoint_metrics(const Checkpoint *c, Metrics **ret);
Checkpoint *checkpoint_free(Checkpoint *c);
DEFINE_CLEANUP(Checkpoint, checkpoint_free)
