/* What is known of one job: statuses, events, metrics. Each is one walk of one index. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "store/query_internal.h"

#define STATUSES_LIMIT 1000             /* a job that was paused 300 times has told its story */
#define SERIES_ROWS_MAX ((int64_t) METRIC_SERIES_MAX * METRIC_POINTS_MAX)

void status_rows_done(StatusRows *statuses) {
        for (size_t i = 0; i < statuses->n; i++)
                free(statuses->list[i].status);
        free(TAKE_PTR(statuses->list));
        statuses->n = 0;
}

int query_statuses(Store *s, int64_t job, StatusRows *ret) {
        _cleanup_(status_rows_done) StatusRows rows = {};
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;

        int r = query_prepare(s, "SELECT status, n, entered_usec FROM statuses WHERE job = ?1"
                                 " ORDER BY entered_usec, n LIMIT ?2", &stmt);
        if (r >= 0)
                r = query_bind_int(stmt, 1, job);
        if (r >= 0)
                r = query_bind_int(stmt, 2, STATUSES_LIMIT);
        if (r < 0)
                return r;
        while ((r = query_step(stmt)) > 0) {
                r = query_grow(&rows.list, rows.n, sizeof *rows.list);
                if (r < 0)
                        return r;
                StatusRow *row = &rows.list[rows.n];
                r = query_column_string(stmt, 0, &row->status);
                if (r < 0)
                        return r;
                row->n = sqlite3_column_int64(stmt, 1);
                row->entered_usec = query_column_usec(stmt, 2);
                rows.n++;
        }
        if (r < 0)
                return r;
        *ret = TAKE_STRUCT(rows);
        return 0;
}

void event_rows_done(EventRows *events) {
        for (size_t i = 0; i < events->n; i++)
                (void) event_free(events->list[i]);
        free(TAKE_PTR(events->list));
        events->n = 0;
}

static int read_event(sqlite3_stmt *stmt, Event **ret) {
        _cleanup_json_ json_object *body = NULL;
        const char *text = db_text(stmt, 0);

        if (!text)
                return -ENOMEM;
        int r = json_parse_bounded(text, strlen(text), &body, NULL);
        return r < 0 ? r : event_from_json(body, ret);
}

int query_events(Store *s, int64_t job, const EventQuery *q, EventRows *ret) {
        _cleanup_(event_rows_done) EventRows rows = {};
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;
        size_t limit = query_limit(q->limit);
        int64_t since = q->since_usec > 0 ? (int64_t) (q->since_usec / USEC_PER_SEC) : INT64_MIN;

        int r = query_prepare(s, "SELECT body FROM events"
                                 " WHERE job = ?1 AND created_at >= ?2 AND level >= ?3"
                                 " ORDER BY created_at DESC, id DESC LIMIT ?4", &stmt);
        if (r >= 0)
                r = query_bind_int(stmt, 1, job);
        if (r >= 0)
                r = query_bind_int(stmt, 2, since);
        if (r >= 0)
                r = query_bind_int(stmt, 3, q->level);
        if (r >= 0)
                r = query_bind_int(stmt, 4, q->no_metrics ? (int64_t) QUERY_ROWS_MAX : (int64_t) limit + 1);
        if (r < 0)
                return r;
        while ((r = query_step(stmt)) > 0) {
                _cleanup_(event_freep) Event *e = NULL;
                r = read_event(stmt, &e);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 || (q->no_metrics && e->is_metrics))
                        continue;
                if (rows.n == limit) {
                        rows.more = true;
                        break;
                }
                r = query_grow(&rows.list, rows.n, sizeof(Event *));
                if (r < 0)
                        return r;
                rows.list[rows.n++] = TAKE_PTR(e);
        }
        if (r < 0)
                return r;
        query_reverse(rows.list, rows.n, sizeof(Event *));
        *ret = TAKE_STRUCT(rows);
        return 0;
}

