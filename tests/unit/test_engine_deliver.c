/* What is owed arrives: in order, with the same id and bytes, however badly the receiver behaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "engine/engine_internal.h"
#include "unit/engine_rig.h"

#define N_JOBS 12

static const char *const way[] = { "pending", "running", "paused", "running", "succeeded" };

/* First arrivals of each job come in the order of its life. */
static void check_order(const FakeApi *api, const FakeJob *j) {
        static const char *const types[] = { "created", "pending", "running",
                                             "paused",  "running", "succeeded" };
        size_t at = 0;

        for (size_t i = 0; i < api->n_hits; i++) {
                const FakeHit *h = &api->hits[i];
                bool repeated = false;
                if (!h->taken || !streq(h->hook, "a") || !streq_null(h->job, j->id))
                        continue;
                for (size_t k = 0; k < i && !repeated; k++)
                        repeated = api->hits[k].taken && streq(api->hits[k].id, h->id);
                if (repeated)
                        continue;
                assert_true(at < ARRAY_SIZE(types));
                assert_string_equal(startswith(h->type, "fine_tuning.job."), types[at++]);
        }
        assert_int_equal(at, ARRAY_SIZE(types));
}

static bool fail_half(FakeApi *api, const FakeHit *hit, HttpStep *step) {
        static unsigned random = 12345;

        (void) api;
        if (streq(hit->hook, "b"))
                return false;
        random = random * 1103515245 + 12345;
        if (random >> 16 & 1)
                return false;
        if (random >> 17 & 1)
                step->status = 503;
        else
                step->failure = random >> 18 & 1 ? HTTP_FAILURE_RESET : HTTP_FAILURE_TIMEOUT;
        return true;
}

static void test_half_fails(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .on_disk = true });
        FakeJob *jobs[N_JOBS];

        (void) state;
        rig_first_contact(rig);
        rig->api->hook_fault = fail_half;
        for (size_t i = 0; i < ARRAY_SIZE(way); i++) {
                for (size_t k = 0; k < N_JOBS; k++)
                        if (i == 0)
                                jobs[k] = fake_job_add(rig->api, way[i]);
                        else
                                fake_job_set(jobs[k], way[i]);
                rig_poll(rig, 1);
                if (i == 2) {
                        rig_stop(rig);
                        rig_start(rig);
                }
        }
        rig_settle(rig);
        for (size_t k = 0; k < N_JOBS; k++)
                check_order(rig->api, jobs[k]);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM deliveries WHERE receiver = 'a' AND state != 2"),
                         0);
        rig_free(rig);
}

static int refuse_status;

static bool refuse(FakeApi *api, const FakeHit *hit, HttpStep *step) {
        (void) api;
        if (refuse_status == 0 || streq(hit->hook, "b"))
                return false;
        step->status = refuse_status;
        return true;
}

/* A job whose notices nobody takes for now. */
static FakeJob *refused_job(Rig *rig) {
        rig_first_contact(rig);
        rig->api->hook_fault = refuse;
        refuse_status = 503;
        return fake_job_add(rig->api, "pending");
}

/* For good: dead at once, told to the other receiver; when something passes again that is told too. */
static void test_rejected(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        rig->api->hook_fault = refuse;
        refuse_status = 410;
        (void) fake_job_add(rig->api, "pending");
        rig_poll_settle(rig);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM deliveries WHERE receiver = 'a' AND state = 3"),
                         2);
        assert_int_equal(fake_api_count(rig->api, "b", "receiver.failing", NULL), 1);
        assert_int_equal(fake_api_count(rig->api, "a", NULL, NULL), 0);
        (void) fake_job_add(rig->api, "pending");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "b", NULL, NULL), 1);
        refuse_status = 0;
        (void) fake_job_add(rig->api, "running");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "b", "receiver.recovered", NULL), 1);
        assert_int_equal(fake_api_count(rig->api, "b", NULL, NULL), 2);
        assert_int_equal(fake_api_count(rig->api, "a", NULL, NULL), 2);
        rig_free(rig);
}

static bool refuse_failed(FakeApi *api, const FakeHit *hit, HttpStep *step) {
        (void) api;
        if (!streq(hit->hook, "a") || !strstr(hit->type, "failed"))
                return false;
        step->status = 422;
        return true;
}

/* One message refused among good ones is told, once, and nothing is over after it; three in a row are more.
 */
