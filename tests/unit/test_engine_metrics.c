/* Checkpoints, and the conditions of rules on metrics: told once, over restarts, and never for what was
 * there before. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "engine/engine_internal.h"
#include "unit/engine_rig.h"

#define METRIC "fine_tuning.job.metric"
#define CHECKPOINT "fine_tuning.job.checkpoint"

#define RULES                                                                                               \
        "rules = ( { metrics = [\"train_loss>5\", \"train_loss rising for 2\", \"train_loss is nan\"];"     \
        "            to = \"a\"; },"                                                                        \
        "          { types = [\"job.succeeded\", \"job.checkpoint\"]; to = \"a\"; } );"

static size_t told(Rig *rig, const char *type, const FakeJob *j) {
        return fake_api_count(rig->api, "a", type, j->id);
}

static void add_losses(Rig *rig, FakeJob *j, int64_t step, const double *losses, size_t n) {
        for (size_t i = 0; i < n; i++)
                fake_metrics_add(rig->api, j, step + (int64_t) i, losses[i]);
        rig_poll_settle(rig);
}

static void test_crossings(void **state) {
        RigOptions options = { .rules = RULES, .on_disk = true };
        Rig *rig = rig_new(&options);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        add_losses(rig, j, 1, (const double[]) { 3, 2, 7, 7 }, 4);
        assert_int_equal(told(rig, METRIC, j), 1);
        const char *body = fake_api_hit(rig->api, "a", METRIC, j->id)->body;
        assert_non_null(strstr(body, "\"reason\":\"train_loss > 5\""));
        assert_non_null(strstr(body, "train_loss is 7 at step 3."));
        /* It stays so: also after a restart. */
        rig_stop(rig);
        rig_start(rig);
        add_losses(rig, j, 5, (const double[]) { 6, 6 }, 2);
        assert_int_equal(told(rig, METRIC, j), 1);
        /* False, and true again. */
        add_losses(rig, j, 7, (const double[]) { 1, 6 }, 2);
        assert_int_equal(told(rig, METRIC, j), 2);
        /* Two rises in a row. */
        add_losses(rig, j, 9, (const double[]) { 1, 2, 3 }, 3);
        assert_int_equal(told(rig, METRIC, j), 3);
        fake_api_check_repeats(rig->api);
        rig_free(rig);
}

/* More news than a page holds are looked at in the order of steps. */
static void test_many_pages(void **state) {
        RigOptions options = { .rules = RULES };
        Rig *rig = rig_new(&options);

        (void) state;
        rig->api->page_max = 7;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        double losses[60];
        for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
                losses[i] = i == 10 || i == 40 ? 6 : 5 - (double) i / 100;
        add_losses(rig, j, 1, losses, ARRAY_SIZE(losses));
        rig_poll_settle(rig);
        assert_int_equal(told(rig, METRIC, j), 2);
        rig_free(rig);
}

/* What a job had at first contact, or before the rule was there, is history. */
static void test_history(void **state) {
        RigOptions options = { .rules = RULES, .on_disk = true };
        Rig *rig = rig_new(&options);

        (void) state;
        FakeJob *old = fake_job_add(rig->api, "running");
        fake_metrics_add(rig->api, old, 1, 9);
        rig_first_contact(rig);
        rig_poll_settle(rig);
        assert_int_equal(told(rig, METRIC, old), 0);
        add_losses(rig, old, 2, (const double[]) { 8, 1, 8 }, 3);
        assert_int_equal(told(rig, METRIC, old), 1);

        FakeJob *j = fake_job_add(rig->api, "running");
        add_losses(rig, j, 1, (const double[]) { 1, 1 }, 2);
        rig_stop(rig);
        rig_exec(rig, "DELETE FROM conditions");
        rig_exec(rig, "UPDATE metrics SET value = 9");
        rig_start(rig);
        rig_poll_settle(rig);
        assert_int_equal(told(rig, METRIC, j), 0);
        rig_free(rig);
}

