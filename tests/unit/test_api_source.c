/* The check of a whole source. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/dialect.h"
#include "base/strings.h"
#include "unit/source_fixture.h"

static void test_check_fills(void **state) {
        _cleanup_(source_settings_freep) SourceSettings *s = source_make("azure", RESOURCE "/openai/");
        _cleanup_free_ char *text = NULL;

        (void) state;
        s->poll_interval_usec = 10 * USEC_PER_MINUTE;
        text = source_check(s);
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
                _cleanup_(source_settings_freep) SourceSettings *s = source_make("azure", rows[i].endpoint);
                s->poll_interval_usec = rows[i].poll;
                s->idle_interval_usec = rows[i].idle;
                _cleanup_free_ char *text = source_check(s);
                assert_string_equal(strempty(text), strempty(rows[i].complaint));
        }
}

#define DATE "api_version is YYYY-MM-DD or YYYY-MM-DD-preview, as "

/* What it becomes, "-" for none, or what it says. */
static const struct {
        const char *dialect, *endpoint, *version, *becomes, *complaint;
} versions[] = {
        { "azure", RESOURCE, NULL, "2024-10-21", NULL },
        { "azure", RESOURCE, "2024-10-21", "2024-10-21", NULL },
        { "azure", RESOURCE, "2025-04-01-preview", "2025-04-01-preview", NULL },
        { "azure", RESOURCE, "2023-12-31", "2023-12-31", NULL },
        { "azure", RESOURCE, "", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "v1", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "2024", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "2024-10-2", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "2024-13-01", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "2024-00-01", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "2024-10-32", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "2024-10-00", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "2024-10-21-", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "2024-10-21-Preview", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "2024-10-21-preview2", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "2024-10-21 ", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "2024/10/21", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "2024-10-21&x=y", NULL, DATE "\"2024-10-21\"" },
        { "azure", RESOURCE, "20241021xx", NULL, DATE "\"2024-10-21\"" },
        { "azure-v1", RESOURCE, NULL, "-", NULL },
        { "azure-v1", RESOURCE, "v1", "v1", NULL },
        { "azure-v1", RESOURCE, "preview", "preview", NULL },
        { "azure-v1", RESOURCE, "2024-10-21", NULL,
          "api_version is \"v1\" or \"preview\" with the dialect azure-v1, or left out" },
        { "foundry", "https://c.services.ai.azure.com/api/projects/p", NULL, "2025-11-15-preview", NULL },
        { "foundry", "https://c.services.ai.azure.com/api/projects/p", "v1", NULL,
          DATE "\"2025-11-15-preview\"" },
        { "openai", "https://api.openai.com", NULL, "-", NULL },
        { "openai", "https://api.openai.com", "v1", NULL, "the dialect openai takes no api_version" },
};

static void test_api_version(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
                _cleanup_(source_settings_freep) SourceSettings *s =
                        source_make(versions[i].dialect, versions[i].endpoint);
                _cleanup_free_ char *expected = NULL;
                assert_int_equal(free_and_strdup(&s->api_version, versions[i].version), 0);
                _cleanup_free_ char *text = source_check(s);
                if (versions[i].complaint)
                        assert_true(string_printf(&expected, "api_version: %s\n", versions[i].complaint) >=
                                    0);
                assert_string_equal(strempty(text), strempty(expected));
                if (versions[i].becomes)
                        assert_string_equal(s->api_version ? s->api_version : "-", versions[i].becomes);
        }
}

static void test_organization(void **state) {
        static const struct {
                const char *dialect, *endpoint, *organization, *project, *complaint;
        } rows[] = {
                { "openai", "https://api.openai.com", "org-1", "proj_1", NULL },
                { "openai", "https://api.openai.com", "org 1", NULL,
                  "organization: organization is an id without spaces, as \"org-...\"\n" },
                { "openai", "https://api.openai.com", "org\r\nX: y", "",
                  "organization: organization is an id without spaces, as \"org-...\"\n"
                  "project: project is an id without spaces, as \"proj_...\"\n" },
                { "azure", RESOURCE, "org-1", NULL,
                  "organization: organization is for the dialect openai, not for azure\n" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(source_settings_freep) SourceSettings *s =
                        source_make(rows[i].dialect, rows[i].endpoint);
                assert_int_equal(free_and_strdup(&s->organization, rows[i].organization), 0);
                assert_int_equal(free_and_strdup(&s->project, rows[i].project), 0);
                _cleanup_free_ char *text = source_check(s);
                assert_string_equal(strempty(text), strempty(rows[i].complaint));
        }
}

/* Everything at once: each mistake is told. */
static void test_all_complaints(void **state) {
        _cleanup_(source_settings_freep) SourceSettings *s = source_make("azure", "oops");

        (void) state;
        assert_int_equal(free_and_strdup(&s->dialect_name, "azrue"), 0);
        assert_int_equal(free_and_strdup(&s->job_url, "https://x.example/{job}"), 0);
        assert_int_equal(free_and_strdup(&s->way.proxy, "nonsense"), 0);
        assert_int_equal(free_and_strdup(&s->way.ca_file, "relative.pem"), 0);
        s->idle_interval_usec = USEC_PER_SEC;
        _cleanup_free_ char *text = source_check(s);
        assert_string_equal(strempty(text),
                            "dialect: unknown dialect 'azrue'; did you mean 'azure'?\n"
                            "endpoint: endpoint has no scheme: a URL begins with https://\n"
                            "idle_interval: idle_interval must be at least poll_interval, 30s\n"
                            "job_url: job_url: only {job_id}, {model} and {source} are replaced, "
                            "and it has no other braces or spaces\n"
                            "ca_file: ca_file must be an absolute path\n"
                            "proxy: proxy has no scheme: it is http://host:port\n");
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
                _cleanup_(source_settings_freep) SourceSettings *s = source_make("azure", RESOURCE);
                assert_int_equal(free_and_strdup(&s->job_url, rows[i].url), 0);
                _cleanup_free_ char *text = source_check(s);
                if (rows[i].good != !text)
                        fail_msg("%s: %s", rows[i].url, strempty(text));
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_check_fills), cmocka_unit_test(test_intervals),
                cmocka_unit_test(test_api_version), cmocka_unit_test(test_all_complaints),
                cmocka_unit_test(test_job_url),     cmocka_unit_test(test_organization),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
