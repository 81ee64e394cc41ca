#include "engine/ingest.h"

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"
#include "engine/compose.h"
#include "engine/conditions.h"
#include "engine/engine_internal.h"
#include "engine/tail.h"
#include "engine/vigil.h"
#include "engine/watch.h"

/* What one transaction learned that concerns memory; applied after the commit. */
typedef struct Learned {
        StoredJob **jobs;               /* to be watched or no longer */
        size_t n_jobs;
        struct Ended {
                int64_t job, notice;    /* notice 0: nothing waits for the details */
        } *ended;                       /* finished just now: their details are fetched */
        size_t n_ended;
} Learned;

static void learned_done(Learned *l) {
        for (size_t i = 0; i < l->n_jobs; i++)
                stored_job_free(l->jobs[i]);
        free(l->jobs);
        free(l->ended);
}

/* Takes the job when it succeeds. */
static int learned_add_job(Learned *l, StoredJob **j) {
        StoredJob **jobs = reallocarray(l->jobs, l->n_jobs + 1, sizeof(StoredJob *));

        if (!jobs)
                return -ENOMEM;
        l->jobs = jobs;
        l->jobs[l->n_jobs++] = TAKE_PTR(*j);
        return 0;
}

static int learned_add_ended(Learned *l, int64_t job, int64_t notice) {
        struct Ended *ended = reallocarray(l->ended, l->n_ended + 1, sizeof *ended);

        if (!ended)
                return -ENOMEM;
        l->ended = ended;
        l->ended[l->n_ended++] = (struct Ended) { job, notice };
        return 0;
}

/* All of it is in the store: one that fails is no reason to leave out the others. */
static int learned_apply(Source *s, Learned *l) {
        int r = 0;

        for (size_t i = 0; i < l->n_jobs; i++) {
                int q = watch_update(s, l->jobs[i]);
                r = r < 0 ? r : q;
        }
        for (size_t i = 0; i < l->n_ended; i++) {
                int q = tail_start(s, l->ended[i].job, l->ended[i].notice);
                r = r < 0 ? r : q;
        }
        return r;
}

static int tell_transition(Source *s, const StoredJob *stored, const Transition *t, Learned *learned,
                           usec_t now) {
        _cleanup_(notice_freep) Notice *n = NULL;
        bool terminal = status_is_terminal(t->status);
        unsigned n_entered = 1;
        int64_t seq = 0;
        int r = 0;

        if (t->type != NOTICE_JOB_CREATED)
                r = store_job_enter_status(s->engine->ports.store, stored->id, t->status, now, &n_entered);
        if (r >= 0)
                r = compose_transition(s, stored->job, t, n_entered, now, &n);
        /* Who must act on a pause wants the same details as who reads of an end. */
        bool enrich = (terminal && t->type != NOTICE_JOB_CREATED) || t->type == NOTICE_JOB_PAUSED;
        if (r >= 0 && enrich && terminal)
                r = tail_promise(s, stored->id, now);
        if (r >= 0 && enrich)
                r = compose_details(s->engine->ports.store, stored->id, n);
        if (r < 0)
                return r;
        Subject subject = { s->stored.id, stored->id, enrich, s->settings->enrich_timeout_usec, false };
        r = observation_tell(s->engine, TAKE_PTR(n), &subject, &seq);
        if (r >= 0 && enrich)
                r = learned_add_ended(learned, stored->id, seq);
        return MIN(r, 0);
}

static int job_to_text(const Job *j, char **ret) {
        _cleanup_json_ json_object *o = NULL;

        int r = job_to_json(j, &o);
        return r < 0 ? r : json_to_text(o, ret);
}

/* Whether the server's row says anything that is not stored yet. As text: 1.0 comes back from the store
 * as 1. */
static int job_differs(const Job *a, const Job *b) {
        _cleanup_free_ char *ta = NULL, *tb = NULL;

        int r = job_to_text(a, &ta);
        if (r >= 0)
                r = job_to_text(b, &tb);
        return r < 0 ? r : !streq(ta, tb);
}

static int stored_job_new(const Source *s, const Job *job, usec_t now, StoredJob **ret) {
        StoredJob *j = calloc(1, sizeof *j);

        if (!j)
                return -ENOMEM;
        j->silent = !s->stored.baseline.done ||
                    (status_is_terminal(job->status) && job->created_at < s->stored.baseline.at);
        j->first_walk = s->stored.walk.n;
        j->first_seen_usec = j->changed_usec = now;
        *ret = j;
        return 0;
}

