/* io/http_curl against a peer that behaves, misbehaves and hangs up. TLS is in test_io_tls. */
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
#include "unit/io_peer.h"

/* gzip of {"object":"list"} */
static const unsigned char gzip_json[] = {
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0xca, 0x4f, 0xca, 0x4a,
        0x4d, 0x2e, 0x51, 0xb2, 0x52, 0xca, 0xc9, 0x2c, 0x2e, 0x51, 0xaa, 0x05, 0x00, 0xec, 0x59, 0xca,
        0xe9, 0x11, 0x00, 0x00, 0x00,
};

/* gzip of 100000 times "a" */
static const unsigned char gzip_bomb[] = {
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x31, 0x01, 0x00, 0x00,
        0x00, 0xc2, 0xa0, 0xac, 0xeb, 0x5f, 0xc2, 0x1a, 0x1e, 0x40, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xaf, 0x06, 0x87, 0xfa, 0xe2,
        0x1b, 0xa0, 0x86, 0x01, 0x00,
};

typedef struct Waiter {
        IoFixture *f;
        HttpCall *call, *other;
        HttpReply reply;                /* without the body */
        char body[256];
        size_t body_size;
        unsigned n_done;
        bool is_inside;
} Waiter;

/* What the peer saw last, and says. */
typedef struct Script {
        char request[4096];
        PeerAnswer answer;
        unsigned n_before;              /* this many requests of a connection are answered OK first */
} Script;

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void answer_script(const char *request, unsigned nth, PeerAnswer *ret, void *userdata) {
        Script *script = userdata;

        (void) snprintf(script->request, sizeof script->request, "%s", request);
        if (nth < script->n_before)
                ret->bytes = OK_REPLY;
        else
                *ret = script->answer;
}

static HttpRequest request_for(const char *url) {
        return (HttpRequest) {
                .method = "GET", .url = url, .timeout_usec = 10 * USEC_PER_SEC, .reply_limit = 4096,
        };
}

static void on_done(HttpReply *reply, void *userdata) {
        Waiter *w = userdata;

        assert_false(w->is_inside);
        w->call = NULL;
        w->reply = *reply;
        w->reply.body = (Buf) { 0 };
        w->body_size = reply->body.size;
        (void) snprintf(w->body, sizeof w->body, "%s", buf_string(&reply->body));
        w->n_done++;
        w->f->n_done++;
}

static int try_submit(Waiter *w, IoFixture *f, const HttpRequest *request) {
        w->f = f;
        w->is_inside = true;
        int r = http_submit(f->http, request, on_done, w, &w->call);
        w->is_inside = false;
        return r;
}

/* One request from beginning to end. */
static void exchange(Waiter *w, IoFixture *f, const HttpRequest *request) {
        unsigned n = w->n_done;

        assert_return_code(try_submit(w, f, request), 0);
        io_run_until(f, &w->n_done, n + 1);
        assert_int_equal(w->n_done, n + 1);
        if (w->reply.failure != HTTP_FAILURE_NONE) {
                assert_int_equal(w->reply.status, 0);
                assert_string_not_equal(w->reply.detail, "");
                assert_int_equal(w->body_size, 0);
        }
}

static void get(Waiter *w, IoFixture *f, Script *script, const char *answer, PeerAfter after) {
        script->answer = (PeerAnswer) { .bytes = answer, .after = after };
        if (!f->peer)
                f->peer = peer_new(f->event, PEER_HTTP, answer_script, script);
        HttpRequest request = request_for(io_url(f, "/path"));
        exchange(w, f, &request);
}

