/* Going blind is told once, and its end; what a server may send is an outcome, never half a fact. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "engine/compose.h"
#include "engine/engine_internal.h"
#include "engine/lane_internal.h"
#include "engine/poller.h"
#include "engine/tail.h"
#include "unit/engine_rig.h"

static size_t told(Rig *rig, const char *type) {
        return fake_api_count(rig->api, "a", type, NULL);
}

static const char *fault_body;

static bool fault_with_body(FakeApi *api, unsigned n, HttpStep *step) {
        if (!fake_fault_range(api, n, step))
                return false;
        if (api->fault_status == 0) {
                step->failure = HTTP_FAILURE_NONE;
                step->status = 200;
        }
        step->body = fault_body;
        return true;
}

static void fail_for_ever(Rig *rig, int status, const char *body) {
        fault_body = body;
        rig->api->fault = fault_with_body;
        rig->api->fault_at = 1;
        rig->api->fault_to = UINT32_MAX;
        rig->api->fault_status = status;
}

static void heal(Rig *rig) {
        rig->api->fault = NULL;
}

static void test_told_once(void **state) {
        static const struct {
                int status;
                const char *body, *type;
                unsigned after;
        } table[] = {
                { 401, "{\"error\":{\"code\":\"401\",\"message\":\"Access denied\"}}", "source.unauthorized",
                  2 },
                { 403, "", "source.unauthorized", 2 },
                { 404, "{\"error\":{\"code\":\"404\",\"message\":\"Resource not found\"}}",
                  "source.misconfigured", 2 },
                { 302, "", "source.misconfigured", 2 },
                { 500, "<html>", "source.unreachable", 3 },
                { 429, "{}", "source.throttled", 3 },
                { 0, "<html>", "source.misconfigured", 3 },
                { 0, "", "source.misconfigured", 3 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                Rig *rig = rig_new(NULL);
                rig_first_contact(rig);
                fail_for_ever(rig, table[i].status, table[i].body);
                rig_poll(rig, table[i].after - 1);
                assert_int_equal(rig->api->n_hits, 0);
                rig_poll(rig, 1);
                rig_settle(rig);
                assert_int_equal(told(rig, table[i].type), 1);
                rig_stop(rig);                          /* over a restart too */
                rig_start(rig);
                rig_poll(rig, 4);
                rig_settle(rig);
                assert_int_equal(rig->api->n_hits, 1);
                heal(rig);
                rig_poll(rig, 2);
                rig_settle(rig);
                assert_int_equal(told(rig, "source.recovered"), 1);
                assert_int_equal(rig->api->n_hits, 2);
                rig_free(rig);
        }
}

/* A failure now and then is no news. */
static void test_flaky(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        for (unsigned i = 0; i < 4; i++) {
                fail_for_ever(rig, 500, "");
                rig_poll(rig, 2);
                heal(rig);
                rig_poll(rig, 1);
        }
        rig_settle(rig);
        assert_int_equal(rig->api->n_hits, 0);
        rig_free(rig);
}

/* One row that is none: nothing of the page is believed, until it is mended. */
static void test_broken_row(void **state) {
        static const char *const extras[] = {
                NULL,           /* an empty status */
                "}, [] , {\"id\":\"x\"",
                "}, {\"id\":7,\"status\":\"running\"",
                "}, {\"id\":\"\",\"status\":\"running\"",
                "}, {\"status\":\"running\"",
                ",\"x\":nonsense",
                ",\"x\":\"\\uD800\",\"y\":[",
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(extras); i++) {
                Rig *rig = rig_new(NULL);
                FakeJob *known = fake_job_add(rig->api, "running");
                rig_first_contact(rig);
                fake_job_set(known, "succeeded");
                FakeJob *bad = fake_job_add(rig->api, extras[i] ? "running" : "");
                fake_job_set_extra(bad, extras[i]);
                (void) fake_job_add(rig->api, "running");
                rig_poll(rig, 3);
                rig_settle(rig);
                assert_int_equal(told(rig, "source.misconfigured"), 1);
                assert_int_equal(rig->api->n_hits, 1);
                assert_int_equal(rig_sql(rig, "SELECT count(*) FROM jobs"), 1);
                fake_job_set(bad, "running");
                fake_job_set_extra(bad, NULL);
                rig_poll(rig, 2);
                rig_settle(rig);
                assert_int_equal(told(rig, "fine_tuning.job.running"), 2);
                assert_int_equal(told(rig, "fine_tuning.job.created"), 2);
                assert_int_equal(told(rig, "fine_tuning.job.succeeded"), 1);
                assert_int_equal(told(rig, "source.recovered"), 1);
                rig_free(rig);
        }
}

