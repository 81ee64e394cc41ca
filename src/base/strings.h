#pragma once
/* Strings beyond libc: numbers that refuse trailing junk, string vectors, globs and near-misses. */

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/macro.h"

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}
/* NULL equals NULL only. */
static inline bool streq_null(const char *a, const char *b) {
        return a && b ? streq(a, b) : a == b;
}
static inline bool isempty(const char *s) {
        return !s || !*s;
}
static inline const char *strempty(const char *s) {
        return s ? s : "";
}
/* The rest of s after prefix, or NULL. */
const char *startswith(const char *s, const char *prefix);
const char *endswith(const char *s, const char *suffix);

/* Replaces *p by a copy of s (NULL allowed); *p is untouched on -ENOMEM. */
int free_and_strdup(char **p, const char *s);
/* asprintf() with a negative errno and *ret written on success only. */
int string_printf(char **ret, const char *format, ...) _printf_(2, 3);

/* Decimal only; -EINVAL on junk, empty or leading space, -ERANGE when too large. */
int parse_uint64(const char *s, uint64_t *ret);
int parse_int64(const char *s, int64_t *ret);
/* Decimal, finite or not ("nan", "inf" are read); locale independent. */
int parse_double(const char *s, double *ret);
#define DOUBLE_TEXT_MAX 32
/* The shortest decimal text that reads back as v; locale independent. Returns buf. */
char *format_double(double v, char buf[static DOUBLE_TEXT_MAX]);

/* glibc's own "C" locale: for numbers and dates that machines read. A constant, not to be freed. */
locale_t locale_c(void);

/* NULL-terminated vectors of owned strings. */
char **strv_free(char **v);
size_t strv_length(char *const *v);
bool strv_contains(char *const *v, const char *s);
/* Appends a copy; *v may be NULL. */
int strv_extend(char ***v, const char *s);
DEFINE_CLEANUP(char *, strv_free)

/* Shell wildcard match of the whole string (* and ? and [..]), as fnmatch(3) without flags. NULL patterns
 * match everything. */
bool strv_match(char *const *patterns, const char *s);

/* How many single-character edits (with transpositions) turn a into b; for "did you mean". */
unsigned edit_distance(const char *a, const char *b);
/* The candidate (NULL-terminated list) nearest to s and near enough to be meant, or NULL. */
const char *nearest_string(const char *s, const char *const *candidates);
