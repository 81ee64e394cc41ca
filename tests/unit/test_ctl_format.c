/* Ages, numbers, points in time as people write them, and text on terminals of every kind. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/format.h"
#include "ctl/since.h"
#include "ctl/table.h"

#define NOW ((usec_t) 1800000000 * USEC_PER_SEC)        /* 2027-01-15 08:00:00 UTC */

static void test_age(void **state) {
        static const struct {
                usec_t ago;
                const char *text;
        } table[] = {
                { 0, "just now" },
                { 999 * USEC_PER_MSEC, "just now" },
                { USEC_PER_SEC, "1s ago" },
                { 59 * USEC_PER_SEC + 999999, "59s ago" },
                { USEC_PER_MINUTE, "1min ago" },
                { 3 * USEC_PER_MINUTE + 59 * USEC_PER_SEC, "3min ago" },
                { 90 * USEC_PER_MINUTE, "1h 30min ago" },
                { 10 * USEC_PER_HOUR + 20 * USEC_PER_MINUTE, "10h ago" },
                { 26 * USEC_PER_HOUR, "1d 2h ago" },
                { 10 * USEC_PER_DAY + 5 * USEC_PER_HOUR, "10d ago" },
        };
        char buf[AGE_MAX];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                assert_string_equal(format_age(NOW, NOW - table[i].ago, buf), table[i].text);
        assert_string_equal(format_age(NOW, NOW + 15 * USEC_PER_MINUTE, buf), "in 15min");
        assert_string_equal(format_age(NOW, 0, buf), "");
        char when[WHEN_MAX];
        assert_string_equal(format_when(NOW, NOW - USEC_PER_HOUR, when), "2027-01-15 07:00:00 UTC; 1h ago");
        assert_string_equal(format_when(NOW, 0, when), "");
}

static void test_numbers(void **state) {
        static const struct {
                double v;
                const char *text;
        } values[] = {
                { 0, "0.0000" }, { 0.42134, "0.4213" }, { 12.345, "12.35" }, { 3.814697e-06, "3.81e-06" },
                { -0.5, "-0.5000" }, { 123456, "1.23e+05" }, { NAN, "NaN" }, { INFINITY, "inf" },
                { -INFINITY, "-inf" }, { 1e308, "1.00e+308" },
        };
        char value[VALUE_MAX];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                assert_string_equal(format_value(values[i].v, value), values[i].text);
        assert_true(stamp_usec(-1) == 0);
        assert_true(stamp_usec(0) == 0);
        assert_true(stamp_usec(INT64_MAX) == 0);
        assert_true(stamp_usec(5) == 5 * USEC_PER_SEC);
}

static void test_members(void **state) {
        static const char text[] = "{\"n_epochs\":3,\"lr\":\"auto\",\"x\":{\"a\":1},\"none\":null}";
        json_object *o;
        char *line;

        (void) state;
        assert_int_equal(json_parse_bounded(text, strlen(text), &o, NULL), 0);
        assert_int_equal(format_members(o, " ", &line), 0);
        assert_string_equal(line, "n_epochs 3, lr auto, x { \"a\": 1 }, none ");
        free(line);
        json_object_put(o);
        assert_int_equal(format_members(NULL, "=", &line), 0);
        assert_string_equal(line, "");
        free(line);
}

