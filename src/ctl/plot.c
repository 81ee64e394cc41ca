/* The area is a grid of characters, each of 2 x 4 dots: the line is drawn in dots, marks take whole
 * characters. A line goes from point to point, column of dots by column of dots, so that a steep fall is
 * not torn. */

#include "ctl/plot.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

#define DOTS_X 2U
#define DOTS_Y 4U
#define LABEL_MAX 32
#define LOG_DECADES 2.0

typedef struct Axis {
        double min, max;                /* of the scaled values; min < max */
        double unit;                    /* values are divided by it first: 1, unless their range overflows */
        bool log;
} Axis;

typedef struct Plot {
        const PlotOptions *options;
        size_t columns, rows;           /* characters of the area */
        Axis y;
        int64_t x_min, x_max;
        uint8_t *dots;                  /* braille bits of each character */
        uint8_t *marks;                 /* 0, or the number of the series from 1 */
        size_t n_odd[PLOT_SERIES_MAX];  /* values that are not finite */
        size_t n_points;                /* finite ones */
} Plot;

static const struct {
        const char *utf8, *ascii, *color;
} marks[PLOT_SERIES_MAX] = {
        { "\u28ff", "*", "36" },
        { "\u25cb", "o", "33" },
        { "\u25b3", "^", "35" },
        { "\u25c7", "x", "32" },
};

static double scale(const Axis *a, double v) {
        return a->log ? log10(v) : v / a->unit;
}

static void plot_done(Plot *p) {
        free(p->dots);
        free(p->marks);
}

/* --- ranges ---------------------------------------------------------------------------------------- */

static void find_ranges(Plot *p, const MetricSeries *const *series, size_t n_series) {
        double min = INFINITY, max = -INFINITY;

        p->x_min = INT64_MAX;
        p->x_max = INT64_MIN;
        for (size_t s = 0; s < n_series; s++)
                for (size_t i = 0; i < series[s]->n_points; i++) {
                        const MetricPoint *point = &series[s]->points[i];
                        if (!isfinite(point->value)) {
                                p->n_odd[s]++;
                                continue;
                        }
                        p->n_points++;
                        min = fmin(min, point->value);
                        max = fmax(max, point->value);
                        p->x_min = MIN(p->x_min, point->step);
                        p->x_max = MAX(p->x_max, point->step);
                }
        if (p->n_points == 0)
                return;
        p->y.unit = isfinite(max - min) ? 1 : fmax(fabs(min), fabs(max));
        p->y.log = min > 0 && log10(max) - log10(min) > LOG_DECADES;
        p->y.min = scale(&p->y, min);
        p->y.max = scale(&p->y, max);
        if (!(p->y.max - p->y.min > fabs(p->y.max) * 1e-12)) {
                /* A flat line runs through the middle. */
                double room = p->y.max != 0 ? fabs(p->y.max) * 0.5 : 1;
                p->y.min -= room;
                p->y.max += room;
        }
}

/* 0 .. n - 1 */
static size_t place(double v, double min, double max, size_t n) {
        double at = (v - min) / (max - min) * (double) (n - 1) + 0.5;
        return at <= 0 ? 0 : MIN((size_t) at, n - 1);
}

static size_t place_x(const Plot *p, int64_t step, size_t n) {
        if (p->x_max == p->x_min)
                return n / 2;
        return place((double) step, (double) p->x_min, (double) p->x_max, n);
}

/* From the top. */
static size_t place_y(const Plot *p, double v, size_t n) {
        return n - 1 - place(scale(&p->y, v), p->y.min, p->y.max, n);
}

/* --- drawing --------------------------------------------------------------------------------------- */

static void set_dot(Plot *p, size_t x, size_t y) {
        /* U+2800 + bits; the fourth row came to braille later, hence the order */
        static const uint8_t bits[DOTS_Y][DOTS_X] = {
                { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 },
        };

        p->dots[y / DOTS_Y * p->columns + x / DOTS_X] |= bits[y % DOTS_Y][x % DOTS_X];
}

static void draw_segment(Plot *p, size_t x0, size_t y0, size_t x1, size_t y1) {
        size_t last = y0;

        for (size_t x = x0; x <= x1; x++) {
                double part = x1 > x0 ? (double) (x - x0) / (double) (x1 - x0) : 1;
                size_t y = (size_t) ((double) y0 + ((double) y1 - (double) y0) * part + 0.5);
                for (size_t from = MIN(last, y), to = MAX(last, y); from <= to; from++)
                        set_dot(p, x, from);
                last = y;
        }
}

