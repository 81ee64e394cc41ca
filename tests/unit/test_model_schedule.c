/* When a source is polled next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "model/schedule.h"

#define S USEC_PER_SEC

static const ScheduleLimits limits = {
        .poll_interval_usec = 30 * S, .idle_interval_usec = 300 * S, .retry_after_max_usec = 900 * S,
};

static void test_table(void **state) {
        static const struct {
                OutcomeKind kind;
                usec_t retry_after;
                bool active;
                uint64_t n_failed;
                uint32_t random;
                usec_t started, now, least, most;
        } table[] = {
                { OUTCOME_OK, 0, true, 0, 0, 1000 * S, 1001 * S, 1030 * S, 1030 * S },
                { OUTCOME_OK, 0, true, 0, UINT32_MAX, 1000 * S, 1001 * S, 1027 * S, 1027 * S },
                { OUTCOME_OK, 0, false, 0, 0, 1000 * S, 1001 * S, 1300 * S, 1300 * S },
                { OUTCOME_OK, 0, false, 0, UINT32_MAX, 1000 * S, 1001 * S, 1270 * S, 1270 * S },
                /* a poll that took longer than the interval: soon, but not at once */
                { OUTCOME_OK, 0, true, 0, 0, 1000 * S, 1100 * S, 1103 * S, 1103 * S },
                { OUTCOME_RETRY, 0, true, 1, 0, 1000 * S, 1001 * S, 1031 * S, 1031 * S },
                { OUTCOME_RETRY, 0, false, 1, 0, 1000 * S, 1001 * S, 1031 * S, 1031 * S },
                { OUTCOME_RETRY, 0, true, 2, 0, 1000 * S, 1001 * S, 1061 * S, 1061 * S },
                { OUTCOME_RETRY, 0, true, 2, UINT32_MAX, 1000 * S, 1001 * S, 1046 * S, 1047 * S },
                { OUTCOME_REJECTED, 0, true, 40, 0, 1000 * S, 1001 * S, 1601 * S, 1601 * S },
                { OUTCOME_RETRY, 0, true, UINT64_MAX, 0, 1000 * S, 1001 * S, 1601 * S, 1601 * S },
                { OUTCOME_RETRY, 120 * S, true, 1, 0, 1000 * S, 1001 * S, 1121 * S, 1121 * S },
                { OUTCOME_RETRY, 2 * S, true, 1, 0, 1000 * S, 1001 * S, 1031 * S, 1031 * S },
                { OUTCOME_RETRY, 86400 * S, true, 1, 0, 1000 * S, 1001 * S, 1901 * S, 1901 * S },
                { OUTCOME_RETRY, USEC_INFINITY, true, 1, 0, 1000 * S, 1001 * S, 1901 * S, 1901 * S },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                Outcome o = { .kind = table[i].kind,
                              .reason = REASON_TIMEOUT,
                              .retry_after_usec = table[i].retry_after };
                usec_t next = schedule_next(&limits, table[i].active, &o, table[i].n_failed,
                                            table[i].started, table[i].now, table[i].random);
                if (next < table[i].least || next > table[i].most)
                        fail_msg("row %zu: %llu", i, (unsigned long long) next);
        }
}

/* Steady: over a day as many polls as the interval says, with jitter never fewer. */
static void test_steady(void **state) {
        usec_t now = 0, jittered = 0;
        unsigned n = 0, n_jittered = 0;
        Outcome ok = outcome_ok();

        (void) state;
        for (; now < USEC_PER_DAY; n++)
                now = schedule_next(&limits, true, &ok, 0, now, now + S, 0);
        assert_int_equal(n, 2880);
        for (; jittered < USEC_PER_DAY; n_jittered++)
                jittered = schedule_next(&limits, true, &ok, 0, jittered, jittered + S,
                                         n_jittered * 2654435761U);
        assert_in_range(n_jittered, 2880, 3200);
}

/* An interval longer than the longest back-off is not shortened by failing. */
static void test_long_interval(void **state) {
        const ScheduleLimits slow = { 3600 * S, 3600 * S, 900 * S };
        Outcome o = { .kind = OUTCOME_RETRY, .reason = REASON_DNS };

        (void) state;
        for (uint64_t n = 1; n < 20; n++)
                assert_in_range(schedule_next(&slow, true, &o, n, 0, S, UINT32_MAX), 2700 * S, 3601 * S);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_steady),
                cmocka_unit_test(test_long_interval),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
