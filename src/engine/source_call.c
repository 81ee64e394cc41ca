/* One request to the API. Where the credential is a token, it waits for one first, outside the gate; a token
 * that is refused (401) is replaced once. All of it within the time that one request may take, which does
 * not run while this, or the first request of a fetch for it, waits at the gate. */
#include <errno.h>
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
        HttpCall *http;                 /* under way, or */
        TokenWaiter waiter;             /* waiting for a token until the timer */
        bool waiting;
        sd_event_source *timer;
        usec_t left_usec;               /* of its time, as of since_usec */
        usec_t since_usec;              /* boottime: it waits for the token, or the reply */
        Secret *token;                  /* the one that was sent */
        uint64_t generation;            /* of it */
        uint64_t refused;               /* generation that was replaced, once is enough; 0: none */
        Outcome failed;                 /* why there is no token */
        char *url;
        source_done_t done;
        void *userdata;
};

static void source_call_unwait(SourceCall *c) {
        if (c->waiting)
                token_unwait(c->source->token, &c->waiter);
        c->waiting = false;
}

static SourceCall *source_call_free(SourceCall *c) {
        if (!c)
                return NULL;
        if (c->pass.state != GATE_OUTSIDE)      /* else the source may be gone */
                gate_leave(c->source->engine->gate, &c->pass);
        source_call_unwait(c);
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
        source_call_unwait(c);
        engine_check_clock(c->source->engine);
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

/* Its time runs from now on, and did until now, but not before `begun` (boottime). */
static void source_call_begin(SourceCall *c) {
        c->since_usec = engine_now(c->source->engine).boot_usec;
}

static void source_call_pause(SourceCall *c, usec_t begun) {
        usec_t now = engine_now(c->source->engine).boot_usec;

        c->left_usec = usec_sub(c->left_usec, usec_sub(now, MAX(c->since_usec, begun)));
}

/* --- the token --------------------------------------------------------------------------------------- */

static int source_call_go(SourceCall *c);

static void on_token(TokenWaiter *w, const Outcome *failed) {
        SourceCall *c = CONTAINER_OF(w, SourceCall, waiter);

        c->waiting = false;
        c->timer = sd_event_source_disable_unref(c->timer);
        source_call_pause(c, token_asked(c->source->token));
        if (failed) {
                source_call_fail(c, failed);
                return;
        }
        int r = source_call_go(c);
        if (r < 0)
                source_call_fail_internal(c, r);
}

/* For whom the fetch did not begin at once, there is more time. */
static bool source_call_waits_on(SourceCall *c) {
        usec_t now = engine_now(c->source->engine).boot_usec, asked = token_asked(c->source->token);
        usec_t until = usec_add(asked == 0 ? now : MAX(asked, c->since_usec), c->left_usec);

        return until > now && sd_event_source_set_time(c->timer, until) >= 0 &&
               sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT) >= 0;
}

static int on_wait_timer(sd_event_source *timer, uint64_t usec, void *userdata) {
        SourceCall *c = userdata;

        (void) timer;
        (void) usec;
        if (c->waiting && source_call_waits_on(c))
                return 0;
        const Outcome *refusal = c->waiting ? token_refusal(c->source->token) : NULL;
        source_call_fail(c, refusal ? refusal : &c->failed);
        return 0;
}

/* What is known to fail fails from the event loop, as everything does. */
static int source_call_fail_at(SourceCall *c, usec_t boot_usec) {
        return sd_event_add_time(c->source->engine->ports.event, &c->timer, CLOCK_BOOTTIME, boot_usec,
                                 USEC_PER_MSEC, on_wait_timer, c);
}

static int source_call_wait(SourceCall *c) {
        const Outcome *failed;
        usec_t until = 0;

        source_call_begin(c);
        int r = token_wait(c->source->token, &c->waiter, &failed);
        if (r < 0 && r != -EAGAIN)
                return r;
        c->waiting = r >= 0;
        if (c->waiting) {
                until = usec_add(c->since_usec, c->left_usec);
                c->failed = failed->kind != OUTCOME_OK
                                    ? *failed
                                    : outcome_make(OUTCOME_RETRY, REASON_TIMEOUT, 0,
                                                   "no token: it did not come within timeout");
        } else
                c->failed = *failed;
        return source_call_fail_at(c, until);
}

/* Whether a newer token may help, after the one that was sent was refused. */
static bool source_call_replaces(SourceCall *c) {
        Source *s = c->source;
        usec_t now = engine_now(s->engine).boot_usec;

        if (c->refused != 0 || (c->generation == s->refused_generation &&
                                now < usec_add(token_since(s->token), REFUSED_AGAIN_USEC)))
                return false;
        c->refused = c->generation;
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
                source_call_pause(c, 0);
                gate_leave(s->engine->gate, &c->pass);
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

static int source_call_submit(SourceCall *c, const Credential *credential) {
        const SourceSettings *settings = c->source->settings;
        HttpRequest request = {
                .method = "GET",
                .url = c->url,
                .timeout_usec = MAX(c->left_usec, USEC_PER_MSEC),
                .reply_limit = settings->reply_limit,
                .way = &settings->way,
        };

        source_call_begin(c);
        budget_take(&c->source->budget, settings->requests_per_minute, c->since_usec);
        int r = settings->dialect->authorize(settings, credential, &request);
        return r < 0 ? r : http_submit(c->source->engine->ports.http, &request, on_reply, c, &c->http);
}

/* The token that there is, newer than one that was refused; NULL: wait for it. */
static const Secret *source_call_token(SourceCall *c) {
        return token_current(c->source->token, c->refused, &c->generation);
}

static int source_call_send(SourceCall *c) {
        const Source *s = c->source;

        if (!s->token) {
                Credential key = { .kind = CREDENTIAL_KEY, .secret = source_settings_key(s->settings) };
                return source_call_submit(c, &key);
        }
        const Secret *token = source_call_token(c);
        if (!token) { /* it has ended at the gate */
                gate_leave(s->engine->gate, &c->pass);
                return source_call_wait(c);
        }
        secret_free(TAKE_PTR(c->token));
        int r = secret_new(&c->token, secret_reveal(token), secret_size(token));
        if (r < 0)
                return r;
        Credential credential = { .kind = CREDENTIAL_TOKEN, .secret = c->token };
        return source_call_submit(c, &credential);
}

/* What fails is told by the gate, and by nobody else before. */
static int source_call_open(GatePass *p) {
        SourceCall *c = CONTAINER_OF(p, SourceCall, pass);

        int r = source_call_send(c);
        if (r < 0)
                source_call_unwait(c);
        return r;
}

static void source_call_failed(GatePass *p, int error) {
        source_call_fail_internal(CONTAINER_OF(p, SourceCall, pass), error);
}

/* To the gate, or first for a token. */
static int source_call_go(SourceCall *c) {
        Source *s = c->source;

        if (s->token && !source_call_token(c))
                return source_call_wait(c);
        s->gate.busy = s->watches != NULL;
        gate_enter(s->engine->gate, &c->pass, &s->gate, source_call_open, source_call_failed);
        return 0;
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
        c->left_usec = s->settings->timeout_usec;
        int r = s->settings->dialect->url(s->settings, what, id, after, limit, &c->url);
        if (r < 0)
                return r;
        r = source_call_go(c);
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
