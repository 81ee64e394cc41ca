/* Many requests, few connections: nobody is held up by those who hang. Time is virtual: of the event loop
 * the gate has one timer, which is here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "engine/gate.h"

#define N 40
#define MANY 500

static GateOwner sources[N], many[MANY];
static GatePass passes[N][N], one_of_each[MANY];
static Gate *gate;
static bool leaves_at_once;
static int error;                       /* what is opened fails with it; 0: it does not */
static size_t n_failed;
static const GatePass *untold;          /* failed, and is not told yet */

/* --- the event loop ---------------------------------------------------------------------------------- */

struct sd_event_source {
        sd_event_time_handler_t callback;
        void *userdata;
        usec_t at;
        int enabled;
};

static struct sd_event_source the_timer;
static usec_t now_usec = 1000 * USEC_PER_SEC;

int sd_event_now(sd_event *e, clockid_t clock, uint64_t *usec) {
        (void) e;
        assert_int_equal(clock, CLOCK_BOOTTIME);
        *usec = now_usec;
        return 0;
}

int sd_event_add_time(sd_event *e, sd_event_source **s, clockid_t clock, uint64_t usec, uint64_t accuracy,
                      sd_event_time_handler_t callback, void *userdata) {
        (void) e;
        (void) accuracy;
        assert_int_equal(clock, CLOCK_BOOTTIME);
        the_timer = (struct sd_event_source) { callback, userdata, usec, SD_EVENT_ONESHOT };
        *s = &the_timer;
        return 0;
}

sd_event *sd_event_source_get_event(sd_event_source *s) {
        assert_ptr_equal(s, &the_timer);
        return NULL;
}

int sd_event_source_set_time(sd_event_source *s, uint64_t usec) {
        s->at = usec;
        return 0;
}

int sd_event_source_set_enabled(sd_event_source *s, int enabled) {
        s->enabled = enabled;
        return 0;
}

sd_event_source *sd_event_source_disable_unref(sd_event_source *s) {
        s->enabled = SD_EVENT_OFF;
        return NULL;
}

static bool is_armed(void) {
        return the_timer.enabled != SD_EVENT_OFF;
}

/* Until the timer, which must be on, and what it does. */
static void step(void) {
        assert_true(is_armed());
        now_usec = MAX(now_usec, the_timer.at);
        the_timer.enabled = SD_EVENT_OFF;
        the_timer.callback(&the_timer, the_timer.at, the_timer.userdata);
}

/* --- sources ----------------------------------------------------------------------------------------- */

static int on_open(GatePass *p) {
        assert_int_equal(p->state, GATE_INSIDE);
        if (untold)
                assert_int_equal(untold->state, GATE_FAILED);
        if (leaves_at_once)
                gate_leave(gate, p);
        return error;
}

static void on_failed(GatePass *p, int e) {
        assert_int_equal(p->state, GATE_OUTSIDE);
        assert_int_equal(e, -ENOMEM);
        n_failed++;
}

static int set_up(void **state) {
        (void) state;
        memset(sources, 0, sizeof sources);
        memset(passes, 0, sizeof passes);
        memset(many, 0, sizeof many);
        memset(one_of_each, 0, sizeof one_of_each);
        leaves_at_once = false;
        error = 0;
        n_failed = 0;
        untold = NULL;
        return gate_new(&gate, NULL, 16, gate_slow_connections(16));
}

static int tear_down(void **state) {
        (void) state;
        gate = gate_free(gate);
        assert_false(is_armed());
        return 0;
}

static void enter(size_t source, size_t n) {
        for (size_t i = 0; i < n; i++)
                gate_enter(gate, &passes[source][i], &sources[source], on_open, on_failed);
}

static size_t inside(size_t source) {
        size_t n = 0;

        for (size_t i = 0; i < N; i++)
                n += passes[source][i].state == GATE_INSIDE;
        assert_int_equal(n, sources[source].n_inside);
        return n;
}

static size_t n_waiting(void) {
        size_t n = 0;

        for (size_t i = 0; i < N; i++)
                for (size_t k = 0; k < N; k++)
                        n += passes[i][k].state == GATE_WAITING;
        return n;
}

/* One request each. */
static void enter_many(size_t from, size_t to) {
        for (size_t i = from; i < to; i++)
                gate_enter(gate, &one_of_each[i], &many[i], on_open, on_failed);
}

static size_t n_open(void) {
        size_t n = 0;

        for (size_t i = 0; i < MANY; i++)
                n += many[i].n_inside;
        return n;
}

static bool is_in(size_t i) {
        return many[i].n_inside > 0;
}

