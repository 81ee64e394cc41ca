#pragma once
/* Facts in the words of the tables: ages, stamps, numbers, and the colour of a status. */

#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/time.h"
#include "ctl/term.h"
#include "model/job.h"

#define AGE_MAX (SPAN_MAX + 8)
/* "3min ago", "in 20s", "just now"; "" for 0. Seconds are dropped from minutes on, minutes from days on.
 * Returns buf. */
char *format_age(usec_t now_usec, usec_t then_usec, char buf[static AGE_MAX]);
#define WHEN_MAX (STAMP_MAX + AGE_MAX + 8)
/* "2026-11-22 14:03:09 CET; 3min ago"; "" for 0. */
char *format_when(usec_t now_usec, usec_t then_usec, char buf[static WHEN_MAX]);
/* A span the same way. */
char *format_length(usec_t span_usec, char buf[static SPAN_MAX]);
#define VALUE_MAX 32
/* A loss or the like, in five digits: "0.4213", "1.2e-05", "NaN". */
char *format_value(double v, char buf[static VALUE_MAX]);

/* Seconds of the server's clock; 0 when unknown. */
usec_t stamp_usec(int64_t at);

Style status_style(const char *status);
Style event_level_style(EventLevel level);

/* The members of an object in one line: "n_epochs 3, batch_size 1" (" " between name and value);
 * malloc'ed. */
int format_members(json_object *o, const char *separator, char **ret);
