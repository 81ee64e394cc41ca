/* The read-only questions: who is found by what, in which order, how many; and by which index. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "base/strings.h"
#include "ctl_fixture.h"
#include "io/db.h"
#include "store/query.h"
#include "store/store_internal.h"

#define NOW_USEC ((usec_t) CTL_FIXTURE_NOW * USEC_PER_SEC)

/* --- jobs ------------------------------------------------------------------------------------------ */

/* The rows of the seed by their number, in the order they came: "7 1 4". */
static void assert_rows(const JobRows *jobs, const char *expected) {
        Buf b = BUF_INIT(1024);

        for (size_t i = 0; i < jobs->n; i++)
                (void) buf_printf(&b, "%s%lld", i > 0 ? " " : "", (long long) jobs->list[i].row);
        assert_int_equal(b.error, 0);
        assert_string_equal(buf_string(&b), expected);
        buf_done(&b);
}

static void test_jobs(void **state) {
        static char *paused_and_cancelled[] = { (char *) "paused", (char *) "cancelled", NULL };
        static char *unknown[] = { (char *) "quantum_flux", NULL };
        static const struct {
                JobQuery q;
                const char *rows;
                bool more;
        } table[] = {
                { {}, "7 1 4 3 2 5 8 6", false },
                { { .limit = 8 }, "7 1 4 3 2 5 8 6", false },
                { { .limit = 7 }, "7 1 4 3 2 5 8", true },
                { { .limit = 2 }, "7 1", true },
                { { .limit = 1 }, "7", true },
                { { .source = "contoso-*" }, "1 2 5 8 6", false },
                { { .source = "contoso-*", .limit = 1 }, "1", true },
                { { .source = "fabrikam" }, "7 4 3", false },
                { { .source = "nobody" }, "", false },
                { { .active = true }, "7 1 4", false },
                { { .finished = true }, "3 2 5 6", false },
                { { .active = true, .finished = true }, "7 1 4 3 2 5 6", false },
                { { .statuses = paused_and_cancelled }, "4 5", false },
                { { .statuses = unknown, .finished = true, .limit = 2 }, "7 3", true },
                /* Job 6 was seen at first contact ten days ago, but had ended long before. */
                { { .since_usec = NOW_USEC - 11 * USEC_PER_DAY }, "7 1 4 3 2 5 8", false },
                { { .since_usec = NOW_USEC - 30 * USEC_PER_DAY }, "7 1 4 3 2 5 8 6", false },
                { { .since_usec = NOW_USEC - 3 * USEC_PER_HOUR, .limit = 2 }, "7 1", true },
                { { .since_usec = NOW_USEC - 3 * USEC_PER_HOUR }, "7 1 3", false },
        };
        CtlFixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                JobRows jobs = {};
                assert_int_equal(query_jobs(f->store, &table[i].q, &jobs), 0);
                assert_rows(&jobs, table[i].rows);
                assert_int_equal(jobs.more, table[i].more);
                job_rows_done(&jobs);
        }
}

static void test_job_row(void **state) {
        CtlFixture *f = *state;
        JobRows jobs = {};

        assert_int_equal(query_jobs_named(f->store, NULL, "gone", 0, &jobs), 0);
        assert_int_equal(jobs.n, 1);
        const JobRow *j = jobs.list;
        assert_string_equal(j->source, "contoso-eastus");
        assert_string_equal(j->status, "running");
        assert_string_equal(j->job->id, "ftjob-77777777777777777777777777777777");
        assert_string_equal(j->job->model, "gpt-4o-mini-2024-07-18");
        assert_int_equal(j->job->created_at, CTL_FIXTURE_NOW - 400000);
        assert_false(j->terminal);
        assert_false(j->silent);
        assert_true(j->changed_usec == NOW_USEC - 390000 * USEC_PER_SEC);
        assert_true(j->removed_usec == NOW_USEC - 350000 * USEC_PER_SEC);
        job_rows_done(&jobs);
}

