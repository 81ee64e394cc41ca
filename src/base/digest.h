#pragma once
/* SHA-256, HMAC-SHA-256, base64 and base32, by libcrypto. */

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32U

int sha256(const void *data, size_t size, uint8_t ret[static SHA256_SIZE]);
int hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
                uint8_t ret[static SHA256_SIZE]);

/* RFC 4648 with padding, no line breaks. */
int base64_encode(const void *data, size_t size, char **ret);
/* RFC 4648 section 5, without padding: as JWTs have it. */
int base64url_encode(const void *data, size_t size, char **ret);
/* Accepts line breaks and missing padding; -EINVAL on anything else foreign. ret is NUL-terminated behind
 * *ret_size. */
int base64_decode(const char *s, size_t size, char **ret, size_t *ret_size);

/* RFC 4648 base32, lower case, no padding: writes n_chars characters and a NUL. data must hold n_chars * 5
 * bits. */
void base32_encode(const uint8_t *data, size_t n_chars, char *ret);
