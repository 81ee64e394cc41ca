#pragma once
/* A growing byte buffer with a limit. Always NUL-terminated behind its bytes, so it can be read as a string.
 * An append that fails (-ENOMEM, or -EFBIG at the limit) leaves the contents as they were and is remembered
 * in `error`: a chain of appends needs one check at its end. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"

typedef struct Buf {
        char *data;
        size_t size;            /* bytes used */
        size_t capacity;
        size_t limit;           /* most bytes it may ever hold */
        int error;              /* first failure, negative errno, or 0 */
        bool wipe;              /* it holds a secret: no copy is left behind when it grows or is freed */
} Buf;

#define BUF_INIT(max) ((Buf) { .limit = (max) })
#define BUF_INIT_SECRET(max) ((Buf) { .limit = (max), .wipe = true })

void buf_done(Buf *b);
/* Forgets the contents, keeps the memory and the limit. */
void buf_reset(Buf *b);
int buf_append(Buf *b, const void *data, size_t size);
int buf_puts(Buf *b, const char *s);
int buf_putc(Buf *b, char c);
int buf_printf(Buf *b, const char *format, ...) _printf_(2, 3);
int buf_vprintf(Buf *b, const char *format, va_list ap) _printf_(2, 0);
/* Hands the string over ("" when nothing was appended) and resets b; the remembered error if there is one.
 */
int buf_take(Buf *b, char **ret);
/* The contents as a string; never NULL. */
const char *buf_string(const Buf *b);
