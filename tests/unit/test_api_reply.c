/* Every reply is an outcome with a reason: statuses, failures of the transport, error bodies as services
 * send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/reply.h"
#include "base/json.h"
#include "base/strings.h"

static Outcome judge(int status, const char *body) {
        HttpReply reply = { .status = status, .should_retry = -1, .body = BUF_INIT(1 << 20) };

        assert_int_equal(buf_puts(&reply.body, body), 0);
        Outcome o = api_reply_outcome(&reply);
        buf_done(&reply.body);
        assert_true(strlen(o.detail) < OUTCOME_DETAIL_MAX);
        return o;
}

/* How long to wait: the header, else what the text says; never from the text of what is no such answer. */
static void test_waits(void **state) {
        static const struct {
                int status;
                const char *message;
                usec_t header, wait;
        } table[] = {
                { 429, "Rate limit is exceeded. Try again in 2 seconds.", 0, 2 * USEC_PER_SEC },
                { 429, "over the tier. Please retry after 86400 seconds. Please go here: x", 0,
                  USEC_PER_DAY },
                { 429, "Please try again in 1m30s.", 0, 90 * USEC_PER_SEC },
                { 429, "Please try again in 6ms.", 0, 6 * USEC_PER_MSEC },
                { 429, "please try again in 1.5 minutes", 0, 90 * USEC_PER_SEC },
                { 503, "Retry after 7.", 0, 0 },
                { 503, "Retry in 20s", 0, 20 * USEC_PER_SEC },
                { 429, "Try again in 2 seconds.", 7 * USEC_PER_SEC, 7 * USEC_PER_SEC },
                { 429, "Try again in 99999999999999999999999 hours.", 0, 365 * USEC_PER_DAY },
                { 429, "Try again in -3 seconds.", 0, 0 },
                { 429, "Try again in 3 s 4 s 5 s 6 s 7 s", 0, 12 * USEC_PER_SEC },
                { 429, "Try again later", 0, 0 },
                { 404, "Try again in 2 seconds.", 0, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                for (int should = -1; should <= 1; should++) {
                        HttpReply reply = { .status = table[i].status, .should_retry = should,
                                            .retry_after_usec = table[i].header, .body = BUF_INIT(1000) };
                        assert_int_equal(buf_printf(&reply.body, "{\"error\":{\"message\":\"%s\"}}",
                                                    table[i].message), 0);
                        Outcome o = api_reply_outcome(&reply);
                        buf_done(&reply.body);
                        if (o.retry_after_usec != table[i].wait)
                                fail_msg("%s: %llu", table[i].message,
                                         (unsigned long long) o.retry_after_usec);
                        if (should >= 0)
                                assert_int_equal(o.kind, should ? OUTCOME_RETRY : OUTCOME_REJECTED);
                }
}

static void test_table(void **state) {
        static const struct {
                int status;
                const char *body;
                OutcomeKind kind;
                Reason reason;
                const char *detail;             /* a part of it */
        } table[] = {
                { 200, "", OUTCOME_OK, REASON_NONE, "" },
                { 204, "", OUTCOME_RETRY, REASON_BAD_REPLY, "HTTP 204" },
                { 302, "", OUTCOME_REJECTED, REASON_REDIRECT,
                  "HTTP 302: a redirect, which is not followed" },
                { 400, "{\"error\":\"bad_request_102\",\"error_description\":\"header missing\"}",
                  OUTCOME_REJECTED, REASON_BAD_REQUEST, "header missing" },
                { 401, "{\"statusCode\":401,\"message\":\"Unauthorized. Token expired\"}", OUTCOME_REJECTED,
                  REASON_UNAUTHORIZED, "Token expired" },
                { 403, "<html>no</html>", OUTCOME_REJECTED, REASON_UNAUTHORIZED, "HTTP 403" },
                { 404, "", OUTCOME_REJECTED, REASON_MISCONFIGURED, "HTTP 404" },
                { 404, "{\"error\":{\"code\":\"404\",\"message\":\"Resource not found\"}}", OUTCOME_REJECTED,
                  REASON_MISCONFIGURED, "Resource not found" },
                { 404, "{\"error\":{\"code\":\"ResourceNotFound\"}}", OUTCOME_REJECTED, REASON_MISCONFIGURED,
                  "" },
                { 404, "{\"error\":{\"code\":\"DeploymentNotFound\"}}", OUTCOME_REJECTED,
                  REASON_MISCONFIGURED, "" },
                { 404, "{\"error\":{\"code\":\"notFound\",\"message\":\"x\"}}", OUTCOME_REJECTED,
                  REASON_NOT_FOUND, "x" },
                { 404, "{\"error\":{\"code\":\"fine_tune_not_found\"}}", OUTCOME_REJECTED, REASON_NOT_FOUND,
                  "" },
                { 404, "{\"error\":{\"code\":null,\"message\":null}}", OUTCOME_REJECTED,
                  REASON_MISCONFIGURED, "" },
                { 404, "{\"error\":7}", OUTCOME_REJECTED, REASON_MISCONFIGURED, "" },
                { 404, "[1,2", OUTCOME_REJECTED, REASON_MISCONFIGURED, "" },
                { 407, "", OUTCOME_RETRY, REASON_PROXY, "" },
                { 408, "", OUTCOME_RETRY, REASON_TIMEOUT, "" },
                { 403, "{\"error\":{\"code\":\"PermissionDenied\"}}", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
                  "HTTP 403: PermissionDenied" },
                { 401, "{\"error\":{\"code\":\"401\"}}", OUTCOME_REJECTED, REASON_UNAUTHORIZED, "HTTP 401" },
                { 409, "", OUTCOME_RETRY, REASON_SERVER_ERROR, "" },
                { 410, "", OUTCOME_REJECTED, REASON_GONE, "" },
                { 425, "", OUTCOME_RETRY, REASON_SERVER_ERROR, "" },
                { 429, "", OUTCOME_RETRY, REASON_THROTTLED, "" },
                { 431, "", OUTCOME_REJECTED, REASON_BAD_REQUEST, "" },
                { 500, "{\"error\":{\"message\":\"a\\u0007b\\u001b[31m\\nc\"}}", OUTCOME_RETRY,
                  REASON_SERVER_ERROR, "a b" },
                { 503, "", OUTCOME_RETRY, REASON_SERVER_ERROR, "" },
                { 599, "", OUTCOME_RETRY, REASON_SERVER_ERROR, "" },
                { 100, "", OUTCOME_RETRY, REASON_BAD_REPLY, "" },
                { 999, "", OUTCOME_RETRY, REASON_BAD_REPLY, "" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                Outcome o = judge(table[i].status, table[i].body);
                if (o.kind != table[i].kind || o.reason != table[i].reason ||
                    !strstr(o.detail, table[i].detail))
                        fail_msg("HTTP %d %s: %d %s %s", table[i].status, table[i].body, o.kind,
                                 reason_to_string(o.reason), o.detail);
                assert_null(strpbrk(o.detail, "\n\r\x1b\a"));
                assert_int_equal(o.status, o.kind == OUTCOME_OK ? 0 : table[i].status);
        }
}

static void test_failures(void **state) {
        static const struct {
                HttpFailure failure;
                OutcomeKind kind;
                Reason reason;
        } table[] = {
                { HTTP_FAILURE_DNS, OUTCOME_RETRY, REASON_DNS },
                { HTTP_FAILURE_CONNECT, OUTCOME_RETRY, REASON_CONNECT },
                { HTTP_FAILURE_TLS, OUTCOME_RETRY, REASON_TLS },
                { HTTP_FAILURE_PROXY, OUTCOME_RETRY, REASON_PROXY },
                { HTTP_FAILURE_TIMEOUT, OUTCOME_RETRY, REASON_TIMEOUT },
                { HTTP_FAILURE_RESET, OUTCOME_RETRY, REASON_RESET },
                { HTTP_FAILURE_TOO_LARGE, OUTCOME_REJECTED, REASON_TOO_LARGE },
                { HTTP_FAILURE_INTERNAL, OUTCOME_RETRY, REASON_INTERNAL },
        };

        (void) state;
        assert_int_equal(ARRAY_SIZE(table), HTTP_FAILURE_INTERNAL);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                HttpReply reply = { .failure = table[i].failure,
                                    .detail = "in its own words",
                                    .body = BUF_INIT(10) };
                Outcome o = api_reply_outcome(&reply);
                assert_int_equal(o.kind, table[i].kind);
                assert_int_equal(o.reason, table[i].reason);
                assert_string_equal(o.detail, "in its own words");
        }
}

static void test_wishes(void **state) {
        HttpReply reply = {
                .status = 429, .body = BUF_INIT(100), .retry_after_usec = 7, .request_id = "req-1"
        };

        (void) state;
        Outcome o = api_reply_outcome(&reply);
        assert_true(o.retry_after_usec == 7);
        assert_string_equal(o.detail, "HTTP 429 (request req-1)");
}

/* Error bodies as they were recorded, where they are at hand: FTWATCH_FIXTURES, else beside the tree. */
static void test_recorded(void **state) {
        static const Reason expected[] = {
                REASON_UNAUTHORIZED, REASON_UNAUTHORIZED, REASON_UNAUTHORIZED, REASON_MISCONFIGURED,
                REASON_THROTTLED,    REASON_THROTTLED,    REASON_NOT_FOUND,    REASON_BAD_REQUEST,
                REASON_THROTTLED,    REASON_BAD_REQUEST,
        };
        const char *dir = getenv("FTWATCH_FIXTURES");
        char path[512];

        (void) state;
        (void) snprintf(path, sizeof path, "%s/error-bodies.json", dir ? dir : "../shared/fixtures");
        _cleanup_json_ json_object *all = json_object_from_file(path);
        if (!all)
                skip();
        assert_int_equal(json_object_array_length(all), ARRAY_SIZE(expected));
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                json_object *one = json_object_array_get_idx(all, i);
                char *body = NULL;
                assert_int_equal(json_to_text(json_member(one, "body"), &body), 0);
                Outcome o = judge((int) json_member_int(one, "status", 0), body);
                if (o.reason != expected[i])
                        fail_msg("%s: %s", body, reason_to_string(o.reason));
                assert_true(strlen(o.detail) > strlen("HTTP 401: "));
                free(body);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_waits),
                cmocka_unit_test(test_failures),
                cmocka_unit_test(test_wishes),
                cmocka_unit_test(test_recorded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
