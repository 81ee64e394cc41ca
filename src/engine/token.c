/* A fetch goes on without those who asked for it: they have deadlines of their own, and the next poll finds
 * what came of it. It is bounded by the time limit of each request and the few repeats that IMDS wants. */
#include "engine/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utlist.h>

#include "api/assertion.h"
#include "api/reply.h"
#include "api/token.h"
#include "base/log.h"
#include "base/strings.h"
#include "engine/engine_internal.h"
#include "engine/hide.h"

#define TOKEN_TIMEOUT_USEC (30 * USEC_PER_SEC)
#define TOKEN_REPLY_MAX 65536U
#define TOKEN_FILE_MAX 32768U
/* What was refused just now is not asked for again, however many sources want it. */
#define TOKEN_HOLD_USEC (10 * USEC_PER_SEC)
/* A request that is under way with it must reach the server in time. */
#define TOKEN_MARGIN_USEC USEC_PER_MINUTE

struct Token {
        Engine *engine;
        const SourceSettings *settings; /* of the first source; what counts is the same in all */
        Secret *secret;                 /* NULL: none yet */
        uint64_t generation;            /* of secret, from 1 */
        usec_t since_usec, renew_usec, until_usec;      /* boottime */

        GateOwner gate;
        GatePass pass;                  /* of the fetch under way: its next request waits, or */
        HttpCall *call;                 /* is sent, or */
        sd_event_source *timer;         /* waits before it is tried again */
        usec_t asked_usec;
        TokenRequest request;
        Secret *proof;
        unsigned n_attempts;
        bool challenged;
        Outcome failed;                 /* the last fetch; OUTCOME_OK: it did not */
        Outcome refused;                /* the last attempt of the fetch under way; OUTCOME_OK: none was */
        usec_t failed_usec;             /* boottime */
        TokenWaiter *waiters;
        bool *freed;                    /* set when it goes while they are told */
        Token *next;
};

static void token_ask(Token *t);

/* --- one for all with the same credential ------------------------------------------------------------ */

static bool token_fits(const Token *t, const SourceSettings *s) {
        return options_equal(auth_options, t->settings->auth, s->auth) &&
               options_equal(http_way_options, &t->settings->way, &s->way);
}

int token_attach(Engine *e, const SourceSettings *s, Token **ret) {
        Token *t;

        LL_FOREACH(e->tokens, t)
                if (token_fits(t, s)) {
                        *ret = t;
                        return 0;
                }
        t = calloc(1, sizeof *t);
        if (!t)
                return -ENOMEM;
        t->engine = e;
        t->settings = s;
        t->gate.silent = true;
        t->gate.busy = true;
        LL_PREPEND(e->tokens, t);
        *ret = t;
        return 0;
}

static void token_free(Token *t) {
        if (t->freed)
                *t->freed = true;
        t->call = http_cancel(t->engine->ports.http, t->call);
        gate_leave(t->engine->gate, &t->pass);
        sd_event_source_disable_unref(t->timer);
        token_request_done(&t->request);
        secret_free(t->proof);
        secret_free(t->secret);
        free(t);
}

void tokens_free(Engine *e) {
        Token *t, *next;

        LL_FOREACH_SAFE(e->tokens, t, next)
                token_free(t);
        e->tokens = NULL;
}

/* --- the end of a fetch ------------------------------------------------------------------------------ */

/* A waiter that waits again in its callback is behind those that are due. One may end a probe: the token
 * goes with its engine. */
static void token_tell(Token *t) {
        bool freed = false, *outer = t->freed;
        Outcome failed = t->failed;
        TokenWaiter *w;

        DL_FOREACH(t->waiters, w)
                w->due = true;
        t->freed = &freed;
        while (!freed && (w = t->waiters) && w->due) {
                DL_DELETE(t->waiters, w);
                w->done(w, failed.kind == OUTCOME_OK ? NULL : &failed);
        }
        if (!freed)
                t->freed = outer;
        else if (outer)
                *outer = true;
}

static void token_fetch_end(Token *t) {
        token_request_done(&t->request);
        t->proof = secret_free(t->proof);
        t->timer = sd_event_source_disable_unref(t->timer);
}

/* While an older one is good nobody waits, and it would be known only when that ends. */
static void token_fail(Token *t, Outcome outcome) {
        bool first = t->failed.kind == OUTCOME_OK;

        t->failed = outcome;
        t->failed_usec = engine_now(t->engine).boot_usec;
        token_fetch_end(t);
        if (first && !t->waiters && t->secret)
                log_context(&(LogContext) { .source = t->settings->name }, LOG_WARNING,
                            "the token cannot be renewed (%s)%s%s", reason_to_string(outcome.reason),
                            *outcome.detail ? ": " : "", outcome.detail);
        token_tell(t);
}

static void token_fail_internal(Token *t, int error, const char *what) {
        _cleanup_free_ char *text = NULL;

        if (string_printf(&text, "no token: %s%s%s", strempty(what), what ? ": " : "", strerror(-error)) < 0)
                text = NULL;
        token_fail(t, outcome_make(OUTCOME_RETRY, REASON_INTERNAL, 0, text));
}

