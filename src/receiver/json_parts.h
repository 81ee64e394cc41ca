#pragma once
/* Three words for building JSON messages: what could not be made (NULL) is an error where it is put, so that
 * a builder checks once. Values are taken whatever happens. */

#include <json-c/json.h>

/* {"type": type}; NULL on out of memory */
json_object *json_typed(const char *type);
/* -ENOMEM when value is NULL */
int json_put(json_object *o, const char *key, json_object *value);
int json_append(json_object *array, json_object *value);
