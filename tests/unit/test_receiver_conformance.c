/* What every kind must do, whatever it is: render the same twice, stay within its place's limits, lose
 * nothing to its degraded form but size, say nothing after a cancel, and not call back too early. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "base/text.h"
#include "unit/http_script.h"
#include "unit/notice_samples.h"
#include "unit/receiver_fixture.h"

#define RENDER_MAX (2U * 1024U * 1024U)

/* Most bytes of one message. Webhook: Standard Webhooks. Teams: 28 KiB by the server's count. Gmail cuts
 * mails at 102 kB. The journal's is ours. Slack counts characters by field: see tests/verify. */
static const struct {
        const char *kind;
        size_t limit;
        bool is_http;
} kinds[] = {
        { "webhook", 20000, true },     { "teams", 20000, true },       { "slack", 60000, true },
        { "email", 100000, false },     { "journal", 49152, false },
};

static Buf render(const ReceiverCommon *s, const Notice *n, bool degraded) {
        Buf b = BUF_INIT(RENDER_MAX);

        assert_int_equal(s->kind->render(s, n, degraded, &b), 0);
        assert_true(b.size > 0);
        return b;
}

static void test_every_kind_is_here(void **state) {
        size_t n = 0;

        (void) state;
        for (const char *const *name = receiver_kind_names(); *name; name++, n++) {
                bool found = false;
                for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                        found = found || streq(kinds[i].kind, *name);
                if (!found)
                        fail_msg("kind %s has no row here", *name);
                assert_ptr_equal(receiver_kind_find(*name)->name, *name);
                assert_true(receiver_kind_find(*name)->concurrency > 0);
        }
        assert_int_equal(n, ARRAY_SIZE(kinds));
        assert_null(receiver_kind_find("pigeon"));
}

static void test_render(void **state) {
        (void) state;
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                ReceiverCommon *s = receiver_fixture_new(kinds[k].kind);
                for (const char *const *name = notice_sample_names; *name; name++) {
                        Notice *n = notice_sample_new(*name);
                        Buf a = render(s, n, false), b = render(s, n, false), poor = render(s, n, true);
                        assert_int_equal(a.size, b.size);
                        assert_memory_equal(a.data, b.data, a.size);
                        if (a.size > kinds[k].limit)
                                fail_msg("%s, %s: %zu bytes, %zu allowed", kinds[k].kind, *name, a.size,
                                         kinds[k].limit);
                        if (poor.size > a.size)
                                fail_msg("%s, %s: %zu bytes, degraded %zu", kinds[k].kind, *name, a.size,
                                         poor.size);
                        if (!streq(kinds[k].kind, "journal"))   /* it has binary lengths */
                                assert_true(utf8_is_valid(a.data, a.size) &&
                                            utf8_is_valid(poor.data, poor.size));
                        buf_done(&a);
                        buf_done(&b);
                        buf_done(&poor);
                        (void) notice_free(n);
                }
                (void) receiver_settings_free(s);
        }
}

/* A buffer too small is an error and leaves it as it was, not half a message. */
static void test_render_without_room(void **state) {
        (void) state;
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                ReceiverCommon *s = receiver_fixture_new(kinds[k].kind);
                Notice *n = notice_sample_new("succeeded");
                Buf b = BUF_INIT(100);
                assert_int_equal(s->kind->render(s, n, false, &b), -EFBIG);
                assert_int_equal(b.size, 0);
                buf_done(&b);
                (void) notice_free(n);
                (void) receiver_settings_free(s);
        }
}

/* --- sending --------------------------------------------------------------------------------------- */

typedef struct Sent {
        Outcome outcome;
        unsigned n_done;
} Sent;

static void on_done(const Outcome *outcome, void *userdata) {
        Sent *sent = userdata;

        sent->outcome = *outcome;
        sent->n_done++;
}

static ReceiverAttempt attempt_of(const Buf *body) {
        return (ReceiverAttempt) {
                .notice_id = NOTICE_SAMPLE_ID,
                .body = body->data,
                .body_size = body->size,
                .now_real_usec = (usec_t) NOTICE_SAMPLE_SEC * USEC_PER_SEC,
        };
}

static Sent send_one(const ReceiverCommon *s, HttpScript *script, const Buf *body) {
        const ReceiverPorts ports = { .http = http_script_http(script), .version = "0" };
        const ReceiverAttempt attempt = attempt_of(body);
        ReceiverSend *send = NULL;
        Sent sent = {};

        assert_int_equal(s->kind->send(s, &ports, &attempt, on_done, &sent, &send), 0);
        assert_non_null(send);
        assert_int_equal(sent.n_done, 0);
        assert_int_equal(http_script_run(script), 1);
        assert_int_equal(sent.n_done, 1);
        return sent;
}

