#pragma once
/* Typed reading of json-c objects, and conversion of libconfig settings to them: scenario files and the
 * bodies of the control endpoints have one grammar and one reader. */
#include <json-c/json.h>
#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void json_freep(json_object **o);
json_object *json_from_setting(const config_setting_t *setting);
/* NULL unless the text is one whole JSON value. */
json_object *json_from_text(const char *text, size_t size);

json_object *json_get(json_object *o, const char *key, json_type type); /* NULL unless of that type */
const char *json_string(json_object *o, const char *key, const char *fallback);
double json_double(json_object *o, const char *key, double fallback);
int64_t json_int(json_object *o, const char *key, int64_t fallback);
bool json_flag(json_object *o, const char *key, bool fallback);
size_t json_array_size(json_object *o, const char *key);

/* Says on stderr which key of o is not in the NULL-terminated list; false if there is one. */
bool json_check_keys(json_object *o, const char *where, const char *const *allowed);
