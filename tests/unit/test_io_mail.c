/* io/mail: against a real SMTP server (tests/sim/smtp_sink.py), and against a peer no real one would be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "io/mail.h"
#include "unit/io_peer.h"
#include "unit/io_sink.h"
#include "unit/io_tls.h"

static IoTls *tls;

typedef struct Waiter {
        MailReply reply;
        MailCall *call;
        unsigned n_done;
        bool is_inside;
} Waiter;

static void on_done(const MailReply *reply, void *userdata) {
        Waiter *w = userdata;

        assert_false(w->is_inside);
        w->reply = *reply;
        w->call = NULL;
        w->n_done++;
}

static char *const one_recipient[] = { (char *) "ann@example.org", NULL };
static char *const three_recipients[] = {
        (char *) "ann@example.org", (char *) "bob@example.org", (char *) "eve@example.org", NULL,
};

#define MESSAGE "From: a@example.org\r\nTo: b@example.org\r\nSubject: s\r\n\r\nbody\r\n"

static MailRequest request_for(IoFixture *f, const char *scheme, const char *host, unsigned port) {
        (void) snprintf(f->url, sizeof f->url, "%s://%s:%u", scheme, host, port);
        return (MailRequest) {
                .server = f->url, .from = "ftwatchd@example.org", .to = one_recipient,
                .message = MESSAGE, .message_size = strlen(MESSAGE), .timeout_usec = 10 * USEC_PER_SEC,
        };
}

static void send_mail(Waiter *w, IoFixture *f, const MailRequest *request) {
        *w = (Waiter) { .is_inside = true };
        assert_return_code(mail_submit(f->glue, request, on_done, w, &w->call), 0);
        w->is_inside = false;
        io_run_until(f, &w->n_done, 1);
        assert_int_equal(w->n_done, 1);
}

static void assert_accepted(const Waiter *w) {
        const char *name = http_failure_to_string(w->reply.failure);

        if (w->reply.failure != HTTP_FAILURE_NONE || w->reply.code != 250)
                fail_msg("%s %d: %s", name, w->reply.code, w->reply.detail);
        assert_false(w->reply.login_denied);
}

/* Lines that begin with dots, long lines, and more than libcurl takes in one piece. */
static char *awkward_message(void) {
        Buf b = BUF_INIT(1U << 20);
        char *s = NULL;

        (void) buf_puts(&b, "Subject: dots\r\n\r\n.\r\n..\r\n.a\r\n\r\n.\r\n");
        for (unsigned i = 0; i < 20000; i++)
                (void) buf_puts(&b, i % 3 ? ".\r\n" : "..x\r\n");
        for (unsigned i = 0; i < 990; i++)
                (void) buf_putc(&b, 'x');
        (void) buf_puts(&b, "\r\n.end.\r\n");
        assert_return_code(buf_take(&b, &s), 0);
        return s;
}

static void test_bytes_arrive(void **state) {
        static const char *const none[] = { NULL };
        IoFixture *f = *state;
        Sink sink = { 0 };
        Waiter w;

        sink_start(&sink, tls->dir, none);
        MailRequest request = request_for(f, "smtp", "127.0.0.1", sink.port);
        send_mail(&w, f, &request);
        assert_accepted(&w);
        assert_string_equal(w.reply.detail, "");
        _cleanup_free_ char *message = awkward_message();
        request.message = message;
        request.message_size = strlen(message);
        send_mail(&w, f, &request);
        assert_accepted(&w);
        static const char dot_first[] = ".\r\n.dot is the very first byte\r\n";
        request.message = dot_first;
        request.message_size = strlen(dot_first);
        send_mail(&w, f, &request);
        assert_accepted(&w);

        _cleanup_free_ char *first = sink_mail(&sink, 0, "eml"), *second = sink_mail(&sink, 1, "eml"),
                            *third = sink_mail(&sink, 2, "eml"), *envelope = sink_mail(&sink, 0, "json");
        assert_non_null(first);
        assert_string_equal(first, MESSAGE);
        assert_non_null(second);
        assert_string_equal(second, message);
        assert_non_null(third);
        assert_string_equal(third, dot_first);
        assert_non_null(strstr(envelope, "\"from\": \"ftwatchd@example.org\""));
        assert_non_null(strstr(envelope, "\"to\": [\"ann@example.org\"]"));
        sink_stop(&sink);
}

