#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/strings.h"
#include "model/delivery.h"
#include "unit/seed.h"

#define NOW (1800000000 * USEC_PER_SEC)

static const DeliveryLimits limits = {
        .backoff_min_usec = 5 * USEC_PER_SEC,
        .backoff_max_usec = 10 * USEC_PER_MINUTE,
        .retry_after_max_usec = 15 * USEC_PER_MINUTE,
        .max_age_usec = 3 * USEC_PER_DAY,
};

static void test_states(void **state) {
        (void) state;
        for (int i = DELIVERY_PENDING; i <= DELIVERY_DEAD; i++) {
                DeliveryState s;
                assert_int_equal(delivery_state_from_string(delivery_state_to_string((DeliveryState) i), &s),
                                 0);
                assert_int_equal(s, i);
        }
        DeliveryState untouched = DELIVERY_DEAD;
        assert_int_equal(delivery_state_from_string("lost", &untouched), -EINVAL);
        assert_int_equal(delivery_state_from_string("", &untouched), -EINVAL);
        assert_int_equal(untouched, DELIVERY_DEAD);
        assert_string_equal(delivery_state_to_string((DeliveryState) 7), "unknown");
}

static void test_backoff(void **state) {
        static const struct {
                uint64_t n;
                usec_t min, max, longest;       /* what it is with the least jitter */
        } cases[] = {
                { 0, 5, 100, 0 },
                { 1, 5, 100, 5 },
                { 2, 5, 100, 10 },
                { 3, 5, 100, 20 },
                { 5, 5, 100, 80 },
                { 6, 5, 100, 100 },
                { 64, 5, 100, 100 },
                { 65, 1, USEC_INFINITY, USEC_INFINITY },
                { UINT64_MAX, 1, USEC_INFINITY, USEC_INFINITY },
                { UINT64_MAX, 0, 100, 0 },
                { 1, 200, 100, 100 },           /* max wins */
        };
        unsigned seed = seed_get("backoff");

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                usec_t longest = backoff_usec(cases[i].n, cases[i].min, cases[i].max, 0);
                usec_t shortest = backoff_usec(cases[i].n, cases[i].min, cases[i].max, UINT32_MAX);
                assert_true(longest == cases[i].longest);
                assert_true(shortest >= longest / 4 * 3 && shortest <= longest);
                usec_t between =
                        backoff_usec(cases[i].n, cases[i].min, cases[i].max, (uint32_t) rand_r(&seed) << 1);
                assert_true(between >= shortest && between <= longest);
        }
        assert_true(backoff_usec(1, 400, 400, UINT32_MAX) <= 301);
        assert_true(backoff_usec(1, USEC_PER_DAY, USEC_PER_DAY, UINT32_MAX) <= USEC_PER_DAY / 4 * 3 + 100);
}

static Outcome outcome(OutcomeKind kind, Reason reason, usec_t retry_after, bool reshape) {
        Outcome o = outcome_make(kind, reason, 0, NULL);

        o.retry_after_usec = retry_after;
        o.reshape = reshape;
        return o;
}