/* Takes the job. Counts it into `counts`, when given, as known or new. */
static int ingest_one(Source *s, Job **job, WalkPage *counts, Learned *learned) {
        _cleanup_(stored_job_freep) StoredJob *stored = NULL;
        Transition transitions[TRANSITIONS_MAX];
        _cleanup_free_ char *previous = NULL;
        usec_t now = engine_now(s->engine).real_usec;

        int r = store_job_load(s->engine->ports.store, s->stored.id, (*job)->id, &stored);
        if (r < 0)
                return r;
        bool is_new = r == 0;
        if (is_new)
                r = stored_job_new(s, *job, now, &stored);
        else if ((r = free_and_strdup(&previous, stored->status)) >= 0)
                r = job_differs(stored->job, *job);
        if (r < 0)
                return r;
        if (counts && is_new)
                counts->n_new++;
        else if (counts && stored->first_walk < s->stored.walk.floor)
                counts->n_known++;
        if (!is_new && r == 0 && !stored->removed) {
                if (status_is_terminal(stored->status) || watch_find(s, stored->job->id))
                        return 0;
                /* Not watched: what followed the commit that brought it has failed. */
                return learned_add_job(learned, &stored);
        }
        /* No status leads out of a terminal one: a replica that lags shows the past, which is no news. */
        if (!is_new && status_is_terminal(stored->status) && !status_is_terminal((*job)->status))
                return 0;
        unsigned n = transition_detect(previous, *job, &s->stored.baseline, transitions);
        r = is_new ? 0 : vigil_compare(s, stored->id, stored->job, *job);
        if (r < 0)
                return r;
        job_free(stored->job);
        stored->job = TAKE_PTR(*job);
        stored->removed = false;
        r = free_and_strdup(&stored->status, status_canonical(stored->job->status));
        if (r >= 0 && !streq_null(previous, stored->status))
                stored->changed_usec = now;
        if (r >= 0)
                r = store_job_save(s->engine->ports.store, s->stored.id, stored);
        if (r >= 0 && is_new && !status_is_terminal(stored->status))
                r = vigil_progress(s, stored->id, NULL);
        if (r >= 0 && is_new && n > 0)
                r = conditions_begin(s, stored);
        for (unsigned i = 0; r >= 0 && i < n; i++) {
                transitions[i].previous = previous;
                r = tell_transition(s, stored, &transitions[i], learned, now);
        }
        unsigned n_entered;
        if (r >= 0 && is_new && n == 0)         /* silent, but counted: the next entry is not the first */
                r = store_job_enter_status(s->engine->ports.store, stored->id, stored->status, now,
                                           &n_entered);
        return r < 0 ? r : learned_add_job(learned, &stored);
}

int ingest_job(Source *s, Job *job) {
        _cleanup_(job_freep) Job *owned = job;
        _cleanup_(learned_done) Learned learned = {};

        int r = observation_begin(s->engine);
        if (r < 0)
                return r;
        r = observation_end(s->engine, ingest_one(s, &owned, NULL, &learned));
        return r < 0 ? r : learned_apply(s, &learned);
}

int ingest_removal(Source *s, Watch *w) {
        _cleanup_(stored_job_freep) StoredJob *stored = NULL;
        _cleanup_(notice_freep) Notice *n = NULL;
        usec_t now = engine_now(s->engine).real_usec;

        int r = observation_begin(s->engine);
        if (r < 0)
                return r;
        r = store_job_load_by_id(s->engine->ports.store, w->row, &stored);
        if (r > 0)
                r = compose_once(s, stored->job, NOTICE_JOB_REMOVED, now, &n);
        if (r >= 0 && n)
                r = observation_tell(s->engine, TAKE_PTR(n),
                                     &(Subject) { .source = s->stored.id, .job = w->row }, NULL);
        if (r >= 0)
                r = store_job_remove(s->engine->ports.store, w->row, now);
        r = observation_end(s->engine, r);
        if (r >= 0)
                watch_drop(s, w);
        return r;
}

/* --- pages of jobs ---------------------------------------------------------------------------------- */

static int row_parse(const Page *page, size_t i, json_object **ret, const char **ret_reason) {
        return json_parse_bounded(page_row_text(page, i), page->rows[i].size, ret, ret_reason);
}

