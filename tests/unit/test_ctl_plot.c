/* Curves against files below tests/unit/golden/plot/, and what must hold for any curve.
 * FTWATCH_UPDATE_GOLDEN=1 writes the files anew. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "base/text.h"
#include "ctl/plot.h"

#define GOLDEN_DIR "tests/unit/golden/plot"
#define POINTS_MAX 5000
#define PLOT_LIMIT ((size_t) 1 << 20)

typedef double (*curve_t)(int64_t step);

static double falling(int64_t x) {
        return 0.4 + 2.0 / (1.0 + (double) x / 20.0);
}
static double decades(int64_t x) {
        return 10.0 / (double) (x * x);
}
static double flat(int64_t x) {
        return x >= 0 ? 1.25 : 0;
}
static double zero(int64_t x) {
        return x >= 0 ? 0 : 1;
}
static double rising(int64_t x) {
        return -1.0 + (double) x / 50.0;
}
static double torn(int64_t x) {
        return x % 40 < 8 ? NAN : falling(x);
}
static double diverged(int64_t x) {
        return x > 60 ? INFINITY : falling(x);
}
static double nowhere(int64_t x) {
        return x >= 0 ? NAN : 0;
}
static double huge(int64_t x) {
        return x % 2 ? 1e308 : -1e308;
}
static double saw(int64_t x) {
        return (double) (x % 7);
}

static const struct {
        const char *name;
        size_t width, height;
        bool ascii, color;
        struct {
                curve_t curve;
                int64_t from, to, every;
        } series[3];
} cases[] = {
        { "falling", 60, 10, false, false, { { falling, 1, 100, 1 } } },
        { "falling-ascii", 60, 10, true, false, { { falling, 1, 100, 1 } } },
        { "falling-color", 40, 6, false, true, { { falling, 1, 100, 1 }, { falling, 10, 100, 30 } } },
        { "two", 60, 10, false, false, { { falling, 1, 100, 1 }, { rising, 10, 100, 10 } } },
        { "three-ascii", 60, 10, true, false, { { falling, 1, 100, 1 }, { rising, 10, 100, 10 },
                                                { flat, 20, 100, 20 } } },
        { "decades", 60, 10, false, false, { { decades, 1, 100, 1 } } },
        { "flat", 40, 6, false, false, { { flat, 1, 100, 1 } } },
        { "zero", 40, 6, false, false, { { zero, 1, 100, 1 } } },
        { "torn", 60, 8, false, false, { { torn, 1, 200, 1 } } },
        { "diverged", 60, 8, false, false, { { diverged, 1, 100, 1 } } },
        { "one-point", 40, 6, false, false, { { falling, 7, 7, 1 } } },
        { "two-points", 40, 6, false, false, { { falling, 7, 8, 1 } } },
        { "late-start", 40, 6, false, false, { { rising, 900000, 900100, 10 } } },
        { "small", 1, 1, false, false, { { falling, 1, 100, 1 } } },
        { "huge", 50, 6, false, false, { { huge, 1, 10, 1 } } },
        { "dense", 50, 8, false, false, { { saw, 1, 5000, 1 } } },
};

static void make_series(curve_t curve, int64_t from, int64_t to, int64_t every, const char *name,
                        MetricSeries *ret) {
        static MetricPoint points[4][POINTS_MAX];
        static unsigned turn;

        *ret = (MetricSeries) { .name = (char *) name, .points = points[turn++ % 4] };
        for (int64_t step = from; step <= to; step += every) {
                assert_true(ret->n_points < POINTS_MAX);
                ret->points[ret->n_points++] = (MetricPoint) { step, curve(step) };
        }
}

static char *read_file(const char *path) {
        FILE *file = fopen(path, "re");
        char *text = NULL;
        size_t size = 0;

        if (!file)
                return NULL;
        if (getdelim(&text, &size, '\0', file) < 0 && !text)
                text = strdup("");
        (void) fclose(file);
        return text;
}

static void write_file(const char *path, const char *text) {
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        (void) fputs(text, file);
        assert_int_equal(fclose(file), 0);
}

static void render_case(size_t i, Buf *ret) {
        static const char *const names[] = { "train_loss", "valid_loss", "full_valid_loss" };
        MetricSeries series[3];
        const MetricSeries *list[3];
        size_t n = 0;
        PlotOptions o = {
                .width = cases[i].width,
                .height = cases[i].height,
                .utf8 = !cases[i].ascii,
                .color = cases[i].color,
        };

        for (; n < 3 && cases[i].series[n].curve; n++) {
                make_series(cases[i].series[n].curve, cases[i].series[n].from, cases[i].series[n].to,
                            cases[i].series[n].every, names[n], &series[n]);
                list[n] = &series[n];
        }
        assert_int_equal(plot_render(&o, list, n, ret), 1);
}

static void test_golden(void **state) {
        unsigned n_wrong = 0;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                Buf b = BUF_INIT(PLOT_LIMIT);
                char path[256];
                render_case(i, &b);
                (void) snprintf(path, sizeof path, GOLDEN_DIR "/%s.txt", cases[i].name);
                if (getenv("FTWATCH_UPDATE_GOLDEN"))
                        write_file(path, buf_string(&b));
                char *should = read_file(path);
                if (!should || !streq(buf_string(&b), should)) {
                        print_error("%s gives\n%s--- but should give\n%s", path, buf_string(&b),
                                    strempty(should));
                        n_wrong++;
                }
                free(should);
                buf_done(&b);
        }
        assert_int_equal(n_wrong, 0);
}

static void test_nothing(void **state) {
        MetricSeries nan, empty = { .name = (char *) "empty" };
        const MetricSeries *list[] = { &nan, &empty };
        PlotOptions o = { .width = 60, .height = 10, .utf8 = true };
        Buf b = BUF_INIT(PLOT_LIMIT);

        (void) state;
        make_series(nowhere, 1, 100, 1, "nan", &nan);
        assert_int_equal(plot_render(&o, list, 2, &b), 0);
        assert_int_equal(plot_render(&o, list, 0, &b), 0);
        assert_int_equal(b.size, 0);
        buf_done(&b);
}

/* Random curves at every size: no line is wider than asked for, none ends in a blank, as many lines as
 * asked for; the random numbers are the same in every run. */
