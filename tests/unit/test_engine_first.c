/* First contact: silent, one walk, resumable; and what a cycle costs after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "unit/engine_rig.h"
#include "unit/sample.h"

static void add_many(FakeApi *api, unsigned n, const char *status) {
        for (unsigned i = 0; i < n; i++)
                (void) fake_job_add(api, status);
}

/* One poll's requests. */
static unsigned cost(Rig *rig) {
        rig_poll(rig, 1);
        fake_api_forget(rig->api);
        rig_poll(rig, 1);
        return rig->api->n_requests;
}

/* Where the three active ones stand among 5,000 finished. */
static void check_large(unsigned above, unsigned between, FakeOrder order) {
        Rig *rig = rig_new(NULL);
        FakeJob *active[3];

        rig->api->order = order;
        add_many(rig->api, 5000 - above - 2 * between, "succeeded");
        for (unsigned i = 0; i < 3; i++) {
                active[i] = fake_job_add(rig->api, "running");
                for (unsigned k = 0; k < 15; k++)
                        fake_metrics_add(rig->api, active[i], k, 1.0);
                if (i < 2)
                        add_many(rig->api, between, "succeeded");
        }
        add_many(rig->api, above, "failed");
        rig_start(rig);
        rig_poll(rig, 1);
        assert_int_equal(rig->api->n_lists, 51);        /* 5,003 jobs by the hundred */
        assert_in_range(rig->api->n_events, 3, 6);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM jobs"), 5003);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM notices"), 0);

        rig_poll(rig, 2);                       /* the plan is made */
        bool on_top = order == FAKE_NEWEST_FIRST && above + 2 * between + 3 <= 100;
        assert_in_range(cost(rig), 4, on_top ? 4 : 7);
        assert_in_range(cost(rig), 4, on_top ? 4 : 7);
        for (unsigned k = 0; k < 3; k++)
                fake_metrics_add(rig->api, active[k], 100 + k, 0.5);
        (void) fake_job_add(rig->api, "pending");
        assert_in_range(cost(rig), 5, 9);
        for (unsigned i = 0; i < 3; i++) {
                fake_job_set(active[i], "succeeded");
                rig_poll_settle(rig);
                assert_int_equal(fake_api_count(rig->api, "a", "fine_tuning.job.succeeded", active[i]->id),
                                 1);
        }
        assert_int_equal(rig->api->n_hits, 5);  /* created and pending of the new one */
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM notices"), 5);
        rig_free(rig);
}

static void test_large(void **state) {
        static const struct {
                unsigned above, between;
                FakeOrder order;
        } rows[] = {
                { 0, 0, FAKE_NEWEST_FIRST },   { 40, 5, FAKE_NEWEST_FIRST },
                { 130, 0, FAKE_NEWEST_FIRST }, { 3000, 700, FAKE_NEWEST_FIRST },
                { 5, 1, FAKE_OLDEST_FIRST },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i += test_sample())
                check_large(rows[i].above, rows[i].between, rows[i].order);
}

static void test_empty(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        assert_int_equal(cost(rig), 1);
        FakeJob *j = fake_job_add(rig->api, "pending");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", "fine_tuning.job.created", j->id), 1);
        assert_int_equal(fake_api_count(rig->api, "a", "fine_tuning.job.pending", j->id), 1);
        rig_free(rig);
}

