#pragma once
/* Small helpers of the simulator: allocation that stops the program when memory ends (a test tool has
 * nothing better to do), deterministic random numbers, printing of floating point numbers as .NET does it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))
#define TAKE_PTR(p) ({ __typeof__(p) _taken = (p); (p) = NULL; _taken; })

void *must_calloc(size_t n, size_t size);
void *must_realloc(void *p, size_t n, size_t size);
char *must_strdup(const char *s);               /* NULL gives NULL */
char *must_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void string_freep(char **p);

/* A value that depends on the arguments only. */
uint64_t random_hash(uint64_t seed, const char *text, uint64_t n);
uint64_t random_next(uint64_t *state);
double random_unit(uint64_t bits);              /* 0 <= x < 1 */
void random_hex32(uint64_t seed, const char *text, uint64_t n, char ret[33]);

/* Shortest form that reads back as the same double, "E" in upper case: 0.0016, 3.8E-06. */
void number_print(double value, char *buffer, size_t size);
bool number_parse(const char *text, double *ret);
bool integer_parse(const char *text, int64_t *ret);
char *percent_decode(const char *text, size_t n);
