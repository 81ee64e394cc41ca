#include "model/clip.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/text.h"
#include "model/job.h"

int clip_member(json_object *o, const char *key, size_t max_chars, char **ret) {
        json_object *v = json_member(o, key);
        const char *s = json_member_string(o, key);

        if (json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double)) {
                s = json_object_get_string(v);
                if (!s)
                        return -ENOMEM;
        }
        if (isempty(s))
                return 0;
        _cleanup_free_ char *clean = text_clean(s, max_chars, true);
        if (!clean)
                return -ENOMEM;
        if (isempty(clean))                     /* all of it was dropped */
                return 0;
        free(*ret);
        *ret = TAKE_PTR(clean);
        return 0;
}

int clip_id(json_object *o, const char *key, char **ret) {
        const char *s = json_member_string(o, key);

        *ret = NULL;
        if (isempty(s) || strlen(s) > JOB_ID_MAX)
                return 0;
        _cleanup_free_ char *clean = text_clean(s, JOB_ID_MAX, false);
        if (!clean)
                return -ENOMEM;
        if (streq(clean, s))
                *ret = TAKE_PTR(clean);
        return 0;
}

int clip_measure(json_object *o, size_t *ret) {
        const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;

        return json_object_to_json_string_length(o, flags, ret) ? 0 : -ENOMEM;
}

int clip_add(json_object *o, const char *key, const char *s, size_t max_chars) {
        if (isempty(s))
                return json_add(o, key, NULL);
        _cleanup_free_ char *clean = text_clean(s, max_chars, true);
        if (!clean)
                return -ENOMEM;
        return json_add_string(o, key, *clean ? clean : NULL);
}

/* JSON has no such numbers; as a text they are read again by json_to_double(). */
static int not_finite(double v, bool spell, json_object **ret) {
        const char *text = isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity";

        *ret = spell ? json_object_new_string(text) : NULL;
        return spell && !*ret ? -ENOMEM : 0;
}

/* *ret is NULL for null. -ENOTSUP for what is no scalar. */
static int scalar_copy(json_object *v, const ClipLimits *limits, json_object **ret) {
        _cleanup_free_ char *clean = NULL;
        json_object *copy = NULL;

        switch (json_object_get_type(v)) {
        case json_type_boolean:
        case json_type_int:
                copy = json_object_get(v);
                break;
        case json_type_double:
                /* Spelled anew: json-c reads "1." and "-.5" and keeps them, which others do not read. */
                if (!isfinite(json_object_get_double(v)))
                        return not_finite(json_object_get_double(v), limits->spell_nan, ret);
                return json_double_new(json_object_get_double(v), ret);
        case json_type_string:
                clean = text_clean(json_object_get_string(v), limits->value_chars, true);
                copy = clean ? json_object_new_string(clean) : NULL;
                break;
        case json_type_null:
                *ret = NULL;
                return 0;
        default:
                return -ENOTSUP;
        }
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

int clip_object(json_object *o, const ClipLimits *limits, bool strings_only, json_object **ret) {
        _cleanup_json_ json_object *copy = json_object_new_object();
        size_t n_bytes = 0;

        if (!copy)
                return -ENOMEM;
        *ret = NULL;
        if (!json_object_is_type(o, json_type_object))
                return 0;
        json_object_object_foreach(o, name, value) {
                if ((size_t) json_object_object_length(copy) >= limits->n_members)
                        break;
                if (strings_only && !json_object_is_type(value, json_type_string))
                        continue;
                json_object *scalar;
                int r = scalar_copy(value, limits, &scalar);
                if (r == -ENOTSUP)
                        continue;
                if (r < 0)
                        return r;
                _cleanup_free_ char *key = text_clean(name, limits->key_chars, false);
                if (!key) {
                        json_object_put(scalar);
                        return -ENOMEM;
                }
                /* A control character is never left, so only quotes and backslashes grow: two bytes each. */
                size_t size;
                r = clip_measure(scalar, &size);
                if (r < 0) {
                        json_object_put(scalar);
                        return r;
                }
                size += 2 * strlen(key) + 4;
                if (n_bytes + size > limits->n_bytes || json_object_object_get_ex(copy, key, NULL)) {
                        json_object_put(scalar);
                        continue;
                }
                n_bytes += size;
                r = json_add(copy, key, scalar);
                if (r < 0)
                        return r;
        }
        if (json_object_object_length(copy) > 0)
                *ret = TAKE_PTR(copy);
        return 0;
}