static void test_throttled_waits(void **state) {
        Rig *rig = rig_new(NULL);
        Source *s;

        (void) state;
        rig_first_contact(rig);
        rig->api->fault = fake_fault_range;
        rig->api->fault_at = 1;
        rig->api->fault_to = UINT32_MAX;
        rig->api->fault_status = 429;
        rig_poll(rig, 1);
        s = rig_source(rig);
        assert_in_range(s->next_poll_usec - s->poll_started_usec, 7 * USEC_PER_MSEC, 5 * USEC_PER_SEC);
        rig_free(rig);
}

/* Every third request is throttled: every job gets its turn all the same. */
static bool throttle_third(FakeApi *api, unsigned n, HttpStep *step) {
        (void) api;
        if (n % 3 != 0)
                return false;
        step->status = 429;
        return true;
}

static void test_throttled_turns(void **state) {
        Rig *rig = rig_new(NULL);
        FakeJob *jobs[12];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
                jobs[i] = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        rig->api->fault = throttle_third;
        for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
                (void) fake_event_add(rig->api, jobs[i], "warn", "here");
        while (told(rig, "fine_tuning.job.event") < ARRAY_SIZE(jobs))
                rig_poll(rig, 1);
        rig_free(rig);
}

/* What the budget holds back in one poll is asked first in the next. */
static void test_budget(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .source = "requests_per_minute = 40;" });
        FakeJob *jobs[60];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
                jobs[i] = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        rig_source(rig)->budget = (Budget) {};
        for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
                (void) fake_event_add(rig->api, jobs[i], "warn", "here");
        rig_poll(rig, 1);
        rig_settle(rig);
        assert_in_range(told(rig, "fine_tuning.job.event"), 1, 40);
        rig_source(rig)->budget = (Budget) {};
        assert_int_equal(poller_hasten(rig_source(rig)), 0);
        rig_poll(rig, 2);
        rig_settle(rig);
        assert_int_equal(told(rig, "fine_tuning.job.event"), ARRAY_SIZE(jobs));
        rig_free(rig);
}

static bool all_told(Rig *rig, void *userdata) {
        (void) userdata;
        return told(rig, "fine_tuning.job.event") == 10;
}

/* Polls that come faster than the budget fills leave room for more than their list. */
static void test_budget_starves_nobody(void **state) {
        Rig *rig = rig_new(NULL);
        FakeJob *jobs[10];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
                jobs[i] = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        rig_source(rig)->budget.full_usec = engine_now(rig->engine).boot_usec + USEC_PER_MINUTE;
        for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
                (void) fake_event_add(rig->api, jobs[i], "warn", "here");
        rig_wait(rig, all_told, NULL, "the events of all jobs");
        rig_free(rig);
}

static bool throttle_all(FakeApi *api, unsigned n, HttpStep *step) {
        (void) api;
        (void) n;
        step->status = 429;
        step->retry_after_usec = USEC_PER_HOUR;
        return true;
}

/* A source that asks to be left alone is left alone by late looks too. */
static void test_throttled_tails(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        fake_job_set(j, "succeeded");
        rig_poll_settle(rig);
        rig->api->fault = throttle_all;
        rig_poll(rig, 1);
        assert_true(source_is_held(rig_source(rig)));
        unsigned n = rig->api->n_requests;
        rig_exec(rig, "UPDATE jobs SET tail_usec = 1 WHERE tail_usec IS NOT NULL");
        assert_int_equal(tails_schedule(rig_source(rig)), 0);
        for (unsigned i = 0; i < 20; i++)
                (void) rig_step(rig, USEC_PER_MSEC);
        assert_int_equal(rig->api->n_requests, n);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM jobs WHERE tail_usec = 1"), 1);
        rig_free(rig);
}

/* The watchdog is answered while polls begin and deliveries are claimed, whatever servers do; not when one
 * of them does not begin. */
