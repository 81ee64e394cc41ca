#include "base/digest.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/macro.h"

int sha256(const void *data, size_t size, uint8_t ret[static SHA256_SIZE]) {
        return EVP_Digest(data, size, ret, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

int hmac_sha256(const void *key, size_t key_size, const void *data, size_t size, uint8_t ret[static SHA256_SIZE]) {
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

/* EVP_DecodeBlock() wants whole quads and counts padding as bytes: strip white space, complete the quad, count ourselves. */
int base64_decode(const char *s, size_t size, char **ret, size_t *ret_size) {
        _cleanup_free_ char *quads = malloc(size + 5);
        _cleanup_free_ char *out = malloc(size + 5);
        size_t n = 0;

        if (!quads || !out)
                return -ENOMEM;
        for (size_t i = 0; i < size; i++)
                if (!isspace((unsigned char) s[i]))
                        quads[n++] = s[i];
        while (n > 0 && quads[n - 1] == '=')
                n--;
        size_t pad = (4 - n % 4) % 4;
        if (pad == 3 || memchr(quads, '=', n) || n > INT_MAX - 4)
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
