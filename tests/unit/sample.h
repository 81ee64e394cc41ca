#pragma once
/* $TEST_SAMPLE, 1 unless told: a test that does the same at every point of a scenario, or over and over with
 * random inputs, does it at each Nth point, or so many times less. For runs below valgrind, where every line
 * runs all the same. */

#include <stdlib.h>

static inline unsigned test_sample(void) {
        const char *s = getenv("TEST_SAMPLE");
        unsigned long n = s ? strtoul(s, NULL, 10) : 1;

        return n > 0 && n < 1000 ? (unsigned) n : 1;
}
