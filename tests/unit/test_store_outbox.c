/* The outbox: who is next, what an attempt leaves behind, what is given up and what is pruned. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "store/outbox.h"
#include "store/store_internal.h"

#define T0 (1700000000 * USEC_PER_SEC)

static int64_t number(Store *s, const char *sql) {
        sqlite3_stmt *q;

        assert_int_equal(sqlite3_prepare_v2(db_handle(s->db), sql, -1, &q, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        int64_t n = sqlite3_column_int64(q, 0);
        sqlite3_finalize(q);
        return n;
}

static int set_up(void **state) {
        char *aside = NULL, *message = NULL;
        Store *s = NULL;

        assert_int_equal(store_open(":memory:", STORE_READ_WRITE, &s, &aside, &message), 0);
        assert_int_equal(
                db_exec(s->db,
                        "INSERT INTO sources (id, name, endpoint) VALUES (1, 's', 'e');"
                        "INSERT INTO jobs (id, source, job_id, status, terminal, silent, created_at, "
                        "body, first_walk,"
                        " first_seen_usec, changed_usec) VALUES (1, 1, 'a', 'running', 0, 0, 1, '{}', 1,"
                        " 1, 1),"
                        " (2, 1, 'b', 'succeeded', 1, 0, 1, '{}', 1, 1, 1)"),
                0);
        *state = s;
        return 0;
}

static int tear_down(void **state) {
        store_free(*state);
        return 0;
}

/* A notice of its own for each delivery. Returns the delivery's number. */
static int64_t owe(Store *s, const char *receiver, int64_t line, usec_t due) {
        Notice n = { .type = NOTICE_TEST, .created_usec = T0 };
        static unsigned serial;
        int64_t seq = 0;

        (void) snprintf(n.id, sizeof n.id, "evt_%026u", ++serial);
        assert_int_equal(store_notice_add(s, &n, 0, line, false, &seq), 1);
        assert_int_equal(store_delivery_add(s, seq, receiver, line, T0, due), 0);
        assert_int_equal(store_delivery_add(s, seq, receiver, line, T0, due), 0);       /* once */
        return number(s, "SELECT max(seq) FROM deliveries");
}

static int64_t next(Store *s, const char *receiver, usec_t before) {
        Delivery d = {};
        int r = store_delivery_next(s, receiver, before, &d);

        assert_true(r >= 0);
        delivery_done(&d);
        return r > 0 ? d.seq : 0;
}

static void settle(Store *s, int64_t seq, DeliveryState state, usec_t due, bool degrade) {
        const DeliveryVerdict v = {
                .state = state, .due_usec = due, .degrade = degrade, .reason = REASON_TIMEOUT
        };
        const Outcome o =
                outcome_make(state == DELIVERY_DONE ? OUTCOME_OK : OUTCOME_RETRY, REASON_TIMEOUT, 0, "slow");

        assert_int_equal(store_delivery_settle(s, seq, &v, &o, T0 + 99), 0);
}

static void claim(Store *s, int64_t seq, const char *text) {
        Buf body = BUF_INIT(100);

        if (text)
                assert_int_equal(buf_puts(&body, text), 0);
        assert_int_equal(store_delivery_claim(s, seq, text ? &body : NULL, "webhook", false), 0);
        buf_done(&body);
}

static void test_order(void **state) {
        Store *s = *state;

        assert_int_equal(next(s, "r", USEC_INFINITY), 0);
        int64_t first = owe(s, "r", 1, T0 + 10), second = owe(s, "r", 1, T0 + 1),
                other = owe(s, "r", 2, T0 + 5);
        int64_t free_one = owe(s, "r", 0, T0 + 7), free_two = owe(s, "r", 0, T0 + 6);
        (void) owe(s, "else", 1, T0);
        assert_int_equal(next(s, "r", T0 + 4), 0);              /* second waits for first */
        assert_int_equal(next(s, "r", T0 + 5), other);
        assert_int_equal(next(s, "r", USEC_INFINITY), other);
        claim(s, other, "x");
        assert_int_equal(next(s, "r", USEC_INFINITY), free_two);
        claim(s, free_two, "x");
        claim(s, free_one, "x");
        assert_int_equal(next(s, "r", USEC_INFINITY), first);
        claim(s, first, "x");
        assert_int_equal(next(s, "r", USEC_INFINITY), 0);       /* in flight: the line stands */
        settle(s, first, DELIVERY_PENDING, T0 + 50, false);
        assert_int_equal(next(s, "r", USEC_INFINITY), first);
        settle(s, first, DELIVERY_DEAD, 0, false);              /* given up: the line goes on */
        assert_int_equal(next(s, "r", USEC_INFINITY), second);
}

