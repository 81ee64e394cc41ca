/* The request budget of a source, over virtual minutes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "model/budget.h"

#define START (1000 * USEC_PER_SEC)

/* Asked once a millisecond, how many pass in a minute. */
static unsigned minute(Budget *b, uint64_t per_minute, usec_t from) {
        unsigned n = 0;

        for (usec_t t = from; t < from + USEC_PER_MINUTE; t += USEC_PER_MSEC)
                if (budget_has(b, per_minute, t)) {
                        budget_take(b, per_minute, t);
                        n++;
                }
        return n;
}

static void test_rate(void **state) {
        static const uint64_t rates[] = { 1, 2, 7, 60, 1200 };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
                Budget b = {};
                /* A full bucket and what flows in. */
                assert_in_range(minute(&b, rates[i], START), rates[i], 2 * rates[i]);
                for (unsigned m = 1; m < 10; m++)
                        assert_in_range(minute(&b, rates[i], START + m * USEC_PER_MINUTE), rates[i] - 1,
                                        rates[i] + 1);
                /* What was not used for hours is a minute's worth and no more. */
                assert_in_range(minute(&b, rates[i], START + USEC_PER_DAY), rates[i], 2 * rates[i]);
        }
}

static void test_debt(void **state) {
        Budget b = {};

        (void) state;
        for (unsigned i = 0; i < 100000; i++)
                budget_take(&b, 10, START);
        assert_false(budget_has(&b, 10, START + USEC_PER_MINUTE));
        assert_true(budget_has(&b, 10, START + USEC_PER_MINUTE + 6 * USEC_PER_SEC));
}

static void test_when(void **state) {
        static const struct {
                unsigned taken;
                uint64_t n;
                usec_t when;            /* from START */
        } rows[] = {
                { 0, 1, 0 },
                { 60, 1, USEC_PER_SEC },
                { 60, 5, 5 * USEC_PER_SEC },
                { 58, 5, 3 * USEC_PER_SEC },
                { 60, 1000, USEC_PER_MINUTE },
                { 70, 1, 11 * USEC_PER_SEC },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Budget b = {};
                for (unsigned n = 0; n < rows[i].taken; n++)
                        budget_take(&b, 60, START);
                usec_t when = budget_when(&b, 60, rows[i].n);
                assert_int_equal(MAX(when, START), START + rows[i].when);
                assert_true(budget_has(&b, 60, MAX(when, START)));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rate),
                cmocka_unit_test(test_debt),
                cmocka_unit_test(test_when),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