static void test_recipients(void **state) {
        static const char *const options[] = { "--refuse-rcpt", "bob@example.org", NULL };
        static char *const only_bob[] = { (char *) "bob@example.org", NULL };
        IoFixture *f = *state;
        Sink sink = { 0 };
        Waiter w;

        sink_start(&sink, tls->dir, options);
        MailRequest request = request_for(f, "smtp", "localhost", sink.port);
        request.to = three_recipients;
        send_mail(&w, f, &request);
        assert_accepted(&w);
        assert_int_equal(w.reply.n_refused, 1);
        assert_string_equal(w.reply.detail,
                            "1 of 3 recipients refused, bob@example.org: 550 No such user here");
        _cleanup_free_ char *envelope = sink_mail(&sink, 0, "json");
        assert_non_null(strstr(envelope, "\"to\": [\"ann@example.org\", \"eve@example.org\"]"));

        request.to = only_bob;
        send_mail(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
        assert_int_equal(w.reply.code, 550);
        assert_int_equal(w.reply.n_refused, 1);
        assert_string_equal(w.reply.detail, "550 No such user here");
        sink_stop(&sink);
}

static void test_refused(void **state) {
        static const char *const options[] = { "--refuse", "451", NULL };
        IoFixture *f = *state;
        Sink sink = { 0 };
        Waiter w;

        sink_start(&sink, tls->dir, options);
        MailRequest request = request_for(f, "smtp", "localhost", sink.port);
        send_mail(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
        assert_int_equal(w.reply.code, 451);
        assert_int_equal(w.reply.n_refused, 0);
        assert_string_equal(w.reply.detail, "451 Refused as told");
        sink_stop(&sink);
}

static void check_tls(IoFixture *f, bool starttls) {
        const char *const options[] = { "--tls-cert", tls->cert, "--tls-key", tls->key,
                                        starttls ? "--starttls" : NULL, NULL };
        Sink sink = { 0 };
        Waiter w;

        sink_start(&sink, tls->dir, options);
        MailRequest request = request_for(f, starttls ? "smtp" : "smtps", "localhost", sink.port);
        request.require_tls = starttls;
        send_mail(&w, f, &request);             /* nobody knows the certificate */
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TLS);
        assert_int_equal(w.reply.code, 0);
        request.ca_file = tls->cert;
        send_mail(&w, f, &request);
        assert_accepted(&w);
        _cleanup_free_ char *envelope = sink_mail(&sink, 0, "json"), *mail = sink_mail(&sink, 0, "eml");
        assert_non_null(strstr(envelope, "\"tls\": true"));
        assert_string_equal(mail, MESSAGE);
        sink_stop(&sink);
}

static void test_starttls(void **state) {
        check_tls(*state, true);
}

static void test_implicit_tls(void **state) {
        check_tls(*state, false);
}

static void test_starttls_not_offered(void **state) {
        static const char *const none[] = { NULL };
        IoFixture *f = *state;
        Sink sink = { 0 };
        Waiter w;

        sink_start(&sink, tls->dir, none);
        MailRequest request = request_for(f, "smtp", "localhost", sink.port);
        request.require_tls = true;
        send_mail(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TLS);
        assert_null(sink_mail(&sink, 0, "eml"));
        sink_stop(&sink);
}

static void test_login(void **state) {
        static const char *const options[] = { "--auth", "user:pass word", NULL };
        IoFixture *f = *state;
        Sink sink = { 0 };
        Waiter w;
        Secret *good = NULL, *bad = NULL;

        assert_return_code(secret_new(&good, "pass word", 9), 0);
        assert_return_code(secret_new(&bad, "wrong-secret", 12), 0);
        sink_start(&sink, tls->dir, options);
        MailRequest request = request_for(f, "smtp", "localhost", sink.port);
        request.user = "user";
        request.password = good;
        send_mail(&w, f, &request);
        assert_accepted(&w);
        _cleanup_free_ char *envelope = sink_mail(&sink, 0, "json");
        assert_non_null(strstr(envelope, "\"login\": \"user\""));

        request.password = bad;
        send_mail(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
        assert_true(w.reply.login_denied);
        assert_int_equal(w.reply.code, 535);
        assert_non_null(startswith(w.reply.detail, "login refused: 535 "));
        assert_null(strstr(w.reply.detail, "wrong-secret"));

        request.user = NULL;                    /* none given, one wanted */
        send_mail(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
        assert_int_equal(w.reply.code, 530);
        assert_false(w.reply.login_denied);
        sink_stop(&sink);
        secret_free(good);
        secret_free(bad);
}

static void test_slow_server_and_deadline(void **state) {
        static const char *const options[] = { "--slow", "30", NULL };
        IoFixture *f = *state;
        Sink sink = { 0 };
        Waiter w;

        sink_start(&sink, tls->dir, options);
        MailRequest request = request_for(f, "smtp", "localhost", sink.port);
        request.timeout_usec = 300 * USEC_PER_MSEC;
        usec_t start = clock_usec(CLOCK_MONOTONIC);
        send_mail(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TIMEOUT);
        assert_int_equal(w.reply.code, 0);
        assert_in_range(clock_usec(CLOCK_MONOTONIC) - start, 290 * USEC_PER_MSEC, 5 * USEC_PER_SEC);
        sink_stop(&sink);
}

/* A dialogue: what is said at the first line that begins so. */
typedef struct Line {
        const char *command, *answer;
        PeerAfter after;
} Line;

static void answer_lines(const char *request, _unused_ unsigned nth, PeerAnswer *ret, void *userdata) {
        for (const Line *l = userdata; l->command; l++)
                if (request ? *l->command && startswith(request, l->command) : !*l->command) {
                        *ret = (PeerAnswer) { .bytes = l->answer, .after = l->after };
                        return;
                }
}

#define GREETING { "", "220 hello\r\n", PEER_KEEP }
#define EHLO { "EHLO", "250-hello\r\n250 AUTH PLAIN LOGIN\r\n", PEER_KEEP }
#define UP_TO_DATA                                                      \
        GREETING, EHLO, { "MAIL", "250 ok\r\n", PEER_KEEP },            \
        { "RCPT", "250 ok\r\n", PEER_KEEP }, { "DATA", "354 go\r\n", PEER_KEEP }

static void test_odd_dialogues(void **state) {
        static const struct {
                Line lines[9];
                HttpFailure failure;
                int code;
                const char *detail;
        } rows[] = {
                { { UP_TO_DATA, { ".", "250 ok\r\n", PEER_KEEP }, { "QUIT", "221 bye\r\n", PEER_CLOSE } },
                  HTTP_FAILURE_NONE, 250, "" },
                /* says nothing more: nobody waits for the answer to QUIT */
                { { UP_TO_DATA, { ".", "250 ok\r\n", PEER_KEEP } }, HTTP_FAILURE_NONE, 250, "" },
                { { UP_TO_DATA, { ".", "250 ok\r\n", PEER_RESET } }, HTTP_FAILURE_NONE, 250, "" },
                { { UP_TO_DATA, { ".", "250-two\r\n250 lines\r\n", PEER_CLOSE } },
                  HTTP_FAILURE_NONE, 250, "" },
                { { UP_TO_DATA, { ".", "552 5.3.4 too\x1b[31m big\r\n", PEER_KEEP } },
                  HTTP_FAILURE_NONE, 552, "552 5.3.4 too [31m big" },
                { { UP_TO_DATA, { ".", "bla bla\r\n", PEER_KEEP } }, HTTP_FAILURE_RESET, 0, NULL },
                { { GREETING, EHLO, { "MAIL", "354 go\r\n", PEER_KEEP } }, HTTP_FAILURE_RESET, 0, NULL },
                { { GREETING, EHLO, { "MAIL", "250 ok\r\n250 ok\r\n", PEER_KEEP } },
                  HTTP_FAILURE_RESET, 0, NULL },
                { { UP_TO_DATA, { ".", "", PEER_CLOSE } }, HTTP_FAILURE_RESET, 0, NULL },
                { { GREETING, EHLO, { "MAIL", "550-no\r\n550 never\r\n", PEER_KEEP } },
                  HTTP_FAILURE_NONE, 550, "550 never" },
                { { GREETING, EHLO, { "MAIL", "", PEER_CLOSE } }, HTTP_FAILURE_RESET, 0, NULL },
                { { { "", "554 go away\r\n", PEER_CLOSE } }, HTTP_FAILURE_NONE, 554, "554 go away" },
                { { { "", "421 busy\r\n", PEER_KEEP } }, HTTP_FAILURE_NONE, 421, "421 busy" },
                { { { "", "", PEER_CLOSE } }, HTTP_FAILURE_RESET, 0, NULL },
                { { { "", "HTTP/1.1 400 Bad\r\n\r\n", PEER_CLOSE } }, HTTP_FAILURE_RESET, 0, NULL },
                { { GREETING, { "EHLO", "500 what\r\n", PEER_KEEP }, { "HELO", "500 what\r\n", PEER_KEEP } },
                  HTTP_FAILURE_NONE, 500, "500 what" },
        };
        IoFixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Waiter w;
                f->peer = peer_new(f->event, PEER_LINES, answer_lines, (void *) rows[i].lines);
                MailRequest request = request_for(f, "smtp", "127.0.0.1", peer_port(f->peer));
                usec_t start = clock_usec(CLOCK_MONOTONIC);
                send_mail(&w, f, &request);
                const char *name = http_failure_to_string(w.reply.failure);
                if (w.reply.failure != rows[i].failure || w.reply.code != rows[i].code ||
                    (rows[i].detail && !streq(w.reply.detail, rows[i].detail)))
                        fail_msg("row %zu: %s %d: %s", i, name, w.reply.code, w.reply.detail);
                assert_true(rows[i].detail || *w.reply.detail);
                assert_in_range(clock_usec(CLOCK_MONOTONIC) - start, 0, 900 * USEC_PER_MSEC);
                f->peer = peer_free(f->peer);
        }
}

/* The base64 of NUL user NUL hush-hush, and of hush-hush, thrown back by the server. */
static void test_echoed_password(void **state) {
        static const Line dialogues[][5] = {
                { GREETING, EHLO, { "AUTH PLAIN", "334 \r\n", PEER_KEEP },
                  { "AHVzZXIAaHVzaC1odXNo", "500 what is AHVzZXIAaHVzaC1odXNo?\r\n", PEER_KEEP } },
                { GREETING, EHLO, { "AUTH PLAIN", "535 not HUSH-HUSH\r\n", PEER_KEEP } },
                { GREETING, { "EHLO", "250-hello\r\n250 AUTH CRAM-MD5 NTLM\r\n", PEER_KEEP } },
        };
        static const int codes[] = { 500, 535, 0 };
        IoFixture *f = *state;
        Secret *secret = NULL;

        assert_return_code(secret_new(&secret, "hush-hush", 9), 0);
        for (size_t i = 0; i < ARRAY_SIZE(dialogues); i++) {
                Waiter w;
                f->peer = peer_new(f->event, PEER_LINES, answer_lines, (void *) dialogues[i]);
                MailRequest request = request_for(f, "smtp", "127.0.0.1", peer_port(f->peer));
                request.user = "user";
                request.password = secret;
                send_mail(&w, f, &request);
                assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
                assert_true(w.reply.login_denied);
                assert_int_equal(w.reply.code, codes[i]);
                assert_null(strcasestr(w.reply.detail, "hush"));
                assert_null(strstr(w.reply.detail, "aHVzaC1odXNo"));
                f->peer = peer_free(f->peer);
        }
        secret_free(secret);
}

static void test_refused_requests(void **state) {
        static char *const nobody[] = { NULL };
        static char *const injected[] = { (char *) "a@example.org>\r\nRCPT TO:<b@example.org", NULL };
        IoFixture *f = *state;
        Waiter w = { 0 };
        MailRequest good = request_for(f, "smtp", "127.0.0.1", 1), r = good;
        static const char *const servers[] = {
                "smtp://mail.example.org", "http://127.0.0.1", "mail.example.org", "",
        };

        for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
                r.server = servers[i];
                assert_int_equal(mail_submit(f->glue, &r, on_done, &w, NULL), -EPROTO);
        }
        r = good;
        r.to = nobody;
        assert_int_equal(mail_submit(f->glue, &r, on_done, &w, NULL), -EINVAL);
        r.to = injected;
        assert_int_equal(mail_submit(f->glue, &r, on_done, &w, NULL), -EINVAL);
        r = good;
        r.from = "a b@example.org";
        assert_int_equal(mail_submit(f->glue, &r, on_done, &w, NULL), -EINVAL);
        r = good;
        r.timeout_usec = 0;
        assert_int_equal(mail_submit(f->glue, &r, on_done, &w, NULL), -EINVAL);
        (void) io_run_idle(f);
        assert_int_equal(w.n_done, 0);
}

static void test_no_connection_and_cancel(void **state) {
        static const Line silent[] = { { NULL, NULL, PEER_KEEP } };
        IoFixture *f = *state;
        Waiter w = { 0 };

        f->peer = peer_new(f->event, PEER_LINES, answer_lines, (void *) silent);
        MailRequest request = request_for(f, "smtp", "127.0.0.1", peer_port(f->peer));
        assert_return_code(mail_submit(f->glue, &request, on_done, &w, &w.call), 0);
        while (peer_n_connections(f->peer) == 0)
                assert_return_code(sd_event_run(f->event, USEC_PER_SEC), 0);
        assert_null(mail_cancel(w.call));
        assert_null(mail_cancel(NULL));
        (void) io_run_idle(f);
        assert_int_equal(w.n_done, 0);
        f->peer = peer_free(f->peer);
        send_mail(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_CONNECT);
        request = request_for(f, "smtps", "mail.invalid", 465);
        send_mail(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_DNS);
}

static int group_setup(void **state) {
        tls = io_tls_new(0);
        return io_group_setup(state);
}

static int group_teardown(void **state) {
        tls = io_tls_free(tls);
        return io_group_teardown(state);
}

#define io_test(name) cmocka_unit_test_setup_teardown(name, io_setup, io_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                io_test(test_bytes_arrive),
                io_test(test_recipients),
                io_test(test_refused),
                io_test(test_starttls),
                io_test(test_implicit_tls),
                io_test(test_starttls_not_offered),
                io_test(test_login),
                io_test(test_slow_server_and_deadline),
                io_test(test_odd_dialogues),
                io_test(test_echoed_password),
                io_test(test_refused_requests),
                io_test(test_no_connection_and_cancel),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
