#include "base/json.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include <json-c/printbuf.h>

#include "base/strings.h"
#include "base/text.h"
#include "base/time.h"

static bool blank_from(const char *text, size_t at, size_t size) {
        for (; at < size; at++)
                if (text[at] == '\0' || !strchr(" \t\r\n", text[at]))
                        return false;
        return true;
}

static int parse(const char *text, size_t size, bool wipe, json_object **ret, const char **ret_reason) {
        const char *reason = NULL;
        json_object *o = NULL;

        if (size > INT_MAX)
                return -EFBIG;
        json_tokener *t = json_tokener_new_ex(JSON_DEPTH_MAX);
        if (!t)
                return -ENOMEM;
        /* json-c's own UTF-8 check accepts overlong forms: strings are checked again where they are read. */
        json_tokener_set_flags(t, JSON_TOKENER_VALIDATE_UTF8);
        o = json_tokener_parse_ex(t, text, (int) size);
        enum json_tokener_error e = json_tokener_get_error(t);
        size_t end = json_tokener_get_parse_end(t);
        if (e == json_tokener_continue && !o) {
                o = json_tokener_parse_ex(t, "", 1);    /* the NUL ends a bare number */
                e = json_tokener_get_error(t);
        }
        if (wipe && t->pb)
                explicit_bzero(t->pb->buf, (size_t) t->pb->size);
        json_tokener_free(t);
        if (e != json_tokener_success)
                reason = blank_from(text, 0, size) ? "empty" : json_tokener_error_desc(e);
        else if (!blank_from(text, end, size))
                reason = "text behind the end";
        if (reason) {
                json_object_put(o);
                if (ret_reason)
                        *ret_reason = reason;
                return -EBADMSG;
        }
        *ret = o;
        return 0;
}

int json_parse_bounded(const char *text, size_t size, json_object **ret, const char **ret_reason) {
        return parse(text, size, false, ret, ret_reason);
}

int json_parse_secret(const char *text, size_t size, json_object **ret, const char **ret_reason) {
        return parse(text, size, true, ret, ret_reason);
}

void json_erase(json_object *o, const char *key) {
        json_object *v = json_member(o, key);

        if (json_object_is_type(v, json_type_string))
                explicit_bzero((char *) json_object_get_string(v), (size_t) json_object_get_string_len(v));
}

json_object *json_member(json_object *o, const char *key) {
        json_object *v;

        if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v))
                return NULL;
        return v;
}

json_object *json_member_object(json_object *o, const char *key) {
        json_object *v = json_member(o, key);

        return json_object_is_type(v, json_type_object) && json_object_object_length(v) > 0 ? v : NULL;
}

json_object *json_member_array(json_object *o, const char *key) {
        json_object *v = json_member(o, key);

        return json_object_is_type(v, json_type_array) ? v : NULL;
}

const char *json_member_string(json_object *o, const char *key) {
        json_object *v = json_member(o, key);

        if (!json_object_is_type(v, json_type_string))
                return NULL;
        const char *s = json_object_get_string(v);
        size_t size = (size_t) json_object_get_string_len(v);
        /* An embedded NUL would cut the string short in silence. */
        return strlen(s) == size && utf8_is_valid(s, size) ? s : NULL;
}

bool json_to_double(json_object *o, double *ret) {
        switch (json_object_get_type(o)) {
        case json_type_int:
        case json_type_double:
                *ret = json_object_get_double(o);
                return true;
        case json_type_string:
                return parse_double(json_object_get_string(o), ret) == 0;
        default:
                return false;
        }
}

int64_t json_member_int(json_object *o, const char *key, int64_t fallback) {
        json_object *v = json_member(o, key);
        double d;

        if (json_object_is_type(v, json_type_int))
                return json_object_get_int64(v);
        const char *s = json_member_string(o, key);
        int64_t i;
        if (s && parse_int64(s, &i) == 0)
                return i;
        if (!json_to_double(v, &d) || !isfinite(d) || d != trunc(d) ||
            fabs(d) > 9007199254740992.0 /* 2^53 */)
                return fallback;
        return (int64_t) d;
}

int64_t json_member_stamp(json_object *o, const char *key, int64_t fallback) {
        const char *s = json_member_string(o, key);
        int64_t stamp;

        if (s && parse_stamp_iso(s, &stamp) == 0)
                return stamp;
        double d;
        if (json_to_double(json_member(o, key), &d) && isfinite(d) && fabs(d) < 9007199254740992.0)
                return (int64_t) d;
        return fallback;
}

bool json_member_bool(json_object *o, const char *key, bool fallback) {
        json_object *v = json_member(o, key);

        return json_object_is_type(v, json_type_boolean) ? json_object_get_boolean(v) : fallback;
}

int json_add(json_object *o, const char *key, json_object *value) {
        if (json_object_object_add(o, key, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

/* For values that must not be NULL because of missing memory. */
static int json_add_made(json_object *o, const char *key, json_object *value) {
        return value ? json_add(o, key, value) : -ENOMEM;
}

int json_add_string(json_object *o, const char *key, const char *s) {
        return s ? json_add_made(o, key, json_object_new_string(s)) : json_add(o, key, NULL);
}

int json_add_int(json_object *o, const char *key, int64_t v) {
        return json_add_made(o, key, json_object_new_int64(v));
}

int json_double_new(double v, json_object **ret) {
        char text[DOUBLE_TEXT_MAX];

        json_object *o = isfinite(v) ? json_object_new_double_s(v, format_double(v, text)) : NULL;
        if (isfinite(v) && !o)
                return -ENOMEM;
        *ret = o;
        return 0;
}

int json_add_double(json_object *o, const char *key, double v) {
        json_object *value;

        int r = json_double_new(v, &value);
        return r < 0 ? r : json_add(o, key, value);
}

int json_add_bool(json_object *o, const char *key, bool v) {
        return json_add_made(o, key, json_object_new_boolean(v));
}

int json_to_text(json_object *o, char **ret) {
        const char *s =
                json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        char *copy = s ? strdup(s) : NULL;

        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}
