/* Jobs. A list is asked source by source, so that each part walks an index in the order wanted and stops
 * at the limit: neither the length of history nor the number of finished jobs is paid for.
 *
 * When a job of first contact changed is not known: the store holds the moment we saw it. The server's
 * word (finished_at, else created_at) is the better answer for it, here and in the filter `since`. */

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/strings.h"
#include "store/query_internal.h"

#define STATUSES_MAX 32U                /* of a filter */
#define SOURCES_MAX 4096U
#define SQL_LIMIT 8192U

#define PROGRESS "(SELECT v.progress_usec FROM vigils v WHERE v.job = j.id)"
/* As vigil_since() has it: news, or another status, ended it. A pause is in the status. */
#define LASTS                                                                                               \
        "(SELECT group_concat(substr(t.type, 5), ', ') FROM told t WHERE t.job = j.id AND j.terminal = 0"   \
        " AND t.type IS NOT 'job.paused' AND t.told_usec >= j.changed_usec"                                 \
        " AND (t.type IS NOT 'job.stalled' OR t.told_usec >= " PROGRESS "))"
#define JOB_COLUMNS "j.id, j.job_id, j.status, j.terminal, j.silent, j.first_seen_usec, j.changed_usec," \
                    " j.removed_usec, j.body," PROGRESS ", " LASTS
#define UNFINISHED "j.terminal = 0 AND j.removed_usec IS NULL"

typedef struct SourceRow {
        int64_t row;
        char *name;
} SourceRow;

typedef struct SourceRows {
        SourceRow *list;
        size_t n;
} SourceRows;

static void source_rows_done(SourceRows *s) {
        for (size_t i = 0; i < s->n; i++)
                free(s->list[i].name);
        free(s->list);
}

static void job_row_done(JobRow *j) {
        free(j->source);
        free(j->status);
        free(j->lasts);
        (void) job_free(j->job);
}

void job_rows_done(JobRows *jobs) {
        for (size_t i = 0; i < jobs->n; i++)
                job_row_done(&jobs->list[i]);
        free(TAKE_PTR(jobs->list));
        jobs->n = 0;
}

static int find_sources(Store *s, const char *glob, SourceRows *ret) {
        _cleanup_(source_rows_done) SourceRows rows = {};
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;

        int r = query_prepare(s, "SELECT id, name FROM sources ORDER BY name LIMIT ?1", &stmt);
        if (r < 0)
                return r;
        r = query_bind_int(stmt, 1, SOURCES_MAX);
        if (r < 0)
                return r;
        while ((r = query_step(stmt)) > 0) {
                _cleanup_free_ char *name = NULL;
                r = query_column_string(stmt, 1, &name);
                if (r < 0)
                        return r;
                if (!query_glob(glob, strempty(name)))
                        continue;
                r = query_grow(&rows.list, rows.n, sizeof *rows.list);
                if (r < 0)
                        return r;
                rows.list[rows.n++] = (SourceRow) { sqlite3_column_int64(stmt, 0), TAKE_PTR(name) };
        }
        if (r < 0)
                return r;
        *ret = TAKE_STRUCT(rows);
        return 0;
}

/* A body that cannot be read hides its details, not the job. */
static int read_job(const char *id, const char *status, const char *text, Job **ret) {
        _cleanup_json_ json_object *body = NULL;

        int r = text ? json_parse_bounded(text, strlen(text), &body, NULL) : -ENODATA;
        if (r >= 0)
                r = job_from_json(body, ret);
        if (r >= 0 || r == -ENOMEM)
                return r;
        json_putp(&body);
        body = json_object_new_object();
        if (!body)
                return -ENOMEM;
        r = json_add_string(body, "id", id);
        if (r >= 0)
                r = json_add_string(body, "status", status);
        return r < 0 ? r : job_from_json(body, ret);
}

/* When it changed by the server's clock, for a job whose past we did not see. */
static usec_t told_by_server(const Job *j) {
        int64_t at = j->finished_at > 0 ? j->finished_at : j->created_at;
        return at > 0 ? (usec_t) at * USEC_PER_SEC : 0;
}

