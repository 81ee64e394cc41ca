/* Pages cut into rows: real ones, hostile ones, every truncation; and against json-c on random JSON. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "api/page.h"
#include "base/json.h"
#include "base/strings.h"

/* The body has exactly its size on the heap, so that a sanitizer sees one byte too many. */
static int cut_like(const char *text, size_t size, const Page *older, Page *ret, const char **ret_reason) {
        Buf body = BUF_INIT(1 << 24);

        *ret_reason = NULL;
        assert_int_equal(buf_append(&body, text, size), 0);
        int r = page_read(&body, older, ret, ret_reason);
        assert_null(body.data);
        if (r < 0)
                assert_non_null(*ret_reason);
        return r;
}

/* What is known of an older page changes the way, not the result. */
static void check_same_cut(const char *text, size_t size, const Page *older, int r, const Page *p) {
        const char *reason;
        Page again = {};

        assert_int_equal(cut_like(text, size, older, &again, &reason), r);
        assert_int_equal(again.n_rows, p->n_rows);
        assert_int_equal(again.has_more, p->has_more);
        if (p->n_rows > 0)
                assert_memory_equal(again.rows, p->rows, p->n_rows * sizeof *p->rows);
        page_done(&again);
}

static int cut(const char *text, size_t size, Page *ret, const char **ret_reason) {
        static const char some[] = "{\"data\":[{\"a\":1},{},{\"k\":null},{\"i\":1},{}]}";
        const char *reason;
        Page older = {};

        int r = cut_like(text, size, NULL, ret, ret_reason);
        assert_int_equal(cut_like(some, strlen(some), NULL, &older, &reason), 0);
        check_same_cut(text, size, &older, r, ret);
        check_same_cut(text, size, ret, r, ret);
        page_done(&older);
        return r;
}

static void check_row(const Page *p, size_t i, const char *text) {
        size_t size = text ? strlen(text) : 0;

        assert_int_equal(p->rows[i].size, size);
        assert_true(size > 0 && strncmp(page_row_text(p, i), text, size) == 0);
}

