#pragma once
/* Options back into text, as one would write them in a file. Secrets are shown as "***". */

#include "base/buf.h"
#include "base/option.h"

#define OPTION_NUMBER_MAX 32

/* Exact: the largest unit that leaves no rest ("90s", "5min", "8M", "16"). Returns buf. */
char *option_print_number(OptionType type, uint64_t v, char buf[static OPTION_NUMBER_MAX]);

/* One line per option of the table, "key = value;", behind `indent`; what is not set is a comment.
 * `settings` is the struct the offsets are of. */
int options_print(const OptionSpec *table, const void *settings, const char *indent, Buf *ret);
/* A string in double quotes with libconfig's escapes. */
int option_print_string(const char *s, Buf *ret);
