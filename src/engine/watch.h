#pragma once
/* The jobs of a source that are not finished: made from the store at the start, kept up by ingest. */

#include "engine/source.h"

int watches_load(Source *s);
void watches_free(Source *s);
Watch *watch_find(Source *s, const char *job_id);
/* The job as it is stored now: begins, goes on or ends being watched. */
int watch_update(Source *s, const StoredJob *stored);
void watch_drop(Source *s, Watch *w);
/* All its events were seen and are stored: tells what is due by them, or by their absence. Where it has no
 * list of events (have_events is false) their absence says nothing. */
int watch_look(Source *s, Watch *w, bool have_events);
size_t watches_count(const Source *s);
/* The clock was set, and the stamps in the store are moved (store_shift_clock()). */
void watches_shift_clock(Source *s, int64_t step_usec);
