#pragma once
/* What a reply means for a delivery: a table a kind, read from the top, the first row that fits decides.
 * Behind the kind's own rows stand the rows that hold for HTTP in general. */

#include "base/secret.h"
#include "io/http.h"
#include "model/outcome.h"

typedef struct ReplyRule {
        int first, last;                /* status, inclusive; 0, 0: any */
        const char *body;               /* NULL: any; else a part of the body */
        OutcomeKind kind;
        Reason reason;
        bool reshape;                   /* refused for its form: the plain form may pass */
        const char *say;                /* for a person, besides the status; NULL: what the body says */
} ReplyRule;                            /* a table ends with a row whose `last` is -1 */

#define REPLY_RULES_END { .last = -1 }

/* `secret` (the address, may be NULL) never shows in the outcome, even if the other side repeats it. */
Outcome reply_outcome(const ReplyRule *rules, const HttpReply *reply, const Secret *secret);

/* The reason that goes with a transport failure. */
Reason reason_from_http_failure(HttpFailure f);
