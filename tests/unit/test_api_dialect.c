/* Dialects: which endpoint fits, URLs, headers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/dialect.h"
#include "api/source.h"
#include "base/strings.h"
#include "unit/source_fixture.h"

#define PROJECT "https://c.services.ai.azure.com/api/projects/p"
#define AUTHORITY "https://login.microsoftonline.com"
#define AUTHORITY_US "https://login.microsoftonline.us"
#define PROJECT_US "https://c.services.ai.azure.us/api/projects/p"

/* What becomes of an endpoint: the base URL, or what it says behind "endpoint: endpoint HOST ". */
static const struct {
        const char *dialect, *endpoint, *base, *complaint;      /* one of the last two */
} hosts[] = {
        { "azure", "https://contoso.openai.azure.com/", "https://contoso.openai.azure.com", NULL },
        { "azure", "https://contoso.cognitiveservices.azure.com/",
          "https://contoso.cognitiveservices.azure.com", NULL },
        { "azure", "https://contoso.services.ai.azure.com/", "https://contoso.services.ai.azure.com", NULL },
        { "azure", "https://eastus.api.cognitive.microsoft.com/",
          "https://eastus.api.cognitive.microsoft.com", NULL },
        { "azure", "https://contoso.openai.azure.us/", "https://contoso.openai.azure.us", NULL },
        { "azure", "https://apim.example.org/llm/openai", "https://apim.example.org/llm", NULL },
        { "azure", "https://notopenai.com", "https://notopenai.com", NULL },
        { "azure", RESOURCE "//openai//deployments/gpt/chat/completions?api-version=2024-10-21", RESOURCE,
          NULL },
        { "azure", "https://ai.azure.com/resource/overview", NULL,
          "ai.azure.com is the address of a portal" },
        { "azure", "https://oai.azure.com/portal/x", NULL, "oai.azure.com is the address of a portal" },
        { "azure", "https://portal.azure.com/#@t/resource", NULL,
          "portal.azure.com is the address of a portal" },
        { "azure", "https://ms.portal.azure.com/", NULL, "ms.portal.azure.com is the address of a portal" },
        { "azure", "https://api.openai.com/v1", NULL,
          "api.openai.com belongs to OpenAI itself, not to Azure: dialect = \"openai\" fits it" },
        { "azure", "https://eu.api.openai.com", NULL,
          "eu.api.openai.com belongs to OpenAI itself, not to Azure: dialect = \"openai\" fits it" },
        { "azure", "https://openai.azure.com", NULL, "openai.azure.com lacks the resource's name" },
        { "azure", "https://services.ai.azure.us", NULL, "services.ai.azure.us lacks the resource's name" },
        { "azure", "https://ai.azure.us/nextgen", NULL, "ai.azure.us is the address of a portal" },
        { "azure", "https://ml.azure.com/jobs", NULL, "ml.azure.com is the address of a portal" },
        { "azure", "https://c.privatelink.openai.azure.com", NULL,
          "c.privatelink.openai.azure.com is below the zone of private endpoints: leave out privatelink" },
        { "azure", "https://c.services.ai.azure.com/api/projects/p", NULL,
          "c.services.ai.azure.com is the endpoint of a Foundry project, not of the resource: "
          "dialect = \"foundry\" fits it" },
        { "azure", RESOURCE "/foo", NULL, "c.openai.azure.com has a path that the service does not have" },
        { "azure", "c.openai.azure.com", NULL, "has no scheme: a URL begins with https://" },

        { "azure-v1", RESOURCE "/openai/v1/", RESOURCE, NULL },
        { "azure-v1", RESOURCE "/openai/v1/fine_tuning/jobs?limit=5", RESOURCE, NULL },
        { "azure-v1", RESOURCE "/openai/deployments/gpt", RESOURCE, NULL },
        { "azure-v1", RESOURCE, RESOURCE, NULL },
        { "azure-v1", "https://contoso.openai.azure.us/openai/v1", "https://contoso.openai.azure.us", NULL },
        { "azure-v1", "https://gw.example/a/openai/v1", "https://gw.example/a", NULL },
        { "azure-v1", "https://c.services.ai.azure.com/api/projects/p/openai/v1/", NULL,
          "c.services.ai.azure.com is the endpoint of a Foundry project, not of the resource: "
          "dialect = \"foundry\" fits it" },
        { "azure-v1", "https://api.openai.com", NULL,
          "api.openai.com belongs to OpenAI itself, not to Azure: dialect = \"openai\" fits it" },

        { "foundry", PROJECT, PROJECT, NULL },
        { "foundry", PROJECT "/", PROJECT, NULL },
        { "foundry", PROJECT "//fine_tuning/jobs?api-version=2025-11-15-preview", PROJECT, NULL },
        { "foundry", PROJECT "/openai/v1/", PROJECT, NULL },
        { "foundry", PROJECT_US "/openai/v1/fine_tuning/jobs?limit=1", PROJECT_US, NULL },
        { "foundry", "https://c.services.ai.azure.us", NULL,
          "c.services.ai.azure.us is a resource of Azure: dialect = \"azure\" or \"azure-v1\" fits it" },
        { "foundry", "https://gw.example/x/api/projects/p/files", "https://gw.example/x/api/projects/p",
          NULL },
        { "foundry", "https://c.services.ai.azure.com/api/projects/", NULL,
          "c.services.ai.azure.com lacks the project: the path is /api/projects/PROJECT" },
        { "foundry", "https://gw.example/", NULL,
          "gw.example lacks the project: the path is /api/projects/PROJECT" },
        { "foundry", RESOURCE, NULL,
          "c.openai.azure.com is a resource of Azure: dialect = \"azure\" or \"azure-v1\" fits it" },
        { "foundry", "https://c.services.ai.azure.com", NULL,
          "c.services.ai.azure.com is a resource of Azure: dialect = \"azure\" or \"azure-v1\" fits it" },
        { "foundry", "https://ai.azure.com/nextgen/r/x,y,,c,p/build", NULL,
          "ai.azure.com is the address of a portal" },

        { "openai", "https://api.openai.com", "https://api.openai.com", NULL },
        { "openai", "https://api.openai.com/v1/", "https://api.openai.com", NULL },
        { "openai", "https://eu.api.openai.com/v1/fine_tuning/jobs", "https://eu.api.openai.com", NULL },
        { "openai", "https://us.api.openai.com//v1", "https://us.api.openai.com", NULL },
        { "openai", "https://llm.example/api/v1", "https://llm.example/api", NULL },
        { "openai", "https://llm.example/v1beta/v1", "https://llm.example/v1beta", NULL },
        { "openai", "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000", NULL },
        { "openai", "https://platform.openai.com/finetune/ftjob-1", NULL,
          "platform.openai.com is the address of a portal" },
        { "openai", "https://openai.com", NULL, "openai.com is a web site" },
        { "openai", "https://api.openai.com/v2", NULL,
          "api.openai.com has a path that the service does not have" },
        { "openai", RESOURCE "/openai/v1/", NULL,
          "c.openai.azure.com is a resource of Azure: dialect = \"azure\" or \"azure-v1\" fits it" },
};

