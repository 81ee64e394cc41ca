#pragma once
/* A state as in tests/e2e/ctl/seed.sql, at a fixed time, and runs of ftwatchctl's verbs on it with
 * terminals of any kind. */

#include <stdbool.h>
#include <stddef.h>

#include "ctl/ctl.h"

#define CTL_FIXTURE_NOW ((int64_t) 1800000000)          /* 2027-01-15 08:00:00 UTC */

typedef struct CtlFixture {
        char dir[256];
        Store *store;
} CtlFixture;

/* Fails the test if it cannot. The file is closed by its writer and opened read-only. */
void ctl_fixture_open(CtlFixture *f);
void ctl_fixture_close(CtlFixture *f);

/* `line`: verb, argument and options, separated by blanks. The answer is what came on stdout, then, if
 * there was any, a line "--- stderr" and that, then "--- exit N" unless 0; malloc'ed. width 0: not a
 * terminal. */
char *ctl_fixture_run(CtlFixture *f, const char *line, size_t width, bool utf8, bool color);
