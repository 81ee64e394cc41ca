#include "job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "training.h"
#include "util.h"

Job *job_new(World *w, const char *id) {
        Job *job = must_calloc(1, sizeof *job);
        char hex[33];

        *job = (Job) { .world = w, .removed = INFINITY, .estimate = NAN, .lead = 2, .tail = 2,
                        .billed_hours = 0.5 };
        job->training = (Training) {
                .from = NAN, .to = NAN, .steps = 100, .every = 10, .epochs = 3, .batch = 1,
                .loss_from = 2.4, .loss_to = 0.2, .noise = 0.04, .stamp_per_step = 1,
        };
        uint64_t seed = w->settings.seed;
        random_hex32(seed, "job", w->n_jobs_ever, hex);
        job->id = id ? must_strdup(id) : must_printf("ftjob-%s", hex);
        random_hex32(seed, job->id, 1, hex);
        job->training_file = must_printf("file-%s", hex);
        random_hex32(seed, job->id, 2, hex);
        job->validation_file = must_printf("file-%s", hex);
        random_hex32(seed, job->id, 3, hex);
        job->result_file = must_printf("file-%s", hex);
        job->training_seed = (int64_t) (random_hash(seed, job->id, 4) >> 33);
        return job;
}

static void event_free(Event *e) {
        free(e->level);
        free(e->message);
        free(e->row);
        free(e);
}

static void change_done(Change *c) {
        free(c->status);
        free(c->code);
        free(c->message);
        free(c->param);
}

Job *job_free(Job *job) {
        if (!job)
                return NULL;
        for (size_t i = 0; i < job->n_events; i++)
                event_free(job->events[i]);
        for (size_t i = 0; i < job->n_changes; i++)
                change_done(&job->changes[i]);
        free(job->events);
        free(job->changes);
        free(job->id);
        free(job->model);
        free(job->suffix);
        free(job->fine_tuned_model);
        free(job->method);
        free(job->training_file);
        free(job->validation_file);
        free(job->result_file);
        free(job->summary.text);
        free(job->detail.text);
        free(job->csv);
        (void) json_object_put(job->metadata);
        (void) json_object_put(job->hyperparameters);
        free(job);
        return NULL;
}

void job_freep(Job **job) {
        (void) job_free(*job);
}

void job_add_change(Job *job, double at, const char *status, const char *code, const char *message,
                    const char *param) {
        job->changes = must_realloc(job->changes, job->n_changes + 1, sizeof *job->changes);
        size_t i = job->n_changes++;
        for (; i > 0 && job->changes[i - 1].at > at; i--)
                job->changes[i] = job->changes[i - 1];
        job->changes[i] = (Change) {
                .at = at, .status = must_strdup(status), .code = must_strdup(code),
                .message = must_strdup(message), .param = must_strdup(param),
        };
}

Event *job_add_event(Job *job, double at, int64_t stamp, const char *level, const char *message) {
        if (job->n_events >= EVENTS_MAX)
                return NULL;
        Event *e = must_calloc(1, sizeof *e);
        char hex[33];

        *e = (Event) {
                .at = at, .stamp = stamp, .seq = job->next_seq++,
                .level = must_strdup(level), .message = must_strdup(message),
        };
        random_hex32(job->world->settings.seed ^ 0x65, job->id, e->seq, hex);
        (void) snprintf(e->id, sizeof e->id, "ftevent-%s", hex);
        job->events = must_realloc(job->events, job->n_events + 1, sizeof(Event *));
        job->events[job->n_events++] = e;
        return e;
}

static void job_add_message(Job *job, double at, const char *level, const char *message) {
        (void) job_add_event(job, at, world_stamp(job->world, at), level, message);
}

/* "Job succeeded." comes before the status, the results and billing lines after it (facts of real runs). */
static void job_add_success_events(Job *job, double at, double not_before) {
        _cleanup_(string_freep) char *results = must_printf("Completed results file: %s", job->result_file);
        _cleanup_(string_freep) char *billed = must_printf("Training hours billed: %.3f", job->billed_hours);

        job_add_message(job, fmax(at - job->lead, not_before), "info", "Job succeeded.");
        job_add_message(job, fmax(at - job->lead * 0.4, not_before), "info", "Postprocessing started.");
        job_add_message(job, fmax(at - job->lead * 0.2, not_before), "info", "Model Evaluation Passed.");
        job_add_message(job, at + job->tail * 0.8, "info", results);
        job_add_message(job, at + job->tail, "info", billed);
}

