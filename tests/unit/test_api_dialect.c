/* Dialects: URLs, headers, and what becomes of an endpoint as people paste it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/dialect.h"
#include "api/endpoint.h"
#include "api/source.h"
#include "base/strings.h"

/* --- endpoints ------------------------------------------------------------------------------------ */

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

static void test_endpoint_parse(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
                _cleanup_(endpoint_done) Endpoint e = {};
                _cleanup_free_ char *message = NULL;
                int r = endpoint_parse(endpoints[i].text, "/openai", &e, &message);
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
        assert_int_equal(endpoint_parse("https://[::1]:8443/a/b/", "/openai", &e, &message), 0);
        assert_string_equal(e.host, "::1");
        assert_string_equal(e.path, "/a/b");
        assert_true(e.loopback);
        assert_int_equal(endpoint_parse("https://x.example/v1/y", "/v1", &f, &message), 0);
        assert_string_equal(f.path, "");
        assert_false(f.loopback);
}

static const struct {
        const char *text, *message;             /* NULL: accepted */
} proxies[] = {
        { "", NULL },
        { "http://proxy:3128", NULL },
        { "socks5h://10.0.0.1:1080/", NULL },
        { "proxy:3128", "has no scheme: a URL begins with https://" },
        { "http://user:pw@proxy:3128", "carries a user name or password: it does not belong into a URL" },
        { "http://proxy:3128/path", "has a path: a proxy is scheme://host:port" },
        { "ftp://proxy", "is no http, https or socks proxy" },
};

static void test_proxy(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(proxies); i++) {
                _cleanup_free_ char *message = NULL;
                int r = endpoint_check_proxy(proxies[i].text, &message);
                assert_int_equal(r, proxies[i].message ? -EINVAL : 0);
                if (proxies[i].message)
                        assert_string_equal(message, proxies[i].message);
        }
}

/* --- the check of a whole source ------------------------------------------------------------------- */

typedef struct Complaints {
        char *text;                             /* "key: message\n"... */
} Complaints;

static int on_complaint(const char *key, const char *message, void *userdata) {
        Complaints *c = userdata;
        char *joined;

        if (string_printf(&joined, "%s%s: %s\n", strempty(c->text), key, message) < 0)
                return -ENOMEM;
        free(c->text);
        c->text = joined;
        return 0;
}

#define RESOURCE "https://c.openai.azure.com"

static SourceSettings *make_source(const char *endpoint) {
        SourceSettings *s;

        assert_int_equal(source_settings_new(&s), 0);
        assert_int_equal(free_and_strdup(&s->name, "contoso"), 0);
        assert_int_equal(free_and_strdup(&s->dialect_name, "azure"), 0);
        assert_int_equal(free_and_strdup(&s->endpoint, endpoint), 0);
        s->poll_interval_usec = 30 * USEC_PER_SEC;
        s->idle_interval_usec = 5 * USEC_PER_MINUTE;
        return s;
}

static char *check(SourceSettings *s) {
        Complaints c = {};

        int r = source_settings_check(s, on_complaint, &c);
        assert_int_equal(r, c.text ? -EINVAL : 0);
        return c.text;
}

#define HINT                                                                                     \
        "; the endpoint of a resource looks like https://NAME.openai.azure.com; the portal shows " \
        "it under \"Keys and Endpoint\"\n"

static const struct {
        const char *endpoint, *complaint;       /* NULL: accepted */
} hosts[] = {
        { "https://contoso.cognitiveservices.azure.com/", NULL },
        { "https://contoso.services.ai.azure.com/", NULL },
        { "https://eastus.api.cognitive.microsoft.com/", NULL },
        { "https://contoso.openai.azure.us/", NULL },
        { "https://apim.example.org/llm/openai", NULL },
        { "https://notopenai.com", NULL },
        { "https://ai.azure.com/resource/overview",
          "endpoint: endpoint ai.azure.com is the address of a portal" HINT },
        { "https://oai.azure.com/portal/x",
          "endpoint: endpoint oai.azure.com is the address of a portal" HINT },
        { "https://portal.azure.com/#@t/resource",
          "endpoint: endpoint portal.azure.com is the address of a portal" HINT },
        { "https://ms.portal.azure.com/",
          "endpoint: endpoint ms.portal.azure.com is the address of a portal" HINT },
        { "https://api.openai.com/v1",
          "endpoint: endpoint api.openai.com belongs to OpenAI itself, not to Azure" HINT },
        { "https://eu.api.openai.com",
          "endpoint: endpoint eu.api.openai.com belongs to OpenAI itself, not to Azure" HINT },
        { "https://openai.azure.com", "endpoint: endpoint openai.azure.com lacks the resource's name" HINT },
        { "https://c.services.ai.azure.com/api/projects/p",
          "endpoint: endpoint c.services.ai.azure.com is the endpoint of a Foundry project, "
          "not of the resource" HINT },
        { "https://c.openai.azure.com/foo",
          "endpoint: endpoint c.openai.azure.com has a path that the service does not have" HINT },
        { "c.openai.azure.com", "endpoint: endpoint has no scheme: a URL begins with https://" HINT },
};

