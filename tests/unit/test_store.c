/* The state: what it keeps of sources, jobs, events, metrics, notices; the outbox; what is pruned. In
 * memory. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/strings.h"
#include "store/outbox.h"
#include "store/store_internal.h"

#define T0 (1700000000 * USEC_PER_SEC)

static int set_up(void **state) {
        char *aside = NULL, *message = NULL;
        Store *s = NULL;

        assert_int_equal(store_open(":memory:", STORE_READ_WRITE, &s, &aside, &message), 0);
        assert_null(aside);
        *state = s;
        return 0;
}

static int tear_down(void **state) {
        store_free(*state);
        return 0;
}

static int64_t number(Store *s, const char *sql) {
        sqlite3_stmt *q;

        assert_int_equal(sqlite3_prepare_v2(db_handle(s->db), sql, -1, &q, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        int64_t n = sqlite3_column_int64(q, 0);
        sqlite3_finalize(q);
        return n;
}

static int64_t add_source(Store *s, const char *name) {
        char endpoint[64];
        StoredSource source = {};

        (void) snprintf(endpoint, sizeof endpoint, "https://%s.openai.azure.com", name);
        assert_int_equal(store_sources_attach(s, &(SourceName) { name, endpoint }, 1), 0);
        assert_int_equal(store_source_load(s, name, &source), 1);
        stored_source_done(&source);
        return source.id;
}

static StoredJob *new_job(const char *id, const char *status, int64_t created_at) {
        StoredJob *j = calloc(1, sizeof *j);
        _cleanup_json_ json_object *o = json_object_new_object();

        assert_int_equal(json_add_string(o, "id", id), 0);
        assert_int_equal(json_add_string(o, "status", status), 0);
        assert_int_equal(json_add_int(o, "created_at", created_at), 0);
        assert_int_equal(job_from_json(o, &j->job), 0);
        j->status = strdup(status_canonical(status));
        j->first_walk = 3;
        j->first_seen_usec = j->changed_usec = T0;
        return j;
}

static int64_t add_job(Store *s, int64_t source, const char *id, const char *status, int64_t created_at) {
        StoredJob *j = new_job(id, status, created_at);

        assert_int_equal(store_job_save(s, source, j), 0);
        int64_t row = j->id;
        stored_job_free(j);
        return row;
}

static int64_t add_notice(Store *s, int64_t source, int64_t job, unsigned n, bool enrich, int expected) {
        Notice notice = { .type = NOTICE_JOB_RUNNING,
                          .created_usec = T0 + n,
                          .source = (char *) "src",
                          .status = (char *) "running" };
        int64_t seq = 0;

        StoredJob *about = new_job("ftjob-1", "running", 5);
        notice.job = about->job;
        (void) snprintf(notice.id, sizeof notice.id, "evt_%026u", n);
        assert_int_equal(store_notice_add(s, &notice, source, job, enrich, &seq), expected);
        stored_job_free(about);
        return seq;
}

static void test_jobs(void **state) {
        Store *s = *state;
        StoredJob *j = NULL;
        int64_t source = add_source(s, "src"), *rows = NULL;
        unsigned rank = 0, n_entered = 0;
        size_t n = 0;

        assert_int_equal(store_job_load(s, source, "ftjob-1", &j), 0);
        int64_t one = add_job(s, source, "ftjob-1", "running", 100),
                two = add_job(s, source, "ftjob-2", "canceled", 200);
        int64_t three = add_job(s, source, "ftjob-3", "evaluating", 300);
        assert_int_equal(store_job_load(s, source, "ftjob-1", &j), 1);
        assert_true(j->id == one && j->first_walk == 3 && !j->silent && !j->removed &&
                    j->job->created_at == 100);
        free(j->status);
        j->status = strdup("succeeded");
        j->changed_usec = T0 + 9;
        assert_int_equal(store_job_save(s, source, j), 0);
        j = stored_job_free(j);
        assert_int_equal(store_job_load_by_id(s, one, &j), 1);
        assert_string_equal(j->status, "succeeded");
        assert_true(j->changed_usec == T0 + 9);
        j = stored_job_free(j);
        assert_int_equal(store_job_load(s, source + 1, "ftjob-1", &j), 0);

        assert_int_equal(store_jobs_unfinished(s, source, &rows, &n), 0);
        assert_true(n == 1 && rows[0] == three);
        free(rows);
        assert_int_equal(store_job_remove(s, three, T0), 0);
        assert_int_equal(store_jobs_unfinished(s, source, &rows, &n), 0);
        assert_int_equal(n, 0);
        free(rows);
        assert_int_equal(store_job_rank(s, source, 100, 10, &rank), 0);
        assert_int_equal(rank, 2);
        assert_int_equal(store_job_rank(s, source, 100, 1, &rank), 0);
        assert_int_equal(rank, 1);
        for (unsigned i = 1; i <= 3; i++) {
                assert_int_equal(store_job_enter_status(s, two, "paused", T0, &n_entered), 0);
                assert_int_equal(n_entered, i);
        }
        assert_int_equal(store_job_enter_status(s, two, "running", T0, &n_entered), 0);
        assert_int_equal(n_entered, 1);
}

static void test_tails(void **state) {
        Store *s = *state;
        int64_t source = add_source(s, "src"), other = add_source(s, "other"), job = 0;
        int64_t one = add_job(s, source, "a", "failed", 1), two = add_job(s, source, "b", "failed", 2);
        usec_t due = 0;

        assert_int_equal(store_job_next_tail(s, source, &job, &due), 0);
        assert_int_equal(store_job_set_tail(s, one, T0 + 5), 0);
        assert_int_equal(store_job_set_tail(s, two, T0 + 3), 0);
        assert_int_equal(store_job_next_tail(s, other, &job, &due), 0);
        assert_int_equal(store_job_next_tail(s, source, &job, &due), 1);
        assert_true(job == two && due == T0 + 3);
        assert_int_equal(store_job_set_tail(s, two, 0), 0);
        assert_int_equal(store_job_next_tail(s, source, &job, &due), 1);
        assert_true(job == one);
}

static void add_event(Store *s, int64_t job, int64_t at, EventLevel level, const char *message,
                      int expected) {
        uint8_t key[EVENT_KEY_SIZE];
        Event e = { .id = (char *) message,
                    .created_at = at,
                    .level = level,
                    .message = (char *) message,
                    .step = -1 };
        uint64_t walk = 0;

        assert_int_equal(event_key(&e, 0, key), 0);
        assert_int_equal(store_event_add(s, job, &e, key, 7, &walk), expected);
        assert_int_equal(walk, 7);
}

static void check_tail(Store *s, int64_t job, size_t max, const char *expected) {
        Event **events = NULL;
        size_t n = 0;
        Buf b = BUF_INIT(1000);

        assert_int_equal(store_events_tail(s, job, max, &events, &n), 0);
        for (size_t i = 0; i < n; i++) {
                (void) buf_printf(&b, "%s%s", i > 0 ? " " : "", events[i]->message);
                event_free(events[i]);
        }
        free(events);
        assert_string_equal(buf_string(&b), expected);
        buf_done(&b);
}

static void test_events(void **state) {
        Store *s = *state;
        int64_t source = add_source(s, "src"), job = add_job(s, source, "a", "running", 1);

        check_tail(s, job, 3, "");
        /* As ingest does: from the oldest. Several in one second keep the order in which they were stored.
         */
        add_event(s, job, 10, EVENT_LEVEL_INFO, "one", 1);
        add_event(s, job, 10, EVENT_LEVEL_INFO, "two", 1);
        add_event(s, job, 10, EVENT_LEVEL_INFO, "three", 1);
        add_event(s, job, 11, EVENT_LEVEL_INFO, "four", 1);
        add_event(s, job, 10, EVENT_LEVEL_INFO, "two", 0);
        check_tail(s, job, 9, "one two three four");
        check_tail(s, job, 3, "two three four");
        check_tail(s, job, 2, "three four");
        add_event(s, job, 5, EVENT_LEVEL_WARNING, "careful", 1);
        check_tail(s, job, 3, "careful three four");
        check_tail(s, job, 1, "careful");
}

