/* Whether a paused job goes on by itself: what its events, its tier and its method say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/macro.h"
#include "model/pause.h"

static char *text(const char *s) {
        return (char *) (uintptr_t) s;
}

static void test_judge(void **state) {
        static const struct {
                const char *method, *training_type, *event;
                PauseEnd end;
        } rows[] = {
                { NULL, NULL, NULL, PAUSE_UNKNOWN },
                { "supervised", NULL, NULL, PAUSE_NOT_AT_LIMIT },
                { "dpo", "Standard", NULL, PAUSE_NOT_AT_LIMIT },
                { "reinforcement", NULL, NULL, PAUSE_PERHAPS_AT_LIMIT },
                { "reinforcement", "developerTier", NULL, PAUSE_RESUMES },
                { "supervised", "DeveloperTier", NULL, PAUSE_RESUMES },
                { "supervised", NULL, "Job was Preempted to make room.", PAUSE_RESUMES },
                { "reinforcement", "developerTier", "The spending limit of $5,000 is reached.",
                  PAUSE_AT_LIMIT },
                { "supervised", NULL, "Job paused by user.", PAUSE_BY_USER },
                { "supervised", NULL, "Step 10: training loss=0.5", PAUSE_NOT_AT_LIMIT },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Job job = { .method = text(rows[i].method), .training_type = text(rows[i].training_type) };
                Event event = { .message = text(rows[i].event) }, *events[] = { &event };
                PauseEnd end = pause_judge(&job, events, rows[i].event ? 1 : 0);
                if (end != rows[i].end)
                        fail_msg("row %zu: %d, expected %d", i, end, rows[i].end);
                assert_non_null(pause_advice(end));
        }
        assert_int_equal(pause_judge(NULL, NULL, 0), PAUSE_UNKNOWN);
}

/* The last pause counts, not an earlier one. */
static void test_newest_event(void **state) {
        Event before = { .message = text("Job was preempted.") };
        Event now = { .message = text("Paused: spending limit reached.") };
        Event *events[] = { &before, &now };

        (void) state;
        assert_int_equal(pause_judge(NULL, events, 2), PAUSE_AT_LIMIT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_judge),
                cmocka_unit_test(test_newest_event),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
