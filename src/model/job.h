#pragma once
/* A fine-tuning job and its events as the API shows them, read tolerantly: null, {} and absent are the same,
 * integers may be floats or digit strings, `error` means nothing by itself, unknown fields are ignored. The
 * same reader takes what the store kept. Also the table of statuses. Sources: Azure api 2024-10-21 and
 * 2025-04-01-preview, OpenAI openapi.yaml. */

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/macro.h"

#define JOB_ID_MAX 256U                 /* bytes; ids are opaque */
#define EVENT_MESSAGE_MAX 4096U         /* characters kept of an event's message */

typedef enum StatusClass {
        STATUS_CLASS_ACTIVE,            /* waiting or working: polled */
        STATUS_CLASS_PAUSED,            /* not finished, goes on by itself or when a person acts: polled */
        STATUS_CLASS_UNKNOWN,           /* a string this program does not know: not finished, polled */
        STATUS_CLASS_TERMINAL,
} StatusClass;

StatusClass status_class(const char *status);
static inline bool status_is_terminal(const char *status) {
        return status_class(status) == STATUS_CLASS_TERMINAL;
}
/* The API's own spelling for an alias ("canceled" -> "cancelled"); an unknown string is returned as it is.
 */
const char *status_canonical(const char *status);

typedef struct JobError {
        char *code, *message, *param;   /* each may be NULL */
} JobError;

typedef struct Job {
        char *id;                       /* never NULL */
        char *status;                   /* raw, never NULL */
        char *model;                    /* base model */
        char *fine_tuned_model;
        char *suffix;                   /* suffix or user_provided_suffix */
        char *training_file, *validation_file;
        char *result_file; /* the first of result_files; being there says nothing about being done */
        char *method;                   /* supervised, dpo, reinforcement */
        char *training_type;            /* Azure's tier, "developerTier"; NULL on most replies */
        JobError error;
        json_object *hyperparameters;   /* an object or NULL */
        json_object *metadata;          /* an object of strings or NULL */
        int64_t created_at;             /* Unix seconds by the server's clock, 0 unknown */
        int64_t finished_at;            /* 0 unknown; absent on most failed and cancelled jobs */
        int64_t estimated_finish;       /* a hint only, often wild; 0 unknown */
        int64_t trained_tokens;         /* -1 unknown; not what is billed */
} Job;

/* -EBADMSG when it is no object with a usable id and status. */
int job_from_json(json_object *o, Job **ret);
/* The shape of the webhook's `data` (see notice_to_json), without the notice's own members. */
int job_to_json(const Job *j, json_object **ret);
Job *job_free(Job *j);
int job_copy(const Job *j, Job **ret);
DEFINE_CLEANUP(Job, job_free)

/* What to call it: the suffix if there is one, else the id. */
const char *job_title(const Job *j);
/* Seconds from creation to the end, -1 when unknown or not credible (negative or over 60 days). */
int64_t job_duration_sec(const Job *j);

typedef enum EventLevel {
        EVENT_LEVEL_INFO,
        EVENT_LEVEL_WARNING,            /* "warn" and "warning" */
        EVENT_LEVEL_ERROR,
} EventLevel;
const char *event_level_to_string(EventLevel level);

typedef struct Event {
        char *id;                       /* NULL on servers that give none */
        int64_t created_at;             /* Unix seconds; Azure's metric events carry made-up ones */
        EventLevel level;
        char *message;                  /* never NULL */
        bool is_metrics;
        int64_t step;                   /* -1 when there is none */
        json_object *data;              /* an object or NULL */
} Event;

int event_from_json(json_object *o, Event **ret);
int event_to_json(const Event *e, json_object **ret);
Event *event_free(Event *e);
DEFINE_CLEANUP(Event, event_free)

#define EVENT_KEY_SIZE 16U
/* Identity within a job: (id, step or message); without an id (created_at, level, message, nth), where nth
 * counts equal ones on the page from 0. Ids alone collide: Azure's metric ids are a tick count of a whole
 * second. */
int event_key(const Event *e, unsigned nth, uint8_t ret[static EVENT_KEY_SIZE]);