static void test_hosts(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
                _cleanup_(source_settings_freep) SourceSettings *s = make_source(hosts[i].endpoint);
                _cleanup_free_ char *text = check(s);
                if (hosts[i].complaint) {
                        assert_non_null(text);
                        assert_string_equal(text, hosts[i].complaint);
                } else if (text)
                        fail_msg("%s: %s", hosts[i].endpoint, text);
        }
}

static void test_check_fills(void **state) {
        _cleanup_(source_settings_freep) SourceSettings *s = make_source(RESOURCE "/openai/");
        _cleanup_free_ char *text = NULL;

        (void) state;
        s->poll_interval_usec = 10 * USEC_PER_MINUTE;
        text = check(s);
        assert_null(text);
        assert_ptr_equal(s->dialect, dialect_find("azure"));
        assert_string_equal(s->endpoint, "https://c.openai.azure.com");
        assert_string_equal(s->api_version, "2024-10-21");
        assert_true(s->idle_interval_usec == s->poll_interval_usec);
}

/* Tests and simulations poll a server of their own as often as they like. */
static void test_intervals(void **state) {
        static const struct {
                const char *endpoint;
                usec_t poll, idle;
                const char *complaint;
        } rows[] = {
                { "http://127.0.0.1:1", 10 * USEC_PER_MSEC, 20 * USEC_PER_MSEC, NULL },
                { "https://c.openai.azure.com", 5 * USEC_PER_SEC, 5 * USEC_PER_SEC, NULL },
                { "https://c.openai.azure.com", 5 * USEC_PER_SEC - 1, USEC_PER_DAY,
                  "poll_interval: poll_interval must be at least 5s\n" },
                { "https://c.openai.azure.com", 60 * USEC_PER_SEC, 59 * USEC_PER_SEC,
                  "idle_interval: idle_interval must be at least poll_interval, 1min\n" },
                { "https://c.openai.azure.com", 0, 59 * USEC_PER_SEC, NULL },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(source_settings_freep) SourceSettings *s = make_source(rows[i].endpoint);
                s->poll_interval_usec = rows[i].poll;
                s->idle_interval_usec = rows[i].idle;
                _cleanup_free_ char *text = check(s);
                assert_string_equal(strempty(text), strempty(rows[i].complaint));
        }
}

