#pragma once
/* Collecting mistakes: each with its place, to be shown all at once in the order in which a person reads
 * the files. */

#include <stdarg.h>

#include "base/macro.h"
#include "config/config.h"

/* line 0: the whole file. The message is made one clean line. 0 or -ENOMEM. */
int config_errors_add(ConfigErrors *e, unsigned order, const char *file, unsigned line, const char *format,
                      ...)
        _printf_(5, 6);
int config_errors_vadd(ConfigErrors *e, unsigned order, const char *file, unsigned line, const char *format,
                       va_list ap) _printf_(5, 0);
/* By file and line; what is there twice is told once. */
void config_errors_sort(ConfigErrors *e);
