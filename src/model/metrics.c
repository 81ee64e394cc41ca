#include "model/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "base/text.h"

int metrics_new(Metrics **ret) {
        Metrics *m = calloc(1, sizeof *m);

        if (!m)
                return -ENOMEM;
        *ret = m;
        return 0;
}

Metrics *metrics_free(Metrics *m) {
        if (!m)
                return NULL;
        for (size_t i = 0; i < m->n_series; i++) {
                free(m->series[i].name);
                free(m->series[i].points);
        }
        free(m->series);
        free(m);
        return NULL;
}

bool metric_name_is_loss(const char *name) {
        return strcasestr(name, "loss");
}

bool metrics_value_is_missing(const char *name, double value) {
        /* A reward of -1 is a value. */
        return value == -1 && (metric_name_is_loss(name) || strcasestr(name, "accuracy"));
}

static MetricSeries *series_find(const Metrics *m, const char *name) {
        for (size_t i = 0; i < m->n_series; i++)
                if (streq(m->series[i].name, name))
                        return &m->series[i];
        return NULL;
}

const MetricSeries *metrics_find(const Metrics *m, const char *name) {
        return m ? series_find(m, name) : NULL;
}

bool metrics_is_empty(const Metrics *m) {
        for (size_t i = 0; m && i < m->n_series; i++)
                if (m->series[i].n_points > 0)
                        return false;
        return true;
}

int64_t metrics_last_step(const Metrics *m) {
        int64_t last = -1;

        for (size_t i = 0; m && i < m->n_series; i++) {
                const MetricSeries *s = &m->series[i];
                if (s->n_points > 0)
                        last = MAX(last, s->points[s->n_points - 1].step);
        }
        return last;
}

/* Names are shown in tables and written to JSON: one that had to be cleaned for that is not the API's. */
static bool name_is_usable(const char *name) {
        _cleanup_free_ char *clean = NULL;

        if (!*name || strlen(name) > 4 * METRIC_NAME_MAX || utf8_length(name) > METRIC_NAME_MAX)
                return false;
        clean = text_clean(name, METRIC_NAME_MAX, false);
        return clean && streq(clean, name);
}

/* *ret is NULL when the name is over a limit. */
static int series_make(Metrics *m, const char *name, MetricSeries **ret) {
        if (m->n_series >= METRIC_SERIES_MAX || !name_is_usable(name)) {
                *ret = NULL;
                return 0;
        }
        MetricSeries *grown = reallocarray(m->series, m->n_series + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        m->series = grown;
        char *copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        m->series[m->n_series] = (MetricSeries) { .name = copy };
        *ret = &m->series[m->n_series++];
        return 0;
}

/* The place of the first point at or behind the step. */
static size_t series_bisect(const MetricSeries *s, int64_t step) {
        size_t low = 0, high = s->n_points;

        if (high == 0 || s->points[high - 1].step < step)
                return high;                    /* the usual case */
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (s->points[middle].step < step)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int series_grow(MetricSeries *s) {
        if (s->n_points < s->capacity)
                return 0;
        size_t capacity = s->capacity > 0 ? s->capacity * 2 : 16;
        MetricPoint *grown = reallocarray(s->points, capacity, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        s->points = grown;
        s->capacity = capacity;
        return 0;
}

int metrics_add(Metrics *m, const char *name, int64_t step, double value) {
        MetricSeries *s = series_find(m, name);
        int r;

        if (step < 0 || step > METRIC_STEP_MAX || metrics_value_is_missing(name, value))
                return 0;
        if (!s) {
                r = series_make(m, name, &s);
                if (r < 0 || !s)
                        return r;
        }
        size_t at = series_bisect(s, step);
        if (at < s->n_points && s->points[at].step == step) {
                s->points[at].value = value;
                return 0;
        }
        if (s->n_points >= METRIC_POINTS_MAX)
                return 0;
        r = series_grow(s);
        if (r < 0)
                return r;
        memmove(s->points + at + 1, s->points + at, (s->n_points - at) * sizeof *s->points);
        s->points[at] = (MetricPoint) { .step = step, .value = value };
        s->n_points++;
        return 0;
}

bool metric_series_summarize(const MetricSeries *s, MetricSummary *ret) {
        MetricSummary sum = {};

        if (!s || s->n_points == 0)
                return false;
        bool least = metric_name_is_loss(s->name);
        sum.first = s->points[0];
        sum.last = s->points[s->n_points - 1];
        for (size_t i = 0; i < s->n_points; i++) {
                double v = s->points[i].value;
                if (!isfinite(v))
                        continue;
                if (sum.has_best && (least ? v >= sum.best.value : v <= sum.best.value))
                        continue;
                sum.best = s->points[i];
                sum.has_best = true;
        }
        *ret = sum;
        return true;
}