#define OK OUTCOME_OK
#define RETRY OUTCOME_RETRY
#define REJECTED OUTCOME_REJECTED

/* Reply -> outcome, as documented for each place. */
static const struct {
        const char *kind;
        int status;
        const char *body;
        OutcomeKind outcome;
        Reason reason;
        bool reshape;
} replies[] = {
        { "webhook", 200, "", OK, REASON_NONE, false },
        { "webhook", 204, "", OK, REASON_NONE, false },
        { "webhook", 301, "", REJECTED, REASON_REDIRECT, false },
        { "webhook", 400, "no", REJECTED, REASON_BAD_REQUEST, true },
        { "webhook", 401, "", REJECTED, REASON_UNAUTHORIZED, false },
        { "webhook", 404, "", REJECTED, REASON_NOT_FOUND, false },
        { "webhook", 405, "", REJECTED, REASON_BAD_REQUEST, false },
        { "webhook", 408, "", RETRY, REASON_TIMEOUT, false },
        { "webhook", 409, "", RETRY, REASON_SERVER_ERROR, false },
        { "webhook", 410, "", REJECTED, REASON_GONE, false },
        { "webhook", 413, "", REJECTED, REASON_TOO_LARGE, true },
        { "webhook", 425, "", RETRY, REASON_SERVER_ERROR, false },
        { "webhook", 429, "", RETRY, REASON_THROTTLED, false },
        { "webhook", 500, "<html>", RETRY, REASON_SERVER_ERROR, false },
        { "webhook", 502, "", RETRY, REASON_SERVER_ERROR, false },
        { "webhook", 503, "", RETRY, REASON_SERVER_ERROR, false },
        { "webhook", 504, "", RETRY, REASON_SERVER_ERROR, false },
        { "webhook", 101, "", RETRY, REASON_BAD_REPLY, false },
        { "webhook", 999, "", RETRY, REASON_BAD_REPLY, false },

        { "slack", 200, "ok", OK, REASON_NONE, false },
        { "slack", 200, "ok\n", OK, REASON_NONE, false },
        { "slack", 200, "okay", RETRY, REASON_BAD_REPLY, false },
        { "slack", 200, "", RETRY, REASON_BAD_REPLY, false },
        { "slack", 200, "<html>Please log in to the hotel's network</html>", RETRY, REASON_BAD_REPLY,
          false },
        { "slack", 400, "invalid_payload", REJECTED, REASON_BAD_REQUEST, true },
        { "slack", 400, "invalid_blocks", REJECTED, REASON_BAD_REQUEST, true },
        { "slack", 400, "invalid_attachments", REJECTED, REASON_BAD_REQUEST, true },
        { "slack", 400, "missing_text_or_fallback_or_attachments", REJECTED, REASON_BAD_REQUEST, true },
        { "slack", 400, "invalid_token", REJECTED, REASON_UNAUTHORIZED, false },
        { "slack", 400, "user_not_found", REJECTED, REASON_NOT_FOUND, false },
        { "slack", 403, "invalid_token", REJECTED, REASON_UNAUTHORIZED, false },
        { "slack", 403, "action_prohibited", REJECTED, REASON_UNAUTHORIZED, false },
        { "slack", 404, "channel_not_found", REJECTED, REASON_NOT_FOUND, false },
        { "slack", 404, "no_service", REJECTED, REASON_NOT_FOUND, false },
        { "slack", 404, "no_team", REJECTED, REASON_NOT_FOUND, false },
        { "slack", 410, "channel_is_archived", REJECTED, REASON_GONE, false },
        { "slack", 429, "{\"retry_after\":30,\"ok\":false,\"error\":\"rate_limited\"}", RETRY,
          REASON_THROTTLED, false },
        { "slack", 500, "rollup_error", RETRY, REASON_SERVER_ERROR, false },
        { "slack", 503, "", RETRY, REASON_SERVER_ERROR, false },

        { "teams", 202, "", OK, REASON_NONE, false },
        { "teams", 200, "1", OK, REASON_NONE, false },
        { "teams", 200,
          "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429",
          RETRY, REASON_THROTTLED, false },
        { "teams", 200, "Microsoft Teams endpoint returned HTTP error 413 with ContextId", REJECTED,
          REASON_TOO_LARGE, true },
        { "teams", 200, "Microsoft Teams endpoint returned HTTP error 400", REJECTED, REASON_BAD_REQUEST,
          true },
        { "teams", 200, "Microsoft Teams endpoint returned HTTP error 503", RETRY, REASON_SERVER_ERROR,
          false },
        { "teams", 400, "{\"error\":{\"code\":\"TriggerInputSchemaMismatch\"}}", REJECTED,
          REASON_BAD_REQUEST, true },
        { "teams", 400, "{\"error\":{\"code\":\"WorkflowTriggerIsNotEnabled\"}}", REJECTED, REASON_GONE,
          false },
        { "teams", 401, "{\"error\":{\"code\":\"DirectApiAuthorizationRequired\"}}", REJECTED,
          REASON_UNAUTHORIZED, false },
        { "teams", 404, "{\"error\":{\"code\":\"WorkflowNotFound\"}}", REJECTED, REASON_NOT_FOUND, false },
        { "teams", 413, "", REJECTED, REASON_TOO_LARGE, true },
        { "teams", 429, "", RETRY, REASON_THROTTLED, false },
        { "teams", 502, "{\"error\":{\"code\":\"NoResponse\"}}", RETRY, REASON_SERVER_ERROR, false },
};