static void test_metrics(void **state) {
        Store *s = *state;
        int64_t source = add_source(s, "src"), job = add_job(s, source, "a", "running", 1);
        Metrics *m = NULL;

        assert_int_equal(store_metric_put(s, job, "train_loss", 2, 0.1), 0);
        assert_int_equal(store_metric_put(s, job, "train_loss", 1, NAN), 0);
        assert_int_equal(store_metric_put(s, job, "train_loss", 3, INFINITY), 0);
        assert_int_equal(store_metric_put(s, job, "train_loss", 4, -1), 0);
        assert_int_equal(store_metric_put(s, job, "reward", 4, -1), 0);
        assert_int_equal(store_metric_put(s, job, "train_loss", 2, 0.3), 0);
        assert_int_equal(store_metrics_load(s, job, &m), 0);
        const MetricSeries *loss = metrics_find(m, "train_loss"), *reward = metrics_find(m, "reward");
        assert_non_null(loss);
        assert_true(loss->n_points == 3 && isnan(loss->points[0].value) &&
                    isinf(loss->points[2].value));
        assert_true(loss->points[1].step == 2 && loss->points[1].value == 0.3);
        assert_true(reward && reward->n_points == 1);
        metrics_free(m);
}

static void test_notices(void **state) {
        Store *s = *state;
        int64_t source = add_source(s, "src"), job = add_job(s, source, "ftjob-1", "running", 1);
        Notice *n = NULL;
        PendingNotice *pending = NULL;
        size_t n_pending = 0;

        int64_t a = add_notice(s, source, job, 1, true, 1), b = add_notice(s, source, job, 2, false, 1);
        (void) add_notice(s, source, job, 1, false, 0);
        assert_int_equal(store_notice_waits(s, a), 1);
        assert_int_equal(store_notice_waits(s, b), 0);
        assert_int_equal(store_notices_to_enrich(s, &pending, &n_pending), 0);
        assert_true(n_pending == 1 && pending[0].seq == a && pending[0].job == job &&
                    pending[0].source == source);
        free(pending);
        assert_int_equal(store_notice_load_latest(s, job, NOTICE_JOB_RUNNING, &n), 1);
        assert_true(n->created_usec == T0 + 2 && n->type == NOTICE_JOB_RUNNING);
        n = notice_free(n);
        assert_int_equal(store_notice_load_latest(s, job, NOTICE_JOB_FAILED, &n), 0);
        assert_int_equal(store_notice_load(s, a, &n), 1);
        assert_int_equal(store_delivery_add(s, a, "r", job, T0, T0 + 10), 0);
        n->detail = strdup("more");
        assert_int_equal(store_notice_complete(s, a, n, T0 + 1), 1);
        assert_int_equal(number(s, "SELECT due_usec FROM deliveries"), (int64_t) T0 + 1);
        assert_int_equal(store_notice_complete(s, a, n, T0 + 2), 0);
        assert_int_equal(number(s, "SELECT due_usec FROM deliveries"), (int64_t) T0 + 1);
        n = notice_free(n);
        assert_int_equal(store_notice_load(s, a, &n), 1);
        assert_string_equal(n->detail, "more");
        notice_free(n);
        assert_int_equal(store_notice_load(s, 999, &n), 0);
}

