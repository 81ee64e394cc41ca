/* What servers of tokens answer. Numbers come as numbers or as strings, an expiry in five forms, errors flat
 * or nested. */
#include "api/token.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "api/reply.h"
#include "base/json.h"
#include "base/strings.h"

#define TOKEN_SIZE_MAX 16384U           /* what a header can carry */
#define LIFETIME_MAX_SEC ((int64_t) 7 * 24 * 3600)
#define LIFETIME_UNKNOWN_SEC 600        /* neither expires_in nor expires_on: both are optional (RFC 6749) */
#define SENTENCE_MAX 160                /* of what the server says */

/* What several codes come to. */
#define POLICY "a conditional access policy blocks it"
#define CONSENT "an administrator has to consent to the application"
#define TENANT "tenant has to be the id of the tenant, or a domain of it"
#define CLOUD "the tenant is in another cloud: check authority"
#define PASSES "it passes by itself"

/* --- a token ----------------------------------------------------------------------------------------- */

/* A number, or one in a string. */
static bool read_number(json_object *o, const char *key, int64_t *ret) {
        json_object *v = json_member(o, key);
        const char *s = json_member_string(o, key);

        if (json_object_is_type(v, json_type_int))
                *ret = json_object_get_int64(v);
        else if (json_object_is_type(v, json_type_double) && json_object_get_double(v) > 0 &&
                 json_object_get_double(v) < 1e15)
                *ret = (int64_t) json_object_get_double(v);
        else if (!s || !*s || s[strspn(s, "0123456789")] || strlen(s) > 15)
                return false;
        else
                *ret = (int64_t) strtoll(s, NULL, 10);
        return true;
}

/* What may stand behind the seconds: a fraction, and an offset. */
static bool read_offset(const char *s, int64_t *ret_sec) {
        if (*s == '.')
                s += 1 + strspn(s + 1, "0123456789");
        s += strspn(s, " ");
        *ret_sec = 0;
        if (!*s || streq(s, "Z") || streq(s, "z"))
                return true;
        if ((*s != '+' && *s != '-') || !isdigit((unsigned char) s[1]) || !isdigit((unsigned char) s[2]) ||
            s[3] != ':' || !isdigit((unsigned char) s[4]) || !isdigit((unsigned char) s[5]) || s[6])
                return false;
        int64_t sec = ((s[1] - '0') * 10 + s[2] - '0') * 3600 + ((s[4] - '0') * 10 + s[5] - '0') * 60;
        *ret_sec = *s == '-' ? -sec : sec;
        return true;
}

/* The forms that MSAL reads, and App Service's older one with AM and PM. */
static bool read_date(const char *s, int64_t *ret) {
        static const char *const formats[] = {
                "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
        };

        for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
                struct tm tm = {};
                int64_t offset;
                const char *rest = strptime(s, formats[i], &tm);
                if (!rest || !read_offset(rest, &offset))
                        continue;
                *ret = (int64_t) timegm(&tm) - offset;
                return true;
        }
        return false;
}

static int64_t read_lifetime(json_object *o, int64_t now) {
        const char *date = json_member_string(o, "expires_on");
        int64_t in, on;

        if (read_number(o, "expires_in", &in))
                return in;
        if (read_number(o, "expires_on", &on) || (date && read_date(date, &on)))
                return on > now ? on - now : 0;
        return LIFETIME_UNKNOWN_SEC;
}

/* A header is made of it. */
static bool token_is_valid(const char *token) {
        size_t n = 0;

        while (token[n] > ' ' && token[n] <= '~')
                n++;
        return n > 0 && n <= TOKEN_SIZE_MAX && !token[n];
}

int token_reply_read(const char *text, size_t size, int64_t now, Secret **ret, usec_t *ret_lifetime_usec,
                     const char **ret_reason) {
        json_object *o = NULL;

        int r = json_parse_secret(text, size, &o, ret_reason);
        if (r < 0)
                return r;
        const char *token = json_member_string(o, "access_token");
        const char *type = json_member_string(o, "token_type");
        int64_t lifetime = read_lifetime(o, now);
        r = -EBADMSG;
        if (!token || !token_is_valid(token))
                *ret_reason = "no access_token in it";
        else if (type && strcasecmp(type, "Bearer") != 0)
                *ret_reason = "another kind of token than Bearer";
        else if (lifetime <= 0)
                *ret_reason = "the token has expired already";
        else
                r = secret_new(ret, token, strlen(token));
        json_erase(o, "access_token");
        json_object_put(o);
        if (r >= 0)
                *ret_lifetime_usec = (usec_t) MIN(lifetime, LIFETIME_MAX_SEC) * USEC_PER_SEC;
        return r;
}

/* --- no token ---------------------------------------------------------------------------------------- */

