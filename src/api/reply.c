#include "api/reply.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/strings.h"

#define RETRY_TEXT_MAX_USEC (365.0 * 24 * 3600 * 1e6)    /* against overflow: callers have their own */

static const Reason by_failure[] = {
        [HTTP_FAILURE_NONE] = REASON_NONE,
        [HTTP_FAILURE_DNS] = REASON_DNS,
        [HTTP_FAILURE_CONNECT] = REASON_CONNECT,
        [HTTP_FAILURE_TLS] = REASON_TLS,
        [HTTP_FAILURE_PROXY] = REASON_PROXY,
        [HTTP_FAILURE_TIMEOUT] = REASON_TIMEOUT,
        [HTTP_FAILURE_RESET] = REASON_RESET,
        [HTTP_FAILURE_TOO_LARGE] = REASON_TOO_LARGE,
        [HTTP_FAILURE_INTERNAL] = REASON_INTERNAL,
};

/* The first row that fits decides. */
static const struct {
        int from, to;
        OutcomeKind kind;
        Reason reason;
} by_status[] = {
        { 200, 200, OUTCOME_OK, REASON_NONE },
        { 201, 299, OUTCOME_RETRY, REASON_BAD_REPLY }, /* a GET of this API answers 200 or fails */
        { 300, 399, OUTCOME_REJECTED, REASON_REDIRECT },
        { 401, 401, OUTCOME_REJECTED, REASON_UNAUTHORIZED },
        { 403, 403, OUTCOME_REJECTED, REASON_UNAUTHORIZED },
        { 404, 404, OUTCOME_REJECTED, REASON_MISCONFIGURED }, /* unless the body names a thing: see below */
        { 407, 407, OUTCOME_RETRY, REASON_PROXY },
        { 408, 408, OUTCOME_RETRY, REASON_TIMEOUT },
        { 409, 409, OUTCOME_RETRY, REASON_SERVER_ERROR },
        { 410, 410, OUTCOME_REJECTED, REASON_GONE },
        { 425, 425, OUTCOME_RETRY, REASON_SERVER_ERROR },
        { 429, 429, OUTCOME_RETRY, REASON_THROTTLED },
        { 400, 499, OUTCOME_REJECTED, REASON_BAD_REQUEST },
        { 500, 599, OUTCOME_RETRY, REASON_SERVER_ERROR },
};

typedef struct ErrorBody {
        json_object *root;
        const char *code;
        const char *message;
} ErrorBody;

/* {"error":{"code","message"}}, {"statusCode","message"} and {"error":"word","error_description":"..."}. */
static ErrorBody error_body_read(const HttpReply *reply) {
        ErrorBody e = {};

        if (json_parse_bounded(buf_string(&reply->body), reply->body.size, &e.root, NULL) < 0)
                return e;
        json_object *inner = json_member_object(e.root, "error");
        e.code = inner ? json_member_string(inner, "code") : json_member_string(e.root, "error");
        e.message = json_member_string(inner ? inner : e.root, "message");
        if (!e.message)
                e.message = json_member_string(e.root, "error_description");
        return e;
}

/* "PermissionDenied" says something, "401" does not. */
static const char *code_word(const ErrorBody *e) {
        return e->code && strspn(e->code, "0123456789") < strlen(e->code) ? e->code : NULL;
}

/* Azure says notFound or NotFound, OpenAI fine_tune_not_found; routing says "404" (Resource not found). */
static bool names_a_thing(const char *code) {
        return code && (strcasestr(code, "notfound") || strcasestr(code, "not_found")) &&
               strcasecmp(code, "DeploymentNotFound") != 0 && strcasecmp(code, "ResourceNotFound") != 0;
}

