#pragma once
/* The seed of a test with random inputs: $FTWATCH_SEED, else the time. Printed, so that what failed can be
 * run again. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline unsigned seed_get(const char *what) {
        const char *s = getenv("FTWATCH_SEED");
        unsigned seed = s ? (unsigned) strtoul(s, NULL, 10) : (unsigned) time(NULL);

        printf("# %s: FTWATCH_SEED=%u\n", what, seed);
        return seed;
}
