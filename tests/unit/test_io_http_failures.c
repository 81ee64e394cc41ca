/* io/http_curl when no complete reply comes: why, in which words, and how soon. TLS is in test_io_tls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"
#include "unit/io_client.h"

static void test_broken_replies(void **state) {
        static const struct {
                const char *answer;
                PeerAfter after;
                HttpFailure failure;
        } rows[] = {
                { "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", PEER_CLOSE, HTTP_FAILURE_RESET },
                { "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", PEER_RESET, HTTP_FAILURE_RESET },
                { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", PEER_CLOSE,
                  HTTP_FAILURE_RESET },
                { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", PEER_CLOSE,
                  HTTP_FAILURE_RESET },
                { "HTTP/1.1 200 OK\r\nContent-Le", PEER_CLOSE, HTTP_FAILURE_RESET },
                { "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\njunk", PEER_CLOSE,
                  HTTP_FAILURE_RESET },
                { "garbage garbage garbage\r\n\r\n", PEER_CLOSE, HTTP_FAILURE_RESET },
                { "220 mail.example.org ESMTP\r\n", PEER_CLOSE, HTTP_FAILURE_RESET },
                { "", PEER_CLOSE, HTTP_FAILURE_RESET },
                { "", PEER_RESET, HTTP_FAILURE_RESET },
                { "HTTP/1.1 200 OK\r\nContent-Length: 4097\r\n\r\n", PEER_KEEP, HTTP_FAILURE_TOO_LARGE },
        };
        IoFixture *f = *state;
        ClientScript script = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ClientWaiter w = { 0 };
                client_get(&w, f, &script, rows[i].answer, rows[i].after);
                const char *name = http_failure_to_string(w.reply.failure);
                if (w.reply.failure != rows[i].failure)
                        fail_msg("row %zu: %s (%s)", i, name, w.reply.detail);
                assert_null(strstr(w.reply.detail, "path"));
        }
}

/* No length, no chunks: what comes until the connection closes is the body. */
static void test_limit(void **state) {
        IoFixture *f = *state;
        _cleanup_free_ char *answer = NULL;
        static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";

        for (unsigned over = 0; over < 2; over++) {
                ClientWaiter w = { 0 };
                ClientScript script = { 0 };
                free(answer);
                answer = calloc(1, sizeof head + 4096 + over);
                assert_non_null(answer);
                memcpy(answer, head, sizeof head);
                memset(answer + strlen(head), 'x', 4096 + over);
                client_get(&w, f, &script, answer, PEER_CLOSE);
                assert_int_equal(w.reply.failure, over ? HTTP_FAILURE_TOO_LARGE : HTTP_FAILURE_NONE);
                assert_int_equal(w.body_size, over ? 0 : 4096);
                f->peer = peer_free(f->peer);
        }
}

static void test_timeout(void **state) {
        IoFixture *f = *state;
        ClientWaiter w = { 0 };
        ClientScript script = { 0 };

        f->peer = peer_new(f->event, PEER_HTTP, client_answer_script, &script);
        HttpRequest request = client_request(io_url(f, "/path"));
        request.timeout_usec = 100 * USEC_PER_MSEC;
        usec_t start = clock_usec(CLOCK_MONOTONIC);
        client_exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TIMEOUT);
        assert_in_range(clock_usec(CLOCK_MONOTONIC) - start, 95 * USEC_PER_MSEC, 5 * USEC_PER_SEC);
}

static void test_server_hangs_up_between_requests(void **state) {
        IoFixture *f = *state;
        ClientWaiter w = { 0 };
        ClientScript script = { 0 };

        for (unsigned i = 0; i < 10; i++) {
                client_get(&w, f, &script, OK_REPLY, PEER_KEEP);
                assert_int_equal(w.reply.status, 200);
                peer_hang_up(f->peer);
        }
        assert_int_equal(peer_n_connections(f->peer), 10);
}

/* The connection dies under the request: nothing of an answer came, so it goes out again on a fresh one. */
static void test_dead_connection_is_retried(void **state) {
        IoFixture *f = *state;
        ClientWaiter w = { 0 };
        ClientScript script = { .n_before = 1 };

        for (unsigned i = 0; i < 10; i++) {
                client_get(&w, f, &script, "", i % 2 ? PEER_RESET : PEER_CLOSE);
                assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
                assert_int_equal(w.reply.status, 200);
        }
        assert_int_equal(peer_n_connections(f->peer), 10);
        assert_int_equal(peer_n_requests(f->peer), 19);
}

static void test_no_connection(void **state) {
        IoFixture *f = *state;
        ClientWaiter w = { 0 };
        ClientScript script = { 0 };
        Secret *secret = NULL;
        char host[32];

        f->peer = peer_new(f->event, PEER_HTTP, client_answer_script, &script);
        HttpRequest request = client_request(io_url(f, "/path"));
        (void) snprintf(host, sizeof host, "port %u", peer_port(f->peer));
        f->peer = peer_free(f->peer);
        client_exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_CONNECT);
        assert_non_null(strstr(w.reply.detail, host));
        assert_null(strstr(w.reply.detail, "path"));

        assert_return_code(secret_new(&secret, f->url, strlen(f->url)), 0);
        request.url = NULL;
        request.secret_url = secret;
        client_exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_CONNECT);
        assert_null(strstr(w.reply.detail, host));
        assert_null(strstr(w.reply.detail, "127.0.0.1"));
        secret_free(secret);
}