/* Every request of first contact fails once: what was there stays silent, what came meanwhile is told. */
static void check_interrupted(unsigned fault_at, bool restart, FakeOrder order, bool cursor_goes) {
        Rig *rig = rig_new(NULL);
        FakeApi *api = rig->api;

        api->order = order;
        api->page_max = 10;
        add_many(api, 47, "succeeded");
        FakeJob *old = fake_job_add(api, "running");
        add_many(api, 4, "cancelled");
        char *old_id = strdup(old->id);
        api->fault = fake_fault_range;
        api->fault_at = api->fault_to = fault_at;
        rig_start(rig);
        rig_poll(rig, 1);
        api->fault_at = api->fault_to = 0;
        api->now++;
        FakeJob *finished = fake_job_add(api, "succeeded"), *running = fake_job_add(api, "running");
        for (unsigned i = 0; cursor_goes && i < 40; i += 4)
                fake_job_remove(api, api->jobs[i]);
        if (restart) {
                rig_stop(rig);
                rig_start(rig);
        }
        rig_poll(rig, 3);
        rig_settle(rig);
        /* Without an answer to the first request first contact has not begun. */
        unsigned n = fault_at == 1 ? 0 : 1;
        if (api->n_hits != 4 * n)
                print_error("fault at %u, %s, %s, cursor %s\n", fault_at, restart ? "new start" : "same run",
                            order == FAKE_OLDEST_FIRST ? "oldest first" : "newest first",
                            cursor_goes ? "gone" : "there");
        assert_int_equal(fake_api_count(api, "a", "fine_tuning.job.succeeded", finished->id), n);
        assert_int_equal(fake_api_count(api, "a", "fine_tuning.job.running", running->id), n);
        assert_int_equal(fake_api_count(api, "a", "fine_tuning.job.created", NULL), 2 * n);
        assert_int_equal(api->n_hits, 4 * n);
        fake_job_set(fake_job_find(api, old_id), "failed");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(api, "a", "fine_tuning.job.failed", old_id), 1);
        assert_int_equal(api->n_hits, 4 * n + 1);
        free(old_id);
        rig_free(rig);
}

static void test_interrupted(void **state) {
        (void) state;
        for (unsigned at = 1; at <= 8; at++)
                for (unsigned i = at % test_sample(); i < 8; i += test_sample())
                        check_interrupted(at, i & 1, i & 2 ? FAKE_OLDEST_FIRST : FAKE_NEWEST_FIRST, i & 4);
}

/* A notice that waits for details of a source nobody configures any more waits no more. */
static void test_source_gone(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        rig_stop(rig);
        rig_exec(rig, "INSERT INTO sources (id, name, endpoint) VALUES (99, 'gone', 'https://gone');"
                      "INSERT INTO notices (id, type, source, created_usec, enrich, body)"
                      " VALUES ('evt_gone', 'job.failed', 99, 1, 1, '{}')");
        rig_start(rig);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM notices WHERE enrich = 1"), 0);
        rig_poll(rig, 1);
        rig_free(rig);
}

/* Jobs of one second may stand in any order: the page has room for all of them. */
static void test_same_second(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        int64_t at = rig->api->now;
        for (unsigned i = 0; i < 15; i++)
                fake_job_add(rig->api, "running")->created_at = at;
        rig_poll(rig, 3);
        assert_int_equal(rig_source(rig)->list_limit, 20);
        rig_free(rig);
}

/* Of a list without unfinished jobs no more is kept than what tells that it is the same; and then it is not
 * read again. */
static void test_idle_list(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        add_many(rig->api, 30, "succeeded");
        rig_first_contact(rig);
        const uint8_t *digest = rig_source(rig)->list.digest;
        assert_non_null(digest);
        assert_null(rig_source(rig)->list.page.body.data);
        rig_poll(rig, 3);
        assert_ptr_equal(rig_source(rig)->list.digest, digest);
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", "fine_tuning.job.running", j->id), 1);
        assert_null(rig_source(rig)->list.digest);
        assert_true(rig_source(rig)->list.valid);
        fake_job_set(j, "succeeded");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", "fine_tuning.job.succeeded", j->id), 1);
        rig_poll(rig, 2);
        assert_non_null(rig_source(rig)->list.digest);
        rig_free(rig);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_large),
                cmocka_unit_test(test_interrupted),
                cmocka_unit_test(test_source_gone),
                cmocka_unit_test(test_same_second),
                cmocka_unit_test(test_idle_list),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
