#pragma once
/* What is known of a watched job's progress, and what of its troubles was told (model/vigil.h); also the
 * state of the conditions that rules put on its metrics. Stamps are realtime. */

#include "model/checkpoint.h"
#include "model/condition.h"
#include "model/vigil.h"
#include "store/store.h"

/* Fills in progress_usec, estimate_wild and told. 0 when there is nothing. */
int store_vigil_load(Store *s, int64_t job, Vigil *v);
int store_vigil_progress(Store *s, int64_t job, usec_t now_real_usec);
int store_vigil_set_wild(Store *s, int64_t job);
int store_vigil_told(Store *s, int64_t job, VigilKind kind, const VigilTold *told);
/* 1: new; 0: known. */
int store_checkpoint_add(Store *s, int64_t job, const Checkpoint *c, const Metrics *metrics,
                         usec_t now_real_usec);
/* 0: the condition was never looked at for this job. */
int store_condition_load(Store *s, int64_t job, const char *condition, ConditionState *ret);
int store_condition_save(Store *s, int64_t job, const char *condition, const ConditionState *state);
/* Points of one series behind the step, ascending; malloc'ed. */
int store_metric_points(Store *s, int64_t job, const char *name, int64_t after_step, MetricPoint **ret,
                        size_t *ret_n);
/* How many jobs of the source are running. */
int store_vigil_running(Store *s, int64_t source, unsigned *ret);