static void test_good(void **state) {
        static const struct {
                const char *text;
                size_t n;
                bool more;
                const char *first, *last;
        } table[] = {
                { "{\"data\":[]}", 0, false, NULL, NULL },
                { " {\n\"object\" : \"list\" , \"data\" : [ ] , \"has_more\" : true }\r\n", 0, true, NULL,
                  NULL },
                { "{\"has_more\":true,\"data\":[{}]}", 1, true, "{}", "{}" },
                { "{\"data\":[{\"a\":1}, {\"b\":[{\"c\":\"]}\"}]}\n],\"has_more\":false}", 2, false,
                  "{\"a\":1}", "{\"b\":[{\"c\":\"]}\"}]}" },
                { "{\"data\":[{\"a\":\"\\\"}\"},{\"b\":\"\\\\\"},{\"c\":\"\\\\\\\"\"}]}", 3, true,
                  "{\"a\":\"\\\"}\"}", "{\"c\":\"\\\\\\\"\"}" },
                { "{\"x\":{\"data\":[{}]},\"y\":[[],{}],\"data\":[{\"k\":null}],\"z\":-1e5}", 1, true,
                  "{\"k\":null}", "{\"k\":null}" },
                { "{\"first_id\":\"a,b\",\"data\":[{\"i\":1}],\"has_more\":null}", 1, true, "{\"i\":1}",
                  "{\"i\":1}" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                const char *reason;
                Page p = {};
                if (cut(table[i].text, strlen(table[i].text), &p, &reason) < 0)
                        fail_msg("%s: %s", table[i].text, reason);
                assert_int_equal(p.n_rows, table[i].n);
                assert_int_equal(p.has_more, table[i].more);
                if (p.n_rows > 0) {
                        check_row(&p, 0, table[i].first);
                        check_row(&p, p.n_rows - 1, table[i].last);
                }
                page_done(&p);
        }
}

static void test_hostile(void **state) {
        static const char *const table[] = {
                "",
                " ",
                "x",
                "null",
                "[]",
                "\"data\"",
                "{",
                "{}",
                "{\"data\"}",
                "{\"data\":}",
                "{\"data\":null}",
                "{\"data\":{}}",
                "{\"data\":[1]}",
                "{\"data\":[null]}",
                "{\"data\":[[]]}",
                "{\"data\":[{}",
                "{\"data\":[{},]}",
                "{\"data\":[,{}]}",
                "{\"data\":[{}{}]}",
                "{\"data\":[{]}]}",
                "{\"data\":[{}]",
                "{\"data\":[{}]}}",
                "{\"data\":[{}]} x",
                "{\"data\":[{\"a\":\"}]}",
                "{data:[]}",
                "{\"data\":[],}",
                "{\"object\":,\"data\":[]}",
                "{\"a\":\"\\",
                "{\"a\":\"\\\"",
                "<html>",
                "\xef\xbb\xbf{",
                "{\"dat\\u0061\":[]}",
                "{\"items\":[]}",
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                const char *reason;
                Page p = {};
                if (cut(table[i], strlen(table[i]), &p, &reason) != -EBADMSG)
                        fail_msg("accepted: %s", table[i]);
                assert_null(p.rows);
        }
        /* A NUL is no end. */
        const char *reason;
        Page p = {};
        assert_int_equal(cut("{\"data\":[]}\0x", 13, &p, &reason), -EBADMSG);
        assert_int_equal(cut(" <!DOCTYPE html>", 16, &p, &reason), -EBADMSG);
        assert_string_equal(reason, "a web page instead of JSON");
        assert_int_equal(cut("{\"x\":\0,\"data\":[]}", 17, &p, &reason), -EBADMSG);
}

static void test_limits(void **state) {
        Buf deep = BUF_INIT(1 << 20), many = BUF_INIT(1 << 20);
        const char *reason;
        Page p = {};

        (void) state;
        (void) buf_puts(&deep, "{\"data\":[");
        for (unsigned i = 0; i < 100000; i++)
                (void) buf_puts(&deep, "{\"a\":");
        assert_int_equal(cut(deep.data, deep.size, &p, &reason), -EBADMSG);
        assert_string_equal(reason, "nested too deeply");
        (void) buf_puts(&many, "{\"data\":[{}");
        for (unsigned i = 0; i < PAGE_ROWS_MAX; i++)
                (void) buf_puts(&many, ",{}");
        (void) buf_puts(&many, "]}");
        assert_int_equal(cut(many.data, many.size, &p, &reason), -EBADMSG);
        assert_string_equal(reason, "too many rows");
        buf_done(&deep);
        buf_done(&many);
}

static void test_every_truncation(void **state) {
        static const char whole[] =
                "{\"object\":\"list\",\"data\":[{\"id\":\"ftjob-1\",\"status\":\"running\",\"error\":{},"
                "\"hyperparameters\":"
                "{\"n_epochs\":-1,\"x\":\"a\\\"b\\\\\"},\"result_files\":[\"f\"],\"metadata\":null},"
                "{\"id\":\"ftjob-2\",\"created_at\":"
                "1.5e9,\"s\":\"\\u00e9\xc3\xa9\"}],\"first_id\":null,\"has_more\":true}";
        const char *reason;
        Page p = {};

        (void) state;
        for (size_t n = 0; n < sizeof whole - 1; n++)
                if (cut(whole, n, &p, &reason) != -EBADMSG)
                        fail_msg("accepted %zu bytes", n);
        assert_int_equal(cut(whole, sizeof whole - 1, &p, &reason), 0);
        assert_int_equal(p.n_rows, 2);
        page_done(&p);
}

/* --- against json-c ---------------------------------------------------------------------------------- */

static uint64_t seed;

static unsigned random_below(unsigned n) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (unsigned) (seed >> 33) % n;
}

static json_object *random_value(unsigned depth) {
        static const char *const texts[] = {
                "",   "data", "has_more", "}]",   "{\"data\":[{}]}",
                "\\", "\"",   "\\\"",     "a\nb", "\xc3\xa9\xe2\x82\xac",
                "/",  "[,]",
        };
        json_object *o;

        switch (random_below(depth > 5 ? 5 : 7)) {
        case 0: return NULL;
        case 1: return json_object_new_boolean(random_below(2) > 0);
        case 2: return json_object_new_int64((int64_t) random_below(1000) - 500);
        case 3: return json_object_new_double((double) random_below(1000) / 7);
        case 4: return json_object_new_string(texts[random_below(ARRAY_SIZE(texts))]);
        case 5:
                o = json_object_new_array();
                for (unsigned n = random_below(4); n > 0; n--)
                        assert_int_equal(json_object_array_add(o, random_value(depth + 1)), 0);
                return o;
        default:
                o = json_object_new_object();
                for (unsigned n = random_below(4); n > 0; n--)
                        assert_int_equal(json_object_object_add(o, texts[random_below(ARRAY_SIZE(texts))],
                                                                random_value(depth + 1)), 0);
                return o;
        }
}

