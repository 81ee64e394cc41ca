/* The signed webhook: signatures, secrets, the size of the body. And what `check` of teams refuses. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/strings.h"
#include "unit/http_script.h"
#include "unit/notice_samples.h"
#include "unit/receiver_fixture.h"

#define SECRET_A "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SECRET_B "plain text is a key as it is"

static void on_done(const Outcome *outcome, void *userdata) {
        (void) userdata;
        assert_int_equal(outcome->kind, OUTCOME_OK);
}

static void send_one(const ReceiverCommon *s, HttpScript *script, const char *id, const char *body,
                     usec_t now) {
        const ReceiverPorts ports = { .http = http_script_http(script), .version = "0" };
        const ReceiverAttempt attempt = {
                .notice_id = id, .body = body, .body_size = strlen(body), .now_real_usec = now,
        };
        ReceiverSend *send;

        http_script_expect(script, &(HttpStep) { .status = 204 });
        assert_int_equal(s->kind->send(s, &ports, &attempt, on_done, NULL, &send), 0);
        assert_int_equal(http_script_run(script), 1);
}

/* The example of the specification's reference libraries. */
static void test_known_signature(void **state) {
        ReceiverCommon *s = receiver_fixture_new("webhook", "secret", SECRET_A);
        HttpScript *script = http_script_new(NULL);

        (void) state;
        send_one(s, script, "msg_p5jXN8AQM9LWM0D4loKWxJek", "{\"test\": 2432232314}",
                 1614265330 * USEC_PER_SEC);
        const HttpRecord *r = http_script_request(script, 0);
        assert_string_equal(http_record_header(r, "webhook-id"), "msg_p5jXN8AQM9LWM0D4loKWxJek");
        assert_string_equal(http_record_header(r, "webhook-timestamp"), "1614265330");
        assert_string_equal(http_record_header(r, "webhook-signature"),
                            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_string_equal(http_record_header(r, "content-type"), "application/json");
        http_script_finish(script);
        (void) receiver_settings_free(s);
}

/* While one secret replaces another both sign; a text that is no whsec_ is the key itself; stamps are of the
 * attempt. */
static void test_rotation(void **state) {
        ReceiverCommon *s = receiver_fixture_new("webhook", "secret", SECRET_A, "secret", SECRET_B);
        HttpScript *script = http_script_new(NULL);
        static const char signed_text[] = "evt_x.1700000000.{}";
        _cleanup_free_ char *base64 = NULL, *second = NULL;
        uint8_t digest[SHA256_SIZE];

        (void) state;
        send_one(s, script, "evt_x", "{}", 1700000000 * USEC_PER_SEC);
        send_one(s, script, "evt_x", "{}", 1700000060 * USEC_PER_SEC);
        const char *a = http_record_header(http_script_request(script, 0), "webhook-signature");
        const char *b = http_record_header(http_script_request(script, 1), "webhook-signature");
        assert_int_equal(hmac_sha256(SECRET_B, strlen(SECRET_B), signed_text, strlen(signed_text), digest),
                         0);
        assert_int_equal(base64_encode(digest, sizeof digest, &base64), 0);
        assert_true(string_printf(&second, " v1,%s", base64) >= 0);
        assert_non_null(startswith(a, "v1,"));
        assert_non_null(endswith(a, second));
        assert_string_not_equal(a, b);
        assert_string_equal(http_record_header(http_script_request(script, 1), "webhook-id"), "evt_x");
        http_script_finish(script);
        (void) receiver_settings_free(s);
}

static void test_secrets_are_checked(void **state) {
        static const struct {
                const char *secret, *says;      /* NULL: good */
        } rows[] = {
                { SECRET_A, NULL },
                { SECRET_B, NULL },
                { "short", NULL },
                { "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "24 to 64 bytes" }, /* 23 */
                { "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL },             /* 24 */
                { "whsec_", "24 to 64 bytes" },
                { "whsec_not base64!", "not base64" },
                { "whsec_"
                  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                  "24 to 64 bytes" }, /* 65 */
                { "", "empty" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ReceiverCommon *s = receiver_fixture_new("webhook", "secret", rows[i].secret);
                _cleanup_free_ char *message = NULL;
                int r = s->kind->check(s, &message);
                if (r != (rows[i].says ? -EINVAL : 0) || (rows[i].says && !strstr(message, rows[i].says)))
                        fail_msg("%s: %d %s", rows[i].secret, r, strempty(message));
                if (message && *rows[i].secret && !streq(rows[i].secret, "whsec_"))
                        assert_null(strstr(message, rows[i].secret));
                (void) receiver_settings_free(s);
        }
}

static void test_too_many_secrets(void **state) {
        ReceiverCommon *s = receiver_fixture_new("webhook", "secret", "a", "secret", "b", "secret", "c",
                                                 "secret", "d", "secret", "e", "secret", "f");
        _cleanup_free_ char *message = NULL;

        (void) state;
        assert_int_equal(s->kind->check(s, &message), -EINVAL);
        assert_non_null(strstr(message, "at most 5"));
        (void) receiver_settings_free(s);
}

static json_object *render(const ReceiverCommon *s, const Notice *n, bool degraded, size_t *ret_size) {
        Buf b = BUF_INIT(1024 * 1024);
        json_object *o;

        assert_int_equal(s->kind->render(s, n, degraded, &b), 0);
        assert_int_equal(json_parse_bounded(b.data, b.size, &o, NULL), 0);
        *ret_size = b.size;
        buf_done(&b);
        return o;
}

/* What the official SDK's types name, and that a huge error leaves the rest as it is. */
static void test_body(void **state) {
        ReceiverCommon *s = receiver_fixture_new("webhook");
        Notice *n = notice_sample_new("failed");
        size_t size;

        (void) state;
        json_object *o = render(s, n, false, &size);
        json_object *data = json_member_object(o, "data");
        assert_string_equal(json_member_string(o, "object"), "event");
        assert_string_equal(json_member_string(o, "id"), NOTICE_SAMPLE_ID);
        assert_string_equal(json_member_string(o, "type"), "fine_tuning.job.failed");
        assert_int_equal(json_member_int(o, "created_at", 0), NOTICE_SAMPLE_SEC);
        assert_string_equal(json_member_string(data, "id"), n->job->id);
        assert_true(json_object_array_length(json_member_array(data, "events")) == 3);
        json_object_put(o);

        o = render(s, n, true, &size);
        assert_int_equal(
                json_object_array_length(json_member_array(json_member_object(o, "data"), "events")), 0);
        json_object_put(o);

        free(n->job->error.message);
        n->job->error.message = malloc(19001);
        memset(n->job->error.message, 'x', 19000);
        n->job->error.message[19000] = '\0';
        o = render(s, n, false, &size);
        data = json_member_object(o, "data");
        assert_in_range(size, 2, 20000);
        const char *kept = json_member_string(json_member_object(data, "error"), "message");
        assert_in_range(strlen(kept), 100, 18000);
        assert_string_equal(json_member_string(json_member_object(data, "error"), "code"),
                            n->job->error.code);
        json_object_put(o);
        (void) notice_free(n);
        (void) receiver_settings_free(s);
}

static void test_teams_refuses_connectors(void **state) {
        static const struct {
                const char *url;
                int expect;
        } rows[] = {
                { "https://contoso.webhook.office.com/webhookb2/1@2/IncomingWebhook/3/4", -EINVAL },
                { "https://outlook.office.com/webhook/1@2/IncomingWebhook/3/4", -EINVAL },
                { "https://default0.1.environment.api.powerplatform.com/powerautomate/automations/direct/"
                  "workflows/1",
                  0 },
                { "https://prod-01.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke", 0 },
                { "http://127.0.0.1:8080/workflows/webhook.example/1", 0 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ReceiverCommon *s = receiver_fixture_new("teams", "url", rows[i].url);
                _cleanup_free_ char *message = NULL;
                assert_int_equal(s->kind->check(s, &message), rows[i].expect);
                if (message)
                        assert_non_null(strstr(message, "Workflows"));
                (void) receiver_settings_free(s);
        }
}

/* The address goes out as it was given: Power Automate's sig breaks when %2F is written anew. */
static void test_url_is_verbatim(void **state) {
        ReceiverCommon *s = receiver_fixture_new("teams");
        HttpScript *script = http_script_new(NULL);

        (void) state;
        send_one(s, script, "evt_x", "{}", 1);
        assert_non_null(
                strstr(http_script_request(script, 0)->url, "sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig="));
        http_script_finish(script);
        (void) receiver_settings_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known_signature),
                cmocka_unit_test(test_rotation),
                cmocka_unit_test(test_secrets_are_checked),
                cmocka_unit_test(test_too_many_secrets),
                cmocka_unit_test(test_body),
                cmocka_unit_test(test_teams_refuses_connectors),
                cmocka_unit_test(test_url_is_verbatim),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