static void test_health(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .source = "trouble_after = 1000;" });

        (void) state;
        rig_first_contact(rig);
        Source *s = rig_source(rig);
        usec_t now = engine_now(rig->engine).boot_usec;
        assert_true(engine_health_ok(rig->engine));
        /* Planned for 90 s after the last one, late by less than that, then by more. Short, for a machine
         * that has only just booted. */
        s->polling = false;
        s->next_poll_usec = now - 80 * USEC_PER_SEC;
        s->poll_started_usec = s->next_poll_usec - 90 * USEC_PER_SEC;
        assert_true(engine_health_ok(rig->engine));
        s->next_poll_usec = now - 100 * USEC_PER_SEC;
        s->poll_started_usec = s->next_poll_usec - 90 * USEC_PER_SEC;
        assert_false(engine_health_ok(rig->engine));
        /* However seldom an idle source is polled. */
        s->next_poll_usec = now - 2 * USEC_PER_MINUTE;
        s->poll_started_usec = s->next_poll_usec - 30 * USEC_PER_SEC;
        assert_false(engine_health_ok(rig->engine));
        s->polling = true;
        assert_true(engine_health_ok(rig->engine));
        /* What is due is claimed, where nothing keeps it from that. */
        Lane lane = { .engine = rig->engine, .receiver = dispatcher_receiver(rig->engine->dispatcher, 0) };
        lane.due_usec = now + USEC_PER_MINUTE;
        assert_true(lane_health_ok(&lane));
        lane.due_usec = now - 2 * USEC_PER_MINUTE;
        assert_false(lane_health_ok(&lane));
        lane.blocked_until_usec = now + USEC_PER_HOUR;
        assert_true(lane_health_ok(&lane));
        lane.blocked_until_usec = 0;
        lane.next_send_usec = now;
        assert_true(lane_health_ok(&lane));
        lane.next_send_usec = 0;
        lane.n_sending = 1000;
        assert_true(lane_health_ok(&lane));
        lane.n_sending = lane.n_ended = 1;
        assert_true(lane_health_ok(&lane));
        rig_free(rig);
}

static bool is_out_of_order(Rig *rig, void *userdata) {
        assert_null(userdata);
        return rig->engine->broken < 0;
}

static bool is_told_broken(Rig *rig, void *userdata) {
        assert_null(userdata);
        return rig->broken < 0;
}

/* Who has to mend it is told what the store said first, whatever is true by then. */
static void test_moved_store(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .on_disk = true });
        _cleanup_free_ char *path = NULL, *elsewhere = NULL;

        (void) state;
        FakeJob *job = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        assert_true(string_printf(&path, "%s/state.db", rig->dir) >= 0);
        assert_true(string_printf(&elsewhere, "%s/elsewhere", rig->dir) >= 0);
        assert_int_equal(rename(path, elsewhere), 0);
        fake_job_set(job, "failed");
        rig_wait(rig, is_out_of_order, NULL, "the end of the store");
        assert_int_equal(rename(elsewhere, path), 0);
        rig_wait(rig, is_told_broken, NULL, "word of it");
        assert_int_equal(rig->broken, -ESTALE);
        rig_free(rig);
}

/* No room: what was seen is not half stored; when there is room again it is told, once. */
static void test_full_store(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .on_disk = true });
        char limit[64];

        (void) state;
        FakeJob *known = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        (void) snprintf(limit, sizeof limit, "PRAGMA max_page_count = %lld",
                        (long long) rig_sql(rig, "PRAGMA page_count"));
        (void) rig_sql(rig, limit);
        fake_job_set(known, "failed");
        for (unsigned i = 0; i < 60; i++)
                (void) fake_job_add(rig->api, "succeeded");
        rig_poll(rig, 4);
        assert_int_equal(rig->broken, 0);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM jobs"),
                         1 + 2 * rig_sql(rig, "SELECT count(*) FROM notices") / 4);
        assert_int_equal(told(rig, "source.recovered"), 0);
        (void) rig_sql(rig, "PRAGMA max_page_count = 1000000");
        rig_poll(rig, 2);
        rig_settle(rig);
        assert_int_equal(told(rig, "fine_tuning.job.failed"), 1);
        assert_int_equal(told(rig, "fine_tuning.job.succeeded"), 60);
        assert_int_equal(told(rig, "fine_tuning.job.created"), 60);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM notices"),
                         121 + told(rig, "source.unreachable") + told(rig, "source.recovered"));
        assert_int_equal(told(rig, "source.recovered"), told(rig, "source.unreachable"));
        rig_free(rig);
}

