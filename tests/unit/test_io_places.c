#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "io/places.h"

#define START (1000 * USEC_PER_SEC)
#define ROUND (30 * USEC_PER_SEC)
#define ROOM 10U

static bool take(Places *p, unsigned nth, usec_t now) {
        char key[32];

        (void) snprintf(key, sizeof key, "h%u.example", nth);
        return places_take(p, key, ROOM, now);
}

/* Everyone once, with the same time between; how many had a place. */
static unsigned take_turns(Places *p, unsigned n, usec_t start) {
        unsigned n_held = 0;

        for (unsigned i = 0; i < n; i++)
                n_held += take(p, i, start + i * ROUND / n);
        return n_held;
}

static void test_those_who_have_a_place_keep_it(void **state) {
        _cleanup_(places_freep) Places *p = NULL;

        (void) state;
        assert_return_code(places_new(&p), 0);
        for (unsigned round = 0; round < 20; round++) {
                usec_t start = START + round * ROUND;
                assert_int_equal(take_turns(p, 1000, start), ROOM);
                assert_true(take(p, ROOM - 1, start + ROUND - 1));
                assert_false(take(p, 500 + round, start + ROUND - 1));
        }
}

static void test_there_is_one_for_everyone(void **state) {
        _cleanup_(places_freep) Places *p = NULL;

        (void) state;
        assert_return_code(places_new(&p), 0);
        for (unsigned round = 0; round < 3; round++)
                assert_int_equal(take_turns(p, ROOM, START + round * ROUND), ROOM);
}

static void test_who_stays_away_loses_it(void **state) {
        _cleanup_(places_freep) Places *p = NULL;

        (void) state;
        assert_return_code(places_new(&p), 0);
        assert_int_equal(take_turns(p, ROOM, START), ROOM);
        for (unsigned i = 1; i < ROOM; i++)
                assert_true(take(p, i, START + ROUND));
        assert_false(take(p, 100, START + PLACE_UNUSED_USEC - 1));
        assert_true(take(p, 101, START + PLACE_UNUSED_USEC));   /* of 0 */
        assert_false(take(p, 0, START + PLACE_UNUSED_USEC));
}

static void test_who_comes_back_at_once_gets_one(void **state) {
        _cleanup_(places_freep) Places *p = NULL;
        usec_t now = START + ROUND;

        (void) state;
        assert_return_code(places_new(&p), 0);
        assert_int_equal(take_turns(p, ROOM, START), ROOM);
        assert_false(take(p, 100, now));
        assert_false(take(p, 100, now + PLACE_AT_ONCE_USEC));
        assert_true(take(p, 100, now + PLACE_AT_ONCE_USEC + 1));
        assert_true(take(p, 100, now + 2 * PLACE_AT_ONCE_USEC));
        assert_true(take(p, 1, now + 2 * PLACE_AT_ONCE_USEC));
        assert_false(take(p, 0, now + 2 * PLACE_AT_ONCE_USEC));
}

static void test_fewer_than_before(void **state) {
        _cleanup_(places_freep) Places *p = NULL;

        (void) state;
        assert_return_code(places_new(&p), 0);
        assert_int_equal(take_turns(p, ROOM, START), ROOM);
        assert_true(places_take(p, "h0.example", 2, START + ROUND));
        assert_true(places_take(p, "h9.example", 2, START + ROUND));
        assert_false(places_take(p, "h1.example", 2, START + ROUND));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_those_who_have_a_place_keep_it),
                cmocka_unit_test(test_there_is_one_for_everyone),
                cmocka_unit_test(test_who_stays_away_loses_it),
                cmocka_unit_test(test_who_comes_back_at_once_gets_one),
                cmocka_unit_test(test_fewer_than_before),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