static void draw_line(Plot *p, const MetricSeries *s) {
        size_t width = p->columns * DOTS_X, height = p->rows * DOTS_Y, last_x = 0, last_y = 0;
        bool pen_down = false;

        for (size_t i = 0; i < s->n_points; i++) {
                if (!isfinite(s->points[i].value)) {
                        pen_down = false;
                        continue;
                }
                size_t x = place_x(p, s->points[i].step, width), y = place_y(p, s->points[i].value, height);
                if (pen_down)
                        draw_segment(p, last_x, last_y, x, y);
                else
                        set_dot(p, x, y);
                last_x = x;
                last_y = y;
                pen_down = true;
        }
}

/* One mark a column, the last of it: a dense series would else hide what is below. */
static void draw_marks(Plot *p, const MetricSeries *s, uint8_t number) {
        size_t column = SIZE_MAX, row = 0;

        for (size_t i = 0; i <= s->n_points; i++) {
                if (i < s->n_points && !isfinite(s->points[i].value))
                        continue;
                size_t at = i < s->n_points ? place_x(p, s->points[i].step, p->columns) : SIZE_MAX;
                if (column != SIZE_MAX && at != column)
                        p->marks[row * p->columns + column] = number;
                column = at;
                if (i < s->n_points)
                        row = place_y(p, s->points[i].value, p->rows);
        }
}

/* --- text ------------------------------------------------------------------------------------------ */

static void put_color(const Plot *p, Buf *ret, size_t series, const char *text) {
        if (p->options->color)
                (void) buf_printf(ret, "\033[%sm%s\033[0m", marks[series].color, text);
        else
                (void) buf_puts(ret, text);
}

/* Which series a character belongs to; blanks belong to none. */
static size_t series_at(const Plot *p, size_t at) {
        return p->marks[at] ? p->marks[at] - 1U : p->dots[at] ? 0 : SIZE_MAX;
}

static void put_char(const Plot *p, Buf *ret, size_t at) {
        bool utf8 = p->options->utf8;
        size_t series = series_at(p, at);

        if (series == SIZE_MAX)
                (void) buf_putc(ret, ' ');
        else if (p->marks[at] || !utf8)
                (void) buf_puts(ret, utf8 ? marks[series].utf8 : marks[series].ascii);
        else {
                const unsigned c = 0x2800U + p->dots[at];
                const char text[] = { (char) (0xe0 | c >> 12), (char) (0x80 | (c >> 6 & 0x3f)),
                                      (char) (0x80 | (c & 0x3f)), '\0' };
                (void) buf_puts(ret, text);
        }
}

/* One colour code a stretch, not a character. */
static void put_row(const Plot *p, Buf *ret, size_t start, size_t end) {
        size_t color = SIZE_MAX;

        for (size_t at = start; at < end; at++) {
                size_t series = series_at(p, at);
                if (p->options->color && series != SIZE_MAX && series != color)
                        (void) buf_printf(ret, "\033[%sm", marks[color = series].color);
                put_char(p, ret, at);
        }
        (void) buf_puts(ret, color != SIZE_MAX ? "\033[0m\n" : "\n");
}

/* As many digits behind the point as tell two labels apart. */
static void format_label(const Plot *p, double scaled, char ret[static LABEL_MAX]) {
        double v = p->y.log ? pow(10, scaled) : scaled * p->y.unit;
        double step = (p->y.max - p->y.min) * p->y.unit / (double) MAX(p->rows - 1, (size_t) 5);
        double digits = ceil(-log10(step));     /* -inf for a range that overflows */

        if (p->y.log || fabs(v) >= 1e6 || digits > 5)
                (void) snprintf(ret, LABEL_MAX, "%.2g", v);
        else
                (void) snprintf(ret, LABEL_MAX, "%.*f", digits > 0 ? (int) digits : 0, v);
}

static double label_value(const Plot *p, size_t row) {
        if (p->rows == 1)
                return p->y.max;
        return p->y.max - (p->y.max - p->y.min) * (double) row / (double) (p->rows - 1);
}

static bool has_label(const Plot *p, size_t row) {
        size_t every = p->rows > 8 ? 4 : 2;
        /* Never two in neighbouring lines. */
        return row == 0 || row + 1 == p->rows || (row % every == 0 && row + 2 < p->rows);
}

static size_t label_width(const Plot *p) {
        size_t width = 0;

        for (size_t row = 0; row < p->rows; row++) {
                char label[LABEL_MAX];
                if (!has_label(p, row))
                        continue;
                format_label(p, label_value(p, row), label);
                width = MAX(width, strlen(label));
        }
        return width;
}

