#pragma once
/* From what is written in the configuration to a secret: credential:NAME, file:/PATH, env:NAME, or the
 * value itself where nobody else can read it. */

#include <stdbool.h>
#include <sys/types.h>

#include "base/secret.h"

/* Of the file that the text stands in. */
typedef struct SecretPlace {
        const char *path;
        mode_t mode;                    /* a literal is refused when group or others may read it */
        bool lines;                     /* the value may have several */
} SecretPlace;

/* 0, or -EINVAL with what is wrong in *ret_message (malloc'ed, to be put behind the key, never the
 * value), -ENOMEM. */
int secret_read(const char *text, const SecretPlace *place, Secret **ret, char **ret_message);
