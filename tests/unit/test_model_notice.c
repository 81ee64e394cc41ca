#include <errno.h>
#include <math.h>
#include <syslog.h>

#include "base/strings.h"
#include "base/text.h"
#include "model/notice.h"
#include "unit/model_text.h"
#include "unit/sample.h"
#include "unit/seed.h"

#define BODY_MAX 20000U
#define S(text) ((char *) (text))

static void test_types(void **state) {
        (void) state;
        for (int i = 0; i < _NOTICE_TYPE_MAX; i++) {
                const NoticeTypeInfo *info = notice_type_info((NoticeType) i);
                assert_non_null(info);
                if (!info->name || !info->wire || !info->verb || !info->message_id || !info->symbol) {
                        fail_msg("type %d has no row, or half a one", i);
                        return;
                }
                assert_int_equal(notice_type_from_string(info->name), i);
                bool of_job = startswith(info->name, "job.");
                const char *bare = of_job ? startswith(info->wire, "fine_tuning.") : info->wire;
                assert_true(streq_null(bare, info->name));
                assert_int_equal(strlen(info->message_id), 32);
                assert_int_equal(strspn(info->message_id, "0123456789abcdef"), 32);
                assert_in_range(info->priority, LOG_ERR, LOG_INFO);
                assert_true(utf8_is_valid(info->symbol, strlen(info->symbol)) &&
                            utf8_length(info->symbol) <= 2);
                for (int k = 0; k < i; k++) {
                        assert_string_not_equal(info->name, notice_type_info((NoticeType) k)->name);
                        assert_string_not_equal(info->message_id,
                                                notice_type_info((NoticeType) k)->message_id);
                }
        }
        assert_null(notice_type_info(_NOTICE_TYPE_INVALID));
        assert_null(notice_type_info(_NOTICE_TYPE_MAX));
        assert_int_equal(notice_type_from_string("job.exploded"), _NOTICE_TYPE_INVALID);
        assert_int_equal(notice_type_from_string("fine_tuning.job.failed"), _NOTICE_TYPE_INVALID);
        assert_int_equal(notice_type_from_string(NULL), _NOTICE_TYPE_INVALID);
        /* What OpenAI's own webhooks are called. */
        assert_string_equal(notice_type_info(NOTICE_JOB_SUCCEEDED)->wire, "fine_tuning.job.succeeded");
        assert_string_equal(notice_type_info(NOTICE_JOB_FAILED)->wire, "fine_tuning.job.failed");
        assert_string_equal(notice_type_info(NOTICE_JOB_CANCELLED)->wire, "fine_tuning.job.cancelled");
        assert_int_equal(notice_type_info(NOTICE_JOB_FAILED)->priority, LOG_ERR);
        assert_int_equal(notice_type_info(NOTICE_JOB_PAUSED)->priority, LOG_WARNING);
        assert_int_equal(notice_type_info(NOTICE_JOB_SUCCEEDED)->priority, LOG_NOTICE);
}

static void test_statuses(void **state) {
        static const char *const known[] = {
                "created", "validating_files", "pending",   "queued", "running",   "pausing",
                "paused",  "resuming",         "succeeded", "failed", "cancelled",
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
                const char *name = notice_type_info(notice_type_for_status(known[i]))->name;
                assert_true(streq_null(startswith(name, "job."), known[i]));
                assert_int_not_equal(status_class(known[i]), STATUS_CLASS_UNKNOWN);
        }
        assert_int_equal(notice_type_for_status("canceled"), NOTICE_JOB_CANCELLED);
        assert_int_equal(notice_type_for_status("evaluating"), NOTICE_JOB_STATUS_CHANGED);
        assert_int_equal(notice_type_for_status("removed"), NOTICE_JOB_STATUS_CHANGED);
        assert_int_equal(notice_type_for_status(""), NOTICE_JOB_STATUS_CHANGED);
}

