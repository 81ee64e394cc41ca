#pragma once
/* Tokens of Entra: the requests that ask for one and what comes back. Pure: sends nothing, reads no file and
 * no clock. When one is fetched and how long it is kept: engine/token.h. */

#include <stdbool.h>
#include <stdint.h>

#include "api/auth.h"
#include "base/time.h"
#include "io/http.h"
#include "model/outcome.h"

typedef struct TokenRequest {
        char *url;
        Secret *body;                   /* a form; NULL: a GET */
        const Secret *header_secret;    /* of the App Service; borrowed */
        Secret *answer;                 /* to the challenge of Arc */
} TokenRequest;

void token_request_done(TokenRequest *r);

/* Where Entra gives tokens for these settings: also the audience of an assertion. */
int token_url_make(const AuthSettings *a, char **ret);
/* proof: the assertion (client-certificate, workload-identity) or the contents of the key file (Arc, after
 * its challenge); NULL otherwise. `a` outlives the request. */
int token_request_make(const AuthSettings *a, const Secret *proof, TokenRequest *ret);
/* Method, URL, headers and body; the caller adds time limits and the way. r lives until the callback. */
void token_request_fill(const TokenRequest *r, const AuthSettings *a, HttpRequest *ret);
/* Whether it must not go through a proxy: it is answered on this machine. */
bool token_request_is_local(const AuthSettings *a);

/* The file that the challenge of Arc (WWW-Authenticate) names: directly in `directory`, with the suffix
 * .key. -EBADMSG for any other. */
int token_challenge_path(const char *challenge, const char *directory, char **ret);
#define TOKEN_KEY_SIZE_MAX 4096U        /* bytes of that file (MSAL) */

/* 0, or -EBADMSG with a reason (static), -ENOMEM. now: Unix seconds, by the clock that expires_on is of. */
int token_reply_read(const char *text, size_t size, int64_t now, Secret **ret, usec_t *ret_lifetime_usec,
                     const char **ret_reason);
/* What a reply without a token means, with what to do about it. Not for a 200. */
Outcome token_reply_outcome(const AuthSettings *a, const HttpReply *reply);
/* How long to wait before asking again, after `n` attempts; 0: not at all. */
usec_t token_retry_delay(const AuthSettings *a, const HttpReply *reply, unsigned n);
