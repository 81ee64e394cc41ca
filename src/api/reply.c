#include "api/reply.h"

#include <stdio.h>
#include <strings.h>

#include "base/json.h"
#include "base/strings.h"

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

/* Azure says notFound or NotFound, OpenAI fine_tune_not_found; routing says "404" (Resource not found). */
static bool names_a_thing(const char *code) {
        return code && (strcasestr(code, "notfound") || strcasestr(code, "not_found")) &&
               strcasecmp(code, "DeploymentNotFound") != 0 && strcasecmp(code, "ResourceNotFound") != 0;
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
        const char *what = o.reason == REASON_REDIRECT ? "a redirect, which is not followed" : e.message;
        (void) snprintf(detail, sizeof detail, "HTTP %d%s%.200s%s%.60s%s", reply->status,
                        what ? ": " : "", strempty(what), *reply->request_id ? " (request " : "",
                        reply->request_id, *reply->request_id ? ")" : "");
        json_object_put(e.root);
        o = outcome_make(o.kind, o.reason, reply->status, detail);
        o.retry_after_usec = reply->retry_after_usec;
        return o;
}

bool api_outcome_refuses_cursor(const Outcome *o) {
        return o->status >= 400 && o->status < 500 &&
               (o->reason == REASON_NOT_FOUND || o->reason == REASON_BAD_REQUEST);
}