static void test_reply(void **state) {
        Waiter w = { 0 };
        Script script = { 0 };

        get(&w, *state, &script,
            "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 5\r\nContent-Type: application/json\r\n"
            "X-Request-Id: other\r\napim-request-id: 12\x01-34\r\nDate: Fri, 22 Nov 2024 10:06:40 GMT\r\n"
            "Retry-After: Fri, 22 Nov 2024 10:07:10 GMT\r\nX-Should-Retry: True\r\n\r\nhello", PEER_KEEP);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
        assert_int_equal(w.reply.status, 429);
        assert_string_equal(w.body, "hello");
        assert_string_equal(w.reply.content_type, "application/json");
        assert_string_equal(w.reply.request_id, "12-34");
        assert_int_equal(w.reply.date, 1732270000);
        assert_int_equal(w.reply.retry_after_usec, 30 * USEC_PER_SEC);
        assert_int_equal(w.reply.should_retry, 1);
        assert_string_equal(w.reply.detail, "");

        get(&w, *state, &script,
            "HTTP/1.1 503 No\r\nContent-Length: 0\r\nX-Request-Id: other\r\nretry-after-ms: 1500\r\n"
            "Retry-After: 9\r\nX-Should-Retry: false\r\n\r\n", PEER_CLOSE);
        assert_int_equal(w.reply.status, 503);
        assert_string_equal(w.reply.request_id, "other");
        assert_string_equal(w.reply.content_type, "");
        assert_int_equal(w.reply.date, 0);
        assert_int_equal(w.reply.retry_after_usec, 1500 * USEC_PER_MSEC);
        assert_int_equal(w.reply.should_retry, 0);

        get(&w, *state, &script,
            "HTTP/1.1 100 Continue\r\nX-Request-Id: early\r\n\r\nHTTP/1.1 204 No\r\n\r\n", PEER_CLOSE);
        assert_int_equal(w.reply.status, 204);
        assert_string_equal(w.reply.request_id, "");
        assert_int_equal(w.reply.should_retry, -1);
}

static void test_request(void **state) {
        IoFixture *f = *state;
        Waiter w = { 0 };
        Script script = { 0 };
        Secret *secret = NULL;

        script.answer.bytes = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n";
        assert_return_code(secret_new(&secret, "hush", 4), 0);
        f->peer = peer_new(f->event, PEER_HTTP, answer_script, &script);
        HttpRequest request = request_for(io_url(f, "/a%20b?c=d"));
        request.headers[request.n_headers++] = (HttpHeader) { "Authorization", "Bearer ", secret };
        request.headers[request.n_headers++] = (HttpHeader) { "api-key", NULL, secret };
        request.headers[request.n_headers++] = (HttpHeader) { "X-Empty", "", NULL };
        for (unsigned i = 0; i < 2; i++)
                exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "GET /a%20b?c=d HTTP/1.1\r\n"));
        assert_non_null(strstr(script.request, "\r\nAuthorization: Bearer hush\r\n"));
        assert_non_null(strstr(script.request, "\r\napi-key: hush\r\n"));
        assert_non_null(strstr(script.request, "\r\nX-Empty:\r\n"));
        assert_non_null(strstr(script.request, "\r\nUser-Agent: test/1.0\r\n"));
        assert_non_null(strstr(script.request, "\r\nAccept-Encoding: "));
        assert_null(strcasestr(script.request, "\r\nCookie:"));

        request.method = "POST";
        request.body = "{\"a\":1}";
        request.body_size = 7;
        request.headers[2] = (HttpHeader) { "Content-Type", "application/json", NULL };
        exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "POST "));
        assert_non_null(strstr(script.request, "\r\nContent-Type: application/json\r\n"));
        assert_non_null(endswith(script.request, "\r\n\r\n{\"a\":1}"));
        assert_null(strcasestr(script.request, "\r\nExpect:"));

        request.body_size = 0;
        exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "POST "));
        assert_non_null(strstr(script.request, "\r\nContent-Length: 0\r\n"));
        request.method = "HEAD";
        exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "HEAD "));
        request.method = "DELETE";
        exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "DELETE "));
        assert_int_equal(peer_n_connections(f->peer), 1);
        secret_free(secret);
}

