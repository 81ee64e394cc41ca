#include "engine/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "api/reply.h"
#include "base/secret.h"
#include "base/strings.h"
#include "engine/engine_internal.h"
#include "engine/job_poll.h"
#include "engine/poller.h"
#include "engine/tail.h"
#include "engine/watch.h"

#define KEY_SIZE_MIN 8U                 /* bytes */

int source_get(Source *s, DialectPath what, const char *id, const char *after, unsigned limit,
               http_done_t done, void *userdata, HttpCall **ret) {
        const SourceSettings *settings = s->settings;
        _cleanup_free_ char *url = NULL;

        int r = settings->dialect->url(settings, what, id, after, limit, &url);
        if (r < 0)
                return r;
        HttpRequest request = {
                .method = "GET",
                .url = url,
                .timeout_usec = settings->timeout_usec,
                .reply_limit = settings->reply_limit,
                .proxy = settings->proxy,
                .ca_file = settings->ca_file,
        };
        Credential key = { .kind = CREDENTIAL_KEY, .secret = settings->api_key };
        r = settings->dialect->authorize(settings, &key, &request);
        return r < 0 ? r : http_submit(s->engine->ports.http, &request, done, userdata, ret);
}

/* Some servers repeat the key that they refuse; what they say then goes to no log, no store and nobody. A
 * shorter one is no secret but a placeholder, and a word that answers are made of. */
Outcome source_reply_outcome(const Source *s, const HttpReply *reply) {
        Outcome o = api_reply_outcome(reply);
        const Secret *key = s->settings->api_key;
        char text[96];

        if (o.kind == OUTCOME_OK || !key || secret_size(key) < KEY_SIZE_MIN)
                return o;
        if (!memmem(buf_string(&reply->body), reply->body.size, secret_reveal(key), secret_size(key)) &&
            !strstr(reply->request_id, secret_reveal(key)) && !strstr(reply->detail, secret_reveal(key)))
                return o;
        (void) snprintf(text, sizeof text, "HTTP %d: the answer repeats the credential and is not shown",
                        reply->status);
        Outcome clean = outcome_make(o.kind, o.reason, o.status, text);
        clean.retry_after_usec = o.retry_after_usec;
        return clean;
}

static int source_load_trouble(Source *s) {
        _cleanup_free_ char *subject = NULL;

        int r = string_printf(&subject, "source:%s", s->settings->name);
        if (r >= 0)
                r = store_trouble_load(s->engine->ports.store, subject, &s->trouble);
        return MIN(r, 0);
}

int source_new(Source **ret, Engine *e, const SourceSettings *settings) {
        _cleanup_(source_freep) Source *s = calloc(1, sizeof *s);

        if (!s)
                return -ENOMEM;
        s->engine = e;
        s->settings = settings;
        s->list_limit = 10;
        s->cover_pages = 1;
        int r = store_source_load(e->ports.store, settings->name, &s->stored);
        if (r == 0)
                r = -ENOENT;
        if (r >= 0)
                r = source_load_trouble(s);
        if (r >= 0)
                r = watches_load(s);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

Source *source_free(Source *s) {
        JobPoll *p, *next;

        if (!s)
                return NULL;
        poller_stop(s);
        s->call = http_cancel(s->engine->ports.http, s->call);
        DL_FOREACH_SAFE(s->job_polls, p, next)
                job_poll_free(p);
        tails_cancel(s);
        watches_free(s);
        row_cache_done(&s->list);
        stored_source_done(&s->stored);
        free(s->cover_after);
        free(s);
        return NULL;
}
