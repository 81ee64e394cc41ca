#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/strings.h"
#include "base/time.h"

static void test_saturation(void **state) {
        (void) state;
        assert_true(usec_add(1, 2) == 3);
        assert_true(usec_add(USEC_INFINITY, 1) == USEC_INFINITY);
        assert_true(usec_add(USEC_INFINITY - 1, 1) == USEC_INFINITY);
        assert_true(usec_add(USEC_INFINITY - 1, 2) == USEC_INFINITY);
        assert_true(usec_sub(3, 2) == 1);
        assert_true(usec_sub(2, 3) == 0);
        assert_true(usec_sub(USEC_INFINITY, 5) == USEC_INFINITY);
        assert_true(usec_sub(5, USEC_INFINITY) == 0);
}

static void test_parse_span(void **state) {
        static const struct {
                const char *text;
                int r;
                usec_t span;
        } cases[] = {
                { "30s", 0, 30 * USEC_PER_SEC },
                { " 30s ", 0, 30 * USEC_PER_SEC },
                { "5min", 0, 5 * USEC_PER_MINUTE },
                { "5 min", 0, 5 * USEC_PER_MINUTE },
                { "1h 30min", 0, 90 * USEC_PER_MINUTE },
                { "1h30m", 0, 90 * USEC_PER_MINUTE },
                { "250ms", 0, 250 * USEC_PER_MSEC },
                { "1.5s", 0, 1500 * USEC_PER_MSEC },
                { "0.25 hours", 0, 15 * USEC_PER_MINUTE },
                { "0.123456ms", 0, 123 },
                { "0.3w", 0, 181440 * USEC_PER_SEC },
                { "0.999999999s", 0, 999999 },
                { "3d", 0, 3 * USEC_PER_DAY },
                { "2w", 0, 14 * USEC_PER_DAY },
                { "0", 0, 0 },
                { " 0 ", 0, 0 },
                { "0s", 0, 0 },
                { "18446744073709551615us", -ERANGE, 0 },
                { "1844674407370955us", 0, 1844674407370955 },
                { "99999999999999w", -ERANGE, 0 },
                { "18446744073709551616us", -ERANGE, 0 },
                { "30500569w", -ERANGE, 0 },
                { "", -EINVAL, 0 },
                { "  ", -EINVAL, 0 },
                { "30", -EINVAL, 0 },
                { "00", -EINVAL, 0 },
                { "s", -EINVAL, 0 },
                { "-5s", -EINVAL, 0 },
                { "+5s", -EINVAL, 0 },
                { "5 parsecs", -EINVAL, 0 },
                { "5S", -EINVAL, 0 },
                { "5s x", -EINVAL, 0 },
                { "5s 6", -EINVAL, 0 },
                { "1.s", -EINVAL, 0 },
                { ".5s", -EINVAL, 0 },
                { "1e3s", -EINVAL, 0 },
                { "5s\n", -EINVAL, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                usec_t span = 4711;
                int r = parse_span(cases[i].text, &span);
                if (r != cases[i].r || span != (r < 0 ? 4711 : cases[i].span))
                        fail_msg("\"%s\": %d, %llu", cases[i].text, r, (unsigned long long) span);
        }
}

static void test_format_span(void **state) {
        static const struct {
                usec_t span;
                const char *text;
        } cases[] = {
                { 0, "0s" },
                { 1, "1ms" },
                { 1000, "1ms" },
                { 1001, "2ms" },
                { 250 * USEC_PER_MSEC, "250ms" },
                { 999 * USEC_PER_MSEC, "999ms" },
                { 999001, "1s" },
                { 999999, "1s" },
                { USEC_PER_SEC, "1s" },
                { 45 * USEC_PER_SEC + 1, "45s" },
                { 83 * USEC_PER_MINUTE + 59 * USEC_PER_SEC, "1h 23min" },
                { USEC_PER_DAY, "1d" },
                { USEC_PER_DAY + 59 * USEC_PER_MINUTE, "1d" },
                { USEC_PER_DAY + 3 * USEC_PER_HOUR, "1d 3h" },
                { USEC_INFINITY, "infinity" },
                { USEC_INFINITY - 1, "213503982d 8h" },
        };
        char buf[SPAN_MAX];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_string_equal(format_span(cases[i].span, buf), cases[i].text);
}

static void test_steps(void **state) {
        static const struct {
                int64_t boot_sec, real_sec, step_sec;
        } cases[] = {
                { 30, 30, 0 }, { 30, 31, 0 }, { 30, 29, 0 }, { 0, 0, 0 },
                { 30, 3630, 3600 }, { 30, -3570, -3600 }, { 28800, 28800, 0 },  /* asleep for hours */
                { 604800, 604800 + 302, 0 },                                    /* slewed for a week */
                { 30, 35, 5 },
        };
        const Now before = { .boot_usec = USEC_PER_HOUR, .real_usec = 1000 * USEC_PER_DAY };

        (void) state;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                Now after = { before.boot_usec + (usec_t) cases[i].boot_sec * USEC_PER_SEC,
                              before.real_usec + (usec_t) cases[i].real_sec * USEC_PER_SEC };
                assert_true(clock_step(&before, &after) == cases[i].step_sec * (int64_t) USEC_PER_SEC);
        }
        assert_true(usec_shift(0, 5) == 0 && usec_shift(USEC_INFINITY, -5) == USEC_INFINITY);
        assert_true(usec_shift(7, 5) == 12 && usec_shift(7, -5) == 2 && usec_shift(7, -50) == 1);
}