static int read_row(sqlite3_stmt *stmt, const char *source, JobRow *ret) {
        JobRow j = { .row = sqlite3_column_int64(stmt, 0) };
        const char *id = db_text(stmt, 1), *body = db_text(stmt, 8);

        int r = query_column_string(stmt, 2, &j.status);
        if (r >= 0)
                r = free_and_strdup(&j.source, source);
        if (r >= 0 && sqlite3_column_type(stmt, 10) != SQLITE_NULL)
                r = query_column_string(stmt, 10, &j.lasts);
        if (r >= 0)
                r = read_job(strempty(id), strempty(j.status), body, &j.job);
        if (r < 0) {
                job_row_done(&j);
                return r;
        }
        j.terminal = sqlite3_column_int(stmt, 3) != 0;
        j.silent = sqlite3_column_int(stmt, 4) != 0;
        j.first_seen_usec = query_column_usec(stmt, 5);
        j.changed_usec = query_column_usec(stmt, 6);
        j.removed_usec = query_column_usec(stmt, 7);
        j.progress_usec = query_column_usec(stmt, 9);
        if (j.silent && j.changed_usec <= j.first_seen_usec) {
                usec_t at = told_by_server(j.job);
                j.changed_usec = at > 0 ? MIN(at, j.changed_usec) : j.changed_usec;
        }
        *ret = j;
        return 0;
}

/* Appends what the statement gives, at most `limit` in the whole list, and says in `more` whether there
 * was more. */
static int read_rows(sqlite3_stmt *stmt, const char *source, usec_t since_usec, size_t limit,
                     JobRows *jobs) {
        int r;

        for (size_t n = 0; (r = query_step(stmt)) > 0;) {
                if (n == limit) {
                        jobs->more = true;
                        return 0;
                }
                r = query_grow(&jobs->list, jobs->n, sizeof *jobs->list);
                if (r < 0)
                        return r;
                r = read_row(stmt, source, &jobs->list[jobs->n]);
                if (r < 0)
                        return r;
                jobs->n++;
                if (jobs->list[jobs->n - 1].changed_usec < since_usec)
                        job_row_done(&jobs->list[--jobs->n]);
                else
                        n++;
        }
        return r;
}

static int append_filter(Buf *sql, const JobQuery *q) {
        size_t n = q->statuses ? strv_length(q->statuses) : 0;

        if (n > STATUSES_MAX)
                return -E2BIG;
        if (q->since_usec > 0)
                /* Cheap and never wrong: what changed since was seen to change since, or was new to us
                 * since. */
                (void) buf_puts(sql, " AND j.changed_usec >= ?3");
        if (n == 0 && !q->active && !q->finished)
                return sql->error;
        (void) buf_printf(sql, " AND (%s OR %s", q->active ? UNFINISHED : "0",
                          q->finished ? "j.terminal = 1" : "0");
        for (size_t i = 0; i < n; i++)
                (void) buf_printf(sql, " OR j.status = ?%zu", i + 4);
        (void) buf_puts(sql, ")");
        return sql->error;
}

static int ask_source(Store *s, const JobQuery *q, const SourceRow *source, bool unfinished, JobRows *jobs) {
        _cleanup_(buf_done) Buf sql = BUF_INIT(SQL_LIMIT);
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;
        size_t limit = query_limit(q->limit);

        (void) buf_printf(&sql, "SELECT " JOB_COLUMNS " FROM jobs j WHERE j.source = ?1 AND %s",
                          unfinished ? UNFINISHED : "NOT (" UNFINISHED ")");
        int r = append_filter(&sql, q);
        if (r < 0)
                return r;
        r = buf_puts(&sql, " ORDER BY j.created_at DESC, j.id DESC LIMIT ?2");
        if (r < 0)
                return r;
        r = query_prepare(s, buf_string(&sql), &stmt);
        if (r < 0)
                return r;
        r = query_bind_int(stmt, 1, source->row);
        if (r >= 0)
                /* The filter `since` below may drop rows of first contact, so it counts by itself. */
                r = query_bind_int(stmt, 2, (int64_t) (q->since_usec > 0 ? QUERY_ROWS_MAX : limit + 1));
        if (r >= 0 && q->since_usec > 0)
                r = query_bind_int(stmt, 3, (int64_t) q->since_usec);
        for (size_t i = 0; r >= 0 && q->statuses && q->statuses[i]; i++)
                r = query_bind_text(stmt, (int) i + 4, q->statuses[i]);
        return r < 0 ? r : read_rows(stmt, source->name, q->since_usec, limit, jobs);
}

static bool is_unfinished(const JobRow *j) {
        return !j->terminal && j->removed_usec == 0;
}

static int compare_jobs(const void *a, const void *b) {
        const JobRow *x = a, *y = b;

        if (is_unfinished(x) != is_unfinished(y))
                return is_unfinished(x) ? -1 : 1;
        if (x->job->created_at != y->job->created_at)
                return x->job->created_at > y->job->created_at ? -1 : 1;
        return (x->row < y->row) - (x->row > y->row);
}

static void cut_jobs(JobRows *jobs, size_t limit) {
        while (jobs->n > limit) {
                job_row_done(&jobs->list[--jobs->n]);
                jobs->more = true;
        }
}

