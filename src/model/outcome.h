#pragma once
/* What became of something that crossed a network: done, worth another try, or refused for good, and why.
 * The reason is also the label under which it is counted and logged. Not a transport error code: see
 * io/http.h. */

#include <stdbool.h>

#include "base/time.h"

typedef enum OutcomeKind {
        OUTCOME_OK,
        OUTCOME_RETRY,          /* the same request may succeed later */
        OUTCOME_REJECTED,       /* it will not, until a person changes something */
} OutcomeKind;

typedef enum Reason {
        REASON_NONE,
        REASON_DNS,
        REASON_CONNECT,
        REASON_TLS,
        REASON_PROXY,
        REASON_TIMEOUT,
        REASON_RESET,           /* the connection broke or the reply was cut short */
        REASON_SERVER_ERROR,    /* 5xx */
        REASON_THROTTLED,       /* 429, rate limits */
        REASON_BAD_REPLY,       /* not what the API says: HTML, truncated or hostile JSON, wrong types */
        REASON_TOO_LARGE,       /* reply over our limit, or message over theirs */
        REASON_REDIRECT,        /* 3xx: never followed */
        REASON_UNAUTHORIZED,    /* 401, 403: credential or role */
        REASON_MISCONFIGURED,   /* routing 404, unknown api-version, 400 on a plain list */
        REASON_NOT_FOUND,       /* a typed "no such job / file / channel" */
        REASON_BAD_REQUEST,     /* other 4xx */
        REASON_GONE,            /* 410, archived channel, disabled hook */
        REASON_EXPIRED,         /* older than max_age */
        REASON_INTERNAL,        /* out of memory and the like, on our side */
        _REASON_MAX,
} Reason;

#define OUTCOME_DETAIL_MAX 300U

typedef struct Outcome {
        OutcomeKind kind;
        Reason reason;
        int status;                     /* HTTP status or SMTP reply code, 0 when there was none */
        usec_t retry_after_usec; /* what the other side asked for, 0 when it did not; not capped yet */
        bool reshape;                   /* refused for its form: a degraded rendering may pass */
        bool partial;                   /* OUTCOME_OK, but not for everybody: the detail says for whom not */
        char detail[OUTCOME_DETAIL_MAX];/* one clean line for a person, "" when there is nothing to add */
} Outcome;

/* Nobody answered: it may take the whole timeout again. */
bool reason_is_silence(Reason reason);
const char *reason_to_string(Reason reason);
Reason reason_from_string(const char *s);       /* REASON_NONE when unknown */

Outcome outcome_ok(void);
/* detail may be NULL and foreign: it is cleaned and shortened. */
Outcome outcome_make(OutcomeKind kind, Reason reason, int status, const char *detail);