static void test_stamps(void **state) {
        char buf[STAMP_MAX];
        usec_t t = 1795352589 * USEC_PER_SEC + 999999;  /* 2026-11-22T13:03:09Z */

        (void) state;
        assert_int_equal(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
        tzset();
        assert_string_equal(format_stamp(t, buf), "2026-11-22 14:03:09 CET");
        assert_string_equal(format_stamp_mail(t, buf), "Sun, 22 Nov 2026 14:03:09 +0100");
        /* Far beyond every calendar: still a text, within the buffer. */
        assert_true(strlen(format_stamp(USEC_INFINITY, buf)) < STAMP_MAX);
        assert_true(strlen(format_stamp_mail(USEC_INFINITY, buf)) < STAMP_MAX);
        assert_int_equal(unsetenv("TZ"), 0);
        tzset();
}

static void test_parse_stamp(void **state) {
        static const struct {
                const char *text;
                int r;
                int64_t stamp;
        } cases[] = {
                { "2026-11-22T13:03:09Z", 0, 1795352589 },
                { "2026-11-22t13:03:09z", 0, 1795352589 },
                { "2026-11-22 13:03:09", 0, 1795352589 },
                { "2026-11-22T13:03:09.123456Z", 0, 1795352589 },
                { "2026-11-22T14:03:09+01:00", 0, 1795352589 },
                { "2026-11-22T14:03:09.5+0100", 0, 1795352589 },
                { "2026-11-22T07:33:09-05:30", 0, 1795352589 },
                { "1970-01-01T00:00:00Z", 0, 0 },
                { "1969-12-31T23:59:59Z", 0, -1 },
                { "2024-02-29T00:00:00Z", 0, 1709164800 },
                { "2016-12-31T23:59:60Z", 0, 1483228799 },
                { "2026-02-29T00:00:00Z", -EINVAL, 0 },
                { "2026-02-30T00:00:00Z", -EINVAL, 0 },
                { "2026-13-01T00:00:00Z", -EINVAL, 0 },
                { "2026-11-22T24:00:00Z", -EINVAL, 0 },
                { "2026-11-22", -EINVAL, 0 },
                { "2026-11-22T13:03Z", -EINVAL, 0 },
                { "2026-1-2T13:03:09Z", -EINVAL, 0 },
                { " 2026-11-22T13:03:09Z", -EINVAL, 0 },
                { "2026-11-22T13:03:09Z ", -EINVAL, 0 },
                { "2026-11-22T13:03:09.Z", -EINVAL, 0 },
                { "2026-11-22T13:03:09+1", -EINVAL, 0 },
                { "2026-11-22T13:03:09+25:00", -EINVAL, 0 },
                { "2026-11-22T13:03:09X", -EINVAL, 0 },
                { "+026-11-22T13:03:09Z", -EINVAL, 0 },
                { "1732270000", -EINVAL, 0 },
                { "", -EINVAL, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                int64_t stamp = 4711;
                int r = parse_stamp_iso(cases[i].text, &stamp);
                if (r != cases[i].r || stamp != (r < 0 ? 4711 : cases[i].stamp))
                        fail_msg("\"%s\": %d, %lld", cases[i].text, r, (long long) stamp);
        }
}

static void test_clocks(void **state) {
        (void) state;
        usec_t a = clock_usec(CLOCK_BOOTTIME), b = clock_usec(CLOCK_BOOTTIME);
        assert_true(b >= a);
        assert_true(clock_usec(CLOCK_REALTIME) > 1600000000 * USEC_PER_SEC);
        assert_true(clock_usec((clockid_t) 12345) == 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_saturation), cmocka_unit_test(test_parse_span),
                cmocka_unit_test(test_format_span), cmocka_unit_test(test_stamps),
                cmocka_unit_test(test_steps),
                cmocka_unit_test(test_parse_stamp), cmocka_unit_test(test_clocks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