static void test_refused_requests(void **state) {
        IoFixture *f = *state;
        Waiter w = { 0 };
        Secret *split = NULL, *zero = NULL;

        assert_return_code(secret_new(&split, "a\r\nb", 4), 0);
        assert_return_code(secret_new(&zero, "a\0b", 3), 0);
        const HttpHeader bad[] = {
                { "A", "b\r\nC: d", NULL }, { "A", "b\nC: d", NULL }, { "A\r\nB", "c", NULL },
                { "A:", "c", NULL }, { "", "c", NULL }, { "A", "b", split }, { "A", "b", zero },
        };
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                HttpRequest request = request_for("https://example.org/");
                request.headers[request.n_headers++] = bad[i];
                assert_int_equal(try_submit(&w, f, &request), -EINVAL);
        }
        static const char *const urls[] = {
                "http://example.org/", "ftp://127.0.0.1/", "file:///etc/passwd", "x", "",
        };
        for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
                HttpRequest request = request_for(urls[i]);
                assert_int_equal(try_submit(&w, f, &request), -EPROTO);
        }
        HttpRequest request = request_for("https://example.org/");
        request.timeout_usec = 0;
        assert_int_equal(try_submit(&w, f, &request), -EINVAL);
        request = request_for("https://example.org/");
        request.reply_limit = 0;
        assert_int_equal(try_submit(&w, f, &request), -EINVAL);
        request = request_for("https://example.org/");
        request.method = "GET / HTTP/1.1\r\nX:";
        assert_int_equal(try_submit(&w, f, &request), -EINVAL);
        request = request_for("https://example.org/");
        request.n_headers = HTTP_HEADERS_MAX + 1;
        assert_int_equal(try_submit(&w, f, &request), -EINVAL);
        request = request_for(NULL);
        assert_int_equal(try_submit(&w, f, &request), -EINVAL);
        (void) io_run_idle(f);
        assert_int_equal(w.n_done, 0);
        secret_free(split);
        secret_free(zero);
}

static void test_redirect_is_not_followed(void **state) {
        IoFixture *f = *state;
        Waiter w = { 0 };
        Script script = { 0 };

        get(&w, f, &script, "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
            PEER_KEEP);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
        assert_int_equal(w.reply.status, 302);
        assert_int_equal(peer_n_requests(f->peer), 1);
}

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
        Script script = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Waiter w = { 0 };
                get(&w, f, &script, rows[i].answer, rows[i].after);
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
                Waiter w = { 0 };
                Script script = { 0 };
                free(answer);
                answer = calloc(1, sizeof head + 4096 + over);
                assert_non_null(answer);
                memcpy(answer, head, sizeof head);
                memset(answer + strlen(head), 'x', 4096 + over);
                get(&w, f, &script, answer, PEER_CLOSE);
                assert_int_equal(w.reply.failure, over ? HTTP_FAILURE_TOO_LARGE : HTTP_FAILURE_NONE);
                assert_int_equal(w.body_size, over ? 0 : 4096);
                f->peer = peer_free(f->peer);
        }
}

static void test_gzip(void **state) {
        IoFixture *f = *state;
        const struct {
                const unsigned char *bytes;
                size_t size;
                HttpFailure failure;
        } rows[] = {
                { gzip_json, sizeof gzip_json, HTTP_FAILURE_NONE },
                { gzip_bomb, sizeof gzip_bomb, HTTP_FAILURE_TOO_LARGE },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Buf b = BUF_INIT(4096);
                Waiter w = { 0 };
                Script script = { 0 };

                assert_return_code(buf_printf(&b, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                                                  "Content-Length: %zu\r\n\r\n", rows[i].size), 0);
                assert_return_code(buf_append(&b, rows[i].bytes, rows[i].size), 0);
                script.answer = (PeerAnswer) { b.data, b.size, PEER_CLOSE };
                f->peer = peer_new(f->event, PEER_HTTP, answer_script, &script);
                HttpRequest request = request_for(io_url(f, "/"));
                exchange(&w, f, &request);
                assert_int_equal(w.reply.failure, rows[i].failure);
                assert_string_equal(w.body, i == 0 ? "{\"object\":\"list\"}" : "");
                f->peer = peer_free(f->peer);
                buf_done(&b);
        }
}

static void test_timeout(void **state) {
        IoFixture *f = *state;
        Waiter w = { 0 };
        Script script = { 0 };

        f->peer = peer_new(f->event, PEER_HTTP, answer_script, &script);
        HttpRequest request = request_for(io_url(f, "/path"));
        request.timeout_usec = 100 * USEC_PER_MSEC;
        usec_t start = clock_usec(CLOCK_MONOTONIC);
        exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TIMEOUT);
        assert_in_range(clock_usec(CLOCK_MONOTONIC) - start, 95 * USEC_PER_MSEC, 5 * USEC_PER_SEC);
}

static void test_server_hangs_up_between_requests(void **state) {
        IoFixture *f = *state;
        Waiter w = { 0 };
        Script script = { 0 };

        for (unsigned i = 0; i < 10; i++) {
                get(&w, f, &script, OK_REPLY, PEER_KEEP);
                assert_int_equal(w.reply.status, 200);
                peer_hang_up(f->peer);
        }
        assert_int_equal(peer_n_connections(f->peer), 10);
}

