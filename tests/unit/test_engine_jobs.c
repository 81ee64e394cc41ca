/* What became of jobs: every status told once, whatever the shape of the server's rows, across restarts and
 * failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "unit/engine_rig.h"
#include "unit/sample.h"

#define JOB(what) ("fine_tuning.job." what)

static size_t told(Rig *rig, const char *type, const FakeJob *j) {
        return fake_api_count(rig->api, "a", type, j ? j->id : NULL);
}

static void test_every_status_once(void **state) {
        static const struct {
                const char *status, *type;
        } way[] = {
                { "validating_files", JOB("validating_files") },
                { "queued", JOB("queued") },
                { "running", JOB("running") },
                { "pausing", JOB("pausing") },
                { "paused", JOB("paused") },
                { "resuming", JOB("resuming") },
                { "running", NULL },
                { "paused", NULL },
                { "running", NULL },
                { "evaluating", JOB("status_changed") },
                { "Succeeded", JOB("succeeded") },
        };
        Rig *rig = rig_new(NULL);
        FakeJob *j = NULL;

        (void) state;
        rig_first_contact(rig);
        for (size_t i = 0; i < ARRAY_SIZE(way); i++) {
                if (j)
                        fake_job_set(j, way[i].status);
                else
                        j = fake_job_add(rig->api, way[i].status);
                rig_poll(rig, 2);
                rig_settle(rig);
                assert_int_equal(told(rig, NULL, j), i + 2);    /* with job.created */
                if (way[i].type)
                        assert_int_equal(told(rig, way[i].type, j), 1);
        }
        assert_int_equal(told(rig, JOB("running"), j), 3);      /* three entries, three ids */
        assert_int_equal(told(rig, JOB("paused"), j), 2);
        assert_int_equal(told(rig, JOB("created"), j), 1);
        assert_non_null(strstr(fake_api_hit(rig->api, "a", JOB("succeeded"), j->id)->body,
                               "\"previous_status\":\"evaluating\""));
        assert_int_equal(rig->api->n_hits, ARRAY_SIZE(way) + 1);
        rig_free(rig);
}

/* A replica that lags shows a job that has ended as it was before: no news, and none when it catches up. */
static void test_end_is_final(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_poll(rig, 2);
        static const char *const seen[] = { "succeeded", "running", "succeeded", "queued", "succeeded" };
        for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
                fake_job_set(j, seen[i]);
                rig_poll(rig, 2);
                rig_settle(rig);
                assert_int_equal(told(rig, NULL, j), 3);        /* created, running, succeeded */
        }
        /* One end after another is told: a model can fail its safety evaluation after all. */
        fake_job_set(j, "failed");
        rig_poll(rig, 2);
        rig_settle(rig);
        assert_int_equal(told(rig, JOB("failed"), j), 1);
        rig_free(rig);
}

static void test_terminal_spellings(void **state) {
        static const struct {
                const char *status, *extra, *type;
        } table[] = {
                { "canceled", NULL, JOB("cancelled") },
                { "cancelled", ",\"finished_at\":null,\"error\":{}", JOB("cancelled") },
                { "failed",
                  ",\"error\":{\"code\":\"x\",\"message\":\"bad file\",\"param\":null},\"finished_at\":null",
                  JOB("failed") },
                { "failed", ",\"error\":{}", JOB("failed") },
                { "failed", ",\"error\":\"just words\"", JOB("failed") },
                { "succeeded",
                  ",\"error\":{},\"trained_tokens\":\"12\",\"finished_at\":\"2026-01-01T00:00:00Z\"",
                  JOB("succeeded") },
                { "succeeded",
                  ",\"error\":{\"code\":null,\"message\":null,\"param\":null},\"result_files\":[]",
                  JOB("succeeded") },
                { "succeeded",
                  ",\"result_files\":[null],\"method\":null,\"hyperparameters\":null,\"metadata\":null,"
                  "\"seed\":null,"
                  "\"integrations\":null,\"estimated_finish\":0,\"user_provided_suffix\":null,"
                  "\"fine_tuned_model\":null",
                  JOB("succeeded") },
                { "succeeded",
                  ",\"hyperparameters\":{\"n_epochs\":-1,\"learning_rate_multiplier\":1.0,"
                  "\"batch_size\":\"auto\"},"
                  "\"method\":{\"type\":\"dpo\",\"dpo\":{\"hyperparameters\":{\"beta\":0.1}}},"
                  "\"metadata\":{\"owner\":\"x\"}",
                  JOB("succeeded") },
        };
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                FakeJob *j = fake_job_add(rig->api, "running");
                fake_job_set_extra(j, table[i].extra);
                rig_poll(rig, 2);
                fake_job_set(j, table[i].status);
                rig_poll(rig, 2);
                rig_settle(rig);
                assert_int_equal(told(rig, table[i].type, j), 1);
                assert_int_equal(told(rig, NULL, j), 3);
        }
        /* Nothing of it is written again while nothing changes. */
        int64_t before = rig_sql(rig, "SELECT total_changes()");
        rig_poll(rig, 1);
        row_cache_done(&rig_source(rig)->list);         /* every row is parsed and compared */
        rig_poll(rig, 1);
        assert_int_equal(rig_sql(rig, "SELECT total_changes()"), before);
        rig_free(rig);
}

static void test_between_two_polls(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "succeeded");
        rig_poll_settle(rig);
        assert_int_equal(told(rig, JOB("created"), j), 1);
        assert_int_equal(told(rig, JOB("succeeded"), j), 1);
        /* A whole page of them and more. */
        for (unsigned i = 0; i < 37; i++)
                (void) fake_job_add(rig->api, i % 2 ? "failed" : "succeeded");
        rig_poll_settle(rig);
        assert_int_equal(told(rig, JOB("created"), NULL), 38);
        assert_int_equal(told(rig, JOB("failed"), NULL), 18);
        assert_int_equal(told(rig, JOB("succeeded"), NULL), 20);
        rig_free(rig);
}

