#include <errno.h>

#include "base/strings.h"
#include "base/text.h"
#include "model/job.h"
#include "unit/model_text.h"
#include "unit/sample.h"
#include "unit/seed.h"

static Job *job_of(const char *text) {
        _cleanup_json_ json_object *o = json_of(text);
        Job *j = NULL;

        if (job_from_json(o, &j) < 0)
                fail_msg("refused: %s", text);
        return j;
}

static void test_statuses(void **state) {
        static const struct {
                const char *status, *canonical;
                StatusClass class;
        } cases[] = {
                { "created", "created", STATUS_CLASS_ACTIVE },
                { "pending", "pending", STATUS_CLASS_ACTIVE },
                { "queued", "queued", STATUS_CLASS_ACTIVE },
                { "validating_files", "validating_files", STATUS_CLASS_ACTIVE },
                { "running", "running", STATUS_CLASS_ACTIVE },
                { "pausing", "pausing", STATUS_CLASS_ACTIVE },
                { "resuming", "resuming", STATUS_CLASS_ACTIVE },
                { "paused", "paused", STATUS_CLASS_PAUSED },
                { "succeeded", "succeeded", STATUS_CLASS_TERMINAL },
                { "failed", "failed", STATUS_CLASS_TERMINAL },
                { "cancelled", "cancelled", STATUS_CLASS_TERMINAL },
                { "canceled", "cancelled", STATUS_CLASS_TERMINAL },
                { "Succeeded", "succeeded", STATUS_CLASS_TERMINAL },
                { "cancelling", "cancelling", STATUS_CLASS_UNKNOWN },
                { "notRunning", "notRunning", STATUS_CLASS_UNKNOWN },
                { "succeeded ", "succeeded ", STATUS_CLASS_UNKNOWN },
                { "", "", STATUS_CLASS_UNKNOWN },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert_int_equal(status_class(cases[i].status), cases[i].class);
                assert_string_equal(status_canonical(cases[i].status), cases[i].canonical);
                assert_int_equal(status_is_terminal(cases[i].status),
                                 cases[i].class == STATUS_CLASS_TERMINAL);
        }
}

/* What Azure sends while a job waits: nulls, -1 for "auto", no result files. */
static void test_pending(void **state) {
        _cleanup_(job_freep) Job *j = job_of(
                "{\"id\":\"ftjob-0123456789abcdef0123456789abcdef\",\"created_at\":1715824115,"
                "\"error\":null,"
                "\"fine_tuned_model\":null,\"finished_at\":null,\"hyperparameters\":{\"n_epochs\":-1,"
                "\"batch_size\":-1,"
                "\"learning_rate_multiplier\":1},\"model\":\"gpt-4o-mini-2024-07-18\","
                "\"object\":\"fine_tuning.job\","
                "\"organization_id\":null,\"result_files\":null,\"seed\":105,\"status\":\"pending\","
                "\"trained_tokens\":null,"
                "\"training_file\":\"file-1\",\"validation_file\":\"file-2\",\"estimated_finish\":null,"
                "\"integrations\":null}");

        (void) state;
        assert_string_equal(j->id, "ftjob-0123456789abcdef0123456789abcdef");
        assert_string_equal(j->status, "pending");
        assert_string_equal(j->model, "gpt-4o-mini-2024-07-18");
        assert_null(j->fine_tuned_model);
        assert_null(j->suffix);
        assert_null(j->result_file);
        assert_null(j->method);
        assert_null(j->error.code);
        assert_null(j->error.message);
        assert_null(j->metadata);
        assert_string_equal(j->validation_file, "file-2");
        assert_int_equal(j->created_at, 1715824115);
        assert_int_equal(j->finished_at, 0);
        assert_int_equal(j->estimated_finish, 0);
        assert_int_equal(j->trained_tokens, -1);
        assert_int_equal(json_member_int(j->hyperparameters, "n_epochs", 0), -1);
        assert_string_equal(job_title(j), j->id);
        assert_int_equal(job_duration_sec(j), -1);
}

