#include <errno.h>

#include "base/strings.h"
#include "base/text.h"
#include "model/job.h"
#include "model/metrics.h"
#include "unit/model_text.h"

static Event *event_of(const char *text) {
        _cleanup_json_ json_object *o = json_of(text);
        Event *e = NULL;

        if (event_from_json(o, &e) < 0)
                fail_msg("refused: %s", text);
        return e;
}

static void test_read(void **state) {
        static const struct {
                const char *text, *id, *message;
                EventLevel level;
                bool is_metrics, has_data;
                int64_t step;
        } cases[] = {
                { "{}", NULL, "", EVENT_LEVEL_INFO, false, false, -1 },
                { "{\"id\":\"e\",\"message\":null,\"level\":null,\"data\":null}", "e", "", EVENT_LEVEL_INFO,
                  false, false, -1 },
                { "{\"message\":\"Job started.\",\"type\":\"message\",\"data\":{}}", NULL, "Job started.",
                  EVENT_LEVEL_INFO, false, false, -1 },
                { "{\"level\":\"warn\"}", NULL, "", EVENT_LEVEL_WARNING, false, false, -1 },
                { "{\"level\":\"Warning\"}", NULL, "", EVENT_LEVEL_WARNING, false, false, -1 },
                { "{\"level\":\"error\",\"data\":[1]}", NULL, "", EVENT_LEVEL_ERROR, false, false, -1 },
                { "{\"level\":\"loud\"}", NULL, "", EVENT_LEVEL_INFO, false, false, -1 },
                { "{\"type\":\"metrics\",\"data\":{\"train_loss\":1}}", NULL, "", EVENT_LEVEL_INFO, true,
                  true, -1 },
                { "{\"data\":{\"step\":100.0,\"train_loss\":1}}", NULL, "", EVENT_LEVEL_INFO, true, true,
                  100 },
                { "{\"data\":{\"step\":\"7\"}}", NULL, "", EVENT_LEVEL_INFO, true, true, 7 },
                { "{\"data\":{\"step\":-5}}", NULL, "", EVENT_LEVEL_INFO, false, true, -1 },
                { "{\"data\":{\"step\":1.5}}", NULL, "", EVENT_LEVEL_INFO, false, true, -1 },
                { "{\"id\":\"a\\u001b\",\"message\":\"m\"}", NULL, "m", EVENT_LEVEL_INFO, false, false, -1 },
                { "{\"id\":7,\"message\":8}", NULL, "8", EVENT_LEVEL_INFO, false, false, -1 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_(event_freep) Event *e = event_of(cases[i].text);
                if (!streq_null(e->id, cases[i].id) || !streq(e->message, cases[i].message) ||
                    e->level != cases[i].level || e->is_metrics != cases[i].is_metrics ||
                    e->step != cases[i].step || !!e->data != cases[i].has_data)
                        fail_msg("%s", cases[i].text);
        }
        static const char *const bad[] = { "null", "[]", "1", "\"x\"" };
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_json_ json_object *o = json_of(bad[i]);
                Event *e = NULL;
                assert_int_equal(event_from_json(o, &e), -EBADMSG);
        }
        assert_null(event_free(NULL));
}

static void test_long_message(void **state) {
        _cleanup_json_ json_object *o = json_object_new_object();
        _cleanup_(event_freep) Event *e = NULL;
        _cleanup_free_ char *text = malloc(3 * 10000 + 1);

        (void) state;
        for (size_t i = 0; i <= 10000; i++)
                memcpy(text + 3 * i, "€", i < 10000 ? 3 : 0);
        text[3 * 10000] = '\0';
        assert_int_equal(json_add_string(o, "message", text), 0);
        assert_int_equal(event_from_json(o, &e), 0);
        assert_int_equal(utf8_length(e->message), EVENT_MESSAGE_MAX);
        assert_non_null(endswith(e->message, "€…"));
}

