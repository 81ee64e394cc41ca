/* The probe on a scripted Http: which requests, how it ends, and that it can be freed at any point. What it
 * says is in tests/e2e/probe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "engine/probe.h"
#include "unit/http_script.h"
#include "unit/source_fixture.h"

#define JOB(id, status, more) "{\"id\":\"" id "\",\"status\":\"" status "\",\"created_at\":1" more "}"

typedef struct Fixture {
        sd_event *event;
        HttpScript *script;
        SourceSettings *settings;
        Probe *probe;
        unsigned n_reports;
        bool works;
        ProbeVerdict verdicts[_PROBE_CHECK_MAX];
        bool free_in_callback;
} Fixture;

static void on_report(const ProbeReport *report, void *userdata) {
        Fixture *f = userdata;

        f->n_reports++;
        f->works = report->works;
        for (ProbeCheck c = 0; c < _PROBE_CHECK_MAX; c++)
                f->verdicts[c] = report->findings[c].verdict;
        if (f->free_in_callback)
                f->probe = probe_free(f->probe);
}

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof *f);

        assert_non_null(f);
        assert_true(sd_event_new(&f->event) >= 0);
        f->script = http_script_new(NULL);
        f->settings = source_make("azure", RESOURCE);
        f->settings->timeout_usec = USEC_PER_SEC;
        f->settings->reply_limit = 1 << 20;
        assert_int_equal(secret_new(&f->settings->api_key, "12345678", 8), 0);
        assert_null(source_check(f->settings));
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        f->probe = probe_free(f->probe);
        http_script_finish(f->script);
        source_settings_free(f->settings);
        sd_event_unref(f->event);
        free(f);
        return 0;
}

static void begin_limited(Fixture *f, usec_t limit_usec) {
        assert_int_equal(probe_new(&f->probe, f->settings, f->event, http_script_http(f->script), limit_usec,
                                   on_report, f),
                         0);
        assert_int_equal(f->n_reports, 0);
}

static void begin(Fixture *f) {
        begin_limited(f, 0);
}

static void expect(Fixture *f, const char *url, int status, const char *body) {
        http_script_expect(f->script, &(HttpStep) { .url = url, .status = status, .body = body });
}

/* The job with results is chosen though it is not the newest, and its file asked for. */
static void test_all_is_well(void **state) {
        Fixture *f = *state;

        f->free_in_callback = true;
        expect(f, "/jobs?", 200, "{\"data\":[" JOB("new", "running", "") "," JOB("old", "failed", "") ","
               JOB("done", "succeeded", ",\"result_files\":[\"file-1\"]") "],\"has_more\":false}");
        expect(f, "/jobs/done?", 200, JOB("done", "succeeded", ""));
        expect(f, "/jobs/done/events?", 200, "{\"data\":[]}");
        expect(f, "/jobs/done/checkpoints?", 200, "{\"data\":[]}");
        expect(f, "/files/file-1/content?", 200, "step,train_loss\n1,0.5\n");
        begin(f);
        http_script_run_all(f->script, 20);
        assert_int_equal(f->n_reports, 1);
        assert_true(f->works);
        assert_null(f->probe);
        assert_int_equal(f->verdicts[PROBE_RESULTS], PROBE_OK);
        assert_int_equal(f->verdicts[PROBE_CLOCK], PROBE_SKIPPED);
}

static void test_list_fails(void **state) {
        Fixture *f = *state;

        expect(f, "/jobs?", 401, "{}");
        begin(f);
        http_script_run_all(f->script, 20);
        assert_int_equal(f->n_reports, 1);
        assert_false(f->works);
        assert_int_equal(f->verdicts[PROBE_LIST], PROBE_FAILED);
        assert_int_equal(f->verdicts[PROBE_JOB], PROBE_SKIPPED);
}

/* On Azure's own hosts only what they can have is tried. */
static void test_other_dialects(void **state) {
        Fixture *f = *state;

        expect(f, RESOURCE "/openai/fine_tuning/jobs?", 404, "");
        expect(f, RESOURCE "/openai/v1/fine_tuning/jobs?limit=1", 404, "");
        begin(f);
        http_script_run_all(f->script, 20);
        assert_int_equal(f->n_reports, 1);
        assert_false(f->works);
}