static void test_ids(void **state) {
        char a[NOTICE_ID_SIZE], b[NOTICE_ID_SIZE];

        (void) state;
        assert_int_equal(notice_id_make("https://a.example", "ftjob-1", NOTICE_JOB_FAILED, "failed#1", a),
                         0);
        assert_int_equal(strlen(a), NOTICE_ID_SIZE - 1);
        assert_non_null(startswith(a, "evt_"));
        assert_int_equal(strspn(a + 4, "abcdefghijklmnopqrstuvwxyz234567"), 26);
        /* The same on every machine and in every version: receivers drop repeats by it. */
        assert_string_equal(a, "evt_2vipbicn6xgvcnrnrokmjgas6i");
        static const struct {
                const char *endpoint, *subject;
                NoticeType type;
                const char *unique;
        } others[] = {
                { "https://b.example", "ftjob-1", NOTICE_JOB_FAILED, "failed#1" },
                { "https://a.example", "ftjob-2", NOTICE_JOB_FAILED, "failed#1" },
                { "https://a.example", "ftjob-1", NOTICE_JOB_PAUSED, "failed#1" },
                { "https://a.example", "ftjob-1", NOTICE_JOB_FAILED, "failed#2" },
                { "https://a.exampl", "eftjob-1", NOTICE_JOB_FAILED, "failed#1" },
                { "", "", NOTICE_TEST, "" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                assert_int_equal(notice_id_make(others[i].endpoint, others[i].subject, others[i].type,
                                                others[i].unique, b),
                                 0);
                assert_string_not_equal(a, b);
        }
}

/* Written, read, written: the same bytes. Returns their number. */
static size_t check_round_trip(const Notice *n) {
        _cleanup_json_ json_object *a = NULL, *b = NULL, *parsed = NULL;
        _cleanup_(notice_freep) Notice *back = NULL;

        assert_int_equal(notice_to_json(n, &a), 0);
        _cleanup_free_ char *ta = text_of(a);
        parsed = json_of(ta);                           /* through the text, as the store does it */
        assert_int_equal(notice_from_json(parsed, &back), 0);
        assert_int_equal(notice_to_json(back, &b), 0);
        _cleanup_free_ char *tb = text_of(b);
        assert_string_equal(ta, tb);
        assert_true(utf8_is_valid(ta, strlen(ta)));
        return strlen(ta);
}

static void test_job_text(void **state) {
        _cleanup_json_ json_object *jo = json_of(
                "{\"id\":\"ftjob-1\",\"status\":\"canceled\",\"model\":\"gpt-4.1\",\"created_at\":1000,"
                "\"finished_at\":1060,"
                "\"trained_tokens\":7,\"hyperparameters\":{\"n_epochs\":3},\"suffix\":\"bot\","
                "\"metadata\":{\"team\":\"x\"},"
                "\"error\":{\"code\":\"c\",\"message\":\"m\"},\"result_files\":[\"file-r\"]}");
        _cleanup_json_ json_object *eo =
                json_of("{\"id\":\"e\",\"created_at\":1050,\"level\":\"warn\",\"message\":\"careful\"}");
        _cleanup_(job_freep) Job *job = NULL;
        _cleanup_(event_freep) Event *event = NULL;
        _cleanup_(metrics_freep) Metrics *m = NULL;
        _cleanup_json_ json_object *o = NULL;

        (void) state;
        assert_int_equal(job_from_json(jo, &job), 0);
        assert_int_equal(event_from_json(eo, &event), 0);
        assert_int_equal(metrics_new(&m), 0);
        assert_int_equal(metrics_add(m, "train_loss", 1, 2.5), 0);
        assert_int_equal(metrics_add(m, "train_loss", 2, 0.5), 0);
        assert_int_equal(metrics_add(m, "train_loss", 3, NAN), 0);
        Notice n = {
                .type = NOTICE_JOB_CANCELLED,
                .source = S("contoso"),
                .status = S("cancelled"),
                .previous_status = S("running"),
                .job = job,
                .metrics = m,
                .events = &event,
                .n_events = 1,
                .url = S("https://portal.example/ftjob-1?a=1"),
        };
        assert_int_equal(notice_to_json(&n, &o), 0);
        _cleanup_free_ char *text = text_of(o);
        assert_string_equal(
                text,
                "{\"id\":\"ftjob-1\",\"source\":\"contoso\",\"status\":\"cancelled\","
                "\"previous_status\":\"running\","
                "\"model\":\"gpt-4.1\",\"fine_tuned_model\":null,\"created_at\":1000,\"finished_at\":1060,"
                "\"duration_seconds\":60,"
                "\"estimated_finish\":null,\"trained_tokens\":7,\"method\":null,"
                "\"hyperparameters\":{\"n_epochs\":3},"
                "\"training_file\":null,\"validation_file\":null,\"result_files\":[\"file-r\"],"
                "\"suffix\":\"bot\","
                "\"metadata\":{\"team\":\"x\"},\"error\":{\"code\":\"c\",\"message\":\"m\",\"param\":null},"
                "\"metrics\":{\"train_loss\":{\"first\":2.5,\"last\":null,\"best\":0.5,\"best_step\":2,"
                "\"last_step\":3,"
                "\"curve\":[[1,2.5],[2,0.5],[3,null]]}},"
                "\"events\":[{\"id\":\"e\",\"created_at\":1050,\"level\":\"warning\","
                "\"message\":\"careful\",\"type\":\"message\","
                "\"data\":null}],\"url\":\"https://portal.example/ftjob-1?a=1\"}");
        check_round_trip(&n);

        Job bare = { .id = S("j"), .status = S("odd"), .trained_tokens = -1 };
        Notice least = { .type = NOTICE_JOB_STATUS_CHANGED, .job = &bare, .status = S("odd") };
        check_round_trip(&least);
        _cleanup_json_ json_object *lo = NULL;
        assert_int_equal(notice_to_json(&least, &lo), 0);
        assert_int_equal(json_object_object_length(lo), 22);
        assert_null(json_member(lo, "error"));
        assert_null(json_member(lo, "created_at"));
        assert_int_equal(json_object_object_length(json_object_object_get(lo, "metrics")), 0);
        assert_int_equal(json_object_array_length(json_object_object_get(lo, "events")), 0);
}

static void test_other_text(void **state) {
        Notice blind = {
                .type = NOTICE_SOURCE_RECOVERED,
                .source = S("contoso"),
                .reason = S("dns"),
                .detail = S("no such host"),
                .advice = S("look"),
                .blind_sec = 77,
        };
        Notice failing = { .type = NOTICE_RECEIVER_FAILING, .receiver = S("mail"), .detail = S("") };
        _cleanup_json_ json_object *a = NULL, *b = NULL;
        _cleanup_(notice_freep) Notice *back = NULL;

        (void) state;
        assert_int_equal(notice_to_json(&blind, &a), 0);
        _cleanup_free_ char *ta = text_of(a);
        assert_string_equal(
                ta,
                "{\"source\":\"contoso\",\"receiver\":null,\"reason\":\"dns\",\"detail\":\"no such host\","
                "\"advice\":\"look\",\"blind_seconds\":77,\"url\":null}");
        assert_int_equal(notice_to_json(&failing, &b), 0);
        _cleanup_free_ char *tb = text_of(b);
        assert_string_equal(
                tb, "{\"source\":null,\"receiver\":\"mail\",\"reason\":null,\"detail\":null,\"advice\":null,"
                    "\"blind_seconds\":null,\"url\":null}");
        check_round_trip(&blind);
        check_round_trip(&failing);
        assert_int_equal(notice_from_json(a, &back), 0);
        assert_null(back->job);
        assert_string_equal(back->source, "contoso");
        assert_int_equal(back->blind_sec, 77);
        assert_int_equal(back->type, _NOTICE_TYPE_INVALID);
        assert_null(notice_free(NULL));
}

static void test_refused(void **state) {
        static const char *const bad[] = { "null", "[]", "\"x\"", "{\"id\":\"a\"}",
                                           "{\"id\":7,\"status\":\"failed\"}" };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_json_ json_object *o = json_of(bad[i]);
                Notice *n = NULL;
                assert_int_equal(notice_from_json(o, &n), -EBADMSG);
                assert_null(n);
        }
        _cleanup_json_ json_object *odd =
                json_of("{\"id\":\"a\",\"status\":\"failed\",\"metrics\":{\"x\":7,\"y\":{\"curve\":{}}},"
                        "\"events\":[null,7,{\"message\":\"m\"}],\"source\":{}}");
        _cleanup_(notice_freep) Notice *n = NULL;
        assert_int_equal(notice_from_json(odd, &n), 0);
        assert_null(n->metrics);
        assert_null(n->source);
        assert_int_equal(n->n_events, 1);
}

