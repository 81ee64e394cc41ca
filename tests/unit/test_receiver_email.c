/* E-mail: addresses, headers that nothing can be injected into, threading, and what SMTP replies mean. The
 * mail transport is replaced at link time by the two functions at the top. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "io/mail.h"
#include "receiver/mail_header.h"
#include "unit/notice_samples.h"
#include "unit/receiver_fixture.h"

/* --- the transport --------------------------------------------------------------------------------- */

struct MailCall {
        mail_done_t done;
        void *userdata;
};

static struct {
        MailCall call;
        bool under_way;
        int error;
        bool require_tls;
        char from[300], to[600];
        size_t n_to, message_size;
} mail;

int mail_submit(CurlGlue *glue, const MailRequest *request, mail_done_t done, void *userdata,
                MailCall **ret) {
        (void) glue;
        if (mail.error < 0)
                return mail.error;
        assert_false(mail.under_way);
        mail.call = (MailCall) { done, userdata };
        mail.under_way = true;
        mail.require_tls = request->require_tls;
        (void) snprintf(mail.from, sizeof mail.from, "%s", request->from);
        mail.to[0] = '\0';
        for (char *const *to = request->to; *to; to++) {
                size_t n = strlen(mail.to);
                (void) snprintf(mail.to + n, sizeof mail.to - n, "%s%s", n > 0 ? " " : "", *to);
        }
        mail.message_size = request->message_size;
        assert_true(request->timeout_usec > 0);
        *ret = &mail.call;
        return 0;
}

MailCall *mail_cancel(MailCall *call) {
        if (call)
                mail.under_way = false;
        return NULL;
}

static void mail_answer(const MailReply *reply) {
        assert_true(mail.under_way);
        mail.under_way = false;
        mail.call.done(reply, mail.call.userdata);
}

/* --- addresses ------------------------------------------------------------------------------------- */

static void test_addresses(void **state) {
        static const struct {
                const char *text, *name, *address;
        } good[] = {
                { "a@b", NULL, "a@b" },
                { "  ml.team+ft@mail-1.example.org ", NULL, "ml.team+ft@mail-1.example.org" },
                { "<a@b.example>", NULL, "a@b.example" },
                { "ML Team <ml@example.org>", "ML Team", "ml@example.org" },
                { "\"Team, ML\" <ml@example.org>", "Team, ML", "ml@example.org" },
                { "J\xc3\xbcrgen <j@example.org>", "J\xc3\xbcrgen", "j@example.org" },
        };
        static const char *const bad[] = {
                "",
                "a",
                "@",
                "a@",
                "@b",
                "a@b@c",
                "a b@c",
                "a@b c",
                "a@b\r\nBcc: c@d",
                "a@b\n",
                "a\t@b",
                "<a@b",
                "<a@b> c",
                "a@b>",
                ".a@b",
                "a.@b",
                "a..b@c",
                "a@b..c",
                "a@-b,c",
                "\"a\\\" <a@b>",
                "\xff <a@b>",
                "a,b@c",
                "\xc3\xa4@b",
                "a@\xc3\xa4",
                "<>",
                "<a@b><c@d>",
                "a@b,c@d",
        };
        char longest[400];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                MailAddress a;
                const char *why = NULL;
                assert_int_equal(mail_address_parse(good[i].text, &a, &why), 0);
                assert_true(streq_null(a.name, good[i].name));
                assert_string_equal(a.address, good[i].address);
                mail_address_done(&a);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                MailAddress a;
                const char *why = NULL;
                if (mail_address_parse(bad[i], &a, &why) != -EINVAL || !why)
                        fail_msg("accepted: \"%s\"", bad[i]);
        }
        memset(longest, 'a', sizeof longest);
        memcpy(longest + 60, "@", 1);
        longest[ADDRESS_MAX + 1] = '\0';
        MailAddress a;
        const char *why;
        assert_int_equal(mail_address_parse(longest, &a, &why), -EINVAL);
        longest[ADDRESS_MAX] = '\0';
        assert_int_equal(mail_address_parse(longest, &a, &why), 0);
        mail_address_done(&a);
}

