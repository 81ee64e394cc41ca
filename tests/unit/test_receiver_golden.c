/* What each kind makes of each sample notice, against files below tests/unit/golden/receiver/. JSON is kept
 * indented, to be read, and compared by value; everything else byte by byte. FTWATCH_UPDATE_GOLDEN=1 writes
 * the files anew: look at the diff. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/strings.h"
#include "unit/http_script.h"
#include "unit/notice_samples.h"
#include "unit/receiver_fixture.h"

#define GOLDEN_DIR "tests/unit/golden/receiver"
#define GOLDEN_MAX (1024U * 1024U)

static const struct {
        const char *kind, *extension;
        bool is_json;
} kinds[] = {
        { "webhook", "json", true },
        { "slack", "json", true },
        { "teams", "json", true },
        { "email", "eml", false },
        { "journal", "txt", false },
};

static bool updating(void) {
        const char *s = getenv("FTWATCH_UPDATE_GOLDEN");

        return s && streq(s, "1");
}

static Buf file_read(const char *path) {
        Buf b = BUF_INIT(GOLDEN_MAX);
        char chunk[4096];
        size_t n;
        FILE *f = fopen(path, "re");

        if (!f) {
                fail_msg("%s: %s (FTWATCH_UPDATE_GOLDEN=1 writes it)", path, strerror(errno));
                return b;
        }
        while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
                assert_int_equal(buf_append(&b, chunk, n), 0);
        fclose(f);
        return b;
}

static void file_write(const char *path, const void *data, size_t size) {
        FILE *f = fopen(path, "we");

        if (!f) {
                fail_msg("%s: %s", path, strerror(errno));
                return;
        }
        assert_int_equal(fwrite(data, 1, size, f), size);
        assert_int_equal(fclose(f), 0);
}

static json_object *parse(const char *path, const Buf *b) {
        json_object *o = NULL;
        const char *why = "";

        if (json_parse_bounded(buf_string(b), b->size, &o, &why) < 0)
                fail_msg("%s: %s", path, why);
        return o;
}

static void check_json(const char *path, const Buf *rendered) {
        json_object *ours = parse(path, rendered);
        const char *pretty = json_object_to_json_string_ext(
                ours, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
        _cleanup_free_ char *text = NULL;

        assert_true(string_printf(&text, "%s\n", pretty) >= 0);
        if (updating())
                file_write(path, text, strlen(text));
        Buf b = file_read(path);
        json_object *golden = parse(path, &b);
        if (!json_object_equal(ours, golden))
                fail_msg("%s differs; now it is:\n%s", path, text);
        json_object_put(golden);
        json_object_put(ours);
        buf_done(&b);
}

static void check_bytes(const char *path, const Buf *rendered) {
        if (updating())
                file_write(path, rendered->data, rendered->size);
        Buf b = file_read(path);
        if (b.size != rendered->size || memcmp(b.data, rendered->data, b.size) != 0)
                fail_msg("%s differs; now it is:\n%s", path, buf_string(rendered));
        buf_done(&b);
}

static void check_one(size_t kind, const char *sample, bool degraded) {
        ReceiverCommon *s = receiver_fixture_new(kinds[kind].kind);
        Notice *n = notice_sample_new(sample);
        Buf b = BUF_INIT(GOLDEN_MAX);
        char path[256];

        (void) snprintf(path, sizeof path, GOLDEN_DIR "/%s/%s%s.%s", kinds[kind].kind, sample,
                        degraded ? "-degraded" : "", kinds[kind].extension);
        assert_int_equal(s->kind->render(s, n, degraded, &b), 0);
        if (kinds[kind].is_json)
                check_json(path, &b);
        else
                check_bytes(path, &b);
        buf_done(&b);
        (void) notice_free(n);
        (void) receiver_settings_free(s);
}

static void test_kind(void **state) {
        size_t kind = (size_t) *state;

        if (updating()) {
                char dir[128];
                (void) mkdir(GOLDEN_DIR, 0755);
                (void) snprintf(dir, sizeof dir, GOLDEN_DIR "/%s", kinds[kind].kind);
                (void) mkdir(dir, 0755);
        }
        for (const char *const *sample = notice_sample_names; *sample; sample++)
                check_one(kind, *sample, false);
        check_one(kind, "succeeded", true);
        check_one(kind, "hostile", true);
}

static void on_done(const Outcome *outcome, void *userdata) {
        (void) userdata;
        assert_int_equal(outcome->kind, OUTCOME_OK);
}

/* One request as it goes out, signed with two secrets, for the official verifiers
 * (tests/verify/webhook.mjs). */
static void test_signed(void **state) {
        ReceiverCommon *s = receiver_fixture_new("webhook", "secret",
                                                 "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secret",
                                                 "plain text is a key as it is");
        HttpScript *script = http_script_new(NULL);
        Notice *n = notice_sample_new("succeeded");
        Buf body = BUF_INIT(GOLDEN_MAX), b = BUF_INIT(GOLDEN_MAX);
        json_object *o = json_object_new_object(), *headers = json_object_new_object();
        ReceiverSend *send;

        (void) state;
        assert_int_equal(s->kind->render(s, n, false, &body), 0);
        const ReceiverPorts ports = { .http = http_script_http(script), .version = "0" };
        const ReceiverAttempt attempt = {
                .notice_id = n->id,
                .body = body.data,
                .body_size = body.size,
                .now_real_usec = n->created_usec,
        };
        http_script_expect(script, &(HttpStep) { .status = 200 });
        assert_int_equal(s->kind->send(s, &ports, &attempt, on_done, NULL, &send), 0);
        assert_int_equal(http_script_run(script), 1);
        const HttpRecord *r = http_script_request(script, 0);
        static const char *const names[] = { "webhook-id", "webhook-timestamp", "webhook-signature" };
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                assert_int_equal(json_add_string(headers, names[i], http_record_header(r, names[i])), 0);
        assert_int_equal(json_add(o, "headers", headers), 0);
        assert_int_equal(json_add_string(o, "body", r->body), 0);
        assert_int_equal(buf_puts(&b, json_object_to_json_string(o)), 0);
        check_json(GOLDEN_DIR "/webhook/signed.json", &b);
        json_object_put(o);
        buf_done(&b);
        buf_done(&body);
        (void) notice_free(n);
        http_script_finish(script);
        (void) receiver_settings_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                { "webhook", test_kind, NULL, NULL, (void *) 0 },
                { "slack", test_kind, NULL, NULL, (void *) 1 },
                { "teams", test_kind, NULL, NULL, (void *) 2 },
                { "email", test_kind, NULL, NULL, (void *) 3 },
                { "journal", test_kind, NULL, NULL, (void *) 4 },
                cmocka_unit_test(test_signed),
        };

        (void) setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);  /* needs no zone files */
        return cmocka_run_group_tests(tests, NULL, NULL);
}