int query_jobs(Store *s, const JobQuery *q, JobRows *ret) {
        _cleanup_(source_rows_done) SourceRows sources = {};
        _cleanup_(job_rows_done) JobRows jobs = {};
        size_t limit = query_limit(q->limit);

        int r = find_sources(s, q->source, &sources);
        if (r < 0)
                return r;
        for (int unfinished = 1; unfinished >= 0; unfinished--)
                for (size_t i = 0; i < sources.n; i++) {
                        r = ask_source(s, q, &sources.list[i], unfinished, &jobs);
                        if (r < 0)
                                return r;
                        /* Keeps memory near limit, whatever the number of sources. */
                        if (jobs.n > 0)
                                qsort(jobs.list, jobs.n, sizeof *jobs.list, compare_jobs);
                        cut_jobs(&jobs, limit);
                }
        *ret = TAKE_STRUCT(jobs);
        return 0;
}

/* --- by name --------------------------------------------------------------------------------------- */

/* The least string greater than every string that begins with `prefix`, "" when there is none. */
static char *prefix_end(const char *prefix) {
        char *end = strdup(prefix);

        for (size_t n = end ? strlen(end) : 0; n > 0; n--)
                if ((unsigned char) end[n - 1] < 0xff) {
                        end[n - 1]++;
                        end[n] = '\0';
                        break;
                } else
                        end[n - 1] = '\0';
        return end;
}

#define BY_SUFFIX(condition) "SELECT " JOB_COLUMNS " FROM jobs j" \
                             " WHERE j.source = ?1 AND json_valid(j.body) AND " condition \
                             " ORDER BY j.created_at DESC LIMIT ?3"

/* How a name is tried, in this order; the first that finds anybody ends the search. */
static const struct {
        const char *prefix;             /* put before the name */
        const char *sql;
        bool is_range;                  /* ?4 is where the prefix ends */
} name_forms[] = {
        { "", "SELECT " JOB_COLUMNS " FROM jobs j WHERE j.source = ?1 AND j.job_id = ?2 LIMIT ?3", false },
        { "", "SELECT " JOB_COLUMNS " FROM jobs j"
              " WHERE j.source = ?1 AND j.job_id >= ?2 AND j.job_id < ?4 LIMIT ?3", true },
        { "ftjob-", "SELECT " JOB_COLUMNS " FROM jobs j"
                    " WHERE j.source = ?1 AND j.job_id >= ?2 AND j.job_id < ?4 LIMIT ?3", true },
        /* No index holds the suffix: walks one source's jobs, newest first. */
        { "", BY_SUFFIX("json_extract(j.body, '$.suffix') = ?2"), false },
        { "", BY_SUFFIX("substr(json_extract(j.body, '$.suffix'), 1, length(?2)) = ?2"), false },
};

static int ask_name(Store *s, size_t form, const char *name, int64_t source, sqlite3_stmt **ret) {
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;
        _cleanup_free_ char *from = NULL, *to = NULL;

        int r = string_printf(&from, "%s%s", name_forms[form].prefix, name);
        if (r < 0)
                return r;
        to = prefix_end(from);
        if (!to)
                return -ENOMEM;
        r = query_prepare(s, name_forms[form].sql, &stmt);
        if (r < 0)
                return r;
        r = query_bind_int(stmt, 1, source);
        if (r >= 0)
                r = db_errno(sqlite3_bind_text(stmt, 2, from, -1, SQLITE_TRANSIENT));
        if (r >= 0)
                r = query_bind_int(stmt, 3, (int64_t) QUERY_ROWS_MAX);
        if (r >= 0 && name_forms[form].is_range)
                r = db_errno(sqlite3_bind_text(stmt, 4, to, -1, SQLITE_TRANSIENT));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(stmt);
        return 0;
}

int query_jobs_named(Store *s, const char *source, const char *name, size_t limit, JobRows *ret) {
        _cleanup_(source_rows_done) SourceRows sources = {};
        _cleanup_(job_rows_done) JobRows jobs = {};

        if (isempty(name))
                return -EINVAL;
        int r = find_sources(s, source, &sources);
        if (r < 0)
                return r;
        for (size_t form = 0; form < ARRAY_SIZE(name_forms) && jobs.n == 0; form++)
                for (size_t i = 0; i < sources.n; i++) {
                        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;
                        r = ask_name(s, form, name, sources.list[i].row, &stmt);
                        if (r < 0)
                                return r;
                        r = read_rows(stmt, sources.list[i].name, 0, query_limit(limit), &jobs);
                        if (r < 0)
                                return r;
                }
        if (jobs.n > 0)
                qsort(jobs.list, jobs.n, sizeof *jobs.list, compare_jobs);
        cut_jobs(&jobs, query_limit(limit));
        *ret = TAKE_STRUCT(jobs);
        return 0;
}
