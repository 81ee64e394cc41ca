#pragma once
/* The transport seam: submit a request, get one callback. Production is libcurl (http_curl_new), tests give
 * a script. It does not interpret statuses: what a 404 means is known in api/ and receiver/. Redirects are
 * never followed; https, or http towards loopback and link-local addresses (169.254.0.0/16,
 * where cloud machines ask for tokens), which no proxy sees; a reply over reply_limit ends as TOO_LARGE. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"
#include "base/time.h"
#include "io/http_way.h"

typedef struct Http Http;
typedef struct HttpCall HttpCall;

typedef enum HttpFailure {              /* no complete reply came: why */
        HTTP_FAILURE_NONE,
        HTTP_FAILURE_DNS,
        HTTP_FAILURE_CONNECT,
        HTTP_FAILURE_TLS,
        HTTP_FAILURE_PROXY,
        HTTP_FAILURE_TIMEOUT,
        HTTP_FAILURE_RESET,             /* connection broke, truncated body, protocol error */
        HTTP_FAILURE_TOO_LARGE,
        HTTP_FAILURE_INTERNAL,          /* on our side: memory, refused URL */
} HttpFailure;

typedef struct HttpHeader {
        const char *name;
        const char *value;              /* the value, or what stands before the secret ("Bearer ") */
        const Secret *secret;           /* NULL for plain headers */
} HttpHeader;

#define HTTP_HEADERS_MAX 8U             /* Azure answers 431 above 10 custom headers */

/* Everything is copied or handed to libcurl before submit returns, but `body`, which must live until the
 * callback. */
typedef struct HttpRequest {
        const char *method;             /* "GET", "POST" */
        const char *url;                /* this or secret_url */
        const Secret *secret_url;
        HttpHeader headers[HTTP_HEADERS_MAX];
        size_t n_headers;
        const void *body;
        size_t body_size;
        usec_t timeout_usec;            /* whole exchange, > 0 */
        size_t reply_limit;             /* bytes of body, > 0 */
        const HttpWay *way;             /* NULL: as the environment and the system have it */
        bool secret_reply;              /* the body is wiped when it is freed */
} HttpRequest;

#define HTTP_DETAIL_MAX 256U

typedef struct HttpReply {
        HttpFailure failure;
        char detail[HTTP_DETAIL_MAX];   /* the transport's own words on failure; no URL, no secret */
        int status;                     /* 0 when failure */
        Buf body;                       /* the callback may take it (and leave a BUF_INIT behind) */
        char content_type[128];         /* "" when absent */
        char request_id[128];           /* apim-request-id or x-request-id, to be quoted; "" when absent */
        char challenge[256];            /* WWW-Authenticate; "" when absent */
        int64_t date;                   /* Date: as Unix seconds, 0 when absent */
        usec_t retry_after_usec;        /* retry-after-ms or Retry-After (seconds, date); 0 when absent */
        int should_retry;               /* x-should-retry: 1 true, 0 false, -1 absent */
} HttpReply;

/* Runs exactly once, never before http_submit() returned, never inside libcurl; may submit and cancel
 * freely. The call is gone when it returns: the holder clears its pointer. */
typedef void (*http_done_t)(HttpReply *reply, void *userdata);

typedef struct HttpVtable {
        /* See http_submit. */
        int (*submit)(Http *h, const HttpRequest *request, http_done_t done, void *userdata, HttpCall **ret);
        /* The callback will not run; frees the call. */
        void (*cancel)(Http *h, HttpCall *call);
        Http *(*free)(Http *h);
} HttpVtable;

struct Http {
        const HttpVtable *vtable;
};

/* -EPROTO: a URL that is no URL or not safe; -EINVAL: a request that breaks the rules above, or a header
 * with a line break; -EDEADLK: from inside libcurl; -ENOMEM. Nothing was sent then and the callback will not
 * run. */
static inline int http_submit(Http *h, const HttpRequest *request, http_done_t done, void *userdata,
                              HttpCall **ret) {
        return h->vtable->submit(h, request, done, userdata, ret);
}
/* Takes NULL; returns NULL. Does nothing to the call whose callback is running. */
static inline HttpCall *http_cancel(Http *h, HttpCall *call) {
        if (call)
                h->vtable->cancel(h, call);
        return NULL;
}
static inline Http *http_free(Http *h) {
        return h ? h->vtable->free(h) : NULL;
}
DEFINE_CLEANUP(Http, http_free)

const char *http_failure_to_string(HttpFailure f);
/* https, or http towards 127.0.0.0/8, ::1 or localhost. */
bool http_url_is_safe(const char *url);
/* Percent-encodes everything but RFC 3986 unreserved characters: for a path segment or a query value. */
int http_escape(const char *s, char **ret);
/* An HTTP date in Unix seconds, 0 for what is none. */
int64_t http_parse_date(const char *s);
/* What retry-after-ms and Retry-After (both may be NULL) ask for, 0: nothing. A date counts from `date`, the
 * reply's own Date in Unix seconds, or from now if that is 0. */
usec_t http_parse_retry_after(const char *ms, const char *after, int64_t date, usec_t now_real_usec);