static void test_api_version(void **state) {
        static const char *const good[] = { "2024-10-21", "2025-04-01-preview", "2023-12-31" };
        static const char *const bad[] = {
                "", "v1", "2024", "2024-10-2", "2024-13-01", "2024-00-01", "2024-10-32", "2024-10-00",
                        "2024-10-21-",
                "2024-10-21-Preview", "2024-10-21-preview2", "2024-10-21 ", "2024/10/21", "2024-10-21&x=y",
                        "20241021xx",
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                _cleanup_(source_settings_freep) SourceSettings *s = make_source(RESOURCE);
                assert_int_equal(free_and_strdup(&s->api_version, good[i]), 0);
                assert_null(check(s));
                assert_string_equal(s->api_version, good[i]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_(source_settings_freep) SourceSettings *s = make_source(RESOURCE);
                assert_int_equal(free_and_strdup(&s->api_version, bad[i]), 0);
                _cleanup_free_ char *text = check(s);
                assert_string_equal(strempty(text),
                                    "api_version: api_version is YYYY-MM-DD or YYYY-MM-DD-preview, "
                                                    "as \"2024-10-21\"\n");
        }
}

/* Everything at once: each mistake is told. */
static void test_all_complaints(void **state) {
        _cleanup_(source_settings_freep) SourceSettings *s = make_source("oops");

        (void) state;
        assert_int_equal(free_and_strdup(&s->dialect_name, "azrue"), 0);
        assert_int_equal(free_and_strdup(&s->job_url, "https://x.example/{job}"), 0);
        assert_int_equal(free_and_strdup(&s->proxy, "nonsense"), 0);
        assert_int_equal(free_and_strdup(&s->ca_file, "relative.pem"), 0);
        s->idle_interval_usec = USEC_PER_SEC;
        _cleanup_free_ char *text = check(s);
        assert_string_equal(strempty(text),
                            "dialect: unknown dialect 'azrue'; did you mean 'azure'?\n"
                            "endpoint: endpoint has no scheme: a URL begins with https://\n"
                            "idle_interval: idle_interval must be at least poll_interval, 30s\n"
                            "job_url: job_url: only {job_id}, {model} and {source} are replaced, "
                            "and it has no other braces or spaces\n"
                            "ca_file: ca_file must be an absolute path\n"
                            "proxy: proxy has no scheme: a URL begins with https://\n");
}

static void test_job_url(void **state) {
        static const struct {
                const char *url;
                bool good;
        } rows[] = {
                { "https://ai.azure.com/x/{job_id}?m={model}&s={source}", true },
                { "https://x.example/", true },
                { "http://intranet/{source}", true },
                { "javascript:alert(1)", false },
                { "https://x.example/{", false },
                { "https://x.example/}", false },
                { "https://x.example/{}", false },
                { "https://x.example/{job_id", false },
                { "https://x.example/{{job_id}}", false },
                { "https://x.example/a b", false },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(source_settings_freep) SourceSettings *s = make_source(RESOURCE);
                assert_int_equal(free_and_strdup(&s->job_url, rows[i].url), 0);
                _cleanup_free_ char *text = check(s);
                if (rows[i].good != !text)
                        fail_msg("%s: %s", rows[i].url, strempty(text));
        }
}

/* --- requests --------------------------------------------------------------------------------------- */

#define BASE "https://c.openai.azure.com/openai"
#define VERSION "?api-version=2024-10-21"

static const struct {
        DialectPath what;
        const char *id, *after;
        unsigned limit;
        const char *url;                        /* NULL: refused */
} urls[] = {
        { DIALECT_LIST_JOBS, NULL, NULL, 0, BASE "/fine_tuning/jobs" VERSION },
        { DIALECT_LIST_JOBS, NULL, NULL, 20, BASE "/fine_tuning/jobs" VERSION "&limit=20" },
        { DIALECT_LIST_JOBS, NULL, "ftjob-a", 0, BASE "/fine_tuning/jobs" VERSION "&after=ftjob-a" },
        { DIALECT_LIST_JOBS, NULL, "ftjob-a", 100,
          BASE "/fine_tuning/jobs" VERSION "&limit=100&after=ftjob-a" },
        { DIALECT_JOB, "ftjob-a", "ignored", 5, BASE "/fine_tuning/jobs/ftjob-a" VERSION },
        { DIALECT_EVENTS, "ftjob-a", "ftevent-1 2", 50,
          BASE "/fine_tuning/jobs/ftjob-a/events" VERSION "&limit=50&after=ftevent-1%202" },
        { DIALECT_CHECKPOINTS, "ftjob-a", NULL, 10,
          BASE "/fine_tuning/jobs/ftjob-a/checkpoints" VERSION "&limit=10" },
        { DIALECT_FILE_CONTENT, "file-r", NULL, 0, BASE "/files/file-r/content" VERSION },
        { DIALECT_JOB, "a/b?c#d&e=f%", NULL, 0, BASE "/fine_tuning/jobs/a%2Fb%3Fc%23d%26e%3Df%25" VERSION },
        { DIALECT_JOB, "\xC3\xA4\n", NULL, 0, BASE "/fine_tuning/jobs/%C3%A4%0A" VERSION },
        { DIALECT_JOB, "...", NULL, 0, BASE "/fine_tuning/jobs/..." VERSION },
        { DIALECT_LIST_JOBS, NULL, "a&limit=1", 0, BASE "/fine_tuning/jobs" VERSION "&after=a%26limit%3D1" },
        { DIALECT_JOB, "..", NULL, 0, NULL },
        { DIALECT_EVENTS, ".", NULL, 0, NULL },
        { DIALECT_EVENTS, "", NULL, 0, NULL },
        { DIALECT_FILE_CONTENT, NULL, NULL, 0, NULL },
};

static void test_urls(void **state) {
        _cleanup_(source_settings_freep) SourceSettings *s = make_source(RESOURCE "/");

        (void) state;
        assert_null(check(s));
        for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
                _cleanup_free_ char *url = NULL;
                int r = s->dialect->url(s, urls[i].what, urls[i].id, urls[i].after, urls[i].limit, &url);
                assert_int_equal(r, urls[i].url ? 0 : -EINVAL);
                if (urls[i].url)
                        assert_string_equal(url, urls[i].url);
                else
                        assert_null(url);
        }
}