static void test_one_refused(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        rig->api->hook_fault = refuse_failed;
        for (unsigned i = 0; i < 4; i++) {
                (void) fake_job_add(rig->api, i % 2 ? "failed" : "running");
                rig_poll_settle(rig);
        }
        (void) fake_job_add(rig->api, "running");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "b", "receiver.failing", NULL), 1);
        assert_int_equal(fake_api_count(rig->api, "b", NULL, NULL), 1);
        rig_stop(rig);
        rig_start(rig);
        (void) fake_job_add(rig->api, "failed");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "b", NULL, NULL), 1);
        refuse_status = 422;
        rig->api->hook_fault = refuse;
        (void) fake_job_add(rig->api, "pending");
        (void) fake_job_add(rig->api, "pending");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "b", "receiver.failing", NULL), 2);
        rig->api->hook_fault = NULL;
        (void) fake_job_add(rig->api, "pending");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "b", "receiver.recovered", NULL), 1);
        assert_int_equal(fake_api_count(rig->api, "b", NULL, NULL), 3);
        rig_free(rig);
}

/* The receiver was made another kind under its name: what was rendered for the old one is not sent there. */
static void test_kind_changes(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        (void) refused_job(rig);
        while (rig_sql(rig, "SELECT count(*) FROM deliveries WHERE body IS NOT NULL") < 1)
                rig_poll(rig, 1);
        assert_non_null(strstr(rig->api->hits[0].body, "\"object\""));
        rig_stop(rig);
        rig_exec(rig, "UPDATE deliveries SET kind = 'teams', body = 'old', degraded = 1"
                      " WHERE attempts > 0");
        fake_api_forget(rig->api);
        refuse_status = 0;
        rig_start(rig);
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", NULL, NULL), 2);
        assert_int_equal(rig_sql(rig,
                                 "SELECT count(*) FROM deliveries WHERE kind = 'webhook' AND degraded = 0"),
                         2);
        rig_free(rig);
}

/* Failing for long is told elsewhere while everything is kept. The minute it must last is put behind it. */
static void test_failing(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        FakeJob *j = refused_job(rig);
        rig_poll(rig, 5);
        assert_int_equal(fake_api_count(rig->api, "b", NULL, NULL), 0);
        assert_int_equal(rig_owed(rig), 2);
        refuse_status = 0;
        rig_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", NULL, j->id), 2);
        assert_int_equal(fake_api_count(rig->api, "b", NULL, NULL), 0);
        rig_free(rig);
}

static bool gone(Rig *rig, void *userdata) {
        (void) userdata;
        return rig_sql(rig, "SELECT count(*) FROM deliveries WHERE state = 3") == 2;
}

static void test_max_age(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .hook = "max_age = \"1min\";" });

        (void) state;
        (void) refused_job(rig);
        rig_poll(rig, 2);
        rig_exec(rig, "UPDATE deliveries SET created_usec = created_usec - 61000000");
        rig_wait(rig, gone, NULL, "given up for its age");
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM deliveries WHERE reason = 'expired'"), 2);
        refuse_status = 0;
        rig_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", NULL, NULL), 0);
        /* Also what was never tried, because the receiver was away: it is too late now. */
        rig_stop(rig);
        rig_exec(rig, "UPDATE deliveries SET state = 0, attempts = 0, due_usec = 0");
        rig_start(rig);
        rig_wait(rig, gone, NULL, "given up for its age, untried");
        rig_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", NULL, NULL), 0);
        rig_free(rig);
}

/* Each attempt that failed has its own time; when the receiver is back none waits for it. */
static void test_back_again(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        rig->api->hook_fault = refuse;
        refuse_status = 503;
        for (unsigned i = 0; i < 4; i++)
                (void) fake_job_add(rig->api, "pending");
        while (rig_sql(rig, "SELECT count(*) FROM deliveries WHERE attempts > 0") < 4)
                rig_poll(rig, 1);
        rig_poll(rig, 5);
        rig_exec(rig, "UPDATE deliveries SET due_usec = due_usec + 300000000 WHERE attempts > 0");
        refuse_status = 0;
        rig_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", NULL, NULL), 8);
        rig_free(rig);
}

static bool throttle_first(FakeApi *api, const FakeHit *hit, HttpStep *step) {
        (void) hit;
        if (api->n_hits != 1)
                return false;
        step->status = 429;
        step->retry_after_usec = 5 * USEC_PER_MINUTE;
        return true;
}

/* One of two attempts under way is asked to wait, the other one gets through: that lifts no wait. */
static void test_throttled(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        rig->api->hook_fault = throttle_first;
        (void) fake_job_add(rig->api, "pending");
        (void) fake_job_add(rig->api, "pending");
        rig_poll(rig, 5);
        assert_int_equal(rig->api->n_hits, 2);
        assert_int_equal(fake_api_count(rig->api, "a", NULL, NULL), 1);
        assert_int_equal(rig_owed(rig), 3);
        rig_free(rig);
}

