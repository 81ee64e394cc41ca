#include "api/assertion.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/strings.h"
#include "io/certificate.h"

#define ASSERTION_SEC 600               /* "keep it short - 5-10 minutes after nbf at most" */
#define RSA_BITS_MIN 2048

typedef struct Identity {
        X509 *certificate;
        EVP_PKEY *key;
        bool encrypted;                 /* the key is there, behind a pass phrase */
} Identity;

static void identity_done(Identity *i) {
        X509_free(i->certificate);
        EVP_PKEY_free(i->key);
}

static BIO *open_pem(const Secret *pem) {
        return secret_size(pem) > INT_MAX ? NULL
                                          : BIO_new_mem_buf(secret_reveal(pem), (int) secret_size(pem));
}

/* In any order; of several certificates the first is the application's own. */
static int identity_read(const Secret *pem, Identity *ret) {
        BIO *b = open_pem(pem), *c = open_pem(pem);
        PassPhrase none = {};

        if (b && c) {
                ret->certificate = PEM_read_bio_X509(b, NULL, pass_phrase_give, &none);
                ret->key = PEM_read_bio_PrivateKey(c, NULL, pass_phrase_give, &none);
        }
        ret->encrypted = none.wanted;
        BIO_free(b);
        BIO_free(c);
        return b && c ? 0 : -ENOMEM;
}

static const char *identity_flaw(const Identity *i) {
        if (!i->certificate)
                return "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)";
        if (i->encrypted)
                return "has a key behind a pass phrase: nobody is there to type it; store the key without";
        if (!i->key)
                return "holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)";
        if (X509_check_private_key(i->certificate, i->key) != 1)
                return "holds a private key that belongs to another certificate";
        if (!EVP_PKEY_is_a(i->key, "RSA") || EVP_PKEY_get_bits(i->key) < RSA_BITS_MIN)
                return "has no RSA key of at least 2048 bits: Entra takes no other";
        return NULL;
}

int assertion_check_certificate(const Secret *pem, char **ret_message) {
        _cleanup_(identity_done) Identity i = {};

        int r = identity_read(pem, &i);
        if (r < 0)
                return r;
        const char *flaw = identity_flaw(&i);
        if (!flaw)
                return 0;
        r = string_printf(ret_message, "%s", flaw);
        return r < 0 ? r : -EINVAL;
}

/* --- the token --------------------------------------------------------------------------------------- */

static int add_string(json_object *o, const char *key, const char *value) {
        json_object *s = json_object_new_string(value);

        return s && json_object_object_add(o, key, s) == 0 ? 0 : -ENOMEM;
}

static int add_number(json_object *o, const char *key, int64_t value) {
        json_object *n = json_object_new_int64(value);

        return n && json_object_object_add(o, key, n) == 0 ? 0 : -ENOMEM;
}

static int encode_json(json_object *o, char **ret) {
        const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
                                                                     JSON_C_TO_STRING_NOSLASHESCAPE);

        return text ? base64url_encode(text, strlen(text), ret) : -ENOMEM;
}

static int make_header(const Identity *i, char **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        _cleanup_free_ char *thumbprint = NULL;
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;

        if (!o)
                return -ENOMEM;
        if (X509_digest(i->certificate, EVP_sha256(), digest, &size) != 1)
                return -EIO;
        int r = base64url_encode(digest, size, &thumbprint);
        if (r >= 0)
                r = add_string(o, "alg", "PS256");
        if (r >= 0)
                r = add_string(o, "typ", "JWT");
        if (r >= 0)
                r = add_string(o, "x5t#S256", thumbprint);
        return r < 0 ? r : encode_json(o, ret);
}

static int make_claims(const char *client_id, const char *audience, int64_t now, char **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        _cleanup_free_ char *id = NULL;
        uint8_t random[16];

        if (!o)
                return -ENOMEM;
        if (RAND_bytes(random, sizeof random) != 1)
                return -EIO;
        int r = base64url_encode(random, sizeof random, &id);
        const struct { const char *key, *value; } strings[] = {
                { "aud", audience }, { "iss", client_id }, { "sub", client_id }, { "jti", id },
        };
        for (size_t k = 0; k < ARRAY_SIZE(strings) && r >= 0; k++)
                r = add_string(o, strings[k].key, strings[k].value);
        if (r >= 0)
                r = add_number(o, "nbf", now);
        if (r >= 0)
                r = add_number(o, "exp", now + ASSERTION_SEC);
        return r < 0 ? r : encode_json(o, ret);
}

/* RSASSA-PSS with SHA-256 and a salt as long (RFC 7518 section 3.5). */
static int sign(EVP_PKEY *key, const char *text, char **ret) {
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        EVP_PKEY_CTX *pkey = NULL;
        uint8_t signature[1024];        /* RSA of 8192 bits */
        size_t size = sizeof signature;

        bool ok = md && EVP_DigestSignInit(md, &pkey, EVP_sha256(), NULL, key) == 1 &&
                  EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING) == 1 &&
                  EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST) == 1 &&
                  EVP_DigestSign(md, signature, &size, (const uint8_t *) text, strlen(text)) == 1;
        EVP_MD_CTX_free(md);
        return ok ? base64url_encode(signature, size, ret) : -EIO;
}

int assertion_make(const Secret *pem, const char *client_id, const char *audience, int64_t now,
                   Secret **ret) {
        _cleanup_(identity_done) Identity i = {};
        _cleanup_free_ char *header = NULL, *claims = NULL, *text = NULL;
        char *signature = NULL, *jwt = NULL;

        int r = identity_read(pem, &i);
        if (r < 0)
                return r;
        if (identity_flaw(&i))
                return -EINVAL;
        r = make_header(&i, &header);
        if (r >= 0)
                r = make_claims(client_id, audience, now, &claims);
        if (r >= 0)
                r = string_printf(&text, "%s.%s", header, claims);
        if (r >= 0)
                r = sign(i.key, text, &signature);
        if (r >= 0)
                r = string_printf(&jwt, "%s.%s", text, signature);
        if (r >= 0)
                r = secret_new(ret, jwt, strlen(jwt));
        string_erase_free(signature);
        string_erase_free(jwt);
        return r;
}