static void token_take(Token *t, Secret *secret, usec_t lifetime_usec) {
        usec_t now = engine_now(t->engine).boot_usec;

        secret_free(t->secret);
        t->secret = secret;
        t->generation++;
        t->since_usec = now;
        t->renew_usec = usec_add(now, lifetime_usec / 2);
        t->until_usec = usec_add(now, lifetime_usec - MIN(TOKEN_MARGIN_USEC, lifetime_usec / 8));
        t->failed = outcome_ok();
        token_fetch_end(t);
        token_tell(t);
}

/* --- a fetch ----------------------------------------------------------------------------------------- */

static Outcome token_outcome(const Token *t, const HttpReply *reply) {
        const AuthSettings *a = t->settings->auth;
        const Secret *const hidden[] = { a->client_secret, a->identity_header, t->proof, t->secret };
        Outcome o = token_reply_outcome(a, reply);

        for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
                o = outcome_hide(&o, reply, hidden[i]);
        return o;
}

/* One word, whatever blanks are behind it. What is read is wiped: it proves who this machine is. flags: of
 * open(2), beside those. */
static int read_proof(const char *path, int flags, size_t limit, Secret **ret) {
        static const char blanks[] = " \t\r\n";
        _cleanup_free_ char *data = calloc(1, limit + 2);
        struct stat st;

        if (!data)
                return -ENOMEM;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
        if (fd < 0)
                return -errno;
        ssize_t n = fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ? -1 : read(fd, data, limit + 1);
        (void) close(fd);
        if (n < 0)
                return -ENODEV;
        int r = (size_t) n > limit ? -EFBIG : 0;
        while (r == 0 && n > 0 && memchr(blanks, data[n - 1], strlen(blanks)))
                data[--n] = '\0';
        if (r == 0 && (n == 0 || strcspn(data, blanks) < (size_t) n))   /* or a NUL */
                r = -EBADMSG;
        if (r == 0)
                r = secret_new(ret, data, (size_t) n);
        explicit_bzero(data, limit + 2);
        return r;
}

/* The key file shows that this program may read what only the agent's group can. */
static bool token_answer_challenge(Token *t, const HttpReply *reply) {
        const AuthSettings *a = t->settings->auth;
        _cleanup_free_ char *path = NULL;

        if (a->platform != AUTH_PLATFORM_ARC || reply->status != 401 || t->challenged)
                return false;
        t->challenged = true;
        if (token_challenge_path(reply->challenge, a->key_directory, &path) < 0) {
                token_fail(t,
                           outcome_make(OUTCOME_REJECTED, REASON_UNAUTHORIZED, 401,
                                        "no token: the agent of Azure Arc names a key file that is not in "
                                        "key_directory"));
                return true;
        }
        int r = read_proof(path, O_NOFOLLOW, TOKEN_KEY_SIZE_MAX, &t->proof);
        if (r < 0) {
                _cleanup_free_ char *text = NULL;
                (void) string_printf(&text, "no token: cannot read the key file of the agent of Azure Arc "
                                     "(%s); the daemon must be in the group himds", strerror(-r));
                token_fail(t, outcome_make(OUTCOME_REJECTED, REASON_UNAUTHORIZED, 401, text));
                return true;
        }
        token_ask(t);
        return true;
}

static int on_retry_timer(sd_event_source *timer, uint64_t usec, void *userdata) {
        Token *t = userdata;

        (void) timer;
        (void) usec;
        t->timer = sd_event_source_disable_unref(t->timer);
        token_ask(t);
        return 0;
}

static int token_set_timer(Token *t, usec_t delay_usec) {
        return sd_event_add_time_relative(t->engine->ports.event, &t->timer, CLOCK_BOOTTIME, delay_usec,
                                          USEC_PER_MSEC, on_retry_timer, t);
}

static void token_take_reply(Token *t, const HttpReply *reply) {
        const char *reason = "";
        Secret *secret;
        usec_t lifetime_usec;
        int64_t now = reply->date > 0 ? reply->date
                                      : (int64_t) (engine_now(t->engine).real_usec / USEC_PER_SEC);

        int r = token_reply_read(buf_string(&reply->body), reply->body.size, now, &secret, &lifetime_usec,
                                 &reason);
        if (r >= 0)
                token_take(t, secret, lifetime_usec);
        else if (r == -EBADMSG) {
                _cleanup_free_ char *text = NULL;
                (void) string_printf(&text, "no token: the answer is of no use: %s", reason);
                token_fail(t, outcome_make(OUTCOME_RETRY, REASON_BAD_REPLY, reply->status, text));
        } else
                token_fail_internal(t, r, NULL);
}