static void test_replies(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
                ReceiverCommon *s = receiver_fixture_new(replies[i].kind);
                Notice *n = notice_sample_new("failed");
                HttpScript *script = http_script_new(NULL);
                Buf body = render(s, n, false);
                http_script_expect(script, &(HttpStep) {
                        .method = "POST", .status = replies[i].status, .body = replies[i].body,
                        .retry_after_usec = replies[i].outcome == RETRY ? 7 * USEC_PER_SEC : 0,
                });
                Sent sent = send_one(s, script, &body);
                if (sent.outcome.kind != replies[i].outcome || sent.outcome.reason != replies[i].reason ||
                    sent.outcome.reshape != replies[i].reshape)
                        fail_msg("%s, %d \"%s\": kind %d, reason %s, reshape %d", replies[i].kind,
                                 replies[i].status, replies[i].body, sent.outcome.kind,
                                 reason_to_string(sent.outcome.reason), sent.outcome.reshape);
                assert_int_equal(sent.outcome.status, replies[i].status);
                if (replies[i].outcome == RETRY)
                        assert_int_equal(sent.outcome.retry_after_usec, 7 * USEC_PER_SEC);
                buf_done(&body);
                http_script_finish(script);
                (void) notice_free(n);
                (void) receiver_settings_free(s);
        }
}

static const struct {
        HttpFailure failure;
        Reason reason;
} failures[] = {
        { HTTP_FAILURE_DNS, REASON_DNS },               { HTTP_FAILURE_CONNECT, REASON_CONNECT },
        { HTTP_FAILURE_TLS, REASON_TLS },               { HTTP_FAILURE_PROXY, REASON_PROXY },
        { HTTP_FAILURE_TIMEOUT, REASON_TIMEOUT },       { HTTP_FAILURE_RESET, REASON_RESET },
        { HTTP_FAILURE_TOO_LARGE, REASON_BAD_REPLY },   { HTTP_FAILURE_INTERNAL, REASON_INTERNAL },
};

static void test_failures_are_retried(void **state) {
        (void) state;
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                if (!kinds[k].is_http)
                        continue;
                ReceiverCommon *s = receiver_fixture_new(kinds[k].kind);
                Notice *n = notice_sample_new("failed");
                Buf body = render(s, n, false);
                for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
                        HttpScript *script = http_script_new(NULL);
                        http_script_expect(script,
                                           &(HttpStep){ .failure = failures[i].failure, .detail = "why" });
                        Sent sent = send_one(s, script, &body);
                        assert_int_equal(sent.outcome.kind, OUTCOME_RETRY);
                        assert_int_equal(sent.outcome.reason, failures[i].reason);
                        assert_string_equal(sent.outcome.detail, "why");
                        http_script_finish(script);
                }
                buf_done(&body);
                (void) notice_free(n);
                (void) receiver_settings_free(s);
        }
}

/* Two attempts carry the same bytes to the same address. */
static void test_retry_keeps_bytes(void **state) {
        (void) state;
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                if (!kinds[k].is_http)
                        continue;
                ReceiverCommon *s = receiver_fixture_new(kinds[k].kind);
                Notice *n = notice_sample_new("succeeded");
                HttpScript *script = http_script_new(NULL);
                Buf body = render(s, n, false);
                http_script_expect(script, &(HttpStep) { .status = 503 });
                http_script_expect(script, &(HttpStep) { .status = 200, .body = "ok" });
                assert_int_equal(send_one(s, script, &body).outcome.kind, OUTCOME_RETRY);
                assert_int_equal(send_one(s, script, &body).outcome.kind, OUTCOME_OK);
                const HttpRecord *a = http_script_request(script, 0), *b = http_script_request(script, 1);
                assert_string_equal(a->url, b->url);
                assert_int_equal(a->body_size, body.size);
                assert_int_equal(b->body_size, body.size);
                assert_memory_equal(a->body, body.data, body.size);
                assert_memory_equal(b->body, body.data, body.size);
                assert_int_equal(a->timeout_usec, 30 * USEC_PER_SEC);
                buf_done(&body);
                http_script_finish(script);
                (void) notice_free(n);
                (void) receiver_settings_free(s);
        }
}

