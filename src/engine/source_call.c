/* One request to the API. Where the credential is a token, it waits for one first; a token that is refused
 * (401) is replaced once. All of it within the time that one request may take. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "api/reply.h"
#include "base/secret.h"
#include "engine/engine_internal.h"
#include "engine/hide.h"
#include "engine/token.h"

/* A new token that was refused as well is not replaced again at once: the role is missing, or what was
 * revoked takes its time to be forgotten. */
#define REFUSED_AGAIN_USEC (5 * USEC_PER_MINUTE)

struct SourceCall {
        Source *source;
        GatePass pass;
        bool starting;                  /* source_get() has not returned */
        int error;                      /* why it could not be sent, while it is starting */
        HttpCall *http;                 /* under way, or */
        TokenWaiter waiter;             /* waiting for a token until the timer */
        bool waiting;
        sd_event_source *timer;
        usec_t deadline_usec;           /* boottime */
        Secret *token;                  /* the one that was sent */
        uint64_t generation;            /* of it */
        bool replaced;                  /* once is enough */
        Outcome failed;                 /* why there is no token */
        char *url;
        source_done_t done;
        void *userdata;
};

static SourceCall *source_call_free(SourceCall *c) {
        if (!c)
                return NULL;
        if (c->pass.state != GATE_OUTSIDE)
                gate_leave(c->source->engine->gate, &c->pass);
        if (c->waiting)
                token_unwait(c->source->token, &c->waiter);
        sd_event_source_disable_unref(c->timer);
        secret_free(c->token);
        free(c->url);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(SourceCall, source_call_free)

static void source_call_end(SourceCall *call, const Outcome *outcome, HttpReply *reply) {
        _cleanup_(source_call_freep) SourceCall *c = call;

        gate_leave(c->source->engine->gate, &c->pass);
        if (c->waiting)
                token_unwait(c->source->token, &c->waiter);
        c->waiting = false;
        /* The holder forgets the call first, and may free the source. */
        c->done(outcome, reply, c->userdata);
}

static void source_call_fail(SourceCall *c, const Outcome *failed) {
        HttpReply none = { .failure = HTTP_FAILURE_INTERNAL, .should_retry = -1 };
        Outcome outcome = *failed;

        source_call_end(c, &outcome, &none);
}

static void source_call_fail_internal(SourceCall *c, int error) {
        Outcome failed = outcome_make(OUTCOME_RETRY, REASON_INTERNAL, 0, strerror(-error));

        source_call_fail(c, &failed);
}

/* --- the token --------------------------------------------------------------------------------------- */

static int source_call_go(SourceCall *c);

static void on_token(TokenWaiter *w, const Outcome *failed) {
        SourceCall *c = (SourceCall *) ((char *) w - offsetof(SourceCall, waiter));

        c->waiting = false;
        c->timer = sd_event_source_disable_unref(c->timer);
        if (failed) {
                source_call_fail(c, failed);
                return;
        }
        int r = source_call_go(c);
        if (r < 0)
                source_call_fail_internal(c, r);
}

static int on_wait_timer(sd_event_source *timer, uint64_t usec, void *userdata) {
        SourceCall *c = userdata;
        const Outcome *refusal = c->waiting ? token_refusal(c->source->token) : NULL;

        (void) timer;
        (void) usec;
        source_call_fail(c, refusal ? refusal : &c->failed);
        return 0;
}

/* What is known to fail fails from the event loop, as everything does. */
static int source_call_fail_at(SourceCall *c, usec_t boot_usec) {
        return sd_event_add_time(c->source->engine->ports.event, &c->timer, CLOCK_BOOTTIME, boot_usec,
                                 USEC_PER_MSEC, on_wait_timer, c);
}

static int source_call_wait(SourceCall *c) {
        usec_t until = c->deadline_usec;
        const Outcome *failed;

        int r = token_wait(c->source->token, &c->waiter, &failed);
        if (r < 0 && r != -EAGAIN)
                return r;
        c->waiting = r >= 0;
        if (c->waiting)
                c->failed = failed->kind != OUTCOME_OK
                                    ? *failed
                                    : outcome_make(OUTCOME_RETRY, REASON_TIMEOUT, 0,
                                                   "no token: it did not come within timeout");
        else {
                c->failed = *failed;
                until = 0;
        }
        return source_call_fail_at(c, until);
}

/* Whether a newer token may help, after the one that was sent was refused. */
static bool source_call_replaces(SourceCall *c) {
        Source *s = c->source;
        usec_t now = engine_now(s->engine).boot_usec;

        if (c->replaced || (c->generation == s->refused_generation &&
                            now < usec_add(token_since(s->token), REFUSED_AGAIN_USEC)))
                return false;
        c->replaced = true;
        return true;
}

/* --- the request ------------------------------------------------------------------------------------- */

static void on_reply(HttpReply *reply, void *userdata) {
        SourceCall *c = userdata;
        Source *s = c->source;
        Outcome outcome = api_reply_outcome(reply);

        c->http = NULL;
        outcome = outcome_hide(&outcome, reply, c->token ? c->token : source_settings_key(s->settings));
        if (c->token && reply->status == 401 && source_call_replaces(c)) {
                int r = source_call_go(c);
                if (r < 0)
                        source_call_fail_internal(c, r);
                return;
        }
        if (c->token && reply->status == 401)
                s->refused_generation = c->generation;
        else if (outcome.kind == OUTCOME_OK)
                s->refused_generation = 0;
        source_call_end(c, &outcome, reply);
}

static int source_call_submit(SourceCall *c, const Credential *credential, usec_t timeout_usec) {
        const SourceSettings *settings = c->source->settings;
        HttpRequest request = {
                .method = "GET",
                .url = c->url,
                .timeout_usec = timeout_usec,
                .reply_limit = settings->reply_limit,
                .way = &settings->way,
        };

        budget_take(&c->source->budget, settings->requests_per_minute,
                    engine_now(c->source->engine).boot_usec);
        int r = settings->dialect->authorize(settings, credential, &request);
        return r < 0 ? r : http_submit(c->source->engine->ports.http, &request, on_reply, c, &c->http);
}

/* Sends with the token that there is, newer than one that was refused, or waits for it. */
static int source_call_go(SourceCall *c) {
        usec_t now = engine_now(c->source->engine).boot_usec;
        const Secret *token =
                token_current(c->source->token, c->replaced ? c->generation : 0, &c->generation);

        if (!token)
                return source_call_wait(c);
        secret_free(TAKE_PTR(c->token));
        int r = secret_new(&c->token, secret_reveal(token), secret_size(token));
        if (r < 0)
                return r;
        Credential credential = { .kind = CREDENTIAL_TOKEN, .secret = c->token };
        return source_call_submit(c, &credential, MAX(usec_sub(c->deadline_usec, now), USEC_PER_MSEC));
}

static int source_call_start(SourceCall *c) {
        const Source *s = c->source;
        usec_t timeout_usec = s->settings->timeout_usec;

        if (s->token) {
                c->deadline_usec = usec_add(engine_now(s->engine).boot_usec, timeout_usec);
                return source_call_go(c);
        }
        Credential key = { .kind = CREDENTIAL_KEY, .secret = source_settings_key(s->settings) };
        return source_call_submit(c, &key, timeout_usec);
}

/* Its time, `timeout`, begins now. Of another call nothing may end here: whoever opened the gate is in the
 * middle of its own. */
void source_call_open(GatePass *p) {
        SourceCall *c = (SourceCall *) ((char *) p - offsetof(SourceCall, pass));

        int r = source_call_start(c);
        if (r >= 0)
                return;
        c->error = r;
        if (c->starting)
                return;
        c->failed = outcome_make(OUTCOME_RETRY, REASON_INTERNAL, 0, strerror(-r));
        if (!c->timer && source_call_fail_at(c, 0) < 0)
                source_call_fail(c, &c->failed);
}

int source_get(Source *s, DialectPath what, const char *id, const char *after, unsigned limit,
               source_done_t done, void *userdata, SourceCall **ret) {
        _cleanup_(source_call_freep) SourceCall *c = calloc(1, sizeof *c);

        if (!c)
                return -ENOMEM;
        c->source = s;
        c->done = done;
        c->userdata = userdata;
        c->waiter.done = on_token;
        int r = s->settings->dialect->url(s->settings, what, id, after, limit, &c->url);
        if (r < 0)
                return r;
        c->starting = true;
        gate_enter(s->engine->gate, &c->pass, s);
        c->starting = false;
        if (c->error < 0)
                return c->error;
        *ret = TAKE_PTR(c);
        return 0;
}

SourceCall *source_cancel(SourceCall *c) {
        if (c)
                c->http = http_cancel(c->source->engine->ports.http, c->http);
        return source_call_free(c);
}
