#include "io/certificate.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/strings.h"

#define DAY_SEC (24 * 3600)
#define DATE_MAX sizeof "-2147483648-12-31"

static int to_unix(const ASN1_TIME *t, int64_t *ret) {
        struct tm tm;

        if (ASN1_TIME_to_tm(t, &tm) != 1)
                return -EINVAL;
        *ret = timegm(&tm);
        return 0;
}

int pass_phrase_give(char *buf, int size, int writing, void *userdata) {
        PassPhrase *p = userdata;

        (void) writing;
        p->wanted = true;
        if (!p->secret || secret_size(p->secret) > (size_t) size)
                return -1;
        memcpy(buf, secret_reveal(p->secret), secret_size(p->secret));
        return (int) secret_size(p->secret);
}

static int read_span(BIO *b, CertificateSpan *ret) {
        CertificateSpan span;
        PassPhrase none = {};
        X509 *x = PEM_read_bio_X509(b, NULL, pass_phrase_give, &none);

        ERR_clear_error();
        if (!x)
                return -EINVAL;
        int r = to_unix(X509_get0_notBefore(x), &span.from_sec);
        if (r >= 0)
                r = to_unix(X509_get0_notAfter(x), &span.until_sec);
        X509_free(x);
        if (r >= 0)
                *ret = span;
        return r;
}

int certificate_read_span(const char *pem, size_t size, CertificateSpan *ret) {
        BIO *b = size > INT_MAX ? NULL : BIO_new_mem_buf(pem, (int) size);

        if (!b)
                return -ENOMEM;
        int r = read_span(b, ret);
        BIO_free(b);
        return r;
}

int certificate_read_span_of_file(const char *path, CertificateSpan *ret) {
        FILE *f = fopen(path, "re");
        BIO *b = f ? BIO_new_fp(f, BIO_NOCLOSE) : NULL;
        int r = b ? read_span(b, ret) : f ? -ENOMEM : -errno;

        BIO_free(b);
        if (f)
                (void) fclose(f);
        return r;
}

static const char *format_date(int64_t sec, char buf[static DATE_MAX]) {
        time_t t = sec;
        struct tm tm;

        if (!gmtime_r(&t, &tm) || strftime(buf, DATE_MAX, "%Y-%m-%d", &tm) == 0)
                (void) snprintf(buf, DATE_MAX, "?");
        return buf;
}

int certificate_judge(const CertificateSpan *span, usec_t now_real_usec, char **ret) {
        int64_t now = (int64_t) (now_real_usec / USEC_PER_SEC), left = span->until_sec - now;
        char date[DATE_MAX];

        *ret = NULL;
        if (span->from_sec > now)
                return string_printf(ret, "is not valid before %s: is the clock of this machine right?",
                                     format_date(span->from_sec, date));
        if (left <= 0)
                return string_printf(ret, "has expired on %s", format_date(span->until_sec, date));
        if (left < CERTIFICATE_WARN_SEC)
                return string_printf(ret, "expires on %s, in %lld day%s", format_date(span->until_sec, date),
                                     (long long) (left / DAY_SEC), left / DAY_SEC == 1 ? "" : "s");
        return 0;
}
