/* Events that owe nobody anything wait for the end of the poll and are written in one transaction; news is
 * not held up by that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/strings.h"
#include "store/store_internal.h"
#include "unit/engine_rig.h"

#define N_JOBS 3U

typedef struct Scene {
        Rig *rig;
        FakeJob *jobs[N_JOBS];
        unsigned n_commits, refused;    /* refused: so many commits to come */
        unsigned held;                  /* the request of the poll that is not answered; 0: none */
} Scene;

static Scene *current;

static int on_commit(void *userdata) {
        Scene *s = userdata;

        s->n_commits++;
        if (s->refused == 0)
                return 0;
        s->refused--;
        return 1;
}

/* Three running jobs of which 15 events each are known. */
static void scene_begin(Scene *s) {
        *s = (Scene){ .rig = rig_new(&(RigOptions){ .on_disk = true, .source = "trouble_after = 1000;" }) };
        rig_first_contact(s->rig);
        for (unsigned i = 0; i < N_JOBS; i++) {
                s->jobs[i] = fake_job_add(s->rig->api, "running");
                for (unsigned e = 0; e < 15; e++)
                        fake_metrics_add(s->rig->api, s->jobs[i], e + 1, 3.0);
        }
        rig_poll(s->rig, 3);
        rig_settle(s->rig);
        assert_int_equal(rig_sql(s->rig, "SELECT count(*) FROM events"), 15 * N_JOBS);
        current = s;
        (void) sqlite3_commit_hook(db_handle(s->rig->store->db), on_commit, s);
}

static void scene_end(Scene *s) {
        (void) sqlite3_commit_hook(db_handle(s->rig->store->db), NULL, NULL);
        rig_free(s->rig);
}

static void add_metrics(Scene *s) {
        for (unsigned i = 0; i < N_JOBS; i++)
                fake_metrics_add(s->rig->api, s->jobs[i], 100, 2.0);
}

static int64_t count_new(Scene *s) {
        return rig_sql(s->rig, "SELECT count(*) FROM metrics WHERE step = 100");
}

static void test_one_transaction(_unused_ void **state) {
        Scene s;

        scene_begin(&s);
        add_metrics(&s);
        rig_poll(s.rig, 3);
        assert_int_equal(s.n_commits, 1);
        assert_int_equal(count_new(&s), N_JOBS);
        assert_int_equal(rig_sql(s.rig, "SELECT count(*) FROM events"), 16 * N_JOBS);
        scene_end(&s);
}

static bool was_refused(_unused_ Rig *rig, _unused_ void *userdata) {
        return current->refused == 0;
}

/* Nothing of it happened then, and the next poll sees all of it. */
static void test_store_fails(_unused_ void **state) {
        Scene s;

        scene_begin(&s);
        s.refused = 1;
        add_metrics(&s);
        rig_wait(s.rig, was_refused, NULL, "a refused commit");
        assert_int_equal(count_new(&s), 0);
        assert_int_equal(rig_source(s.rig)->n_failed, 1);
        rig_poll(s.rig, 1);
        assert_int_equal(rig_source(s.rig)->n_failed, 0);
        assert_int_equal(count_new(&s), N_JOBS);
        assert_int_equal(rig_sql(s.rig, "SELECT count(*) FROM events"), 16 * N_JOBS);
        s.n_commits = 0;
        rig_poll(s.rig, 2);
        assert_int_equal(s.n_commits, 0);
        scene_end(&s);
}

static bool hold_one(_unused_ FakeApi *api, unsigned n, HttpStep *step) {
        step->hold = n == current->held;
        return false;
}

static bool two_wait(Rig *rig, _unused_ void *userdata) {
        return rig_source(rig)->n_waiting == 2;
}

/* From the next poll on, of which the first job asked about is not answered. */
static void hold_first_job(Scene *s) {
        rig_poll(s->rig, 1);
        fake_api_forget(s->rig->api);
        s->held = 2;                    /* behind the list */
        s->rig->api->fault = hold_one;
}

static void test_crash_while_waiting(_unused_ void **state) {
        Scene s;

        scene_begin(&s);
        hold_first_job(&s);
        add_metrics(&s);
        rig_wait(s.rig, two_wait, NULL, "two pages that wait for a third");
        assert_int_equal(count_new(&s), 0);
        rig_stop(s.rig);
        s.rig->api->fault = NULL;
        http_script_release(s.rig->script);
        rig_start(s.rig);
        rig_poll(s.rig, 1);
        assert_int_equal(count_new(&s), N_JOBS);
        assert_int_equal(rig_sql(s.rig, "SELECT count(*) FROM events"), 16 * N_JOBS);
        rig_free(s.rig);
}

static bool both_told(Rig *rig, _unused_ void *userdata) {
        return fake_api_count(rig->api, "a", "fine_tuning.job.event", NULL) == 2;
}

static void test_news_does_not_wait(_unused_ void **state) {
        Scene s;

        scene_begin(&s);
        hold_first_job(&s);
        for (unsigned i = 0; i < N_JOBS; i++)
                (void) fake_event_add(s.rig->api, s.jobs[i], "warning", "the loss is odd");
        rig_wait(s.rig, both_told, NULL, "the warnings of two jobs while the third is not answered");
        assert_true(rig_source(s.rig)->polling);
        assert_int_equal(rig_source(s.rig)->n_waiting, 0);
        s.rig->api->fault = NULL;
        http_script_release(s.rig->script);
        rig_poll_settle(s.rig);
        assert_int_equal(fake_api_count(s.rig->api, "a", "fine_tuning.job.event", NULL), 3);
        scene_end(&s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_transaction),
                cmocka_unit_test(test_store_fails),
                cmocka_unit_test(test_crash_while_waiting),
                cmocka_unit_test(test_news_does_not_wait),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