/* The connection dies under the request: nothing of an answer came, so it goes out again on a fresh one. */
static void test_dead_connection_is_retried(void **state) {
        IoFixture *f = *state;
        Waiter w = { 0 };
        Script script = { .n_before = 1 };

        for (unsigned i = 0; i < 10; i++) {
                get(&w, f, &script, "", i % 2 ? PEER_RESET : PEER_CLOSE);
                assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
                assert_int_equal(w.reply.status, 200);
        }
        assert_int_equal(peer_n_connections(f->peer), 10);
        assert_int_equal(peer_n_requests(f->peer), 19);
}

static void test_no_connection(void **state) {
        IoFixture *f = *state;
        Waiter w = { 0 };
        Script script = { 0 };
        Secret *secret = NULL;
        char host[32];

        f->peer = peer_new(f->event, PEER_HTTP, answer_script, &script);
        HttpRequest request = request_for(io_url(f, "/path"));
        (void) snprintf(host, sizeof host, "port %u", peer_port(f->peer));
        f->peer = peer_free(f->peer);
        exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_CONNECT);
        assert_non_null(strstr(w.reply.detail, host));
        assert_null(strstr(w.reply.detail, "path"));

        assert_return_code(secret_new(&secret, f->url, strlen(f->url)), 0);
        request.url = NULL;
        request.secret_url = secret;
        exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_CONNECT);
        assert_null(strstr(w.reply.detail, host));
        assert_null(strstr(w.reply.detail, "127.0.0.1"));
        secret_free(secret);
}

static void test_no_such_host(void **state) {
        static const char url[] = "https://secret-host.invalid/secret-path?secret-query";
        IoFixture *f = *state;
        Waiter w = { 0 };
        Secret *secret = NULL;

        HttpRequest request = request_for(url);
        exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_DNS);
        assert_non_null(strstr(w.reply.detail, "secret-host.invalid"));
        assert_null(strstr(w.reply.detail, "secret-path"));

        assert_return_code(secret_new(&secret, url, strlen(url)), 0);
        request.url = NULL;
        request.secret_url = secret;
        exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_DNS);
        assert_null(strstr(w.reply.detail, "secret"));
        secret_free(secret);
}

/* Stands in front of libc's: names below .slow are not resolved before the gate is open. */
static int gate[2];
static atomic_uint n_resolving;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret) {
        (void) service;
        (void) hints;
        *ret = NULL;
        if (node && endswith(node, ".slow")) {
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
        Waiter w = { 0 }, cancelled = { 0 };

        assert_return_code(pipe(gate), errno);
        HttpRequest request = request_for("https://host.slow/");
        request.timeout_usec = 50 * USEC_PER_MSEC;
        exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TIMEOUT);
        request.timeout_usec = 10 * USEC_PER_SEC;
        assert_return_code(try_submit(&cancelled, f, &request), 0);
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
        Waiter w = { 0 };
        Script script = { .answer.bytes = "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n" };
        char proxy[64];

        f->peer = peer_new(f->event, PEER_HTTP, answer_script, &script);
        (void) snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", peer_port(f->peer));
        HttpRequest request = request_for("https://example.invalid/path");
        request.proxy = proxy;
        exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "CONNECT example.invalid:443 "));
        assert_null(strstr(script.request, "path"));
        assert_int_equal(w.reply.failure, HTTP_FAILURE_PROXY);
        assert_non_null(strstr(w.reply.detail, "407"));

        /* From the environment; "" disables it; what is near never goes that way. */
        assert_return_code(setenv("https_proxy", proxy, 1), errno);
        assert_return_code(setenv("http_proxy", proxy, 1), errno);
        request.proxy = NULL;
        exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_PROXY);
        request.proxy = "";
        exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_DNS);
        script.answer.bytes = OK_REPLY;
        request = request_for(io_url(f, "/near"));
        exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "GET /near HTTP/1.1"));
        request = request_for("http://169.254.169.254/metadata/identity");
        request.timeout_usec = 100 * USEC_PER_MSEC;
        unsigned n = peer_n_requests(f->peer);
        exchange(&w, f, &request);
        assert_int_equal(peer_n_requests(f->peer), n);
        request = request_for("https://example.invalid/");
        request.proxy = "http://proxy.invalid:3128";
        exchange(&w, f, &request);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_PROXY);
        assert_return_code(unsetenv("https_proxy"), errno);
        assert_return_code(unsetenv("http_proxy"), errno);
}

