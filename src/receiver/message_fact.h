#pragma once
/* Facts of a message, and numbers as people read them. Used by message*.c, and the numbers by
 * ctl/. */

#include <stdint.h>

#include "receiver/message.h"

/* "1,234,567" */
#define COUNT_MAX 32U
char *format_count(int64_t v, char buf[static COUNT_MAX]);
/* Four significant digits; "NaN", "∞". */
#define NUMBER_MAX 32U
char *format_number(double v, char buf[static NUMBER_MAX]);

/* Adds a fact with a cleaned copy of value; nothing when value is NULL or empty, or the list is full. */
int facts_add(MessageFacts *f, const char *name, const char *value, size_t max_chars, FactForm form);
typedef struct FactSource {
        const char *name, *value;
        size_t max_chars;
        FactForm form;
} FactSource;
int facts_add_all(MessageFacts *f, const FactSource *sources, size_t n);
int facts_addf(MessageFacts *f, const char *name, const char *format, ...) _printf_(3, 4);
void facts_done(MessageFacts *f);

/* message_metrics.c: the facts and curves of how it went. */
int message_add_metrics(Message *m, const Metrics *metrics);
