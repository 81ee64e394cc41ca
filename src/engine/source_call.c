#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/reply.h"
#include "base/secret.h"
#include "engine/engine_internal.h"

#define KEY_SIZE_MIN 8U                 /* bytes */

struct SourceCall {
        Source *source;
        HttpCall *http;
        char *url;
        source_done_t done;
        void *userdata;
};

static SourceCall *source_call_free(SourceCall *c) {
        if (c)
                free(c->url);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(SourceCall, source_call_free)

static bool reply_repeats(const HttpReply *reply, const Secret *secret) {
        return memmem(buf_string(&reply->body), reply->body.size, secret_reveal(secret),
                      secret_size(secret)) ||
               strstr(reply->request_id, secret_reveal(secret)) ||
               strstr(reply->detail, secret_reveal(secret));
}

/* Some servers repeat the key that they refuse; what they say then goes to no log, no store and nobody. A
 * shorter one is no secret but a placeholder, and a word that answers are made of. */
static Outcome reply_outcome(const HttpReply *reply, const Secret *secret) {
        Outcome o = api_reply_outcome(reply);
        char text[96];

        if (o.kind == OUTCOME_OK || secret_size(secret) < KEY_SIZE_MIN || !reply_repeats(reply, secret))
                return o;
        (void) snprintf(text, sizeof text, "HTTP %d: the answer repeats the credential and is not shown",
                        reply->status);
        Outcome clean = outcome_make(o.kind, o.reason, o.status, text);
        clean.retry_after_usec = o.retry_after_usec;
        return clean;
}

/* The holder forgets the call first, and may free the source in its callback. */
static void on_reply(HttpReply *reply, void *userdata) {
        _cleanup_(source_call_freep) SourceCall *c = userdata;
        Outcome outcome = reply_outcome(reply, c->source->settings->api_key);

        c->done(&outcome, reply, c->userdata);
}

static int source_call_submit(SourceCall *c) {
        const SourceSettings *settings = c->source->settings;
        Credential credential = { .kind = CREDENTIAL_KEY, .secret = settings->api_key };
        HttpRequest request = {
                .method = "GET",
                .url = c->url,
                .timeout_usec = settings->timeout_usec,
                .reply_limit = settings->reply_limit,
                .proxy = settings->proxy,
                .ca_file = settings->ca_file,
        };

        int r = settings->dialect->authorize(settings, &credential, &request);
        return r < 0 ? r : http_submit(c->source->engine->ports.http, &request, on_reply, c, &c->http);
}

int source_get(Source *s, DialectPath what, const char *id, const char *after, unsigned limit,
               source_done_t done, void *userdata, SourceCall **ret) {
        _cleanup_(source_call_freep) SourceCall *c = calloc(1, sizeof *c);

        if (!c)
                return -ENOMEM;
        c->source = s;
        c->done = done;
        c->userdata = userdata;
        int r = s->settings->dialect->url(s->settings, what, id, after, limit, &c->url);
        if (r >= 0)
                r = source_call_submit(c);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

SourceCall *source_cancel(SourceCall *c) {
        if (c)
                c->http = http_cancel(c->source->engine->ports.http, c->http);
        return source_call_free(c);
}