/* "1 second", "20s", "1m30s", "6 ms": their sum; 0 for what is none. */
static usec_t read_span(const char *s) {
        static const struct {
                const char *unit;
                double usec;
        } units[] = {
                { "ms", (double) USEC_PER_MSEC }, { "milli", (double) USEC_PER_MSEC },
                { "m", (double) USEC_PER_MINUTE }, { "s", (double) USEC_PER_SEC },
                { "h", (double) USEC_PER_HOUR },
        };
        double sum = 0;

        for (unsigned parts = 0; parts < 3; parts++) {
                _cleanup_free_ char *number = strndup(s, strspn(s, "0123456789."));
                double v, usec = 0;
                if (isempty(number))
                        break;
                s += strlen(number);
                for (; *number && number[strlen(number) - 1] == '.';)   /* the end of a sentence */
                        number[strlen(number) - 1] = '\0';
                if (parse_double(number, &v) < 0)
                        break;
                s += strspn(s, " ");
                for (size_t i = 0; i < ARRAY_SIZE(units) && usec <= 0; i++)
                        if (startswith(s, units[i].unit))
                                usec = units[i].usec;
                sum += v * usec;
                s += strspn(s, "abcdefghijklmnopqrstuvwxyz");
                s += strspn(s, " ");
        }
        return (usec_t) MIN(sum, RETRY_TEXT_MAX_USEC);
}

/* Azure says how long to wait only in words: "Try again in 2 seconds.", "Please retry after 86400 seconds."
 */
static usec_t retry_after_of_text(const char *message) {
        static const char *const phrases[] = { "try again in ", "retry after ", "retry in " };

        for (size_t i = 0; message && i < ARRAY_SIZE(phrases); i++) {
                const char *p = strcasestr(message, phrases[i]);
                if (p)
                        return read_span(p + strlen(phrases[i]));
        }
        return 0;
}

/* x-should-retry is the server's last word on whether another try is of any use. */
static void apply_wishes(const HttpReply *reply, const ErrorBody *e, Outcome *o) {
        o->retry_after_usec = reply->retry_after_usec;
        if (o->retry_after_usec == 0 && (reply->status == 429 || reply->status >= 500))
                o->retry_after_usec = retry_after_of_text(e->message);
        if (reply->should_retry >= 0)
                o->kind = reply->should_retry ? OUTCOME_RETRY : OUTCOME_REJECTED;
}

Outcome api_reply_outcome(const HttpReply *reply) {
        if (reply->failure != HTTP_FAILURE_NONE) {
                OutcomeKind kind =
                        reply->failure == HTTP_FAILURE_TOO_LARGE ? OUTCOME_REJECTED : OUTCOME_RETRY;
                return outcome_make(kind, by_failure[reply->failure], 0, reply->detail);
        }
        if (reply->status == 200)
                return outcome_ok();
        Outcome o = outcome_make(OUTCOME_RETRY, REASON_BAD_REPLY, reply->status, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(by_status); i++)
                if (reply->status >= by_status[i].from && reply->status <= by_status[i].to) {
                        o.kind = by_status[i].kind;
                        o.reason = by_status[i].reason;
                        break;
                }
        ErrorBody e = error_body_read(reply);
        if (reply->status == 404 && names_a_thing(e.code))
                o.reason = REASON_NOT_FOUND;
        char detail[OUTCOME_DETAIL_MAX];
        const char *what = o.reason == REASON_REDIRECT ? "a redirect, which is not followed" :
                           e.message                   ? e.message :
                                                         code_word(&e);
        (void) snprintf(detail, sizeof detail, "HTTP %d%s%.200s%s%.60s%s", reply->status,
                        what ? ": " : "", strempty(what), *reply->request_id ? " (request " : "",
                        reply->request_id, *reply->request_id ? ")" : "");
        o = outcome_make(o.kind, o.reason, reply->status, detail);
        apply_wishes(reply, &e, &o);
        json_object_put(e.root);
        return o;
}

bool api_outcome_refuses_cursor(const Outcome *o) {
        return o->status >= 400 && o->status < 500 &&
               (o->reason == REASON_NOT_FOUND || o->reason == REASON_BAD_REQUEST);
}
