/* Kind "webhook": the event envelope of OpenAI's own webhooks with richer data, signed by Standard
 * Webhooks 1.0.0
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md). */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/strings.h"
#include "base/text.h"
#include "receiver/http_post.h"
#include "receiver/kinds.h"

#define BODY_MAX 20000U                 /* Standard Webhooks: payloads below 20 kB */
#define KEY_MIN 24U                     /* Standard Webhooks: 24 to 64 bytes */
#define KEY_MAX 64U
#define SECRETS_MAX 5U                  /* signatures in one header */

typedef struct WebhookSettings {
        ReceiverCommon common;
        Secret *url;
        Secret **secrets;
        HttpWay way;
} WebhookSettings;

static const OptionSpec webhook_options[] = {
        { .key = "url",
          .type = OPTION_SECRET_URL,
          .flags = OPTION_REQUIRED,
          .offset = offsetof(WebhookSettings, url),
          .help = "where events are posted" },
        { .key = "secret",
          .type = OPTION_SECRETV,
          .flags = OPTION_REQUIRED,
          .offset = offsetof(WebhookSettings, secrets),
          .help = "signing secret, whsec_ and base64 or any text; a list while one replaces the other" },
        HTTP_WAY_OPTIONS(WebhookSettings, way),
        {}
};

/* --- keys ------------------------------------------------------------------------------------------ */

/* The key behind a secret: what whsec_ stands before is base64, anything else is the key itself, as in the
 * official libraries. *ret is to be wiped: string_erase_free() stops at a NUL, so its size is given. */
static int key_from_secret(const Secret *s, char **ret, size_t *ret_size) {
        const char *value = secret_reveal(s), *base64 = startswith(value, "whsec_");

        if (base64)
                return base64_decode(base64, strlen(base64), ret, ret_size);
        char *copy = malloc(secret_size(s) + 1);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, value, secret_size(s) + 1);
        *ret = copy;
        *ret_size = secret_size(s);
        return 0;
}

static void key_free(char *key, size_t size) {
        if (key)
                explicit_bzero(key, size);
        free(key);
}

/* The first mistake is told. */
static int on_way_mistake(const char *key, const char *message, void *userdata) {
        char **ret_message = userdata;

        (void) key;
        return *ret_message ? 0 : free_and_strdup(ret_message, message);
}

static int webhook_check(const ReceiverCommon *common, char **ret_message) {
        const WebhookSettings *s = (const WebhookSettings *) common;
        size_t n = 0;
        int q = http_way_check(&s->way, on_way_mistake, ret_message);

        if (q != 0)
                return q > 0 ? -EINVAL : q;

        for (Secret *const *p = s->secrets; p && *p; p++, n++) {
                size_t size = 0;
                char *key = NULL;
                int r = key_from_secret(*p, &key, &size);
                key_free(key, size);
                if (r == -ENOMEM)
                        return r;
                const char *what = NULL;
                if (r < 0)
                        what = "is not base64 behind whsec_";
                else if (startswith(secret_reveal(*p), "whsec_") && (size < KEY_MIN || size > KEY_MAX))
                        what = "must hold 24 to 64 bytes in base64 behind whsec_";
                else if (size == 0)
                        what = "is empty";
                if (what)
                        return string_printf(ret_message, "secret %s", what) < 0 ? -ENOMEM : -EINVAL;
        }
        if (n > SECRETS_MAX)
                return string_printf(ret_message, "at most %u secrets", SECRETS_MAX) < 0 ? -ENOMEM : -EINVAL;
        return 0;
}

/* --- render ---------------------------------------------------------------------------------------- */

/* json-c writes strings as they are; what is no UTF-8 must not leave as JSON. */
static int put_valid_utf8(Buf *b, const char *s) {
        size_t left = strlen(s);

        while (left > 0) {
                size_t n = 0, step;
                unsigned c;
                while (n < left && (step = utf8_sequence(s + n, left - n, &c)) > 0)
                        n += step;
                (void) buf_append(b, s, n);
                s += n;
                left -= n;
                if (left > 0) {
                        (void) buf_puts(b, "\xef\xbf\xbd");
                        s++;
                        left--;
                }
        }
        return b->error;
}

/* What has nothing in it stays as it is. */
static int empty_events(json_object *data) {
        if (!json_member_array(data, "events"))
                return 0;
        json_object *a = json_object_new_array();
        return a ? json_add(data, "events", a) : -ENOMEM;
}

