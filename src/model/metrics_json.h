#pragma once
/* One series as [[step, value], ...]: what metrics_to_json() and the notice's richer `metrics` have in
 * common. */

#include <stddef.h>

#include <json-c/json.h>

#include "model/metrics.h"

/* max_points 0: all. A value that is not finite is null. */
int metric_series_to_json(const MetricSeries *s, size_t max_points, json_object **ret);
/* Adds what the array holds to m; entries of another shape are skipped. */
int metric_series_from_json(const char *name, json_object *curve, Metrics *m);
