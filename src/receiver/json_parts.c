#include "receiver/json_parts.h"

#include <errno.h>

#include "base/json.h"

json_object *json_typed(const char *type) {
        _cleanup_json_ json_object *o = json_object_new_object();

        if (!o || json_add_string(o, "type", type) < 0)
                return NULL;
        return TAKE_PTR(o);
}

int json_put(json_object *o, const char *key, json_object *value) {
        return value ? json_add(o, key, value) : -ENOMEM;
}

int json_append(json_object *array, json_object *value) {
        if (!value)
                return -ENOMEM;
        if (json_object_array_add(array, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}