static int empty_metrics(json_object *data) {
        if (!json_member_object(data, "metrics"))
                return 0;
        json_object *o = json_object_new_object();
        return o ? json_add(data, "metrics", o) : -ENOMEM;
}

static int envelope_new(const Notice *n, json_object **ret, json_object **ret_data) {
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *data = NULL;
        int r;

        if (!o)
                return -ENOMEM;
        if ((r = json_add_string(o, "object", "event")) < 0 || (r = json_add_string(o, "id", n->id)) < 0 ||
            (r = json_add_string(o, "type", notice_type_info(n->type)->wire)) < 0 ||
            (r = json_add_int(o, "created_at", (int64_t) (n->created_usec / USEC_PER_SEC))) < 0 ||
            (r = notice_to_json(n, &data)) < 0 || (r = json_add(o, "data", data)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        *ret_data = data;
        return 0;
}

static int put_envelope(Buf *b, json_object *o) {
        _cleanup_free_ char *text = NULL;
        int r = json_to_text(o, &text);

        return r < 0 ? r : put_valid_utf8(b, text);
}

/* A notice keeps its data below the limit (notice_to_json); what it cannot know is what the escaping of odd
 * bytes adds. */
static int webhook_render(const ReceiverCommon *common, const Notice *n, bool degraded, Buf *ret) {
        _cleanup_json_ json_object *o = NULL;
        _cleanup_(buf_done) Buf b = BUF_INIT(SIZE_MAX / 4);
        json_object *data;

        (void) common;
        int r = envelope_new(n, &o, &data);
        if (r < 0)
                return r;
        if (!degraded && (r = put_envelope(&b, o)) < 0)
                return r;
        if (degraded || b.size > BODY_MAX) {
                buf_reset(&b);
                if ((r = empty_metrics(data)) < 0 || (r = empty_events(data)) < 0 ||
                    (r = put_envelope(&b, o)) < 0)
                        return r;
        }
        return buf_append(ret, b.data, b.size);
}

/* --- send ------------------------------------------------------------------------------------------ */

static int add_signature(Buf *b, const Secret *secret, const void *signed_data, size_t size) {
        uint8_t digest[SHA256_SIZE];
        _cleanup_free_ char *base64 = NULL;
        char *key = NULL;
        size_t key_size = 0;

        int r = key_from_secret(secret, &key, &key_size);
        r = r < 0 ? r : hmac_sha256(key, key_size, signed_data, size, digest);
        key_free(key, key_size);
        r = r < 0 ? r : base64_encode(digest, sizeof digest, &base64);
        if (r < 0)
                return r;
        return buf_printf(b, "%sv1,%s", b->size > 0 ? " " : "", base64);
}

static int webhook_send(const ReceiverCommon *common, const ReceiverPorts *ports,
                        const ReceiverAttempt *attempt, receiver_done_t done, void *userdata,
                        ReceiverSend **ret) {
        static const ReplyRule rules[] = { REPLY_RULES_END };   /* nothing beyond HTTP and the standard */
        const WebhookSettings *s = (const WebhookSettings *) common;
        _cleanup_(buf_done) Buf text = BUF_INIT(attempt->body_size + 256), signatures = BUF_INIT(1024);
        char stamp[24];
        int r;

        (void) snprintf(stamp, sizeof stamp, "%" PRIu64, attempt->now_real_usec / USEC_PER_SEC);
        (void) buf_printf(&text, "%s.%s.", attempt->notice_id, stamp);
        r = buf_append(&text, attempt->body, attempt->body_size);
        for (Secret *const *p = s->secrets; r >= 0 && p && *p; p++)
                r = add_signature(&signatures, *p, text.data, text.size);
        if (r < 0)
                return r;
        const HttpHeader headers[] = {
                { .name = "webhook-id", .value = attempt->notice_id },
                { .name = "webhook-timestamp", .value = stamp },
                { .name = "webhook-signature", .value = buf_string(&signatures) },
        };
        const HttpPost post = {
                .url = s->url,
                .headers = headers,
                .n_headers = ARRAY_SIZE(headers),
                .content_type = "application/json",
                .way = &s->way,
                .rules = rules,
        };
        return http_post_send(common, ports, attempt, &post, done, userdata, ret);
}

const ReceiverKind receiver_kind_webhook = {
        .name = "webhook",
        .settings_size = sizeof(WebhookSettings),
        .options = webhook_options,
        .concurrency = 4,
        .check = webhook_check,
        .render = webhook_render,
        .send = webhook_send,
        .cancel = http_post_cancel,
};
