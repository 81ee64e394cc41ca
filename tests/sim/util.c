#include "util.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(void) {
        static const char text[] = "ftsim: out of memory\n";
        (void) fputs(text, stderr);
        exit(70);
}

void *must_calloc(size_t n, size_t size) {
        void *p = calloc(n > 0 ? n : 1, size);
        if (!p)
                out_of_memory();
        return p;
}

void *must_realloc(void *p, size_t n, size_t size) {
        void *q = reallocarray(p, n > 0 ? n : 1, size);
        if (!q)
                out_of_memory();
        return q;
}

char *must_strdup(const char *s) {
        if (!s)
                return NULL;
        char *copy = strdup(s);
        if (!copy)
                out_of_memory();
        return copy;
}

char *must_printf(const char *format, ...) {
        char *s = NULL;
        va_list ap;

        va_start(ap, format);
        int r = vasprintf(&s, format, ap);
        va_end(ap);
        if (r < 0)
                out_of_memory();
        return s;
}

void string_freep(char **p) {
        free(*p);
}

/* splitmix64 (Steele, Lea, Flood 2014): every state gives a well mixed value. */
uint64_t random_next(uint64_t *state) {
        uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

uint64_t random_hash(uint64_t seed, const char *text, uint64_t n) {
        uint64_t h = seed ^ UINT64_C(0xcbf29ce484222325);

        for (const unsigned char *p = (const unsigned char *) text; *p; p++)
                h = (h ^ *p) * UINT64_C(0x100000001b3);
        h += n * UINT64_C(0xd1342543de82ef95);
        return random_next(&h);
}

double random_unit(uint64_t bits) {
        return (double) (bits >> 11) * 0x1p-53;
}

void random_hex32(uint64_t seed, const char *text, uint64_t n, char ret[33]) {
        uint64_t a = random_hash(seed, text, n), b = random_hash(~seed, text, n);
        (void) snprintf(ret, 33, "%016llx%016llx", (unsigned long long) a, (unsigned long long) b);
}

void number_print(double value, char *buffer, size_t size) {
        for (int precision = 6; precision <= 17; precision++) {
                (void) snprintf(buffer, size, "%.*G", precision, value);
                if (strtod(buffer, NULL) == value)
                        return;
        }
}

bool number_parse(const char *text, double *ret) {
        char *end = NULL;

        if (!text || !*text)
                return false;
        double value = strtod(text, &end);
        if (*end || !isfinite(value))
                return false;
        *ret = value;
        return true;
}

bool integer_parse(const char *text, int64_t *ret) {
        char *end = NULL;

        if (!text || !*text)
                return false;
        errno = 0;
        long long value = strtoll(text, &end, 10);
        if (*end || errno)
                return false;
        *ret = value;
        return true;
}

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

char *percent_decode(const char *text, size_t n) {
        char *out = must_calloc(n + 1, 1);
        size_t k = 0;

        for (size_t i = 0; i < n; i++) {
                int high = i + 2 < n ? hex_value(text[i + 1]) : -1;
                int low = i + 2 < n ? hex_value(text[i + 2]) : -1;
                if (text[i] == '%' && high >= 0 && low >= 0 && high + low > 0) {
                        out[k++] = (char) (high * 16 + low);
                        i += 2;
                } else
                        out[k++] = text[i];
        }
        return out;
}