/* 16 connections: 12 for sources, 6 for one of them. */
static void test_share(void **state) {
        size_t n = 0;

        (void) state;
        enter(0, 10);
        assert_int_equal(inside(0), 6);
        enter(1, 10);
        assert_int_equal(inside(1), 6);
        enter(2, 3);
        assert_int_equal(inside(2), 0);
        /* What leaves makes room for who has the least, not for who came first. */
        gate_leave(gate, &passes[0][0]);
        gate_leave(gate, &passes[1][0]);
        assert_int_equal(inside(0), 5);
        assert_int_equal(inside(1), 5);
        assert_int_equal(inside(2), 2);
        for (size_t i = 0; i < 3; i++)
                n += inside(i);
        assert_int_equal(n, 12);
        assert_int_equal(n_waiting(), 4 + 4 + 1);
}

/* Three connections are kept free of those who did not answer last time, however many they are. */
static void test_silent(void **state) {
        size_t n = 0;

        (void) state;
        for (size_t i = 0; i < 30; i++) {
                sources[i].silent = true;
                enter(i, 2);
        }
        for (size_t i = 0; i < 30; i++)
                n += inside(i);
        assert_int_equal(n, 9);
        for (size_t i = 30; i < N; i++)
                enter(i, 1);
        for (n = 0; n < 3; n++)
                assert_int_equal(inside(30 + n), 1);
        assert_int_equal(inside(33), 0);
        /* One answers: its next request is nobody's burden, what it held as a silent one is given back. */
        sources[0].silent = false;
        gate_leave(gate, &passes[0][0]);
        assert_int_equal(inside(0), 0 + (passes[0][1].state == GATE_INSIDE));
        for (size_t i = 30; i < N; i++)
                gate_leave(gate, &passes[i][0]);
        for (n = 0; n_waiting() > 0 && n < 1000; n++)
                for (size_t i = 0; i < 30; i++)
                        for (size_t k = 0; k < 2; k++)
                                if (passes[i][k].state == GATE_INSIDE)
                                        gate_leave(gate, &passes[i][k]);
        assert_int_equal(n_waiting(), 0);
}

/* All answered last time, and hang since: who has something unfinished does not wait for all others to give
 * up; and they not for it. */
static void test_busy(void **state) {
        size_t n_others = 0;

        (void) state;
        sources[38].busy = sources[39].busy = true;
        for (size_t i = 0; i < N; i++)
                enter(i, 1);
        assert_int_equal(inside(38) + inside(39), 0);
        gate_leave(gate, &passes[0][0]);
        gate_leave(gate, &passes[1][0]);
        gate_leave(gate, &passes[2][0]);
        assert_int_equal(inside(38) + inside(39), 2);
        for (size_t i = 0; i < 38; i++)
                n_others += inside(i);
        assert_int_equal(n_others, 10);
        /* One after the other, however often it comes. */
        for (size_t k = 1; k < 10; k++) {
                gate_leave(gate, &passes[39][k - 1]);
                gate_enter(gate, &passes[39][k], &sources[39], on_open, on_failed);
                gate_leave(gate, &passes[k + 2][0]);
        }
        n_others = 0;
        for (size_t i = 12; i < 38; i++)
                n_others += inside(i);
        assert_in_range(n_others, 5, 12);
}

/* What is cancelled while it waits, and what is over as soon as it is opened. */
static void test_ends(void **state) {
        (void) state;
        enter(0, 10);
        for (size_t i = 6; i < 10; i++)
                gate_leave(gate, &passes[0][i]);
        assert_int_equal(n_waiting(), 0);
        for (size_t i = 0; i < 10; i++)         /* twice does no harm */
                gate_leave(gate, &passes[0][i]);
        assert_int_equal(inside(0), 0);
        leaves_at_once = true;
        for (size_t i = 0; i < N; i++)
                enter(i, N);
        assert_int_equal(n_waiting(), 0);
        for (size_t i = 0; i < N; i++)
                assert_int_equal(inside(i), 0);
}

/* The fewest connections there can be: everything goes, one after the other. */
static void test_one(void **state) {
        (void) state;
        gate = gate_free(gate);
        assert_int_equal(gate_new(&gate, NULL, 1, 0), 0);
        sources[1].silent = true;
        enter(0, 2);
        enter(1, 2);
        for (size_t n = 0; n < 4; n++) {
                assert_int_equal(inside(0) + inside(1), 1);
                for (size_t i = 0; i < 2; i++)
                        for (size_t k = 0; k < 2; k++)
                                if (passes[i][k].state == GATE_INSIDE) {
                                        gate_leave(gate, &passes[i][k]);
                                        i = k = 2;
                                }
        }
        assert_int_equal(n_waiting(), 0);
}

