#include "config/errors.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/strings.h"
#include "base/text.h"

#define ERRORS_MAX 200U                 /* more help nobody, and the configuration is refused anyway */
#define MESSAGE_CHARS_MAX 1000U

void config_errors_done(ConfigErrors *e) {
        for (size_t i = 0; i < e->n; i++) {
                free(e->list[i].where);
                free(e->list[i].message);
        }
        free(e->list);
        *e = (ConfigErrors) {};
}

int config_errors_vadd(ConfigErrors *e, unsigned order, const char *file, unsigned line, const char *format,
                       va_list ap) {
        _cleanup_free_ char *raw = NULL, *message = NULL, *place = NULL, *where = NULL;

        if (e->n >= ERRORS_MAX)
                return 0;
        if (vasprintf(&raw, format, ap) < 0) {
                raw = NULL;
                return -ENOMEM;
        }
        int r = line > 0 ? string_printf(&place, "%s:%u", file, line) : string_printf(&place, "%s", file);
        if (r < 0)
                return r;
        message = text_clean(raw, MESSAGE_CHARS_MAX, false);
        where = text_clean(place, MESSAGE_CHARS_MAX, false);
        if (!message || !where)
                return -ENOMEM;
        ConfigError *grown = reallocarray(e->list, e->n + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        e->list = grown;
        e->list[e->n++] = (ConfigError) {
                .where = TAKE_PTR(where), .message = TAKE_PTR(message), .order = order, .line = line,
        };
        return 0;
}

int config_errors_add(ConfigErrors *e, unsigned order, const char *file, unsigned line, const char *format,
                      ...) {
        va_list ap;

        va_start(ap, format);
        int r = config_errors_vadd(e, order, file, line, format, ap);
        va_end(ap);
        return r;
}

static int compare_errors(const void *a, const void *b) {
        const ConfigError *x = a, *y = b;

        if (x->order != y->order)
                return x->order < y->order ? -1 : 1;
        if (x->line != y->line)
                return x->line < y->line ? -1 : 1;
        return strcmp(x->message, y->message);
}

void config_errors_sort(ConfigErrors *e) {
        size_t n = 0;

        if (e->n > 1)
                qsort(e->list, e->n, sizeof *e->list, compare_errors);
        /* Two wrong elements of one list are one mistake to whoever reads. */
        for (size_t i = 0; i < e->n; i++) {
                if (n > 0 && compare_errors(&e->list[n - 1], &e->list[i]) == 0) {
                        free(e->list[i].where);
                        free(e->list[i].message);
                        continue;
                }
                e->list[n++] = e->list[i];
        }
        e->n = n;
}
