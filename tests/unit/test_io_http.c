/* io/http: the parts without a network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/strings.h"
#include "io/http.h"

static void test_failure_names(_unused_ void **state) {
        for (HttpFailure f = HTTP_FAILURE_NONE; f <= HTTP_FAILURE_INTERNAL; f++) {
                assert_non_null(http_failure_to_string(f));
                for (HttpFailure g = HTTP_FAILURE_NONE; g < f; g++)
                        assert_string_not_equal(http_failure_to_string(f), http_failure_to_string(g));
        }
        assert_null(http_failure_to_string(HTTP_FAILURE_INTERNAL + 1));
}

static void test_url_is_safe(_unused_ void **state) {
        static const struct {
                const char *url;
                bool safe;
        } rows[] = {
                { "https://example.org", true },
                { "https://example.org:8443/a?b#c", true },
                { "HTTPS://Example.org/", true },
                { "http://127.0.0.1:8080/", true },
                { "http://127.9.9.9/", true },
                { "http://localhost/", true },
                { "http://LOCALHOST:1/x", true },
                { "http://[::1]:80/", true },
                { "http://127.1/", true },              /* the resolver's 127.0.0.1, and libcurl's */
                { "http://example.org\\@127.0.0.1/", true }, /* a user name: libcurl goes to 127.0.0.1 */
                { "http://example.org/", false },
                { "http://128.0.0.1/", false },
                { "http://10.127.0.0.1/", false },
                { "http://169.254.169.254/metadata", false },
                { "http://0.0.0.0/", false },
                { "http://[::2]/", false },
                { "http://localhost.example.org/", false },
                { "http://127.0.0.1.example.org/", false },
                { "http://127.0.0.1@example.org/", false },
                { "http://127.0.0.1:80@example.org/", false },
                { "http://example.org#@127.0.0.1/", false },
                { "http://example.org?@127.0.0.1/", false },
                { "ftp://127.0.0.1/", false },
                { "file:///etc/passwd", false },
                { "smtp://127.0.0.1/", false },
                { "javascript:alert(1)", false },
                { "example.org", false },
                { "//example.org/", false },
                { "https://", false },
                { "https:// example.org/", false },
                { "https://example.org/a\nb", false },
                { " https://example.org/", false },
                { "", false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (http_url_is_safe(rows[i].url) != rows[i].safe)
                        fail_msg("%s is %ssafe", rows[i].url, rows[i].safe ? "" : "not ");
}

static void test_escape(_unused_ void **state) {
        static const struct {
                const char *plain, *escaped;
        } rows[] = {
                { "", "" },
                { "AZaz09-._~", "AZaz09-._~" },
                { "ftjob-1/../2?x=y&z#", "ftjob-1%2F..%2F2%3Fx%3Dy%26z%23" },
                { "a b+%", "a%20b%2B%25" },
                { "\xc3\xa9\x01\x7f", "%C3%A9%01%7F" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *s = NULL;
                assert_return_code(http_escape(rows[i].plain, &s), 0);
                assert_string_equal(s, rows[i].escaped);
        }
}

#define NOW (1732270000 * USEC_PER_SEC)         /* Fri, 22 Nov 2024 10:06:40 GMT */
#define NOW_SEC ((int64_t) (NOW / USEC_PER_SEC))
#define TEN_YEARS (10 * 365 * USEC_PER_DAY)

static void test_retry_after(_unused_ void **state) {
        static const struct {
                const char *ms, *after;
                int64_t date;
                usec_t delay;
        } rows[] = {
                { NULL, NULL, 0, 0 },
                { "1500", NULL, 0, 1500 * USEC_PER_MSEC },
                { "1500", "7", 0, 1500 * USEC_PER_MSEC },
                { "0.5", NULL, 0, 500 },
                { "junk", "7", 0, 7 * USEC_PER_SEC },
                { "-5", "7", 0, 7 * USEC_PER_SEC },
                { NULL, "0", 0, 0 },
                { NULL, "2", 0, 2 * USEC_PER_SEC },
                { NULL, "2.5", 0, 2500 * USEC_PER_MSEC },
                { NULL, "-2", 0, 0 },
                { NULL, "86400", 0, USEC_PER_DAY },
                { NULL, "99999999999999999999999999", 0, TEN_YEARS },
                { "99999999999999999999999999", NULL, 0, TEN_YEARS },
                { NULL, "1e400", 0, 0 },
                { NULL, "nan", 0, 0 },
                { NULL, "inf", 0, 0 },
                { NULL, "0x10", 0, 0 },
                { NULL, "2 seconds", 0, 0 },
                { NULL, "soon", 0, 0 },
                { NULL, "", 0, 0 },
                { "", NULL, 0, 0 },
                { NULL, "Fri, 22 Nov 2024 10:07:10 GMT", 0, 30 * USEC_PER_SEC },
                { NULL, "Fri, 22 Nov 2024 10:06:10 GMT", 0, 0 },                /* past */
                { NULL, "Fri, 22 Nov 2024 10:07:10 GMT", NOW_SEC - 3600, 3630 * USEC_PER_SEC },
                { NULL, "Fri, 22 Nov 2024 10:07:10 GMT", NOW_SEC + 3600, 0 },
                { NULL, "Friday, 22-Nov-24 10:07:10 GMT", 0, 30 * USEC_PER_SEC },
                { NULL, "Fri Nov 22 10:07:10 2024", 0, 30 * USEC_PER_SEC },
                { NULL, "Fri, 22 Nov 9999 10:07:10 GMT", 0, TEN_YEARS },
                { NULL, "Fri, 99 Nov 2024 99:99:99 GMT", 0, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                usec_t delay = http_parse_retry_after(rows[i].ms, rows[i].after, rows[i].date, NOW);
                if (delay != rows[i].delay)
                        fail_msg("row %zu (%s, %s): %llu", i, strempty(rows[i].ms), strempty(rows[i].after),
                                 (unsigned long long) delay);
        }
}

static void test_date(_unused_ void **state) {
        static const struct {
                const char *text;
                int64_t at;
        } rows[] = {
                { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
                { "Thu, 29 Feb 2024 23:59:59 GMT", 1709251199 },
                { "Thu, 01 Jan 1970 00:00:01 GMT", 1 },
                { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },        /* forms of old */
                { "Sun Nov  6 08:49:37 1994", 784111777 },
                { "Sun, 06 Nov 1994 08:49:37 +0100", 784108177 },
                { "Sun, 06 Nov 1994 08:61:37 GMT", 0 },
                { "Sun, 06 Foo 1994 08:49:37 GMT", 0 },
                { "soon", 0 },
                { "", 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (http_parse_date(rows[i].text) != rows[i].at)
                        fail_msg("\"%s\" is %lld", rows[i].text, (long long) http_parse_date(rows[i].text));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_failure_names),
                cmocka_unit_test(test_url_is_safe),
                cmocka_unit_test(test_date),
                cmocka_unit_test(test_escape),
                cmocka_unit_test(test_retry_after),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
