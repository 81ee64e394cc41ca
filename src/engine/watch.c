#include "engine/watch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/strings.h"
#include "engine/conditions.h"
#include "engine/engine_internal.h"
#include "engine/ingest.h"
#include "engine/vigil.h"

static void watch_free(Watch *w) {
        row_cache_done(&w->events);
        walk_done(&w->events_walk);
        free(w->job_id);
        free(w->title);
        free(w);
}

Watch *watch_find(Source *s, const char *job_id) {
        Watch *w;

        HASH_FIND_STR(s->watches, job_id, w);
        return w;
}

size_t watches_count(const Source *s) {
        return HASH_COUNT(s->watches);
}

/* In a poll under way the fan-out may stand at this watch: it moves on. */
void watch_drop(Source *s, Watch *w) {
        if (s->next_watch == w)
                s->next_watch = w->hh.next;
        HASH_DEL(s->watches, w);
        ingest_forget_waiting(s, w);
        watch_free(w);
}

static int watch_add(Source *s, const StoredJob *stored) {
        Watch *w = calloc(1, sizeof *w);
        uint64_t last_walk = 0;

        if (!w)
                return -ENOMEM;
        w->row = stored->id;
        w->silent = stored->silent;
        w->created_at = stored->job->created_at;
        int r = free_and_strdup(&w->job_id, stored->job->id);
        if (r >= 0)
                r = free_and_strdup(&w->title, job_title(stored->job));
        if (r >= 0)
                r = walk_copy(&stored->events_walk, &w->events_walk);
        if (r >= 0)
                r = vigil_begin(s, w, stored);
        if (r >= 0)
                r = store_events_last_walk(s->engine->ports.store, stored->id, &last_walk);
        if (r < 0) {
                watch_free(w);
                return r;
        }
        w->events_walk.n = MAX(w->events_walk.n, last_walk);
        HASH_ADD_KEYPTR(hh, s->watches, w->job_id, strlen(w->job_id), w);
        return 0;
}

int watch_update(Source *s, const StoredJob *stored) {
        Watch *w = watch_find(s, stored->job->id);

        if (stored->removed || status_is_terminal(stored->status)) {
                if (w)
                        watch_drop(s, w);
                return 0;
        }
        if (!w)
                return watch_add(s, stored);
        vigil_update(s, w, stored);
        return 0;
}

int watch_look(Source *s, Watch *w, bool have_events) {
        int r = vigil_look(s, w, have_events);

        if (r < 0 || !w->metrics_news)
                return r;
        r = conditions_look(s, w->row, false);
        w->metrics_news = r < 0;
        return r;
}

int watches_load(Source *s) {
        _cleanup_free_ int64_t *rows = NULL;
        size_t n = 0;

        int r = store_jobs_unfinished(s->engine->ports.store, s->stored.id, &rows, &n);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                _cleanup_(stored_job_freep) StoredJob *stored = NULL;
                r = store_job_load_by_id(s->engine->ports.store, rows[i], &stored);
                if (r > 0)
                        r = watch_add(s, stored);
        }
        return MIN(r, 0);
}

void watches_shift_clock(Source *s, int64_t step_usec) {
        Watch *w, *next;

        HASH_ITER(hh, s->watches, w, next)
                w->vigil_changed_usec = usec_shift(w->vigil_changed_usec, step_usec);
}

void watches_free(Source *s) {
        Watch *w, *next;

        HASH_ITER(hh, s->watches, w, next)
                watch_drop(s, w);
}
