/* Jobs that last too long: told once, reminded, over restarts, never twice and never wrongly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "engine/engine_internal.h"
#include "engine/watch.h"
#include "unit/engine_rig.h"

#define STALLED "fine_tuning.job.stalled"
#define WAITING "fine_tuning.job.waiting"
#define OVERDUE "fine_tuning.job.overdue"
#define PAUSED "fine_tuning.job.paused"

static size_t told(Rig *rig, const char *type, const FakeJob *j) {
        return fake_api_count(rig->api, "a", type, j->id);
}

static bool is_told(Rig *rig, void *type) {
        return fake_api_count(rig->api, "a", type, NULL) > 0;
}

static bool is_told_twice(Rig *rig, void *type) {
        return fake_api_count(rig->api, "a", type, NULL) == 2;
}

/* A day has passed for what was told. */
static void a_day_later(Rig *rig) {
        rig_stop(rig);
        rig_exec(rig, "UPDATE told SET told_usec = told_usec - 86400000000");
        rig_exec(rig, "UPDATE vigils SET progress_usec = progress_usec - 86400000000");
        rig_exec(rig, "UPDATE jobs SET changed_usec = changed_usec - 86400000000");
        rig_start(rig);
        rig_poll_settle(rig);
}

static void test_stalled(void **state) {
        RigOptions options = { .source = "stall_after = \"150ms\"; remind = \"daily\";" };
        Rig *rig = rig_new(&options);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        fake_metrics_add(rig->api, j, 120, 0.5);
        rig_wait(rig, is_told, (void *) (uintptr_t) STALLED, "the stall");
        rig_poll(rig, 5);
        rig_settle(rig);
        assert_int_equal(told(rig, STALLED, j), 1);
        assert_non_null(strstr(fake_api_hit(rig->api, "a", STALLED, j->id)->body, "its last step was 120"));
        a_day_later(rig);
        assert_int_equal(told(rig, STALLED, j), 2);
        assert_non_null(strstr(fake_api_hit(rig->api, "a", STALLED, j->id)->body, "\"reminder\":1"));
        rig_free(rig);
}

/* News end it without a word; silence after them is another stall. */
static void test_moves_again(void **state) {
        RigOptions options = { .source = "stall_after = \"150ms\";" };
        Rig *rig = rig_new(&options);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_wait(rig, is_told, (void *) (uintptr_t) STALLED, "the stall");
        size_t n_before = rig->api->n_hits;
        fake_metrics_add(rig->api, j, 10, 0.5);
        rig_poll(rig, 2);
        rig_settle(rig);
        assert_int_equal(rig->api->n_hits, n_before);
        rig_wait(rig, is_told_twice, (void *) (uintptr_t) STALLED, "the second stall");
        assert_int_equal(rig_sql(rig, "SELECT spell * 10 + n FROM told WHERE type = 'job.stalled'"), 21);
        rig_free(rig);
}

/* A restart makes no silence up, and forgets none. */
static void test_restart(void **state) {
        RigOptions options = { .source = "stall_after = \"1h\";", .on_disk = true };
        Rig *rig = rig_new(&options);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_poll_settle(rig);
        rig_stop(rig);
        rig_start(rig);
        rig_poll_settle(rig);
        assert_int_equal(told(rig, STALLED, j), 0);
        /* An hour down, and nothing happened meanwhile; five minutes are the benefit of the doubt. */
        rig_stop(rig);
        rig_exec(rig, "UPDATE vigils SET progress_usec = progress_usec - 3900000000");
        rig_exec(rig, "UPDATE jobs SET changed_usec = changed_usec - 3600000000");
        rig_start(rig);
        rig_poll_settle(rig);
        assert_int_equal(told(rig, STALLED, j), 1);
        rig_stop(rig);
        rig_start(rig);
        rig_poll_settle(rig);
        assert_int_equal(told(rig, STALLED, j), 1);
        /* Down for long, and something happened meanwhile. */
        rig_stop(rig);
        rig_exec(rig, "UPDATE vigils SET progress_usec = progress_usec - 86400000000");
        rig_exec(rig, "UPDATE told SET told_usec = told_usec - 86400000000");
        fake_metrics_add(rig->api, j, 10, 0.5);
        rig_start(rig);
        rig_poll_settle(rig);
        assert_int_equal(told(rig, STALLED, j), 1);
        rig_free(rig);
}

static void down_for(Rig *rig, unsigned minutes) {
        char sql[256];

        rig_stop(rig);
        (void) snprintf(sql, sizeof sql,
                        "UPDATE vigils SET progress_usec = progress_usec - %1$u * 60000000;"
                        "UPDATE told SET told_usec = told_usec - %1$u * 60000000;"
                        "UPDATE jobs SET changed_usec = changed_usec - %1$u * 60000000", minutes);
        rig_exec(rig, sql);
        rig_start(rig);
        rig_poll_settle(rig);
}

