/* Servers that repeat the credential, as they got it or escaped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "engine/hide.h"

#define SECRET "ab~C/8\"&+ x\\%"

static bool is_hidden(const char *body) {
        Secret *secret = NULL;
        HttpReply reply = { .status = 401, .body = BUF_INIT(4096) };
        Outcome o = outcome_make(OUTCOME_REJECTED, REASON_UNAUTHORIZED, 401, "as the server says");

        assert_int_equal(secret_new(&secret, SECRET, strlen(SECRET)), 0);
        assert_int_equal(buf_puts(&reply.body, body), 0);
        o.retry_after_usec = 7;
        Outcome shown = outcome_hide(&o, &reply, secret);
        assert_int_equal(shown.kind, OUTCOME_REJECTED);
        assert_int_equal(shown.reason, REASON_UNAUTHORIZED);
        assert_int_equal(shown.retry_after_usec, 7);
        bool hidden = strstr(shown.detail, "repeats the credential") != NULL;
        assert_true(hidden || streq(shown.detail, "as the server says"));
        buf_done(&reply.body);
        secret_free(secret);
        return hidden;
}

static void test_hidden(void **state) {
        static const char *const bodies[] = {
                SECRET,
                "{\"error\":\"bad key ab~C\\/8\\\"&+ x\\\\%.\"}",
                "client_secret=ab%7EC%2F8%22%26%2B+x%5C%25&scope=",
                "client_secret=ab%7ec%2f8 ab%7eC%2f8%22%26%2b%20x%5c%25",
                "\\u0061b~C\\u002F8\\u0022\\u0026\\u002b\\u0020x\\u005c\\u0025",
                "<p>ab~C/8&quot;&amp;+ x\\%</p>",
                "<p>ab&#126;C&#x2F;8&#34;&#38;&#x2b;&#32;x&#92;&#X25;</p>",
                "ab~C\\/8%22&amp;\\u002b+x\\\\%25",
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
                if (!is_hidden(bodies[i]))
                        fail_msg("shown: %s", bodies[i]);
}

static void test_shown(void **state) {
        static const char *const bodies[] = {
                "",
                "ab",
                "ab~C/8\"&+ x\\",
                "ab%7",
                "ab%7EC%2",
                "ab~C\\",
                "ab~C\\u00",
                "ab~C/8&#34",
                "ab&#x;C",
                "ab~C/8\"&#",
                "ab~C/8&quot;&amp",
                "%",
                "&",
                "\\",
                "AB~C/8\"&+ x\\%",
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
                if (is_hidden(bodies[i]))
                        fail_msg("hidden: %s", bodies[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hidden),
                cmocka_unit_test(test_shown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
