/* Bodies as real servers sent them decode, whole: FTWATCH_FIXTURES, else beside the tree. Skipped only
 * where they are not at hand. What real servers vary besides is in the tables of test_model_job,
 * test_model_event and test_api_results. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/page.h"
#include "api/results.h"
#include "base/json.h"
#include "base/strings.h"
#include "model/checkpoint.h"
#include "model/job.h"

static const char *fixtures(void) {
        const char *dir = getenv("FTWATCH_FIXTURES");

        return dir ? dir : "../shared/fixtures";
}

/* NULL: not at hand. */
static char *slurp(const char *name, size_t *ret_size) {
        char path[512];
        Buf b = BUF_INIT(1 << 20);
        char chunk[4096];
        size_t n;

        (void) snprintf(path, sizeof path, "%s/%s", fixtures(), name);
        FILE *f = fopen(path, "re");
        if (!f)
                return NULL;
        while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
                assert_int_equal(buf_append(&b, chunk, n), 0);
        (void) fclose(f);
        *ret_size = b.size;
        char *text = NULL;
        assert_int_equal(buf_take(&b, &text), 0);
        return text;
}

static json_object *parse(const char *text, size_t size) {
        json_object *o = NULL;
        const char *reason = NULL;

        if (json_parse_bounded(text, size, &o, &reason) < 0)
                fail_msg("%.60s: %s", text, reason);
        return o;
}

/* A recording has the reply as its `body`. */
static json_object *reply_of(json_object *recording) {
        json_object *body = json_member_object(recording, "body");

        return body ? body : recording;
}

static void check_job(const char *file, json_object *o) {
        _cleanup_(job_freep) Job *j = NULL;
        const char *suffix = json_member_string(o, "user_provided_suffix");

        if (job_from_json(o, &j) < 0)
                fail_msg("%s: no job: %s", file, json_object_to_json_string(o));
        assert_string_equal(j->id, json_member_string(o, "id"));
        assert_int_equal(j->created_at, json_member_int(o, "created_at", -1));
        assert_string_equal(strempty(j->suffix), strempty(suffix));
        assert_string_equal(strempty(j->fine_tuned_model),
                            strempty(json_member_string(o, "fine_tuned_model")));
        /* error: {} and nulls on jobs that did not fail. */
        assert_true(!j->error.message || streq(j->status, "failed"));
        assert_true(j->hyperparameters != NULL);
}

static void check_event(const char *file, json_object *o) {
        _cleanup_(event_freep) Event *e = NULL;

        if (event_from_json(o, &e) < 0)
                fail_msg("%s: no event: %s", file, json_object_to_json_string(o));
        assert_string_equal(e->id, json_member_string(o, "id"));
        assert_string_equal(e->message, json_member_string(o, "message"));
        json_object *data = json_member_object(o, "data");
        assert_int_equal(e->is_metrics, data != NULL);
        if (data)
                assert_int_equal(e->step, json_member_int(data, "step", -2));
}

/* Steps are floats in metrics ("step": 100.0). */
static void check_checkpoint(const char *file, json_object *o) {
        _cleanup_(checkpoint_freep) Checkpoint *c = NULL;
        _cleanup_(metrics_freep) Metrics *m = NULL;

        if (checkpoint_from_json(o, &c) < 0 || checkpoint_metrics(c, &m) < 0)
                fail_msg("%s: no checkpoint: %s", file, json_object_to_json_string(o));
        assert_string_equal(c->id, json_member_string(o, "id"));
        assert_int_equal(c->step, json_member_int(o, "step_number", -1));
        assert_string_equal(c->model, json_member_string(o, "fine_tuned_model_checkpoint"));
        assert_int_equal(metrics_last_step(m), c->step);
        assert_non_null(metrics_find(m, "train_loss"));
}

