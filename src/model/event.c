#include "model/job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/text.h"
#include "model/job_json.h"

static const struct {
        const char *name;
        EventLevel level;
} levels[] = {
        { "info", EVENT_LEVEL_INFO },
        { "warning", EVENT_LEVEL_WARNING },     /* Azure api 2024-10-21 */
        { "warn", EVENT_LEVEL_WARNING },        /* OpenAI, Azure v1 */
        { "error", EVENT_LEVEL_ERROR },
};

/* Metric events hold a dozen numbers; names of new ones are kept. */
static const EventJsonLimits unlimited = {
        .message_chars = EVENT_MESSAGE_MAX,
        .data = { .n_members = 64, .key_chars = 64, .value_chars = 512, .n_bytes = 16 * 1024,
                  .spell_nan = true },
};

const char *event_level_to_string(EventLevel level) {
        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                if (levels[i].level == level)
                        return levels[i].name;
        return "info";
}

static EventLevel event_level_from_string(const char *s) {
        for (size_t i = 0; s && i < ARRAY_SIZE(levels); i++)
                if (strcasecmp(levels[i].name, s) == 0)
                        return levels[i].level;
        return EVENT_LEVEL_INFO;
}

Event *event_free(Event *e) {
        if (!e)
                return NULL;
        free(e->id);
        free(e->message);
        json_object_put(e->data);
        free(e);
        return NULL;
}

int event_from_json(json_object *o, Event **ret) {
        if (!json_object_is_type(o, json_type_object))
                return -EBADMSG;
        _cleanup_(event_freep) Event *e = calloc(1, sizeof *e);
        const char *type = json_member_string(o, "type");
        if (!e)
                return -ENOMEM;

        /* An id that cannot be one is none: the event is known by what it says. */
        int r = clip_id(o, "id", &e->id);
        if (r < 0)
                return r;
        e->created_at = json_member_stamp(o, "created_at", 0);
        e->level = event_level_from_string(json_member_string(o, "level"));
        r = clip_member(o, "message", EVENT_MESSAGE_MAX, &e->message);
        if (r >= 0 && !e->message)
                r = free_and_strdup(&e->message, "");
        if (r >= 0)
                r = clip_object(json_member(o, "data"), &unlimited.data, false, &e->data);
        if (r < 0)
                return r;
        e->step = json_member_int(e->data, "step", -1);
        if (e->step < 0)
                e->step = -1;
        e->is_metrics = e->step >= 0 || streq_null(type, "metrics");
        *ret = TAKE_PTR(e);
        return 0;
}

/* A text, if an empty one: an event's message is never null. */
static int event_add_message(json_object *o, const char *message, size_t max_chars) {
        _cleanup_free_ char *clean = text_clean(message, max_chars, true);

        return clean ? json_add_string(o, "message", clean) : -ENOMEM;
}

int event_make_json(const Event *e, const EventJsonLimits *limits, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *data = NULL;
        int r;

        if (!o)
                return -ENOMEM;
        if ((r = json_add_string(o, "id", e->id)) < 0 ||
            (r = json_add_int(o, "created_at", e->created_at)) < 0 ||
            (r = json_add_string(o, "level", event_level_to_string(e->level))) < 0 ||
            (r = event_add_message(o, e->message, limits->message_chars)) < 0 ||
            (r = json_add_string(o, "type", e->is_metrics ? "metrics" : "message")) < 0 ||
            (r = clip_object(e->data, &limits->data, false, &data)) < 0 ||
            (r = json_add(o, "data", data)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

int event_to_json(const Event *e, json_object **ret) {
        return event_make_json(e, &unlimited, ret);
}

int event_key(const Event *e, unsigned nth, uint8_t ret[static EVENT_KEY_SIZE]) {
        _cleanup_(buf_done) Buf text = BUF_INIT(32 * 1024);
        uint8_t digest[SHA256_SIZE];

        if (!e->id)
                (void) buf_printf(&text, "nth\n%" PRIi64 "\n%d\n%u\n%s", e->created_at, (int) e->level, nth,
                                  e->message);
        else if (e->step >= 0)
                (void) buf_printf(&text, "step\n%zu:%s\n%" PRIi64, strlen(e->id), e->id, e->step);
        else
                (void) buf_printf(&text, "id\n%zu:%s\n%s", strlen(e->id), e->id, e->message);
        if (text.error < 0)
                return text.error;
        int r = sha256(text.data, text.size, digest);
        if (r < 0)
                return r;
        memcpy(ret, digest, EVENT_KEY_SIZE);
        return 0;
}
