/* io/http_curl: what goes out, what comes back, who is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "unit/io_client.h"

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

static void test_reply(void **state) {
        ClientWaiter w = { 0 };
        ClientScript script = { 0 };

        client_get(&w, *state, &script,
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

        client_get(&w, *state, &script,
            "HTTP/1.1 503 No\r\nContent-Length: 0\r\nX-Request-Id: other\r\nretry-after-ms: 1500\r\n"
            "Retry-After: 9\r\nX-Should-Retry: false\r\n\r\n", PEER_CLOSE);
        assert_int_equal(w.reply.status, 503);
        assert_string_equal(w.reply.request_id, "other");
        assert_string_equal(w.reply.content_type, "");
        assert_int_equal(w.reply.date, 0);
        assert_int_equal(w.reply.retry_after_usec, 1500 * USEC_PER_MSEC);
        assert_int_equal(w.reply.should_retry, 0);

        client_get(&w, *state, &script,
            "HTTP/1.1 100 Continue\r\nX-Request-Id: early\r\n\r\nHTTP/1.1 204 No\r\n\r\n", PEER_CLOSE);
        assert_int_equal(w.reply.status, 204);
        assert_string_equal(w.reply.request_id, "");
        assert_int_equal(w.reply.should_retry, -1);
}

static void test_request(void **state) {
        IoFixture *f = *state;
        ClientWaiter w = { 0 };
        ClientScript script = { 0 };
        Secret *secret = NULL;

        script.answer.bytes = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n";
        assert_return_code(secret_new(&secret, "hush", 4), 0);
        f->peer = peer_new(f->event, PEER_HTTP, client_answer_script, &script);
        HttpRequest request = client_request(io_url(f, "/a%20b?c=d"));
        request.headers[request.n_headers++] = (HttpHeader) { "Authorization", "Bearer ", secret };
        request.headers[request.n_headers++] = (HttpHeader) { "api-key", NULL, secret };
        request.headers[request.n_headers++] = (HttpHeader) { "X-Empty", "", NULL };
        for (unsigned i = 0; i < 2; i++)
                client_exchange(&w, f, &request);
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
        client_exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "POST "));
        assert_non_null(strstr(script.request, "\r\nContent-Type: application/json\r\n"));
        assert_non_null(endswith(script.request, "\r\n\r\n{\"a\":1}"));
        assert_null(strcasestr(script.request, "\r\nExpect:"));

        request.body_size = 0;
        client_exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "POST "));
        assert_non_null(strstr(script.request, "\r\nContent-Length: 0\r\n"));
        request.method = "HEAD";
        client_exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "HEAD "));
        request.method = "DELETE";
        client_exchange(&w, f, &request);
        assert_non_null(startswith(script.request, "DELETE "));
        assert_int_equal(peer_n_connections(f->peer), 1);
        secret_free(secret);
}

static void test_refused_requests(void **state) {
        IoFixture *f = *state;
        ClientWaiter w = { 0 };
        Secret *split = NULL, *zero = NULL;

        assert_return_code(secret_new(&split, "a\r\nb", 4), 0);
        assert_return_code(secret_new(&zero, "a\0b", 3), 0);
        const HttpHeader bad[] = {
                { "A", "b\r\nC: d", NULL }, { "A", "b\nC: d", NULL }, { "A\r\nB", "c", NULL },
                { "A:", "c", NULL }, { "", "c", NULL }, { "A", "b", split }, { "A", "b", zero },
        };
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                HttpRequest request = client_request("https://example.org/");
                request.headers[request.n_headers++] = bad[i];
                assert_int_equal(client_submit(&w, f, &request), -EINVAL);
        }
        static const char *const urls[] = {
                "http://example.org/", "ftp://127.0.0.1/", "file:///etc/passwd", "x", "",
        };
        for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
                HttpRequest request = client_request(urls[i]);
                assert_int_equal(client_submit(&w, f, &request), -EPROTO);
        }
        HttpRequest request = client_request("https://example.org/");
        request.timeout_usec = 0;
        assert_int_equal(client_submit(&w, f, &request), -EINVAL);
        request = client_request("https://example.org/");
        request.reply_limit = 0;
        assert_int_equal(client_submit(&w, f, &request), -EINVAL);
        request = client_request("https://example.org/");
        request.method = "GET / HTTP/1.1\r\nX:";
        assert_int_equal(client_submit(&w, f, &request), -EINVAL);
        request = client_request("https://example.org/");
        request.n_headers = HTTP_HEADERS_MAX + 1;
        assert_int_equal(client_submit(&w, f, &request), -EINVAL);
        request = client_request(NULL);
        assert_int_equal(client_submit(&w, f, &request), -EINVAL);
        (void) io_run_idle(f);
        assert_int_equal(w.n_done, 0);
        secret_free(split);
        secret_free(zero);
}

static void test_redirect_is_not_followed(void **state) {
        IoFixture *f = *state;
        ClientWaiter w = { 0 };
        ClientScript script = { 0 };

        client_get(&w, f, &script, "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n",
            PEER_KEEP);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
        assert_int_equal(w.reply.status, 302);
        assert_int_equal(peer_n_requests(f->peer), 1);
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
                ClientWaiter w = { 0 };
                ClientScript script = { 0 };

                assert_return_code(buf_printf(&b, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                                                  "Content-Length: %zu\r\n\r\n", rows[i].size), 0);
                assert_return_code(buf_append(&b, rows[i].bytes, rows[i].size), 0);
                script.answer = (PeerAnswer) { b.data, b.size, PEER_CLOSE };
                f->peer = peer_new(f->event, PEER_HTTP, client_answer_script, &script);
                HttpRequest request = client_request(io_url(f, "/"));
                client_exchange(&w, f, &request);
                assert_int_equal(w.reply.failure, rows[i].failure);
                assert_string_equal(w.body, i == 0 ? "{\"object\":\"list\"}" : "");
                f->peer = peer_free(f->peer);
                buf_done(&b);
        }
}

static void test_cancel_and_free(void **state) {
        IoFixture *f = *state;
        ClientWaiter w[8] = { 0 };
        ClientScript script = { 0 };

        f->peer = peer_new(f->event, PEER_HTTP, client_answer_script, &script);
        HttpRequest request = client_request(io_url(f, "/"));
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                assert_return_code(client_submit(w + i, f, &request), 0);
        w[3].call = http_cancel(f->http, w[3].call);
        while (peer_n_requests(f->peer) < 7)
                assert_return_code(sd_event_run(f->event, USEC_PER_SEC), 0);
        w[4].call = http_cancel(f->http, w[4].call);
        f->http = http_free(f->http);
        (void) io_run_idle(f);
        assert_int_equal(f->n_done, 0);
}

static void on_done_cancel(HttpReply *reply, void *userdata) {
        ClientWaiter *w = userdata;

        assert_null(http_cancel(w->f->http, w->call));  /* itself: nothing happens */
        w->other = http_cancel(w->f->http, w->other);
        client_on_done(reply, userdata);
}

