#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/secret.h"

static void test_append(void **state) {
        _cleanup_(buf_done) Buf b = BUF_INIT(1000000);

        (void) state;
        assert_string_equal(buf_string(&b), "");
        assert_int_equal(buf_puts(&b, "ab"), 0);
        assert_int_equal(buf_putc(&b, 'c'), 0);
        assert_int_equal(buf_printf(&b, "%d", 42), 0);
        assert_int_equal(buf_append(&b, NULL, 0), 0);
        assert_int_equal(buf_append(&b, "\0x", 2), 0);
        assert_int_equal(b.size, 7);
        assert_memory_equal(b.data, "abc42\0x", 8);
        for (unsigned i = 0; i < 100000; i++)
                assert_int_equal(buf_putc(&b, (char) ('a' + i % 26)), 0);
        assert_int_equal(b.size, 100007);
        assert_int_equal(b.data[100006], 'a' + 99999 % 26);
        assert_int_equal(b.data[100007], '\0');
        buf_reset(&b);
        assert_int_equal(b.size, 0);
        assert_string_equal(buf_string(&b), "");
}

static void test_limit(void **state) {
        char *s = NULL;
        Buf b = BUF_INIT(5);

        (void) state;
        assert_int_equal(buf_puts(&b, "12345"), 0);             /* exactly the limit */
        assert_int_equal(buf_puts(&b, ""), 0);
        assert_int_equal(buf_putc(&b, '6'), -EFBIG);
        assert_string_equal(buf_string(&b), "12345");
        assert_int_equal(buf_puts(&b, ""), -EFBIG);             /* remembered */
        assert_int_equal(buf_printf(&b, "x"), -EFBIG);
        assert_int_equal(buf_take(&b, &s), -EFBIG);
        assert_null(s);
        buf_reset(&b);
        assert_int_equal(buf_printf(&b, "%s", "123456"), -EFBIG);
        assert_string_equal(buf_string(&b), "");
        buf_reset(&b);
        assert_int_equal(buf_append(&b, "x", SIZE_MAX), -EFBIG);
        buf_done(&b);
        assert_int_equal(b.limit, 5);                           /* usable again */
        assert_int_equal(b.error, 0);
        assert_int_equal(buf_puts(&b, "ok"), 0);
        buf_done(&b);
}

static void test_no_limit(void **state) {
        Buf none = BUF_INIT(0);
        Buf all = BUF_INIT(SIZE_MAX);
        char *s;

        (void) state;
        assert_int_equal(buf_putc(&none, 'x'), -EFBIG);
        buf_reset(&none);
        assert_int_equal(buf_take(&none, &s), 0);
        assert_string_equal(s, "");
        free(s);
        assert_int_equal(buf_puts(&all, "text"), 0);
        assert_int_equal(buf_append(&all, "x", SIZE_MAX - 2), -EFBIG);
        assert_string_equal(buf_string(&all), "text");
        buf_done(&all);
}

static void test_take(void **state) {
        Buf b = BUF_INIT(100);
        char *s;

        (void) state;
        assert_int_equal(buf_take(&b, &s), 0);
        assert_string_equal(s, "");
        free(s);
        assert_int_equal(buf_puts(&b, "one"), 0);
        assert_int_equal(buf_take(&b, &s), 0);
        assert_string_equal(s, "one");
        free(s);
        assert_string_equal(buf_string(&b), "");
        assert_int_equal(buf_puts(&b, "two"), 0);
        assert_string_equal(buf_string(&b), "two");
        buf_done(&b);
}

static void test_secret(void **state) {
        _cleanup_(secret_freep) Secret *a = NULL, *empty = NULL;
        Secret **v = NULL, *owned;

        (void) state;
        assert_int_equal(secret_new(&a, "key\0more", 8), 0);
        assert_int_equal(secret_new(&empty, NULL, 0), 0);
        assert_int_equal(secret_size(a), 8);
        assert_memory_equal(secret_reveal(a), "key\0more", 9);
        assert_string_equal(secret_reveal(empty), "");
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(secret_new(&owned, "x", 1), 0);
                assert_int_equal(secretv_extend(&v, owned), 0);
        }
        assert_non_null(v[2]);
        assert_null(v[3]);
        assert_null(secretv_free(v));
        assert_null(secretv_free(NULL));
        string_erase_free(NULL);
        string_erase_free(strdup("gone"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_append), cmocka_unit_test(test_limit), cmocka_unit_test(test_no_limit),
                cmocka_unit_test(test_take), cmocka_unit_test(test_secret),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
