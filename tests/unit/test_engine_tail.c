/* The details of a finished job: in its notice when they come in time, news of their own when they come
 * later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "engine/engine_internal.h"
#include "engine/tail.h"
#include "unit/engine_rig.h"

#define RESULTS "step,train_loss,valid_loss\n1,2.5,-1\n2,1.5,3.5\n3,0.5,\n"
#define WITH_FILE ",\"result_files\":[\"file-%s\"],\"fine_tuned_model\":\"gpt.ft-1\",\"trained_tokens\":4711"

static void add_results(FakeJob *j, bool file) {
        char *extra = NULL;

        assert_true(asprintf(&extra, WITH_FILE, j->id) > 0);
        fake_job_set_extra(j, extra);
        free(extra);
        free(j->results);
        j->results = file ? strdup(RESULTS) : NULL;
}

static const char *body(Rig *rig, const char *type, const FakeJob *j) {
        return fake_api_hit(rig->api, "a", type, j->id)->body;
}

static size_t told(Rig *rig, const char *type, const FakeJob *j) {
        return fake_api_count(rig->api, "a", type, j->id);
}

static bool is_told(Rig *rig, void *userdata) {
        return told(rig, "fine_tuning.job.succeeded", userdata) > 0;
}

static bool no_tails(Rig *rig, void *userdata) {
        (void) userdata;
        return !rig_source(rig)->tails;
}

static void look_late(Rig *rig) {
        rig_exec(rig, "UPDATE jobs SET tail_usec = 1 WHERE tail_usec IS NOT NULL");
        assert_int_equal(tails_schedule(rig_source(rig)), 0);
        for (unsigned i = 0; i < 3; i++)
                rig_poll(rig, 1);
        rig_wait(rig, no_tails, NULL, "the late look");
        rig_settle(rig);
}

static void test_complete(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        FakeJob *j = fake_job_add(rig->api, "running");         /* silent at first */
        rig_first_contact(rig);
        for (int i = 0; i < 150; i++)
                fake_metrics_add(rig->api, j, 10 * i, 3.0 / (i + 1));
        fake_event_add(rig->api, j, "warning", "close to the limit");
        fake_event_add(rig->api, j, "info", "Job succeeded.");
        add_results(j, true);
        fake_job_set(j, "succeeded");
        rig_poll_settle(rig);
        const char *b = body(rig, "fine_tuning.job.succeeded", j);
        assert_non_null(strstr(b, "\"trained_tokens\":4711"));
        assert_non_null(strstr(b, "\"fine_tuned_model\":\"gpt.ft-1\""));
        assert_non_null(strstr(b, "\"valid_loss\""));
        assert_non_null(strstr(b, "close to the limit"));
        assert_non_null(strstr(b, "Job succeeded."));
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM metrics WHERE name = 'train_loss'"), 150 + 3);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM metrics WHERE name = 'valid_loss'"), 1);
        assert_int_equal(rig->api->n_hits, 1);

        /* The billing line, and a warning that came after the end. */
        fake_event_add(rig->api, j, "info", "Training tokens billed: 8000");
        fake_event_add(rig->api, j, "warning", "costs more than expected");
        look_late(rig);
        assert_int_equal(told(rig, "fine_tuning.job.event", j), 1);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM events WHERE body LIKE '%billed: 8000%'"), 1);
        assert_int_equal(rig->api->n_hits, 2);
        rig_free(rig);
}

static bool slow_files(FakeApi *api, unsigned n, HttpStep *step) {
        (void) n;
        step->hold = api->n_files > 0;
        return false;
}

/* The notice goes without; its warnings and metrics are told when they are there. */
static void test_slow(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .source = "enrich_timeout = \"50ms\";" });

        (void) state;
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        rig->api->fault = slow_files;
        fake_event_add(rig->api, j, "error", "something to know");
        add_results(j, true);
        fake_job_set(j, "succeeded");
        rig_wait(rig, is_told, j, "the notice that goes without");
        assert_null(strstr(body(rig, "fine_tuning.job.succeeded", j), "\"train_loss\""));
        rig->api->fault = NULL;
        http_script_release(rig->script);
        rig_settle(rig);
        assert_int_equal(told(rig, "fine_tuning.job.results", j), 1);
        assert_int_equal(told(rig, "fine_tuning.job.event", j), 1);
        assert_int_equal(told(rig, "fine_tuning.job.succeeded", j), 1);
        assert_non_null(strstr(body(rig, "fine_tuning.job.results", j), "\"train_loss\""));
        look_late(rig);
        assert_int_equal(rig->api->n_hits, 3);
        rig_free(rig);
}

/* The file is there only later. */
static void test_results_later(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        add_results(j, false);
        fake_job_set(j, "succeeded");
        rig_poll_settle(rig);
        assert_int_equal(told(rig, "fine_tuning.job.succeeded", j), 1);
        add_results(j, true);
        look_late(rig);
        assert_int_equal(told(rig, "fine_tuning.job.results", j), 1);
        look_late(rig);
        assert_int_equal(rig->api->n_hits, 2);
        rig_free(rig);
}

