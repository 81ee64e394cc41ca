#pragma once
/* Tells what lasts too long (model/vigil.h). Looked at when a job's events were read, which happens anyway:
 * no timer, and two comparisons for a job where nothing is due. */

#include "engine/source.h"

/* The watch begins: what the store knows of it. */
int vigil_begin(Source *s, Watch *w, const StoredJob *stored);
/* The job's row changed. */
void vigil_update(Source *s, Watch *w, const StoredJob *stored);
/* Inside a transaction: the job as it was and as it is shown now; a jump of the estimate is remembered. */
int vigil_compare(Source *s, int64_t job_row, const Job *before, const Job *now);
/* Inside a transaction: there was news of it. */
int vigil_progress(Source *s, int64_t job_row, Watch *w);

/* All there is to see of the job was seen now: tells what is due; no stall where events cannot be read. */
int vigil_look(Source *s, Watch *w, bool have_events);
