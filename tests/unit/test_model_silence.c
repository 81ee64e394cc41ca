/* Which deliveries a silence keeps back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/silence.h"

#define NOW ((usec_t) 1000 * USEC_PER_SEC)

static char job_id[] = "ftjob-1234", suffix[] = "support-bot", source[] = "contoso-eastus";
static Job job = { .id = job_id, .suffix = suffix };

static const struct {
        SilenceKind kind;
        char pattern[24];
        usec_t until_usec;
        bool has_job, test, silenced;
} cases[] = {
        { SILENCE_JOB, "ftjob-1234", NOW + 1, true, false, true },
        { SILENCE_JOB, "ftjob-12", NOW + 1, true, false, false },
        { SILENCE_JOB, "ftjob-12*", NOW + 1, true, false, true },
        { SILENCE_JOB, "support-*", NOW + 1, true, false, true },
        { SILENCE_JOB, "*", NOW + 1, false, false, false }, /* what is about no job */
        { SILENCE_SOURCE, "contoso-*", NOW + 1, true, false, true },
        { SILENCE_SOURCE, "contoso-*", NOW + 1, false, false, true },
        { SILENCE_SOURCE, "fabrikam", NOW + 1, true, false, false },
        { SILENCE_RECEIVER, "ops-*", NOW + 1, true, false, true },
        { SILENCE_RECEIVER, "ml-*", NOW + 1, true, false, false },
        { SILENCE_RECEIVER, "ops-*", NOW + 1, true, true, false }, /* a test goes through */
        { SILENCE_SOURCE, "contoso-*", NOW, true, false, false }, /* over */
};

static void test_matches(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char pattern[sizeof cases[i].pattern];
                for (size_t k = 0; k < sizeof pattern; k++)
                        pattern[k] = cases[i].pattern[k];
                Silence one = { .kind = cases[i].kind,
                                .pattern = pattern,
                                .until_usec = cases[i].until_usec };
                Silences all = { &one, 1 };
                Notice n = { .job = cases[i].has_job ? &job : NULL,
                             .source = source,
                             .test = cases[i].test };
                if ((silences_find(&all, &n, "ops-slack", NOW) == &one) != cases[i].silenced)
                        fail_msg("case %zu: %s %s", i, silence_kind_to_string(one.kind), pattern);
        }
}

static void test_next_end(void **state) {
        Silence list[] = { { .until_usec = 7 }, { .until_usec = 5 } };

        (void) state;
        assert_int_equal(silences_next_end(&(Silences) { list, 2 }), 5);
        assert_int_equal(silences_next_end(&(Silences) {}), USEC_INFINITY);
}

static void test_kinds(void **state) {
        SilenceKind kind = SILENCE_JOB;

        (void) state;
        for (int i = 0; i < _SILENCE_KIND_MAX; i++) {
                assert_int_equal(silence_kind_from_string(silence_kind_to_string((SilenceKind) i), &kind),
                                 0);
                assert_int_equal(kind, i);
        }
        assert_true(silence_kind_from_string("rule", &kind) < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_matches),
                cmocka_unit_test(test_next_end),
                cmocka_unit_test(test_kinds),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