static void test_hosts(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
                _cleanup_(source_settings_freep) SourceSettings *s =
                        source_make(hosts[i].dialect, hosts[i].endpoint);
                _cleanup_free_ char *text = source_check(s), *expected = NULL;
                if (hosts[i].complaint)
                        assert_true(string_printf(&expected, "endpoint: endpoint %s; %s\n",
                                                  hosts[i].complaint, s->dialect->hint) >= 0);
                if (!streq(strempty(text), strempty(expected)))
                        fail_msg("%s: %s:\n%sexpected:\n%s", hosts[i].dialect, hosts[i].endpoint,
                                 strempty(text), strempty(expected));
                if (hosts[i].base)
                        assert_string_equal(s->endpoint, hosts[i].base);
        }
}

/* What tokens are for, and where they come from, follows the cloud in which the endpoint is. */
static void test_clouds(void **state) {
        static const struct {
                const char *dialect, *endpoint, *scope, *authority;
        } rows[] = {
                { "azure", RESOURCE, "https://cognitiveservices.azure.com/.default", AUTHORITY },
                { "azure", "https://c.services.ai.azure.com", "https://cognitiveservices.azure.com/.default",
                  AUTHORITY },
                { "azure", "https://gw.example/x", "https://cognitiveservices.azure.com/.default",
                  AUTHORITY },
                { "azure", "https://c.openai.azure.us", "https://cognitiveservices.azure.us/.default",
                  AUTHORITY_US },
                { "azure-v1", RESOURCE, "https://cognitiveservices.azure.com/.default", AUTHORITY },
                { "azure-v1", "https://c.cognitiveservices.azure.us",
                  "https://cognitiveservices.azure.us/.default", AUTHORITY_US },
                { "azure-v1", "https://c.services.ai.azure.us",
                  "https://cognitiveservices.azure.us/.default", AUTHORITY_US },
                { "foundry", PROJECT, "https://ai.azure.com/.default", AUTHORITY },
                { "foundry", PROJECT_US, "https://ai.azure.us/.default", AUTHORITY_US },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(source_settings_freep) SourceSettings *s =
                        source_make(rows[i].dialect, rows[i].endpoint);
                s->auth = calloc(1, sizeof *s->auth);
                assert_non_null(s->auth);
                assert_int_equal(free_and_strdup(&s->auth->kind_name, "client-secret"), 0);
                assert_int_equal(free_and_strdup(&s->auth->tenant, "contoso.example"), 0);
                assert_int_equal(free_and_strdup(&s->auth->client_id,
                                                 "11111111-2222-3333-4444-555555555555"), 0);
                assert_int_equal(secret_new(&s->auth->client_secret, "secret", 6), 0);
                _cleanup_free_ char *text = source_check(s);
                if (text)
                        fail_msg("%s", text);
                assert_string_equal(s->auth->scope, rows[i].scope);
                assert_string_equal(s->auth->authority, rows[i].authority);
        }
}

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
        _cleanup_(source_settings_freep) SourceSettings *s = source_make("azure", RESOURCE "/");

        (void) state;
        assert_null(source_check(s));
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