static void test_since(void **state) {
        static const struct {
                const char *text;
                int r;
                int64_t at;
        } table[] = {
                { "2h", 0, 1800000000 - 7200 },
                { "1d 1h", 0, 1800000000 - 90000 },
                { "0", 0, 1800000000 },
                { "100000w", 0, 0 },
                { "2027-01-15", 0, 1799971200 },
                { "2027-01-15 07:30", 0, 1799998200 },
                { "2027-01-15 07:30:10", 0, 1799998210 },
                { "2027-01-15T07:30:10Z", 0, 1799998210 },
                { "2027-01-15T07:30:10+01:00", 0, 1799994610 },
                { "today", 0, 1799971200 },
                { "yesterday", 0, 1799884800 },
                { "2027-13-45", -EINVAL, 0 },
                { "2027-01-15 7", -EINVAL, 0 },
                { "1960-01-01", -ERANGE, 0 },
                { "", -EINVAL, 0 },
                { "5", -EINVAL, 0 },
                { "soon", -EINVAL, 0 },
                { "2h ", 0, 1800000000 - 7200 },
                { "2027-01-15x", -EINVAL, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                usec_t at = 1;
                int r = parse_since(table[i].text, NOW, &at);
                if (r != table[i].r)
                        fail_msg("'%s' gives %d", table[i].text, r);
                if (r < 0)
                        assert_true(at == 1);
                else
                        assert_int_equal(at / USEC_PER_SEC, table[i].at);
        }
}

/* --- text on a terminal ---------------------------------------------------------------------------- */

static void test_shorten(void **state) {
        static const struct {
                const char *text;
                size_t columns;
                bool ascii;
                const char *is;
        } table[] = {
                { "abcdef", 6, false, "abcdef" },
                { "abcdef", 5, false, "abcd\u2026" },
                { "abcdef", 5, true, "ab..." },
                { "abcdef", 1, false, "\u2026" },
                { "abcdef", 2, true, ".." },
                { "", 0, false, "" },
                { "\u6f22\u5b57\u6f22", 6, false, "\u6f22\u5b57\u6f22" },
                { "\u6f22\u5b57\u6f22", 5, false, "\u6f22\u5b57\u2026" },
                { "\u6f22\u5b57\u6f22", 4, false, "\u6f22\u2026" },
                { "e\u0301e\u0301e\u0301", 2, false, "e\u0301\u2026" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                Term t = { .utf8 = !table[i].ascii, .is_tty = true };
                char *is;
                assert_int_equal(term_shorten(&t, table[i].text, table[i].columns, &is), 0);
                assert_string_equal(is, table[i].is);
                free(is);
        }
}

typedef int (*wrap_t)(const Term *t, Style style, const char *s, size_t indent);

static char *wrap(wrap_t put, const char *text, size_t width, size_t indent) {
        char *out = NULL;
        size_t size;
        Term t = { .utf8 = true, .is_tty = width > 0, .width = width, .out = open_memstream(&out, &size) };

        assert_non_null(t.out);
        assert_int_equal(put(&t, STYLE_NONE, text, indent), 0);
        assert_int_equal(fclose(t.out), 0);
        return out;
}

static void test_wrap(void **state) {
        static const struct {
                const char *text;
                size_t width, indent;
                const char *is;
        } table[] = {
                { "one two three", 0, 2, "one two three" },
                { "one two three", 15, 2, "one two three" },
                { "one two three", 14, 2, "one two\n  three" },
                { "onetwothreefour", 14, 2, "onetwothreef\n  our" },
                { "one twothreefourfive", 14, 2, "one\n  twothreefour\n  five" },
                { "", 14, 2, "" },
                { "line\nfeed", 40, 2, "line feed" },
                { "\u6f22\u5b57\u6f22\u5b57\u6f22\u5b57\u6f22", 14, 2,
                  "\u6f22\u5b57\u6f22\u5b57\u6f22\u5b57\n  \u6f22" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                char *is = wrap(term_put_wrapped, table[i].text, table[i].width, table[i].indent);
                assert_string_equal(is, table[i].is);
                free(is);
        }
}

static void test_wrap_list(void **state) {
        static const struct {
                const char *text;
                size_t width;
                const char *is;
        } table[] = {
                { "mail +, slack +, teams +", 0, "mail +, slack +, teams +" },
                { "mail +, slack +, teams +", 16, "mail +,\n  slack +,\n  teams +" },
                { "mail +, slack +, teams +", 19, "mail +, slack +,\n  teams +" },
                { "a, somebody x unreachable", 14, "a,\n  somebody x\n  unreachable" },
                { "a,b cdefghijklm", 14, "a,b\n  cdefghijklm" },
                { "verylongreceiver +", 14, "verylongrece\n  iver +" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                char *is = wrap(term_put_wrapped_list, table[i].text, table[i].width, 2);
                assert_string_equal(is, table[i].is);
                free(is);
        }
}

/* --- tables ---------------------------------------------------------------------------------------- */

static char *print_table(size_t width, bool bare) {
        static const Column columns[] = {
                { .title = "NAME", .width_min = 6 },
                { .title = "N", .right = true },
                { .title = "EXTRA", .drop = 1 },
                { .title = "MORE", .drop = 2 },
                { .title = "TEXT", .width_min = 4 },
        };
        char *out = NULL;
        size_t size;
        Term t = { .utf8 = true, .is_tty = width > 0, .width = width, .out = open_memstream(&out, &size) };
        Table *table;

        assert_non_null(t.out);
        assert_int_equal(table_new(&t, columns, ARRAY_SIZE(columns), &table), 0);
        for (int i = 1; i <= 1000; i *= 1000) {
                table_add(table, STYLE_NONE, i > 1 ? "\u6f22\u5b57" : "a longer name");
                table_addf(table, STYLE_GOOD, "%d", i);
                table_add(table, STYLE_NONE, NULL);
                table_add(table, STYLE_NONE, "mmmm");
                table_add(table, STYLE_NONE, i > 1 ? " " : "text\ttext");
        }
        assert_int_equal(table_print(table, 0, bare), 0);
        (void) table_free(table);
        assert_int_equal(fclose(t.out), 0);
        return out;
}

static void test_table(void **state) {
        static const struct {
                size_t width;
                bool bare;
                const char *is;
        } table[] = {
                { 0, false, "NAME              N  EXTRA  MORE  TEXT\n"
                            "a longer name     1  -      mmmm  text text\n"
                            "\u6f22\u5b57           1000  -      mmmm\n" },
                { 80, true, "a longer name     1  -  mmmm  text text\n"
                            "\u6f22\u5b57           1000  -  mmmm\n" },
                { 40, false, "NAME           N  EXTRA  MORE  TEXT\n"
                             "a longer \u2026     1  -      mmmm  text text\n"
                             "\u6f22\u5b57        1000  -      mmmm\n" },
                { 26, false, "NAME       N  EXTRA  TEXT\n"
                             "a lon\u2026     1  -      text\u2026\n"
                             "\u6f22\u5b57    1000  -\n" },
                { 20, false, "NAME       N  TEXT\n"
                             "a lon\u2026     1  text \u2026\n"
                             "\u6f22\u5b57    1000\n" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                char *is = print_table(table[i].width, table[i].bare);
                assert_string_equal(is, table[i].is);
                free(is);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_age),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_members),
                cmocka_unit_test(test_since),
                cmocka_unit_test(test_shorten),
                cmocka_unit_test(test_wrap),
                cmocka_unit_test(test_wrap_list),
                cmocka_unit_test(test_table),
        };

        if (!setlocale(LC_CTYPE, "C.UTF-8") || setenv("TZ", "UTC0", 1) < 0)
                return 1;
        tzset();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