static char *repeat(const char *unit, size_t n) {
        size_t size = strlen(unit);
        char *s = malloc(size * n + 1);

        assert_non_null(s);
        for (size_t i = 0; i < n; i++)
                memcpy(s + i * size, unit, size);
        s[size * n] = '\0';
        return s;
}

/* As large as limits of the API (metadata 16 x (64 + 512)) and of our readers allow, filled with this
 * character. */
static Notice *largest_notice(const char *unit, unsigned n_series, unsigned *seed) {
        Notice *n = calloc(1, sizeof *n);
        _cleanup_json_ json_object *o = json_object_new_object(), *metadata = json_object_new_object(),
                                   *hyper = json_object_new_object(), *error = json_object_new_object();
        _cleanup_free_ char *id = repeat("i", JOB_ID_MAX), *name = repeat(unit, 300),
                            *value = repeat(unit, 512), *long_text = repeat(unit, 8000);
        static const char *const names[] = { "model",         "fine_tuned_model", "suffix",
                                             "training_file", "validation_file",  "method" };

        assert_non_null(n);
        assert_int_equal(json_add_string(o, "id", id), 0);
        assert_int_equal(json_add_string(o, "status", name), 0);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                assert_int_equal(json_add_string(o, names[i], name), 0);
        for (unsigned i = 0; i < 40; i++) {
                char key[128];
                _cleanup_free_ char *fill = repeat("k", 62);
                (void) snprintf(key, sizeof key, "%02u%s", i, fill);
                if (i < 16)
                        assert_int_equal(json_add_string(metadata, key, value), 0);
                assert_int_equal(json_add_string(hyper, key, value), 0);
        }
        assert_int_equal(json_add_string(error, "code", name), 0);
        assert_int_equal(json_add_string(error, "message", long_text), 0);
        assert_int_equal(json_add_string(error, "param", name), 0);
        assert_int_equal(json_add(o, "metadata", json_object_get(metadata)), 0);
        assert_int_equal(json_add(o, "hyperparameters", json_object_get(hyper)), 0);
        assert_int_equal(json_add(o, "error", json_object_get(error)), 0);
        assert_int_equal(job_from_json(o, &n->job), 0);

        assert_int_equal(metrics_new(&n->metrics), 0);
        for (unsigned i = 0; i < n_series; i++) {
                _cleanup_free_ char *fill = repeat("s", 60);
                char series[128];
                (void) snprintf(series, sizeof series, "%02u%s", i, fill);
                for (int64_t step = 0; step < 400; step++)
                        assert_int_equal(metrics_add(n->metrics, series, METRIC_STEP_MAX - 1000 + step,
                                                     -rand_r(seed) / 3e300), 0);
        }
        n->n_events = 2 * NOTICE_EVENTS_MAX;
        n->events = calloc(n->n_events, sizeof *n->events);
        for (size_t i = 0; i < n->n_events; i++) {
                _cleanup_json_ json_object *e = json_object_new_object();
                assert_int_equal(json_add_string(e, "id", id), 0);
                assert_int_equal(json_add_string(e, "message", long_text), 0);
                assert_int_equal(json_add(e, "data", json_object_get(hyper)), 0);
                assert_int_equal(event_from_json(e, &n->events[i]), 0);
        }
        n->source = strdup(name);
        n->status = strdup(n->job->status);
        n->previous_status = strdup(name);
        n->reason = strdup(name);
        n->detail = strdup(long_text);
        n->advice = strdup(long_text);
        n->url = repeat("u", 2000);
        return n;
}

