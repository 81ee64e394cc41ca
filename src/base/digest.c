#include "base/digest.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/macro.h"
#include "base/secret.h"

/* With EVP_sha256() OpenSSL 3 looks for an implementation at each use, which costs more than a digest of a
 * line. */
static const EVP_MD *sha256_fetched(void) {
        static EVP_MD *md;

        if (!md)
                md = EVP_MD_fetch(NULL, "SHA256", NULL);
        return md;
}

int sha256(const void *data, size_t size, uint8_t ret[static SHA256_SIZE]) {
        return EVP_Digest(data, size, ret, NULL, sha256_fetched(), NULL) == 1 ? 0 : -EIO;
}

int hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
                uint8_t ret[static SHA256_SIZE]) {
        if (key_size > INT_MAX)
                return -E2BIG;
        return HMAC(EVP_sha256(), key, (int) key_size, data, size, ret, NULL) ? 0 : -EIO;
}

int base64_encode(const void *data, size_t size, char **ret) {
        if (size > INT_MAX / 2)
                return -E2BIG;
        char *s = malloc((size + 2) / 3 * 4 + 1);
        if (!s)
                return -ENOMEM;
        s[EVP_EncodeBlock((unsigned char *) s, data, (int) size)] = '\0';
        *ret = s;
        return 0;
}

int base64url_encode(const void *data, size_t size, char **ret) {
        int r = base64_encode(data, size, ret);

        if (r < 0)
                return r;
        for (char *p = *ret; *p; p++)
                if (*p == '+')
                        *p = '-';
                else if (*p == '/')
                        *p = '_';
                else if (*p == '=') {
                        *p = '\0';
                        break;
                }
        return 0;
}

static bool is_base64(char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
               c == '/';
}

/* EVP_DecodeBlock() wants whole quads, counts padding as bytes, and cuts off what it takes for an end of
 * text ("-"): strip white space, look at every character, complete the quad and count ourselves. */
int base64_decode(const char *s, size_t size, char **ret, size_t *ret_size) {
        /* It may be a key: calloc(), so that what was copied has an end wherever that stops. */
        _cleanup_(string_erase_freep) char *quads = calloc(1, size + 5);
        _cleanup_free_ char *out = malloc(size + 5);
        size_t n = 0, n_padding = 0;

        if (!quads || !out)
                return -ENOMEM;
        for (size_t i = 0; i < size; i++) {
                if (s[i] != '\0' && strchr(" \t\r\n", s[i]))
                        continue;
                if (s[i] == '=')
                        n_padding++;
                else if (n_padding > 0 || !is_base64(s[i]))
                        return -EINVAL;
                else
                        quads[n++] = s[i];
        }
        size_t pad = (4 - n % 4) % 4;
        if (pad == 3 || (n_padding > 0 && n_padding != pad) || n > INT_MAX - 4)
                return -EINVAL;
        memcpy(quads + n, "====", pad);
        quads[n + pad] = '\0';
        if (EVP_DecodeBlock((unsigned char *) out, (unsigned char *) quads, (int) (n + pad)) < 0)
                return -EINVAL;
        *ret_size = (n + pad) / 4 * 3 - pad;
        out[*ret_size] = '\0';
        *ret = TAKE_PTR(out);
        return 0;
}

void base32_encode(const uint8_t *data, size_t n_chars, char *ret) {
        static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

        for (size_t i = 0; i < n_chars; i++) {
                size_t bit = i * 5, byte = bit / 8, shift = bit % 8;
                unsigned pair = (unsigned) data[byte] << 8;
                if (shift > 3)
                        pair |= data[byte + 1];
                ret[i] = alphabet[pair >> (11 - shift) & 31];
        }
        ret[n_chars] = '\0';
}
