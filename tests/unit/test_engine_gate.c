/* Many requests, few connections: nobody is held up by those who hang. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "engine/gate.h"

#define N 40

static GateOwner sources[N];
static GatePass passes[N][N];
static Gate *gate;
static bool leaves_at_once;

static void on_open(GatePass *p) {
        assert_int_equal(p->state, GATE_INSIDE);
        if (leaves_at_once)
                gate_leave(gate, p);
}

static int set_up(void **state) {
        (void) state;
        memset(sources, 0, sizeof sources);
        memset(passes, 0, sizeof passes);
        leaves_at_once = false;
        return gate_new(&gate, 16);
}

static int tear_down(void **state) {
        (void) state;
        gate = gate_free(gate);
        return 0;
}

static void enter(size_t source, size_t n) {
        for (size_t i = 0; i < n; i++)
                gate_enter(gate, &passes[source][i], &sources[source], on_open);
}

static size_t inside(size_t source) {
        size_t n = 0;

        for (size_t i = 0; i < N; i++)
                n += passes[source][i].state == GATE_INSIDE;
        assert_int_equal(n, sources[source].n_inside);
        return n;
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
        assert_int_equal(gate_n_waiting(gate), 4 + 4 + 1);
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
        for (n = 0; gate_n_waiting(gate) > 0 && n < 1000; n++)
                for (size_t i = 0; i < 30; i++)
                        for (size_t k = 0; k < 2; k++)
                                if (passes[i][k].state == GATE_INSIDE)
                                        gate_leave(gate, &passes[i][k]);
        assert_int_equal(gate_n_waiting(gate), 0);
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
                gate_enter(gate, &passes[39][k], &sources[39], on_open);
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
        assert_int_equal(gate_n_waiting(gate), 0);
        for (size_t i = 0; i < 10; i++)         /* twice does no harm */
                gate_leave(gate, &passes[0][i]);
        assert_int_equal(inside(0), 0);
        leaves_at_once = true;
        for (size_t i = 0; i < N; i++)
                enter(i, N);
        assert_int_equal(gate_n_waiting(gate), 0);
        for (size_t i = 0; i < N; i++)
                assert_int_equal(inside(i), 0);
}

/* The fewest connections there can be: everything goes, one after the other. */
static void test_one(void **state) {
        (void) state;
        gate = gate_free(gate);
        assert_int_equal(gate_new(&gate, 1), 0);
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
        assert_int_equal(gate_n_waiting(gate), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_share, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_silent, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_busy, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_ends, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_one, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
