#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/json.h"
#include "base/strings.h"
#include "engine/compose.h"
#include "engine/engine_internal.h"
#include "engine/ingest.h"
#include "engine/vigil.h"
#include "engine/watch.h"
#include "model/transition.h"

#define WAITING_MAX 32U                 /* pages of one source: then they are written */

/* One page of one job's events on its way into the store. */
struct EventPage {
        Source *source;
        Watch *watch;                   /* NULL: the job has ended */
        Page *page;
        Page own_page;                  /* of one that waits */
        const RowCache *cache;          /* NULL: no row is known beforehand */
        Walk *walk;
        int64_t job;                    /* row */
        bool silent;                    /* seen at first contact */
        bool thorough;                  /* see walk_take_page() */
        bool tell;                      /* warnings and errors are notices of their own */
        RowInfo *infos;
        Event **events;                 /* NULL where the cache knew the row */
        unsigned *nth;                  /* NULL while every event has an id */
        size_t n;                       /* of all three */
        Walk before;                    /* what the walk was, should the transaction fail */
        bool begun;                     /* and whether it was kept */
        EventPage *prev, *next;
};

static int event_page_read(EventPage *p, const char **ret_reason) {
        size_t hint = 0;

        for (size_t i = 0; i < p->page->n_rows; i++) {
                const RowInfo *known = p->cache ? row_cache_find(p->cache, p->page, i, &hint) : NULL;
                if (!known) {
                        _cleanup_json_ json_object *o = NULL;
                        int r = json_parse_bounded(page_row_text(p->page, i), p->page->rows[i].size, &o,
                                                   ret_reason);
                        if (r >= 0)
                                r = event_from_json(o, &p->events[i]);
                        if (r < 0)
                                return r;
                }
                const Event *e = p->events[i];
                /* Azure's metric events carry made-up stamps: they say nothing about the order of the list.
                 */
                p->infos[i].at = known ? known->at : e->is_metrics ? 0 : e->created_at;
                int r = free_and_strdup(&p->infos[i].id, known ? known->id : e->id);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int row_compare_text(const Page *page, size_t a, size_t b) {
        size_t na = page->rows[a].size, nb = page->rows[b].size;

        return na != nb ? (na > nb) - (na < nb) : memcmp(page_row_text(page, a), page_row_text(page, b), na);
}

static int row_compare(const void *a, const void *b, void *page) {
        size_t x = *(const size_t *) a, y = *(const size_t *) b;
        int c = row_compare_text(page, x, y);

        return c != 0 ? c : (x > y) - (x < y);
}

/* nth[i]: how many equal rows stand before the i-th: tells events without an id apart. */
static int event_page_count_equals(EventPage *p) {
        size_t n = p->page->n_rows;
        _cleanup_free_ size_t *order = calloc(n + 1, sizeof *order);

        p->nth = calloc(n + 1, sizeof *p->nth);
        if (!order || !p->nth)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                order[i] = i;
        qsort_r(order, n, sizeof *order, row_compare, (void *) (uintptr_t) p->page);
        for (size_t i = 1; i < n; i++)
                if (row_compare_text(p->page, order[i - 1], order[i]) == 0)
                        p->nth[order[i]] = p->nth[order[i - 1]] + 1;
        return 0;
}

static int event_put_metrics(Store *store, int64_t job, const Event *e) {
        if (!e->data || e->step < 0)
                return 0;
        json_object_object_foreach(e->data, name, value) {
                double v;
                if (streq(name, "step") || streq(name, "total_steps") || strlen(name) > METRIC_NAME_MAX ||
                    !json_to_double(value, &v))
                        continue;
                int r = store_metric_put(store, job, name, e->step, v);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int event_tell(const EventPage *p, const Event *e, const uint8_t key[static EVENT_KEY_SIZE]) {
        _cleanup_(stored_job_freep) StoredJob *stored = NULL;
        _cleanup_(notice_freep) Notice *n = NULL;
        Engine *engine = p->source->engine;

        if (!p->tell || !event_is_news(e, p->silent, &p->source->stored.baseline))
                return 0;
        int r = store_job_load_by_id(engine->ports.store, p->job, &stored);
        if (r <= 0)
                return r;
        r = compose_event(p->source, stored->job, e, key, engine_now(engine).real_usec, &n);
        if (r < 0)
                return r;
        return observation_tell(engine, TAKE_PTR(n),
                                &(Subject) { .source = p->source->stored.id, .job = p->job }, NULL);
}

/* What is worth a look when the walk is done. */
static void watch_note(Watch *w, const Event *e) {
        w->metrics_news = w->metrics_news || e->step >= 0;
        w->checkpoint_hint = w->checkpoint_hint || (e->step < 0 && strcasestr(e->message, "checkpoint"));
}

static int event_page_store(EventPage *p, WalkPage *counts) {
        Store *store = p->source->engine->ports.store;
        bool unbroken = true;

        /* Newest first: stored from the oldest, so that rows and notices come in the order of things. */
        for (size_t n = p->page->n_rows; n > 0; n--) {
                size_t i = p->walk->order == WALK_ORDER_OLDEST_FIRST ? p->page->n_rows - n : n - 1;
                const Event *e = p->events[i];
                uint8_t key[EVENT_KEY_SIZE];
                uint64_t seen_in = 0;
                if (!e) {
                        counts->n_known++;
                        counts->n_known_last += unbroken;
                        continue;
                }
                int r = e->id || p->nth ? 0 : event_page_count_equals(p);
                if (r >= 0)
                        r = event_key(e, e->id ? 0 : p->nth[i], key);
                if (r >= 0)
                        r = store_event_add(store, p->job, e, key, p->walk->n, &seen_in);
                if (r < 0)
                        return r;
                counts->n_new += r > 0;
                bool known = r == 0 && seen_in < p->walk->floor;
                counts->n_known += known;
                unbroken = unbroken && known;
                counts->n_known_last += unbroken;
                if (r == 0)
                        continue;
                r = event_put_metrics(store, p->job, e);
                if (p->watch)
                        watch_note(p->watch, e);
                if (r >= 0)
                        r = event_tell(p, e, key);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Within a transaction. Returns a WalkStep; the caller undoes it by event_page_undo(). */
static int event_page_ingest(EventPage *p) {
        WalkPage counts = {};

        int r = walk_copy(p->walk, &p->before);
        if (r < 0)
                return r;
        p->begun = true;
        r = event_page_store(p, &counts);
        if (r < 0)
                return r;
        row_infos_summarize(p->infos, p->page, p->walk->after, &counts);
        /* The past of a job that was there before us is not fetched: its result file will tell. */
        if (p->silent && p->watch && p->walk->n == 1 && counts.last_at < p->source->stored.baseline.at)
                counts.has_more = false;
        int step = walk_take_page(p->walk, &counts, p->thorough);
        if (step >= 0 && p->watch && counts.n_new > 0)
                r = vigil_progress(p->source, p->job, p->watch);
        if (step >= 0 && r >= 0 && p->watch && p->walk->dirty)
                r = store_job_save_walk(p->source->engine->ports.store, p->job, p->walk);
        if (step >= 0 && r >= 0 && p->watch)
                p->walk->dirty = false;
        return r < 0 ? r : step;
}

static void event_page_undo(EventPage *p) {
        if (p->begun)
                walk_restore(p->walk, &p->before);
        if (p->watch)
                p->watch->progress_stored_usec = 0;
}

static int event_page_run(EventPage *p) {
        int r = observation_begin(p->source->engine);
        if (r < 0)
                return r;
        int step = event_page_ingest(p);
        r = observation_end(p->source->engine, step);
        if (r >= 0)
                return step;
        event_page_undo(p);
        return r;
}

static int event_page_prepare(EventPage *p, const char **ret_reason) {
        p->n = p->page->n_rows;
        p->infos = calloc(p->n + 1, sizeof *p->infos);
        p->events = calloc(p->n + 1, sizeof *p->events);
        return p->infos && p->events ? event_page_read(p, ret_reason) : -ENOMEM;
}

static void event_page_done(EventPage *p) {
        for (size_t i = 0; p->events && i < p->n; i++)
                event_free(p->events[i]);
        free(p->events);
        free(p->nth);
        row_infos_free(p->infos, p->n);
        walk_done(&p->before);
        page_done(&p->own_page);
}

int ingest_tail_page(Source *s, const StoredJob *stored, Walk *walk, Page *page, bool in_notice,
                     const char **ret_reason) {
        EventPage p = {
                .source = s, .page = page, .walk = walk, .job = stored->id, .silent = stored->silent,
                .thorough = true, .tell = !in_notice,
        };

        int r = event_page_prepare(&p, ret_reason);
        if (r >= 0)
                r = event_page_run(&p);
        event_page_done(&p);
        return r;
}

/* --- pages that wait ---------------------------------------------------------------------------------- */

/* Nobody is to be told anything, and what the cache knows of the page is ground enough for the walk to end.
 */
static bool event_page_can_wait(const EventPage *p) {
        size_t n_known = 0, n_known_last = 0;

        if (!p->cache || p->walk->order == WALK_ORDER_OLDEST_FIRST)
                return false;
        for (size_t i = 0; i < p->page->n_rows; i++) {
                n_known += !p->events[i];
                n_known_last = p->events[i] ? 0 : n_known_last + 1;
                if (p->events[i] && p->tell &&
                    event_is_news(p->events[i], p->silent, &p->source->stored.baseline))
                        return false;
        }
        return !p->page->has_more || (p->thorough ? n_known_last >= WALK_GROUND_ITEMS : n_known > 0);
}

static void event_page_unlink(EventPage *p) {
        DL_DELETE(p->source->waiting, p);
        p->source->n_waiting--;
        event_page_done(p);
        free(p);
}

/* Moves it to the heap. */
static int event_page_wait(EventPage *p) {
        EventPage *waiting = malloc(sizeof *waiting);

        if (!waiting)
                return -ENOMEM;
        *waiting = *p;
        waiting->own_page = *p->page;
        waiting->page = &waiting->own_page;
        *p->page = (Page) {};
        *p = (EventPage) { .page = p->page };
        DL_APPEND(waiting->source->waiting, waiting);
        waiting->source->n_waiting++;
        return 0;
}

int ingest_waiting(Source *s) {
        EventPage *p, *next;

        if (!s->waiting)
                return 0;
        int r = observation_begin(s->engine);
        if (r >= 0) {
                DL_FOREACH(s->waiting, p)
                        if ((r = event_page_ingest(p)) < 0)
                                break;
                r = observation_end(s->engine, MIN(r, 0));
                if (r < 0)
                        DL_FOREACH(s->waiting, p)
                                event_page_undo(p);
        }
        DL_FOREACH_SAFE(s->waiting, p, next) {
                Watch *w = p->watch;
                if (r >= 0)     /* and only now: what is not in the store must be seen again */
                        row_cache_replace(&w->events, &p->own_page, TAKE_PTR(p->infos));
                event_page_unlink(p);
                if (r >= 0)
                        r = watch_look(s, w, true);
        }
        return r;
}

void ingest_forget_waiting(Source *s, const Watch *w) {
        EventPage *p, *next;

        DL_FOREACH_SAFE(s->waiting, p, next)
                if (p->watch == w)
                        event_page_unlink(p);
}

int ingest_event_page(Source *s, Watch *w, Page *page, const RowCache *cache, bool thorough,
                      RowInfo **ret_infos, const char **ret_reason) {
        EventPage p = {
                .source = s,
                .watch = w,
                .page = page,
                .cache = cache,
                .walk = &w->events_walk,
                .job = w->row,
                .silent = w->silent,
                .thorough = thorough,
                .tell = true,
        };

        int r = event_page_prepare(&p, ret_reason);
        if (r >= 0 && event_page_can_wait(&p)) {
                r = event_page_wait(&p);
                if (r >= 0 && s->n_waiting >= WAITING_MAX)
                        r = ingest_waiting(s);
        } else if (r >= 0) {
                r = event_page_run(&p);
                if (r >= 0)
                        *ret_infos = TAKE_PTR(p.infos);
        }
        event_page_done(&p);
        return r;
}

int ingest_metrics(Source *s, int64_t job_row, const Metrics *m) {
        Store *store = s->engine->ports.store;

        int r = observation_begin(s->engine);
        if (r < 0)
                return r;
        for (size_t i = 0; r >= 0 && i < m->n_series; i++)
                for (size_t k = 0; r >= 0 && k < m->series[i].n_points; k++)
                        r = store_metric_put(store, job_row, m->series[i].name, m->series[i].points[k].step,
                                             m->series[i].points[k].value);
        return observation_end(s->engine, r);
}
