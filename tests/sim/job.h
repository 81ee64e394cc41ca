#pragma once
/* One fine-tuning job: its passage through statuses and its events, all known beforehand (the future is
 * there but not yet visible). What the texts and ids look like follows published output of real runs. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "world.h"

#define EVENTS_MAX 100000

/* NAN: not measured at this step; infinite: diverged, which the wire calls NaN. */
typedef struct Metrics {
        double train_loss, train_accuracy;
        double valid_loss, valid_accuracy;
        double full_valid_loss, full_valid_accuracy;
        double reward;
} Metrics;

typedef struct Event {
        double at;                      /* when it becomes visible */
        int64_t stamp;
        uint64_t seq;
        int64_t step;                   /* 0: a message */
        Metrics metrics;
        char id[48];
        char *level;
        char *message;
        char *row;                      /* rendered, lazily */
        size_t row_size;
} Event;

typedef struct Change {
        double at;
        char *status;
        char *code, *message, *param;   /* error, for failed */
} Change;

typedef struct Training {
        bool enabled;
        bool validation, reward;
        double from, to;                /* NAN: from running to shortly before the end */
        int64_t steps, steps_done, every, epochs, batch;
        double lag;                     /* a metric event appears this late */
        double loss_from, loss_to, noise;
        double stamp_per_step;
        int64_t nan_from;               /* the step at which the loss diverges; 0: never */
} Training;

typedef struct Row {
        char *text;
        size_t size;
        uint64_t version;
        int64_t bucket;                 /* of the moving estimate */
} Row;

struct Job {
        World *world;
        char *id, *model, *suffix, *fine_tuned_model, *method;
        char *training_file, *validation_file, *result_file;
        json_object *metadata, *hyperparameters;
        int64_t trained_tokens, training_seed;
        double billed_hours;
        double created, removed;
        double estimate;                /* when it is said to end; NAN: as settings.estimate has it */
        double lead, tail;              /* "Job succeeded." before, billing lines after the status change */
        bool no_auto_events;
        bool no_early_results;          /* result_files only after the end */
        Training training;
        Change *changes;                /* sorted by time */
        size_t n_changes, n_passed;
        Event **events;                 /* in list order, oldest first, once filled */
        size_t n_events;
        uint64_t next_seq;
        bool filled;
        uint64_t version;               /* rises with every visible change of the job object */
        Row summary, detail;
        char *csv;                      /* the result file, rendered lazily */
};

Job *job_new(World *w, const char *id);
Job *job_free(Job *job);
void job_freep(Job **job);

void job_add_change(Job *job, double at, const char *status, const char *code, const char *message,
                    const char *param);
Event *job_add_event(Job *job, double at, int64_t stamp, const char *level, const char *message);
/* Everything that is derived from the changes and the training; before the events are looked at. */
void job_fill(Job *job);
/* The status now, by command: what the timeline had in store for later is dropped. */
void job_set_status(Job *job, double now, const char *status, const char *code, const char *message,
                    const char *param);
void job_sort_events(Job *job);

double job_update(Job *job, double now);                /* when the next change is due */
bool job_is_visible(const Job *job, double now);
const char *job_status(const Job *job);
const Change *job_last_change(const Job *job);          /* of those that have passed; NULL: none */
bool status_is_terminal(const char *status);
/* Finds the first change to a status; NULL: never. */
const Change *job_find_change(const Job *job, const char *status);
