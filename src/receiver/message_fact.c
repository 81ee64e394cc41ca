#include "receiver/message_fact.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/strings.h"
#include "base/text.h"

char *format_count(int64_t v, char buf[static COUNT_MAX]) {
        char digits[COUNT_MAX];
        int n = snprintf(digits, sizeof digits, "%" PRId64, v);
        size_t at = 0;

        for (int i = 0; i < n; i++) {
                buf[at++] = digits[i];
                if (digits[i] != '-' && i + 1 < n && (n - i - 1) % 3 == 0)
                        buf[at++] = ',';
        }
        buf[at] = '\0';
        return buf;
}

char *format_number(double v, char buf[static NUMBER_MAX]) {
        if (isnan(v))
                (void) snprintf(buf, NUMBER_MAX, "NaN");
        else if (isinf(v))
                (void) snprintf(buf, NUMBER_MAX, "%s\xe2\x88\x9e", v < 0 ? "-" : "");
        else
                (void) snprintf(buf, NUMBER_MAX, "%.4g", v);
        return buf;
}

int facts_add(MessageFacts *f, const char *name, const char *value, size_t max_chars, FactForm form) {
        if (isempty(value) || f->n == MESSAGE_FACTS_MAX)
                return 0;
        char *clean = text_clean(value, max_chars, false);
        if (!clean)
                return -ENOMEM;
        f->list[f->n++] = (MessageFact) { .name = name, .value = clean, .form = form };
        return 0;
}

int facts_add_all(MessageFacts *f, const FactSource *sources, size_t n) {
        for (size_t i = 0; i < n; i++) {
                const FactSource *s = sources + i;
                int r = facts_add(f, s->name, s->value, s->max_chars, s->form);
                if (r < 0)
                        return r;
        }
        return 0;
}

int facts_addf(MessageFacts *f, const char *name, const char *format, ...) {
        _cleanup_free_ char *s = NULL;
        va_list ap;

        va_start(ap, format);
        int n = vasprintf(&s, format, ap);
        va_end(ap);
        if (n < 0) {
                s = NULL;       /* undefined after a failure */
                return -ENOMEM;
        }
        return facts_add(f, name, s, MESSAGE_VALUE_MAX, FACT_PLAIN);
}

void facts_done(MessageFacts *f) {
        for (size_t i = 0; i < f->n; i++)
                free(f->list[i].value);
        f->n = 0;
}