/* By the code in the text ("Microsoft Entra authentication and authorization error codes"), of those that
 * concern an application; for all others by Entra's "error" (RFC 6749, OpenID Connect), which says little.
 * What people are to do stands in plain words behind what the server said. The first that fits decides. */
static const struct {
        const char *code;
        OutcomeKind kind;
        Reason reason;
        const char *advice;
} known[] = {
        { "AADSTS7000215", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "client_secret is wrong: it takes the secret's value, not its id" },
        { "AADSTS7000222", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "the client secret has expired: make a new one for the app registration, then restart ftwatchd" },
        { "AADSTS700016", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "the tenant does not know this client_id" },
        { "AADSTS7000112", OUTCOME_REJECTED, REASON_UNAUTHORIZED, "the application is disabled" },
        { "AADSTS7000229", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "the application has no service principal in this tenant" },
        { "AADSTS700027", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "the app registration does not have this certificate, or it has expired" },
        { "AADSTS700024", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "the assertion is out of its time: check the clock of this machine" },
        { "AADSTS70021", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "the app registration has no federated credential for this issuer, subject and audience" },
        { "AADSTS50012", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "the app registration does not take this certificate or its signature" },
        { "AADSTS700025", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "the app registration is a public client: those have no credential" },
        { "AADSTS530", OUTCOME_REJECTED, REASON_UNAUTHORIZED, POLICY },
        { "AADSTS50131", OUTCOME_REJECTED, REASON_UNAUTHORIZED, POLICY },
        { "AADSTS50053", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "Entra has locked it, or does not trust the address of this machine" },
        { "AADSTS50105", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "the application is not assigned to what the token is for" },
        { "AADSTS65001", OUTCOME_REJECTED, REASON_UNAUTHORIZED, CONSENT },
        { "AADSTS90094", OUTCOME_REJECTED, REASON_UNAUTHORIZED, CONSENT },
        { "AADSTS50002", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "a proxy on the way lets through to other tenants only" },
        { "AADSTS900023", OUTCOME_REJECTED, REASON_MISCONFIGURED, "tenant is no id and no domain" },
        { "AADSTS90002", OUTCOME_REJECTED, REASON_MISCONFIGURED,
          "there is no such tenant: check tenant, and authority if the cloud is another" },
        { "AADSTS900384", OUTCOME_REJECTED, REASON_UNAUTHORIZED, "the signature of the assertion is wrong" },
        { "AADSTS90038", OUTCOME_REJECTED, REASON_MISCONFIGURED, CLOUD },
        { "AADSTS900432", OUTCOME_REJECTED, REASON_MISCONFIGURED, CLOUD },
        { "AADSTS90019", OUTCOME_REJECTED, REASON_MISCONFIGURED, TENANT },
        { "AADSTS50059", OUTCOME_REJECTED, REASON_MISCONFIGURED, TENANT },
        { "AADSTS50128", OUTCOME_REJECTED, REASON_MISCONFIGURED, TENANT },
        { "AADSTS50194", OUTCOME_REJECTED, REASON_MISCONFIGURED, TENANT },
        { "AADSTS500011", OUTCOME_REJECTED, REASON_MISCONFIGURED,
          "the tenant does not know what the token is for: check scope" },
        { "AADSTS1002012", OUTCOME_REJECTED, REASON_MISCONFIGURED, "check scope" },
        { "AADSTS50033", OUTCOME_RETRY, REASON_SERVER_ERROR, PASSES },
        { "AADSTS90006", OUTCOME_RETRY, REASON_SERVER_ERROR, PASSES },
        { "AADSTS90012", OUTCOME_RETRY, REASON_SERVER_ERROR, PASSES },
        { "AADSTS90024", OUTCOME_RETRY, REASON_SERVER_ERROR, PASSES },
        { "AADSTS90033", OUTCOME_RETRY, REASON_SERVER_ERROR, PASSES },
        { "AADSTS90090", OUTCOME_RETRY, REASON_SERVER_ERROR, PASSES },
        { "AADSTS90091", OUTCOME_RETRY, REASON_SERVER_ERROR, PASSES },
        { "AADSTS50196", OUTCOME_RETRY, REASON_THROTTLED, PASSES },
        { "AADSTS90055", OUTCOME_RETRY, REASON_THROTTLED, PASSES },
        { "Identity not found", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "this machine has no such identity: assign it (az vm identity assign)" },
        { "invalid_client", OUTCOME_REJECTED, REASON_UNAUTHORIZED, "check the credential" },
        { "unauthorized_client", OUTCOME_REJECTED, REASON_UNAUTHORIZED, "check client_id and tenant" },
        { "invalid_scope", OUTCOME_REJECTED, REASON_MISCONFIGURED, "check scope" },
        { "invalid_resource", OUTCOME_REJECTED, REASON_MISCONFIGURED, "check scope" },
        { "invalid_grant", OUTCOME_REJECTED, REASON_UNAUTHORIZED, "check the credential" },
        { "access_denied", OUTCOME_REJECTED, REASON_UNAUTHORIZED, "the tenant does not allow it" },
        { "consent_required", OUTCOME_REJECTED, REASON_UNAUTHORIZED, CONSENT },
        { "interaction_required", OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "a policy wants somebody to sign in, which a service cannot" },
        { "temporarily_unavailable", OUTCOME_RETRY, REASON_SERVER_ERROR, PASSES },
};

