#pragma once
/* What is known of a watched job's progress, and what of its troubles was told (model/vigil.h); also the
 * state of the conditions that rules put on its metrics. Stamps are realtime. */

#include "model/vigil.h"
#include "store/store.h"

/* Fills in progress_usec, estimate_wild and told. 0 when there is nothing. */
int store_vigil_load(Store *s, int64_t job, Vigil *v);
int store_vigil_progress(Store *s, int64_t job, usec_t now_real_usec);
int store_vigil_set_wild(Store *s, int64_t job);
int store_vigil_told(Store *s, int64_t job, VigilKind kind, const VigilTold *told);
/* How many jobs of the source are running. */
int store_vigil_running(Store *s, int64_t source, unsigned *ret);
