#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/strings.h"

static void test_affixes(void **state) {
        (void) state;
        assert_string_equal(startswith("credential:x", "credential:"), "x");
        assert_string_equal(startswith("abc", ""), "abc");
        assert_null(startswith("ab", "abc"));
        assert_string_equal(endswith("a.conf", ".conf"), ".conf");
        assert_string_equal(endswith("abc", ""), "");
        assert_null(endswith("f", ".conf"));
        assert_true(streq_null(NULL, NULL));
        assert_false(streq_null(NULL, ""));
        assert_true(streq_null("a", "a"));
}

static void test_copies(void **state) {
        char *s = NULL;

        (void) state;
        assert_int_equal(free_and_strdup(&s, "one"), 0);
        assert_int_equal(free_and_strdup(&s, s + 1), 0);        /* a part of itself */
        assert_string_equal(s, "ne");
        assert_int_equal(free_and_strdup(&s, NULL), 0);
        assert_null(s);
        assert_int_equal(string_printf(&s, "%d-%s", 7, "x"), 0);
        assert_string_equal(s, "7-x");
        free(s);
}

static void test_parse_integers(void **state) {
        static const struct {
                const char *text;
                int r;
                uint64_t u;
                int r_signed;
                int64_t i;
        } cases[] = {
                { "0", 0, 0, 0, 0 },
                { "42", 0, 42, 0, 42 },
                { "007", 0, 7, 0, 7 },
                { "-7", -EINVAL, 0, 0, -7 },
                { "9223372036854775807", 0, INT64_MAX, 0, INT64_MAX },
                { "9223372036854775808", 0, 9223372036854775808ULL, -ERANGE, 0 },
                { "-9223372036854775808", -EINVAL, 0, 0, INT64_MIN },
                { "-9223372036854775809", -EINVAL, 0, -ERANGE, 0 },
                { "18446744073709551615", 0, UINT64_MAX, -ERANGE, 0 },
                { "18446744073709551616", -ERANGE, 0, -ERANGE, 0 },
                { "", -EINVAL, 0, -EINVAL, 0 },
                { "-", -EINVAL, 0, -EINVAL, 0 },
                { "--1", -EINVAL, 0, -EINVAL, 0 },
                { "+1", -EINVAL, 0, -EINVAL, 0 },
                { " 1", -EINVAL, 0, -EINVAL, 0 },
                { "1 ", -EINVAL, 0, -EINVAL, 0 },
                { "1.0", -EINVAL, 0, -EINVAL, 0 },
                { "0x10", -EINVAL, 0, -EINVAL, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint64_t u = 4711;
                int64_t n = 4711;
                int r = parse_uint64(cases[i].text, &u);
                int r_signed = parse_int64(cases[i].text, &n);
                if (r != cases[i].r || r_signed != cases[i].r_signed || u != (r < 0 ? 4711 : cases[i].u) ||
                    n != (r_signed < 0 ? 4711 : cases[i].i))
                        fail_msg("\"%s\": %d, %d", cases[i].text, r, r_signed);
        }
}

/* A locale with a decimal comma, if the machine has one: numbers of servers and files do not care. */
static void set_comma_locale(void) {
        static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_AT.UTF-8" };

        for (size_t i = 0; i < ARRAY_SIZE(names) && !setlocale(LC_NUMERIC, names[i]); i++)
                ;
}

static void test_doubles(void **state) {
        static const struct {
                double v;
                const char *text;
        } cases[] = {
                { 0, "0" },
                { -0.0, "0" },
                { 1, "1" },
                { 0.1, "0.1" },
                { -1.5, "-1.5" },
                { 1.0 / 3, "0.3333333333333333" },
                { 1.8258173013035255, "1.8258173013035255" },
                { 3.814697265625E-06, "3.814697265625e-06" },
                { 1e300, "1e+300" },
                { 5e-324, "4.94065645841247e-324" },
                { 123456789, "123456789" },
        };
        static const char *const bad[] = { "", " 1", "1 ", "1,5", "x", "1.5x", "0x10", "1e", "nan(1)", "." };
        char buf[DOUBLE_TEXT_MAX];
        double d = 0;

        (void) state;
        set_comma_locale();
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert_string_equal(format_double(cases[i].v, buf), cases[i].text);
                assert_int_equal(parse_double(buf, &d), 0);
                assert_true(d == cases[i].v);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (parse_double(bad[i], &d) != -EINVAL)
                        fail_msg("\"%s\" is read as %g", bad[i], d);
        assert_int_equal(parse_double("nan", &d), 0);
        assert_true(isnan(d));
        assert_int_equal(parse_double("-Infinity", &d), 0);
        assert_true(isinf(d) && d < 0);
        assert_int_equal(parse_double("1e999", &d), 0);
        assert_true(isinf(d));
        (void) setlocale(LC_NUMERIC, "C");
}

static void test_vectors(void **state) {
        char **v = NULL;

        (void) state;
        assert_int_equal(strv_length(NULL), 0);
        assert_false(strv_contains(NULL, "a"));
        assert_int_equal(strv_extend(&v, "a"), 0);
        assert_int_equal(strv_extend(&v, "b"), 0);
        assert_int_equal(strv_length(v), 2);
        assert_true(strv_contains(v, "b"));
        assert_false(strv_contains(v, "c"));
        assert_null(strv_free(v));
        assert_null(strv_free(NULL));
}

static void test_match(void **state) {
        char *patterns[] = { (char *) "source.*", (char *) "gpt-4.[14]*", NULL };
        char *none[] = { NULL };

        (void) state;
        assert_true(strv_match(NULL, "anything"));
        assert_false(strv_match(none, "anything"));
        assert_true(strv_match(patterns, "source.unreachable"));
        assert_true(strv_match(patterns, "gpt-4.1-mini"));
        assert_false(strv_match(patterns, "gpt-4.2"));
        assert_false(strv_match(patterns, "my source.x"));
        assert_true(strv_match((char *[]) { (char *) "*", NULL }, "a/b"));      /* a slash is no border */
        assert_true(strv_match((char *[]) { (char *) "*", NULL }, ".hidden"));
}

static void test_distance(void **state) {
        static const char *const keys[] = { "endpoint", "api_key", "api_version", "poll_interval", NULL };
        char longer[64];

        (void) state;
        memset(longer, 'a', sizeof longer - 1);
        longer[sizeof longer - 1] = '\0';
        assert_int_equal(edit_distance("", ""), 0);
        assert_int_equal(edit_distance("", "abc"), 3);
        assert_int_equal(edit_distance("kitten", "sitting"), 3);
        assert_int_equal(edit_distance("endpiont", "endpoint"), 1);
        assert_int_equal(edit_distance("EndPoint", "endpoint"), 0);
        assert_int_equal(edit_distance("eNdpoint", "nEdpoint"), 1);
        assert_int_equal(edit_distance(longer, longer), UINT32_MAX);
        assert_string_equal(nearest_string("endpont", keys), "endpoint");
        assert_string_equal(nearest_string("apikey", keys), "api_key");
        assert_string_equal(nearest_string("pol_intervall", keys), "poll_interval");
        assert_null(nearest_string("colour", keys));
        assert_null(nearest_string("", keys));
        assert_null(nearest_string(longer, keys));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_affixes),        cmocka_unit_test(test_copies),
                cmocka_unit_test(test_parse_integers), cmocka_unit_test(test_doubles),
                cmocka_unit_test(test_vectors),        cmocka_unit_test(test_match),
                cmocka_unit_test(test_distance),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