static void test_names(void **state) {
        static const struct {
                const char *source, *name;
                size_t limit;
                const char *rows;
        } table[] = {
                { NULL, "ftjob-5f1c0e9a2b3c4d5e6f708192a3b4c5d6", 0, "1" },
                { NULL, "ftjob-5", 0, "1" },
                { NULL, "5f1c", 0, "1" },
                { NULL, "5f1c0e9a2b3c4d5e6f708192a3b4c5d6", 0, "1" },
                { NULL, "5f1c0e9a2b3c4d5e6f708192a3b4c5d6f", 0, "" },
                { NULL, "a1b2c3d4", 0, "2 6" },
                { NULL, "a1b2c3d4e", 0, "2" },
                { NULL, "a1b2c3d4f", 0, "6" },
                { NULL, "ftjob-", 0, "7 1 4 3 2 5 8 6" },
                { NULL, "ftjob-", 3, "7 1 4" },
                { "fabrikam", "ftjob-", 0, "7 4 3" },
                { NULL, "contract-review", 0, "2 6" },
                { NULL, "contract", 0, "2 6" },
                { NULL, "support", 0, "1" },
                { NULL, "SUPPORT", 0, "" },
                { NULL, "sup%", 0, "" },
                { NULL, "sup*", 0, "" },
                { "contoso-eastus", "summaries", 0, "" },
                { "fabri*", "summaries", 0, "3" },
                { NULL, "' OR 1=1 --", 0, "" },
                { NULL, "\xff", 0, "" },
                { NULL, "\xff\xff\xff", 0, "" },
        };
        CtlFixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                JobRows jobs = {};
                int r = query_jobs_named(f->store, table[i].source, table[i].name, table[i].limit, &jobs);
                assert_int_equal(r, 0);
                assert_rows(&jobs, table[i].rows);
                job_rows_done(&jobs);
        }
        JobRows none = {};
        assert_int_equal(query_jobs_named(f->store, NULL, "", 0, &none), -EINVAL);
}

/* --- details --------------------------------------------------------------------------------------- */

static void test_statuses(void **state) {
        CtlFixture *f = *state;
        static const char *const names[] = { "pending", "running", "paused", "running", "succeeded" };
        StatusRows rows = {};

        assert_int_equal(query_statuses(f->store, 2, &rows), 0);
        assert_int_equal(rows.n, ARRAY_SIZE(names));
        for (size_t i = 0; i < rows.n; i++) {
                assert_string_equal(rows.list[i].status, names[i]);
                assert_int_equal(rows.list[i].n, i == 3 ? 2 : 1);
        }
        assert_true(rows.list[4].entered_usec == NOW_USEC - 86400 * USEC_PER_SEC);
        status_rows_done(&rows);
        assert_int_equal(query_statuses(f->store, 99, &rows), 0);
        assert_int_equal(rows.n, 0);
        status_rows_done(&rows);
}

static void test_events(void **state) {
        static const struct {
                int64_t job;
                EventQuery q;
                size_t n;
                bool more;
                const char *first, *last;
        } table[] = {
                { 3, {}, 3, false, "Validating training file: file-cc01",
                  "The job failed due to an invalid training file." },
                { 3, { .limit = 3 }, 3, false, "Validating training file: file-cc01", NULL },
                { 3, { .limit = 2 }, 2, true, NULL, "The job failed due to an invalid training file." },
                { 3, { .level = EVENT_LEVEL_WARNING }, 2, false, NULL, NULL },
                { 3, { .level = EVENT_LEVEL_ERROR }, 1, false, NULL, NULL },
                { 3, { .since_usec = NOW_USEC - 7205 * USEC_PER_SEC }, 1, false, NULL, NULL },
                { 1, {}, 42, false, "Job enqueued. Waiting for jobs ahead to complete.", NULL },
                { 1, { .limit = 5 }, 5, true, NULL, NULL },
                { 1, { .no_metrics = true }, 2, false, NULL, "Job started." },
                { 1, { .no_metrics = true, .limit = 1 }, 1, true, "Job started.", "Job started." },
                { 99, {}, 0, false, NULL, NULL },
        };
        CtlFixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                EventRows rows = {};
                assert_int_equal(query_events(f->store, table[i].job, &table[i].q, &rows), 0);
                assert_int_equal(rows.n, table[i].n);
                assert_int_equal(rows.more, table[i].more);
                if (table[i].first)
                        assert_string_equal(rows.list[0]->message, table[i].first);
                if (table[i].last)
                        assert_string_equal(rows.list[rows.n - 1]->message, table[i].last);
                for (size_t k = 1; k < rows.n; k++)
                        assert_true(rows.list[k - 1]->created_at <= rows.list[k]->created_at);
                event_rows_done(&rows);
        }
}

