#include "model/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "model/metrics_json.h"

static int array_add(json_object *array, json_object *value) {
        if (json_object_array_add(array, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

/* [step, value], appended. */
static int point_add(json_object *curve, const MetricPoint *p) {
        json_object *value;

        json_object *pair = json_object_new_array_ext(2);
        if (!pair)
                return -ENOMEM;
        json_object *step = json_object_new_int64(p->step);
        int r = step ? array_add(pair, step) : -ENOMEM;
        if (r >= 0)
                r = json_double_new(p->value, &value);
        if (r >= 0)
                r = array_add(pair, value);
        if (r < 0) {
                json_object_put(pair);
                return r;
        }
        return array_add(curve, pair);
}

int metric_series_to_json(const MetricSeries *s, size_t max_points, json_object **ret) {
        _cleanup_free_ MetricPoint *points = NULL;
        size_t n;

        int r = metric_series_downsample(s, max_points > 0 ? max_points : s->n_points, &points, &n);
        if (r < 0)
                return r;
        _cleanup_json_ json_object *curve = json_object_new_array_ext((int) MAX(n, (size_t) 1));
        if (!curve)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                r = point_add(curve, &points[i]);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(curve);
        return 0;
}

int metric_series_from_json(const char *name, json_object *curve, Metrics *m) {
        size_t n = json_object_is_type(curve, json_type_array) ? json_object_array_length(curve) : 0;

        for (size_t i = 0; i < n; i++) {
                json_object *pair = json_object_array_get_idx(curve, i);
                double step, value = NAN;
                if (!json_object_is_type(pair, json_type_array) || json_object_array_length(pair) != 2 ||
                    !json_to_double(json_object_array_get_idx(pair, 0), &step))
                        continue;
                json_object *v = json_object_array_get_idx(pair, 1);
                if (v && !json_to_double(v, &value))
                        continue;
                if (!(step >= 0 && step <= (double) METRIC_STEP_MAX) || step != trunc(step))
                        continue;
                int r = metrics_add(m, name, (int64_t) step, value);
                if (r < 0)
                        return r;
        }
        return 0;
}

int metrics_to_json(const Metrics *m, size_t max_points, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();

        if (!o)
                return -ENOMEM;
        for (size_t i = 0; m && i < m->n_series; i++) {
                json_object *curve;
                int r = metric_series_to_json(&m->series[i], max_points, &curve);
                if (r >= 0)
                        r = json_add(o, m->series[i].name, curve);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(o);
        return 0;
}

int metrics_from_json(json_object *o, Metrics **ret) {
        _cleanup_(metrics_freep) Metrics *m = NULL;

        if (!json_object_is_type(o, json_type_object))
                return -EBADMSG;
        int r = metrics_new(&m);
        if (r < 0)
                return r;
        json_object_object_foreach(o, name, curve) {
                r = metric_series_from_json(name, curve, m);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(m);
        return 0;
}
