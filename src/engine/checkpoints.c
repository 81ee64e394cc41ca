#include "engine/checkpoints.h"

#include <errno.h>
#include <stdlib.h>

#include "api/page.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"
#include "engine/compose.h"
#include "engine/engine_internal.h"
#include "model/checkpoint.h"
#include "store/vigil.h"

#define LOOK_EVERY_USEC (15 * USEC_PER_MINUTE)
#define NOT_OFFERED_USEC USEC_PER_DAY

bool checkpoints_are_offered(const Source *s) {
        return s->settings->checkpoints && engine_steady(s->engine) >= s->checkpoints_off_usec;
}

bool checkpoints_are_wanted(const Source *s, const Watch *w) {
        if (!w->checkpoint_hint && (!w->vigil.running || w->vigil.progress_usec <= w->checkpoints_usec))
                return false;
        usec_t next = w->checkpoint_hint || w->checkpoints_usec == 0 ?
                              0 : usec_add(w->checkpoints_usec, LOOK_EVERY_USEC);
        return engine_steady(s->engine) >= next && checkpoints_are_offered(s);
}

/* Servers keep the last three epochs; older ones stay in the store. What was there at first contact is no
 * news, and the final one is the model that the end is told with. */
static bool is_news(const Source *s, const StoredJob *stored, const Checkpoint *c) {
        if (stored->silent && c->created_at < s->stored.baseline.at)
                return false;
        return !c->model || !streq_null(c->model, stored->job->fine_tuned_model);
}

static int take_one(Source *s, const StoredJob *stored, Checkpoint *c) {
        _cleanup_(checkpoint_freep) Checkpoint *checkpoint = c;
        _cleanup_(metrics_freep) Metrics *metrics = NULL;
        _cleanup_(notice_freep) Notice *n = NULL;
        Engine *e = s->engine;
        usec_t now = engine_now(e).real_usec;

        int r = checkpoint_metrics(c, &metrics);
        if (r >= 0)
                r = store_checkpoint_add(e->ports.store, stored->id, c, metrics, now);
        if (r <= 0 || !is_news(s, stored, c))
                return r;
        r = compose_unique(s, stored->job, NOTICE_JOB_CHECKPOINT, c->id, now, &n);
        if (r < 0)
                return r;
        n->checkpoint = TAKE_PTR(checkpoint);
        n->metrics = TAKE_PTR(metrics);
        return observation_tell(e, TAKE_PTR(n),
                                &(Subject) { .source = s->stored.id, .job = stored->id }, NULL);
}

static int read_row(const Page *page, size_t i, Checkpoint **ret, const char **ret_reason) {
        _cleanup_json_ json_object *o = NULL;

        int r = json_parse_bounded(page_row_text(page, i), page->rows[i].size, &o, ret_reason);
        if (r < 0)
                return r;
        *ret_reason = "a checkpoint without id";
        return checkpoint_from_json(o, ret);
}

/* Newest first on the wire: told from the oldest. */
static int take_rows(Source *s, int64_t job_row, Checkpoint **rows, size_t n) {
        _cleanup_(stored_job_freep) StoredJob *stored = NULL;

        int r = n > 0 ? observation_begin(s->engine) : 0;
        if (r < 0 || n == 0)
                return r;
        r = store_job_load_by_id(s->engine->ports.store, job_row, &stored);
        for (size_t i = n; stored && r >= 0 && i > 0; i--)
                r = take_one(s, stored, TAKE_PTR(rows[i - 1]));
        return observation_end(s->engine, MIN(r, 0));
}

/* All rows are read before the first is believed: a page is one fact. */
static int ingest(Source *s, int64_t job_row, const Page *page, const char **ret_reason) {
        Checkpoint **rows = calloc(page->n_rows + 1, sizeof(Checkpoint *));
        int r = rows ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < page->n_rows; i++)
                r = read_row(page, i, &rows[i], ret_reason);
        if (r >= 0)
                r = take_rows(s, job_row, rows, page->n_rows);
        for (size_t i = 0; rows && i < page->n_rows; i++)
                checkpoint_free(rows[i]);
        free(rows);
        return r;
}

/* Whatever it answers, jobs are watched without it; only what throttles is held against the source. */
Outcome checkpoints_take(Source *s, int64_t job_row, Watch *w, const Outcome *result, HttpReply *reply) {
        _cleanup_(page_done) Page page = {};
        const char *reason = NULL;
        Outcome outcome = *result;
        usec_t now = engine_steady(s->engine);

        if (w) {
                w->checkpoints_usec = now;
                w->checkpoint_hint = false;
        }
        if (outcome.kind == OUTCOME_OK) {
                int r = page_read(&reply->body, NULL, &page, &reason);
                if (r >= 0)
                        r = ingest(s, job_row, &page, &reason);
                if (r < 0 && r != -EBADMSG)
                        return engine_outcome(s->engine, r);
                if (r == -EBADMSG)
                        outcome = outcome_make(OUTCOME_REJECTED, REASON_BAD_REPLY, reply->status, reason);
        }
        if (outcome.kind == OUTCOME_OK || outcome.reason == REASON_THROTTLED)
                return outcome;
        if (outcome.kind == OUTCOME_REJECTED)
                s->checkpoints_off_usec = usec_add(now, NOT_OFFERED_USEC);
        log_context(SOURCE_LOG(s), LOG_DEBUG, "no checkpoints: %s%s%s", reason_to_string(outcome.reason),
                    *outcome.detail ? ", " : "", outcome.detail);
        return outcome_ok();
}