/* The stamp in the store may lag behind: that makes no stall early, and does not tell one again. */
static void test_stamp_lags(void **state) {
        RigOptions options = { .source = "stall_after = \"1h\";", .on_disk = true };
        Rig *rig = rig_new(&options);
        unsigned step = 0;

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_poll_settle(rig);
        int64_t stored = rig_sql(rig, "SELECT progress_usec FROM vigils");
        fake_metrics_add(rig->api, j, ++step, 0.5);
        rig_poll_settle(rig);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM events"), 1);
        assert_int_equal(rig_sql(rig, "SELECT progress_usec FROM vigils"), stored);
        down_for(rig, 63);
        assert_int_equal(told(rig, STALLED, j), 0);
        down_for(rig, 3);
        assert_int_equal(told(rig, STALLED, j), 1);
        /* What was said of its beginning is what the store knows from then on. */
        assert_true(rig_sql(rig, "SELECT progress_usec FROM vigils") - stored > 234000000 - 3960000000);
        down_for(rig, 1);
        assert_int_equal(told(rig, STALLED, j), 1);
        /* The end of a stall is stored at once. */
        fake_metrics_add(rig->api, j, ++step, 0.5);
        rig_poll_settle(rig);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM vigils v JOIN told t ON t.job = v.job"
                                      " WHERE progress_usec > told_usec"), 1);
        down_for(rig, 59);
        assert_int_equal(told(rig, STALLED, j), 1);
        down_for(rig, 7);
        assert_int_equal(told(rig, STALLED, j), 2);
        /* Also right after a start, and an old stamp is made new. */
        down_for(rig, 10);
        fake_metrics_add(rig->api, j, ++step, 0.5);
        rig_poll_settle(rig);
        down_for(rig, 6);
        stored = rig_sql(rig, "SELECT progress_usec FROM vigils");
        fake_metrics_add(rig->api, j, ++step, 0.5);
        rig_poll_settle(rig);
        assert_true(rig_sql(rig, "SELECT progress_usec FROM vigils") - stored >= 360000000);
        assert_int_equal(told(rig, STALLED, j), 2);
        rig_free(rig);
}

/* A clock that was far ahead when the state was written. */
static void test_clock_was_ahead(void **state) {
        RigOptions options = { .source = "stall_after = \"200ms\";", .on_disk = true };
        Rig *rig = rig_new(&options);

        (void) state;
        rig_first_contact(rig);
        (void) fake_job_add(rig->api, "running");
        rig_poll_settle(rig);
        rig_stop(rig);
        rig_exec(rig, "UPDATE vigils SET progress_usec = progress_usec + 31536000000000");
        rig_exec(rig, "UPDATE jobs SET changed_usec = changed_usec + 31536000000000");
        rig_start(rig);
        rig_wait(rig, is_told, (void *) (uintptr_t) STALLED, "the stall");
        rig_free(rig);
}

static void test_waiting(void **state) {
        RigOptions options = { .source = "wait_after = \"150ms\";" };
        Rig *rig = rig_new(&options);

        (void) state;
        rig_first_contact(rig);
        (void) fake_job_add(rig->api, "running");
        FakeJob *j = fake_job_add(rig->api, "pending");
        fake_event_add(rig->api, j, "info", "Job enqueued. Waiting for jobs ahead to complete.");
        rig_wait(rig, is_told, (void *) (uintptr_t) WAITING, "the wait");
        rig_poll(rig, 3);
        rig_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", WAITING, NULL), 1);
        const char *body = fake_api_hit(rig->api, "a", WAITING, j->id)->body;
        assert_non_null(strstr(body, "Waiting for jobs ahead to complete."));
        assert_non_null(strstr(body, "1 other job is running"));
        fake_job_set(j, "running");
        rig_poll_settle(rig);
        fake_job_set(j, "succeeded");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", WAITING, NULL), 1);
        rig_free(rig);
}

/* The last event may be as long as any, in characters that take most bytes. */
static void test_waiting_long_words(void **state) {
        RigOptions options = { .source = "wait_after = \"150ms\";" };
        Rig *rig = rig_new(&options);
        _cleanup_(buf_done) Buf words = BUF_INIT(SIZE_MAX / 4);

        (void) state;
        for (unsigned i = 0; i < EVENT_MESSAGE_MAX; i++)
                assert_int_equal(buf_puts(&words, "\xf0\x9f\x90\xa2"), 0);
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "pending");
        fake_event_add(rig->api, j, "info", buf_string(&words));
        rig_wait(rig, is_told, (void *) (uintptr_t) WAITING, "the wait");
        assert_int_equal(told(rig, WAITING, j), 1);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        rig_free(rig);
}

/* A job whose list of events is not to be had waits no less; that it stalls nobody can know. */
static void test_without_events(void **state) {
        RigOptions options = { .source = "wait_after = \"150ms\"; stall_after = \"150ms\";" };
        Rig *rig = rig_new(&options);

        (void) state;
        rig->api->has_no_events = true;
        rig_first_contact(rig);
        FakeJob *running = fake_job_add(rig->api, "running");
        rig_poll_settle(rig);
        FakeJob *j = fake_job_add(rig->api, "pending");
        rig_wait(rig, is_told, (void *) (uintptr_t) WAITING, "the wait");
        assert_int_equal(told(rig, WAITING, j), 1);
        assert_int_equal(told(rig, STALLED, running), 0);
        rig->api->has_no_events = false;
        rig_wait(rig, is_told, (void *) (uintptr_t) STALLED, "the stall");
        rig_free(rig);
}

