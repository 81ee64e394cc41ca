#include <errno.h>
#include <math.h>

#include "base/strings.h"
#include "base/text.h"
#include "model/metrics.h"
#include "unit/model_text.h"
#include "unit/sample.h"
#include "unit/seed.h"

static void add(Metrics *m, const char *name, int64_t step, double value) {
        assert_int_equal(metrics_add(m, name, step, value), 0);
}

static void test_add(void **state) {
        _cleanup_(metrics_freep) Metrics *m = NULL;

        (void) state;
        assert_int_equal(metrics_new(&m), 0);
        assert_true(metrics_is_empty(m));
        assert_true(metrics_is_empty(NULL));
        assert_int_equal(metrics_last_step(m), -1);
        assert_int_equal(metrics_last_step(NULL), -1);
        assert_null(metrics_find(m, "train_loss"));
        assert_null(metrics_find(NULL, "train_loss"));

        add(m, "train_loss", 10, 1.0);
        add(m, "train_loss", 30, 3.0);
        add(m, "train_loss", 20, 2.0);
        add(m, "train_loss", 0, 0.5);
        add(m, "train_loss", 30, 3.5);                          /* replaces */
        add(m, "train_loss", 10, 1.5);
        add(m, "valid_loss", 40, NAN);
        const MetricSeries *s = metrics_find(m, "train_loss");
        static const MetricPoint expected[] = { { 0, 0.5 }, { 10, 1.5 }, { 20, 2.0 }, { 30, 3.5 } };
        assert_int_equal(s->n_points, 4);
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(s->points[i].step, expected[i].step);
                assert_true(s->points[i].value == expected[i].value);
        }
        assert_int_equal(metrics_last_step(m), 40);
        assert_false(metrics_is_empty(m));
}

static void test_missing(void **state) {
        _cleanup_(metrics_freep) Metrics *m = NULL;

        (void) state;
        assert_true(metrics_value_is_missing("train_loss", -1));
        assert_true(metrics_value_is_missing("full_valid_mean_token_accuracy", -1));
        assert_true(metrics_value_is_missing("valid_loss", -1.0));
        assert_false(metrics_value_is_missing("valid_loss", -1.0000001));
        assert_false(metrics_value_is_missing("valid_loss", NAN));
        assert_false(metrics_value_is_missing("reward", -1));
        assert_int_equal(metrics_new(&m), 0);
        add(m, "valid_loss", 1, -1);
        add(m, "reward", 1, -1);
        add(m, "train_loss", -1, 0.5);
        add(m, "train_loss", INT64_MAX, 0.5);
        assert_null(metrics_find(m, "valid_loss"));
        assert_null(metrics_find(m, "train_loss"));
        assert_non_null(metrics_find(m, "reward"));
}

static void test_limits(void **state) {
        _cleanup_(metrics_freep) Metrics *m = NULL;
        char name[2 * METRIC_NAME_MAX];

        (void) state;
        assert_int_equal(metrics_new(&m), 0);
        memset(name, 'n', sizeof name);
        name[METRIC_NAME_MAX + 1] = '\0';
        add(m, name, 1, 1);
        add(m, "", 1, 1);
        add(m, "two\nlines", 1, 1);
        add(m, "esc\x1b[1m", 1, 1);
        add(m, "\xff", 1, 1);
        assert_int_equal(m->n_series, 0);
        name[METRIC_NAME_MAX] = '\0';
        add(m, name, 1, 1);
        assert_int_equal(m->n_series, 1);
        for (unsigned i = 0; i < 2 * METRIC_SERIES_MAX; i++) {
                (void) snprintf(name, sizeof name, "series_%u", i);
                add(m, name, 1, 1);
        }
        assert_int_equal(m->n_series, METRIC_SERIES_MAX);
        for (int64_t i = 0; i < METRIC_POINTS_MAX + 10; i++)
                add(m, "series_0", i, (double) i);
        const MetricSeries *s = metrics_find(m, "series_0");
        assert_int_equal(s->n_points, METRIC_POINTS_MAX);
        add(m, "series_0", 7, 0.25);                            /* what is there can still be corrected */
        assert_true(s->points[7].value == 0.25);
}