static void test_attempts(void **state) {
        Store *s = *state;
        int64_t seq = owe(s, "r", 1, T0);
        Buf body = BUF_INIT(100);
        Delivery d = {};

        assert_int_equal(store_delivery_body(s, seq, &body), 0);
        claim(s, seq, "bytes");
        settle(s, seq, DELIVERY_PENDING, T0 + 3, false);
        assert_int_equal(store_delivery_next(s, "r", USEC_INFINITY, &d), 1);
        assert_true(d.attempts == 1 && d.due_usec == T0 + 3 && d.created_usec == T0 && !d.degraded &&
                    d.line == 1);
        delivery_done(&d);
        assert_int_equal(store_delivery_body(s, seq, &body), 1);
        assert_string_equal(buf_string(&body), "bytes");
        claim(s, seq, NULL);
        /* Refused for its form: rendered anew, plainer, and never rich again. */
        settle(s, seq, DELIVERY_PENDING, T0 + 4, true);
        assert_int_equal(store_delivery_body(s, seq, &body), 0);
        assert_int_equal(store_delivery_next(s, "r", USEC_INFINITY, &d), 1);
        assert_true(d.degraded && d.attempts == 2);
        delivery_done(&d);
        buf_reset(&body);
        assert_int_equal(buf_puts(&body, "plain"), 0);
        assert_int_equal(store_delivery_claim(s, seq, &body, "webhook", true), 0);
        settle(s, seq, DELIVERY_PENDING, T0 + 5, true);
        buf_reset(&body);
        assert_int_equal(store_delivery_body(s, seq, &body), 1);
        assert_string_equal(buf_string(&body), "plain");
        claim(s, seq, NULL);
        settle(s, seq, DELIVERY_DONE, 0, false);
        assert_int_equal(next(s, "r", USEC_INFINITY), 0);
        assert_int_equal(
                number(s,
                       "SELECT count(*) FROM deliveries WHERE state = 2 AND body IS NULL AND reason IS "
                       "NULL"),
                1);
        buf_done(&body);
}

/* The place was mended, or is another: what is sent again by hand begins in its full form. */
static void test_retry(void **state) {
        Store *s = *state;
        char *receivers[] = { (char[]) { "r" }, NULL };

        for (int way = 0; way < 2; way++) {
                int64_t seq = owe(s, "r", 1, T0);
                claim(s, seq, "rich");
                settle(s, seq, DELIVERY_PENDING, T0 + 1, true);
                claim(s, seq, "plain");
                settle(s, seq, DELIVERY_DEAD, 0, false);
                int64_t notice = number(s, "SELECT max(seq) FROM notices");
                assert_int_equal(way == 0 ? store_deliveries_retry(s, notice, receivers, T0 + 9)
                                          : store_deliveries_retry_dead(s, "r", 0, receivers, T0 + 9),
                                 1);
                assert_int_equal(number(s, "SELECT degraded + attempts + state FROM deliveries WHERE seq ="
                                           " (SELECT max(seq) FROM deliveries)"), 0);
                claim(s, seq, "rich");
                settle(s, seq, DELIVERY_DONE, 0, false);
        }
}

static void test_claim_ends_waiting(void **state) {
        Notice n = { .type = NOTICE_TEST, .created_usec = T0, .id = "evt_x" };
        Store *s = *state;
        int64_t seq = 0;

        assert_int_equal(store_notice_add(s, &n, 1, 1, true, &seq), 1);
        assert_int_equal(store_delivery_add(s, seq, "r", 1, T0, T0 + 10), 0);
        assert_int_equal(store_notice_waits(s, seq), 1);
        claim(s, number(s, "SELECT max(seq) FROM deliveries"), "seen");
        assert_int_equal(store_notice_waits(s, seq), 0);
        assert_int_equal(store_notice_complete(s, seq, &n, T0), 0);
}

