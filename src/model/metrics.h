#pragma once
/* Metric series of a job: named series of (step, value), in step order, one value a step. Names are the
 * API's (train_loss, valid_loss, full_valid_loss, train_mean_token_accuracy, reward, ...); unknown ones are
 * kept like the known. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/macro.h"

#define METRIC_NAME_MAX 64U             /* characters; longer names are ignored */
#define METRIC_SERIES_MAX 32U           /* series a job; more are ignored */
#define METRIC_POINTS_MAX 200000U /* points a series: the longest allowed job, 720 h, at one step in 13 s   \
                                   */
#define METRIC_STEP_MAX 9007199254740992        /* 2^53: a JSON number is exact up to here */

typedef struct MetricPoint {
        int64_t step;
        double value;                   /* may be NaN or infinite: a diverged loss is news */
} MetricPoint;

typedef struct MetricSeries {
        char *name;
        MetricPoint *points;            /* ascending by step */
        size_t n_points;
        size_t capacity;
} MetricSeries;

typedef struct Metrics {
        MetricSeries *series;
        size_t n_series;
} Metrics;

int metrics_new(Metrics **ret);
Metrics *metrics_free(Metrics *m);
DEFINE_CLEANUP(Metrics, metrics_free)

/* A later value for the same step replaces the earlier. Steps usually come ascending (cheap) but need not.
 * Values over a limit above are dropped silently (0), as is a value of exactly -1 (Azure's "no value", see
 * metrics_value_is_missing). */
int metrics_add(Metrics *m, const char *name, int64_t step, double value);
/* Azure's result files and events hold -1 where there is no value (AML drops "all rows with -1 as a value").
 */
bool metrics_value_is_missing(const char *name, double value);
const MetricSeries *metrics_find(const Metrics *m, const char *name);
bool metrics_is_empty(const Metrics *m);
int64_t metrics_last_step(const Metrics *m);            /* -1 when empty */

typedef struct MetricSummary {
        MetricPoint first, last,
                best; /* best: least for losses, greatest for everything else; finite values only */
        bool has_best;
} MetricSummary;
/* false when the series is NULL or empty */
bool metric_series_summarize(const MetricSeries *s, MetricSummary *ret);
bool metric_name_is_loss(const char *name);

/* At most max points, the first and the last among them, chosen so that extremes of each stretch survive.
 * *ret has *ret_n entries, malloc'ed. */
int metric_series_downsample(const MetricSeries *s, size_t max, MetricPoint **ret, size_t *ret_n);

#define SPARKLINE_WIDTH 24U
/* U+2581..U+2588, one character a point of the downsampled series; NaN becomes "×". */
int metric_series_sparkline(const MetricSeries *s, size_t width, char **ret);

/* { "train_loss": [[step, value], ...], ... }, each series downsampled to max_points (0: all). */
int metrics_to_json(const Metrics *m, size_t max_points, json_object **ret);
int metrics_from_json(json_object *o, Metrics **ret);