static void test_full(void **state) {
        _cleanup_(job_freep) Job *j = job_of(
                "{\"id\":\"ftjob-1\",\"created_at\":\"1756781454\",\"finished_at\":\"2025-09-02T03:57:44Z\","
                "\"estimated_finish\":1756785600.0,\"model\":\"gpt-4.1-mini\","
                "\"fine_tuned_model\":\"gpt-4.1-mini.ft-7-x\","
                "\"user_provided_suffix\":\"older\",\"suffix\":\"support-bot\",\"status\":\"succeeded\","
                "\"error\":{},"
                "\"trained_tokens\":10440.0,\"result_files\":[\"file-r\",\"file-s\"],"
                "\"training_file\":\"file-t\","
                "\"method\":{\"type\":\"dpo\",\"dpo\":{\"hyperparameters\":{\"beta\":0.1,\"n_epochs\":9}}},"
                "\"hyperparameters\":{\"n_epochs\":3,\"batch_size\":\"auto\",\"nested\":{\"a\":1},"
                "\"none\":null},"
                "\"metadata\":{\"team\":\"search\",\"n\":7,\"note\":\"a\\u001bb\"},\"unknown\":[1,2,3]}");

        (void) state;
        assert_string_equal(j->suffix, "support-bot");
        assert_string_equal(job_title(j), "support-bot");
        assert_int_equal(j->created_at, 1756781454);
        assert_int_equal(j->finished_at, 1756785464);
        assert_int_equal(job_duration_sec(j), 4010);
        assert_int_equal(j->trained_tokens, 10440);
        assert_string_equal(j->result_file, "file-r");
        assert_string_equal(j->method, "dpo");
        _cleanup_free_ char *hyper = text_of(j->hyperparameters), *meta = text_of(j->metadata);
        assert_string_equal(hyper, "{\"n_epochs\":3,\"batch_size\":\"auto\",\"none\":null,\"beta\":0.1}");
        assert_string_equal(meta, "{\"team\":\"search\",\"note\":\"a b\"}");
}

static void test_errors(void **state) {
        static const struct {
                const char *error, *code, *message, *param;
        } cases[] = {
                { "{}", NULL, NULL, NULL },
                { "null", NULL, NULL, NULL },
                { "{\"code\":null,\"message\":null,\"param\":null}", NULL, NULL, NULL },
                { "{\"code\":\"deleted_training_file\",\"param\":\"training_file\","
                  "\"message\":\"It was deleted\"}",
                  "deleted_training_file", "It was deleted", "training_file" },
                { "{\"code\":401,\"message\":\"denied\"}", "401", "denied", NULL },
                { "{\"code\":\"\",\"message\":\"\"}", NULL, NULL, NULL },
                { "\"it broke\"", NULL, "it broke", NULL },
                { "[1]", NULL, NULL, NULL },
                { "{\"code\":{},\"message\":[\"x\"]}", NULL, NULL, NULL },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_free_ char *text = NULL;
                assert_int_equal(string_printf(&text, "{\"id\":\"a\",\"status\":\"failed\",\"error\":%s}",
                                               cases[i].error),
                                 0);
                _cleanup_(job_freep) Job *j = job_of(text);
                assert_true(streq_null(j->error.code, cases[i].code));
                assert_true(streq_null(j->error.message, cases[i].message));
                assert_true(streq_null(j->error.param, cases[i].param));
        }
}

static void test_refused(void **state) {
        static const char *const bad[] = {
                "null",
                "[]",
                "7",
                "\"ftjob-1\"",
                "{}",
                "{\"id\":\"a\"}",
                "{\"status\":\"running\"}",
                "{\"id\":\"\",\"status\":\"running\"}",
                "{\"id\":\"a\",\"status\":\"\"}",
                "{\"id\":7,\"status\":\"running\"}",
                "{\"id\":\"a\",\"status\":null}",
                "{\"id\":\"a\\u0000b\",\"status\":\"running\"}",
                "{\"id\":\"a\\nb\",\"status\":\"running\"}",
                "{\"id\":\"a\",\"status\":[\"running\"]}",
        };
        char longer[JOB_ID_MAX + 64];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_json_ json_object *o = json_of(bad[i]);
                Job *j = NULL;
                if (job_from_json(o, &j) != -EBADMSG)
                        fail_msg("taken: %s", bad[i]);
                assert_null(j);
        }
        for (size_t n = JOB_ID_MAX; n <= JOB_ID_MAX + 1; n++) {
                memset(longer, 'a', n);
                longer[n] = '\0';
                _cleanup_json_ json_object *o = json_object_new_object();
                _cleanup_(job_freep) Job *j = NULL;
                assert_int_equal(json_add_string(o, "id", longer), 0);
                assert_int_equal(json_add_string(o, "status", "running"), 0);
                assert_int_equal(job_from_json(o, &j), n > JOB_ID_MAX ? -EBADMSG : 0);
        }
}

