#pragma once
/* Curves in a terminal: the first series as a line of dots (braille, four by two a character), others as
 * marks on top of it, with axes. Pure: text out, nothing is asked of the terminal. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "model/metrics.h"

#define PLOT_SERIES_MAX 4U
#define PLOT_WIDTH_MIN 30U
#define PLOT_WIDTH_MAX 120U             /* wider says no more */
#define PLOT_HEIGHT_MAX 60U

typedef struct PlotOptions {
        size_t width, height;           /* characters of the whole picture; lines of the curve itself */
        bool utf8;                      /* else ASCII */
        bool color;
} PlotOptions;

/* Appends the picture, every line ending in a newline: a legend, `height` lines of curve, the axis and
 * its labels. Logarithmic when all values are above 0 and span more than two decades. Values that are not
 * finite leave a gap and are counted in the legend. Returns 0 when there is nothing to draw, 1 when
 * drawn. */
int plot_render(const PlotOptions *o, const MetricSeries *const *series, size_t n_series, Buf *ret);