static void test_metrics(void **state) {
        CtlFixture *f = *state;
        Metrics *m;

        assert_int_equal(query_metrics(f->store, 1, NULL, &m), 0);
        assert_int_equal(m->n_series, 3);
        assert_int_equal(metrics_find(m, "train_loss")->n_points, 400);
        assert_int_equal(metrics_find(m, "valid_loss")->n_points, 20);
        (void) metrics_free(m);
        assert_int_equal(query_metrics(f->store, 1, "valid_loss", &m), 0);
        assert_int_equal(m->n_series, 1);
        (void) metrics_free(m);
        /* NULL in the table is NaN. */
        assert_int_equal(query_metrics(f->store, 2, "train_loss", &m), 0);
        const MetricSeries *s = metrics_find(m, "train_loss");
        assert_int_equal(s->n_points, 300);
        assert_true(isnan(s->points[149].value));
        assert_false(isnan(s->points[148].value));
        (void) metrics_free(m);
        assert_int_equal(query_metrics(f->store, 3, NULL, &m), 0);
        assert_true(metrics_is_empty(m));
        (void) metrics_free(m);
}

/* --- notices, deliveries, troubles ----------------------------------------------------------------- */

static void test_notices(void **state) {
        static const struct {
                NoticeQuery q;
                size_t n;
                bool more;
        } table[] = {
                { {}, 7, false },
                { { .limit = 7 }, 7, false },
                { { .limit = 3 }, 3, true },
                { { .job = 2 }, 2, false },
                { { .job = 2, .limit = 1 }, 1, true },
                { { .type = "job.*" }, 5, false },
                { { .type = "job.failed" }, 1, false },
                { { .source = "*" }, 6, false },
                { { .source = "fabrikam", .type = "source.*" }, 1, false },
                { { .since_usec = NOW_USEC - 2 * USEC_PER_HOUR }, 2, false },
        };
        CtlFixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                NoticeRows rows = {};
                assert_int_equal(query_notices(f->store, &table[i].q, &rows), 0);
                assert_int_equal(rows.n, table[i].n);
                assert_int_equal(rows.more, table[i].more);
                for (size_t k = 1; k < rows.n; k++)
                        assert_true(rows.list[k - 1].notice->created_usec <
                                    rows.list[k].notice->created_usec);
                notice_rows_done(&rows);
        }
        NoticeQuery q = { .type = "job.failed" };
        NoticeRows rows = {};
        assert_int_equal(query_notices(f->store, &q, &rows), 0);
        assert_string_equal(rows.list[0].notice->id, "evt_00000000000000000000000006");
        assert_int_equal(rows.list[0].notice->type, NOTICE_JOB_FAILED);
        assert_string_equal(rows.list[0].source, "fabrikam");
        assert_string_equal(rows.list[0].notice->job->error.code, "invalid_training_file");
        assert_int_equal(rows.list[0].deliveries.n, 3);
        assert_string_equal(rows.list[0].deliveries.list[0].receiver, "mail");
        assert_int_equal(rows.list[0].deliveries.list[0].attempts, 5);
        assert_string_equal(rows.list[0].deliveries.list[1].reason, "gone");
        notice_rows_done(&rows);
}