static void on_done_free(HttpReply *reply, void *userdata) {
        ClientWaiter *w = userdata;

        client_on_done(reply, userdata);
        w->f->http = http_free(w->f->http);
}

static void test_cancel_and_free_in_callback(void **state) {
        IoFixture *f = *state;
        ClientWaiter silent = { 0 }, first = { .f = f }, second = { .f = f };

        f->peer = peer_new(f->event, PEER_HTTP, client_answer_by_path, NULL);
        HttpRequest request = client_request(io_url(f, "/silent"));
        assert_return_code(client_submit(&silent, f, &request), 0);
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
        ClientWaiter *w = userdata;
        Buf body = reply->body;

        reply->body = BUF_INIT(0);
        assert_string_equal(buf_string(&body), "ok");
        buf_done(&body);
        client_on_done(reply, w);
}

static void test_body_can_be_taken(void **state) {
        IoFixture *f = *state;
        ClientWaiter w = { .f = f };

        f->peer = peer_new(f->event, PEER_HTTP, client_answer_by_path, NULL);
        HttpRequest request = client_request(io_url(f, "/"));
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
                io_test(test_gzip),
                io_test(test_cancel_and_free),
                io_test(test_cancel_and_free_in_callback),
                io_test(test_body_can_be_taken),
        };

        return cmocka_run_group_tests(tests, io_group_setup, io_group_teardown);
}
