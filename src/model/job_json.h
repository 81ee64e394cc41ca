#pragma once
/* The parts of a job's and an event's JSON text with their limits: without any for the store, with ever
 * tighter ones for a notice that must fit into a message. Internal to model/. */

#include <stddef.h>

#include <json-c/json.h>

#include "model/clip.h"
#include "model/job.h"

#define JOB_STATUS_CHARS 64U
#define JOB_NAME_CHARS 256U
#define JOB_ERROR_CHARS 4096U

typedef struct JobJsonLimits {
        size_t name_chars;              /* of models, files, suffix */
        size_t error_chars;             /* of the error's message */
        ClipLimits hyperparameters, metadata;
} JobJsonLimits;

/* As much as job_from_json() keeps. */
extern const JobJsonLimits job_json_unlimited;

/* Adds every member of a job but `id` and `status`. */
int job_add_json(json_object *o, const Job *j, const JobJsonLimits *limits);

typedef struct EventJsonLimits {
        size_t message_chars;
        ClipLimits data;
} EventJsonLimits;

int event_make_json(const Event *e, const EventJsonLimits *limits, json_object **ret);