/* All answered last time, and a hundred hang since: a healthy one is asked within seconds. */
static void test_hang(void **state) {
        usec_t begun = now_usec;

        (void) state;
        enter_many(0, 101);
        assert_int_equal(n_open(), 12);
        while (!is_in(100)) {
                size_t before = n_open();
                step();
                assert_in_range(n_open(), before, before + 12);
        }
        assert_in_range(now_usec - begun, 1, 9 * USEC_PER_SEC);
        /* Those that hang are still there, and nobody waits: no wake-up. */
        assert_int_equal(n_open(), 101);
        assert_false(is_armed());
        /* They give way at once to the next ones. */
        begun = now_usec;
        enter_many(101, 120);
        step();
        assert_true(is_in(119));
        assert_in_range(now_usec - begun, 0, USEC_PER_SEC);
        for (size_t i = 0; i < 120; i++)
                gate_leave(gate, &one_of_each[i]);
        assert_int_equal(n_open(), 0);
}

/* However many hang, there is a limit; a place of them that becomes free is one for who waits. */
static void test_hang_limit(void **state) {
        (void) state;
        assert_int_equal(gate_slow_connections(16), 256);
        enter_many(0, MANY - 100);
        while (is_armed())
                step();
        assert_int_equal(n_open(), 12 + 256);
        for (size_t i = 0; i < 100; i++) {
                now_usec += USEC_PER_SEC;
                gate_leave(gate, &one_of_each[i]);
                step();
                assert_int_equal(n_open(), 12 + 256);
                assert_true(is_in(12 + 256 + i));
        }
        assert_false(is_armed());
        for (size_t i = 100; i < MANY; i++)
                gate_leave(gate, &one_of_each[i]);
}

/* Where there are few descriptors, fewer are slow. */
static void test_hang_few(void **state) {
        for (size_t slow = 0; slow < 3; slow++) {
                (void) tear_down(state);
                (void) set_up(state);
                gate = gate_free(gate);
                assert_int_equal(gate_new(&gate, NULL, 16, slow), 0);
                enter_many(0, 20);
                while (is_armed())
                        step();
                assert_int_equal(n_open(), 12 + slow);
        }
}

/* Of that, too, some is kept free of those who did not answer last time. */
static void test_hang_silent(void **state) {
        (void) state;
        for (size_t i = 0; i < 300; i++)
                many[i].silent = true;
        enter_many(0, 300);
        while (is_armed())
                step();
        assert_int_equal(n_open(), 9 + 192);
        enter_many(300, 300 + 3 + 64 + 1);
        while (is_armed())
                step();
        assert_int_equal(n_open(), 12 + 256);
        assert_false(is_in(300 + 3 + 64));
        gate_leave(gate, &one_of_each[300]);
        while (is_armed())
                step();
        assert_true(is_in(300 + 3 + 64));
        for (size_t i = 0; i < MANY; i++)
                gate_leave(gate, &one_of_each[i]);
}

/* There is no wake-up unless somebody waits for it who would go in then. */
static void test_no_wake_up(void **state) {
        (void) state;
        enter_many(0, 12);
        assert_false(is_armed());
        enter_many(12, 13);
        assert_true(is_armed());
        gate_leave(gate, &one_of_each[12]);
        assert_false(is_armed());
        for (size_t i = 0; i < 6; i++)
                gate_leave(gate, &one_of_each[i]);
        enter(0, 7);                    /* as much as one may have, and one more */
        assert_int_equal(inside(0), 6);
        assert_false(is_armed());
}

/* After a night asleep everybody is due, and what was inside before it is as old as the night. */
static void test_resume(void **state) {
        (void) state;
        enter_many(0, 6);
        now_usec += 8 * USEC_PER_HOUR;
        enter_many(6, 200);
        assert_int_equal(n_open(), 12);
        usec_t woke = now_usec;
        step();
        assert_int_equal(now_usec, woke);
        assert_int_equal(n_open(), 18);
        step();
        assert_int_equal(now_usec, woke + USEC_PER_SEC);
        assert_int_equal(n_open(), 30);
}

/* What cannot be sent makes room at once, and is told so one by one, unless it is cancelled before. */
static void test_fails(void **state) {
        (void) state;
        error = -ENOMEM;
        enter_many(0, 20);
        error = 0;
        assert_int_equal(n_open(), 0);
        assert_int_equal(n_failed, 0);
        gate_leave(gate, &one_of_each[0]);
        enter_many(20, 32);
        assert_int_equal(n_open(), 12);
        for (size_t i = 1; i < 20; i++) {
                assert_int_equal(n_failed, i - 1);
                step();
        }
        assert_int_equal(n_failed, 19);
        assert_false(is_armed());
}

/* Whoever goes in meanwhile finds what failed still there: it would begin it again otherwise. */
static void test_fails_until_told(void **state) {
        (void) state;
        enter_many(0, 11);
        error = -ENOMEM;
        enter_many(11, 12);
        error = 0;
        untold = &one_of_each[11];
        enter_many(12, 14);
        assert_false(is_in(13));
        now_usec += USEC_PER_SEC;
        step();
        assert_true(is_in(13));
        assert_int_equal(n_failed, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_share, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_silent, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_busy, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_ends, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_one, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_hang, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_hang_limit, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_hang_few, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_hang_silent, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_no_wake_up, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_resume, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_fails, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_fails_until_told, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
