#pragma once
/* A temporary directory with a fresh self-signed certificate for localhost (and not for 127.0.0.1). */

#include <stddef.h>

typedef struct IoTls {
        char dir[128];
        char cert[160], key[160];       /* PEM files in dir */
} IoTls;

/* padding: bytes by which the certificate is larger than it has to be. */
IoTls *io_tls_new(size_t padding);
/* Removes the directory with everything in it. */
IoTls *io_tls_free(IoTls *t);
/* The contents of a file, to be freed. */
char *io_read_file(const char *path);