static int row_read_job(const Page *page, size_t i, Job **ret, const char **ret_reason) {
        _cleanup_json_ json_object *o = NULL;

        int r = row_parse(page, i, &o, ret_reason);
        if (r < 0)
                return r;
        *ret_reason = "a job without id or status";
        return job_from_json(o, ret);
}

/* Rows whose bytes are new are parsed, all of them before the first is believed: a page is one fact. */
static int page_read_jobs(const Page *page, const RowCache *cache, RowInfo *infos, Job **jobs,
                          const char **ret_reason) {
        size_t hint = 0;

        for (size_t i = 0; i < page->n_rows; i++) {
                const RowInfo *known = cache ? row_cache_find(cache, page, i, &hint) : NULL;
                int r = known ? 0 : row_read_job(page, i, &jobs[i], ret_reason);
                if (r < 0)
                        return r;
                infos[i].at = known ? known->at : jobs[i]->created_at;
                r = free_and_strdup(&infos[i].id, known ? known->id : jobs[i]->id);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int ingest_job_rows(Source *s, const Page *page, Job **jobs, WalkPage *counts, Learned *learned) {
        for (size_t i = 0; i < page->n_rows; i++) {
                int r = 0;
                if (jobs[i])
                        r = ingest_one(s, &jobs[i], counts, learned);
                else
                        counts->n_known++;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* First contact begins with the first page, by the server's clock. */
static void baseline_begin(Source *s, const Page *page, const RowInfo *infos, int64_t server_date) {
        Baseline *b = &s->stored.baseline;

        if (b->done || b->at != 0)
                return;
        b->at = server_date;
        for (size_t i = 0; server_date == 0 && i < page->n_rows; i++)
                b->at = MAX(b->at, infos[i].at);
        /* Oldest first: this page says nothing about the present. */
        if (b->at == 0 || (server_date == 0 && infos[0].at < b->at))
                b->at = (int64_t) (engine_now(s->engine).real_usec / USEC_PER_SEC);
}

static int ingest_job_page_within(Source *s, const Page *page, RowInfo *infos, Job **jobs, bool cover,
                                  Learned *learned) {
        WalkPage counts = {};

        int r = ingest_job_rows(s, page, jobs, &counts, learned);
        if (r < 0 || cover)
                return r < 0 ? r : WALK_STEP_DONE;
        row_infos_summarize(infos, page, s->stored.walk.after, &counts);
        bool was_open = s->resumed;
        int step = walk_take_page(&s->stored.walk, &counts, false);
        if (step < 0)
                return step;
        bool first_contact_over = step == WALK_STEP_DONE && !s->stored.baseline.done;
        if (first_contact_over)
                s->stored.baseline.done = true;
        if (counts.n_new > 0 || step == WALK_STEP_MORE || was_open || first_contact_over)
                r = store_source_save(s->engine->ports.store, &s->stored);
        return r < 0 ? r : step;
}

int ingest_job_page(Source *s, const Page *page, const RowCache *cache, int64_t server_date, bool cover,
                    RowInfo **ret_infos, const char **ret_reason) {
        _cleanup_(learned_done) Learned learned = {};
        _cleanup_(walk_done) Walk walk_before = {};
        Baseline baseline_before = s->stored.baseline;
        RowInfo *infos = calloc(page->n_rows + 1, sizeof *infos);
        Job **jobs = calloc(page->n_rows + 1, sizeof *jobs);
        int step = 0;

        int r = infos && jobs ? walk_copy(&s->stored.walk, &walk_before) : -ENOMEM;
        if (r >= 0)
                r = page_read_jobs(page, cache, infos, jobs, ret_reason);
        if (r >= 0)
                r = observation_begin(s->engine);
        if (r >= 0) {
                baseline_begin(s, page, infos, server_date);
                step = ingest_job_page_within(s, page, infos, jobs, cover, &learned);
                r = observation_end(s->engine, step);
                if (r < 0) {
                        /* Nothing of this happened. */
                        walk_restore(&s->stored.walk, &walk_before);
                        s->stored.baseline = baseline_before;
                }
        }
        if (r >= 0)
                r = learned_apply(s, &learned);
        for (size_t i = 0; jobs && i < page->n_rows; i++)
                job_free(jobs[i]);
        free(jobs);
        if (r < 0) {
                row_infos_free(infos, page->n_rows);
                return r;
        }
        *ret_infos = infos;
        return step;
}