static void test_while_down(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .on_disk = true });

        (void) state;
        for (unsigned i = 0; i < 30; i++)
                (void) fake_job_add(rig->api, "succeeded");
        FakeJob *known = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        rig_stop(rig);
        fake_job_set(known, "failed");
        FakeJob *fresh = fake_job_add(rig->api, "cancelled");
        for (unsigned i = 0; i < 150; i++)
                (void) fake_job_add(rig->api, "succeeded");
        rig_start(rig);
        rig_poll_settle(rig);
        assert_int_equal(told(rig, JOB("failed"), known), 1);
        assert_int_equal(told(rig, JOB("cancelled"), fresh), 1);
        assert_int_equal(told(rig, JOB("succeeded"), NULL), 150);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM notices"), 1 + 2 * 151);
        size_t n = rig->api->n_hits;
        rig_stop(rig);
        rig_once(rig);
        assert_int_equal(rig->api->n_hits, n);
        rig_free(rig);
}

static void test_removed(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        FakeJob *j = fake_job_add(rig->api, "running");
        char *id = strdup(j->id);
        rig_first_contact(rig);
        fake_job_remove(rig->api, j);
        rig_poll(rig, 3);
        rig_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", JOB("removed"), id), 1);
        assert_int_equal(rig->api->n_hits, 1);
        fake_api_forget(rig->api);
        rig_poll(rig, 1);
        assert_int_equal(rig->api->n_requests, 1);
        rig_free(rig);
        free(id);
}

/* A change while every request in turn fails, the first time it is made: nothing is lost, nothing told
 * twice. */
static void check_fault(unsigned fault_at, int status, bool restart, FakeOrder order) {
        Rig *rig = rig_new(&(RigOptions) { .source = "trouble_after = 1000;" });
        FakeApi *api = rig->api;

        api->order = api->events_order = order;
        api->page_max = 10;
        for (unsigned i = 0; i < 25; i++)
                (void) fake_job_add(api, "succeeded");
        FakeJob *known = fake_job_add(api, "running");
        rig_first_contact(rig);
        fake_event_add(api, known, "warning", "mind the gap");
        fake_job_set(known, "succeeded");
        FakeJob *run = fake_job_add(api, "running");
        for (unsigned i = 0; i < 34; i++)
                (void) fake_job_add(api, "failed");
        for (unsigned i = 0; i < 25; i++)
                fake_event_add(api, run, i % 3 ? "info" : "warning", i % 2 ? "one" : "two");
        api->fault = fake_fault_range;
        api->fault_at = api->fault_to = fault_at;
        api->fault_status = status;
        rig_poll(rig, 1);
        FakeJob *late = fake_job_add(api, "pending");
        if (restart) {
                rig_stop(rig);
                rig_start(rig);
        }
        rig_poll(rig, 4);
        rig_settle(rig);
        size_t n = rig_sql(rig, "SELECT count(*) FROM notices");
        if (n != 1 + 2 + 68 + 2 + 9)
                print_error("fault %u, HTTP %d, %s, %s first\n", fault_at, status,
                            restart ? "new start" : "same run",
                            order == FAKE_OLDEST_FIRST ? "oldest" : "newest");
        assert_int_equal(told(rig, JOB("succeeded"), known), 1);
        assert_int_equal(told(rig, JOB("running"), run), 1);
        assert_int_equal(told(rig, JOB("pending"), late), 1);
        assert_int_equal(told(rig, JOB("failed"), NULL), 34);
        assert_int_equal(told(rig, JOB("created"), NULL), 36);
        assert_int_equal(told(rig, JOB("event"), run), 9);
        assert_int_equal(n, 1 + 2 + 68 + 2 + 9);
        rig_free(rig);
}

static void test_faults(void **state) {
        static const int statuses[] = { 0, 500, 404 };

        (void) state;
        for (unsigned at = 1; at <= 10; at++)
                for (unsigned i = at % test_sample(); i < 4; i += test_sample())
                        check_fault(at, statuses[(at + i) % 3], i & 1,
                                    i & 2 ? FAKE_OLDEST_FIRST : FAKE_NEWEST_FIRST);
}

static bool failed_once(Rig *rig, void *userdata) {
        (void) userdata;
        return rig_source(rig)->n_failed > 0;
}

/* What follows the commit of a page fails, as when the state cannot be read for a moment: who was on it is
 * watched all the same from the next poll on, also when it is on no page any more. */
static void test_watched_later(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .source = "trouble_after = 1000;" });

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_exec(rig, "ALTER TABLE events RENAME TO events_away");
        rig_wait(rig, failed_once, NULL, "the poll that fails");
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM jobs WHERE terminal = 0"), 1);
        rig_exec(rig, "ALTER TABLE events_away RENAME TO events");
        rig_poll(rig, 2);
        for (unsigned i = 0; i < 30; i++)
                (void) fake_job_add(rig->api, "succeeded");
        rig_poll(rig, 2);
        fake_job_set(j, "failed");
        rig_poll_settle(rig);
        assert_int_equal(told(rig, JOB("failed"), j), 1);
        rig_free(rig);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_status_once),
                cmocka_unit_test(test_end_is_final),
                cmocka_unit_test(test_terminal_spellings),
                cmocka_unit_test(test_between_two_polls),
                cmocka_unit_test(test_while_down),
                cmocka_unit_test(test_removed),
                cmocka_unit_test(test_faults),
                cmocka_unit_test(test_watched_later),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
