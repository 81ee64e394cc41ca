#pragma once
/* From when to when a certificate is valid: what has run out is refused by the other side, which rarely says
 * why. */

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "base/time.h"

typedef struct CertificateSpan {
        int64_t from_sec, until_sec;    /* Unix time */
} CertificateSpan;

/* Of the first certificate in the PEM text. -EINVAL: there is none. */
int certificate_read_span(const char *pem, size_t size, CertificateSpan *ret);
/* The same of a file; -errno of opening it. */
int certificate_read_span_of_file(const char *path, CertificateSpan *ret);

/* What opens PEM that is encrypted: there is nobody to be asked on a terminal. */
typedef struct PassPhrase {
        const Secret *secret;           /* NULL: there is none */
        bool wanted;                    /* the text was encrypted */
} PassPhrase;
/* pem_password_cb(3), of a PassPhrase. */
int pass_phrase_give(char *buf, int size, int writing, void *userdata);

#define CERTIFICATE_WARN_SEC (30 * 24 * 3600)   /* as long before its end one should see to the next */
/* What a person should know: "has expired on 2026-11-20"; malloc'ed, NULL when all is well. */
int certificate_judge(const CertificateSpan *span, usec_t now_real_usec, char **ret);
