#include "receiver/reply_outcome.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"

#define RETRY_AFTER_BODY_MAX (24.0 * 3600.0)
#define SAID_MAX 160U                   /* bytes of a body that are quoted */
#define SECRET_PART_MIN 12U

/* Standard Webhooks, "Success and failure": 3xx is a failure, 410 disables, 429, 502 and 504 ask for less.
 * 408 and 425 are about time, 409 about a conflict with something under way: none is about the message. */
static const ReplyRule rules_for_all[] = {
        { 200, 299, NULL, OUTCOME_OK, REASON_NONE, false, NULL },
        { 300, 399, NULL, OUTCOME_REJECTED, REASON_REDIRECT, false,
          "the address redirects; redirects are not followed" },
        { 400, 400, NULL, OUTCOME_REJECTED, REASON_BAD_REQUEST, true, NULL },
        { 401, 401, NULL, OUTCOME_REJECTED, REASON_UNAUTHORIZED, false, NULL },
        { 403, 403, NULL, OUTCOME_REJECTED, REASON_UNAUTHORIZED, false, NULL },
        { 404, 404, NULL, OUTCOME_REJECTED, REASON_NOT_FOUND, false, NULL },
        { 407, 407, NULL, OUTCOME_RETRY, REASON_PROXY, false, "the proxy wants authentication" },
        { 408, 408, NULL, OUTCOME_RETRY, REASON_TIMEOUT, false, NULL },
        { 409, 409, NULL, OUTCOME_RETRY, REASON_SERVER_ERROR, false, NULL },
        { 410, 410, NULL, OUTCOME_REJECTED, REASON_GONE, false, NULL },
        { 413, 413, NULL, OUTCOME_REJECTED, REASON_TOO_LARGE, true, NULL },
        { 422, 422, NULL, OUTCOME_REJECTED, REASON_BAD_REQUEST, true, NULL },
        { 425, 425, NULL, OUTCOME_RETRY, REASON_SERVER_ERROR, false, NULL },
        { 429, 429, NULL, OUTCOME_RETRY, REASON_THROTTLED, false, NULL },
        { 400, 499, NULL, OUTCOME_REJECTED, REASON_BAD_REQUEST, false, NULL },
        { 500, 599, NULL, OUTCOME_RETRY, REASON_SERVER_ERROR, false, NULL },
        { 0, 0, NULL, OUTCOME_RETRY, REASON_BAD_REPLY, false, NULL },
        REPLY_RULES_END
};

Reason reason_from_http_failure(HttpFailure f) {
        static const Reason reasons[] = {
                [HTTP_FAILURE_NONE] = REASON_NONE,           [HTTP_FAILURE_DNS] = REASON_DNS,
                [HTTP_FAILURE_CONNECT] = REASON_CONNECT,     [HTTP_FAILURE_TLS] = REASON_TLS,
                [HTTP_FAILURE_PROXY] = REASON_PROXY,         [HTTP_FAILURE_TIMEOUT] = REASON_TIMEOUT,
                [HTTP_FAILURE_RESET] = REASON_RESET,         [HTTP_FAILURE_TOO_LARGE] = REASON_BAD_REPLY,
                [HTTP_FAILURE_INTERNAL] = REASON_INTERNAL,
        };
        return (size_t) f < ARRAY_SIZE(reasons) ? reasons[f] : REASON_INTERNAL;
}

static const ReplyRule *rule_find(const ReplyRule *rules, int status, const char *body) {
        for (; rules->last >= 0; rules++) {
                bool in_range = rules->last == 0 || (status >= rules->first && status <= rules->last);
                if (in_range && (!rules->body || strstr(body, rules->body)))
                        return rules;
        }
        return NULL;
}

/* Does the text repeat a part of what makes the address secret? Path and query fall into parts; short ones
 * are words that everybody uses. */
static bool repeats_secret(const char *text, const Secret *secret) {
        if (!secret)
                return false;
        const char *host = strstr(secret_reveal(secret), "://");
        const char *part = host ? host + 3 + strcspn(host + 3, "/?") : "";
        while (*part) {
                size_t n = strcspn(++part, "/?&=");
                if (n >= SECRET_PART_MIN && memmem(text, strlen(text), part, n))
                        return true;
                part += n;
        }
        return false;
}

/* Slack's 429 says how long also in its body. */
static usec_t retry_after_in_body(const HttpReply *reply) {
        _cleanup_json_ json_object *o = NULL;
        double seconds;

        if (json_parse_bounded(buf_string(&reply->body), reply->body.size, &o, NULL) < 0)
                return 0;
        if (!json_to_double(json_member(o, "retry_after"), &seconds) ||
            !(seconds > 0 && seconds < RETRY_AFTER_BODY_MAX))
                return 0;
        return (usec_t) (seconds * (double) USEC_PER_SEC);
}

/* {"error":{"message"}} and {"message"}: the sentence in it, for people; owned by *ret_root. */
static const char *said_in_json(const HttpReply *reply, json_object **ret_root) {
        if (json_parse_bounded(buf_string(&reply->body), reply->body.size, ret_root, NULL) < 0)
                return NULL;
        json_object *inner = json_member_object(*ret_root, "error");
        const char *said = inner ? json_member_string(inner, "message") : NULL;
        return said ? said : json_member_string(*ret_root, "message");
}

static void describe(const ReplyRule *rule, const HttpReply *reply, const Secret *secret, char *text,
                     size_t size) {
        _cleanup_json_ json_object *root = NULL;
        const char *said = rule->say ? rule->say : said_in_json(reply, &root);
        if (isempty(said))
                said = buf_string(&reply->body);
        const char *first = said + strspn(said, " \t\r\n");
        bool quote = *first && *first != '<' &&
                     !repeats_secret(said, secret); /* nobody wants to read HTML */

        (void) snprintf(text, size, "HTTP %d%s%.*s", reply->status, quote ? ": " : "",
                       quote ? (int) SAID_MAX : 0, first);
}

Outcome reply_outcome(const ReplyRule *rules, const HttpReply *reply, const Secret *secret) {
        char text[OUTCOME_DETAIL_MAX];

        if (reply->failure != HTTP_FAILURE_NONE) {
                const char *detail = repeats_secret(reply->detail, secret) ? NULL : reply->detail;
                return outcome_make(OUTCOME_RETRY, reason_from_http_failure(reply->failure), 0, detail);
        }
        const ReplyRule *rule = rule_find(rules, reply->status, buf_string(&reply->body));
        if (!rule)
                rule = rule_find(rules_for_all, reply->status, "");
        Outcome o = { .kind = OUTCOME_OK, .status = reply->status };
        if (rule->kind == OUTCOME_OK)
                return o;
        describe(rule, reply, secret, text, sizeof text);
        o = outcome_make(rule->kind, rule->reason, reply->status, text);
        o.reshape = rule->reshape;
        o.retry_after_usec = reply->retry_after_usec;
        if (o.kind == OUTCOME_RETRY && o.retry_after_usec == 0)
                o.retry_after_usec = retry_after_in_body(reply);
        return o;
}
