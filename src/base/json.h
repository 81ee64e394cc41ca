#pragma once
/* Typed, tolerant reads from json-c objects. Servers of this API send null, {} or nothing for "none",
 * integers as floats or digit strings, stamps as ISO 8601 text: one place knows that. Strings are checked
 * UTF-8 and copied. Parsing itself is bounded: depth 32 (json_parse_bounded). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/macro.h"

#define JSON_DEPTH_MAX 32

static inline void json_putp(json_object **o) {
        if (*o)
                json_object_put(*o);
        *o = NULL;
}
#define _cleanup_json_ _cleanup_(json_putp)

/* One whole JSON text and nothing behind it but white space. -EBADMSG with a reason of json-c in *ret_reason
 * (static string, may be NULL to ignore), -ENOMEM. */
int json_parse_bounded(const char *text, size_t size, json_object **ret, const char **ret_reason);

/* The member of an object that is there and not null, else NULL. `o` may be anything, NULL included. */
/* The same for a text with a secret in it: the parser's own copy is wiped. */
int json_parse_secret(const char *text, size_t size, json_object **ret, const char **ret_reason);
/* Wipes a string member. */
void json_erase(json_object *o, const char *key);

json_object *json_member(json_object *o, const char *key);
json_object *json_member_object(json_object *o, const char *key);       /* a non-empty object, else NULL */
json_object *json_member_array(json_object *o, const char *key);
/* A borrowed string (valid UTF-8) or NULL. */
const char *json_member_string(json_object *o, const char *key);
/* Integers, integral floats, digit strings and, for stamps, ISO 8601 strings; fallback where there is none.
 */
int64_t json_member_int(json_object *o, const char *key, int64_t fallback);
int64_t json_member_stamp(json_object *o, const char *key, int64_t fallback);
bool json_member_bool(json_object *o, const char *key, bool fallback);
/* A finite or non-finite number, from a number or a numeric string; false if it is none. */
bool json_to_double(json_object *o, double *ret);

/* Writers. Each takes `value` whatever happens (json-c frees it on failure); -ENOMEM. NULL strings become
 * null. */
int json_add(json_object *o, const char *key, json_object *value);
int json_add_string(json_object *o, const char *key, const char *s);
int json_add_int(json_object *o, const char *key, int64_t v);
int json_add_double(json_object *o, const char *key, double v); /* null when not finite: JSON has no NaN */
int json_add_bool(json_object *o, const char *key, bool v);
/* The shortest text that reads back as the same number, whatever the locale; *ret is NULL (null) when v is
 * not finite. */
int json_double_new(double v, json_object **ret);
/* Plain, no escaped slashes; a copy. */
int json_to_text(json_object *o, char **ret);
