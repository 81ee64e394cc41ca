#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/strings.h"
#include "model/route.h"

#define LIST(...) ((char *[]) { __VA_ARGS__, NULL })
#define S(text) ((char *) (text))

static Job job = {
        .id = S("ftjob-1"), .status = S("succeeded"), .model = S("gpt-4.1-mini-2025-04-14"),
        .fine_tuned_model = S("gpt-4.1-mini.ft-77-support"), .suffix = S("support"),
};
static Job bare = { .id = S("ftjob-2"), .status = S("failed") };

static void test_rules(void **state) {
        Notice succeeded = { .type = NOTICE_JOB_SUCCEEDED, .source = S("contoso-eastus"), .job = &job };
        Notice failed = { .type = NOTICE_JOB_FAILED, .source = S("fabrikam"), .job = &bare };
        Notice blind = { .type = NOTICE_SOURCE_UNREACHABLE, .source = S("contoso-eastus") };
        Notice dead = { .type = NOTICE_RECEIVER_FAILING, .receiver = S("mail") };
        const struct {
                const char *what;
                Rule rule;
                bool succeeded, failed, blind, dead;    /* whether "slack" gets them */
        } cases[] = {
                { "everything", { .to = LIST(S("slack")) }, true, true, true, true },
                { "another receiver", { .to = LIST(S("teams"), S("mail")) }, false, false, false, false },
                { "receivers are no patterns", { .to = LIST(S("sl*")) }, false, false, false, false },
                { "second receiver", { .to = LIST(S("mail"), S("slack")) }, true, true, true, true },
                { "types", { .types = LIST(S("job.failed"), S("source.*")), .to = LIST(S("slack")) },
                  false, true, true, false },
                { "wire names are no types", { .types = LIST(S("fine_tuning.*")), .to = LIST(S("slack")) },
                  false, false, false, false },
                { "sources", { .sources = LIST(S("contoso-*")), .to = LIST(S("slack")) },
                  true, false, true, false },
                { "every source", { .sources = LIST(S("*")), .to = LIST(S("slack")) },
                  true, true, true, false },
                { "base model", { .models = LIST(S("gpt-4.1*2025*")), .to = LIST(S("slack")) },
                  true, false, false, false },
                { "own model", { .models = LIST(S("*.ft-77-*")), .to = LIST(S("slack")) },
                  true, false, false, false },
                { "suffix", { .suffixes = LIST(S("supp*")), .to = LIST(S("slack")) },
                  true, false, false, false },
                { "any suffix", { .suffixes = LIST(S("*")), .to = LIST(S("slack")) },
                  true, false, false, false },
                { "job", { .jobs = LIST(S("ftjob-2")), .to = LIST(S("slack")) }, false, true, false, false },
                { "both",
                  { .types = LIST(S("job.*")), .sources = LIST(S("fabrikam")), .to = LIST(S("slack")) },
                  false, true, false, false },
                { "both, one not",
                  { .types = LIST(S("job.succeeded")),
                    .sources = LIST(S("fabrikam")),
                    .to = LIST(S("slack")) },
                  false, false, false, false },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                if (route_matches(&cases[i].rule, 1, &succeeded, "slack") != cases[i].succeeded ||
                    route_matches(&cases[i].rule, 1, &failed, "slack") != cases[i].failed ||
                    route_matches(&cases[i].rule, 1, &blind, "slack") != cases[i].blind ||
                    route_matches(&cases[i].rule, 1, &dead, "slack") != cases[i].dead)
                        fail_msg("%s", cases[i].what);
}

static void test_several(void **state) {
        const Rule rules[] = {
                { .types = LIST(S("job.failed")), .to = LIST(S("slack")) },
                { .types = LIST(S("job.*")), .to = LIST(S("mail")) },
                { .types = LIST(S("job.*")),
                  .to = LIST(S("mail"), S("slack")),
                  .suffixes = LIST(S("support")) },
        };
        Notice n = { .type = NOTICE_JOB_RUNNING, .source = S("a"), .job = &job };

        (void) state;
        assert_true(route_matches(rules, 3, &n, "slack"));
        assert_true(route_matches(rules, 3, &n, "mail"));
        assert_false(route_matches(rules, 3, &n, "teams"));
        assert_false(route_matches(rules, 1, &n, "slack"));
        assert_false(route_matches(rules, 2, &n, "slack"));
}

static void test_default(void **state) {
        static const NoticeType yes[] = {
                NOTICE_JOB_SUCCEEDED,
                NOTICE_JOB_FAILED,
                NOTICE_JOB_CANCELLED,
                NOTICE_JOB_PAUSED,
                NOTICE_JOB_EVENT,
                NOTICE_JOB_STALLED,
                NOTICE_JOB_WAITING,
                NOTICE_JOB_OVERDUE,
                NOTICE_SOURCE_UNAUTHORIZED,
                NOTICE_SOURCE_MISCONFIGURED,
                NOTICE_SOURCE_UNREACHABLE,
                NOTICE_SOURCE_THROTTLED,
                NOTICE_SOURCE_RECOVERED,
                NOTICE_RECEIVER_FAILING,
                NOTICE_RECEIVER_RECOVERED,
                NOTICE_TEST,
        };

        (void) state;
        for (int type = 0; type < _NOTICE_TYPE_MAX; type++) {
                bool expected = false;
                for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
                        expected = expected || (int) yes[i] == type;
                Notice n = { .type = (NoticeType) type };
                assert_int_equal(route_matches(NULL, 0, &n, "any"), expected);
        }
        Notice invalid = { .type = _NOTICE_TYPE_INVALID };
        assert_false(route_matches(NULL, 0, &invalid, "any"));
}

/* Conditions ask for their own notices, and alone for nothing else. */
static void test_conditions(void **state) {
        const Rule alone = { .metrics = LIST(S("m > 5")), .to = LIST(S("a")) };
        const Rule both = { .types = LIST(S("job.failed")),
                            .metrics = LIST(S("m > 5")),
                            .to = LIST(S("a")) };
        const Rule all = { .to = LIST(S("a")) }, other = { .metrics = LIST(S("m > 6")), .to = LIST(S("a")) };
        Notice crossed = { .type = NOTICE_JOB_METRIC, .reason = S("m > 5") };
        Notice failed = { .type = NOTICE_JOB_FAILED }, nameless = { .type = NOTICE_JOB_METRIC };

        (void) state;
        assert_true(route_matches(&alone, 1, &crossed, "a"));
        assert_false(route_matches(&alone, 1, &failed, "a"));
        assert_false(route_matches(&alone, 1, &nameless, "a"));
        assert_true(route_matches(&both, 1, &crossed, "a"));
        assert_true(route_matches(&both, 1, &failed, "a"));
        assert_true(route_matches(&all, 1, &crossed, "a"));
        assert_false(route_matches(&other, 1, &crossed, "a"));
}

static void test_receivers(void **state) {
        const Rule all = { .to = LIST(S("mail"), S("slack")) };
        const Rule never = { .types = LIST(S("job.failed")), .to = LIST(S("mail")) };
        Notice failing = { .type = NOTICE_RECEIVER_FAILING, .receiver = S("mail") };
        Notice recovered = { .type = NOTICE_RECEIVER_RECOVERED, .receiver = S("mail") };
        Notice test = { .type = NOTICE_TEST, .receiver = S("mail") };

        (void) state;
        assert_false(route_matches(&all, 1, &failing, "mail"));
        assert_false(route_matches(NULL, 0, &failing, "mail"));
        assert_false(route_matches(NULL, 0, &recovered, "mail"));
        assert_true(route_matches(&all, 1, &failing, "slack"));
        assert_true(route_matches(NULL, 0, &recovered, "slack"));
        /* A test goes to the one that is tested, and to no other. */
        assert_true(route_matches(&never, 1, &test, "mail"));
        assert_false(route_matches(&all, 1, &test, "slack"));
}

static void test_done(void **state) {
        Rule r = {};

        (void) state;
        assert_int_equal(strv_extend(&r.types, "a"), 0);
        assert_int_equal(strv_extend(&r.sources, "a"), 0);
        assert_int_equal(strv_extend(&r.models, "a"), 0);
        assert_int_equal(strv_extend(&r.suffixes, "a"), 0);
        assert_int_equal(strv_extend(&r.jobs, "a"), 0);
        assert_int_equal(strv_extend(&r.to, "a"), 0);
        rule_done(&r);
        assert_null(r.to);
        rule_done(&r);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rules), cmocka_unit_test(test_several), cmocka_unit_test(test_default),
                cmocka_unit_test(test_conditions),
                cmocka_unit_test(test_receivers), cmocka_unit_test(test_done),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