/* An id of any length is refused, not cut. */
static void test_url_limit(void **state) {
        _cleanup_(source_settings_freep) SourceSettings *s = make_source(RESOURCE "/");
        _cleanup_free_ char *url = NULL, *id = malloc(10001);

        (void) state;
        assert_non_null(id);
        memset(id, 'x', 10000);
        id[10000] = '\0';
        assert_null(check(s));
        assert_int_equal(s->dialect->url(s, DIALECT_JOB, id, NULL, 0, &url), -EFBIG);
        assert_null(url);
}

static void test_url_without_version(void **state) {
        _cleanup_(source_settings_freep) SourceSettings *s = make_source(RESOURCE);
        _cleanup_free_ char *url = NULL, *bare = NULL;

        (void) state;
        assert_int_equal(dialect_url_make(s, "/openai/v1", DIALECT_EVENTS, "j", "e", 0, &url), 0);
        assert_string_equal(url, BASE "/v1/fine_tuning/jobs/j/events?after=e");
        assert_int_equal(dialect_url_make(s, "/openai/v1", DIALECT_LIST_JOBS, NULL, NULL, 3, &bare), 0);
        assert_string_equal(bare, BASE "/v1/fine_tuning/jobs?limit=3");
}

static void test_authorize(void **state) {
        static const struct {
                CredentialKind kind;
                const char *name, *value;
        } headers[] = {
                { CREDENTIAL_KEY, "api-key", "" },
                { CREDENTIAL_TOKEN, "Authorization", "Bearer " },
        };
        _cleanup_(source_settings_freep) SourceSettings *s = make_source(RESOURCE);
        _cleanup_(secret_freep) Secret *key = NULL;

        (void) state;
        assert_null(check(s));
        assert_int_equal(secret_new(&key, "k", 1), 0);
        for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
                Credential credential = { .kind = headers[i].kind, .secret = key };
                HttpRequest request = {};
                assert_int_equal(s->dialect->authorize(s, &credential, &request), 0);
                assert_int_equal(request.n_headers, 1);
                assert_string_equal(request.headers[0].name, headers[i].name);
                assert_string_equal(request.headers[0].value, headers[i].value);
                assert_ptr_equal(request.headers[0].secret, key);
                request.n_headers = HTTP_HEADERS_MAX;
                assert_int_equal(s->dialect->authorize(s, &credential, &request), -ENOBUFS);
                assert_int_equal(request.n_headers, HTTP_HEADERS_MAX);
        }
}

/* Every row of the table is whole, also of the dialects that come later. */
static void test_table(void **state) {
        (void) state;
        assert_non_null(dialect_names()[0]);
        for (const char *const *name = dialect_names(); *name; name++) {
                const Dialect *d = dialect_find(*name);
                assert_non_null(d);
                assert_string_equal(d->name, *name);
                assert_non_null(d->url);
                assert_non_null(d->authorize);
                assert_non_null(d->check_endpoint);
                assert_non_null(d->hint);
                assert_true(d->path_root[0] == '/');
        }
        assert_null(dialect_find("nonsense"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_endpoint_parse),  cmocka_unit_test(test_endpoint_parts),
                cmocka_unit_test(test_proxy),           cmocka_unit_test(test_hosts),
                cmocka_unit_test(test_check_fills),     cmocka_unit_test(test_intervals),
                cmocka_unit_test(test_api_version),     cmocka_unit_test(test_all_complaints),
                cmocka_unit_test(test_job_url),         cmocka_unit_test(test_urls),
                cmocka_unit_test(test_url_limit),       cmocka_unit_test(test_url_without_version),
                cmocka_unit_test(test_authorize),       cmocka_unit_test(test_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
