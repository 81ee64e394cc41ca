#pragma once
/* The tail of a finished job: details, result file and all its events, fetched once for the terminal notice,
 * and once more a minute later, because billing and results lines come late. What it cannot fetch in time
 * the notice goes without. */

#include "engine/source.h"

/* Fetches now, or when others are done. notice: the row that waits for the details, 0 for a late look. */
int tail_start(Source *s, int64_t job, int64_t notice);
/* In the transaction that ends the job: should the daemon end before its tail, it is looked at later. */
int tail_promise(Source *s, int64_t job, usec_t now_real_usec);
/* From the store: late looks that are due or will be. */
int tails_schedule(Source *s);
/* A poll ended: where the source throttles, what has not begun is left to late looks, behind the next poll.
 */
void tails_held(Source *s);
void tails_cancel(Source *s);
/* The realtime clock was set: the stamps of those under way move along. */
void tails_shift_clock(Source *s, int64_t step_usec);
/* Some notice still waits for details. */
bool tails_are_urgent(const Source *s);
