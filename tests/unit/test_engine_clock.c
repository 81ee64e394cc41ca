/* The clock is set, by hours or weeks, at any moment: what was told, and what is owed, moves along. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "engine/control.h"
#include "engine/engine_internal.h"
#include "engine/poller.h"
#include "engine/silence.h"
#include "engine/tail.h"
#include "unit/engine_rig.h"

static unsigned n_held;

/* As if all until now had been stamped by a clock that was wrong by so much. */
static void step_clock(Rig *rig, int64_t step_sec) {
        int64_t step = step_sec * (int64_t) USEC_PER_SEC;

        rig->engine->seen.real_usec -= (usec_t) step;
        trouble_shift(&rig_source(rig)->trouble, -step);
        tails_shift_clock(rig_source(rig), -step);
        dispatcher_shift_clock(rig->engine->dispatcher, -step);
        assert_int_equal(store_shift_clock(rig->store, INT64_MAX, -step), 0);
}

/* The events of a finished job come late. */
static void answer_events_late(const HttpRecord *request, HttpStep *step, void *userdata) {
        FakeApi *api = userdata;

        fake_api_answer(request, step, api);
        step->hold = strstr(request->url, "/events?") && streq(api->jobs[0]->status, "succeeded");
        n_held += step->hold;
}

static size_t told(Rig *rig, const char *type) {
        return fake_api_count(rig->api, "a", type, NULL);
}

static bool refuse_all(FakeApi *api, unsigned n, HttpStep *step) {
        (void) api;
        (void) n;
        step->status = 401;
        step->body = "{}";
        return true;
}

static bool hold(FakeApi *api, unsigned n, HttpStep *step) {
        (void) api;
        (void) n;
        step->hold = true;
        n_held++;
        return false;
}

static bool hold_and_fail(FakeApi *api, const FakeHit *hit, HttpStep *step) {
        (void) api;
        (void) hit;
        step->hold = true;
        n_held++;
        step->status = 503;
        return true;
}

static bool is_held(Rig *rig, void *userdata) {
        (void) rig;
        (void) userdata;
        return n_held > 0;
}

static bool nothing_in_flight(Rig *rig, void *userdata) {
        (void) userdata;
        return rig_sql(rig, "SELECT count(*) FROM deliveries WHERE state = 1") == 0;
}

/* What happens around a step of the clock. */
typedef void (*play_t)(Rig *rig, int64_t step_sec);

static void test_each_step(void **state) {
        static const int64_t steps[] = { -3 * 3600, 3 * 3600, -40 * 86400, 40 * 86400 };
        play_t play = *(const play_t *) *state;

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                Rig *rig = rig_new(NULL);
                n_held = 0;
                play(rig, steps[i]);
                rig_free(rig);
        }
}

/* By a poll that begins. */
static void between_polls(Rig *rig, int64_t step_sec) {
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        rig->api->fault = refuse_all;
        rig_poll(rig, 3);
        rig_settle(rig);
        assert_int_equal(rig->api->n_hits, 1);
        int64_t since = rig_sql(rig, "SELECT since_usec FROM troubles");
        step_clock(rig, step_sec);
        rig_poll(rig, 2);
        int64_t off = rig_sql(rig, "SELECT since_usec FROM troubles") - since;
        assert_true(off > -(int64_t) USEC_PER_SEC && off < (int64_t) USEC_PER_SEC);
        assert_int_equal(rig->api->n_hits, 1);
        rig->api->fault = NULL;
        fake_job_set(j, "cancelled");
        rig_poll(rig, 2);
        rig_settle(rig);
        assert_int_equal(told(rig, "source.recovered"), 1);
        assert_int_equal(told(rig, "fine_tuning.job.cancelled"), 1);
}

/* By a reply: what was wrong until then has lasted no longer for it. */
static void within_a_poll(Rig *rig, int64_t step_sec) {
        rig_first_contact(rig);
        rig->api->fault = refuse_all;
        rig_poll(rig, 3);
        rig_settle(rig);
        rig->api->fault = hold;
        rig_wait(rig, is_held, NULL, "a poll");
        step_clock(rig, step_sec);
        rig->api->fault = NULL;
        http_script_release(rig->script);
        rig_poll(rig, 1);
        rig_settle(rig);
        assert_int_equal(told(rig, "source.recovered"), 1);
        assert_int_equal(rig_sql(rig, "SELECT ifnull(json_extract(body, '$.blind_seconds'), 0) < 60 "
                                      "FROM notices WHERE type = 'source.recovered'"), 1);
}

/* By the end of a delivery that failed: it has not grown too old. */
static void within_a_delivery(Rig *rig, int64_t step_sec) {
        rig_first_contact(rig);
        rig->api->hook_fault = hold_and_fail;
        (void) fake_job_add(rig->api, "pending");
        rig_wait(rig, is_held, NULL, "a delivery");
        rig_poll(rig, 1);
        poller_stop(rig_source(rig));
        step_clock(rig, step_sec);
        http_script_release(rig->script);
        rig_wait(rig, nothing_in_flight, NULL, "the end of the attempt");
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM deliveries WHERE state = 0"),
                         rig_sql(rig, "SELECT count(*) FROM deliveries"));
        rig->api->hook_fault = NULL;
        rig_settle(rig);
        assert_int_equal(told(rig, "fine_tuning.job.pending"), 1);
}

/* While the details of a finished job are asked for: they are looked at again when they would have been. */
static void within_a_tail(Rig *rig, int64_t step_sec) {
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_poll_settle(rig);
        fake_job_set(j, "succeeded");
        http_script_answer(rig->script, answer_events_late, rig->api);
        rig_wait(rig, is_held, NULL, "the details");
        step_clock(rig, step_sec);
        http_script_answer(rig->script, fake_api_answer, rig->api);
        http_script_release(rig->script);
        rig_settle(rig);
        assert_int_equal(told(rig, "fine_tuning.job.succeeded"), 1);
        assert_in_range(rig_sql(rig, "SELECT tail_usec / 1000000 - strftime('%s', 'now') FROM jobs"),
                        50, 61);
}

/* By what somebody asks for: it begins now, and lasts as long as he said. */
static void within_a_call(Rig *rig, int64_t step_sec) {
        Silences all = {};
        Silence s = { .kind = SILENCE_SOURCE, .pattern = (char *) "rig" };
        rig_first_contact(rig);
        step_clock(rig, step_sec);
        assert_int_equal(engine_silence(rig->engine, &s, 2 * USEC_PER_HOUR), 0);
        rig_poll(rig, 2);
        assert_int_equal(engine_list_silences(rig->engine, &all), 0);
        assert_int_equal(all.n, 1);
        usec_t now = engine_now(rig->engine).real_usec;
        assert_in_range(usec_sub(all.list[0].until_usec, now), USEC_PER_HOUR, 2 * USEC_PER_HOUR);
        silences_done(&all);
}

#define step_test(name) { #name, test_each_step, NULL, NULL, &(play_t) { name } }

int main(void) {
        const struct CMUnitTest tests[] = {
                step_test(between_polls),
                step_test(within_a_poll),
                step_test(within_a_delivery),
                step_test(within_a_tail),
                step_test(within_a_call),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