static void test_duration(void **state) {
        static const struct {
                int64_t created, finished, duration;
        } cases[] = {
                { 100, 160, 60 },
                { 100, 100, 0 },
                { 100, 99, -1 },
                { 0, 100, -1 },
                { 100, 0, -1 },
                { 100, 100 + 60 * 86400, 60 * 86400 },
                { 100, 101 + 60 * 86400, -1 },
                { INT64_MIN, INT64_MAX, -1 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                Job j = { .created_at = cases[i].created, .finished_at = cases[i].finished };
                assert_int_equal(job_duration_sec(&j), cases[i].duration);
        }
}

/* Read, written, read and written: the second text is the first. The copy says the same. */
static void check_round_trip(const Job *j) {
        _cleanup_json_ json_object *a = NULL, *b = NULL, *c = NULL;
        _cleanup_(job_freep) Job *back = NULL, *copy = NULL;

        assert_int_equal(job_to_json(j, &a), 0);
        assert_int_equal(job_from_json(a, &back), 0);
        assert_int_equal(job_to_json(back, &b), 0);
        assert_int_equal(job_copy(j, &copy), 0);
        assert_int_equal(job_to_json(copy, &c), 0);
        _cleanup_free_ char *ta = text_of(a), *tb = text_of(b), *tc = text_of(c);
        assert_string_equal(ta, tb);
        assert_string_equal(ta, tc);
        assert_true(utf8_is_valid(ta, strlen(ta)));
}

static void test_to_json(void **state) {
        _cleanup_(job_freep) Job *j =
                job_of("{\"id\":\"a\",\"status\":\"canceled\",\"created_at\":5,\"method\":\"supervised\"}");
        _cleanup_json_ json_object *o = NULL;

        (void) state;
        assert_int_equal(job_to_json(j, &o), 0);
        _cleanup_free_ char *text = text_of(o);
        assert_string_equal(
                text,
                "{\"id\":\"a\",\"status\":\"canceled\",\"model\":null,\"fine_tuned_model\":null,"
                "\"created_at\":5,\"finished_at\":null,\"duration_seconds\":null,\"estimated_finish\":null,"
                "\"trained_tokens\":null,\"method\":\"supervised\",\"hyperparameters\":{},"
                "\"training_file\":null,\"validation_file\":null,\"result_files\":[],\"suffix\":null,"
                "\"metadata\":{},\"error\":null}");
        check_round_trip(j);
        assert_null(job_free(NULL));
}

static const char *const seeds[] = {
        "{\"object\":\"fine_tuning.job\",\"id\":\"ftjob-JlHsz\",\"model\":\"gpt-3.5-turbo-0125\","
        "\"created_at\":1755206255,"
        "\"finished_at\":1755206622,\"fine_tuned_model\":\"ft:gpt-3.5-turbo-0125:org::C4Z\","
        "\"result_files\":[\"file-H9\"],"
        "\"status\":\"succeeded\",\"validation_file\":null,\"hyperparameters\":{\"n_epochs\":10,"
        "\"batch_size\":1,"
        "\"learning_rate_multiplier\":2.5},\"trained_tokens\":5830,\"error\":{},"
        "\"user_provided_suffix\":null,"
        "\"metadata\":{\"team\":\"a\\\"b\"},\"method\":{\"type\":\"supervised\","
        "\"supervised\":{\"hyperparameters\":"
        "{\"n_epochs\":10}}}}",
        "{\"id\":\"ftjob-9\",\"status\":\"failed\",\"created_at\":1.7e9,\"error\":{\"code\":\"c\","
        "\"message\":\"m\\n\\u202e\","
        "\"param\":null},\"suffix\":\"\xc3\xa4\xf0\x9f\x98\x80\",\"trained_tokens\":\"77\","
        "\"estimated_finish\":0}",
};

/* Bytes and JSON tokens at random places: nothing crashes, nothing leaks, what is taken can be written and
 * read again. */
static void test_mutations(void **state) {
        static const char *const tokens[] = {
                "null",        "{}",   "[]",    "-1", "1e999", "NaN",     "\"\"",
                "\"\\u0000\"", "true", "\"x\"", ",",  "}",     "{\"a\":", "99999999999999999999",
        };
        unsigned seed = seed_get("mutations"), n_taken = 0;

        (void) state;
        for (unsigned round = 0; round < 20000 / test_sample(); round++) {
                char text[2048];
                (void) snprintf(text, sizeof text - 64, "%s", seeds[round % ARRAY_SIZE(seeds)]);
                for (int k = rand_r(&seed) % 4; k >= 0; k--) {
                        size_t size = strlen(text), at = (size_t) rand_r(&seed) % size;
                        const char *token = tokens[(size_t) rand_r(&seed) % ARRAY_SIZE(tokens)];
                        char *colon = strchr(text + at, ':');
                        if (rand_r(&seed) % 3 == 0)
                                text[at] = (char) (1 + rand_r(&seed) % 255);
                        else if (colon && size + strlen(token) < sizeof text - 2) {
                                size_t skip = strcspn(colon + 1, ",}");
                                memmove(colon + 1 + strlen(token), colon + 1 + skip,
                                        strlen(colon + 1 + skip) + 1);
                                memcpy(colon + 1, token, strlen(token));
                        }
                }
                _cleanup_json_ json_object *o = NULL;
                if (json_parse_bounded(text, strlen(text), &o, NULL) < 0)
                        continue;
                _cleanup_(job_freep) Job *j = NULL;
                if (job_from_json(o, &j) < 0)
                        continue;
                check_round_trip(j);
                n_taken++;
        }
        assert_true(n_taken > 1000 / test_sample());
}

static void check_page(const char *name, size_t n_expected) {
        _cleanup_json_ json_object *page = fixture_load(name);
        json_object *rows = json_member_array(page, "data");

        assert_int_equal(rows ? json_object_array_length(rows) : 0, n_expected);
        for (size_t i = 0; i < n_expected; i++) {
                _cleanup_(job_freep) Job *j = NULL;
                assert_int_equal(job_from_json(json_object_array_get_idx(rows, i), &j), 0);
                assert_non_null(startswith(j->id, "ftjob-"));
                assert_int_not_equal(status_class(j->status), STATUS_CLASS_UNKNOWN);
                assert_non_null(j->model);
                assert_true(j->created_at > 1700000000);
                if (!streq(j->status, "failed"))
                        assert_null(j->error.message);
                check_round_trip(j);
        }
}

static void test_fixtures(void **state) {
        (void) state;
        if (!getenv("FTWATCH_FIXTURES"))
                skip();
        check_page("openai-recorded-2025-09-list-jobs.json", 20);
        check_page("openai-recorded-2025-09-list-jobs-after.json", 20);

        _cleanup_json_ json_object *o = fixture_load("openai-recorded-2025-09-job-succeeded.json");
        _cleanup_(job_freep) Job *done = NULL, *pending = NULL;
        assert_int_equal(job_from_json(o, &done), 0);
        assert_string_equal(done->fine_tuned_model, "ft:gpt-3.5-turbo-0125:example-org::C4ZiCljE");
        assert_string_equal(done->result_file, "file-H96eXvf7Msg8Ux316bnRpZ");
        assert_int_equal(done->trained_tokens, 5830);
        assert_int_equal(job_duration_sec(done), 367);
        check_round_trip(done);

        _cleanup_json_ json_object *p = fixture_load("azure-real-2024-05-job-pending.json");
        assert_int_equal(job_from_json(p, &pending), 0);
        assert_int_equal(status_class(pending->status), STATUS_CLASS_ACTIVE);
        check_round_trip(pending);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_statuses), cmocka_unit_test(test_pending),
                cmocka_unit_test(test_full),     cmocka_unit_test(test_errors),
                cmocka_unit_test(test_refused),  cmocka_unit_test(test_duration),
                cmocka_unit_test(test_to_json),  cmocka_unit_test(test_mutations),
                cmocka_unit_test(test_fixtures),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