/* A crash between the metrics and the look at them. */
static void test_crash_between(void **state) {
        RigOptions options = { .rules = RULES, .on_disk = true };
        Rig *rig = rig_new(&options);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        add_losses(rig, j, 1, (const double[]) { 1 }, 1);
        rig_exec(rig, "CREATE TRIGGER no BEFORE INSERT ON conditions BEGIN SELECT RAISE(FAIL, 'no'); END");
        fake_metrics_add(rig->api, j, 2, 9);
        rig_poll(rig, 2);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM metrics"), 2);
        rig_stop(rig);
        rig_exec(rig, "DROP TRIGGER no");
        rig_start(rig);
        rig_poll_settle(rig);
        assert_int_equal(told(rig, METRIC, j), 1);
        rig_free(rig);
}

/* The result file has steps that no event told; a reward is a metric like the others. */
static void test_result_file(void **state) {
        RigOptions options = {
                .rules = "rules = ( { metrics = \"reward > 0.9\"; to = \"a\"; },"
                         "          { types = \"job.succeeded\"; to = \"a\"; } );"
        };
        Rig *rig = rig_new(&options);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        add_losses(rig, j, 1, (const double[]) { 3, 2 }, 2);
        fake_job_set_extra(j, ",\"result_files\":[\"file-results\"]");
        j->results = strdup("step,train_loss,reward\n1,3,-1\n2,2,0.5\n3,1,0.95\n");
        fake_job_set(j, "succeeded");
        rig_poll_settle(rig);
        assert_int_equal(told(rig, METRIC, j), 1);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM metrics WHERE name = 'reward'"), 3);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM metrics WHERE name = 'train_loss'"), 3);
        rig_free(rig);
}

/* --- checkpoints --- */

#define ROW(n)                                                                                              \
        "{\"id\":\"ftchkpt-" #n "\",\"created_at\":1800000000,\"step_number\":" #n                          \
        ",\"fine_tuned_model_checkpoint\":\"m:ckpt-step-" #n "\","                                          \
        "\"metrics\":{\"step\":" #n ".0,\"train_loss\":0.5,\"type\":\"supervised\"}}"

static void set_checkpoints(FakeJob *j, const char *rows) {
        free(j->checkpoints);
        j->checkpoints = strdup(rows);
}

/* Events that owe nobody anything are written at the end of a poll: the next one asks. */
static void look(Rig *rig) {
        rig_poll(rig, 1);
        rig_poll_settle(rig);
}

/* A job that runs, and has those rows. */
static FakeJob *run_with_checkpoints(Rig *rig, const char *rows) {
        rig->api->has_checkpoints = true;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        set_checkpoints(j, rows);
        return j;
}

static void test_checkpoints(void **state) {
        RigOptions options = { .rules = RULES, .on_disk = true };
        Rig *rig = rig_new(&options);

        (void) state;
        FakeJob *j = run_with_checkpoints(rig, ROW(10));
        look(rig);
        assert_int_equal(told(rig, CHECKPOINT, j), 1);
        assert_non_null(strstr(fake_api_hit(rig->api, "a", CHECKPOINT, j->id)->body, "m:ckpt-step-10"));
        /* Nothing says that there is a new one: not asked for. */
        fake_api_forget(rig->api);
        fake_metrics_add(rig->api, j, 11, 1);
        set_checkpoints(j, ROW(20) "," ROW(10));
        rig_poll_settle(rig);
        assert_int_equal(rig->api->n_checkpoints, 0);
        fake_event_add(rig->api, j, "info", "Checkpoint created at step 20");
        look(rig);
        assert_int_equal(rig->api->n_checkpoints, 1);
        assert_int_equal(told(rig, CHECKPOINT, j), 2);
        rig_stop(rig);
        rig_start(rig);
        rig_poll_settle(rig);
        assert_int_equal(told(rig, CHECKPOINT, j), 2);
        /* The end: the oldest is gone, the last one is the model itself. */
        set_checkpoints(j, "{\"id\":\"ftchkpt-end\",\"fine_tuned_model_checkpoint\":\"m\"}," ROW(30) ","
                        ROW(20));
        fake_job_set_extra(j, ",\"fine_tuned_model\":\"m\"");
        fake_job_set(j, "succeeded");
        rig_poll_settle(rig);
        rig_settle(rig);
        assert_int_equal(told(rig, CHECKPOINT, j), 3);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM checkpoints"), 4);
        fake_api_check_repeats(rig->api);
        rig_free(rig);
}

