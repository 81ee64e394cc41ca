#pragma once
/* A string that must never be printed: wiped when freed, not formatted by anything. */

#include <stddef.h>

#include "base/macro.h"

typedef struct Secret Secret;

int secret_new(Secret **ret, const char *value, size_t size);
Secret *secret_free(Secret *s);
/* Valid as long as the secret; to be handed to libcurl or libcrypto at once, never to a log or a message. */
const char *secret_reveal(const Secret *s);
size_t secret_size(const Secret *s);
DEFINE_CLEANUP(Secret, secret_free)

/* Vectors, NULL-terminated. */
Secret **secretv_free(Secret **v);
int secretv_extend(Secret ***v, Secret *s);      /* takes s on success only */
DEFINE_CLEANUP(Secret *, secretv_free)

/* Frees a string after wiping it. */
void string_erase_free(char *s);
static inline void string_erase_freep(char **s) {
        string_erase_free(*s);
}