static void test_no_such_host(void **state) {
        static const char url[] = "https://secret-host.invalid/secret-path?secret-query";
        IoFixture *f = *state;
        ClientWaiter w = { 0 };
        Secret *secret = NULL;

        HttpRequest request = client_request(url);
        client_exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_DNS);
        assert_non_null(strstr(w.reply.detail, "secret-host.invalid"));
        assert_null(strstr(w.reply.detail, "secret-path"));

        assert_return_code(secret_new(&secret, url, strlen(url)), 0);
        request.url = NULL;
        request.secret_url = secret;
        client_exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_DNS);
        assert_null(strstr(w.reply.detail, "secret"));
        secret_free(secret);
}

/* Stands in front of libc's: names below .slow are not resolved before the gate is open. */
static int gate[2];
static atomic_uint n_resolving;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *req, struct addrinfo **pai) {
        (void) service;
        (void) req;
        *pai = NULL;
        if (name && endswith(name, ".slow")) {
                char c;
                atomic_fetch_add(&n_resolving, 1);
                (void) !read(gate[0], &c, 1);
                atomic_fetch_sub(&n_resolving, 1);
        }
        return EAI_NONAME;
}

/* A resolver that does not answer stops neither the deadline nor the loop. */
static void test_slow_resolver(void **state) {
        IoFixture *f = *state;
        ClientWaiter w = { 0 }, cancelled = { 0 };

        assert_return_code(pipe(gate), errno);
        HttpRequest request = client_request("https://host.slow/");
        request.timeout_usec = 50 * USEC_PER_MSEC;
        client_exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TIMEOUT);
        request.timeout_usec = 10 * USEC_PER_SEC;
        assert_return_code(client_submit(&cancelled, f, &request), 0);
        while (atomic_load(&n_resolving) < 2)
                assert_return_code(sd_event_run(f->event, USEC_PER_MSEC), 0);
        assert_null(http_cancel(f->http, cancelled.call));
        assert_int_equal(atomic_load(&n_resolving), 2);
        close(gate[1]);
        while (atomic_load(&n_resolving) > 0)
                assert_return_code(sd_event_run(f->event, USEC_PER_MSEC), 0);
        close(gate[0]);
        assert_int_equal(cancelled.n_done, 0);
}

static void test_proxy(void **state) {
        IoFixture *f = *state;
        ClientWaiter w = { 0 };
        ClientScript script = { .answer.bytes = "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n" };
        char proxy[64];

        f->peer = peer_new(f->event, PEER_HTTP, client_answer_script, &script);
        (void) snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", peer_port(f->peer));
        HttpRequest request = client_request("https://example.invalid/path");
        request.way = &(HttpWay) { .proxy = proxy };
        client_exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "CONNECT example.invalid:443 "));
        assert_null(strstr(script.request, "path"));
        assert_int_equal(w.reply.failure, HTTP_FAILURE_PROXY);
        assert_non_null(strstr(w.reply.detail, "407"));

        /* From the environment; "" disables it; what is near never goes that way. */
        assert_return_code(setenv("https_proxy", proxy, 1), errno);
        assert_return_code(setenv("http_proxy", proxy, 1), errno);
        request.way = NULL;
        client_exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_PROXY);
        request.way = &(HttpWay) { .proxy = (char *) "" };
        client_exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_DNS);
        script.answer.bytes = OK_REPLY;
        request = client_request(io_url(f, "/near"));
        client_exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "GET /near HTTP/1.1"));
        request = client_request("http://169.254.169.254/metadata/identity");
        request.timeout_usec = 100 * USEC_PER_MSEC;
        unsigned n = peer_n_requests(f->peer);
        client_exchange(&w, f, &request);
        assert_int_equal(peer_n_requests(f->peer), n);
        request = client_request("https://example.invalid/");
        request.way = &(HttpWay) { .proxy = (char *) "http://proxy.invalid:3128" };
        client_exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_PROXY);
        assert_return_code(unsetenv("https_proxy"), errno);
        assert_return_code(unsetenv("http_proxy"), errno);
}

#define io_test(name) cmocka_unit_test_setup_teardown(name, io_setup, io_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                io_test(test_broken_replies),
                io_test(test_limit),
                io_test(test_timeout),
                io_test(test_server_hangs_up_between_requests),
                io_test(test_dead_connection_is_retried),
                io_test(test_no_connection),
                io_test(test_no_such_host),
                io_test(test_slow_resolver),
                io_test(test_proxy),
        };

        return cmocka_run_group_tests(tests, io_group_setup, io_group_teardown);
}
