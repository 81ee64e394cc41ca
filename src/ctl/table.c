#include "ctl/table.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

#define GAP 2U                          /* columns between two cells */
#define CELLS_MAX ((size_t) 4 * 1000 * 1000)

typedef struct Cell {
        char *text;
        size_t columns;
        Style style;
} Cell;

struct Table {
        const Term *term;
        const Column *columns;
        size_t n_columns;
        size_t *widths;                 /* SIZE_MAX: hidden */
        Cell *cells;
        size_t n_cells, capacity;
        int error;
};

#define HIDDEN SIZE_MAX

int table_new(const Term *term, const Column *columns, size_t n_columns, Table **ret) {
        _cleanup_(table_freep) Table *t = calloc(1, sizeof *t);

        assert(n_columns > 0);
        if (!t)
                return -ENOMEM;
        *t = (Table) { .term = term, .columns = columns, .n_columns = n_columns };
        t->widths = calloc(n_columns, sizeof *t->widths);
        if (!t->widths)
                return -ENOMEM;
        for (size_t c = 0; c < n_columns; c++)
                if (columns[c].instead)
                        table_hide(t, c);
        *ret = TAKE_PTR(t);
        return 0;
}

Table *table_free(Table *t) {
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i].text);
        free(t->cells);
        free(t->widths);
        free(t);
        return NULL;
}

void table_hide(Table *t, size_t column) {
        assert(column < t->n_columns);
        t->widths[column] = HIDDEN;
}

static int add_cell(Table *t, Style style, const char *text) {
        _cleanup_free_ char *clean = NULL;

        if (t->n_cells == CELLS_MAX)
                return -E2BIG;
        if (t->n_cells == t->capacity) {
                size_t capacity = MAX(t->capacity * 2, (size_t) 64);
                Cell *cells = reallocarray(t->cells, capacity, sizeof *cells);
                if (!cells)
                        return -ENOMEM;
                t->cells = cells;
                t->capacity = capacity;
        }
        int r = term_clean(t->term, isempty(text) ? "-" : text, &clean);
        if (r < 0)
                return r;
        size_t columns = term_columns(t->term, clean);
        t->cells[t->n_cells++] = (Cell) { TAKE_PTR(clean), columns, isempty(text) ? STYLE_DIM : style };
        return 0;
}

void table_add(Table *t, Style style, const char *text) {
        if (t->error >= 0)
                t->error = add_cell(t, style, text);
}

void table_addf(Table *t, Style style, const char *format, ...) {
        char *text = NULL;
        va_list ap;

        if (t->error < 0)
                return;
        va_start(ap, format);
        int n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0) {
                t->error = -ENOMEM;
                return;
        }
        table_add(t, style, text);
        free(text);
}

/* --- widths ---------------------------------------------------------------------------------------- */

static bool is_shown(const Table *t, size_t column) {
        return t->widths[column] != HIDDEN;
}

static void measure(Table *t, size_t column, bool bare) {
        size_t *width = &t->widths[column];

        *width = bare ? 0 : term_columns(t->term, t->columns[column].title);
        for (size_t i = column; i < t->n_cells; i += t->n_columns)
                *width = MAX(*width, t->cells[i].columns);
}

/* What the line takes; `least`: when everything that may shrink has. */
static size_t line_width(const Table *t, bool least) {
        size_t sum = 0, n = 0;

        for (size_t c = 0; c < t->n_columns; c++) {
                if (!is_shown(t, c))
                        continue;
                size_t min = t->columns[c].width_min;
                sum += least && min > 0 ? MIN(t->widths[c], min) : t->widths[c];
                n++;
        }
        return sum + (n > 0 ? (n - 1) * GAP : 0);
}

static bool drop_one(Table *t, bool bare) {
        size_t victim = HIDDEN;

        for (size_t c = 0; c < t->n_columns; c++)
                if (is_shown(t, c) && t->columns[c].drop > 0 &&
                    (victim == HIDDEN || t->columns[c].drop > t->columns[victim].drop))
                        victim = c;
        if (victim == HIDDEN)
                return false;
        t->widths[victim] = HIDDEN;
        if (victim + 1 < t->n_columns && t->columns[victim + 1].instead)
                measure(t, victim + 1, bare);
        return true;
}

static bool shrink_one(Table *t) {
        size_t victim = HIDDEN;

        for (size_t c = 0; c < t->n_columns; c++) {
                size_t min = t->columns[c].width_min;
                if (is_shown(t, c) && min > 0 && t->widths[c] > min &&
                    (victim == HIDDEN || t->widths[c] > t->widths[victim]))
                        victim = c;
        }
        if (victim == HIDDEN)
                return false;
        t->widths[victim]--;
        return true;
}

static void fit(Table *t, size_t width, bool bare) {
        while (line_width(t, true) > width && drop_one(t, bare))
                ;
        while (line_width(t, false) > width && shrink_one(t))
                ;
}

/* --- printing -------------------------------------------------------------------------------------- */

/* `at`: the column of the screen it begins in */
static int print_cell(const Table *t, size_t column, const char *text, Style style, size_t at, bool last) {
        _cleanup_free_ char *shorter = NULL;
        size_t width = t->widths[column], columns = term_columns(t->term, text);

        if (columns > width && last && t->columns[column].wrap)
                return (t->columns[column].list ? term_put_wrapped_list : term_put_wrapped)(t->term, style,
                                                                                           text, at);
        if (columns > width) {
                int r = term_shorten(t->term, text, width, &shorter);
                if (r < 0)
                        return r;
                text = shorter;
                columns = term_columns(t->term, text);
        }
        size_t pad = width > columns ? width - columns : 0;
        if (t->columns[column].right)
                term_pad(t->term, pad);
        term_put(t->term, style, text);
        if (!last)
                term_pad(t->term, (t->columns[column].right ? 0 : pad) + GAP);
        return 0;
}

/* cells NULL: the titles */
static int print_line(const Table *t, size_t indent, const Cell *cells) {
        size_t last = 0, at = indent;

        /* No blanks at the end of a line. */
        for (size_t c = 0; c < t->n_columns; c++)
                if (is_shown(t, c) && !streq(cells ? cells[c].text : t->columns[c].title, cells ? " " : ""))
                        last = c;
        term_pad(t->term, indent);
        for (size_t c = 0; c <= last; c++) {
                if (!is_shown(t, c))
                        continue;
                int r = print_cell(t, c, cells ? cells[c].text : t->columns[c].title,
                                   cells ? cells[c].style : STYLE_STRONG, at, c == last);
                if (r < 0)
                        return r;
                at += t->widths[c] + GAP;
        }
        term_put(t->term, STYLE_NONE, "\n");
        return 0;
}

int table_print(Table *t, size_t indent, bool bare) {
        int r = t->error;

        if (r < 0)
                return r;
        assert(t->n_cells % t->n_columns == 0);
        for (size_t c = 0; c < t->n_columns; c++)
                if (is_shown(t, c))
                        measure(t, c, bare);
        if (t->term->width > 0)
                fit(t, t->term->width > indent ? t->term->width - indent : 1, bare);
        if (!bare)
                r = print_line(t, indent, NULL);
        for (size_t i = 0; r >= 0 && i < t->n_cells; i += t->n_columns)
                r = print_line(t, indent, t->cells + i);
        return r;
}
