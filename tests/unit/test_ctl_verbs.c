/* What ftwatchctl prints, against files below tests/unit/golden/ctl/. FTWATCH_UPDATE_GOLDEN=1 writes them
 * anew: look at the difference before you keep it. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/strings.h"
#include "ctl_fixture.h"

#define GOLDEN_DIR "tests/unit/golden/ctl"

static const struct {
        const char *name, *line;
        size_t width;
        bool ascii, color;
} cases[] = {
        { "jobs-pipe", "jobs", 0, false, false },
        { "jobs-80", "jobs", 80, false, false },
        { "jobs-140", "jobs", 140, false, false },
        { "jobs-color", "jobs --status active", 100, false, true },
        { "jobs-ascii", "jobs --source fabrikam", 80, true, false },
        { "jobs-one-source", "jobs --source contoso-* -n 2", 80, false, false },
        { "jobs-filters", "jobs --status canceled,paused", 0, false, false },
        { "jobs-none", "jobs --status queued", 0, false, false },
        { "show-running-80", "show support-triage", 80, false, false },
        { "show-succeeded-100", "show a1b2c3d4e5", 100, false, false },
        { "show-failed-80", "show summaries", 80, false, false },
        { "show-failed-pipe", "show summaries", 0, false, false },
        { "show-paused", "show grader-rft", 80, false, false },
        { "show-ascii", "show support", 80, true, false },
        { "show-color", "show summaries", 80, false, true },
        { "show-silent", "show ftjob-a1b2c3d4f", 80, false, false },
        { "show-removed", "show gone", 80, false, false },
        { "show-hostile", "show deadbeef", 80, false, true },
        { "show-hostile-ascii", "show deadbeef", 80, true, false },
        { "show-ambiguous", "show contract-review", 80, false, false },
        { "show-unknown", "show nobody", 80, false, false },
        { "show-wrong-source", "show summaries --source contoso-*", 0, false, false },
        { "events-pipe", "events 00ff11", 0, false, false },
        { "events-60", "events 00ff11 --level warning", 60, false, false },
        { "events-no-metrics", "events support-triage --no-metrics", 80, false, false },
        { "events-limit", "events support-triage -n3", 80, false, false },
        { "metrics-limit", "metrics support-triage --limit 5", 80, false, false },
        { "metrics-nan", "metrics a1b2c3d4e -n 145", 0, false, false },
        { "metrics-plot", "metrics support-triage --plot train_mean_token_accuracy", 100, false, false },
        { "metrics-plot-unknown", "metrics support-triage --plot train_los", 100, false, false },
        { "metrics-none", "metrics summaries", 80, false, false },
        { "checkpoints-80", "checkpoints support-triage", 80, false, false },
        { "checkpoints-pipe", "checkpoints deadbeef", 0, false, false },
        { "checkpoints-limit", "checkpoints support-triage -n1", 0, false, false },
        { "checkpoints-none", "checkpoints summaries", 80, false, false },
        { "json-checkpoints", "checkpoints support-triage --json", 0, false, false },
        { "notices-pipe", "notices", 0, false, false },
        { "notices-80", "notices", 80, false, false },
        { "notices-140", "notices --type job.*", 140, false, false },
        { "deliveries-pipe", "deliveries", 0, false, false },
        { "deliveries-100", "deliveries --state pending,dead,inflight", 100, false, false },
        { "deliveries-80", "deliveries --state pending,dead,inflight", 80, false, false },
        { "deliveries-receiver", "deliveries --receiver ops-* --source contoso-*", 0, false, false },
        { "json-jobs", "jobs --json --source contoso-*", 0, false, false },
        { "json-hostile", "show deadbeef --json", 80, false, false },
        { "json-show", "show summaries --json", 0, false, false },
        { "json-events", "events summaries --json", 0, false, false },
        { "json-notices", "notices --json -n 2", 0, false, false },
        { "json-deliveries", "deliveries --json --state dead", 0, false, false },
        { "json-none", "jobs --json --status queued", 0, false, false },
        { "usage-option", "jobs --statsu active", 0, false, false },
        { "usage-group", "show summaries --status active", 0, false, false },
        { "usage-state", "deliveries --state pendng", 0, false, false },
        { "usage-value", "jobs --limit many", 0, false, false },
        { "usage-missing", "jobs --source", 0, false, false },
};

static char *read_golden(const char *path) {
        FILE *file = fopen(path, "re");
        char *text = NULL;
        size_t size = 0;

        if (!file)
                return NULL;
        if (getdelim(&text, &size, '\0', file) < 0 && !text)
                text = strdup("");
        (void) fclose(file);
        return text;
}

static void write_golden(const char *path, const char *text) {
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        (void) fputs(text, file);
        assert_int_equal(fclose(file), 0);
}

static void test_golden(void **state) {
        CtlFixture *f = *state;
        bool update = getenv("FTWATCH_UPDATE_GOLDEN");
        unsigned n_wrong = 0;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char path[256];
                char *is = ctl_fixture_run(f, cases[i].line, cases[i].width, !cases[i].ascii,
                                           cases[i].color);
                (void) snprintf(path, sizeof path, GOLDEN_DIR "/%s.txt", cases[i].name);
                if (update)
                        write_golden(path, is);
                char *should = read_golden(path);
                if (!should || !streq(is, should)) {
                        print_error("%s: '%s' gives\n%s\n--- but should give\n%s\n", path, cases[i].line, is,
                                    strempty(should));
                        n_wrong++;
                }
                free(should);
                free(is);
        }
        assert_int_equal(n_wrong, 0);
}

/* Whatever is asked and wherever it goes: no control character but our own colours and line ends, no line
 * that is wider than the terminal (tables and texts; ids and stamps are not cut in a page). */