static void test_round_trip(void **state) {
        static const char *const texts[] = {
                ("{\"id\":\"e1\",\"created_at\":1715826339,\"level\":\"info\","
                 "\"message\":\"Training hours billed: 0.500\","
                 "\"type\":\"message\",\"data\":null}"),
                ("{\"id\":null,\"created_at\":0,\"level\":\"error\","
                 "\"message\":\"two\\nlines \\\"quoted\\\"\",\"type\":\"message\","
                 "\"data\":null}"),
                ("{\"id\":\"e2\",\"created_at\":1715825614,\"level\":\"warning\","
                 "\"message\":\"Step 100: training loss=0.001\","
                 "\"type\":\"metrics\",\"data\":{\"step\":100,\"train_loss\":0.001647822093218565,"
                 "\"type\":\"supervised\"}}"),
                ("{\"id\":\"e3\",\"created_at\":1,\"level\":\"info\",\"message\":\"\",\"type\":\"metrics\","
                 "\"data\":{\"x\":null}}"),
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                _cleanup_(event_freep) Event *e = event_of(texts[i]);
                _cleanup_json_ json_object *o = NULL;
                assert_int_equal(event_to_json(e, &o), 0);
                _cleanup_free_ char *text = text_of(o);
                assert_string_equal(text, texts[i]);
        }
        /* What is no JSON is not written as if it were. */
        _cleanup_(event_freep) Event *odd =
                event_of("{\"data\":{\"train_loss\":NaN,\"valid_loss\":Infinity}}");
        _cleanup_json_ json_object *o = NULL;
        assert_int_equal(event_to_json(odd, &o), 0);
        _cleanup_free_ char *text = text_of(o);
        assert_non_null(strstr(text, "{\"train_loss\":\"NaN\",\"valid_loss\":\"Infinity\"}"));
}

static void test_levels(void **state) {
        (void) state;
        assert_string_equal(event_level_to_string(EVENT_LEVEL_INFO), "info");
        assert_string_equal(event_level_to_string(EVENT_LEVEL_WARNING), "warning");
        assert_string_equal(event_level_to_string(EVENT_LEVEL_ERROR), "error");
        assert_string_equal(event_level_to_string((EventLevel) 9), "info");
}

/* Which events are one and the same. */
static void test_keys(void **state) {
        static const struct {
                const char *a;
                unsigned nth_a;
                const char *b;
                unsigned nth_b;
                bool same;
        } cases[] = {
                { "{\"id\":\"e\",\"message\":\"m\"}", 0, "{\"id\":\"e\",\"message\":\"m\"}", 1, true },
                { "{\"id\":\"e\",\"message\":\"m\",\"created_at\":1}", 0,
                  "{\"id\":\"e\",\"message\":\"m\",\"created_at\":2}", 0, true },
                { "{\"id\":\"e\",\"message\":\"m\"}", 0, "{\"id\":\"f\",\"message\":\"m\"}", 0, false },
                { "{\"id\":\"e\",\"message\":\"m\"}", 0, "{\"id\":\"e\",\"message\":\"n\"}", 0, false },
                { "{\"id\":\"e\",\"data\":{\"step\":1}}", 0, "{\"id\":\"e\",\"data\":{\"step\":2}}", 0,
                  false },
                /* The text of a metric event may be worded anew; the step is what it is about. */
                { "{\"id\":\"e\",\"message\":\"m\",\"data\":{\"step\":1}}", 0,
                  "{\"id\":\"e\",\"message\":\"n\",\"data\":{\"step\":1}}", 0, true },
                { "{\"id\":\"e\",\"message\":\"1\"}", 0,
                  "{\"id\":\"e\",\"message\":\"x\",\"data\":{\"step\":1}}", 0, false },
                { "{\"message\":\"m\",\"created_at\":1}", 0, "{\"message\":\"m\",\"created_at\":1}", 0,
                  true },
                { "{\"message\":\"m\",\"created_at\":1}", 0, "{\"message\":\"m\",\"created_at\":1}", 1,
                  false },
                { "{\"message\":\"m\",\"created_at\":1}", 0, "{\"message\":\"m\",\"created_at\":2}", 0,
                  false },
                { "{\"message\":\"m\",\"level\":\"warn\"}", 0, "{\"message\":\"m\",\"level\":\"warning\"}",
                  0, true },
                { "{\"message\":\"m\",\"level\":\"warn\"}", 0, "{\"message\":\"m\",\"level\":\"error\"}", 0,
                  false },
                { "{\"id\":\"a\",\"message\":\"b\\nc\"}", 0, "{\"id\":\"ab\",\"message\":\"\\nc\"}", 0,
                  false },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_(event_freep) Event *a = event_of(cases[i].a), *b = event_of(cases[i].b);
                uint8_t ka[EVENT_KEY_SIZE], kb[EVENT_KEY_SIZE];
                assert_int_equal(event_key(a, cases[i].nth_a, ka), 0);
                assert_int_equal(event_key(b, cases[i].nth_b, kb), 0);
                if ((memcmp(ka, kb, sizeof ka) == 0) != cases[i].same)
                        fail_msg("%s and %s", cases[i].a, cases[i].b);
        }

        /* Stored keys must stay what they are over versions. */
        _cleanup_(event_freep) Event *e = event_of("{\"id\":\"ftevent-1\",\"message\":\"Job started.\"}");
        uint8_t key[EVENT_KEY_SIZE];
        char hex[2 * EVENT_KEY_SIZE + 1];
        assert_int_equal(event_key(e, 0, key), 0);
        for (size_t i = 0; i < EVENT_KEY_SIZE; i++)
                (void) snprintf(hex + 2 * i, 3, "%02x", key[i]);
        assert_string_equal(hex, "27b08ce4595be7b22bd37664fd640c2f");
}

