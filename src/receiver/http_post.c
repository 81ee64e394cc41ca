#include "receiver/http_post.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ReceiverSend {
        Http *http;
        HttpCall *call;
        const Secret *url;
        const ReplyRule *rules;
        bool (*judge)(const HttpReply *reply, Outcome *ret);
        receiver_done_t done;
        void *userdata;
};

static void on_reply(HttpReply *reply, void *userdata) {
        ReceiverSend s = *(ReceiverSend *) userdata;
        Outcome outcome;

        free(userdata);         /* before the callback: it may free the settings and everything else */
        if (reply->failure != HTTP_FAILURE_NONE || !s.judge || !s.judge(reply, &outcome))
                outcome = reply_outcome(s.rules, reply, s.url);
        s.done(&outcome, s.userdata);
}

int http_post_send(const ReceiverCommon *settings, const ReceiverPorts *ports,
                   const ReceiverAttempt *attempt, const HttpPost *post, receiver_done_t done,
                   void *userdata, ReceiverSend **ret) {
        HttpRequest request = {
                .method = "POST",
                .secret_url = post->url,
                .headers = { { .name = "Content-Type", .value = post->content_type } },
                .n_headers = 1,
                .body = attempt->body,
                .body_size = attempt->body_size,
                .way = post->way,
                .timeout_usec = settings->timeout_usec,
                .reply_limit = HTTP_POST_REPLY_LIMIT,
        };

        assert(post->n_headers < HTTP_HEADERS_MAX);
        for (size_t i = 0; i < post->n_headers; i++)
                request.headers[request.n_headers++] = post->headers[i];
        _cleanup_free_ ReceiverSend *s = malloc(sizeof *s);
        if (!s)
                return -ENOMEM;
        *s = (ReceiverSend) {
                .http = ports->http,
                .url = post->url,
                .rules = post->rules,
                .judge = post->judge,
                .done = done,
                .userdata = userdata,
        };
        int r = http_submit(ports->http, &request, on_reply, s, &s->call);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

void http_post_cancel(ReceiverSend *send) {
        (void) http_cancel(send->http, send->call);
        free(send);
}