static void test_deliveries(void **state) {
        static const struct {
                DeliveryQuery q;
                size_t n;
                bool more;
        } table[] = {
                { {}, 11, false },
                { { .limit = 4 }, 4, true },
                { { .states = 1U << DELIVERY_PENDING }, 2, false },
                { { .states = 1U << DELIVERY_PENDING | 1U << DELIVERY_INFLIGHT }, 3, false },
                { { .states = 1U << DELIVERY_DONE }, 7, false },
                { { .states = 1U << DELIVERY_DONE, .limit = 6 }, 6, true },
                { { .states = 1U << DELIVERY_DEAD | 1U << DELIVERY_PENDING }, 3, false },
                { { .receiver = "ml-*" }, 2, false },
                { { .receiver = "journal", .source = "contoso-eastus" }, 3, false },
                { { .source = "fabrikam" }, 4, false },
                { { .since_usec = NOW_USEC - USEC_PER_HOUR }, 2, false },
        };
        CtlFixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                DeliveryRows rows = {};
                assert_int_equal(query_deliveries(f->store, &table[i].q, &rows), 0);
                assert_int_equal(rows.n, table[i].n);
                assert_int_equal(rows.more, table[i].more);
                for (size_t k = 0; k < rows.n; k++) {
                        assert_non_null(rows.list[k].notice);
                        assert_true(k == 0 || rows.list[k - 1].created_usec <= rows.list[k].created_usec);
                }
                delivery_rows_done(&rows);
        }
}

static void test_troubles(void **state) {
        CtlFixture *f = *state;
        TroubleRows rows = {};

        assert_int_equal(query_troubles(f->store, &rows), 0);
        assert_int_equal(rows.n, 1);
        assert_string_equal(rows.list[0].subject, "source:fabrikam");
        assert_string_equal(rows.list[0].reason, "timeout");
        assert_true(rows.list[0].since_usec == NOW_USEC - 30000 * USEC_PER_SEC);
        trouble_rows_done(&rows);
}

/* --- what damage and size do ----------------------------------------------------------------------- */

/* A body nobody can read hides details, never the row, and never the other rows. */
static void test_unreadable_bodies(void **state) {
        CtlFixture *f = *state;
        char path[sizeof f->dir + 16];
        TroubleRows troubles = {};
        sqlite3 *db;

        /* The first question decides which state is in view. */
        assert_int_equal(query_troubles(f->store, &troubles), 0);
        trouble_rows_done(&troubles);
        (void) snprintf(path, sizeof path, "%s/" STORE_FILE_NAME, f->dir);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "UPDATE jobs SET body = '{\"id\":' WHERE id = 1;"
                                          "UPDATE notices SET body = 'x' WHERE seq = 7;"
                                          "UPDATE notices SET type = 'job.of_the_future' WHERE seq = 3;"
                                          "UPDATE events SET body = '{\"id\":' WHERE job = 3 AND level = 0",
                                      NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        /* Still the state of before. */
        NoticeRows notices = {};
        NoticeQuery all = {};
        assert_int_equal(query_notices(f->store, &all, &notices), 0);
        assert_int_equal(notices.n, 7);
        notice_rows_done(&notices);

        assert_int_equal(db_exec(f->store->db, "COMMIT"), 0);
        JobRows jobs = {};
        assert_int_equal(query_jobs_named(f->store, NULL, "5f1c", 0, &jobs), 0);
        assert_rows(&jobs, "1");
        assert_string_equal(jobs.list[0].job->id, "ftjob-5f1c0e9a2b3c4d5e6f708192a3b4c5d6");
        assert_string_equal(jobs.list[0].status, "running");
        job_rows_done(&jobs);
        assert_int_equal(query_jobs_named(f->store, NULL, "summaries", 0, &jobs), 0);
        assert_rows(&jobs, "3");
        job_rows_done(&jobs);
        assert_int_equal(query_notices(f->store, &all, &notices), 0);
        assert_int_equal(notices.n, 5);
        notice_rows_done(&notices);
        EventRows events = {};
        EventQuery every = {};
        assert_int_equal(query_events(f->store, 3, &every, &events), 0);
        assert_int_equal(events.n, 2);
        event_rows_done(&events);
}

/* --- indexes --------------------------------------------------------------------------------------- */

static Buf traced;

static int on_statement(unsigned kind, void *userdata, void *stmt, void *text) {
        (void) kind, (void) userdata, (void) text;
        const char *sql = sqlite3_sql(stmt);
        if (!startswith(sql, "EXPLAIN"))
                (void) buf_printf(&traced, "%s\n", sql);
        return 0;
}

