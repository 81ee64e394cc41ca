#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/macro.h"

static json_object *parse(const char *text) {
        json_object *o = NULL;
        const char *reason = NULL;

        int r = json_parse_bounded(text, strlen(text), &o, &reason);
        if (r < 0)
                fail_msg("%s: %s", text, reason);
        return o;
}

static void test_parse_good(void **state) {
        static const char *const good[] = {
                "{}",       "[]",   " {\"a\":1} \r\n\t",          "1", "  -1.5e3  ", "true",
                "\"text\"", "null", "{\"a\":[1,2,{\"b\":null}]}",
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                json_object_put(parse(good[i]));
}

static void test_parse_bad(void **state) {
        static const struct {
                const char *text;
                size_t size;
        } bad[] = {
                { "", 0 },
                { "  ", 2 },
                { "{", 1 },
                { "{\"a\":", 5 },
                { "{\"a\":1", 6 },
                { "[1,2", 4 },
                { "\"abc", 4 },
                { "<html>", 6 },
                { "{} {}", 5 },
                { "{}x", 3 },
                { "1 2", 3 },
                { "{}\0", 3 },
                { "{\"a\0b\":1}", 9 },
                { "tru", 3 },
                { "\"\xff\"", 3 },
                { "nope", 4 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                /* A copy of exactly that size, for the sanitizer. */
                _cleanup_free_ char *text = malloc(bad[i].size + (bad[i].size == 0));
                json_object *o = (json_object *) 1;
                const char *reason = NULL;
                memcpy(text, bad[i].text, bad[i].size);
                int r = json_parse_bounded(text, bad[i].size, &o, &reason);
                if (r != -EBADMSG || !reason || o != (json_object *) 1)
                        fail_msg("case %zu, \"%s\": %d", i, bad[i].text, r);
                assert_int_equal(json_parse_bounded(text, bad[i].size, &o, NULL), -EBADMSG);
        }
}

static void test_depth(void **state) {
        char text[2 * 100 + 1];
        json_object *o = NULL;

        (void) state;
        for (unsigned depth = 1; depth < 100; depth++) {
                memset(text, '[', depth);
                memset(text + depth, ']', depth);
                int r = json_parse_bounded(text, 2 * depth, &o, NULL);
                assert_int_equal(r, depth <= JSON_DEPTH_MAX ? 0 : -EBADMSG);
                if (r == 0)
                        json_object_put(o);
        }
}

static void test_members(void **state) {
        _cleanup_json_ json_object *o =
                parse("{\"s\":\"text\",\"n\":null,\"e\":{},\"o\":{\"a\":1},\"l\":[1],\"el\":[],"
                      "\"b\":true,\"nul\":\"a\\u0000b\",\"empty\":\"\"}");

        (void) state;
        assert_null(json_member(NULL, "s"));
        assert_null(json_member(json_member(o, "l"), "s"));
        assert_null(json_member(o, "n"));
        assert_null(json_member(o, "absent"));
        assert_null(json_member_object(o, "e"));
        assert_null(json_member_object(o, "l"));
        assert_non_null(json_member_object(o, "o"));
        assert_non_null(json_member_array(o, "el"));
        assert_null(json_member_array(o, "o"));
        assert_string_equal(json_member_string(o, "s"), "text");
        assert_string_equal(json_member_string(o, "empty"), "");
        assert_null(json_member_string(o, "nul"));
        assert_null(json_member_string(o, "b"));
        assert_true(json_member_bool(o, "b", false));
        assert_true(json_member_bool(o, "s", true));
        assert_false(json_member_bool(NULL, "s", false));
}

static void test_numbers(void **state) {
        static const struct {
                const char *text;
                int64_t i, stamp;       /* -77: the fallback */
        } cases[] = {
                { "1732270000", 1732270000, 1732270000 },
                { "1732270000.0", 1732270000, 1732270000 },
                { "1732270000.75", -77, 1732270000 },
                { "\"1732270000\"", 1732270000, 1732270000 },
                { "\"9223372036854775807\"", INT64_MAX, -77 },
                { "-1", -1, -1 },
                { "1e3", 1000, 1000 },
                { "1e30", -77, -77 },
                { "\"2024-11-22T10:06:40Z\"", -77, 1732270000 },
                { "\"\"", -77, -77 },
                { "\"soon\"", -77, -77 },
                { "\"0x10\"", -77, -77 },
                { "null", -77, -77 },
                { "true", -77, -77 },
                { "[1]", -77, -77 },
                { "{}", -77, -77 },
                { "NaN", -77, -77 },
                { "Infinity", -77, -77 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_json_ json_object *o = json_object_new_object();
                assert_int_equal(json_add(o, "v", parse(cases[i].text)), 0);
                int64_t n = json_member_int(o, "v", -77), stamp = json_member_stamp(o, "v", -77);
                if (n != cases[i].i || stamp != cases[i].stamp)
                        fail_msg("%s: %lld, %lld", cases[i].text, (long long) n, (long long) stamp);
        }
        assert_int_equal(json_member_int(NULL, "v", 5), 5);

        _cleanup_json_ json_object *l = parse("[1, 2.5, \"3.5\", \"x\", null, true, NaN, \"1e-3\"]");
        static const double values[] = { 1, 2.5, 3.5, 0, 0, 0, NAN, 1e-3 };
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                double d = 0;
                bool is = json_to_double(json_object_array_get_idx(l, i), &d);
                assert_int_equal(is, i < 3 || i > 5);
                assert_true(isnan(values[i]) ? isnan(d) : d == values[i]);
        }
}

static void test_writers(void **state) {
        _cleanup_json_ json_object *o = json_object_new_object();
        _cleanup_free_ char *text = NULL;

        (void) state;
        assert_int_equal(json_add_string(o, "s", "a/b\"\n€"), 0);
        assert_int_equal(json_add_string(o, "none", NULL), 0);
        assert_int_equal(json_add_int(o, "i", INT64_MIN), 0);
        assert_int_equal(json_add_double(o, "d", 0.1), 0);
        assert_int_equal(json_add_double(o, "nan", NAN), 0);
        assert_int_equal(json_add_double(o, "inf", -INFINITY), 0);
        assert_int_equal(json_add_bool(o, "b", false), 0);
        assert_int_equal(json_add(o, "n", NULL), 0);
        assert_int_equal(json_add_int(o, "i", 7), 0);           /* replaced in its place */
        assert_int_equal(json_to_text(o, &text), 0);
        assert_string_equal(
                text, "{\"s\":\"a/b\\\"\\n€\",\"none\":null,\"i\":7,\"d\":0.1,\"nan\":null,\"inf\":null,"
                      "\"b\":false,\"n\":null}");
        _cleanup_free_ char *null = NULL;
        assert_int_equal(json_to_text(NULL, &null), 0);
        assert_string_equal(null, "null");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse_good), cmocka_unit_test(test_parse_bad),
                cmocka_unit_test(test_depth),      cmocka_unit_test(test_members),
                cmocka_unit_test(test_numbers),    cmocka_unit_test(test_writers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