static void test_check(void **state) {
        static const struct {
                const char *key, *value, *says;
        } bad[] = {
                { "from", "nobody", "no @" },           { "to", "a@b\r\nBcc: c@d", "control" },
                { "to", "a@b@c", "more than one @" },   { "user", "me", "both or not at all" },
                { "password", "x", "both or not at all" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                ReceiverCommon *s = receiver_fixture_new("email", bad[i].key, bad[i].value);
                _cleanup_free_ char *message = NULL;
                assert_int_equal(s->kind->check(s, &message), -EINVAL);
                if (!strstr(message, bad[i].says))
                        fail_msg("%s = %s: %s", bad[i].key, bad[i].value, message);
                (void) receiver_settings_free(s);
        }
        ReceiverCommon *s = receiver_fixture_new("email", "user", "me", "password", "x");
        char *message = NULL;
        assert_int_equal(s->kind->check(s, &message), 0);
        (void) receiver_settings_free(s);
}

/* --- the message ----------------------------------------------------------------------------------- */

static Buf render(const ReceiverCommon *s, const char *sample) {
        Notice *n = notice_sample_new(sample);
        Buf b = BUF_INIT(1024 * 1024);

        assert_int_equal(s->kind->render(s, n, false, &b), 0);
        (void) notice_free(n);
        return b;
}

/* Every line ends in CRLF, is short, and a header starts with one of our names or is folded. */
static void check_shape(const char *sample, const char *message) {
        static const char *const names[] = {
                "From: ",
                "To: ",
                "Subject: ",
                "Date: ",
                "Message-ID: ",
                "In-Reply-To: ",
                "References: ",
                "Auto-Submitted: ",
                "X-Auto-Response-Suppress: ",
                "List-Id: ",
                "Importance: ",
                "X-Ftwatch-Type: ",
                "MIME-Version: ",
                "Content-Type: ",
                "Content-Transfer-Encoding: ",
        };
        unsigned seen[ARRAY_SIZE(names)] = {};
        bool in_header = true;

        for (const char *line = message; *line;) {
                size_t n = strcspn(line, "\r\n");
                if (line[n] != '\r' || line[n + 1] != '\n' || n > 100)
                        fail_msg("%s: bad line end or length %zu: %.*s", sample, n, (int) n, line);
                for (size_t i = 0; i < n; i++)
                        if ((unsigned char) line[i] < ' ' || (unsigned char) line[i] >= 0x7f)
                                fail_msg("%s: byte %02x in: %.*s", sample, (unsigned char)line[i], (int) n,
                                         line);
                if (n == 0)
                        in_header = false;
                if (in_header && *line != ' ') {
                        size_t k = 0;
                        while (k < ARRAY_SIZE(names) && !startswith(line, names[k]))
                                k++;
                        if (k == ARRAY_SIZE(names) || ++seen[k] > 1)
                                fail_msg("%s: header unknown or twice: %.*s", sample, (int) n, line);
                }
                line += n + 2;
        }
        for (size_t k = 0; k < 10; k++)
                assert_int_equal(seen[k], 1);
}

static void test_no_injection(void **state) {
        ReceiverCommon *s = receiver_fixture_new(
                "email", "from",
                "\"W\xc3\xa4"
                "chter, der\" <ftwatchd@example.org>",
                "to", "ML <ml@example.org>", "to",
                "Ein sehr langer Name mit \xc3\xbc"
                "ber sechzig Zeichen, damit er gefaltet wird <b@example.org>");

        (void) state;
        for (const char *const *name = notice_sample_names; *name; name++) {
                Buf b = render(s, *name);
                check_shape(*name, b.data);
                assert_null(strstr(b.data, "\nBcc:"));
                assert_null(strstr(b.data, "\r\n.\r\n"));
                buf_done(&b);
        }
        (void) receiver_settings_free(s);
}

static char *header(const char *message, const char *name) {
        const char *at = strstr(message, name);

        assert_non_null(at);
        at += strlen(name);
        char *copy = strndup(at, strcspn(at, "\r"));
        assert_non_null(copy);
        return copy;
}

/* All mails about a job refer to one root and have one subject; another job has another. */
static void test_threads(void **state) {
        static const char *const of_one_job[] = { "created", "paused", "failed", "succeeded", "results" };
        ReceiverCommon *s = receiver_fixture_new("email");
        char *root = NULL, *subject = NULL;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(of_one_job); i++) {
                Buf b = render(s, of_one_job[i]);
                char *references = header(b.data, "\nReferences: "),
                     *parent = header(b.data, "\nIn-Reply-To: ");
                char *title = header(b.data, "\nSubject: ");
                assert_string_equal(references, parent);
                if (root) {
                        assert_string_equal(references, root);
                        assert_string_equal(title, subject);
                }
                free(root);
                free(subject);
                free(parent);
                root = references;
                subject = title;
                buf_done(&b);
        }
        Buf b = render(s, "source_unauthorized");
        char *other = header(b.data, "\nReferences: ");
        assert_string_not_equal(root, other);
        free(other);
        free(root);
        free(subject);
        buf_done(&b);
        (void) receiver_settings_free(s);
}

static void test_subject_event(void **state) {
        ReceiverCommon *s = receiver_fixture_new("email", "subject", "event");
        Buf b = render(s, "failed");
        char *subject = header(b.data, "\nSubject: ");

        (void) state;
        assert_string_equal(subject, "[ftwatchd] contoso-eastus: support-bot-v3 failed");
        free(subject);
        buf_done(&b);
        (void) receiver_settings_free(s);
}

