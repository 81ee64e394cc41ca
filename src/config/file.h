#pragma once
/* A whole file into memory, the way a daemon should: regular files only, no waiting, a limit. */

#include <sys/types.h>

#include "base/buf.h"

/* Appends to *ret, up to its limit. -EISDIR and -ENODEV for what is no regular file, -EFBIG beyond the
 * limit, else what the system says. ret_mode: permission bits, may be NULL. */
int file_read(const char *path, Buf *ret, mode_t *ret_mode);
/* Those in words. */
const char *file_error(int error);