static void on_token(HttpReply *reply, void *userdata) {
        Token *t = userdata;

        t->gate.silent = reason_is_silence(api_reply_outcome(reply).reason);
        /* As long as there is a call, those whose turn it is now begin no other fetch. */
        gate_leave(t->engine->gate, &t->pass);
        t->call = NULL;
        if (reply->failure == HTTP_FAILURE_NONE && reply->status == 200) {
                token_take_reply(t, reply);
                return;
        }
        if (token_answer_challenge(t, reply))
                return;
        usec_t delay = reply->failure == HTTP_FAILURE_NONE
                               ? token_retry_delay(t->settings->auth, reply, t->n_attempts)
                               : 0;
        t->refused = token_outcome(t, reply);
        if (delay == 0 || token_set_timer(t, delay) < 0)
                token_fail(t, t->refused);
}

/* One request. */
static int token_send(Token *t) {
        const SourceSettings *s = t->settings;

        token_request_done(&t->request);
        int r = token_request_make(s->auth, t->proof, &t->request);
        if (r < 0)
                return r;
        HttpWay way = s->way;           /* borrowed. The certificate is for the source, not for Entra */
        way.client_cert = way.client_key = NULL;
        if (token_request_is_local(s->auth))
                way.proxy = (char *) "";
        HttpRequest request = {
                .timeout_usec = MIN(s->timeout_usec, TOKEN_TIMEOUT_USEC),
                .reply_limit = TOKEN_REPLY_MAX,
                .way = &way,
        };
        token_request_fill(&t->request, s->auth, &request);
        t->n_attempts++;
        return http_submit(t->engine->ports.http, &request, on_token, t, &t->call);
}

static int token_open(GatePass *p) {
        Token *t = CONTAINER_OF(p, Token, pass);

        if (t->asked_usec == 0)
                t->asked_usec = engine_now(t->engine).boot_usec;
        return token_send(t);
}

static void token_failed(GatePass *p, int error) {
        token_fail_internal(CONTAINER_OF(p, Token, pass), error, NULL);
}

static void token_ask(Token *t) {
        gate_enter(t->engine->gate, &t->pass, &t->gate, token_open, token_failed);
}

static bool token_is_fetched(const Token *t) {
        return t->pass.state != GATE_OUTSIDE || t->call || t->timer;
}

static int token_make_proof(Token *t, const char **ret_what) {
        const AuthSettings *a = t->settings->auth;
        _cleanup_free_ char *url = NULL;

        if (a->kind == AUTH_WORKLOAD_IDENTITY) {
                *ret_what = a->token_file;
                /* Read each time: whoever issues it writes a new one before it expires. In Kubernetes it is
                 * a link into the newest of the volume's folders. */
                return read_proof(a->token_file, 0, TOKEN_FILE_MAX, &t->proof);
        }
        if (a->kind != AUTH_CLIENT_CERTIFICATE)
                return 0;
        *ret_what = "the assertion cannot be signed";
        int r = token_url_make(a, &url);
        return r < 0 ? r : assertion_make(a->certificate, a->client_id, url,
                                          (int64_t) (engine_now(t->engine).real_usec / USEC_PER_SEC),
                                          &t->proof);
}

/* -EAGAIN: it could not begin, and token->failed says why. */
static int token_fetch(Token *t) {
        const char *what = NULL;

        if (token_is_fetched(t))
                return 0;
        t->n_attempts = 0;
        t->asked_usec = 0;
        t->refused = outcome_ok();
        t->challenged = false;
        t->proof = secret_free(t->proof);
        int r = token_make_proof(t, &what);
        if (r < 0) {
                token_fail_internal(t, r, what);
                return -EAGAIN;
        }
        token_ask(t);
        return 0;
}

static bool token_is_held(const Token *t) {
        return t->failed.kind != OUTCOME_OK &&
               engine_now(t->engine).boot_usec <
                       usec_add(t->failed_usec,
                                MAX(TOKEN_HOLD_USEC,
                                    MIN(t->failed.retry_after_usec, t->settings->retry_after_max_usec)));
}

/* --- for sources ------------------------------------------------------------------------------------- */

const Secret *token_current(Token *t, uint64_t after, uint64_t *ret_generation) {
        usec_t now = engine_now(t->engine).boot_usec;

        if (!t->secret || t->generation <= after || now >= t->until_usec)
                return NULL;
        if (now >= t->renew_usec && !token_is_held(t))
                (void) token_fetch(t);
        *ret_generation = t->generation;
        return t->secret;
}

usec_t token_since(const Token *t) {
        return t->since_usec;
}

usec_t token_asked(const Token *t) {
        return t->asked_usec;
}

int token_wait(Token *t, TokenWaiter *w, const Outcome **ret_failed) {
        int r = !token_is_fetched(t) && token_is_held(t) ? -EAGAIN : token_fetch(t);

        *ret_failed = &t->failed;
        if (r < 0)
                return r;
        w->due = false;
        DL_APPEND(t->waiters, w);
        return 0;
}

const Outcome *token_refusal(const Token *t) {
        return t->refused.kind != OUTCOME_OK ? &t->refused : NULL;
}

void token_unwait(Token *t, TokenWaiter *w) {
        DL_DELETE(t->waiters, w);
}
