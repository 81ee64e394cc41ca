/* Tokens and connections: who waits for a token holds none, and none is asked for where none is free; what
 * becomes of those who wait when memory runs out. */
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/strings.h"
#include "engine/engine_internal.h"
#include "engine/token.h"
#include "unit/token_issuer.h"

static usec_t ahead_usec;               /* of the true time */
static int add_time_error;              /* of the next timer that is added; 0: none */

int sd_event_now(sd_event *e, clockid_t clock, uint64_t *usec) {
        int (*real)(sd_event *, clockid_t, uint64_t *) = dlsym(RTLD_NEXT, "sd_event_now");

        int r = real(e, clock, usec);
        *usec += ahead_usec;
        return r;
}

int sd_event_add_time(sd_event *e, sd_event_source **s, clockid_t clock, uint64_t usec, uint64_t accuracy,
                      sd_event_time_handler_t callback, void *userdata) {
        int (*real)(sd_event *, sd_event_source **, clockid_t, uint64_t, uint64_t, sd_event_time_handler_t,
                    void *) = dlsym(RTLD_NEXT, "sd_event_add_time");
        int error = add_time_error;

        add_time_error = 0;
        return error < 0 ? error : real(e, s, clock, usec, accuracy, callback, userdata);
}

static GatePass passes[12];             /* all that sources and tokens get of 16 connections */

static int on_open(GatePass *p) {
        assert_int_equal(p->state, GATE_INSIDE);
        return 0;
}

static void on_failed(GatePass *p, int error) {
        fail_msg("pass %td: %d", p - passes, error);
}

/* Two that ask for as much as they can get. Returns how many more are inside now. */
static size_t crowd(Rig *rig, GateOwner owners[static 2]) {
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(passes); i++)
                gate_enter(rig->engine->gate, &passes[i], &owners[i % 2], on_open, on_failed);
        for (size_t i = 0; i < ARRAY_SIZE(passes); i++)
                n += passes[i].state == GATE_INSIDE;
        return n;
}

static void uncrowd(Rig *rig) {
        for (size_t i = 0; i < ARRAY_SIZE(passes); i++)
                gate_leave(rig->engine->gate, &passes[i]);
}

static bool until(Rig *rig, void *userdata) {
        return engine_now(rig->engine).boot_usec >= *(usec_t *) userdata;
}

/* Where all connections are taken no token is asked for, and who waits for it is not out of time. */
static void test_crowd(void **state) {
        Rig *rig = issuer_start(3600, NULL, "timeout = \"100ms\";");
        GateOwner owners[2] = {};

        (void) state;
        assert_int_equal(crowd(rig, owners), 12);
        usec_t later = engine_now(rig->engine).boot_usec + 200 * USEC_PER_MSEC;
        rig_wait(rig, until, &later, "twice the timeout");
        assert_true(rig_source(rig)->polling);
        assert_int_equal(http_script_n_requests(rig->script), 0);
        gate_leave(rig->engine->gate, &passes[0]);
        assert_int_equal(http_script_n_requests(rig->script), 1);
        rig_poll(rig, 1);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        assert_int_equal(issuer.n_requests, 1);
        uncrowd(rig);
        rig_free(rig);
}

/* The n-th token is asked for, and takes the only connection of those who wait for it. */
static void wait_outside(Rig *rig, unsigned n) {
        GateOwner owners[2] = {};

        issuer.hold = true;
        rig_wait(rig, issuer_was_asked, &n, "a token that is asked for");
        assert_int_equal(crowd(rig, owners), 11);
        uncrowd(rig);
        issuer.hold = false;
        http_script_release(rig->script);
        rig_poll(rig, 1);
}

/* Who waits for a token holds no connection, be it the first or one for another that was refused. */
static void test_waits_outside(void **state) {
        Rig *rig = issuer_start(3600, NULL, "");

        (void) state;
        wait_outside(rig, 1);
        issuer.refused_to = 1;
        wait_outside(rig, 2);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        rig_free(rig);
}

/* A request waits at the gate while its token ends, which lives for 875 ms. */
static void end_at_the_gate(Rig *rig, GateOwner owners[static 2]) {
        rig_poll(rig, 1);
        assert_int_equal(crowd(rig, owners), 12);
        issuer.refused_to = issuer.n_requests;
        usec_t later = engine_now(rig->engine).boot_usec + 900 * USEC_PER_MSEC;
        rig_wait(rig, until, &later, "the end of the token");
}

