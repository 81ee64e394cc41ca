/* When a certificate is valid, and what of it a person should know. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "io/certificate.h"
#include "unit/io_tls.h"

#define DAY 86400
#define NOW (20000LL * DAY)             /* 2024-10-04 */

static void test_judge(void **state) {
        static const struct {
                int64_t from, until;    /* from now */
                const char *says;
        } rows[] = {
                { -DAY, 365 * DAY, NULL },
                { 0, CERTIFICATE_WARN_SEC, NULL },
                { -DAY, CERTIFICATE_WARN_SEC - 1, "expires on 2024-11-02, in 29 days" },
                { -DAY, DAY, "expires on 2024-10-05, in 1 day" },
                { -DAY, 1, "expires on 2024-10-04, in 0 days" },
                { -DAY, 0, "has expired on 2024-10-04" },
                { -90 * DAY, -DAY, "has expired on 2024-10-03" },
                { 1, 90 * DAY, "is not valid before 2024-10-04: is the clock of this machine right?" },
                { -DAY, 10000LL * 365 * DAY, NULL },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const CertificateSpan span = { NOW + rows[i].from, NOW + rows[i].until };
                _cleanup_free_ char *says = NULL;
                assert_int_equal(certificate_judge(&span, NOW * USEC_PER_SEC, &says), 0);
                if (!streq_null(says, rows[i].says))
                        fail_msg("row %zu: %s", i, says ? says : "nothing");
        }
}

static void test_read(void **state) {
        IoTls *t = io_tls_new(0);
        CertificateSpan span = {};

        (void) state;
        assert_int_equal(certificate_read_span_of_file(t->cert, &span), 0);
        assert_true(span.from_sec < span.until_sec && span.from_sec > NOW);
        assert_int_equal(certificate_read_span_of_file(t->key, &span), -EINVAL);
        assert_int_equal(certificate_read_span_of_file("/nowhere/own.pem", &span), -ENOENT);
        assert_int_equal(certificate_read_span("", 0, &span), -EINVAL);
        assert_int_equal(certificate_read_span("-----BEGIN CERTIFICATE-----\n", 28, &span), -EINVAL);
        io_tls_free(t);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_judge),
                cmocka_unit_test(test_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