/* --- sending --------------------------------------------------------------------------------------- */

static Outcome last;
static unsigned n_done;

static void on_done(const Outcome *outcome, void *userdata) {
        (void) userdata;
        last = *outcome;
        n_done++;
}

static ReceiverSend *start(ReceiverCommon *s, int expect) {
        static const char body[] = "Subject: x\r\n\r\nx\r\n";
        const ReceiverPorts ports = { .version = "0" };
        const ReceiverAttempt attempt = { .notice_id = NOTICE_SAMPLE_ID,
                                          .body = body,
                                          .body_size = sizeof body - 1 };
        ReceiverSend *send = NULL;

        n_done = 0;
        assert_int_equal(s->kind->send(s, &ports, &attempt, on_done, NULL, &send), expect);
        assert_int_equal(n_done, 0);
        return send;
}

static void test_outcomes(void **state) {
        static const struct {
                MailReply reply;
                OutcomeKind kind;
                Reason reason;
                bool reshape;
        } rows[] = {
                { { .code = 250 }, OUTCOME_OK, REASON_NONE, false },
                { { .code = 421 }, OUTCOME_RETRY, REASON_SERVER_ERROR, false },
                { { .code = 450 }, OUTCOME_RETRY, REASON_THROTTLED, false },
                { { .code = 452 }, OUTCOME_RETRY, REASON_THROTTLED, false },
                { { .code = 454 }, OUTCOME_RETRY, REASON_SERVER_ERROR, false },
                { { .code = 530 }, OUTCOME_RETRY, REASON_UNAUTHORIZED, false },
                { { .code = 535, .login_denied = true }, OUTCOME_RETRY, REASON_UNAUTHORIZED, false },
                { { .code = 0, .login_denied = true }, OUTCOME_RETRY, REASON_UNAUTHORIZED, false },
                { { .code = 550 }, OUTCOME_REJECTED, REASON_NOT_FOUND, false },
                { { .code = 552 }, OUTCOME_REJECTED, REASON_TOO_LARGE, true },
                { { .code = 554 }, OUTCOME_REJECTED, REASON_BAD_REQUEST, true },
                { { .code = 500 }, OUTCOME_REJECTED, REASON_BAD_REQUEST, false },
                { { .code = 0 }, OUTCOME_RETRY, REASON_BAD_REPLY, false },
                { { .failure = HTTP_FAILURE_TLS }, OUTCOME_RETRY, REASON_TLS, false },
                { { .failure = HTTP_FAILURE_CONNECT }, OUTCOME_RETRY, REASON_CONNECT, false },
                { { .failure = HTTP_FAILURE_TIMEOUT }, OUTCOME_RETRY, REASON_TIMEOUT, false },
        };
        ReceiverCommon *s = receiver_fixture_new("email", "to", "A <a@example.org>", "to", "b@example.org");

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_non_null(start(s, 0));
                assert_string_equal(mail.from, "ftwatchd@example.org");
                assert_string_equal(mail.to, "a@example.org b@example.org");
                mail_answer(&rows[i].reply);
                assert_int_equal(n_done, 1);
                assert_int_equal(last.kind, rows[i].kind);
                assert_int_equal(last.reason, rows[i].reason);
                assert_int_equal(last.reshape, rows[i].reshape);
                assert_int_equal(last.status,
                                 rows[i].reply.failure == HTTP_FAILURE_NONE ? rows[i].reply.code : 0);
        }
        ReceiverSend *send = start(s, 0);
        s->kind->cancel(send);
        assert_false(mail.under_way);
        mail.error = -ENOMEM;
        (void) start(s, -ENOMEM);
        mail.error = 0;
        assert_int_equal(n_done, 0);
        (void) receiver_settings_free(s);
}

/* STARTTLS is demanded everywhere but on this machine. */
static void test_tls(void **state) {
        static const struct {
                const char *server;
                bool require_tls;
        } rows[] = {
                { "smtp://mail.example.org", true },    { "smtp://mail.example.org:587", true },
                { "smtp://127.0.0.1:2525", false },     { "smtp://localhost", false },
                { "smtp://[::1]:25", false },           { "smtp://127.0.0.1.example.org", true },
                { "smtps://mail.example.org", false },  { "smtp://localhost.example.org", true },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ReceiverCommon *s = receiver_fixture_new("email", "server", rows[i].server);
                assert_non_null(start(s, 0));
                if (mail.require_tls != rows[i].require_tls)
                        fail_msg("%s", rows[i].server);
                mail_answer(&(MailReply) { .code = 250 });
                (void) receiver_settings_free(s);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_addresses),     cmocka_unit_test(test_check),
                cmocka_unit_test(test_no_injection),  cmocka_unit_test(test_threads),
                cmocka_unit_test(test_subject_event), cmocka_unit_test(test_outcomes),
                cmocka_unit_test(test_tls),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
