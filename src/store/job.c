#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "store/store_internal.h"

StoredJob *stored_job_free(StoredJob *j) {
        if (!j)
                return NULL;
        job_free(j->job);
        free(j->status);
        walk_done(&j->events_walk);
        free(j);
        return NULL;
}

#define JOB_COLUMNS                                                                                         \
        "id, body, status, silent, first_walk, events_walk, first_seen_usec, changed_usec, removed_usec"

static int job_read(sqlite3_stmt *q, StoredJob **ret) {
        _cleanup_(stored_job_freep) StoredJob *j = calloc(1, sizeof *j);
        _cleanup_json_ json_object *o = NULL;

        if (!j)
                return -ENOMEM;
        const char *body = strempty(db_text(q, 1));
        int r = json_parse_bounded(body, strlen(body), &o, NULL);
        if (r >= 0)
                r = job_from_json(o, &j->job);
        if (r >= 0)
                r = walk_from_text(db_text(q, 5), &j->events_walk);
        if (r >= 0)
                r = free_and_strdup(&j->status, strempty(db_text(q, 2)));
        if (r < 0)
                return r == -EBADMSG ? -EUCLEAN : r;
        j->id = sqlite3_column_int64(q, 0);
        j->silent = sqlite3_column_int(q, 3) != 0;
        j->first_walk = (uint64_t) sqlite3_column_int64(q, 4);
        j->first_seen_usec = (usec_t) sqlite3_column_int64(q, 6);
        j->changed_usec = (usec_t) sqlite3_column_int64(q, 7);
        j->removed = sqlite3_column_type(q, 8) != SQLITE_NULL;
        *ret = TAKE_PTR(j);
        return 1;
}

static int job_load_one(Store *s, sqlite3_stmt *q, StoredJob **ret) {
        int r = db_step(s->db, q);
        if (r <= 0)
                return r;
        r = job_read(q, ret);
        (void) sqlite3_reset(q);
        return r;
}

int store_job_load(Store *s, int64_t source, const char *job_id, StoredJob **ret) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q, "SELECT " JOB_COLUMNS " FROM jobs WHERE source = ?1 AND job_id = ?2",
                         "it", source, job_id);
        return r < 0 ? r : job_load_one(s, q, ret);
}

int store_job_load_by_id(Store *s, int64_t id, StoredJob **ret) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q, "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?1", "i", id);
        return r < 0 ? r : job_load_one(s, q, ret);
}

int store_job_save(Store *s, int64_t source, StoredJob *j) {
        _cleanup_json_ json_object *o = NULL;
        _cleanup_free_ char *body = NULL, *walk = NULL;

        int r = job_to_json(j->job, &o);
        if (r >= 0)
                r = json_to_text(o, &body);
        if (r >= 0)
                r = walk_to_text(&j->events_walk, &walk);
        if (r < 0)
                return r;
        int64_t terminal = status_is_terminal(j->status);
        if (j->id > 0)
                return db_run(
                        s->db,
                        "UPDATE jobs SET status = ?2, terminal = ?3, created_at = ?4, body = ?5, "
                        "events_walk = ?6,"
                        " changed_usec = ?7, removed_usec = NULL WHERE id = ?1",
                        "itiitti", j->id, j->status, terminal, j->job->created_at, body, walk,
                        (int64_t) j->changed_usec);
        r = db_run(
                s->db,
                "INSERT INTO jobs (source, job_id, status, terminal, silent, created_at, body, "
                "first_walk, events_walk,"
                " first_seen_usec, changed_usec) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                "ittiiititii", source, j->job->id, j->status, terminal, (int64_t) j->silent,
                j->job->created_at, body, (int64_t) j->first_walk, walk, (int64_t) j->first_seen_usec,
                (int64_t) j->changed_usec);
        if (r >= 0)
                j->id = db_last_id(s->db);
        return r;
}

int store_job_save_walk(Store *s, int64_t job, const Walk *events_walk) {
        _cleanup_free_ char *walk = NULL;

        int r = walk_to_text(events_walk, &walk);
        if (r < 0)
                return r;
        return db_run(s->db, "UPDATE jobs SET events_walk = ?2 WHERE id = ?1", "it", job, walk);
}

int store_job_remove(Store *s, int64_t job, usec_t now_real_usec) {
        return db_run(s->db, "UPDATE jobs SET removed_usec = ?2 WHERE id = ?1", "ii", job,
                      (int64_t) now_real_usec);
}

int store_job_rank(Store *s, int64_t source, int64_t created_at, unsigned cap, unsigned *ret) {
        int64_t n = 0;

        int r = db_get_int(s->db, &n,
                           "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE source = ?1 AND created_at > ?2"
                           " LIMIT ?3)", "iii", source, created_at, (int64_t) cap);
        if (r < 0)
                return r;
        *ret = (unsigned) n;
        return 0;
}