static void test_summary(void **state) {
        _cleanup_(metrics_freep) Metrics *m = NULL;
        MetricSummary sum;

        (void) state;
        assert_false(metric_series_summarize(NULL, &sum));
        assert_int_equal(metrics_new(&m), 0);
        static const double values[] = { NAN, 2, 0.5, 0.5, -INFINITY, 3, INFINITY };
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                add(m, "valid_loss", (int64_t) i * 10, values[i]);
                add(m, "reward", (int64_t) i * 10, values[i]);
        }
        add(m, "odd", 5, NAN);
        assert_true(metric_series_summarize(metrics_find(m, "valid_loss"), &sum));
        assert_true(isnan(sum.first.value) && sum.first.step == 0);
        assert_true(isinf(sum.last.value) && sum.last.step == 60);
        assert_true(sum.has_best && sum.best.value == 0.5 && sum.best.step == 20);
        assert_true(metric_series_summarize(metrics_find(m, "reward"), &sum));
        assert_true(sum.has_best && sum.best.value == 3 && sum.best.step == 50);
        assert_true(metric_series_summarize(metrics_find(m, "odd"), &sum));
        assert_false(sum.has_best);
        assert_true(metric_name_is_loss("full_valid_loss"));
        assert_false(metric_name_is_loss("train_mean_token_accuracy"));
}

static double random_value(unsigned *seed, bool odd) {
        int kind = rand_r(seed) % 12;

        if (odd && kind == 0)
                return NAN;
        if (odd && kind == 1)
                return rand_r(seed) % 2 ? INFINITY : -INFINITY;
        return (rand_r(seed) % 2001 - 1000) * pow(10, rand_r(seed) % 7 - 4);
}

/* A subset in order, first and last in it, the extremes in it from four points on, and one that is no number
 * if there is. */
static void check_downsample(const MetricSeries *s, size_t max) {
        _cleanup_free_ MetricPoint *points = NULL;
        size_t n, at = 0;
        double low = INFINITY, high = -INFINITY, kept_low = INFINITY, kept_high = -INFINITY;
        bool odd = false, kept_odd = false;

        assert_int_equal(metric_series_downsample(s, max, &points, &n), 0);
        assert_true(n <= max);
        if (s->n_points <= max)
                assert_int_equal(n, s->n_points);
        if (n == 0)
                return;
        for (size_t i = 0; i < n; i++) {
                while (at < s->n_points && s->points[at].step != points[i].step)
                        at++;
                assert_true(at < s->n_points);
                assert_memory_equal(&s->points[at].value, &points[i].value, sizeof(double));
                at++;
                kept_odd = kept_odd || !isfinite(points[i].value);
                kept_low = isfinite(points[i].value) ? fmin(kept_low, points[i].value) : kept_low;
                kept_high = isfinite(points[i].value) ? fmax(kept_high, points[i].value) : kept_high;
        }
        for (size_t i = 0; i < s->n_points; i++) {
                odd = odd || !isfinite(s->points[i].value);
                low = isfinite(s->points[i].value) ? fmin(low, s->points[i].value) : low;
                high = isfinite(s->points[i].value) ? fmax(high, s->points[i].value) : high;
        }
        assert_int_equal(points[n - 1].step, s->points[s->n_points - 1].step);
        if (max > 1)
                assert_int_equal(points[0].step, s->points[0].step);
        if (max > 3)
                assert_true(kept_low == low && kept_high == high);
        if (max > 4)
                assert_int_equal(kept_odd, odd);
        if (max >= 10 && s->n_points > max)
                assert_true(n >= max / 2);                      /* does not waste what it may use */
}

static void test_downsample(void **state) {
        unsigned seed = seed_get("downsample");

        (void) state;
        for (unsigned round = 0; round < 1500 / test_sample(); round++) {
                _cleanup_(metrics_freep) Metrics *m = NULL;
                unsigned n = (unsigned) rand_r(&seed) % (round % 10 == 0 ? 3000 : 60);
                bool odd = rand_r(&seed) % 2;
                const char *name = rand_r(&seed) % 2 ? "train_loss" : "reward";
                assert_int_equal(metrics_new(&m), 0);
                add(m, name, 0, 1);
                for (unsigned i = 0; i < n; i++)                /* in any order, some more than once */
                        add(m, name, rand_r(&seed) % (int) (4 * n), random_value(&seed, odd));
                const MetricSeries *s = metrics_find(m, name);
                for (size_t i = 1; i < s->n_points; i++)
                        assert_true(s->points[i - 1].step < s->points[i].step);
                for (size_t max = 0; max < 12; max++)
                        check_downsample(s, max);
                check_downsample(s, 40);
                check_downsample(s, s->n_points);

                /* Thinning what was thinned changes nothing. */
                _cleanup_json_ json_object *once = NULL, *twice = NULL;
                _cleanup_(metrics_freep) Metrics *thin = NULL;
                assert_int_equal(metrics_to_json(m, 40, &once), 0);
                assert_int_equal(metrics_from_json(once, &thin), 0);
                assert_int_equal(metrics_to_json(thin, 40, &twice), 0);
                _cleanup_free_ char *a = text_of(once), *b = text_of(twice);
                assert_string_equal(a, b);
        }
}