/* It is not sent with that. */
static void test_ends_at_the_gate(void **state) {
        Rig *rig = issuer_start(1, NULL, "");
        GateOwner owners[2] = {};

        (void) state;
        end_at_the_gate(rig, owners);
        uncrowd(rig);
        rig_poll(rig, 1);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        assert_true(issuer.n_requests > issuer.refused_to);
        rig_free(rig);
}

/* Nor is a new one waited for where there is no memory for that, however soon it comes: the poll fails. */
static void test_cannot_wait(void **state) {
        Rig *rig = issuer_start(1, NULL, "");
        GateOwner owners[2] = {};
        unsigned one = 1;

        (void) state;
        end_at_the_gate(rig, owners);
        assert_true(rig_source(rig)->polling);
        add_time_error = -ENOMEM;
        uncrowd(rig);
        assert_int_equal(add_time_error, 0);
        rig_wait(rig, issuer_polled_badly, &one, "a poll that fails");
        assert_int_equal(rig_source(rig)->outcome.reason, REASON_INTERNAL);
        rig_free(rig);
}

static unsigned n_told;

static void on_told_no(TokenWaiter *w, const Outcome *failed) {
        assert_non_null(w);
        assert_non_null(failed);
        assert_int_equal(failed->reason, REASON_INTERNAL);
        n_told++;
}

static bool all_told(Rig *rig, void *userdata) {
        (void) rig;
        return n_told == *(unsigned *) userdata;
}

/* Memory runs out twice: who waits is told all the same, but not by whoever made room at the gate. */
static void test_cannot_be_told_at_once(void **state) {
        TokenWaiter waiter = { .done = on_told_no };
        GateOwner owners[2] = {};
        const Outcome *failed;
        unsigned one = 1;
        Token *t;
        Rig *rig = issuer_start(3600, NULL, "");

        (void) state;
        assert_int_equal(crowd(rig, owners), 12);
        assert_int_equal(token_attach(rig->engine, rig_source(rig)->settings, &t), 0);
        n_told = 0;
        assert_int_equal(token_wait(t, &waiter, &failed), 0);
        http_script_fail_submit(rig->script, -ENOMEM);
        add_time_error = -ENOMEM;
        gate_leave(rig->engine->gate, &passes[0]);
        add_time_error = 0;
        assert_int_equal(n_told, 0);
        rig_wait(rig, all_told, &one, "the end of the fetch");
        uncrowd(rig);
        rig_free(rig);
}

static bool is_polling(Rig *rig, void *userdata) {
        (void) userdata;
        return rig_source(rig)->polling;
}

/* The same of a request to the API. */
static void test_call_cannot_be_told_at_once(void **state) {
        GateOwner owners[2] = {};
        unsigned one = 1;
        Rig *rig = rig_new(&(RigOptions) {});

        (void) state;
        rig_start(rig);
        assert_int_equal(crowd(rig, owners), 12);
        rig_wait(rig, is_polling, NULL, "a poll");
        http_script_fail_submit(rig->script, -ENOMEM);
        add_time_error = -ENOMEM;
        gate_leave(rig->engine->gate, &passes[0]);
        add_time_error = 0;
        assert_true(rig_source(rig)->polling);
        rig_wait(rig, issuer_polled_badly, &one, "a poll that fails");
        uncrowd(rig);
        rig_free(rig);
}

/* Who breaks the connection has not been silent: the next fetch does not wait for those that are. */
static void test_reset_is_no_silence(void **state) {
        GateOwner owners[2] = { { .silent = true }, { .silent = true } };
        unsigned one = 1;
        Rig *rig = issuer_start(3600, NULL, "");

        (void) state;
        issuer.resets = true;
        rig_wait(rig, issuer_polled_badly, &one, "a poll that fails");
        assert_int_equal(issuer.n_requests, 1);
        assert_int_equal(crowd(rig, owners), 9);
        ahead_usec = 11 * USEC_PER_SEC;         /* after that it is asked again */
        rig_wait(rig, is_polling, NULL, "a poll");
        assert_int_equal(issuer.n_requests, 2);
        uncrowd(rig);
        rig_free(rig);
        ahead_usec = 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_crowd),
                cmocka_unit_test(test_waits_outside),
                cmocka_unit_test(test_ends_at_the_gate),
                cmocka_unit_test(test_cannot_wait),
                cmocka_unit_test(test_cannot_be_told_at_once),
                cmocka_unit_test(test_call_cannot_be_told_at_once),
                cmocka_unit_test(test_reset_is_no_silence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