static void test_size(void **state) {
        static const char *const units[] = { "a", "\"", "\\", "\n", "€", "😀" };
        unsigned seed = seed_get("size");

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                static const unsigned counts[] = { 0, 1, 7, METRIC_SERIES_MAX };
                for (size_t k = 0; k < ARRAY_SIZE(counts); k++) {
                        _cleanup_(notice_freep) Notice *n = largest_notice(units[i], counts[k], &seed);
                        size_t size = check_round_trip(n);
                        if (size > BODY_MAX - 500)
                                fail_msg("%zu bytes of \"%s\" with %u series", size, units[i], counts[k]);
                        assert_true(size > BODY_MAX / 3);
                }
        }
}

/* The metadata that the API allows is not touched in a notice that is large otherwise. */
static void test_metadata_stays(void **state) {
        unsigned seed = seed_get("metadata");
        _cleanup_(notice_freep) Notice *n = largest_notice("a", 7, &seed);
        _cleanup_json_ json_object *o = NULL;

        (void) state;
        free_and_strdup(&n->url, NULL);
        free_and_strdup(&n->advice, NULL);
        free_and_strdup(&n->detail, NULL);
        json_object_put(n->job->hyperparameters);
        n->job->hyperparameters = NULL;
        assert_int_equal(notice_to_json(n, &o), 0);
        json_object *metadata = json_member(o, "metadata");
        assert_int_equal(json_object_object_length(metadata), 16);
        json_object_object_foreach(metadata, key, value) {
                assert_int_equal(strlen(key), 64);
                assert_int_equal(json_object_get_string_len(value), 512);
        }
        assert_int_equal(json_object_array_length(json_member(o, "events")), NOTICE_EVENTS_MAX);
        assert_true(json_object_object_length(json_member(o, "metrics")) > 0);
}

