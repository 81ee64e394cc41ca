#include <stdlib.h>
#include <string.h>

#include "jsonread.h"
#include "sim.h"
#include "sink.h"
#include "util.h"

/* Teams Workflows ("post to a channel when a webhook request is received"). The real flow takes almost
 * anything with 202 and loses the card later, unseen by the sender; here what would be lost is refused with
 * 400. */

#define DEPTH_MAX 32

static bool value_contains(json_object *o, const char *type, const char *needle, int depth) {
        if (depth > DEPTH_MAX)
                return false;
        if (json_object_is_type(o, json_type_string))
                return !type && strstr(json_object_get_string(o), needle);
        if (json_object_is_type(o, json_type_array)) {
                for (size_t i = 0; i < json_object_array_length(o); i++)
                        if (value_contains(json_object_array_get_idx(o, i), type, needle, depth + 1))
                                return true;
                return false;
        }
        if (!json_object_is_type(o, json_type_object))
                return false;
        if (type && strcmp(json_string(o, type, ""), needle) == 0)
                return true;
        json_object_object_foreach(o, key, value) {
                (void) key;
                if (value_contains(value, type, needle, depth + 1))
                        return true;
        }
        return false;
}

/* Every <at> needs its entity. */
static char *card_check_mentions(json_object *card) {
        json_object *teams = json_get(card, "msteams", json_type_object),
                    *body = json_get(card, "body", json_type_array);
        json_object *entities = json_get(teams, "entities", json_type_array);

        if (!value_contains(body, NULL, "<at>", 0))
                return NULL;
        for (size_t i = 0; entities && i < json_object_array_length(entities); i++) {
                json_object *e = json_object_array_get_idx(entities, i);
                const char *text = json_string(e, "text", "");
                if (strcmp(json_string(e, "type", ""), "mention") == 0 && *text &&
                    value_contains(body, NULL, text, 0) && json_get(e, "mentioned", json_type_object))
                        return NULL;
        }
        return must_strdup("<at> without a mention entity");
}

static char *card_check(json_object *card) {
        static const char *const versions[] = { "1.0", "1.1", "1.2", "1.3", "1.4", "1.5" };
        const char *version = json_string(card, "version", "");
        json_object *body = json_get(card, "body", json_type_array);
        size_t v = 0;

        if (strcmp(json_string(card, "type", ""), "AdaptiveCard") != 0)
                return must_strdup("Property 'type' must be 'AdaptiveCard'");
        while (v < ELEMENTSOF(versions) && strcmp(versions[v], version) != 0)
                v++;
        if (v == ELEMENTSOF(versions))
                return must_printf("version \"%s\" is not shown by Teams", version);
        if (!body || json_object_array_length(body) == 0)
                return must_strdup("the card has no body");
        for (size_t i = 0; i < json_object_array_length(body); i++)
                if (!*json_string(json_object_array_get_idx(body, i), "type", ""))
                        return must_strdup("an element of the body has no type");
        if (value_contains(card, "type", "Action.Submit", 0))
                return must_strdup("Action.Submit is not possible from a workflow");
        return card_check_mentions(card);
}

static char *envelope_check(json_object *body) {
        json_object *attachments = json_get(body, "attachments", json_type_array);
        size_t n = attachments ? json_object_array_length(attachments) : 0;

        if (strcmp(json_string(body, "type", ""), "message") != 0)
                return must_strdup("the envelope's type must be \"message\"");
        if (n == 0)
                return must_strdup("no attachments");
        for (size_t i = 0; i < n; i++) {
                json_object *a = json_object_array_get_idx(attachments, i);
                if (strcmp(json_string(a, "contentType", ""), "application/vnd.microsoft.card.adaptive") !=
                    0)
                        return must_strdup("contentType must be application/vnd.microsoft.card.adaptive");
                char *error = card_check(json_get(a, "content", json_type_object));
                if (error)
                        return error;
        }
        return NULL;
}

char *sink_teams_check(Sim *sim, Sink *sink, const Request *req, json_object *body, Reply *reply) {
        const char *type = request_header(req, "Content-Type");

        (void) sim;
        if (req->body_size > sink->size_max) {
                reply_set(reply, 413, "text/plain", "Request Entity too large");
                return must_printf("%zu bytes, at most %zu", req->body_size, sink->size_max);
        }
        char *error = !type || strncmp(type, "application/json", 16) != 0
                              ? must_strdup("Content-Type is not JSON")
                      : body ? envelope_check(body)
                             : must_strdup("the body is not JSON");
        if (!error) {
                reply_set(reply, 202, "text/plain", "");
                return NULL;
        }
        reply_set(reply, 400, "text/plain", error);
        return error;
}
