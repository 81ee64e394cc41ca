#include "world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "util.h"

void world_init(World *w, Clock *clock) {
        *w = (World) {
                .clock = clock,
                .next_change = -INFINITY,
                .settings = { .api_key = must_strdup(""), .time_scale = 1, .stamp_scale = 1 },
        };
}

void world_done(World *w) {
        for (size_t i = 0; i < w->n_jobs; i++)
                (void) job_free(w->jobs[i]);
        free(w->jobs);
        free(w->settings.api_key);
        free(w->settings.token);
        (void) json_object_put(w->settings.api_versions);
        *w = (World) {};
}

void world_update(World *w) {
        double now = clock_elapsed(w->clock) / w->settings.time_scale;

        if (now < w->now)               /* a shared clock went back: start over from the first change */
                w->next_change = -INFINITY;
        w->now = now;
        if (now < w->next_change)
                return;
        w->next_change = INFINITY;
        for (size_t i = 0; i < w->n_jobs; i++)
                w->next_change = fmin(w->next_change, job_update(w->jobs[i], now));
}

void world_add_job(World *w, Job *job) {
        w->jobs = must_realloc(w->jobs, w->n_jobs + 1, sizeof(Job *));
        size_t i = w->n_jobs++;
        for (; i > 0 && w->jobs[i - 1]->created > job->created; i--)
                w->jobs[i] = w->jobs[i - 1];
        w->jobs[i] = job;
        w->n_jobs_ever++;
        w->next_change = -INFINITY;
}

Job *world_find_job(World *w, const char *id) {
        for (size_t i = 0; i < w->n_jobs; i++)
                if (job_is_visible(w->jobs[i], w->now) && strcmp(w->jobs[i]->id, id) == 0)
                        return w->jobs[i];
        return NULL;
}

Job *world_find_file(World *w, const char *file_id) {
        for (size_t i = 0; i < w->n_jobs; i++)
                if (job_is_visible(w->jobs[i], w->now) && strcmp(w->jobs[i]->result_file, file_id) == 0)
                        return w->jobs[i];
        return NULL;
}

int64_t world_stamp(const World *w, double at) {
        int64_t base = w->settings.stamp_base;
        if (base == 0)
                base = w->clock->start_real_nsec / INT64_C(1000000000);
        return base + (int64_t) floor(w->settings.stamp_offset +
                                      at * w->settings.time_scale * w->settings.stamp_scale);
}

double world_stamp_span(const World *w, double stamp_seconds) {
        return stamp_seconds / (w->settings.time_scale * w->settings.stamp_scale);
}