int query_metrics(Store *s, int64_t job, const char *name, Metrics **ret) {
        _cleanup_(metrics_freep) Metrics *m = NULL;
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;

        int r = query_prepare(s, name ? "SELECT name, step, value FROM metrics WHERE job = ?1 AND name = ?3"
                                        " ORDER BY step LIMIT ?2"
                                      : "SELECT name, step, value FROM metrics WHERE job = ?1"
                                        " ORDER BY name, step LIMIT ?2", &stmt);
        if (r >= 0)
                r = query_bind_int(stmt, 1, job);
        if (r >= 0)
                r = query_bind_int(stmt, 2, SERIES_ROWS_MAX);
        if (r >= 0 && name)
                r = query_bind_text(stmt, 3, name);
        if (r >= 0)
                r = metrics_new(&m);
        if (r < 0)
                return r;
        while ((r = query_step(stmt)) > 0) {
                const char *series = db_text(stmt, 0);
                bool is_nan = sqlite3_column_type(stmt, 2) == SQLITE_NULL;
                double value = is_nan ? NAN : sqlite3_column_double(stmt, 2);
                if (!series)
                        return -ENOMEM;
                r = metrics_add(m, series, sqlite3_column_int64(stmt, 1), value);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

/* --- checkpoints ------------------------------------------------------------------------------------- */

void checkpoint_rows_done(CheckpointRows *checkpoints) {
        for (size_t i = 0; i < checkpoints->n; i++) {
                (void) checkpoint_free(checkpoints->list[i].checkpoint);
                (void) metrics_free(checkpoints->list[i].metrics);
        }
        free(TAKE_PTR(checkpoints->list));
        checkpoints->n = 0;
}

static int read_checkpoint(sqlite3_stmt *stmt, CheckpointRow *ret) {
        _cleanup_(checkpoint_freep) Checkpoint *c = calloc(1, sizeof *c);
        _cleanup_json_ json_object *o = NULL;
        const char *text = db_text(stmt, 4);

        if (!c || !text)
                return -ENOMEM;
        int r = query_column_string(stmt, 0, &c->id);
        if (r >= 0 && sqlite3_column_type(stmt, 3) != SQLITE_NULL)
                r = query_column_string(stmt, 3, &c->model);
        if (r >= 0)
                r = json_parse_bounded(text, strlen(text), &o, NULL);
        if (r >= 0)
                r = metrics_from_json(o, &ret->metrics);
        if (r < 0)
                return r;
        c->step = sqlite3_column_type(stmt, 1) == SQLITE_NULL ? -1 : sqlite3_column_int64(stmt, 1);
        c->created_at = sqlite3_column_int64(stmt, 2);
        ret->seen_usec = query_column_usec(stmt, 5);
        ret->checkpoint = TAKE_PTR(c);
        return 0;
}

int query_checkpoints(Store *s, int64_t job, size_t limit, CheckpointRows *ret) {
        _cleanup_(checkpoint_rows_done) CheckpointRows rows = {};
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;
        size_t most = query_limit(limit);

        int r = query_prepare(s, "SELECT checkpoint_id, step, created_at, model, metrics, seen_usec"
                                 " FROM checkpoints WHERE job = ?1 ORDER BY step DESC, id DESC LIMIT ?2",
                              &stmt);
        if (r >= 0)
                r = query_bind_int(stmt, 1, job);
        if (r >= 0)
                r = query_bind_int(stmt, 2, (int64_t) most + 1);
        if (r < 0)
                return r;
        while ((r = query_step(stmt)) > 0) {
                if (rows.n == most) {
                        rows.more = true;
                        break;
                }
                r = query_grow(&rows.list, rows.n, sizeof *rows.list);
                if (r < 0)
                        return r;
                rows.list[rows.n] = (CheckpointRow) {};
                r = read_checkpoint(stmt, &rows.list[rows.n]);
                if (r < 0)
                        return r;
                rows.n++;
        }
        if (r < 0)
                return r;
        query_reverse(rows.list, rows.n, sizeof *rows.list);
        *ret = TAKE_STRUCT(rows);
        return 0;
}