/* The clock goes back by hours: what is owed has stamps of the future and does not wait for them. */
static void test_clock_back(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        FakeJob *j = refused_job(rig);
        rig_poll(rig, 2);
        rig_stop(rig);
        rig_exec(rig, "UPDATE deliveries SET created_usec = created_usec + 10800000000,"
                      " due_usec = due_usec + 10800000000");
        refuse_status = 0;
        rig_start(rig);
        rig_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", NULL, j->id), 2);
        rig_free(rig);
}

static bool hold_one(FakeApi *api, const FakeHit *hit, HttpStep *step) {
        (void) api;
        (void) hit;
        step->hold = true;
        return false;
}

static bool drained(Rig *rig, void *userdata) {
        (void) userdata;
        return rig->idle;
}

static bool in_flight(Rig *rig, void *userdata) {
        (void) userdata;
        return dispatcher_is_sending(rig->engine->dispatcher);
}

/* What is under way ends, nothing else begins. */
static void test_drain(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        rig->api->hook_fault = hold_one;
        FakeJob *j = fake_job_add(rig->api, "pending");
        rig_wait(rig, in_flight, NULL, "a delivery");
        assert_int_equal(engine_drain(rig->engine, 10 * USEC_PER_SEC), 0);
        for (unsigned i = 0; i < 10; i++)
                (void) rig_step(rig, USEC_PER_MSEC);
        assert_false(rig->idle);
        http_script_release(rig->script);
        rig_wait(rig, drained, NULL, "drained");
        assert_int_equal(rig_owed(rig), 1);
        rig_stop(rig);
        rig->api->hook_fault = NULL;
        rig_start(rig);
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", NULL, j->id), 2);
        /* And one that does not end does not hold it up. */
        rig->api->hook_fault = hold_one;
        fake_job_set(j, "running");
        rig_wait(rig, in_flight, NULL, "a delivery");
        assert_int_equal(engine_drain(rig->engine, 20 * USEC_PER_MSEC), 0);
        rig_wait(rig, drained, NULL, "the end of draining");
        rig_stop(rig);
        rig->api->hook_fault = NULL;
        rig_start(rig);
        rig_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", "fine_tuning.job.running", j->id), 1);
        rig_free(rig);
}

/* The reply came, but there was no room to note it: noted when there is, the line goes on, nothing is sent
 * twice. */
static void test_settle_fails(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        rig->api->hook_fault = hold_one;
        FakeJob *j = fake_job_add(rig->api, "pending");
        rig_wait(rig, in_flight, NULL, "a delivery");
        rig->api->hook_fault = NULL;
        rig_exec(
                rig,
                "CREATE TRIGGER full BEFORE UPDATE OF state ON deliveries BEGIN SELECT raise(ABORT, "
                "'full'); END");
        http_script_release(rig->script);
        rig_poll(rig, 3);
        assert_int_equal(fake_api_count(rig->api, "a", NULL, j->id), 1);
        rig_exec(rig, "DROP TRIGGER full");
        rig_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", NULL, j->id), 2);
        assert_int_equal(rig->api->n_hits, 2);
        rig_free(rig);
}

/* Nor is it ended twice when what is too late cannot be noted at once. */
static void test_late_settle_fails(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .hook = "max_age = \"1min\";" });

        (void) state;
        (void) refused_job(rig);
        rig_poll(rig, 2);
        rig_stop(rig);
        rig_exec(rig, "UPDATE deliveries SET state = 0, created_usec = created_usec - 61000000");
        rig_exec(rig, "CREATE TRIGGER full BEFORE UPDATE OF state ON deliveries WHEN new.state = 3"
                      " BEGIN SELECT raise(ABORT, 'full'); END");
        rig_start(rig);
        rig_poll(rig, 3);
        rig->n_reports = 0;
        rig_exec(rig, "DROP TRIGGER full");
        rig_wait(rig, gone, NULL, "given up for its age");
        assert_int_equal(rig->n_reports, 2);
        rig_free(rig);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_half_fails),
                cmocka_unit_test(test_rejected),
                cmocka_unit_test(test_one_refused),
                cmocka_unit_test(test_kind_changes),
                cmocka_unit_test(test_failing),
                cmocka_unit_test(test_max_age),
                cmocka_unit_test(test_back_again),
                cmocka_unit_test(test_throttled),
                cmocka_unit_test(test_clock_back),
                cmocka_unit_test(test_drain),
                cmocka_unit_test(test_settle_fails),
                cmocka_unit_test(test_late_settle_fails),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
