#pragma once
/* A job's checkpoints: when it is worth asking for them, and what of the answer is news. */

#include "engine/source.h"

/* An event spoke of one, or there was news and the last look is a while ago. */
bool checkpoints_are_wanted(const Source *s, const Watch *w);
/* The same for a job that ended. */
bool checkpoints_are_offered(const Source *s);
/* The answer for a job; w is NULL when it ended. A server that has none is not asked again for a day. The
 * outcome: what is to be held against the source. */
Outcome checkpoints_take(Source *s, int64_t job_row, Watch *w, const Outcome *result, HttpReply *reply);