static void put_legend(const Plot *p, const MetricSeries *const *series, size_t n_series, size_t margin,
                       Buf *ret) {
        (void) buf_printf(ret, "%*s", (int) margin + 2, "");
        for (size_t i = 0; i < n_series; i++) {
                (void) buf_puts(ret, i > 0 ? "   " : "");
                put_color(p, ret, i, p->options->utf8 ? marks[i].utf8 : marks[i].ascii);
                (void) buf_printf(ret, " %s", series[i]->name);
                if (p->n_odd[i] > 0)
                        (void) buf_printf(ret, " (%zu not finite)", p->n_odd[i]);
        }
        (void) buf_puts(ret, p->y.log ? "   log scale\n" : "\n");
}

static void put_area(const Plot *p, size_t margin, Buf *ret) {
        bool utf8 = p->options->utf8;

        for (size_t row = 0; row < p->rows; row++) {
                char label[LABEL_MAX] = "";
                bool labelled = has_label(p, row);
                if (labelled)
                        format_label(p, label_value(p, row), label);
                const char *axis = utf8 ? labelled ? "\u2524" : "\u2502" : labelled ? "+" : "|";
                (void) buf_printf(ret, "%*s %s", (int) margin, label, axis);
                /* No blanks at the end of a line. */
                size_t start = row * p->columns, end = start + p->columns;
                while (end > start && !p->dots[end - 1] && !p->marks[end - 1])
                        end--;
                put_row(p, ret, start, end);
        }
}

/* First, middle and last step below the axis, where there is room for them. */
static void put_axis(const Plot *p, size_t margin, Buf *ret) {
        bool utf8 = p->options->utf8;
        char first[LABEL_MAX], middle[LABEL_MAX], last[LABEL_MAX];
        int64_t half = p->x_min + (p->x_max - p->x_min) / 2;

        (void) buf_printf(ret, "%*s %s", (int) margin, "", utf8 ? "\u2514" : "+");
        for (size_t i = 0; i < p->columns; i++)
                (void) buf_puts(ret, utf8 ? "\u2500" : "-");
        (void) snprintf(first, sizeof first, "step %lld", (long long) p->x_min);
        (void) snprintf(middle, sizeof middle, "%lld", (long long) half);
        (void) snprintf(last, sizeof last, "%lld", (long long) p->x_max);
        (void) buf_printf(ret, "\n%*s", (int) margin + 2, "");
        if (p->x_max == p->x_min) {
                (void) buf_printf(ret, "%*s%s\n", (int) (p->columns / 2), "", first);
                return;
        }
        size_t used = strlen(first), at = place_x(p, half, p->columns) - strlen(middle) / 2;
        (void) buf_puts(ret, first);
        if (half > p->x_min && at > used + 1 && at + strlen(middle) + strlen(last) + 2 < p->columns) {
                (void) buf_printf(ret, "%*s%s", (int) (at - used), "", middle);
                used = at + strlen(middle);
        }
        size_t pad = p->columns > used + strlen(last) ? p->columns - used - strlen(last) : 1;
        (void) buf_printf(ret, "%*s%s\n", (int) pad, "", last);
}

int plot_render(const PlotOptions *o, const MetricSeries *const *series, size_t n_series, Buf *ret) {
        _cleanup_(plot_done) Plot p = { .options = o };
        size_t width = MIN(MAX(o->width, PLOT_WIDTH_MIN), PLOT_WIDTH_MAX);

        assert(n_series <= PLOT_SERIES_MAX);
        p.rows = MIN(MAX(o->height, (size_t) 2), PLOT_HEIGHT_MAX);
        find_ranges(&p, series, n_series);
        if (p.n_points == 0)
                return 0;
        size_t margin = label_width(&p);
        p.columns = width > margin + 2 ? width - margin - 2 : 1;
        p.dots = calloc(p.rows, p.columns);
        p.marks = calloc(p.rows, p.columns);
        if (!p.dots || !p.marks)
                return -ENOMEM;
        for (size_t i = 0; i < n_series; i++)
                if (i == 0)
                        draw_line(&p, series[i]);
                else
                        draw_marks(&p, series[i], (uint8_t) (i + 1));
        put_legend(&p, series, n_series, margin, ret);
        put_area(&p, margin, ret);
        put_axis(&p, margin, ret);
        return ret->error < 0 ? ret->error : 1;
}