/* What is no JSON, no job, no CSV is a fault of that check alone. */
static void test_bad_bodies(void **state) {
        Fixture *f = *state;

        expect(f, "/jobs?", 200, "{\"data\":[" JOB("j", "failed", ",\"result_files\":[\"r\"]") "]}");
        expect(f, "/jobs/j?", 200, "[]");
        expect(f, "/events", 200, "<html>");
        expect(f, "/checkpoints", 404, "");
        expect(f, "/files/r", 200, "nonsense");
        begin(f);
        http_script_run_all(f->script, 20);
        static const ProbeVerdict expected[] = { PROBE_OK,      PROBE_FAILED, PROBE_FAILED,
                                                 PROBE_SKIPPED, PROBE_FAILED, PROBE_SKIPPED };
        assert_memory_equal(f->verdicts, expected, sizeof expected);
}

static void test_freed_under_way(void **state) {
        Fixture *f = *state;

        expect(f, "/jobs?", 200, "{\"data\":[" JOB("j", "running", "") "]}");
        http_script_expect(f->script, &(HttpStep) { .url = "/jobs/j?", .hold = true });
        begin(f);
        (void) http_script_run(f->script);
        assert_int_equal(http_script_n_pending(f->script), 1);
        f->probe = probe_free(f->probe);
        assert_int_equal(http_script_n_pending(f->script), 0);
        assert_int_equal(f->n_reports, 0);
}

/* Of the whole: the check that is under way has failed, the others are left out. */
static void test_limit(void **state) {
        Fixture *f = *state;

        f->free_in_callback = true;
        expect(f, "/jobs?", 200, "{\"data\":[" JOB("j", "running", "") "]}");
        http_script_expect(f->script, &(HttpStep) { .url = "/jobs/j?", .hold = true });
        begin_limited(f, 20 * USEC_PER_MSEC);
        (void) http_script_run(f->script);
        while (f->n_reports == 0)
                assert_true(sd_event_run(f->event, 10 * USEC_PER_SEC) > 0);
        assert_null(f->probe);
        assert_int_equal(http_script_n_pending(f->script), 0);
        assert_false(f->works);
        assert_int_equal(f->verdicts[PROBE_LIST], PROBE_OK);
        assert_int_equal(f->verdicts[PROBE_JOB], PROBE_FAILED);
        assert_int_equal(f->verdicts[PROBE_EVENTS], PROBE_SKIPPED);
}

/* Words that follow stand below the first; a word that is wider than the line has its own. */
static void test_wrapped(void **state) {
        Fixture *f = *state;
        ProbeReport report = { .settings = f->settings };
        char words[301] = "one ", *advice = (char *) "two";
        _cleanup_(buf_done) Buf b = BUF_INIT(4096);

        memset(words + 4, 'x', 90);
        memcpy(words + 94, " three", 7);
        report.findings[PROBE_LIST] = (ProbeFinding){
                .verdict = PROBE_FAILED, .took_usec = 1500, .words = words, .advice = advice
        };
        assert_int_equal(probe_report_to_text(&report, &b), 0);
        words[94] = '\0';
        _cleanup_free_ char *expected = NULL;
        assert_true(string_printf(&expected,
                                  "contoso: " RESOURCE " (dialect azure, api_version 2024-10-21)\n"
                                  "  jobs         FAILED      2 ms  one\n%33s%s\n%33sthree\n%33s-> two\n",
                                  "", words + 4, "", "") >= 0);
        assert_string_equal(buf_string(&b), expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        static const struct CMUnitTest tests[] = {
                TEST(test_all_is_well), TEST(test_list_fails),      TEST(test_other_dialects),
                TEST(test_bad_bodies),  TEST(test_freed_under_way),
                TEST(test_bad_bodies),  TEST(test_limit),
                TEST(test_wrapped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