int store_job_set_tail(Store *s, int64_t job, usec_t due_real_usec) {
        return db_run(s->db, "UPDATE jobs SET tail_usec = nullif(?2, 0) WHERE id = ?1", "ii", job,
                      (int64_t) due_real_usec);
}

int store_job_next_tail(Store *s, int64_t source, int64_t *ret_job, usec_t *ret_due_usec) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q,
                         "SELECT id, tail_usec FROM jobs INDEXED BY jobs_with_tail "
                         "WHERE tail_usec IS NOT NULL AND source = ?1 "
                         "ORDER BY tail_usec LIMIT 1",
                         "i", source);
        if (r < 0)
                return r;
        r = db_step(s->db, q);
        if (r <= 0)
                return r;
        *ret_job = sqlite3_column_int64(q, 0);
        *ret_due_usec = (usec_t) sqlite3_column_int64(q, 1);
        (void) sqlite3_reset(q);
        return 1;
}

int store_jobs_unfinished(Store *s, int64_t source, int64_t **ret, size_t *ret_n) {
        _cleanup_free_ int64_t *ids = NULL;
        size_t n = 0;
        sqlite3_stmt *q;

        int r = db_query(s->db, &q,
                         "SELECT id FROM jobs INDEXED BY jobs_unfinished "
                         "WHERE source = ?1 AND terminal = 0 AND removed_usec IS NULL "
                         "ORDER BY created_at DESC, id DESC",
                         "i", source);
        if (r < 0)
                return r;
        while ((r = db_step(s->db, q)) > 0) {
                int64_t *grown = reallocarray(ids, n + 1, sizeof *ids);
                if (!grown) {
                        (void) sqlite3_reset(q);
                        return -ENOMEM;
                }
                ids = grown;
                ids[n++] = sqlite3_column_int64(q, 0);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(ids);
        *ret_n = n;
        return 0;
}

int store_job_enter_status(Store *s, int64_t job, const char *status, usec_t now_real_usec,
                           unsigned *ret_n) {
        int64_t n = 0;

        int r = db_get_int(s->db, &n,
                           "SELECT ifnull(max(n), 0) + 1 FROM statuses WHERE job = ?1 AND status = ?2", "it",
                           job, status);
        if (r >= 0)
                r = db_run(s->db,
                           "INSERT INTO statuses (job, status, n, entered_usec) VALUES (?1, ?2, ?3, ?4)",
                           "itii", job, status, n, (int64_t) now_real_usec);
        if (r >= 0)
                *ret_n = (unsigned) n;
        return r;
}

/* Finished, or gone from the service, since before ?1. */
#define IS_OVER "(j.terminal = 1 OR j.removed_usec IS NOT NULL)" \
                " AND max(j.changed_usec, ifnull(j.removed_usec, 0)) < ?1"

/* Job rows stay for ever: they are the known ground that keeps old jobs from being news again. */
int store_prune(Store *s, usec_t before_real_usec, unsigned limit) {
        static const char *const statements[] = {
                "DELETE FROM events WHERE id IN (SELECT e.id FROM jobs j JOIN events e ON e.job = j.id"
                " WHERE " IS_OVER " LIMIT ?2)",
                "DELETE FROM metrics WHERE (job, name, step) IN (SELECT m.job, m.name, m.step FROM jobs j"
                " CROSS JOIN metrics m ON m.job = j.id WHERE " IS_OVER " LIMIT ?2)",
                /* Few rows to look through: these are gone with each job's history. */
                "DELETE FROM checkpoints WHERE id IN (SELECT c.id FROM checkpoints c CROSS JOIN jobs j"
                " ON j.id = c.job WHERE " IS_OVER " LIMIT ?2)",
                "DELETE FROM conditions WHERE (job, condition) IN (SELECT c.job, c.condition"
                " FROM conditions c CROSS JOIN jobs j ON j.id = c.job WHERE " IS_OVER " LIMIT ?2)",
                "DELETE FROM told WHERE (job, type) IN (SELECT t.job, t.type FROM told t CROSS JOIN jobs j"
                " ON j.id = t.job WHERE " IS_OVER " LIMIT ?2)",
                "DELETE FROM vigils WHERE job IN (SELECT v.job FROM vigils v CROSS JOIN jobs j"
                " ON j.id = v.job WHERE " IS_OVER " LIMIT ?2)",
                "DELETE FROM notices WHERE seq IN (SELECT n.seq FROM notices n WHERE n.created_usec < ?1"
                " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.notice = n.seq"
                " AND d.state IN (0, 1)) LIMIT ?2)",
        };
        int64_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
                int r = db_run(s->db, statements[i], "ii", (int64_t) before_real_usec, (int64_t) limit);
                if (r < 0)
                        return r;
                n += db_changes(s->db);
        }
        return (int) MIN(n, INT32_MAX);
}