/* A usual notice is complete: seven series with all points of their curves. */
static void test_usual_is_whole(void **state) {
        static const char *const names[] = {
                "train_loss",      "train_mean_token_accuracy",
                "valid_loss",      "valid_mean_token_accuracy",
                "full_valid_loss", "full_valid_mean_token_accuracy",
        };
        _cleanup_json_ json_object *jo =
                json_of("{\"id\":\"ftjob-1\",\"status\":\"succeeded\",\"metadata\":{\"team\":\"x\"}}");
        _cleanup_(notice_freep) Notice *n = calloc(1, sizeof *n);
        unsigned seed = seed_get("usual");

        (void) state;
        assert_int_equal(job_from_json(jo, &n->job), 0);
        assert_int_equal(metrics_new(&n->metrics), 0);
        for (int64_t step = 10; step <= 8250; step += 10)
                for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                        assert_int_equal(metrics_add(n->metrics, names[i], step,
                                                     rand_r(&seed) / (double) RAND_MAX),
                                         0);
        _cleanup_json_ json_object *o = NULL;
        assert_int_equal(notice_to_json(n, &o), 0);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                json_object *curve = json_member(json_member(json_member(o, "metrics"), names[i]), "curve");
                assert_int_equal(json_object_array_length(curve), NOTICE_CURVE_POINTS);
        }
        assert_true(check_round_trip(n) < BODY_MAX - 500);
}

/* Any text and any numbers come back the same. */
static void test_random(void **state) {
        unsigned seed = seed_get("notices");

        (void) state;
        for (unsigned round = 0; round < 1000 / test_sample(); round++) {
                _cleanup_(notice_freep) Notice *n = calloc(1, sizeof *n);
                char **texts[] = { &n->source, &n->previous_status, &n->reason,
                                   &n->detail, &n->advice,          &n->url };
                for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                        char raw[200] = {};
                        if (rand_r(&seed) % 3 == 0)
                                continue;
                        for (size_t k = 0, size = (size_t) rand_r(&seed) % (sizeof raw - 1); k < size; k++)
                                raw[k] = "\xe2\x80\xaa\xf0\x9f\xff\n\x1b\"\\/ aZ"[rand_r(&seed) % 15];
                        *texts[i] = texts[i] == &n->url ? text_clean(raw, 200, false) : strdup(raw);
                }
                if (round % 4 > 0) {
                        Job j = {
                                .id = S("ftjob-x"),
                                .status = S("running"),
                                .suffix = n->detail,
                                .created_at = rand_r(&seed),
                                .finished_at = rand_r(&seed),
                                .trained_tokens = rand_r(&seed) % 3 - 1,
                                .error = { .message = n->advice },
                        };
                        assert_int_equal(job_copy(&j, &n->job), 0);
                        assert_int_equal(metrics_new(&n->metrics), 0);
                        for (int k = rand_r(&seed) % 300; k > 0; k--) {
                                int kind = rand_r(&seed) % 20;
                                double v = kind == 0   ? NAN
                                           : kind == 1 ? INFINITY
                                                       : rand_r(&seed) * exp(rand_r(&seed) % 99 - 50);
                                assert_int_equal(metrics_add(n->metrics, k % 3 ? "train_loss" : "reward",
                                                             rand_r(&seed) % 500, v),
                                                 0);
                        }
                }
                assert_true(check_round_trip(n) < BODY_MAX - 500);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_types),
                cmocka_unit_test(test_statuses),
                cmocka_unit_test(test_ids),
                cmocka_unit_test(test_job_text),
                cmocka_unit_test(test_other_text),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_size),
                cmocka_unit_test(test_metadata_stays),
                cmocka_unit_test(test_usual_is_whole),
                cmocka_unit_test(test_random),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
