#pragma once
/* The conditions that rules put on metrics: looked at when metrics have come, told when one is crossed. */

#include "engine/source.h"

/* Inside a transaction: a job that is news from its first step on. Any other one begins with what it has. */
int conditions_begin(Source *s, const StoredJob *stored);
/* What came since the last look. `ended`: of a job that was not looked at before nothing is told any more.
 */
int conditions_look(Source *s, int64_t job_row, bool ended);