/* Whatever the tail's requests end like, the notice goes, once; a look that was cut short is made up for. */
static void check_fault(unsigned fault_at, bool restart) {
        Rig *rig = rig_new(&(RigOptions) { .source = "trouble_after = 1000;" });

        rig->api->page_max = 10;
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        for (int i = 0; i < 35; i++)
                fake_event_add(rig->api, j, i == 3 ? "error" : "info", "step by step");
        add_results(j, true);
        fake_job_set(j, "succeeded");
        rig->api->fault = fake_fault_range;
        rig->api->fault_at = rig->api->fault_to = fault_at;
        rig->api->fault_status = 500;
        rig_poll(rig, 1);
        if (restart) {
                rig_stop(rig);
                rig_start(rig);
        }
        rig_poll(rig, 2);
        rig_settle(rig);
        look_late(rig);
        assert_int_equal(told(rig, "fine_tuning.job.succeeded", j), 1);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM events"), 35);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM metrics"), 4);
        rig_free(rig);
}

static void test_faults(void **state) {
        (void) state;
        for (unsigned at = 1; at <= 8; at++) {
                check_fault(at, false);
                check_fault(at, true);
        }
}

/* `--once` waits for details and deliveries, and for nothing else. */
static bool hold_all_but_lists(FakeApi *api, unsigned n, HttpStep *step) {
        (void) n;
        step->hold = api->n_gets + api->n_events + api->n_files > 0;
        return false;
}

/* The notice went when its time was over, and the daemon died before the details came: what they say besides
 * is told all the same. */
static void test_killed_after_notice(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .source = "enrich_timeout = \"20ms\";" });

        (void) state;
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        rig_poll(rig, 1);
        fake_api_forget(rig->api);
        fake_event_add(rig->api, j, "error", "the disk was full at the end");
        fake_job_set(j, "succeeded");
        rig->api->fault = hold_all_but_lists;
        rig_wait(rig, is_told, j, "the notice without details");
        rig_stop(rig);
        assert_int_equal(told(rig, "fine_tuning.job.event", j), 0);
        rig->api->fault = NULL;
        rig_start(rig);
        look_late(rig);
        assert_int_equal(told(rig, "fine_tuning.job.event", j), 1);
        assert_int_equal(told(rig, "fine_tuning.job.succeeded", j), 1);
        rig_free(rig);
}

static unsigned n_checkpoints_before;

static bool hold_checkpoints(FakeApi *api, unsigned n, HttpStep *step) {
        (void) n;
        step->hold = api->n_checkpoints > n_checkpoints_before;
        return false;
}

static bool is_told_failed(Rig *rig, void *userdata) {
        return told(rig, "fine_tuning.job.failed", userdata) > 0;
}

/* The events have come in time, what is asked for after them has not: the notice goes with the events. */
static void test_goes_with_what_came(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .source = "enrich_timeout = \"50ms\";" });

        (void) state;
        rig->api->has_checkpoints = true;
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        n_checkpoints_before = rig->api->n_checkpoints;
        rig->api->fault = hold_checkpoints;
        fake_event_add(rig->api, j, "error", "RAI checks failed");
        fake_job_set(j, "failed");
        rig_wait(rig, is_told_failed, j, "the notice");
        assert_non_null(strstr(body(rig, "fine_tuning.job.failed", j), "RAI checks failed"));
        rig->api->fault = NULL;
        http_script_release(rig->script);
        look_late(rig);
        assert_int_equal(told(rig, "fine_tuning.job.event", j), 0);
        assert_int_equal(told(rig, "fine_tuning.job.failed", j), 1);
        rig_free(rig);
}

static bool is_waiting(Rig *rig, void *userdata) {
        (void) userdata;
        return rig_sql(rig, "SELECT count(*) FROM notices WHERE enrich = 1") > 0;
}

/* And its source was taken out of the configuration, and the disk is full at the start: it goes when its
 * time has come. */
static void test_killed_and_source_gone(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        rig_poll(rig, 1);
        fake_api_forget(rig->api);
        fake_job_set(j, "succeeded");
        rig->api->fault = hold_all_but_lists;
        rig_wait(rig, is_waiting, NULL, "the notice");
        rig_stop(rig);
        rig_exec(rig, "INSERT INTO sources (id, name, endpoint) VALUES (99, 'gone', 'https://a.example')");
        rig_exec(rig, "UPDATE notices SET source = 99 WHERE enrich = 1");
        rig_exec(rig, "UPDATE deliveries SET due_usec = 1");
        rig_exec(rig, "CREATE TRIGGER full BEFORE UPDATE ON notices BEGIN SELECT raise(ABORT, 'full'); END");
        rig_start(rig);
        rig_exec(rig, "DROP TRIGGER full");
        assert_true(is_waiting(rig, NULL));
        rig_wait(rig, is_told, j, "the delivery");
        rig_free(rig);
}

static void test_once(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_once(rig);
        assert_int_equal(rig->api->n_hits, 0);
        add_results(j, true);
        fake_job_set(j, "succeeded");
        rig_once(rig);
        assert_int_equal(told(rig, "fine_tuning.job.succeeded", j), 1);
        assert_non_null(strstr(body(rig, "fine_tuning.job.succeeded", j), "\"train_loss\""));
        assert_int_equal(rig_owed(rig), 0);
        fake_api_forget(rig->api);
        rig_once(rig);
        assert_int_equal(rig->api->n_requests, 1);
        rig_free(rig);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_complete),
                cmocka_unit_test(test_slow),
                cmocka_unit_test(test_results_later),
                cmocka_unit_test(test_faults),
                cmocka_unit_test(test_killed_after_notice),
                cmocka_unit_test(test_goes_with_what_came),
                cmocka_unit_test(test_killed_and_source_gone),
                cmocka_unit_test(test_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