static void test_cancel_and_refusal(void **state) {
        (void) state;
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                if (!kinds[k].is_http)
                        continue;
                ReceiverCommon *s = receiver_fixture_new(kinds[k].kind);
                Notice *n = notice_sample_new("test");
                HttpScript *script = http_script_new(NULL);
                const ReceiverPorts ports = { .http = http_script_http(script), .version = "0" };
                Buf body = render(s, n, false);
                const ReceiverAttempt attempt = attempt_of(&body);
                ReceiverSend *send = NULL;
                Sent sent = {};
                http_script_expect(script, &(HttpStep) { .status = 200, .body = "ok" });
                assert_int_equal(s->kind->send(s, &ports, &attempt, on_done, &sent, &send), 0);
                s->kind->cancel(send);
                assert_int_equal(http_script_run(script), 0);
                http_script_fail_submit(script, -ENOMEM);
                assert_int_equal(s->kind->send(s, &ports, &attempt, on_done, &sent, &send), -ENOMEM);
                assert_int_equal(http_script_run(script), 0);
                assert_int_equal(sent.n_done, 0);
                buf_done(&body);
                http_script_finish(script);
                (void) notice_free(n);
                (void) receiver_settings_free(s);
        }
}

/* The sentence of a refusal, not the JSON around it; what is no such JSON is quoted as it is. */
static void test_quotes(void **state) {
        static const struct {
                const char *kind, *body, *is;
        } quotes[] = {
                { "teams", "{\"error\":{\"code\":\"X\",\"message\":\"The flow is off.\"}}",
                  "HTTP 404: The flow is off." },
                { "webhook", "{\"message\":\"no such \\u0068ook\",\"status\":404}",
                  "HTTP 404: no such hook" },
                { "webhook", "{\"error\":\"gone\",\"message\":\"moved\"}", "HTTP 404: moved" },
                { "webhook", "{\"message\":\"\"}", "HTTP 404: {\"message\":\"\"}" },
                { "webhook", "{\"message\":{\"a\":1}}", "HTTP 404: {\"message\":{\"a\":1}}" },
                { "webhook", "{\"message\":\"cut", "HTTP 404: {\"message\":\"cut" },
                { "webhook", "{\"message\":\"<b>no</b>\"}", "HTTP 404" },
                { "webhook", "{\"message\":\"webhook-url-\\u0073ecret\"}", "HTTP 404" },
                { "webhook", "plain words", "HTTP 404: plain words" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(quotes); i++) {
                ReceiverCommon *s = receiver_fixture_new(quotes[i].kind);
                Notice *n = notice_sample_new("test");
                HttpScript *script = http_script_new(NULL);
                Buf body = render(s, n, false);
                http_script_expect(script, &(HttpStep) { .status = 404, .body = quotes[i].body });
                Sent sent = send_one(s, script, &body);
                assert_string_equal(sent.outcome.detail, quotes[i].is);
                buf_done(&body);
                http_script_finish(script);
                (void) notice_free(n);
                (void) receiver_settings_free(s);
        }
}

/* An address is a secret, also when the other side says it aloud. */
static void test_no_secret_in_outcomes(void **state) {
        static const struct {
                const char *kind, *body, *secret;
        } echoes[] = {
                { "slack", "no such hook: /services/T000/B000/slack-path-secret", "slack-path-secret" },
                { "teams",
                  "bad request: "
                  "api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=teams-sig-secret",
                  "teams-sig-secret" },
                { "webhook", "GET /hook?token=webhook-url-secret not found", "webhook-url-secret" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(echoes); i++) {
                ReceiverCommon *s = receiver_fixture_new(echoes[i].kind);
                Notice *n = notice_sample_new("test");
                HttpScript *script = http_script_new(NULL);
                Buf body = render(s, n, false);
                http_script_expect(script, &(HttpStep) { .status = 404, .body = echoes[i].body });
                Sent sent = send_one(s, script, &body);
                assert_null(strstr(sent.outcome.detail, echoes[i].secret));
                assert_null(strstr(buf_string(&body), echoes[i].secret));
                assert_non_null(strstr(sent.outcome.detail, "404"));
                buf_done(&body);
                http_script_finish(script);
                (void) notice_free(n);
                (void) receiver_settings_free(s);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_kind_is_here),   cmocka_unit_test(test_render),
                cmocka_unit_test(test_render_without_room),  cmocka_unit_test(test_replies),
                cmocka_unit_test(test_failures_are_retried), cmocka_unit_test(test_retry_keeps_bytes),
                cmocka_unit_test(test_cancel_and_refusal),   cmocka_unit_test(test_quotes),
                cmocka_unit_test(test_no_secret_in_outcomes),
        };

        (void) setenv("TZ", "UTC0", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