static void check_same(const char *text, json_object *o) {
        json_object *data = json_member_array(o, "data");
        const char *reason;
        Page p = {};
        bool objects = data != NULL;

        for (size_t i = 0; data && i < json_object_array_length(data); i++)
                objects =
                        objects && json_object_is_type(json_object_array_get_idx(data, i), json_type_object);
        int r = cut(text, strlen(text), &p, &reason);
        assert_int_equal(r, objects ? 0 : -EBADMSG);
        if (r < 0)
                return;
        assert_int_equal(p.n_rows, json_object_array_length(data));
        assert_int_equal(p.has_more, json_member_bool(o, "has_more", p.n_rows > 0));
        for (size_t i = 0; i < p.n_rows; i++) {
                _cleanup_json_ json_object *row = NULL;
                assert_int_equal(json_parse_bounded(page_row_text(&p, i), p.rows[i].size, &row, NULL), 0);
                assert_true(json_object_equal(row, json_object_array_get_idx(data, i)));
        }
        page_done(&p);
}

static void test_against_json_c(void **state) {
        static const int formats[] = { JSON_C_TO_STRING_PLAIN, JSON_C_TO_STRING_SPACED,
                                       JSON_C_TO_STRING_PRETTY };
        uint64_t first = (uint64_t) time(NULL);

        (void) state;
        print_message("seed %llu\n", (unsigned long long) first);
        seed = first;
        for (unsigned n = 0; n < 20000; n++) {
                _cleanup_json_ json_object *o = json_object_new_object();
                json_object *data = json_object_new_array();
                for (unsigned k = random_below(5); k > 0; k--) {
                        json_object *row = random_value(0);
                        if (!json_object_is_type(row, json_type_object) && random_below(8)) {
                                json_object_put(row);
                                row = json_object_new_object();
                        }
                        assert_int_equal(json_object_array_add(data, row), 0);
                }
                if (random_below(2))
                        assert_int_equal(json_object_object_add(o, "object", random_value(2)), 0);
                if (random_below(2))
                        assert_int_equal(json_object_object_add(o, "has_more",
                                                                json_object_new_boolean(random_below(2) >
                                                                                        0)),
                                         0);
                assert_int_equal(json_object_object_add(o, "data", data), 0);
                if (random_below(2))
                        assert_int_equal(json_object_object_add(o, "last_id", random_value(2)), 0);
                const char *text = json_object_to_json_string_ext(o, formats[random_below(3)]);
                _cleanup_json_ json_object *back = NULL;
                /* Numbers as they are after one reading. */
                assert_int_equal(json_parse_bounded(text, strlen(text), &back, NULL), 0);
                check_same(text, back);
        }
}

static void test_holds_row(void **state) {
        static const char old_text[] = "{\"data\":[{\"i\":1},{\"i\":2},{\"i\":2},{\"i\":3}]}";
        static const char new_text[] =
                "{\"data\":[{\"i\":0},{\"i\":1},{\"i\":2},{\"i\":2},{\"i\":2},{\"i\":3}]}";
        static const bool held[] = { false, true, true, true, false, true };
        Page older = {}, p = {};
        const char *reason;
        size_t hint = 0;

        (void) state;
        assert_int_equal(cut(old_text, strlen(old_text), &older, &reason), 0);
        assert_int_equal(cut(new_text, strlen(new_text), &p, &reason), 0);
        for (size_t i = 0; i < p.n_rows; i++)
                assert_int_equal(page_holds_row(&older, &p, i, &hint), held[i]);
        page_done(&older);
        page_done(&p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_hostile),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_every_truncation),
                cmocka_unit_test(test_against_json_c),
                cmocka_unit_test(test_holds_row),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