static void test_reset_and_count(void **state) {
        Store *s = *state;
        int64_t a = owe(s, "r", 0, T0), b = owe(s, "r", 0, T0), c = owe(s, "r", 0, T0);
        uint64_t n = 0;

        claim(s, a, "x");
        claim(s, b, "x");
        settle(s, b, DELIVERY_DONE, 0, false);
        assert_int_equal(store_deliveries_count(s, &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(next(s, "r", USEC_INFINITY), c);
        assert_int_equal(store_deliveries_reset(s), 0);
        assert_int_equal(next(s, "r", USEC_INFINITY), a);
        assert_int_equal(number(s, "SELECT count(*) FROM deliveries WHERE state = 0"), 2);
        assert_int_equal(number(s, "SELECT attempts FROM deliveries WHERE state = 0 LIMIT 1"), 1);
}

static void test_abandon(void **state) {
        char *kept[] = { (char *) "r", (char *) "it's, \"odd\"", NULL };
        Store *s = *state;

        (void) owe(s, "r", 0, T0);
        (void) owe(s, "it's, \"odd\"", 0, T0);
        (void) owe(s, "gone", 0, T0);
        assert_int_equal(store_deliveries_abandon(s, kept, T0, T0 + 9), 0);     /* not old enough */
        assert_int_equal(store_deliveries_abandon(s, kept, T0 + 1, T0 + 9), 1);
        assert_int_equal(number(s, "SELECT count(*) FROM deliveries WHERE state = 3 AND receiver = 'gone'"),
                         1);
        /* As whatever was given up. */
        assert_int_equal(number(s, "SELECT settled_usec FROM deliveries WHERE state = 3"), T0 + 9);
        assert_int_equal(store_deliveries_abandon(s, NULL, T0 + 1, T0 + 9), 2);
}

static void test_prune(void **state) {
        Store *s = *state;

        assert_int_equal(
                db_exec(s->db,
                        "INSERT INTO events (job, key, walk, created_at, level, body)"
                        " SELECT j.id, randomblob(16), 1, 1, 0, '{}' FROM jobs j,"
                        " (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 30) "
                        "SELECT n FROM c);"
                        "INSERT INTO metrics SELECT j.id, 'train_loss', n, 1.5 FROM jobs j,"
                        " (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 30) "
                        "SELECT n FROM c)"),
                0);
        int64_t owed = owe(s, "r", 1, T0), done = owe(s, "r", 2, T0);
        (void) owed;
        claim(s, done, "x");
        settle(s, done, DELIVERY_DONE, 0, false);
        assert_int_equal(store_prune(s, 1, 10), 0);                             /* nothing is that old */
        /* In steps: never more than the limit of each. */
        assert_int_equal(store_prune(s, T0 + 1, 10), 21);
        assert_int_equal(number(s, "SELECT count(*) FROM events"), 50);
        assert_int_equal(number(s, "SELECT count(*) FROM metrics"), 50);
        for (unsigned i = 0; i < 5; i++)
                assert_true(store_prune(s, T0 + 1, 10) >= 0);
        assert_int_equal(store_prune(s, T0 + 1, 10), 0);
        assert_int_equal(number(s, "SELECT count(*) FROM events WHERE job = 1"),
                         30); /* it is not finished */
        assert_int_equal(number(s, "SELECT count(*) FROM events WHERE job = 2"), 0);
        assert_int_equal(number(s, "SELECT count(*) FROM metrics WHERE job = 2"), 0);
        assert_int_equal(number(s, "SELECT count(*) FROM jobs"), 2);                    /* known ground */
        assert_int_equal(number(s, "SELECT count(*) FROM notices"), 1);
        assert_int_equal(number(s, "SELECT count(*) FROM deliveries"), 1); /* the one that is owed */
        assert_int_equal(next(s, "r", USEC_INFINITY), owed);
        /* What the service does not have any more goes as what is finished does, after as long. */
        assert_int_equal(store_job_remove(s, 1, T0 + 5), 0);
        assert_int_equal(store_prune(s, T0 + 5, 100), 0);
        assert_int_equal(store_prune(s, T0 + 6, 100), 60);
        assert_int_equal(number(s, "SELECT count(*) FROM jobs"), 2);
}

/* What the statements of this connection did since the last call, in steps of SQLite's machine. */
static int64_t steps(Store *s) {
        int64_t n = 0;

        for (sqlite3_stmt *q = NULL; (q = sqlite3_next_stmt(db_handle(s->db), q));)
                n += sqlite3_stmt_status(q, SQLITE_STMTSTATUS_VM_STEP, 1);
        return n;
}

/* What was delivered, and who finished, costs nothing any more. */
static void test_history_is_free(void **state) {
        Store *s = *state;
        _cleanup_free_ int64_t *rows = NULL;
        Delivery d = {};
        int64_t job;
        usec_t due;
        size_t n;

        assert_int_equal(
                db_exec(s->db,
                        "WITH RECURSIVE c(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM c LIMIT 2000)"
                        " INSERT INTO jobs (id, source, job_id, status, terminal, silent, created_at, body,"
                        " first_walk, first_seen_usec, changed_usec)"
                        " SELECT n, 1, 'j' || n, 'succeeded', 1, 0, n, '{}', 1, n, n FROM c;"
                        "INSERT INTO notices (id, type, job, created_usec, body)"
                        " SELECT job_id, 'job.succeeded', id, 1, '{}' FROM jobs;"
                        "INSERT INTO deliveries (notice, receiver, line, state, created_usec, due_usec)"
                        " SELECT seq, 'r', job, 2, 1, 1 FROM notices"),
                0);
        int64_t owed = owe(s, "r", 1, T0);
        (void) steps(s);
        assert_int_equal(store_deliveries_reset(s), 0);
        assert_int_equal(store_delivery_next(s, "r", USEC_INFINITY, &d), 1);
        assert_int_equal(d.seq, owed);
        assert_int_equal(store_job_next_tail(s, 1, &job, &due), 0);
        assert_int_equal(store_jobs_unfinished(s, 1, &rows, &n), 0);
        assert_int_equal(n, 1);
        assert_in_range(steps(s), 1, 400);
        delivery_done(&d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_attempts, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_retry, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_claim_ends_waiting, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_reset_and_count, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_abandon, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_prune, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_history_is_free, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