/* Whether any line of the plan of what was traced says "SCAN", and whether `expected` is in one of them. */
static void check_plans(sqlite3 *db, const char *expected) {
        char *rest = traced.data, *sql;
        bool found = !expected;
        size_t n = 0;

        while ((sql = strsep(&rest, "\n"))) {
                Buf explain = BUF_INIT(8192);
                sqlite3_stmt *stmt;
                if (!*sql || strstr(sql, "FROM sources"))
                        continue;
                n++;
                assert_int_equal(buf_printf(&explain, "EXPLAIN QUERY PLAN %s", sql), 0);
                assert_int_equal(sqlite3_prepare_v2(db, buf_string(&explain), -1, &stmt, NULL), SQLITE_OK);
                while (sqlite3_step(stmt) == SQLITE_ROW) {
                        const char *line = (const char *) sqlite3_column_text(stmt, 3);
                        /* What is owed may be walked through, what was done may not. */
                        if (startswith(line, "SCAN") && !strstr(line, "USING INDEX deliveries_in_line"))
                                fail_msg("%s\n%s", sql, line);
                        found = found || strstr(line, expected);
                }
                (void) sqlite3_finalize(stmt);
                buf_done(&explain);
        }
        assert_true(n > 0);
        if (!found)
                fail_msg("no plan has %s", expected);
        buf_reset(&traced);
}

static void test_indexes(void **state) {
        CtlFixture *f = *state;
        sqlite3 *db = db_handle(f->store->db);
        JobRows jobs = {};
        JobQuery job_query = { .limit = 5 };
        StatusRows statuses = {};
        EventRows events = {};
        EventQuery event_query = { .limit = 5 };
        NoticeRows notices = {};
        NoticeQuery notice_query = { .job = 3, .limit = 5 };
        DeliveryRows deliveries = {};
        DeliveryQuery owed = { .states = 1U << DELIVERY_PENDING };
        Metrics *m;

        traced = BUF_INIT(1 << 16);
        assert_int_equal(sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, NULL), SQLITE_OK);
        assert_int_equal(query_jobs(f->store, &job_query, &jobs), 0);
        job_rows_done(&jobs);
        check_plans(db, "jobs_by_age");
        assert_int_equal(query_jobs_named(f->store, NULL, "no such job", 0, &jobs), 0);
        job_rows_done(&jobs);
        check_plans(db, "sqlite_autoindex_jobs_1 (source=? AND job_id>? AND job_id<?)");
        assert_int_equal(query_statuses(f->store, 3, &statuses), 0);
        status_rows_done(&statuses);
        check_plans(db, "job=?");
        assert_int_equal(query_events(f->store, 3, &event_query, &events), 0);
        event_rows_done(&events);
        check_plans(db, "events USING INDEX sqlite_autoindex_events_1 (job=?)");
        assert_int_equal(query_metrics(f->store, 1, NULL, &m), 0);
        (void) metrics_free(m);
        check_plans(db, "(job=?)");
        assert_int_equal(query_metrics(f->store, 1, "train_loss", &m), 0);
        (void) metrics_free(m);
        check_plans(db, "metrics USING PRIMARY KEY (job=?)");
        assert_int_equal(query_notices(f->store, &notice_query, &notices), 0);
        notice_rows_done(&notices);
        check_plans(db, "notices_by_job");
        assert_int_equal(query_deliveries(f->store, &owed, &deliveries), 0);
        delivery_rows_done(&deliveries);
        buf_done(&traced);
        assert_int_equal(sqlite3_trace_v2(db, 0, NULL, NULL), SQLITE_OK);
}

static int set_up(void **state) {
        static CtlFixture fixture;

        ctl_fixture_open(&fixture);
        *state = &fixture;
        return 0;
}

static int tear_down(void **state) {
        ctl_fixture_close(*state);
        return 0;
}

#define WITH_STATE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH_STATE(test_jobs),       WITH_STATE(test_job_row),    WITH_STATE(test_names),
                WITH_STATE(test_statuses),   WITH_STATE(test_events),     WITH_STATE(test_metrics),
                WITH_STATE(test_notices),    WITH_STATE(test_deliveries), WITH_STATE(test_troubles),
                WITH_STATE(test_unreadable_bodies), WITH_STATE(test_indexes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