/* Codes that go on with more digits are the same matter, 70021 and 700211 to 700213, but where the longer
 * one has a row before. */
static bool text_has(const char *text, const char *code) {
        return text && strstr(text, code);
}

typedef struct ErrorText {
        json_object *root;
        const char *code, *text;
} ErrorText;

/* {"error":"word","error_description":"..."}, {"error":{"code","message"}}, and App Service's
 * {"statusCode","message"}. */
static ErrorText error_text_read(const HttpReply *reply) {
        ErrorText e = {};

        if (json_parse_bounded(buf_string(&reply->body), reply->body.size, &e.root, NULL) < 0)
                return e;
        json_object *inner = json_member_object(e.root, "error");
        e.code = inner ? json_member_string(inner, "code") : json_member_string(e.root, "error");
        e.text = json_member_string(e.root, "error_description");
        if (!e.text)
                e.text = json_member_string(inner ? inner : e.root, "message");
        return e;
}

/* "AADSTS7000215: Invalid client secret provided. Ensure ... Trace ID: ...": the first sentence. */
static int sentence_length(const char *text) {
        const char *end = text + strcspn(text, "\r\n");
        const char *stop = strstr(text, ". ");

        if (stop && stop < end)
                end = stop;
        while (end > text && end[-1] == '.')
                end--;
        return (int) MIN(end - text, (ptrdiff_t) SENTENCE_MAX);
}

static Outcome describe(const HttpReply *reply, const ErrorText *e, Outcome o, const char *advice) {
        char detail[OUTCOME_DETAIL_MAX];
        const char *text = e->text ? e->text : strempty(e->code);

        (void) snprintf(detail, sizeof detail, "no token: HTTP %d%s%.*s%s%s", reply->status,
                        *text ? ": " : "", sentence_length(text), text, advice ? "; " : "",
                        strempty(advice));
        Outcome made = outcome_make(o.kind, o.reason, reply->status, detail);
        made.retry_after_usec = reply->retry_after_usec;
        return made;
}

static Outcome without_reply(const AuthSettings *a, const HttpReply *reply, Outcome o) {
        char detail[OUTCOME_DETAIL_MAX];
        bool local = token_request_is_local(a);

        (void) snprintf(detail, sizeof detail, "no token: %.160s%s", reply->detail,
                        local ? "; nothing gives tokens here: is this a machine with a managed identity?"
                              : "");
        return outcome_make(o.kind, o.reason, 0, detail);
}

/* IMDS says 404 and 410 while it is being updated (how-to-use-vm-token.md, "retry guidance"). */
static bool passes_by_itself(const AuthSettings *a, int status) {
        return a->kind == AUTH_MANAGED_IDENTITY && a->platform == AUTH_PLATFORM_IMDS &&
               (status == 404 || status == 410);
}

Outcome token_reply_outcome(const AuthSettings *a, const HttpReply *reply) {
        Outcome o = api_reply_outcome(reply);
        const char *advice = NULL;

        if (reply->failure != HTTP_FAILURE_NONE)
                return without_reply(a, reply, o);
        ErrorText e = error_text_read(reply);
        if (reply->status >= 400 && reply->status < 500)
                for (size_t i = 0; i < ARRAY_SIZE(known) && !advice; i++)
                        if (text_has(e.text, known[i].code) || text_has(e.code, known[i].code)) {
                                o.kind = known[i].kind;
                                o.reason = known[i].reason;
                                advice = known[i].advice;
                        }
        if (!advice && passes_by_itself(a, reply->status)) {
                o.kind = OUTCOME_RETRY;
                o.reason = REASON_SERVER_ERROR;
        }
        o = describe(reply, &e, o, advice);
        json_object_put(e.root);
        return o;
}

/* Five attempts in 52 s: an update of IMDS takes up to 70 s. */
usec_t token_retry_delay(const AuthSettings *a, const HttpReply *reply, unsigned n) {
        static const unsigned delays[] = { 2, 6, 14, 30 };
        bool again = passes_by_itself(a, reply->status) || reply->status == 429 || reply->status >= 500;

        if (a->kind != AUTH_MANAGED_IDENTITY || a->platform != AUTH_PLATFORM_IMDS || !again || n == 0 ||
            n > ARRAY_SIZE(delays))
                return 0;
        return delays[n - 1] * USEC_PER_SEC;
}
