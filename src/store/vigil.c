#include "store/vigil.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/strings.h"
#include "store/store_internal.h"

static const char *kind_name(VigilKind kind) {
        return notice_type_info(vigil_kind_type(kind))->name;
}

static int load_told(Store *s, int64_t job, Vigil *v) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q, "SELECT type, spell, n, told_usec FROM told WHERE job = ?1", "i", job);
        while (r >= 0 && (r = db_step(s->db, q)) > 0)
                for (VigilKind kind = 0; kind < _VIGIL_KIND_MAX; kind++)
                        if (streq(strempty(db_text(q, 0)), kind_name(kind)))
                                v->told[kind] = (VigilTold) {
                                        .spell = sqlite3_column_int64(q, 1),
                                        .n = sqlite3_column_int64(q, 2),
                                        .told_usec = (usec_t) sqlite3_column_int64(q, 3),
                                };
        return r;
}

int store_vigil_load(Store *s, int64_t job, Vigil *v) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q, "SELECT progress_usec, estimate_wild FROM vigils WHERE job = ?1", "i",
                         job);
        if (r < 0)
                return r;
        r = db_step(s->db, q);
        if (r <= 0)
                return r;
        v->progress_usec = (usec_t) sqlite3_column_int64(q, 0);
        v->estimate_wild = sqlite3_column_int(q, 1) != 0;
        (void) sqlite3_reset(q);
        r = load_told(s, job, v);
        return r < 0 ? r : 1;
}

int store_vigil_progress(Store *s, int64_t job, usec_t now_real_usec) {
        return db_run(s->db,
                      "INSERT INTO vigils (job, progress_usec) VALUES (?1, ?2)"
                      " ON CONFLICT (job) DO UPDATE SET progress_usec = excluded.progress_usec", "ii", job,
                      (int64_t) now_real_usec);
}

int store_vigil_set_wild(Store *s, int64_t job) {
        return db_run(s->db, "UPDATE vigils SET estimate_wild = 1 WHERE job = ?1", "i", job);
}

int store_vigil_told(Store *s, int64_t job, VigilKind kind, const VigilTold *told) {
        return db_run(s->db,
                      "INSERT OR REPLACE INTO told (job, type, spell, n, told_usec)"
                      " VALUES (?1, ?2, ?3, ?4, ?5)", "itiii", job, kind_name(kind), told->spell, told->n,
                      (int64_t) told->told_usec);
}

int store_vigil_running(Store *s, int64_t source, unsigned *ret) {
        int64_t n = 0;

        int r = db_get_int(s->db, &n,
                           "SELECT count(*) FROM jobs INDEXED BY jobs_unfinished WHERE source = ?1"
                           " AND terminal = 0 AND removed_usec IS NULL AND status = 'running'", "i", source);
        if (r >= 0)
                *ret = (unsigned) n;
        return r;
}

/* --- checkpoints ------------------------------------------------------------------------------------- */

int store_checkpoint_add(Store *s, int64_t job, const Checkpoint *c, const Metrics *metrics,
                         usec_t now_real_usec) {
        _cleanup_json_ json_object *o = NULL;
        _cleanup_free_ char *text = NULL;

        int r = metrics_to_json(metrics, 0, &o);
        if (r >= 0)
                r = json_to_text(o, &text);
        if (r >= 0)
                r = db_run(s->db,
                           "INSERT OR IGNORE INTO checkpoints"
                           " (job, checkpoint_id, step, created_at, model, metrics, seen_usec)"
                           " VALUES (?1, ?2, nullif(?3, -1), nullif(?4, 0), ?5, ?6, ?7)",
                           "itiitti", job, c->id, c->step, c->created_at, c->model, text,
                           (int64_t) now_real_usec);
        return r < 0 ? r : db_changes(s->db) > 0;
}

/* --- conditions -------------------------------------------------------------------------------------- */

static double column_value(sqlite3_stmt *q, int column) {
        return sqlite3_column_type(q, column) == SQLITE_NULL ? NAN : sqlite3_column_double(q, column);
}

int store_condition_load(Store *s, int64_t job, const char *condition, ConditionState *ret) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q,
                         "SELECT step, value, n, met FROM conditions WHERE job = ?1 AND condition = ?2",
                         "it", job, condition);
        if (r < 0)
                return r;
        r = db_step(s->db, q);
        if (r <= 0)
                return r;
        *ret = (ConditionState) {
                .step = sqlite3_column_int64(q, 0),
                .value = column_value(q, 1),
                .n = (unsigned) sqlite3_column_int(q, 2),
                .met = sqlite3_column_int(q, 3) != 0,
        };
        (void) sqlite3_reset(q);
        return 1;
}

int store_condition_save(Store *s, int64_t job, const char *condition, const ConditionState *state) {
        return db_run(s->db,
                      "INSERT OR REPLACE INTO conditions (job, condition, step, value, n, met)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)", "itidii", job, condition, state->step,
                      state->value, (int64_t) state->n, (int64_t) state->met);
}

int store_metric_points(Store *s, int64_t job, const char *name, int64_t after_step, MetricPoint **ret,
                        size_t *ret_n) {
        _cleanup_free_ MetricPoint *points = NULL;
        size_t n = 0, capacity = 0;
        sqlite3_stmt *q;

        int r = db_query(s->db, &q,
                         "SELECT step, value FROM metrics WHERE job = ?1 AND step > ?3 AND name = ?2"
                         " ORDER BY step", "iti", job, name, after_step);
        while (r >= 0 && (r = db_step(s->db, q)) > 0) {
                if (n == capacity) {
                        capacity = MAX(2 * capacity, (size_t) 16);
                        MetricPoint *grown = reallocarray(points, capacity, sizeof *grown);
                        if (!grown) {
                                (void) sqlite3_reset(q);
                                return -ENOMEM;
                        }
                        points = grown;
                }
                points[n++] = (MetricPoint) { sqlite3_column_int64(q, 0), column_value(q, 1) };
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(points);
        *ret_n = n;
        return 0;
}