/* Each path of each dialect: id "i", after "a", limit 5. */
static const struct {
        const char *dialect, *endpoint, *api_version;
        const char *url[_DIALECT_PATH_MAX];
} shapes[] = {
        { "azure", RESOURCE, "2025-04-01-preview",
          { RESOURCE "/openai/fine_tuning/jobs?api-version=2025-04-01-preview&limit=5&after=a",
            RESOURCE "/openai/fine_tuning/jobs/i?api-version=2025-04-01-preview",
            RESOURCE "/openai/fine_tuning/jobs/i/events?api-version=2025-04-01-preview&limit=5&after=a",
            RESOURCE "/openai/fine_tuning/jobs/i/checkpoints?api-version=2025-04-01-preview&limit=5&after=a",
            RESOURCE "/openai/files/i/content?api-version=2025-04-01-preview" } },
        { "azure-v1", RESOURCE, NULL,
          { RESOURCE "/openai/v1/fine_tuning/jobs?limit=5&after=a", RESOURCE "/openai/v1/fine_tuning/jobs/i",
            RESOURCE "/openai/v1/fine_tuning/jobs/i/events?limit=5&after=a",
            RESOURCE "/openai/v1/fine_tuning/jobs/i/checkpoints?limit=5&after=a",
            RESOURCE "/openai/v1/files/i/content" } },
        { "azure-v1", RESOURCE "/openai/v1/", "preview",
          { RESOURCE "/openai/v1/fine_tuning/jobs?api-version=preview&limit=5&after=a",
            RESOURCE "/openai/v1/fine_tuning/jobs/i?api-version=preview",
            RESOURCE "/openai/v1/fine_tuning/jobs/i/events?api-version=preview&limit=5&after=a",
            RESOURCE "/openai/v1/fine_tuning/jobs/i/checkpoints?api-version=preview&limit=5&after=a",
            RESOURCE "/openai/v1/files/i/content?api-version=preview" } },
        { "foundry", PROJECT "/", NULL,
          { PROJECT "/fine_tuning/jobs?api-version=2025-11-15-preview&limit=5&after=a",
            PROJECT "/fine_tuning/jobs/i?api-version=2025-11-15-preview",
            PROJECT "/fine_tuning/jobs/i/events?api-version=2025-11-15-preview&limit=5&after=a",
            PROJECT "/fine_tuning/jobs/i/checkpoints?api-version=2025-11-15-preview&limit=5&after=a",
            PROJECT "/files/i/content?api-version=2025-11-15-preview" } },
        { "openai", "https://api.openai.com/v1", NULL,
          { "https://api.openai.com/v1/fine_tuning/jobs?limit=5&after=a",
            "https://api.openai.com/v1/fine_tuning/jobs/i",
            "https://api.openai.com/v1/fine_tuning/jobs/i/events?limit=5&after=a",
            "https://api.openai.com/v1/fine_tuning/jobs/i/checkpoints?limit=5&after=a",
            "https://api.openai.com/v1/files/i/content" } },
};

static void test_shapes(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
                _cleanup_(source_settings_freep) SourceSettings *s =
                        source_make(shapes[i].dialect, shapes[i].endpoint);
                assert_int_equal(free_and_strdup(&s->api_version, shapes[i].api_version), 0);
                assert_null(source_check(s));
                for (DialectPath p = 0; p < _DIALECT_PATH_MAX; p++) {
                        _cleanup_free_ char *url = NULL;
                        assert_int_equal(s->dialect->url(s, p, "i", "a", 5, &url), 0);
                        assert_string_equal(url, shapes[i].url[p]);
                }
        }
}