static void test_cancel_and_free(void **state) {
        IoFixture *f = *state;
        Waiter w[8] = { 0 };
        Script script = { 0 };

        f->peer = peer_new(f->event, PEER_HTTP, answer_script, &script);
        HttpRequest request = request_for(io_url(f, "/"));
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                assert_return_code(try_submit(w + i, f, &request), 0);
        w[3].call = http_cancel(f->http, w[3].call);
        while (peer_n_requests(f->peer) < 7)
                assert_return_code(sd_event_run(f->event, USEC_PER_SEC), 0);
        w[4].call = http_cancel(f->http, w[4].call);
        f->http = http_free(f->http);
        (void) io_run_idle(f);
        assert_int_equal(f->n_done, 0);
}

static void on_done_cancel(HttpReply *reply, void *userdata) {
        Waiter *w = userdata;

        assert_null(http_cancel(w->f->http, w->call));  /* itself: nothing happens */
        w->other = http_cancel(w->f->http, w->other);
        on_done(reply, userdata);
}

static void on_done_free(HttpReply *reply, void *userdata) {
        Waiter *w = userdata;

        on_done(reply, userdata);
        w->f->http = http_free(w->f->http);
}

static void answer_by_path(const char *request, _unused_ unsigned nth, PeerAnswer *ret, _unused_ void *p) {
        if (!startswith(request, "GET /silent"))
                ret->bytes = OK_REPLY;
}

static void test_cancel_and_free_in_callback(void **state) {
        IoFixture *f = *state;
        Waiter silent = { 0 }, first = { .f = f }, second = { .f = f };

        f->peer = peer_new(f->event, PEER_HTTP, answer_by_path, NULL);
        HttpRequest request = request_for(io_url(f, "/silent"));
        assert_return_code(try_submit(&silent, f, &request), 0);
        while (peer_n_requests(f->peer) < 1)
                assert_return_code(sd_event_run(f->event, USEC_PER_SEC), 0);
        first.other = silent.call;
        request.url = io_url(f, "/");
        assert_return_code(http_submit(f->http, &request, on_done_cancel, &first, &first.call), 0);
        io_run_until(f, &first.n_done, 1);
        assert_return_code(http_submit(f->http, &request, on_done_free, &second, &second.call), 0);
        io_run_until(f, &second.n_done, 1);
        assert_null(f->http);
        assert_int_equal(second.reply.status, 200);
        (void) io_run_idle(f);
        assert_int_equal(silent.n_done, 0);
}

static void on_done_take(HttpReply *reply, void *userdata) {
        Waiter *w = userdata;
        Buf body = reply->body;

        reply->body = BUF_INIT(0);
        assert_string_equal(buf_string(&body), "ok");
        buf_done(&body);
        on_done(reply, w);
}

static void test_body_can_be_taken(void **state) {
        IoFixture *f = *state;
        Waiter w = { .f = f };

        f->peer = peer_new(f->event, PEER_HTTP, answer_by_path, NULL);
        HttpRequest request = request_for(io_url(f, "/"));
        assert_return_code(http_submit(f->http, &request, on_done_take, &w, &w.call), 0);
        io_run_until(f, &w.n_done, 1);
        assert_int_equal(w.reply.status, 200);
}

#define io_test(name) cmocka_unit_test_setup_teardown(name, io_setup, io_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                io_test(test_reply),
                io_test(test_request),
                io_test(test_refused_requests),
                io_test(test_redirect_is_not_followed),
                io_test(test_broken_replies),
                io_test(test_limit),
                io_test(test_gzip),
                io_test(test_timeout),
                io_test(test_server_hangs_up_between_requests),
                io_test(test_dead_connection_is_retried),
                io_test(test_no_connection),
                io_test(test_no_such_host),
                io_test(test_slow_resolver),
                io_test(test_proxy),
                io_test(test_cancel_and_free),
                io_test(test_cancel_and_free_in_callback),
                io_test(test_body_can_be_taken),
        };

        return cmocka_run_group_tests(tests, io_group_setup, io_group_teardown);
}
