/* What of a job and its events is news. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "model/transition.h"

#define AT 1000

static const Baseline before = {}, during = { .at = AT }, after = { .done = true, .at = AT };

static void test_transitions(void **state) {
        static const struct {
                const char *known, *observed;
                int64_t created_at;
                const Baseline *baseline;
                unsigned n;
                NoticeType type;                /* of the last one */
                const char *status;
        } table[] = {
                { NULL, "running", AT, &before, 0, 0, NULL },
                { NULL, "succeeded", AT + 9, &before, 0, 0, NULL },
                /* first contact under way */
                { NULL, "running", AT - 1, &during, 0, 0, NULL },
                { NULL, "running", AT, &during, 0, 0, NULL },
                { NULL, "running", AT + 1, &during, 2, NOTICE_JOB_RUNNING, "running" },
                { NULL, "succeeded", AT + 1, &during, 2, NOTICE_JOB_SUCCEEDED, "succeeded" },
                { NULL, "succeeded", 0, &during, 0, 0, NULL },
                { "running", "succeeded", AT - 1, &during, 1, NOTICE_JOB_SUCCEEDED, "succeeded" },
                /* after it */
                { NULL, "succeeded", AT - 1, &after, 0, 0, NULL },
                { NULL, "canceled", AT - 1, &after, 0, 0, NULL },
                { NULL, "succeeded", AT, &after, 2, NOTICE_JOB_SUCCEEDED, "succeeded" },
                { NULL, "succeeded", 0, &after, 0, 0, NULL },
                { NULL, "running", AT - 900, &after, 2, NOTICE_JOB_RUNNING, "running" },
                { NULL, "paused", AT - 900, &after, 2, NOTICE_JOB_PAUSED, "paused" },
                { NULL, "evaluating", AT - 900, &after, 2, NOTICE_JOB_STATUS_CHANGED, "evaluating" },
                { NULL, "canceled", AT + 5, &after, 2, NOTICE_JOB_CANCELLED, "cancelled" },
                { "pending", "pending", AT, &after, 0, 0, NULL },
                { "pending", "Pending", AT, &after, 0, 0, NULL },
                { "cancelled", "canceled", AT, &after, 0, 0, NULL },
                { "pending", "running", AT, &after, 1, NOTICE_JOB_RUNNING, "running" },
                { "running", "Succeeded", AT, &after, 1, NOTICE_JOB_SUCCEEDED, "succeeded" },
                { "succeeded", "failed", AT, &after, 1, NOTICE_JOB_FAILED, "failed" },
                { "succeeded", "running", 0, &after, 1, NOTICE_JOB_RUNNING, "running" },
                { "evaluating", "Evaluating", AT, &after, 1, NOTICE_JOB_STATUS_CHANGED, "Evaluating" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                Transition t[TRANSITIONS_MAX] = {};
                Job job = { .id = (char *) "x",
                            .status = (char *) table[i].observed,
                            .created_at = table[i].created_at };
                unsigned n = transition_detect(table[i].known, &job, table[i].baseline, t);
                if (n != table[i].n)
                        fail_msg("row %zu: %u transitions", i, n);
                if (n == 0)
                        continue;
                assert_int_equal(t[n - 1].type, table[i].type);
                assert_string_equal(t[n - 1].status, table[i].status);
                assert_true(streq_null(t[n - 1].previous, table[i].known));
                if (n == 2)
                        assert_int_equal(t[0].type, NOTICE_JOB_CREATED);
        }
}

static void test_events(void **state) {
        static const struct {
                EventLevel level;
                int64_t at;
                bool silent, news;
        } table[] = {
                { EVENT_LEVEL_INFO, AT + 1, false, false },     { EVENT_LEVEL_INFO, AT - 1, true, false },
                { EVENT_LEVEL_WARNING, AT + 1, false, true },   { EVENT_LEVEL_WARNING, AT - 1, false, true },
                { EVENT_LEVEL_WARNING, AT - 1, true, false },   { EVENT_LEVEL_ERROR, AT - 1, true, false },
                { EVENT_LEVEL_ERROR, AT, true, true },          { EVENT_LEVEL_WARNING, 0, true, false },
                { EVENT_LEVEL_ERROR, 0, false, true },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                Event e = { .level = table[i].level, .created_at = table[i].at, .message = (char *) "" };
                if (event_is_news(&e, table[i].silent, &after) != table[i].news)
                        fail_msg("row %zu", i);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_transitions),
                cmocka_unit_test(test_events),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
