#include "unit/io_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/strings.h"

void client_answer_by_path(const char *request, _unused_ unsigned nth, PeerAnswer *ret,
                           _unused_ void *userdata) {
        if (!startswith(request, "GET /silent"))
                ret->bytes = OK_REPLY;
}

void client_answer_script(const char *request, unsigned nth, PeerAnswer *ret, void *userdata) {
        ClientScript *script = userdata;

        (void) snprintf(script->request, sizeof script->request, "%s", request);
        if (nth < script->n_before)
                ret->bytes = OK_REPLY;
        else
                *ret = script->answer;
}

HttpRequest client_request(const char *url) {
        return (HttpRequest) {
                .method = "GET", .url = url, .timeout_usec = 10 * USEC_PER_SEC, .reply_limit = 4096,
        };
}

void client_on_done(HttpReply *reply, void *userdata) {
        ClientWaiter *w = userdata;

        assert_false(w->is_inside);
        w->call = NULL;
        w->reply = *reply;
        w->reply.body = (Buf) { 0 };
        w->body_size = reply->body.size;
        (void) snprintf(w->body, sizeof w->body, "%s", buf_string(&reply->body));
        w->n_done++;
        w->f->n_done++;
}

int client_submit(ClientWaiter *w, IoFixture *f, const HttpRequest *request) {
        w->f = f;
        w->is_inside = true;
        int r = http_submit(f->http, request, client_on_done, w, &w->call);
        w->is_inside = false;
        return r;
}

void client_exchange(ClientWaiter *w, IoFixture *f, const HttpRequest *request) {
        unsigned n = w->n_done;

        assert_return_code(client_submit(w, f, request), 0);
        io_run_until(f, &w->n_done, n + 1);
        assert_int_equal(w->n_done, n + 1);
        if (w->reply.failure != HTTP_FAILURE_NONE) {
                assert_int_equal(w->reply.status, 0);
                assert_string_not_equal(w->reply.detail, "");
                assert_int_equal(w->body_size, 0);
        }
}

void client_get(ClientWaiter *w, IoFixture *f, ClientScript *script, const char *answer, PeerAfter after) {
        script->answer = (PeerAnswer) { .bytes = answer, .after = after };
        if (!f->peer)
                f->peer = peer_new(f->event, PEER_HTTP, client_answer_script, script);
        HttpRequest request = client_request(io_url(f, "/path"));
        client_exchange(w, f, &request);
}