static void test_sparkline(void **state) {
        static const struct {
                size_t n;
                double values[9];
                const char *line;
        } cases[] = {
                { 8, { 0, 1, 2, 3, 4, 5, 6, 7 }, "▁▂▃▄▅▆▇█" },
                { 3, { 9, 5, 1 }, "█▅▁" },
                { 2, { 2, 2 }, "▁▁" },
                { 1, { 2 }, "▁" },
                { 4, { 2, NAN, INFINITY, 1 }, "█××▁" },
                { 2, { NAN, NAN }, "××" },
                { 3, { -1.7e308, 0, 1.7e308 }, "▁▅█" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_(metrics_freep) Metrics *m = NULL;
                _cleanup_free_ char *line = NULL;
                assert_int_equal(metrics_new(&m), 0);
                for (size_t k = 0; k < cases[i].n; k++)
                        add(m, "reward", (int64_t) k, cases[i].values[k]);
                assert_int_equal(metric_series_sparkline(metrics_find(m, "reward"), SPARKLINE_WIDTH, &line),
                                 0);
                assert_string_equal(line, cases[i].line);
        }

        _cleanup_(metrics_freep) Metrics *m = NULL;
        assert_int_equal(metrics_new(&m), 0);
        for (int64_t k = 0; k < 825; k++)
                add(m, "train_loss", k * 10, exp((double) -k / 100));
        for (size_t width = 0; width <= SPARKLINE_WIDTH; width++) {
                _cleanup_free_ char *line = NULL;
                assert_int_equal(metric_series_sparkline(metrics_find(m, "train_loss"), width, &line), 0);
                assert_true(utf8_length(line) <= width);
                if (width > 1)
                        assert_non_null(startswith(line, "█"));
                if (width > 0)
                        assert_non_null(endswith(line, "▁"));
        }
}

static void test_json(void **state) {
        _cleanup_json_ json_object *o = NULL, *odd = NULL, *whole = NULL;
        _cleanup_(metrics_freep) Metrics *m = NULL, *back = NULL;

        (void) state;
        assert_int_equal(metrics_new(&m), 0);
        add(m, "train_loss", 1, 0.1);
        add(m, "train_loss", 2, NAN);
        add(m, "train_loss", 3, 3.814697265625E-06);
        add(m, "reward", 100, -1);
        assert_int_equal(metrics_to_json(m, 0, &o), 0);
        _cleanup_free_ char *text = text_of(o);
        assert_string_equal(
                text, "{\"train_loss\":[[1,0.1],[2,null],[3,3.814697265625e-06]],\"reward\":[[100,-1]]}");
        assert_int_equal(metrics_from_json(o, &back), 0);
        assert_true(isnan(metrics_find(back, "train_loss")->points[1].value));
        assert_int_equal(metrics_to_json(back, 0, &whole), 0);
        _cleanup_free_ char *again = text_of(whole);
        assert_string_equal(text, again);

        Metrics *none = NULL;
        assert_int_equal(metrics_from_json(NULL, &none), -EBADMSG);
        _cleanup_json_ json_object *list = json_of("[[1,2]]");
        assert_int_equal(metrics_from_json(list, &none), -EBADMSG);
        assert_null(none);
        odd = json_of(
                "{\"a\":null,\"b\":{},\"c\":[1,[2],[3,4,5],[-1,2],[1.5,2],[1e300,2],[\"6\","
                "\"0.5\"],[7,{}],[null,1],[NaN,1]]}");
        assert_int_equal(metrics_from_json(odd, &none), 0);
        assert_int_equal(metrics_find(none, "c")->n_points, 1);
        assert_int_equal(metrics_last_step(none), 6);
        metrics_free(none);
        assert_null(metrics_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_add),        cmocka_unit_test(test_missing),
                cmocka_unit_test(test_limits),     cmocka_unit_test(test_summary),
                cmocka_unit_test(test_downsample), cmocka_unit_test(test_sparkline),
                cmocka_unit_test(test_json),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
