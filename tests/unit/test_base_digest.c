#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/macro.h"
#include "unit/seed.h"

static void assert_hex(const uint8_t *data, size_t size, const char *hex) {
        char text[2 * SHA256_SIZE + 1] = "";

        for (size_t i = 0; i < size; i++)
                (void) snprintf(text + 2 * i, 3, "%02x", data[i]);
        assert_string_equal(text, hex);
}

static void test_sha256(void **state) {
        uint8_t d[SHA256_SIZE];

        (void) state;
        /* FIPS 180-2, and the digest of nothing. */
        assert_int_equal(sha256("abc", 3, d), 0);
        assert_hex(d, sizeof d, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_int_equal(sha256(NULL, 0, d), 0);
        assert_hex(d, sizeof d, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        /* RFC 4231, test case 2. */
        assert_int_equal(hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, d), 0);
        assert_hex(d, sizeof d, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_int_equal(hmac_sha256("", 0, "", 0, d), 0);
        assert_hex(d, sizeof d, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_base64_known(void **state) {
        /* RFC 4648, section 10. */
        static const struct {
                const char *plain, *encoded;
        } cases[] = {
                { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
                { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
        };
        static const char *const lenient[] = { "Zm9vYg", "Zm9v\r\nYg==\n", " Zm9vYg==", "Z m9vY\tg" };
        static const char *const bad[] = {
                "Z",
                "Zm9vY",
                "Zg=",
                "Zg===",
                "=",
                "====",
                "Zg==Zg==",
                "Zm9-",
                "Zm9_",
                "Zm9vYm\x01y",
                "Zm9v----",
                "Zm9v,",
                "step,train_loss",
                "\xc3\xa4\xc3\xa4",
        };
        char *s;
        size_t n;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert_int_equal(base64_encode(cases[i].plain, strlen(cases[i].plain), &s), 0);
                assert_string_equal(s, cases[i].encoded);
                free(s);
                assert_int_equal(base64_decode(cases[i].encoded, strlen(cases[i].encoded), &s, &n), 0);
                assert_int_equal(n, strlen(cases[i].plain));
                assert_string_equal(s, cases[i].plain);
                free(s);
        }
        for (size_t i = 0; i < ARRAY_SIZE(lenient); i++) {
                assert_int_equal(base64_decode(lenient[i], strlen(lenient[i]), &s, &n), 0);
                assert_string_equal(s, "foob");
                free(s);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (base64_decode(bad[i], strlen(bad[i]), &s, &n) != -EINVAL)
                        fail_msg("\"%s\" is taken for base64", bad[i]);
        assert_int_equal(base64_decode("Zm\0v", 4, &s, &n), -EINVAL);
}

static void test_base64_random(void **state) {
        unsigned seed = seed_get("base64");

        (void) state;
        for (unsigned round = 0; round < 500; round++) {
                uint8_t data[200];
                size_t size = (size_t) rand_r(&seed) % sizeof data, n;
                for (size_t i = 0; i < size; i++)
                        data[i] = (uint8_t) rand_r(&seed);
                char *encoded, *decoded;
                assert_int_equal(base64_encode(data, size, &encoded), 0);
                assert_int_equal(base64_decode(encoded, strlen(encoded), &decoded, &n), 0);
                assert_int_equal(n, size);
                assert_memory_equal(decoded, data, size);
                free(encoded);
                free(decoded);
        }
}

static void test_base32(void **state) {
        char text[27];

        (void) state;
        /* RFC 4648, section 10, in lower case and without padding. */
        base32_encode((const uint8_t *) "foobar", 9, text);
        assert_string_equal(text, "mzxw6ytbo");
        base32_encode((const uint8_t *) "foobar", 0, text);
        assert_string_equal(text, "");
        base32_encode((const uint8_t[]) { 0xff, 0xff, 0xff, 0xff, 0xff }, 8, text);
        assert_string_equal(text, "77777777");
        /* The last character may reach into no byte behind its own bits. */
        _cleanup_free_ uint8_t *exact = calloc(17, 1);
        exact[16] = 0xc0;
        base32_encode(exact, 26, text);
        assert_string_equal(text, "aaaaaaaaaaaaaaaaaaaaaaaaad");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sha256), cmocka_unit_test(test_base64_known),
                cmocka_unit_test(test_base64_random), cmocka_unit_test(test_base32),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
