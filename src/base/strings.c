#include "base/strings.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *startswith(const char *s, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

const char *endswith(const char *s, const char *suffix) {
        size_t n = strlen(s), m = strlen(suffix);

        return n >= m && streq(s + n - m, suffix) ? s + n - m : NULL;
}

int free_and_strdup(char **p, const char *s) {
        char *copy = NULL;

        if (s && !(copy = strdup(s)))
                return -ENOMEM;
        free(*p);
        *p = copy;
        return 0;
}

int string_printf(char **ret, const char *format, ...) {
        va_list ap;
        char *s;

        va_start(ap, format);
        int n = vasprintf(&s, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        *ret = s;
        return 0;
}

int parse_uint64(const char *s, uint64_t *ret) {
        char *end;

        if (!isdigit((unsigned char) *s))
                return -EINVAL;
        errno = 0;
        unsigned long long v = strtoull(s, &end, 10);
        if (errno > 0)
                return -errno;
        if (*end)
                return -EINVAL;
        *ret = v;
        return 0;
}

int parse_int64(const char *s, int64_t *ret) {
        bool negative = *s == '-';
        uint64_t v;

        int r = parse_uint64(s + negative, &v);
        if (r < 0)
                return r;
        if (v > (uint64_t) INT64_MAX + negative)
                return -ERANGE;
        *ret = (int64_t) (negative ? 0 - v : v);        /* modular: -2^63 has no positive counterpart */
        return 0;
}

/* glibc makes this one without memory: it cannot fail. */
locale_t locale_c(void) {
        return newlocale(LC_ALL_MASK, "C", (locale_t) 0);
}

int parse_double(const char *s, double *ret) {
        char *end;

        /* strtod() would also take leading space and hexadecimal digits. */
        if (!*s || isspace((unsigned char) *s) || strpbrk(s, "xX("))
                return -EINVAL;
        double v = strtod_l(s, &end, locale_c());
        if (*end)
                return -EINVAL;
        *ret = v;
        return 0;
}

char *format_double(double v, char buf[static DOUBLE_TEXT_MAX]) {
        locale_t before = uselocale(locale_c());
        double back;

        if (fpclassify(v) == FP_ZERO)
                v = 0;                                  /* "-0" reads back as an integer without a sign */
        for (int digits = 15; digits <= 17; digits++) {
                (void) snprintf(buf, DOUBLE_TEXT_MAX, "%.*g", digits, v);
                if (parse_double(buf, &back) == 0 && !islessgreater(back, v))
                        break;
        }
        (void) uselocale(before);
        return buf;
}

char **strv_free(char **v) {
        for (char **p = v; p && *p; p++)
                free(*p);
        free(v);
        return NULL;
}

size_t strv_length(char *const *v) {
        size_t n = 0;

        while (v && v[n])
                n++;
        return n;
}

bool strv_contains(char *const *v, const char *s) {
        for (; v && *v; v++)
                if (streq(*v, s))
                        return true;
        return false;
}

int strv_extend(char ***v, const char *s) {
        size_t n = strv_length(*v);
        _cleanup_free_ char *copy = strdup(s);

        if (!copy)
                return -ENOMEM;
        char **grown = reallocarray(*v, n + 2, sizeof(char *));
        if (!grown)
                return -ENOMEM;
        grown[n] = TAKE_PTR(copy);
        grown[n + 1] = NULL;
        *v = grown;
        return 0;
}

bool strv_match(char *const *patterns, const char *s) {
        if (!patterns)
                return true;
        for (; *patterns; patterns++)
                if (fnmatch(*patterns, s, 0) == 0)
                        return true;
        return false;
}

#define EDIT_LENGTH_MAX 40U

static bool same_letter(char a, char b) {
        return tolower((unsigned char) a) == tolower((unsigned char) b);
}

unsigned edit_distance(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b);
        unsigned rows[3][EDIT_LENGTH_MAX + 1] = {};     /* the row before last, the last, the current one */

        if (n > EDIT_LENGTH_MAX || m > EDIT_LENGTH_MAX)
                return UINT32_MAX;
        for (size_t j = 0; j <= m; j++)
                rows[1][j] = (unsigned) j;
        memcpy(rows[0], rows[1], sizeof rows[0]);
        for (size_t i = 1; i <= n; i++) {
                rows[2][0] = (unsigned) i;
                for (size_t j = 1; j <= m; j++) {
                        bool same = same_letter(a[i - 1], b[j - 1]);
                        unsigned best = MIN(MIN(rows[1][j], rows[2][j - 1]) + 1, rows[1][j - 1] + !same);
                        if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                            same_letter(a[i - 2], b[j - 1]))
                                best = MIN(best, rows[0][j - 2] + 1);
                        rows[2][j] = best;
                }
                memcpy(rows[0], rows[1], sizeof rows[0]);
                memcpy(rows[1], rows[2], sizeof rows[1]);
        }
        return rows[1][m];
}

const char *nearest_string(const char *s, const char *const *candidates) {
        const char *best = NULL;
        unsigned least = UINT32_MAX;

        for (; *candidates; candidates++) {
                unsigned d = edit_distance(s, *candidates);
                if (d < least) {
                        least = d;
                        best = *candidates;
                }
        }
        /* A third of the letters wrong is a slip; more is another word. */
        return best && least <= MAX(strlen(s), (size_t) 3) / 3 ? best : NULL;
}