/* First contact is silent, and a server without them is left alone. */
static void test_checkpoints_silent(void **state) {
        RigOptions options = { .rules = RULES };

        (void) state;
        for (int has = 0; has < 2; has++) {
                Rig *rig = rig_new(&options);
                rig->api->has_checkpoints = has;
                FakeJob *j = fake_job_add(rig->api, "running");
                set_checkpoints(j, "{\"id\":\"c\",\"created_at\":1600000000,\"step_number\":5}");
                rig_first_contact(rig);
                for (int i = 0; i < 3; i++) {
                        fake_event_add(rig->api, j, "info", "Checkpoint created");
                        rig_poll_settle(rig);
                }
                assert_int_equal(told(rig, CHECKPOINT, j), 0);
                assert_int_equal(rig_sql(rig, "SELECT count(*) FROM checkpoints"), has);
                assert_int_equal(rig_sql(rig, "SELECT count(*) FROM troubles"), 0);
                if (!has)
                        assert_in_range(rig->api->n_checkpoints, 0, 1);
                rig_free(rig);
        }
}

/* A row that is none: nothing of the page is believed, and it is no fault of the store. */
static void test_checkpoints_broken(void **state) {
        RigOptions options = { .rules = RULES };
        Rig *rig = rig_new(&options);

        (void) state;
        (void) run_with_checkpoints(rig, "{\"step_number\":20}," ROW(10));
        look(rig);
        assert_int_not_equal(rig->api->n_checkpoints, 0);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM checkpoints"), 0);
        assert_int_equal(rig->engine->store_error, 0);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        rig_free(rig);
}

static bool failed(Rig *rig, void *userdata) {
        (void) userdata;
        return rig_source(rig)->outcome.reason == REASON_INTERNAL;
}

/* Nor is what the store has no room for a fault of the server. */
static void test_checkpoints_no_room(void **state) {
        RigOptions options = { .rules = RULES };
        Rig *rig = rig_new(&options);

        (void) state;
        (void) run_with_checkpoints(rig, ROW(10));
        rig_exec(rig, "CREATE TRIGGER full BEFORE INSERT ON checkpoints"
                      " BEGIN SELECT raise(ABORT, 'full'); END");
        rig_wait(rig, failed, NULL, "a poll that fails");
        assert_non_null(strstr(rig_source(rig)->outcome.detail, "the state cannot be written: "));
        rig_exec(rig, "DROP TRIGGER full");
        rig_free(rig);
}

static bool written(Rig *rig, void *userdata) {
        (void) userdata;
        return rig_sql(rig, "SELECT count(*) FROM metrics") > 0;
}

/* Room again is room again, also where what is written is no news for anybody. */
static void test_room_again(void **state) {
        _cleanup_(buf_done) Buf said = BUF_INIT(4096);
        RigOptions options = {};
        Rig *rig = rig_new(&options);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        look(rig);
        rig_exec(rig, "CREATE TRIGGER full BEFORE INSERT ON metrics BEGIN SELECT raise(ABORT, 'full'); END");
        fake_metrics_add(rig->api, j, 1, 0.5);
        rig_wait(rig, failed, NULL, "a poll that fails");
        assert_int_not_equal(rig->engine->store_error, 0);
        rig_exec(rig, "DROP TRIGGER full");
        rig->engine->store_failed_usec = 1;     /* long ago */
        rig_wait(rig, written, NULL, "metrics");
        look(rig);
        assert_int_equal(engine_describe_troubles(rig->engine, &said), 0);
        assert_string_equal(buf_string(&said), "");
        rig_free(rig);
}

static void test_checkpoints_off(void **state) {
        RigOptions options = { .source = "checkpoints = false;" };
        Rig *rig = rig_new(&options);

        (void) state;
        rig->api->has_checkpoints = true;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        fake_event_add(rig->api, j, "info", "Checkpoint created");
        rig_poll_settle(rig);
        fake_job_set(j, "succeeded");
        rig_poll_settle(rig);
        assert_int_equal(rig->api->n_checkpoints, 0);
        rig_free(rig);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_crossings),     cmocka_unit_test(test_many_pages),
                cmocka_unit_test(test_history),       cmocka_unit_test(test_crash_between),
                cmocka_unit_test(test_result_file),   cmocka_unit_test(test_checkpoints),
                cmocka_unit_test(test_checkpoints_silent), cmocka_unit_test(test_checkpoints_off),
                cmocka_unit_test(test_checkpoints_broken), cmocka_unit_test(test_checkpoints_no_room),
                cmocka_unit_test(test_room_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
