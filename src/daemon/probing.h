#pragma once
/* ftwatchd --probe: looks at sources once and says what works. Takes no lock, opens no state. */

#include <stdbool.h>

#include "config/config.h"

/* source: a name, NULL: all of them. Prints; returns the exit status: 0 all is well, 1 something is not, 2
 * there is no such source. */
int probing_run(const Config *config, const char *source, bool json);
