/* Curves with few points. The series is cut into stretches of equal length in points, and of each one its
 * best, its worst and, if the series has any, its first value that is no number survive: a spike or a
 * divergence does not vanish. */
#include "model/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define PICKS_MAX 3U

static bool series_is_finite(const MetricSeries *s) {
        for (size_t i = 0; i < s->n_points; i++)
                if (!isfinite(s->points[i].value))
                        return false;
        return true;
}

/* The indices worth keeping of [from, to), the most important first; the same one only once. */
static size_t stretch_pick(const MetricSeries *s, size_t from, size_t to, size_t picks[static PICKS_MAX]) {
        size_t low = SIZE_MAX, high = SIZE_MAX, odd = SIZE_MAX, n = 0;

        for (size_t i = from; i < to; i++) {
                double v = s->points[i].value;
                if (!isfinite(v)) {
                        odd = MIN(odd, i);
                        continue;
                }
                if (low == SIZE_MAX || v < s->points[low].value)
                        low = i;
                if (high == SIZE_MAX || v > s->points[high].value)
                        high = i;
        }
        bool least = metric_name_is_loss(s->name);
        const size_t wanted[PICKS_MAX] = { least ? low : high, least ? high : low, odd };
        for (size_t i = 0; i < PICKS_MAX; i++)
                if (wanted[i] != SIZE_MAX && (n == 0 || wanted[i] != picks[n - 1]))
                        picks[n++] = wanted[i];
        return n;
}

static int compare_index(const void *a, const void *b) {
        size_t x = *(const size_t *) a, y = *(const size_t *) b;

        return (x > y) - (x < y);
}

/* Points between the first and the last one: fills at most `slots`, returns how many. */
static size_t series_thin(const MetricSeries *s, size_t slots, MetricPoint *to) {
        size_t each = MIN(series_is_finite(s) ? 2U : PICKS_MAX, slots);
        size_t n_stretches = each > 0 ? slots / each : 0, inner = s->n_points - 2, n = 0;

        for (size_t k = 0; k < n_stretches; k++) {
                size_t picks[PICKS_MAX];
                size_t n_picks = stretch_pick(s, 1 + inner * k / n_stretches,
                                              1 + inner * (k + 1) / n_stretches, picks);
                n_picks = MIN(n_picks, each);
                qsort(picks, n_picks, sizeof *picks, compare_index);
                for (size_t i = 0; i < n_picks; i++)
                        to[n++] = s->points[picks[i]];
        }
        return n;
}

int metric_series_downsample(const MetricSeries *s, size_t max, MetricPoint **ret, size_t *ret_n) {
        size_t n = MIN(s->n_points, max);

        MetricPoint *points = calloc(MAX(n, (size_t) 1), sizeof *points);
        if (!points)
                return -ENOMEM;
        if (n == s->n_points) {
                if (n > 0)
                        memcpy(points, s->points, n * sizeof *points);
        } else if (n == 1)
                points[0] = s->points[s->n_points - 1];
        else if (n > 1) {
                points[0] = s->points[0];
                n = 1 + series_thin(s, max - 2, points + 1);
                points[n++] = s->points[s->n_points - 1];
        }
        *ret = points;
        *ret_n = n;
        return 0;
}

int metric_series_sparkline(const MetricSeries *s, size_t width, char **ret) {
        _cleanup_free_ MetricPoint *points = NULL;
        _cleanup_(buf_done) Buf line = BUF_INIT(3 * width);
        double low = INFINITY, high = -INFINITY;
        size_t n;

        int r = metric_series_downsample(s, width, &points, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                if (isfinite(points[i].value)) {
                        low = fmin(low, points[i].value);
                        high = fmax(high, points[i].value);
                }
        for (size_t i = 0; i < n; i++) {
                double v = points[i].value;
                if (!isfinite(v)) {
                        (void) buf_puts(&line, "×");
                        continue;
                }
                /* Halves, because the difference of two finite numbers may not be finite. A flat line is
                 * drawn low. */
                double part = high > low ? (v / 2 - low / 2) / (high / 2 - low / 2) : 0;
                const char bar[] = { '\xe2', '\x96', (char) (0x81 + (int) (part * 7 + 0.5)), '\0' };
                (void) buf_puts(&line, bar);
        }
        return buf_take(&line, ret);
}