static void test_settle(void **state) {
        enum { OK = OUTCOME_OK, RETRY = OUTCOME_RETRY, REJECTED = OUTCOME_REJECTED };
        static const struct {
                const char *what;
                int kind;
                Reason reason;
                usec_t retry_after;
                bool reshape, degraded;
                uint64_t attempts;
                usec_t created;
                DeliveryState state;
                usec_t due;
                bool degrade;
                Reason given;
        } cases[] = {
                { "done", OK, 0, 0, 0, 0, 1, NOW, DELIVERY_DONE, 0, false, REASON_NONE },
                { "done, though late", OK, 0, 0, 0, 0, 9, 0, DELIVERY_DONE, 0, false, REASON_NONE },
                { "first failure", RETRY, REASON_TIMEOUT, 0, 0, 0, 1, NOW, DELIVERY_PENDING, NOW + 5000000,
                  false, REASON_TIMEOUT },
                { "no attempt counted", RETRY, REASON_DNS, 0, 0, 0, 0, NOW, DELIVERY_PENDING, NOW + 5000000,
                  false, REASON_DNS },
                { "fourth failure", RETRY, REASON_CONNECT, 0, 0, 0, 4, NOW, DELIVERY_PENDING, NOW + 40000000,
                  false, REASON_CONNECT },
                { "asked to wait less", RETRY, REASON_THROTTLED, 1000000, 0, 0, 1, NOW, DELIVERY_PENDING,
                  NOW + 5000000, false, REASON_THROTTLED },
                { "asked to wait longer", RETRY, REASON_THROTTLED, 60000000, 0, 0, 1, NOW, DELIVERY_PENDING,
                  NOW + 60000000, false, REASON_THROTTLED },
                { "asked to wait a day", RETRY, REASON_THROTTLED, USEC_PER_DAY, 0, 0, 1, NOW,
                  DELIVERY_PENDING, NOW + 15 * USEC_PER_MINUTE, false, REASON_THROTTLED },
                { "asked to wait for ever", RETRY, REASON_THROTTLED, USEC_INFINITY, 0, 0, 1, NOW,
                  DELIVERY_PENDING, NOW + 15 * USEC_PER_MINUTE, false, REASON_THROTTLED },
                { "a last try at the very end", RETRY, REASON_DNS, 0, 0, 0, 1,
                  NOW + 5000000 - 3 * USEC_PER_DAY, DELIVERY_PENDING, NOW + 5000000, false, REASON_DNS },
                { "too old by then", RETRY, REASON_DNS, 0, 0, 0, 1, NOW + 4999999 - 3 * USEC_PER_DAY,
                  DELIVERY_DEAD, 0, false, REASON_EXPIRED },
                { "made in the future", RETRY, REASON_DNS, 0, 0, 0, 1, NOW + 9 * USEC_PER_DAY,
                  DELIVERY_PENDING, NOW + 5000000, false, REASON_DNS },
                { "refused", REJECTED, REASON_GONE, 0, 0, 0, 1, NOW, DELIVERY_DEAD, 0, false, REASON_GONE },
                { "refused for its form", REJECTED, REASON_BAD_REQUEST, 0, true, 0, 1, NOW, DELIVERY_PENDING,
                  NOW, true, REASON_BAD_REQUEST },
                { "refused twice", REJECTED, REASON_BAD_REQUEST, 0, true, true, 2, NOW, DELIVERY_DEAD, 0,
                  false, REASON_BAD_REQUEST },
                { "perhaps for its form", RETRY, REASON_SERVER_ERROR, 0, true, 0, 1, NOW, DELIVERY_PENDING,
                  NOW + 5000000, true, REASON_SERVER_ERROR },
                { "stays degraded", RETRY, REASON_SERVER_ERROR, 0, 0, true, 2, NOW, DELIVERY_PENDING,
                  NOW + 10000000, true, REASON_SERVER_ERROR },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                Outcome o = outcome((OutcomeKind) cases[i].kind, cases[i].reason, cases[i].retry_after,
                                    cases[i].reshape);
                DeliveryVerdict v = delivery_settle(&o, cases[i].attempts, cases[i].degraded,
                                                    cases[i].created, &limits, NOW, 0);
                if (v.state != cases[i].state || v.due_usec != cases[i].due ||
                    v.degrade != cases[i].degrade || v.reason != cases[i].given)
                        fail_msg("%s: %s, due +%lld us, %d, %s", cases[i].what,
                                 delivery_state_to_string(v.state), (long long) (v.due_usec - NOW),
                                 v.degrade, reason_to_string(v.reason));
        }
}

/* However often it fails: it always ends, between max_age and one wait before it, and every wait is within
 * the limits. */
static void test_life(void **state) {
        unsigned seed = seed_get("life");

        (void) state;
        for (unsigned round = 0; round < 200; round++) {
                usec_t now = NOW, last = NOW;
                Outcome o = outcome(OUTCOME_RETRY, REASON_TIMEOUT,
                                    (usec_t) rand_r(&seed) % (30 * USEC_PER_MINUTE), false);
                DeliveryVerdict v = { .state = DELIVERY_PENDING };
                uint64_t attempts = 0;
                while (v.state == DELIVERY_PENDING && attempts < 10000) {
                        v = delivery_settle(&o, ++attempts, false, NOW, &limits, now,
                                            (uint32_t) rand_r(&seed));
                        last = now;
                        if (v.state == DELIVERY_PENDING) {
                                assert_true(v.due_usec > now);
                                assert_true(v.due_usec - now <= limits.retry_after_max_usec);
                                now = v.due_usec + (usec_t) rand_r(&seed) % USEC_PER_SEC;
                        }
                }
                assert_int_equal(v.state, DELIVERY_DEAD);
                assert_int_equal(v.reason, REASON_EXPIRED);
                assert_true(last - NOW >= limits.max_age_usec - limits.retry_after_max_usec);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_states), cmocka_unit_test(test_backoff), cmocka_unit_test(test_settle),
                cmocka_unit_test(test_life),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
