#pragma once
/* Polls one source: walks its job list, then looks at each unfinished job, then waits. */

#include "engine/source.h"

/* Its row in the store is there already. */
int source_new(Source **ret, Engine *e, const SourceSettings *settings);
Source *source_free(Source *s);
DEFINE_CLEANUP(Source, source_free)
/* The first poll after `delay`; then by itself. */
int poller_start(Source *s, usec_t delay_usec);
/* Polls now, or once more as soon as the poll under way has ended. -EAGAIN: the server asked for a pause
 * that is not over. */
int poller_hasten(Source *s);
/* Of a source that cannot be hastened: its last poll is reported again, to those who wait for all. */
void poller_report_pause(const Source *s);
/* No further poll begins. */
void poller_stop(Source *s);

/* From job_poll.c: one job is done with, so. The poll is freed. */
void poller_job_done(JobPoll *p, const Outcome *outcome);