/* The longest event there can be has a key. */
static void test_longest_key(void **state) {
        char id[JOB_ID_MAX + 1], message[4 * EVENT_MESSAGE_MAX + 1];
        Event e = { .id = id, .message = message, .step = -1 };
        uint8_t key[EVENT_KEY_SIZE];

        (void) state;
        memset(id, 'i', sizeof id - 1);
        memset(message, 'm', sizeof message - 1);
        id[sizeof id - 1] = message[sizeof message - 1] = '\0';
        assert_int_equal(event_key(&e, 0, key), 0);
        e.id = NULL;
        assert_int_equal(event_key(&e, 0, key), 0);
}

static void test_fixtures(void **state) {
        (void) state;
        if (!getenv("FTWATCH_FIXTURES"))
                skip();
        static const char *const names[] = {
                "azure-real-2024-05-events-page1-newest-first.json",
                "openai-recorded-2025-09-events-limit1.json",
        };
        size_t n_metrics = 0;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_json_ json_object *page = fixture_load(names[i]);
                json_object *rows = json_member_array(page, "data");
                assert_non_null(rows);
                for (size_t k = 0; k < json_object_array_length(rows); k++) {
                        _cleanup_(event_freep) Event *e = NULL;
                        assert_int_equal(event_from_json(json_object_array_get_idx(rows, k), &e), 0);
                        assert_non_null(startswith(e->id, "ftevent-"));
                        assert_true(!isempty(e->message) && e->created_at > 1700000000);
                        assert_int_equal(e->is_metrics, !!startswith(e->message, "Step "));
                        assert_int_equal(e->step >= 0, e->is_metrics);
                        n_metrics += e->is_metrics;
                }
        }
        assert_true(n_metrics > 0);

        /* Checkpoint rows hold their numbers in the same shape. */
        _cleanup_json_ json_object *page = fixture_load("azure-real-2024-05-checkpoints.json");
        json_object *rows = json_member_array(page, "data");
        assert_int_equal(json_object_array_length(rows), 3);
        for (size_t k = 0; k < 3; k++) {
                json_object *numbers = json_member_object(json_object_array_get_idx(rows, k), "metrics");
                assert_int_equal(json_member_int(numbers, "step", -1), 100 - 10 * (int) k);
                double loss;
                assert_true(json_to_double(json_member(numbers, "valid_loss"), &loss));
                assert_false(metrics_value_is_missing("valid_loss", loss));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read),       cmocka_unit_test(test_long_message),
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_levels),
                cmocka_unit_test(test_keys),       cmocka_unit_test(test_longest_key),
                cmocka_unit_test(test_fixtures),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