/* Off, all of it. */
static void test_off(void **state) {
        RigOptions options = {
                .source = "stall_after = 0; wait_after = \"0\"; overdue_grace = 0; remind = \"once\";"
        };
        Rig *rig = rig_new(&options);

        (void) state;
        rig_first_contact(rig);
        FakeJob *running = fake_job_add(rig->api, "running"), *queued = fake_job_add(rig->api, "queued");
        FakeJob *paused = fake_job_add(rig->api, "paused");
        rig_poll_settle(rig);
        a_day_later(rig);
        assert_int_equal(told(rig, STALLED, running), 0);
        assert_int_equal(told(rig, WAITING, queued), 0);
        assert_int_equal(told(rig, PAUSED, paused), 1);
        rig_free(rig);
}

static void set_estimate(FakeJob *j, int64_t at) {
        char extra[64];

        (void) snprintf(extra, sizeof extra, ",\"estimated_finish\":%lld", (long long) at);
        fake_job_set_extra(j, extra);
}

/* The server's clock says that the estimate has passed; whether it is believed is told by the table. */
static void test_overdue(void **state) {
        static const struct {
                int64_t first, second;  /* seconds after creation; 0: none */
                size_t n_told;
        } rows[] = {
                { 3600, 0, 1 },
                { 3600, 7200, 1 },
                { 30 * 86400, 0, 0 },
                { 116 * 86400, 3600, 0 },
                { 3600, 3600 + 86400, 0 },
                { 0, 0, 0 },
        };
        RigOptions options = { .source = "overdue_grace = \"1h\"; stall_after = 0;" };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Rig *rig = rig_new(&options);
                rig->api->now = (int64_t) (clock_usec(CLOCK_REALTIME) / USEC_PER_SEC);
                rig_first_contact(rig);
                FakeJob *j = fake_job_add(rig->api, "running");
                if (rows[i].first)
                        set_estimate(j, j->created_at + rows[i].first);
                rig_poll_settle(rig);
                if (rows[i].second)
                        set_estimate(j, j->created_at + rows[i].second);
                rig_poll_settle(rig);
                assert_int_equal(told(rig, OVERDUE, j), 0);
                rig_stop(rig);
                rig->api->now += 200 * 86400;
                rig_start(rig);
                rig_poll(rig, 3);
                rig_settle(rig);
                if (told(rig, OVERDUE, j) != rows[i].n_told)
                        fail_msg("row %zu: told %zu times", i, told(rig, OVERDUE, j));
                rig_free(rig);
        }
}

/* The status tells the first time; whether it goes on by itself is said each time. */
static void test_paused(void **state) {
        RigOptions options = { .source = "remind = \"diminishing\";" };
        Rig *rig = rig_new(&options);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_poll_settle(rig);
        fake_job_set(j, "paused");
        rig_poll_settle(rig);
        assert_int_equal(told(rig, PAUSED, j), 1);
        a_day_later(rig);
        assert_int_equal(told(rig, PAUSED, j), 2);
        rig_poll_settle(rig);
        assert_int_equal(told(rig, PAUSED, j), 2);
        assert_non_null(strstr(fake_api_hit(rig->api, "a", PAUSED, j->id)->body, "\"reminder\":1"));
        fake_job_set(j, "running");
        rig_poll_settle(rig);
        a_day_later(rig);
        assert_int_equal(told(rig, PAUSED, j), 2);
        rig_free(rig);
}

/* The state cannot be written: told later, once. */
static void test_lost_commit(void **state) {
        RigOptions options = { .source = "stall_after = \"1h\";", .on_disk = true };
        Rig *rig = rig_new(&options);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_poll_settle(rig);
        rig_stop(rig);
        rig_exec(rig, "UPDATE vigils SET progress_usec = progress_usec - 3900000000");
        rig_exec(rig, "UPDATE jobs SET changed_usec = changed_usec - 3600000000");
        rig_exec(rig, "CREATE TRIGGER no BEFORE INSERT ON told BEGIN SELECT RAISE(FAIL, 'no'); END");
        rig_start(rig);
        rig_poll(rig, 2);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM notices WHERE type = 'job.stalled'"), 0);
        rig_exec(rig, "DROP TRIGGER no");
        rig_poll(rig, 2);
        rig_settle(rig);
        assert_int_equal(told(rig, STALLED, j), 1);
        fake_api_check_repeats(rig->api);
        rig_free(rig);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stalled),         cmocka_unit_test(test_moves_again),
                cmocka_unit_test(test_restart),         cmocka_unit_test(test_clock_was_ahead),
                cmocka_unit_test(test_waiting),         cmocka_unit_test(test_waiting_long_words),
                cmocka_unit_test(test_off),
                cmocka_unit_test(test_overdue),         cmocka_unit_test(test_paused),
                cmocka_unit_test(test_lost_commit),     cmocka_unit_test(test_stamp_lags),
                cmocka_unit_test(test_without_events),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
