/* Endpoints as people paste them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/endpoint.h"
#include "base/macro.h"
#include "base/strings.h"

static const struct {
        const char *text, *url, *message;       /* one of the last two */
} endpoints[] = {
        { "https://contoso.openai.azure.com", "https://contoso.openai.azure.com", NULL },
        { "https://contoso.openai.azure.com/", "https://contoso.openai.azure.com", NULL },
        { "https://contoso.openai.azure.com///", "https://contoso.openai.azure.com", NULL },
        { "https://CONTOSO.OpenAI.azure.com:443", "https://contoso.openai.azure.com", NULL },
        { "HTTPS://contoso.openai.azure.com:8443", "https://contoso.openai.azure.com:8443", NULL },
        { "https://contoso.openai.azure.com/openai", "https://contoso.openai.azure.com", NULL },
        { "https://contoso.openai.azure.com/openai/deployments/x/chat?api-version=2024-10-21",
          "https://contoso.openai.azure.com", NULL },
        { "https://contoso.openai.azure.com?api-version=2024-10-21", "https://contoso.openai.azure.com",
          NULL },
        { "https://contoso.openai.azure.com/#frag", "https://contoso.openai.azure.com", NULL },
        { "https://gateway.example.org/team-a/openai/fine_tuning/jobs", "https://gateway.example.org/team-a",
          NULL },
        { "https://gateway.example.org/openai-proxy/", "https://gateway.example.org/openai-proxy", NULL },
        { "https://gateway.example.org/openai-proxy/openai/", "https://gateway.example.org/openai-proxy",
          NULL },
        { "http://127.0.0.1:8080", "http://127.0.0.1:8080", NULL },
        { "http://[::1]:8080/openai/", "http://[::1]:8080", NULL },
        { "http://localhost:8080/", "http://localhost:8080", NULL },
        { "https://contoso.openai.azure.com//openai//v1/", "https://contoso.openai.azure.com", NULL },
        { "https://gateway.example.org//team//a//", "https://gateway.example.org/team/a", NULL },
        { "https://[2001:DB8::7]:8443/", "https://[2001:db8::7]:8443", NULL },
        { "https://[fe80::1%25eth0]/openai", "https://[fe80::1%25eth0]", NULL },
        { "https://[fe80::1%eth0]:444", "https://[fe80::1%25eth0]:444", NULL },
        { "https://10.0.0.7", "https://10.0.0.7", NULL },
        { "", NULL, "is empty" },
        { "contoso.openai.azure.com", NULL, "has no scheme: a URL begins with https://" },
        { "https://", NULL, "has no valid host name" },
        { "https:///openai", NULL, "has no valid host name" },
        { "https://user:pw@contoso.openai.azure.com", NULL,
          "carries a user name or password: it does not belong into a URL" },
        { "https://user@contoso.openai.azure.com", NULL,
          "carries a user name or password: it does not belong into a URL" },
        { "https://<name>.openai.azure.com", NULL, "has no valid host name" },
        { "https://con toso.openai.azure.com", NULL, "has no valid host name" },
        { "ftp://contoso.openai.azure.com", NULL, "has another scheme than https" },
        { "http://contoso.openai.azure.com", NULL,
          "is plain http: that is accepted towards loopback only, use https://" },
        { "http://127.0.0.1.example.org", NULL,
          "is plain http: that is accepted towards loopback only, use https://" },
};

static const EndpointShape azure_shape = { "/openai", NULL };

static void test_endpoint_parse(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
                _cleanup_(endpoint_done) Endpoint e = {};
                _cleanup_free_ char *message = NULL;
                int r = endpoint_parse(endpoints[i].text, &azure_shape, &e, &message);
                if (endpoints[i].url) {
                        if (r < 0)
                                fail_msg("%s: %s", endpoints[i].text, strempty(message));
                        assert_string_equal(e.url, endpoints[i].url);
                } else {
                        if (r != -EINVAL || e.url)
                                fail_msg("%s was accepted", endpoints[i].text);
                        /* What libcurl itself refuses differs a little between its versions. */
                        if (streq(message, "is not a URL") && streq(endpoints[i].message,
                                                                    "has no valid host name"))
                                continue;
                        assert_string_equal(message, endpoints[i].message);
                }
        }
}

static void test_endpoint_parts(void **state) {
        _cleanup_(endpoint_done) Endpoint e = {}, f = {};
        _cleanup_free_ char *message = NULL;

        (void) state;
        assert_int_equal(endpoint_parse("https://[::1]:8443/a/b/", &azure_shape, &e, &message), 0);
        assert_string_equal(e.host, "::1");
        assert_string_equal(e.path, "/a/b");
        assert_true(e.loopback);
        assert_int_equal(endpoint_parse("https://x.example/v1/y", &(EndpointShape){ "/v1", NULL }, &f,
                                        &message),
                         0);
        assert_string_equal(f.path, "");
        assert_false(f.loopback);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_endpoint_parse),
                cmocka_unit_test(test_endpoint_parts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