static const struct {
        const char *file;
        void (*check)(const char *file, json_object *o);
        size_t n_rows;                  /* 0: the reply is one of them, not a page */
        bool more;
} bodies[] = {
        { "azure-real-2024-05-job-pending.json", check_job, 0, false },
        { "azure-real-2024-05-events-page1-newest-first.json", check_event, 10, true },
        { "azure-real-2024-05-checkpoints.json", check_checkpoint, 3, false },
        { "openai-recorded-2025-09-job-succeeded.json", check_job, 0, false },
        { "openai-recorded-2025-09-list-jobs.json", check_job, 20, true },
        { "openai-recorded-2025-09-list-jobs-after.json", check_job, 20, true },
        { "openai-recorded-2025-09-events-limit1.json", check_event, 1, true },
};

/* By the way of production: the page is cut, then each row is parsed. */
static void check_page(size_t i, json_object *reply) {
        const char *text = json_object_to_json_string(reply), *reason = NULL;
        Buf body = BUF_INIT(1 << 20);
        Page page = {};

        assert_int_equal(buf_puts(&body, text), 0);
        if (page_read(&body, NULL, &page, &reason) < 0)
                fail_msg("%s: %s", bodies[i].file, reason);
        assert_int_equal(page.n_rows, bodies[i].n_rows);
        assert_int_equal(page.has_more, bodies[i].more);
        for (size_t k = 0; k < page.n_rows; k++) {
                _cleanup_json_ json_object *o = parse(page_row_text(&page, k), page.rows[k].size);
                bodies[i].check(bodies[i].file, o);
        }
        page_done(&page);
}

static void test_bodies(void **state) {
        size_t n = 0, size = 0;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
                _cleanup_free_ char *text = slurp(bodies[i].file, &size);
                if (!text)
                        continue;
                n++;
                _cleanup_json_ json_object *whole = parse(text, size);
                if (bodies[i].n_rows > 0)
                        check_page(i, reply_of(whole));
                else
                        bodies[i].check(bodies[i].file, reply_of(whole));
        }
        if (n == 0)
                skip();
}

static const struct {
        const char *file, *series;
        int64_t first_step, last_step;
        double last;
} results[] = {
        { "azure-results.csv", "train_mean_token_accuracy", 1, 19, 0.6 },
        { "azure-results.csv", "valid_loss", 1, 19, 5.265460586547851 },
        { "openai-results.csv", "train_loss", 1, 30, 6e-05 },
        { "openai-results.csv.as-served-base64.txt", "train_loss", 1, 30, 6e-05 },
        { "openai-results.csv.as-served-base64.txt", "train_mean_token_accuracy", 1, 30, 1.0 },
};

static void test_results(void **state) {
        size_t n = 0, size = 0;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
                _cleanup_free_ char *text = slurp(results[i].file, &size);
                _cleanup_(metrics_freep) Metrics *m = NULL;
                MetricSummary s;
                if (!text)
                        continue;
                n++;
                if (results_read(text, size, &m) < 0)
                        fail_msg("%s: no metrics", results[i].file);
                assert_true(metric_series_summarize(metrics_find(m, results[i].series), &s));
                assert_int_equal(s.first.step, results[i].first_step);
                assert_int_equal(s.last.step, results[i].last_step);
                assert_true(s.last.value == results[i].last);
        }
        if (n == 0)
                skip();
}

/* A file that nobody looks at proves nothing. test_api_reply has the error bodies. */
static void test_all_are_looked_at(void **state) {
        struct dirent **files = NULL;

        (void) state;
        int n = scandir(fixtures(), &files, NULL, alphasort);
        if (n < 0)
                skip();
        for (int k = 0; k < n; k++) {
                const char *name = files[k]->d_name;
                bool known = *name == '.' || streq(name, "README.md") || streq(name, "error-bodies.json");
                for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
                        known = known || streq(name, bodies[i].file);
                for (size_t i = 0; i < ARRAY_SIZE(results); i++)
                        known = known || streq(name, results[i].file);
                if (!known)
                        fail_msg("%s is looked at by no test", name);
                free(files[k]);
        }
        free(files);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bodies),
                cmocka_unit_test(test_results),
                cmocka_unit_test(test_all_are_looked_at),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