static void job_add_auto_events(Job *job, const Change *c, bool first_run, double not_before) {
        static const struct {
                const char *status, *level, *message;
        } table[] = {
                { "pending",          "info", "Job enqueued. Waiting for jobs ahead to complete." },
                { "queued",           "info", "Job enqueued. Waiting for jobs ahead to complete." },
                { "validating_files", "info", "Validating training file." },
                { "paused",           "info", "Job paused." },
                { "cancelled",        "info", "Job cancelled." },
                { "canceled",         "info", "Job cancelled." },
        };

        if (job->no_auto_events)
                return;
        if (strcmp(c->status, "succeeded") == 0)
                job_add_success_events(job, c->at, not_before);
        else if (strcmp(c->status, "running") == 0)
                job_add_message(job, c->at, "info", first_run ? "Job started." : "Job resumed.");
        else if (strcmp(c->status, "failed") == 0)
                job_add_message(job, c->at, "error", c->message ? c->message : "Job failed.");
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (strcmp(table[i].status, c->status) == 0)
                        job_add_message(job, c->at, table[i].level, table[i].message);
}

static int event_compare(const void *a, const void *b) {
        const Event *x = *(Event *const *) a, *y = *(Event *const *) b;

        if (x->stamp != y->stamp)
                return x->stamp < y->stamp ? -1 : 1;
        if (x->at < y->at || x->at > y->at)
                return x->at < y->at ? -1 : 1;
        return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int event_compare_arrival(const void *a, const void *b) {
        const Event *x = *(Event *const *) a, *y = *(Event *const *) b;

        if (x->at < y->at || x->at > y->at)
                return x->at < y->at ? -1 : 1;
        return x->seq < y->seq ? -1 : x->seq > y->seq;
}

void job_sort_events(Job *job) {
        if (job->n_events > 1)
                qsort(job->events, job->n_events, sizeof(Event *),
                      job->world->settings.sort_by_arrival ? event_compare_arrival : event_compare);
}

void job_fill(Job *job) {
        if (job->filled)
                return;
        job->filled = true;
        bool ran = false;
        for (size_t i = 0; i < job->n_changes; i++) {
                const Change *c = &job->changes[i];
                job_add_auto_events(job, c, !ran, i > 0 ? job->changes[i - 1].at : c->at);
                ran = ran || strcmp(c->status, "running") == 0;
        }
        training_add_events(job);
        job_sort_events(job);
}

void job_set_status(Job *job, double now, const char *status, const char *code, const char *message,
                    const char *param) {
        job_fill(job);
        bool ran = false;
        size_t n = 0;
        for (; n < job->n_changes && job->changes[n].at <= now; n++)
                ran = ran || strcmp(job->changes[n].status, "running") == 0;
        for (size_t i = n; i < job->n_changes; i++)
                change_done(&job->changes[i]);
        bool scripted_future = n < job->n_changes;
        job->n_changes = n;
        if (scripted_future || status_is_terminal(status)) {
                size_t kept = 0;
                for (size_t i = 0; i < job->n_events; i++) {
                        if (job->events[i]->at <= now)
                                job->events[kept++] = job->events[i];
                        else
                                event_free(job->events[i]);
                }
                job->n_events = kept;
        }
        job_add_change(job, now, status, code, message, param);
        job_add_auto_events(job, &job->changes[n], !ran, now);
        job_sort_events(job);
        job->version++;
        job->world->next_change = -INFINITY;
}

double job_update(Job *job, double now) {
        size_t n = 0;

        while (n < job->n_changes && job->changes[n].at <= now)
                n++;
        if (n != job->n_passed)
                job->version++;
        job->n_passed = n;
        return n < job->n_changes ? job->changes[n].at : INFINITY;
}

bool job_is_visible(const Job *job, double now) {
        return job->created <= now && job->removed > now;
}

const Change *job_last_change(const Job *job) {
        return job->n_passed > 0 ? &job->changes[job->n_passed - 1] : NULL;
}

const char *job_status(const Job *job) {
        const Change *c = job_last_change(job);
        return c ? c->status : "pending";
}

bool status_is_terminal(const char *status) {
        static const char *const table[] = { "succeeded", "failed", "cancelled", "canceled" };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (strcmp(table[i], status) == 0)
                        return true;
        return false;
}

const Change *job_find_change(const Job *job, const char *status) {
        for (size_t i = 0; i < job->n_changes; i++)
                if (strcmp(job->changes[i].status, status) == 0)
                        return &job->changes[i];
        return NULL;
}
