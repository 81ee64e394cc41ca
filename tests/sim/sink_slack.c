#include <string.h>

#include "jsonread.h"
#include "sim.h"
#include "sink.h"
#include "util.h"

/* Slack incoming webhooks. Limits: docs.slack.dev/reference/block-kit/blocks; answers: plain text words,
 * `ok` for success. Characters are counted, not bytes. */

#define BLOCKS_MAX 50
#define CHARTS_MAX 2
#define ATTACHMENTS_MAX 100
#define TEXT_MAX_CHARS 40000

typedef struct Checker {
        const Sink *sink;
        size_t n_charts;
        bool server_error;              /* what the service answers to a markdown block over a webhook */
        char *error;
} Checker;

typedef struct BlockRule {
        const char *type;
        bool (*check)(Checker *c, json_object *block);
} BlockRule;

static size_t text_chars(const char *text) {
        size_t n = 0;

        for (; *text; text++)
                n += ((unsigned char) *text & 0xc0) != 0x80;
        return n;
}

static bool checker_fail(Checker *c, char *error) {
        if (!c->error)
                c->error = error;
        else
                string_freep(&error);
        return false;
}

static bool text_check(Checker *c, json_object *o, size_t chars_max, bool plain_only, const char *where) {
        const char *type = json_string(o, "type", ""), *text = json_string(o, "text", "");

        if (strcmp(type, "plain_text") != 0 && (plain_only || strcmp(type, "mrkdwn") != 0))
                return checker_fail(c, must_printf("%s: text type \"%s\" is not allowed", where, type));
        if (!*text)
                return checker_fail(c, must_printf("%s: text is empty", where));
        if (text_chars(text) > chars_max)
                return checker_fail(c, must_printf("%s: %zu characters, at most %zu", where,
                                                   text_chars(text), chars_max));
        return true;
}

static bool block_check_header(Checker *c, json_object *block) {
        return text_check(c, json_get(block, "text", json_type_object), 150, true, "header");
}

static bool block_check_section(Checker *c, json_object *block) {
        json_object *text = json_get(block, "text", json_type_object),
                    *fields = json_get(block, "fields", json_type_array);
        size_t n = fields ? json_object_array_length(fields) : 0;

        if (!text && n == 0)
                return checker_fail(c, must_strdup("section: neither text nor fields"));
        if (n > 10)
                return checker_fail(c, must_printf("section: %zu fields, at most 10", n));
        for (size_t i = 0; i < n; i++)
                if (!text_check(c, json_object_array_get_idx(fields, i), 2000, false, "section field"))
                        return false;
        return !text || text_check(c, text, 3000, false, "section");
}

static bool image_check(Checker *c, json_object *image) {
        const char *url = json_string(image, "image_url", ""), *alt = json_string(image, "alt_text", NULL);

        if (!*url || strlen(url) > 3000)
                return checker_fail(c, must_strdup("image: image_url is missing or above 3000 characters"));
        if (!alt || text_chars(alt) > 2000)
                return checker_fail(c, must_strdup("image: alt_text is missing or above 2000 characters"));
        return true;
}

static bool block_check_context(Checker *c, json_object *block) {
        json_object *elements = json_get(block, "elements", json_type_array);
        size_t n = elements ? json_object_array_length(elements) : 0;

        if (n < 1 || n > 10)
                return checker_fail(c, must_printf("context: %zu elements, 1 to 10 are allowed", n));
        for (size_t i = 0; i < n; i++) {
                json_object *e = json_object_array_get_idx(elements, i);
                bool is_image = strcmp(json_string(e, "type", ""), "image") == 0;
                if (is_image ? !image_check(c, e) : !text_check(c, e, 3000, false, "context"))
                        return false;
        }
        return true;
}

static bool block_check_actions(Checker *c, json_object *block) {
        size_t n = json_array_size(block, "elements");

        if (n < 1 || n > 25)
                return checker_fail(c, must_printf("actions: %zu elements, 1 to 25 are allowed", n));
        return true;
}

static bool block_check_nothing(Checker *c, json_object *block) {
        (void) c;
        (void) block;
        return true;
}

static bool block_check_markdown(Checker *c, json_object *block) {
        (void) block;
        c->server_error = true;
        return checker_fail(c, must_strdup("markdown: fails over incoming webhooks"));
}

static bool series_check(Checker *c, json_object *series, size_t n_categories) {
        json_object *data = json_get(series, "data", json_type_array);
        size_t n = data ? json_object_array_length(data) : 0;

        if (!*json_string(series, "name", ""))
                return checker_fail(c, must_strdup("data_visualization: series without a name"));
        if (n < 1 || n > 20 || n != n_categories)
                return checker_fail(c,
                                    must_printf("data_visualization: %zu points, %zu categories, at most 20",
                                                n, n_categories));
        for (size_t i = 0; i < n; i++) {
                const char *label = json_string(json_object_array_get_idx(data, i), "label", "");
                if (!*label || text_chars(label) > 20)
                        return checker_fail(
                                c, must_strdup("data_visualization: label missing or above 20 characters"));
        }
        return true;
}