static void test_any(void **state) {
        unsigned seed = 4711;
        MetricPoint points[300];

        (void) state;
        for (unsigned round = 0; round < 400; round++) {
                MetricSeries s = { .name = (char *) "x", .points = points };
                const MetricSeries *list[] = { &s, &s };
                PlotOptions o = {
                        .width = 30 + (size_t) rand_r(&seed) % 100,
                        .height = 2 + (size_t) rand_r(&seed) % 30,
                        .utf8 = round % 2,
                };
                int64_t step = rand_r(&seed) % 1000;
                double range = pow(10, rand_r(&seed) % 30 - 15);
                for (size_t n = 1 + (size_t) rand_r(&seed) % 299; s.n_points < n;) {
                        step += 1 + rand_r(&seed) % 50;
                        double v = range * (rand_r(&seed) % 1000 - (int) (round % 3) * 300);
                        points[s.n_points++] = (MetricPoint) { step, rand_r(&seed) % 20 ? v : NAN };
                }
                points[0].value = 1;
                Buf b = BUF_INIT(PLOT_LIMIT);
                assert_int_equal(plot_render(&o, list, 1 + round % 2, &b), 1);
                size_t n_lines = 0;
                char *rest = b.data, *line;
                while ((line = strsep(&rest, "\n"))) {
                        if (rest)
                                n_lines++;
                        if (n_lines > 1 && text_columns(line) > MIN(o.width, (size_t) PLOT_WIDTH_MAX))
                                fail_msg("round %u: %zu columns: %s", round, o.width, line);
                        if (*line && line[strlen(line) - 1] == ' ')
                                fail_msg("round %u: a blank at the end: '%s'", round, line);
                }
                assert_int_equal(n_lines, o.height + 3);
                buf_done(&b);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden),
                cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_any),
        };

        if (!setlocale(LC_CTYPE, "C.UTF-8"))
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
