/* What a person is told to do: by what the other side said, not by its status alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "base/strings.h"
#include "model/advice.h"

/* Details as they come: OpenSSL's words in libcurl's error buffer, messages of the services. */
static const struct {
        NoticeType type;
        Reason reason;
        const char *detail;
        const char *advice;             /* a part of it; NULL: none */
} table[] = {
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_UNAUTHORIZED,
          "HTTP 401: Access denied due to invalid subscription key or wrong API endpoint.", "api key" },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_UNAUTHORIZED, NULL, "the credential" },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_UNAUTHORIZED,
          "HTTP 401: Principal does not have access to API/Operation.", "a role" },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_UNAUTHORIZED,
          "HTTP 403: The principal lacks the required data action Microsoft.CognitiveServices/x",
          "Contributor" },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_UNAUTHORIZED,
          "HTTP 403: PermissionDenied", "up to 10 minutes" },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_UNAUTHORIZED,
          "HTTP 401: Unauthorized. Access token is missing, invalid, audience is incorrect (https://x), or "
          "have expired.",
          "scope" },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_UNAUTHORIZED,
          "HTTP 403: Access denied due to Virtual Network/Firewall rules.", "firewall" },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_UNAUTHORIZED,
          "HTTP 403: Public access is disabled. Please configure private endpoint.", "private endpoint" },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_UNAUTHORIZED,
          "HTTP 401: AADSTS7000215: Invalid client secret provided.", "not the id" },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_UNAUTHORIZED,
          "HTTP 401: AADSTS7000222: The provided client secret keys are expired.", "expired" },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_UNAUTHORIZED, "no token: HTTP 401", "auth of this source" },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_MISCONFIGURED, "HTTP 400: AADSTS900023: x", "tenant" },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_BAD_REPLY, "no token: the answer is of no use", "authority" },
        { NOTICE_SOURCE_THROTTLED, REASON_THROTTLED, "no token: HTTP 429", "server of tokens" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TIMEOUT, "no token: timed out", "server of tokens" },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_UNAUTHORIZED, "HTTP 401: Incorrect API key provided: sk-...",
          "organization and project" },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_MISCONFIGURED, "HTTP 404: Resource not found", "dialect" },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_BAD_REQUEST, "HTTP 400: API version not supported",
          "api_version" },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_REDIRECT, "HTTP 302: a redirect, which is not followed",
          "redirects" },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_BAD_REPLY, "the page is no JSON", "login page" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_DNS, "the host name was not resolved", "private DNS zone" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_CONNECT, "no connection", "firewall" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TIMEOUT, "timed out", "Raise timeout" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS,
          "the certificate is not trusted (SSL certificate problem: self-signed certificate)", "ca_file" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS,
          "the certificate is not trusted (SSL certificate problem: unable to get local issuer certificate)",
          "ca-certificates" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS,
          "the certificate is not trusted (SSL: no alternative certificate subject name matches target host "
          "name 'x')",
          "host name in endpoint" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS, "SSL certificate problem: certificate has expired",
          "clock" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS, "SSL certificate problem: certificate is not yet valid",
          "clock" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_PROXY, "the proxy answered 407", "proxy_password" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_PROXY, "the proxy answered 403", "no_proxy" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_PROXY, "the name of the proxy was not resolved",
          "option proxy" },
        { NOTICE_JOB_FAILED, REASON_NONE,
          "The provided training data failed RAI checks for harm types: [x].", "content filter" },
        { NOTICE_JOB_FAILED, REASON_NONE, NULL, "Correct what the error names" },
        { NOTICE_JOB_RUNNING, REASON_NONE, NULL, NULL },
};

static void test_table(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                const char *advice = advice_find(table[i].type, table[i].reason, table[i].detail);
                if (!advice != !table[i].advice || (advice && !strstr(advice, table[i].advice)))
                        fail_msg("%s: %s", strempty(table[i].detail), strempty(advice));
        }
}

/* Its own comes first; a failed job's error counts, not its detail. */
static void test_notice(void **state) {
        Job job = { .error = { .message = (char *) "the training file was deleted" } };
        Notice n = { .type = NOTICE_JOB_FAILED, .job = &job, .detail = (char *) "RAI checks" };

        (void) state;
        assert_non_null(strstr(advice_for_notice(&n), "Upload the training file"));
        n.advice = (char *) "look";
        assert_string_equal(advice_for_notice(&n), "look");
        Notice trouble = { .type = NOTICE_SOURCE_UNREACHABLE, .reason = (char *) "proxy" };
        assert_non_null(strstr(advice_for_notice(&trouble), "proxy"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_notice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
