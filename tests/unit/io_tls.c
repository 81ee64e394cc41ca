#include "unit/io_tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/strings.h"

static void cert_add_extension(X509 *cert, int nid, const char *value) {
        X509V3_CTX context;

        X509V3_set_ctx_nodb(&context);
        X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        assert_non_null(extension);
        assert_int_equal(X509_add_ext(cert, extension, -1), 1);
        X509_EXTENSION_free(extension);
}

static X509 *cert_new(EVP_PKEY *key, size_t padding) {
        X509 *cert = X509_new();

        assert_non_null(cert);
        assert_int_equal(X509_set_version(cert, 2), 1);
        assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
        assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
        assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 24L * 3600));
        assert_int_equal(X509_set_pubkey(cert, key), 1);
        X509_NAME *name = X509_get_subject_name(cert);
        const unsigned char *common = (const unsigned char *) "localhost";
        assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0), 1);
        assert_int_equal(X509_set_issuer_name(cert, name), 1);
        cert_add_extension(cert, NID_subject_alt_name, "DNS:localhost");
        cert_add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
        if (padding > 0) {
                char *comment = calloc(1, padding + 1);
                assert_non_null(comment);
                cert_add_extension(cert, NID_netscape_comment, memset(comment, 'x', padding));
                free(comment);
        }
        assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
        return cert;
}

IoTls *io_tls_new(size_t padding) {
        IoTls *t = calloc(1, sizeof *t);
        const char *parent = getenv("TMPDIR");

        assert_non_null(t);
        (void) snprintf(t->dir, sizeof t->dir, "%s/ftwatch-io.XXXXXX", parent ? parent : "/tmp");
        assert_non_null(mkdtemp(t->dir));
        (void) snprintf(t->cert, sizeof t->cert, "%s/cert.pem", t->dir);
        (void) snprintf(t->key, sizeof t->key, "%s/key.pem", t->dir);

        EVP_PKEY *key = EVP_EC_gen("P-256");
        assert_non_null(key);
        X509 *cert = cert_new(key, padding);
        FILE *f = fopen(t->cert, "we");
        assert_non_null(f);
        assert_int_equal(PEM_write_X509(f, cert), 1);
        assert_int_equal(fclose(f), 0);
        f = fopen(t->key, "we");
        assert_non_null(f);
        assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
        assert_int_equal(fclose(f), 0);
        X509_free(cert);
        EVP_PKEY_free(key);
        return t;
}

static int remove_one(const char *path, _unused_ const struct stat *st, _unused_ int type,
                      _unused_ struct FTW *where) {
        return remove(path);
}

IoTls *io_tls_free(IoTls *t) {
        if (t)
                assert_int_equal(nftw(t->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
        free(t);
        return NULL;
}

char *io_read_file(const char *path) {
        FILE *f = fopen(path, "re");
        char *data = NULL;
        size_t size = 0;

        assert_non_null(f);
        if (getdelim(&data, &size, '\0', f) < 0) {      /* empty */
                free(data);
                data = calloc(1, 1);
        }
        assert_non_null(data);
        (void) fclose(f);
        return data;
}
