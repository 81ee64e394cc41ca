#include "api/results.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <csv.h>

#include "base/digest.h"
#include "base/strings.h"
#include "base/text.h"

typedef struct ResultReader {
        Metrics *metrics;
        char *columns[METRIC_SERIES_MAX + 1];   /* by position; NULL: not wanted */
        size_t n_columns, column;
        size_t step_column;
        bool have_step_column, in_header;
        double cells[METRIC_SERIES_MAX + 1];
        bool filled[METRIC_SERIES_MAX + 1];
        size_t n_rows;
        int error;
} ResultReader;

/* Names that files use for the events' metrics (facts from both vendors' files and documentation). */
static const char *column_name(const char *name) {
        static const char *const aliases[][2] = {
                { "train_accuracy", "train_mean_token_accuracy" },
                { "validation_loss", "valid_loss" },
                { "validation_mean_token_accuracy", "valid_mean_token_accuracy" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
                if (streq(name, aliases[i][0]))
                        return aliases[i][1];
        return name;
}

/* An unusable name keeps its place, empty: the columns behind it must not move. */
static void reader_take_header(ResultReader *r, const char *cell) {
        if (r->n_columns > METRIC_SERIES_MAX)
                return;
        if (streq(cell, "step")) {
                r->have_step_column = true;
                r->step_column = r->n_columns;
        }
        r->columns[r->n_columns] = strdup(column_name(cell));
        if (!r->columns[r->n_columns++])
                r->error = -ENOMEM;
}

/* libcsv gives a NUL-terminated copy because of CSV_APPEND_NULL. */
static void on_cell(void *cell, size_t size, void *userdata) {
        ResultReader *r = userdata;
        const char *text = cell ? cell : "";

        if (strlen(text) != size || size > METRIC_NAME_MAX)
                text = "";
        if (r->error < 0)
                return;
        if (r->in_header)
                reader_take_header(r, text);
        else if (r->column < r->n_columns)
                r->filled[r->column] = parse_double(text, &r->cells[r->column]) == 0;
        r->column++;
}

static void reader_take_row(ResultReader *r) {
        double step = r->cells[r->step_column];

        if (!r->filled[r->step_column] || !isfinite(step) || step < 0 || step > 1e15 ||
            ++r->n_rows > RESULT_ROWS_MAX)
                return;
        for (size_t i = 0; i < r->n_columns && r->error >= 0; i++)
                if (r->filled[i] && i != r->step_column && !isempty(r->columns[i]))
                        r->error = metrics_add(r->metrics, r->columns[i], (int64_t) step, r->cells[i]);
}

static void on_row(int end, void *userdata) {
        ResultReader *r = userdata;

        (void) end;
        if (r->error >= 0 && r->in_header && !r->have_step_column)
                r->error = -EBADMSG;
        if (r->error >= 0 && !r->in_header)
                reader_take_row(r);
        r->in_header = false;
        r->column = 0;
        memset(r->filled, 0, sizeof r->filled);
}

static int results_read_csv(const char *text, size_t size, Metrics **ret) {
        ResultReader reader = { .in_header = true };
        struct csv_parser parser;

        /* A byte order mark is not part of the first column's name. */
        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
                text += 3;
                size -= 3;
        }
        if (csv_init(&parser, CSV_APPEND_NULL) != 0)
                return -ENOMEM;
        int r = metrics_new(&reader.metrics);
        if (r >= 0) {
                bool ok = csv_parse(&parser, text, size, on_cell, on_row, &reader) == size &&
                          csv_fini(&parser, on_cell, on_row, &reader) == 0;
                r = reader.error < 0 ? reader.error : ok && !metrics_is_empty(reader.metrics) ? 0 : -EBADMSG;
        }
        csv_free(&parser);
        for (size_t i = 0; i < reader.n_columns; i++)
                free(reader.columns[i]);
        if (r < 0) {
                metrics_free(reader.metrics);
                return r;
        }
        *ret = reader.metrics;
        return 0;
}

/* A CSV of more than one column has a comma in its first line; base64 has none anywhere. */
static bool looks_like_base64(const char *body, size_t size) {
        const char *line_end = memchr(body, '\n', size);

        return !memchr(body, ',', line_end ? (size_t) (line_end - body) : size);
}

int results_read(const char *body, size_t size, Metrics **ret) {
        _cleanup_free_ char *decoded = NULL;
        size_t decoded_size;

        if (looks_like_base64(body, size) && base64_decode(body, size, &decoded, &decoded_size) >= 0)
                return results_read_csv(decoded, decoded_size, ret);
        return results_read_csv(body, size, ret);
}