static int64_t id_of(Store *s, const char *name) {
        StoredSource source = {};

        assert_int_equal(store_source_load(s, name, &source), 1);
        int64_t id = source.id;
        stored_source_done(&source);
        return id;
}

/* The one source that is configured, or one of two. */
static int64_t attach(Store *s, const char *name, const char *endpoint, const char *other,
                      const char *other_endpoint) {
        const SourceName names[] = { { name, endpoint }, { other, other_endpoint } };

        assert_int_equal(store_sources_attach(s, names, other ? 2 : 1), 0);
        return id_of(s, name);
}

static void test_troubles(void **state) {
        Trouble t = { .n_row = 9,
                      .n_type = 9,
                      .reason = REASON_DNS,
                      .since_usec = T0,
                      .told_type = NOTICE_SOURCE_UNREACHABLE,
                      .told_usec = T0 + 1 };
        Store *s = *state;
        Trouble back = {};

        assert_int_equal(store_trouble_load(s, "source:x", &back), 0);
        assert_int_equal(store_trouble_save(s, "source:x", &t), 0);
        assert_int_equal(store_trouble_load(s, "source:x", &back), 1);
        assert_true(back.told_type == t.told_type && back.since_usec == T0 && back.told_usec == T0 + 1 &&
                    back.reason == REASON_DNS);
        assert_int_equal(store_trouble_save(s, "source:x", &(Trouble) {}), 0);
        assert_int_equal(store_trouble_load(s, "source:x", &back), 0);

        /* It goes along when its source is renamed, and ends with the configuration of its subject. */
        (void) attach(s, "old", "https://1", NULL, NULL);
        assert_int_equal(store_trouble_save(s, "source:old", &t), 0);
        assert_int_equal(store_trouble_save(s, "receiver:gone", &t), 0);
        (void) attach(s, "new", "https://1", NULL, NULL);
        assert_int_equal(store_trouble_load(s, "source:old", &back), 0);
        assert_int_equal(store_trouble_load(s, "source:new", &back), 1);
        char *subjects[] = { (char *) "source:new", NULL };
        assert_int_equal(store_troubles_keep(s, subjects), 0);
        assert_int_equal(number(s, "SELECT count(*) FROM troubles"), 1);
        assert_int_equal(store_trouble_load(s, "source:new", &back), 1);
        assert_int_equal(store_troubles_keep(s, NULL), 0);
        assert_int_equal(number(s, "SELECT count(*) FROM troubles"), 0);
}