static void test_no_terminal_sequence(void **state) {
        static const char *const lines[] = {
                "jobs", "show deadbeef", "events deadbeef", "notices", "deliveries", "jobs --json",
                "show deadbeef --json", "events deadbeef --json", "show \033[2J\233",
                "jobs --\033[2J",
        };
        CtlFixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                for (unsigned kind = 0; kind < 4; kind++) {
                        char *text = ctl_fixture_run(f, lines[i], kind & 1 ? 80 : 0, kind & 2, false);
                        for (const unsigned char *p = (const unsigned char *) text; *p; p++) {
                                if ((*p < 0x20 && *p != '\n') || *p == 0x7f)
                                        fail_msg("%s: byte %02x in\n%s", lines[i], *p, text);
                                if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
                                        fail_msg("%s: a C1 control in\n%s", lines[i], text);
                                if ((kind & 3) == 1 && *p >= 0x80 && !strstr(lines[i], "json"))
                                        fail_msg("%s: beyond ASCII on such a terminal\n%s", lines[i], text);
                        }
                        assert_null(strstr(text, "\342\200\256"));     /* U+202E, right-to-left override */
                        free(text);
                }
}

static void test_tables_fit(void **state) {
        static const char *const lines[] = {
                "jobs", "notices", "deliveries", "events 00ff", "show summaries",
        };
        CtlFixture *f = *state;

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                for (size_t width = 72; width <= 200; width += 4) {
                        Term term = { .utf8 = true };
                        char *text = ctl_fixture_run(f, lines[i], width, true, false), *rest = text, *line;
                        while ((line = strsep(&rest, "\n"))) {
                                if (streq(line, "--- stderr"))
                                        break;
                                if (term_columns(&term, line) > width)
                                        fail_msg("%s: wider than %zu: %s", lines[i], width, line);
                                if (*line && line[strlen(line) - 1] == ' ')
                                        fail_msg("%s: a blank at the end: %s", lines[i], line);
                        }
                        free(text);
                }
}

static void test_verbs(void **state) {
        (void) state;
        assert_null(ctl_verb_find("jbos"));
        assert_null(ctl_verb_find(""));
        for (size_t i = 0; ctl_verbs[i]; i++) {
                assert_ptr_equal(ctl_verb_find(ctl_verbs[i]->name), ctl_verbs[i]);
                assert_non_null(ctl_verbs[i]->run);
                assert_false(isempty(ctl_verbs[i]->help));
        }
}

static int set_up(void **state) {
        static CtlFixture fixture;

        ctl_fixture_open(&fixture);
        *state = &fixture;
        return 0;
}

static int tear_down(void **state) {
        ctl_fixture_close(*state);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_golden, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_no_terminal_sequence, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_tables_fit, set_up, tear_down),
                cmocka_unit_test(test_verbs),
        };

        if (!setlocale(LC_CTYPE, "C.UTF-8") || setenv("TZ", "UTC0", 1) < 0)
                return 1;
        tzset();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
