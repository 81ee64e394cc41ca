#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "jsonread.h"
#include "scenario.h"
#include "util.h"

#define COUNT_MAX 200000
#define HISTORY_EVERY_SEC 3600          /* stamps between two jobs of the history */

static const char *const models[] = {
        "gpt-4.1-mini-2025-04-14", "gpt-4o-mini-2024-07-18", "gpt-4.1-nano-2025-04-14", "gpt-4o-2024-08-06",
};

static Job *generate_job(World *w, const char *what, size_t i) {
        Job *job = job_new(w, NULL);
        uint64_t bits = random_hash(w->settings.seed, what, i);
        char hex[33];

        job->model = must_strdup(models[bits % ELEMENTSOF(models)]);
        job->suffix = must_printf("%s-%zu", what, i);
        job->method = must_strdup("supervised");
        random_hex32(w->settings.seed, job->id, 5, hex);
        job->fine_tuned_model = must_printf("%s.ft-%s-%s", job->model, hex, job->suffix);
        job->trained_tokens = (int64_t) (bits >> 44) + 10000;
        return job;
}

/* One an hour of stamps before the start; most succeeded. */
static void generate_finished(World *w, size_t i) {
        Job *job = generate_job(w, "history", i);
        double at = -world_stamp_span(w, HISTORY_EVERY_SEC) * (double) (i + 2),
               minute = world_stamp_span(w, 60);
        uint64_t dice = random_hash(w->settings.seed, "end", i) % 10;

        job->created = at;
        job->training.enabled = true;
        job->lead = job->tail = minute;
        job_add_change(job, at, "pending", NULL, NULL, NULL);
        job_add_change(job, at + 5 * minute, "running", NULL, NULL, NULL);
        if (dice == 0)
                job_add_change(job, at + 20 * minute, "failed", "jsonlValidationFailed",
                               "The training file is not valid: line 17 has no messages.", "training_file");
        else
                job_add_change(job, at + 45 * minute, dice == 1 ? "cancelled" : "succeeded", NULL, NULL,
                               NULL);
        world_add_job(w, job);
}

/* Running since before the start, with so many events, and nothing more to come. */
static void generate_active(World *w, size_t i, int64_t n_events) {
        Job *job = generate_job(w, "active", i);
        double minute = world_stamp_span(w, 60), at = -minute * (double) (50 + i);
        int64_t n_metrics = n_events > 2 ? n_events - 2 : 0;

        job->created = at;
        job->training.enabled = n_metrics > 0;
        job->training.steps_done = n_metrics * job->training.every;
        job->training.steps = job->training.steps_done * 2;
        job->training.to = -minute;
        job_add_change(job, at, "pending", NULL, NULL, NULL);
        job_add_change(job, at + 5 * minute, "running", NULL, NULL, NULL);
        world_add_job(w, job);
}

static int compare_doubles(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;
        return x < y ? -1 : x > y;
}

/* pending, running, perhaps paused and running again, an end: at random times between from and to. */
static void generate_storm(World *w, size_t i, double from, double to) {
        static const char *const ends[] = { "succeeded", "succeeded", "failed", "cancelled" };
        static const char *const plain[] = { "pending", "running", NULL };
        static const char *const pausing[] = { "pending", "running", "paused", "running", NULL };
        Job *job = generate_job(w, "storm", i);
        uint64_t state = random_hash(w->settings.seed, "storm", i);
        const char *const *statuses = random_next(&state) % 2 ? plain : pausing;
        double times[5];
        size_t n = 0;

        for (size_t k = 0; k < ELEMENTSOF(times); k++)
                times[k] = from + (to - from) * random_unit(random_next(&state));
        qsort(times, ELEMENTSOF(times), sizeof *times, compare_doubles);
        job->created = times[0];
        job->lead = job->tail = (to - from) / 50;
        job->training.enabled = true;
        for (; statuses[n]; n++)
                job_add_change(job, times[n], statuses[n], NULL, NULL, NULL);
        const char *end = ends[random_next(&state) % ELEMENTSOF(ends)];
        bool failed = strcmp(end, "failed") == 0;
        job_add_change(job, times[n], end, failed ? "internalFailure" : NULL,
                       failed ? "The job failed due to an internal error." : NULL, NULL);
        world_add_job(w, job);
}

int generate_jobs(World *w, json_object *o) {
        static const char *const keys[] = { "finished", "active", "storm", "events", "from", "to", NULL };
        int64_t finished = json_int(o, "finished", 0), active = json_int(o, "active", 0);
        int64_t storm = json_int(o, "storm", 0), events = json_int(o, "events", 20);

        if (!json_check_keys(o, "generate", keys))
                return -EINVAL;
        if (finished < 0 || active < 0 || storm < 0 || finished + active + storm > COUNT_MAX || events < 0 ||
            events > EVENTS_MAX) {
                (void) fprintf(stderr, "ftsim: generate: a number is out of range\n");
                return -EINVAL;
        }
        for (int64_t i = finished; i > 0; i--)  /* oldest first: each is appended */
                generate_finished(w, (size_t) (i - 1));
        for (int64_t i = active; i > 0; i--)
                generate_active(w, (size_t) (i - 1), events);
        for (int64_t i = 0; i < storm; i++)
                generate_storm(w, (size_t) i, json_double(o, "from", 1), json_double(o, "to", 20));
        return 0;
}