/* Trouble that could not be told is told when it can be; its end is told to those who heard of it. */
static void test_untold(void **state) {
        static const char no_notices[] =
                "CREATE TRIGGER full BEFORE INSERT ON notices BEGIN SELECT raise(ABORT, 'full'); END";
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        rig_exec(rig, no_notices);
        fail_for_ever(rig, 401, "{}");
        rig_poll(rig, 4);
        heal(rig);
        rig_poll(rig, 1);
        rig_exec(rig, "DROP TRIGGER full");
        rig_poll_settle(rig);
        assert_int_equal(rig->api->n_hits, 0);

        rig_exec(rig, no_notices);
        fail_for_ever(rig, 401, "{}");
        rig_poll(rig, 3);
        rig_exec(rig, "DROP TRIGGER full");
        rig_poll(rig, 2);
        rig_settle(rig);
        assert_int_equal(told(rig, "source.unauthorized"), 1);
        rig_exec(rig, no_notices);
        heal(rig);
        rig_poll(rig, 2);
        rig_exec(rig, "DROP TRIGGER full");
        rig_poll(rig, 2);
        rig_settle(rig);
        assert_int_equal(told(rig, "source.recovered"), 1);
        assert_int_equal(rig->api->n_hits, 2);
        rig_free(rig);
}

/* Two accounts at one endpoint, which fail in the same turn of the event loop: each is told. */
static void test_same_endpoint(void **state) {
        SourceSettings a = { .name = (char *) "a", .endpoint = (char *) "https://api.openai.com" }, b = a;
        const Trouble t = { .told_type = NOTICE_SOURCE_UNREACHABLE, .reason = REASON_CONNECT,
                            .told_usec = 7 };
        const TroubleNews news[] = { TROUBLE_TELL, TROUBLE_RECOVERED };

        (void) state;
        b.name = (char *) "b";
        for (size_t i = 0; i < ARRAY_SIZE(news); i++) {
                _cleanup_(notice_freep) Notice *of_a = NULL, *of_b = NULL;
                assert_int_equal(compose_source(&(Source){ .settings = &a }, &t, news[i], "", 0, 7, &of_a),
                                 0);
                assert_int_equal(compose_source(&(Source){ .settings = &b }, &t, news[i], "", 0, 7, &of_b),
                                 0);
                assert_string_not_equal(of_a->id, of_b->id);
        }
}

static bool one_job_broken(FakeApi *api, unsigned n, HttpStep *step) {
        (void) n;
        if (api->n_events == api->fault_at)
                return false;
        api->fault_at = api->n_events;
        step->status = 500;
        return api->n_events % 3 == 0;
}

/* Of three jobs one's events fail, at each poll: that is told, and the others are looked at as often as
 * before. */
static void test_one_job_broken(void **state) {
        Rig *rig = rig_new(&(RigOptions) { .source = "trouble_after = 3;" });

        (void) state;
        for (int i = 0; i < 3; i++)
                (void) fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        fake_api_forget(rig->api);
        rig->api->fault_at = 0;
        rig->api->fault = one_job_broken;
        rig_poll(rig, 10);
        const Source *s = rig_source(rig);
        assert_true(s->n_failed >= 10);         /* where all fails the next poll is 4 s away, or more */
        assert_in_range(s->next_poll_usec - s->poll_started_usec, 0, 2 * USEC_PER_SEC);
        rig_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", "source.unreachable", NULL), 1);
        rig_free(rig);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same_endpoint),
                cmocka_unit_test(test_told_once),
                cmocka_unit_test(test_flaky),
                cmocka_unit_test(test_broken_row),
                cmocka_unit_test(test_moved_store),
                cmocka_unit_test(test_health),
                cmocka_unit_test(test_throttled_waits),
                cmocka_unit_test(test_throttled_turns),
                cmocka_unit_test(test_budget),
                cmocka_unit_test(test_budget_starves_nobody),
                cmocka_unit_test(test_throttled_tails),
                cmocka_unit_test(test_full_store),
                cmocka_unit_test(test_untold),
                cmocka_unit_test(test_one_job_broken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
