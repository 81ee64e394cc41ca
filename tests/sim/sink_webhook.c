#include <math.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "jsonread.h"
#include "sim.h"
#include "sink.h"
#include "util.h"

/* Standard Webhooks 1.0.0, the receiving side: three headers, signature over "id.timestamp.body". */

#define TOLERANCE_SEC 300
#define KEY_MAX 96
#define BODY_ADVISED_MAX 20480

/* The key is the base64 text behind "whsec_"; without the prefix the bytes themselves. */
static size_t secret_key(const char *secret, unsigned char key[KEY_MAX]) {
        static const char prefix[] = "whsec_";
        size_t n;

        if (strncmp(secret, prefix, strlen(prefix)) != 0) {
                for (n = 0; n < KEY_MAX && secret[n]; n++)
                        key[n] = (unsigned char) secret[n];
                return n;
        }
        const char *text = secret + strlen(prefix);
        n = strlen(text);
        if (n % 4 != 0 || n / 4 * 3 > KEY_MAX)
                return 0;
        int size = EVP_DecodeBlock(key, (const unsigned char *) text, (int) n);
        if (size < 0)
                return 0;
        for (const char *p = text + n; p > text && p[-1] == '='; p--)
                size--;
        return (size_t) size;
}

static bool signature_matches(const char *secret, const Request *req, const char *id, const char *timestamp,
                              const char *signatures) {
        unsigned char key[KEY_MAX], digest[EVP_MAX_MD_SIZE];
        unsigned digest_size = 0;
        size_t key_size = secret_key(secret, key), head;
        bool good = false;

        if (key_size == 0)
                return false;
        char *text = must_printf("%s.%s.", id, timestamp);
        head = strlen(text);
        text = must_realloc(text, head + req->body_size + 1, 1);
        if (req->body_size > 0)
                memcpy(text + head, req->body, req->body_size);
        (void) HMAC(EVP_sha256(), key, (int) key_size, (unsigned char *) text, head + req->body_size, digest,
                    &digest_size);
        free(text);
        char *expected = sink_base64(digest, digest_size);
        for (const char *p = signatures; *p;) {
                size_t n = strcspn(p, " ");
                if (n == strlen(expected) + 3 && strncmp(p, "v1,", 3) == 0 &&
                    CRYPTO_memcmp(p + 3, expected, strlen(expected)) == 0)
                        good = true;
                p += n + strspn(p + n, " ");
        }
        free(expected);
        return good;
}

static char *webhook_check(const Sim *sim, const Sink *sink, const Request *req, json_object *body) {
        const char *id = request_header(req, "webhook-id"),
                   *timestamp = request_header(req, "webhook-timestamp");
        const char *signatures = request_header(req, "webhook-signature");
        int64_t stamp;

        if (!id || !*id || !timestamp || !signatures || !*signatures)
                return must_strdup("webhook-id, webhook-timestamp or webhook-signature is missing");
        if (!integer_parse(timestamp, &stamp))
                return must_strdup("webhook-timestamp is not a number");
        if (!sink->no_tolerance && fabs((double) stamp - clock_real(&sim->clock)) > TOLERANCE_SEC)
                return must_strdup("webhook-timestamp is too far from now");
        for (size_t i = 0; i < SECRETS_MAX && sink->secrets[i]; i++)
                if (signature_matches(sink->secrets[i], req, id, timestamp, signatures))
                        goto signed_well;
        if (sink->secrets[0])
                return must_strdup("no signature matches");
signed_well:
        if (!json_object_is_type(body, json_type_object))
                return must_strdup("the body is not a JSON object");
        if (req->body_size > BODY_ADVISED_MAX)
                return must_printf("the body has %zu bytes, at most 20 kB are advised", req->body_size);
        return NULL;
}

char *sink_webhook_check(Sim *sim, Sink *sink, const Request *req, json_object *body, Reply *reply) {
        char *error = webhook_check(sim, sink, req, body);

        if (error)
                reply_set(reply, 400, "text/plain", error);
        else
                reply_set(reply, 204, NULL, "");
        return error;
}
