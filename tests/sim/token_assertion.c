#include "token_assertion.h"

#include <json-c/json.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* base64url; NULL for anything else. The result is terminated. */
static unsigned char *decode(const char *text, size_t n, size_t *ret_size) {
        _cleanup_(string_freep) char *quads = must_calloc(n + 5, 1);
        unsigned char *out = must_calloc(n + 5, 1);
        size_t pad = (4 - n % 4) % 4;

        for (size_t i = 0; i < n; i++)
                quads[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
        memset(quads + n, '=', pad);
        int size = pad == 3 ? -1 : EVP_DecodeBlock(out, (unsigned char *) quads, (int) (n + pad));
        if (size < 0) {
                free(out);
                return NULL;
        }
        *ret_size = (size_t) size - pad;
        out[*ret_size] = 0;
        return out;
}

static json_object *decode_json(const char *text, size_t n) {
        size_t size;
        unsigned char *s = decode(text, n, &size);
        json_object *o = s ? json_tokener_parse((char *) s) : NULL;

        free(s);
        return o;
}

static const char *member(json_object *o, const char *key) {
        json_object *v;

        return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : "";
}

static int64_t number(json_object *o, const char *key) {
        json_object *v;

        return json_object_object_get_ex(o, key, &v) ? json_object_get_int64(v) : 0;
}

static bool signature_is_good(X509 *certificate, const char *text, size_t n, const char *signature) {
        EVP_PKEY *key = X509_get_pubkey(certificate);
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        EVP_PKEY_CTX *pkey;
        size_t size;
        unsigned char *raw = decode(signature, strlen(signature), &size);

        bool good = raw && EVP_DigestVerifyInit(md, &pkey, EVP_sha256(), NULL, key) == 1 &&
                    EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING) == 1 &&
                    EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST) == 1 &&
                    EVP_DigestVerify(md, raw, size, (const unsigned char *) text, n) == 1;
        free(raw);
        EVP_MD_CTX_free(md);
        EVP_PKEY_free(key);
        return good;
}

static bool thumbprint_is(X509 *certificate, const char *x5t) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned n = 0;
        size_t size = 0;
        unsigned char *raw = decode(x5t, strlen(x5t), &size);

        bool good = raw && X509_digest(certificate, EVP_sha256(), digest, &n) == 1 && size == n &&
                    memcmp(raw, digest, n) == 0;
        free(raw);
        return good;
}

static const char *claims_flaw(json_object *claims, const char *client_id, const char *audience_end,
                               int64_t now) {
        const char *audience = member(claims, "aud");
        size_t n = strlen(audience), end = strlen(audience_end);

        if (n < end || strcmp(audience + n - end, audience_end) != 0)
                return "another audience";
        if (strcmp(member(claims, "iss"), client_id) != 0 || strcmp(member(claims, "sub"), client_id) != 0)
                return "another issuer or subject";
        if (!*member(claims, "jti"))
                return "no jti";
        if (number(claims, "exp") <= now || number(claims, "nbf") > now + 300 ||
            number(claims, "exp") > now + 3600)
                return "out of its time";
        return NULL;
}

const char *assertion_flaw(const char *jwt, const char *certificate_file, const char *client_id,
                           const char *audience_end, int64_t now) {
        const char *dot = strchr(jwt, '.'), *second = dot ? strchr(dot + 1, '.') : NULL;
        FILE *f = fopen(certificate_file, "re");
        X509 *certificate = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
        const char *flaw = NULL;

        if (f)
                (void) fclose(f);
        if (!second || !certificate) {
                X509_free(certificate);
                return second ? "the simulator has no certificate.pem" : "no JWT";
        }
        json_object *header = decode_json(jwt, (size_t) (dot - jwt));
        json_object *claims = decode_json(dot + 1, (size_t) (second - dot - 1));
        if (!header || !claims || strcmp(member(header, "alg"), "PS256") != 0 ||
            strcmp(member(header, "typ"), "JWT") != 0)
                flaw = "no JWT with PS256";
        else if (!thumbprint_is(certificate, member(header, "x5t#S256")))
                flaw = "another thumbprint";
        else if (!signature_is_good(certificate, jwt, (size_t) (second - jwt), second + 1))
                flaw = "a wrong signature";
        else
                flaw = claims_flaw(claims, client_id, audience_end, now);
        json_object_put(header);
        json_object_put(claims);
        X509_free(certificate);
        return flaw;
}
