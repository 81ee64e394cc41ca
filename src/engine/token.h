#pragma once
/* The tokens that sources without a key send. One for all sources with the same credential: fetched once for
 * all who wait, kept until shortly before its end, renewed in the background at half of its life. What asks
 * for one goes through the gate of the engine; who waits for one may not be inside. */

#include <stdbool.h>
#include <stdint.h>

#include "api/source.h"
#include "base/secret.h"
#include "model/outcome.h"

typedef struct Engine Engine;
typedef struct Token Token;
typedef struct TokenWaiter TokenWaiter;

struct TokenWaiter {
        /* There is a token, or `failed` says why not. Runs once, never inside token_wait(); the waiter is
         * off the list then. */
        void (*done)(TokenWaiter *w, const Outcome *failed);
        bool due;                       /* token.c */
        TokenWaiter *prev, *next;
};

/* The token of this credential, of the engine: a new one, or one that another source has already. */
int token_attach(Engine *e, const SourceSettings *s, Token **ret);
/* All of them, after the sources. */
void tokens_free(Engine *e);

/* A usable one that is newer than `after` (0: any), or NULL. The secret is borrowed until the caller
 * returns to the event loop. */
const Secret *token_current(Token *t, uint64_t after, uint64_t *ret_generation);
/* When the current one came, boottime. */
usec_t token_since(const Token *t);
/* When the fetch under way, or the last one, was let through the gate for the first time, boottime; 0: it
 * still waits there. */
usec_t token_asked(const Token *t);
/* Fetches unless that is under way. -EAGAIN: not now, *ret_failed says why and lives as long as the token.
 */
int token_wait(Token *t, TokenWaiter *w, const Outcome **ret_failed);
/* What the last attempt of the fetch under way came to, for those who wait no longer; NULL while its first
 * one is unanswered. */
const Outcome *token_refusal(const Token *t);
void token_unwait(Token *t, TokenWaiter *w);