/* An id of any length is refused, not cut. */
static void test_url_limit(void **state) {
        _cleanup_(source_settings_freep) SourceSettings *s = source_make("azure", RESOURCE "/");
        _cleanup_free_ char *url = NULL, *id = malloc(10001);

        (void) state;
        assert_non_null(id);
        memset(id, 'x', 10000);
        id[10000] = '\0';
        assert_null(source_check(s));
        assert_int_equal(s->dialect->url(s, DIALECT_JOB, id, NULL, 0, &url), -EFBIG);
        assert_null(url);
}

static void test_url_without_version(void **state) {
        _cleanup_(source_settings_freep) SourceSettings *s = source_make("azure", RESOURCE);
        _cleanup_free_ char *url = NULL, *bare = NULL;

        (void) state;
        assert_int_equal(dialect_url_make(s, "/openai/v1", DIALECT_EVENTS, "j", "e", 0, &url), 0);
        assert_string_equal(url, BASE "/v1/fine_tuning/jobs/j/events?after=e");
        assert_int_equal(dialect_url_make(s, "/openai/v1", DIALECT_LIST_JOBS, NULL, NULL, 3, &bare), 0);
        assert_string_equal(bare, BASE "/v1/fine_tuning/jobs?limit=3");
}

/* "name: value" of each header; the value's secret is "k". */
static const struct {
        const char *dialect, *endpoint;
        CredentialKind kind;
        const char *organization, *project;
        const char *headers[3];
} credentials[] = {
        { "azure", RESOURCE, CREDENTIAL_KEY, NULL, NULL, { "api-key: k" } },
        { "azure", RESOURCE, CREDENTIAL_TOKEN, NULL, NULL, { "Authorization: Bearer k" } },
        { "azure-v1", RESOURCE, CREDENTIAL_KEY, NULL, NULL, { "api-key: k" } },
        { "azure-v1", RESOURCE, CREDENTIAL_TOKEN, NULL, NULL, { "Authorization: Bearer k" } },
        { "foundry", PROJECT, CREDENTIAL_KEY, NULL, NULL, { "api-key: k" } },
        { "foundry", PROJECT, CREDENTIAL_TOKEN, NULL, NULL, { "Authorization: Bearer k" } },
        { "openai", "https://api.openai.com", CREDENTIAL_KEY, NULL, NULL, { "Authorization: Bearer k" } },
        { "openai", "https://api.openai.com", CREDENTIAL_TOKEN, "org-1", "proj_2",
          { "Authorization: Bearer k", "OpenAI-Organization: org-1", "OpenAI-Project: proj_2" } },
};

static void test_authorize(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(credentials); i++) {
                _cleanup_(source_settings_freep) SourceSettings *s =
                        source_make(credentials[i].dialect, credentials[i].endpoint);
                _cleanup_(secret_freep) Secret *key = NULL;
                HttpRequest request = {};
                size_t n = 0;

                assert_int_equal(free_and_strdup(&s->organization, credentials[i].organization), 0);
                assert_int_equal(free_and_strdup(&s->project, credentials[i].project), 0);
                assert_null(source_check(s));
                assert_int_equal(secret_new(&key, "k", 1), 0);
                Credential credential = { .kind = credentials[i].kind, .secret = key };
                assert_int_equal(s->dialect->authorize(s, &credential, &request), 0);
                for (; n < 3 && credentials[i].headers[n]; n++) {
                        const HttpHeader *h = &request.headers[n];
                        _cleanup_free_ char *line = NULL;
                        assert_true(string_printf(&line, "%s: %s%s", h->name, h->value,
                                                  h->secret ? secret_reveal(h->secret) : "") >= 0);
                        assert_string_equal(line, credentials[i].headers[n]);
                }
                assert_int_equal(request.n_headers, n);
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
                assert_non_null(d->hint);
                assert_true(d->host != HOST_OTHER && d->host != HOST_USELESS);
                assert_true(d->path_root || d->path_keep);
                assert_true(!d->takes_dates || d->api_version);
        }
        assert_null(dialect_find("nonsense"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hosts),     cmocka_unit_test(test_clouds),
                cmocka_unit_test(test_urls),
                cmocka_unit_test(test_shapes),    cmocka_unit_test(test_url_limit),
                cmocka_unit_test(test_url_without_version),
                cmocka_unit_test(test_authorize), cmocka_unit_test(test_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
