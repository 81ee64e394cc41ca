#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 256U

void buf_done(Buf *b) {
        if (b->wipe && b->data)
                explicit_bzero(b->data, b->capacity);
        free(b->data);
        *b = (Buf) { .limit = b->limit, .wipe = b->wipe };
}

void buf_reset(Buf *b) {
        b->size = 0;
        b->error = 0;
        if (b->data)
                b->data[0] = '\0';
}

static int buf_fail(Buf *b, int error) {
        if (b->error == 0)
                b->error = error;
        return error;
}

static char *buf_grow(Buf *b, size_t capacity) {
        if (!b->wipe)
                return realloc(b->data, capacity);
        char *data = malloc(capacity);
        if (data && b->data) {
                memcpy(data, b->data, b->size + 1);
                explicit_bzero(b->data, b->capacity);
                free(b->data);
        }
        return data;
}

/* Room for `more` bytes and a NUL. */
static int buf_reserve(Buf *b, size_t more) {
        if (more >= SIZE_MAX - b->size || more > b->limit || b->size > b->limit - more)
                return buf_fail(b, -EFBIG);
        size_t need = b->size + more + 1;
        if (need <= b->capacity)
                return 0;
        /* Doubled, but never beyond the limit and its NUL, nor around the end of size_t. */
        size_t most = b->limit < SIZE_MAX ? b->limit + 1 : SIZE_MAX;
        size_t capacity = b->capacity > most / 2 ? most : MAX(b->capacity * 2, (size_t) CAPACITY_MIN);
        capacity = MIN(MAX(capacity, need), most);
        char *data = buf_grow(b, capacity);
        if (!data)
                return buf_fail(b, -ENOMEM);
        b->data = data;
        b->capacity = capacity;
        return 0;
}

int buf_append(Buf *b, const void *data, size_t size) {
        if (b->error < 0)
                return b->error;
        int r = buf_reserve(b, size);
        if (r < 0)
                return r;
        if (size > 0)
                memcpy(b->data + b->size, data, size);
        b->size += size;
        b->data[b->size] = '\0';
        return 0;
}

int buf_puts(Buf *b, const char *s) {
        return buf_append(b, s, strlen(s));
}

int buf_putc(Buf *b, char c) {
        return buf_append(b, &c, 1);
}

int buf_vprintf(Buf *b, const char *format, va_list ap) {
        char *s;

        if (b->error < 0)
                return b->error;
        int n = vasprintf(&s, format, ap);
        if (n < 0)
                return buf_fail(b, -ENOMEM);
        int r = buf_append(b, s, (size_t) n);
        free(s);
        return r;
}

int buf_printf(Buf *b, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        int r = buf_vprintf(b, format, ap);
        va_end(ap);
        return r;
}

int buf_take(Buf *b, char **ret) {
        if (b->error < 0)
                return b->error;
        int r = buf_reserve(b, 0);
        if (r < 0)
                return r;
        b->data[b->size] = '\0';
        *ret = TAKE_PTR(b->data);
        b->size = b->capacity = 0;
        return 0;
}

const char *buf_string(const Buf *b) {
        return b->data ? b->data : "";
}
