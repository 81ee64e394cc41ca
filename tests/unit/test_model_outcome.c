#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "base/text.h"
#include "model/outcome.h"

static void test_reasons(void **state) {
        (void) state;
        for (int i = 0; i < _REASON_MAX; i++) {
                const char *name = reason_to_string((Reason) i);
                assert_true(!isempty(name));
                assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"),
                                 strlen(name)); /* a metric label */
                assert_int_equal(reason_from_string(name), i);
        }
        assert_string_equal(reason_to_string(_REASON_MAX), "internal");
        assert_string_equal(reason_to_string((Reason) -1), "internal");
        assert_int_equal(reason_from_string("no such"), REASON_NONE);
        assert_int_equal(reason_from_string(""), REASON_NONE);
        assert_int_equal(reason_from_string(NULL), REASON_NONE);
}

static void test_make(void **state) {
        char longer[4 * OUTCOME_DETAIL_MAX];

        (void) state;
        Outcome o = outcome_ok();
        assert_int_equal(o.kind, OUTCOME_OK);
        assert_int_equal(o.reason, REASON_NONE);
        assert_string_equal(o.detail, "");

        o = outcome_make(OUTCOME_RETRY, REASON_THROTTLED, 429, "slow\r\ndown \x1b[1m\xff");
        assert_int_equal(o.kind, OUTCOME_RETRY);
        assert_int_equal(o.reason, REASON_THROTTLED);
        assert_int_equal(o.status, 429);
        assert_int_equal(o.retry_after_usec, 0);
        assert_false(o.reshape);
        assert_string_equal(o.detail, "slow  down  [1m\xef\xbf\xbd");

        o = outcome_make(OUTCOME_REJECTED, REASON_GONE, 410, NULL);
        assert_string_equal(o.detail, "");

        for (size_t i = 0; i + 3 < sizeof longer; i += 3)
                memcpy(longer + i, "\xe2\x82\xac", 4);
        o = outcome_make(OUTCOME_RETRY, REASON_BAD_REPLY, 200, longer);
        assert_true(strlen(o.detail) < OUTCOME_DETAIL_MAX);
        assert_true(strlen(o.detail) > OUTCOME_DETAIL_MAX - 8);
        assert_true(utf8_is_valid(o.detail, strlen(o.detail)));
        assert_non_null(endswith(o.detail, "\xe2\x80\xa6"));
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_reasons), cmocka_unit_test(test_make) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
