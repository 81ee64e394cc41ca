#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/text.h"
#include "unit/seed.h"

static void test_sequences(void **state) {
        static const struct {
                const char *bytes;
                size_t size, n;
                unsigned codepoint;
        } cases[] = {
                { "", 0, 0, 0 },
                { "a", 1, 1, 'a' },
                { "\0", 1, 1, 0 },
                { "\x7f", 1, 1, 0x7f },
                { "\xc2\x80", 2, 2, 0x80 },
                { "\xe2\x82\xac", 3, 3, 0x20ac },
                { "\xf0\x9f\x98\x80", 4, 4, 0x1f600 },
                { "\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff },
                { "\xf4\x90\x80\x80", 4, 0, 0 },        /* beyond the last one */
                { "\xc0\x80", 2, 0, 0 },                /* overlong forms */
                { "\xc1\xbf", 2, 0, 0 },
                { "\xe0\x9f\xbf", 3, 0, 0 },
                { "\xf0\x8f\xbf\xbf", 4, 0, 0 },
                { "\xed\xa0\x80", 3, 0, 0 },            /* surrogates */
                { "\xed\xbf\xbf", 3, 0, 0 },
                { "\x80", 1, 0, 0 },
                { "\xe2\x82", 2, 0, 0 },                /* cut short */
                { "\xe2\x82x", 3, 0, 0 },
                { "\xf8\x88\x80\x80\x80", 5, 0, 0 },
                { "\xff", 1, 0, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                unsigned c = 0;
                size_t n = utf8_sequence(cases[i].bytes, cases[i].size, &c);
                if (n != cases[i].n || (n > 0 && c != cases[i].codepoint))
                        fail_msg("case %zu: %zu bytes, U+%04X", i, n, c);
        }
        assert_true(utf8_is_valid("", 0));
        assert_true(utf8_is_valid("a\0€", 5));
        assert_false(utf8_is_valid("€", 2));
        assert_int_equal(utf8_length("a€😀\xff"), 4);
}

static void test_clean(void **state) {
        static const struct {
                const char *from;
                size_t max;
                bool keep_newlines;
                const char *to;
        } cases[] = {
                { "plain", 10, false, "plain" },
                { "plain", 5, false, "plain" },
                { "plain", 4, false, "pla…" },
                { "plain", 1, false, "…" },
                { "plain", 0, false, "" },
                { "", 5, false, "" },
                { "a\r\nb\tc", 10, false, "a  b c" },
                { "a\r\nb\tc", 10, true, "a \nb c" },
                { "\x1b[31mred", 20, false, " [31mred" },
                { "a\x7f" "b\xc2\x9b" "c", 20, false, "a b c" },
                { "a\xe2\x80\xa8" "b", 20, false, "a b" },
                { "user\xe2\x80\xaegpj.exe\xe2\x81\xa9", 20, false, "usergpj.exe" },
                { "\xef\xbb\xbfmarked", 20, false, "marked" },
                { "a\xff\xc0\x80z", 20, false, "a���z" },
                { "€€€€", 3, false, "€€…" },
                /* What is dropped does not count. */
                { "€€€\xe2\x80\xae", 3, false, "€€€" },
                { "\xe2\x82", 5, false, "��" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_free_ char *s = text_clean(cases[i].from, cases[i].max, cases[i].keep_newlines);
                assert_non_null(s);
                assert_string_equal(s, cases[i].to);
        }
}

static void test_shorten(void **state) {
        static const struct {
                const char *from;
                size_t max;
                const char *to;
        } cases[] = {
                { "plain", 5, "plain" }, { "plain", 4, "p…" }, { "plain", 3, "…" }, { "plain", 2, "" },
                { "plain", 0, "" },      { "€€€", 9, "€€€" },  { "€€€", 8, "€…" },
                { "€€€", 6, "€…" },      { "€€€", 5, "…" },    { "x😀y", 5, "x…" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_free_ char *s = strdup(cases[i].from);
                text_shorten_bytes(s, cases[i].max);
                assert_string_equal(s, cases[i].to);
        }
}

/* Whatever comes in: what goes out is valid, of the right length, and clean when cleaned again. */
static void test_random(void **state) {
        unsigned seed = seed_get("text");

        (void) state;
        for (unsigned round = 0; round < 5000; round++) {
                char raw[40] = {};
                size_t n = (size_t) rand_r(&seed) % (sizeof raw - 1), max = (size_t) rand_r(&seed) % 20;
                bool keep = rand_r(&seed) % 2;
                for (size_t i = 0; i < n; i++)          /* few values, so that sequences are nearly right */
                        raw[i] = "\xe2\x80\xaa\xae\xf0\x9f\xc2\x9b\xed\xa0\n\x1b" "aZ"[rand_r(&seed) % 14];
                _cleanup_free_ char *once = text_clean(raw, max, keep);
                assert_non_null(once);
                assert_true(utf8_is_valid(once, strlen(once)));
                assert_true(utf8_length(once) <= max);
                _cleanup_free_ char *twice = text_clean(once, max, keep);
                assert_string_equal(once, twice);
                text_shorten_bytes(twice, max);
                assert_true(strlen(twice) <= max);
                assert_true(utf8_is_valid(twice, strlen(twice)));
        }
}

static void test_columns(void **state) {
        (void) state;
        if (!setlocale(LC_CTYPE, "C.UTF-8"))
                skip();
        assert_int_equal(text_columns("abc"), 3);
        assert_int_equal(text_columns("a€"), 2);
        assert_int_equal(text_columns("漢字"), 4);
        assert_int_equal(text_columns("e\xcc\x81"), 1);         /* a combining accent */
        assert_int_equal(text_columns("\xff\x01"), 1);
        (void) setlocale(LC_CTYPE, "C");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sequences), cmocka_unit_test(test_clean),
                cmocka_unit_test(test_shorten),   cmocka_unit_test(test_random),
                cmocka_unit_test(test_columns),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
