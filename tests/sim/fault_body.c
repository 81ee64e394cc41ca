#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "jsonread.h"
#include "sim.h"
#include "util.h"

#define HUGE_DEFAULT ((size_t) 64 * 1024 * 1024)
#define DEEP_DEFAULT 100000
#define GARBAGE_SIZE 1500

void fault_apply_status(const Fault *f, Reply *reply, uint64_t dice) {
        unsigned status = f->status ? f->status : 500;
        _cleanup_(string_freep) char *body = NULL;

        (void) dice;
        if (f->body)
                body = must_strdup(f->body);
        else if (status == 429)
                body = must_strdup(
                        "{\"error\":{\"code\":\"429\",\"message\":\"Rate limit is exceeded. Try again in 2 "
                        "seconds.\"}}");
        else
                body = must_printf(
                        "{\"error\":{\"code\":\"%u\",\"message\":\"The simulator was told to answer %u.\"}}",
                        status, status);
        reply_set(reply, status, f->body && f->body[0] != '{' ? "text/plain" : "application/json", body);
}

void fault_apply_slow(const Fault *f, Reply *reply, uint64_t dice) {
        (void) f;                       /* the delay is every kind's */
        (void) reply;
        (void) dice;
}

void fault_apply_truncate(const Fault *f, Reply *reply, uint64_t dice) {
        (void) f;
        (void) dice;
        reply->cut = reply->size / 2;
}

void fault_apply_reset(const Fault *f, Reply *reply, uint64_t dice) {
        (void) f;
        (void) dice;
        reply->status = 0;
}

void fault_apply_garbage(const Fault *f, Reply *reply, uint64_t dice) {
        size_t size = f->bytes ? f->bytes : GARBAGE_SIZE;
        char *body = must_calloc(size, 1);

        for (size_t i = 0; i < size; i++)
                body[i] = (char) random_next(&dice);
        reply_take(reply, f->status ? f->status : 200, "application/json", body, size);
}

void fault_apply_html(const Fault *f, Reply *reply, uint64_t dice) {
        (void) dice;
        reply_set(reply, f->status ? f->status : 200, "text/html",
                  f->body ? f->body
                          : "<!DOCTYPE html><html><head><title>Bad gateway</title></head><body>"
                            "<h1>502 Bad gateway</h1>"
                            "<p>The web server reported a bad gateway error.</p></body></html>\n");
}

void fault_apply_null(const Fault *f, Reply *reply, uint64_t dice) {
        (void) dice;
        reply_set(reply, f->status ? f->status : 200, "application/json", "null");
}

void fault_apply_huge(const Fault *f, Reply *reply, uint64_t dice) {
        (void) dice;
        reply_set(reply, f->status ? f->status : 200, "application/json",
                  "{\"object\":\"list\",\"data\":[\"");
        reply->filler = f->bytes ? f->bytes : HUGE_DEFAULT;
}

void fault_apply_deep(const Fault *f, Reply *reply, uint64_t dice) {
        static const char head[] = "{\"object\":\"list\",\"data\":", tail[] = ",\"has_more\":false}";
        size_t depth = f->bytes ? f->bytes : DEEP_DEFAULT;
        char *body = must_calloc(2 * depth + sizeof head + sizeof tail, 1),
             *p = mempcpy(body, head, sizeof head - 1);

        (void) dice;
        memset(p, '[', depth);
        memset(p + depth, ']', depth);
        p = mempcpy(p + 2 * depth, tail, sizeof tail - 1);
        reply_take(reply, f->status ? f->status : 200, "application/json", body, (size_t) (p - body));
}

static size_t json_count(json_object *o) {
        size_t n = 1;

        if (json_object_is_type(o, json_type_object)) {
                json_object_object_foreach(o, key, value) {
                        (void) key;
                        n += json_count(value);
                }
        } else if (json_object_is_type(o, json_type_array))
                for (size_t i = 0; i < json_object_array_length(o); i++)
                        n += json_count(json_object_array_get_idx(o, i));
        return n;
}

static json_object *json_other_type(json_object *o) {
        switch (json_object_get_type(o)) {
        case json_type_string:
                return json_object_new_int64(7);
        case json_type_int:
        case json_type_double:
                return json_object_new_string("not a number");
        case json_type_object:
                return json_object_new_array();
        case json_type_array:
                return json_object_new_string("not a list");
        case json_type_boolean:
                return json_object_new_string("perhaps");
        default:
                return json_object_new_boolean(true);
        }
}

/* A copy in which the value number *left (in order of appearance) has another type. */
static json_object *json_spoil(json_object *o, size_t *left) {
        if (*left > 0 && --*left == 0)
                return json_other_type(o);
        if (json_object_is_type(o, json_type_object)) {
                json_object *copy = json_object_new_object();
                json_object_object_foreach(o, key, value)
                        (void) json_object_object_add(copy, key, json_spoil(value, left));
                return copy;
        }
        if (json_object_is_type(o, json_type_array)) {
                json_object *copy = json_object_new_array();
                for (size_t i = 0; i < json_object_array_length(o); i++)
                        (void) json_object_array_add(copy,
                                                     json_spoil(json_object_array_get_idx(o, i), left));
                return copy;
        }
        return json_object_get(o);
}

void fault_apply_wrong_type(const Fault *f, Reply *reply, uint64_t dice) {
        json_object *o = json_from_text(reply->body, reply->size);

        if (!o) {
                reply_set(reply, f->status ? f->status : 200, "application/json",
                          "{\"object\":7,\"data\":\"none\"}");
                return;
        }
        size_t which = 1 + random_next(&dice) % json_count(o);
        json_object *spoilt = json_spoil(o, &which);
        (void) json_object_put(o);
        reply_set_json(reply, f->status ? f->status : reply->status, spoilt);
}

void fault_apply_bad_utf8(const Fault *f, Reply *reply, uint64_t dice) {
        /* An overlong sequence, a lone continuation byte, a byte that UTF-8 never has. */
        static const char bad[] = "\xc0\xaf\x80\xff";
        size_t cut = 0, size = reply->size + sizeof bad - 1;

        (void) dice;
        /* Behind the first letter of a value: {"id":"f... */
        char *value = reply->body ? memmem(reply->body, reply->size, ":\"", 2) : NULL;
        if (value)
                cut = (size_t) (value - reply->body) + 2;
        char *body = must_calloc(size + 1, 1), *p = body;
        if (reply->body) {
                p = mempcpy(p, reply->body, cut);
                p = mempcpy(p, bad, sizeof bad - 1);
                (void) mempcpy(p, reply->body + cut, reply->size - cut);
        } else
                memcpy(body, bad, sizeof bad - 1);
        reply_take(reply, f->status ? f->status : reply->status, "application/json", body, size);
}

void fault_apply_empty(const Fault *f, Reply *reply, uint64_t dice) {
        (void) dice;
        reply_set(reply, f->status ? f->status : 200, "application/json", "");
}

void fault_apply_redirect(const Fault *f, Reply *reply, uint64_t dice) {
        (void) dice;
        reply_set(reply, f->status ? f->status : 302, "text/plain", "");
        reply_add_header(reply, "Location", f->location ? f->location : "/elsewhere");
}