static void test_attach(void **state) {
        Store *s = *state;

        int64_t a = attach(s, "a", "https://1", NULL, NULL),
                b = attach(s, "b", "https://2", "a", "https://1");
        assert_true(a != b && attach(s, "a", "https://1", "b", "https://2") == a);
        assert_true(attach(s, "renamed", "https://1", "b", "https://2") == a);
        /* Two sources on one endpoint are two. */
        int64_t twin = attach(s, "twin", "https://1", "renamed", "https://1");
        assert_true(twin != a);
        /* Another endpoint under a known name begins anew; back again finds what was. */
        int64_t moved = attach(s, "b", "https://3", "renamed", "https://1");
        assert_true(moved != b && attach(s, "b", "https://3", "renamed", "https://1") == moved);
        assert_true(attach(s, "b", "https://2", "renamed", "https://1") == b);

        StoredSource source = {};
        assert_int_equal(store_source_load(s, "renamed", &source), 1);
        source.baseline = (Baseline) { .done = true, .at = 77 };
        source.walk.n = 5;
        source.walk.after = strdup("ftjob-9");
        assert_int_equal(store_source_save(s, &source), 0);
        stored_source_done(&source);
        assert_int_equal(store_source_load(s, "renamed", &source), 1);
        assert_true(source.baseline.done && source.baseline.at == 77 && source.walk.n == 5);
        assert_string_equal(source.walk.after, "ftjob-9");
        stored_source_done(&source);
        assert_int_equal(store_source_load(s, "nobody", &source), 0);
}

/* Names that go round: every resource keeps its row, and its trouble, under whatever name. */
static void test_swap(void **state) {
        static const SourceName before[] = { { "x", "https://1" },
                                             { "y", "https://2" },
                                             { "z", "https://3" } };
        static const SourceName after[] = { { "y", "https://1" },
                                            { "z", "https://2" },
                                            { "x", "https://3" } };
        Trouble t = { .reason = REASON_DNS, .told_type = NOTICE_SOURCE_UNREACHABLE, .told_usec = T0 };
        Store *s = *state;
        Trouble back = {};

        assert_int_equal(store_sources_attach(s, before, 3), 0);
        int64_t x = id_of(s, "x"), y = id_of(s, "y"), z = id_of(s, "z");
        assert_int_equal(store_trouble_save(s, "source:x", &t), 0);
        assert_int_equal(store_sources_attach(s, after, 3), 0);
        assert_true(id_of(s, "y") == x && id_of(s, "z") == y && id_of(s, "x") == z);
        assert_int_equal(store_trouble_load(s, "source:y", &back), 1);
        assert_int_equal(store_trouble_load(s, "source:x", &back), 0);
        assert_int_equal(store_sources_attach(s, before, 3), 0);
        assert_true(id_of(s, "x") == x && id_of(s, "y") == y && id_of(s, "z") == z);
        assert_int_equal(number(s, "SELECT count(*) FROM sources"), 3);
}

static void test_transactions(void **state) {
        Store *s = *state;
        int64_t source = add_source(s, "src");

        assert_int_equal(store_begin(s), 0);
        (void) add_job(s, source, "a", "running", 1);
        store_rollback(s);
        store_rollback(s);
        assert_int_equal(number(s, "SELECT count(*) FROM jobs"), 0);
        assert_int_equal(store_begin(s), 0);
        (void) add_job(s, source, "a", "running", 1);
        assert_true(store_begin(s) < 0);                /* not within another one */
        assert_int_equal(store_commit(s), 0);
        assert_int_equal(number(s, "SELECT count(*) FROM jobs"), 1);
}

/* A disk that is full in the middle: nothing of the transaction is there. */
static void test_full(void **state) {
        Store *s = *state;
        int64_t source = add_source(s, "src");
        char sql[64], id[32];
        int r = 0;

        (void) snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld",
                        (long long) number(s, "PRAGMA page_count") + 3);
        (void) number(s, sql);
        assert_int_equal(store_begin(s), 0);
        for (unsigned i = 0; r >= 0 && i < 10000; i++) {
                (void) snprintf(id, sizeof id, "ftjob-%u", i);
                StoredJob *j = new_job(id, "running", i);
                r = store_job_save(s, source, j);
                stored_job_free(j);
        }
        assert_int_equal(r, -ENOSPC);
        store_rollback(s);
        assert_string_equal(store_error(s, r), "database or disk is full");
        assert_int_equal(number(s, "SELECT count(*) FROM jobs"), 0);
        (void) number(s, "PRAGMA max_page_count = 100000");
        (void) add_job(s, source, "ftjob-1", "running", 1);
        assert_int_equal(number(s, "SELECT count(*) FROM jobs"), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_jobs, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_tails, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_events, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_metrics, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_notices, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_troubles, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_attach, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_swap, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_transactions, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