static bool block_check_chart(Checker *c, json_object *block) {
        json_object *chart = json_get(block, "chart", json_type_object);
        json_object *series = json_get(chart, "series", json_type_array);
        size_t n = series ? json_object_array_length(series) : 0;
        const char *charts = c->sink->charts ? c->sink->charts : "accept";

        if (strcmp(charts, "fail") == 0)
                c->server_error = true;
        if (strcmp(charts, "accept") != 0)
                return checker_fail(c, must_strdup("data_visualization: not supported here"));
        if (++c->n_charts > CHARTS_MAX)
                return checker_fail(c, must_strdup("data_visualization: at most 2 in a message"));
        if (!chart || n < 1 || n > 6)
                return checker_fail(c, must_printf("data_visualization: %zu series, 1 to 6 are allowed", n));
        if (text_chars(json_string(block, "title", "")) > 50)
                return checker_fail(c, must_strdup("data_visualization: title above 50 characters"));
        json_object *axis = json_get(chart, "axis_config", json_type_object);
        for (size_t i = 0; i < n; i++)
                if (!series_check(c, json_object_array_get_idx(series, i),
                                  json_array_size(axis, "categories")))
                        return false;
        return true;
}

static const BlockRule rules[] = {
        { "actions",            block_check_actions },
        { "context",            block_check_context },
        { "data_visualization", block_check_chart },
        { "divider",            block_check_nothing },
        { "header",             block_check_header },
        { "image",              image_check },
        { "markdown",           block_check_markdown },
        { "rich_text",          block_check_nothing },
        { "section",            block_check_section },
        { "table",              block_check_nothing },
};

static bool blocks_check(Checker *c, json_object *blocks) {
        size_t n = json_object_array_length(blocks);

        if (n > BLOCKS_MAX)
                return checker_fail(c, must_printf("%zu blocks, at most %d", n, BLOCKS_MAX));
        for (size_t i = 0; i < n; i++) {
                json_object *block = json_object_array_get_idx(blocks, i);
                const char *type = json_string(block, "type", "");
                size_t k = 0;
                if (text_chars(json_string(block, "block_id", "")) > 255)
                        return checker_fail(c, must_strdup("block_id above 255 characters"));
                while (k < ELEMENTSOF(rules) && strcmp(rules[k].type, type) != 0)
                        k++;
                if (k == ELEMENTSOF(rules))
                        return checker_fail(c, must_printf("unknown block type \"%s\"", type));
                if (!rules[k].check(c, block))
                        return false;
        }
        return true;
}

/* Returns Slack's word for what is wrong, NULL if nothing is. */
static const char *message_check(Checker *c, json_object *body) {
        json_object *blocks = NULL, *attachments = NULL;
        const char *text = json_string(body, "text", "");

        if (!json_object_is_type(body, json_type_object))
                return "invalid_payload";
        bool has_blocks = json_object_object_get_ex(body, "blocks", &blocks);
        bool has_attachments = json_object_object_get_ex(body, "attachments", &attachments);
        if (!*text) {                   /* the text of the push notification; the service is more lenient */
                (void) checker_fail(c, must_strdup("no top-level text"));
                return "missing_text_or_fallback_or_attachments";
        }
        if (text_chars(text) > TEXT_MAX_CHARS) {
                (void) checker_fail(c, must_strdup("text above 40000 characters"));
                return "msg_too_long";
        }
        if (has_blocks && !json_object_is_type(blocks, json_type_array))
                return "invalid_blocks_format";
        if (has_blocks && !blocks_check(c, blocks))
                return "invalid_blocks";
        if (has_attachments && (!json_object_is_type(attachments, json_type_array) ||
                                json_object_array_length(attachments) > ATTACHMENTS_MAX))
                return "invalid_attachments";
        for (size_t i = 0; has_attachments && i < json_object_array_length(attachments); i++) {
                json_object *inner =
                        json_get(json_object_array_get_idx(attachments, i), "blocks", json_type_array);
                if (inner && !blocks_check(c, inner))
                        return "invalid_blocks";
        }
        return NULL;
}

/* About one message a second, short bursts tolerated. */
static bool rate_is_exceeded(Sink *sink, double now) {
        if (!sink->rate)
                return false;
        double earned = now - sink->tokens_at;
        sink->tokens_at = now;
        sink->tokens = sink->tokens + earned > sink->rate_burst ? sink->rate_burst : sink->tokens + earned;
        if (sink->tokens < 1)
                return true;
        sink->tokens -= 1;
        return false;
}

char *sink_slack_check(Sim *sim, Sink *sink, const Request *req, json_object *body, Reply *reply) {
        Checker c = { .sink = sink };

        (void) req;
        if (rate_is_exceeded(sink, clock_unbent(&sim->clock))) {
                reply_set(reply, 429, "application/json",
                          "{\"retry_after\":1,\"ok\":false,\"error\":\"rate_limited\"}");
                reply_add_header(reply, "Retry-After", "1");
                return must_strdup("rate_limited");
        }
        const char *word = body ? message_check(&c, body) : "invalid_payload";
        if (!word) {
                reply_set(reply, 200, "text/html", "ok");
                return NULL;
        }
        if (c.server_error)
                reply_set(reply, 500, "text/plain", "");
        else
                reply_set(reply, 400, "text/html", word);
        char *error = must_printf("%s%s%s", word, c.error ? ": " : "", c.error ? c.error : "");
        string_freep(&c.error);
        return error;
}
