#include "jsonread.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 64

void json_freep(json_object **o) {
        (void) json_object_put(*o);
}

json_object *json_from_setting(const config_setting_t *setting) {
        int n = config_setting_length(setting);

        switch (config_setting_type(setting)) {
        case CONFIG_TYPE_GROUP: {
                json_object *o = json_object_new_object();
                for (int i = 0; i < n; i++) {
                        config_setting_t *member = config_setting_get_elem(setting, (unsigned) i);
                        (void) json_object_object_add(o, config_setting_name(member),
                                                      json_from_setting(member));
                }
                return o;
        }
        case CONFIG_TYPE_ARRAY:
        case CONFIG_TYPE_LIST: {
                json_object *a = json_object_new_array();
                for (int i = 0; i < n; i++)
                        (void) json_object_array_add(
                                a, json_from_setting(config_setting_get_elem(setting, (unsigned) i)));
                return a;
        }
        case CONFIG_TYPE_INT:
                return json_object_new_int64(config_setting_get_int(setting));
        case CONFIG_TYPE_INT64:
                return json_object_new_int64(config_setting_get_int64(setting));
        case CONFIG_TYPE_FLOAT:
                return json_object_new_double(config_setting_get_float(setting));
        case CONFIG_TYPE_BOOL:
                return json_object_new_boolean(config_setting_get_bool(setting));
        case CONFIG_TYPE_STRING:
                return json_object_new_string(config_setting_get_string(setting));
        default:
                return NULL;
        }
}

json_object *json_from_text(const char *text, size_t size) {
        json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
        if (!tokener || size > INT32_MAX) {
                if (tokener)
                        json_tokener_free(tokener);
                return NULL;
        }
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        json_object *o = json_tokener_parse_ex(tokener, text, (int) size);
        if (json_tokener_get_error(tokener) != json_tokener_success ||
            json_tokener_get_parse_end(tokener) != size) {
                (void) json_object_put(o);
                o = NULL;
        }
        json_tokener_free(tokener);
        return o;
}

json_object *json_get(json_object *o, const char *key, json_type type) {
        json_object *value = NULL;

        if (!json_object_object_get_ex(o, key, &value) || !json_object_is_type(value, type))
                return NULL;
        return value;
}

const char *json_string(json_object *o, const char *key, const char *fallback) {
        json_object *value = json_get(o, key, json_type_string);
        return value ? json_object_get_string(value) : fallback;
}

double json_double(json_object *o, const char *key, double fallback) {
        json_object *value = NULL;

        if (!json_object_object_get_ex(o, key, &value) ||
            (!json_object_is_type(value, json_type_double) && !json_object_is_type(value, json_type_int)))
                return fallback;
        return json_object_get_double(value);
}

int64_t json_int(json_object *o, const char *key, int64_t fallback) {
        json_object *value = json_get(o, key, json_type_int);
        return value ? json_object_get_int64(value) : fallback;
}

bool json_flag(json_object *o, const char *key, bool fallback) {
        json_object *value = json_get(o, key, json_type_boolean);
        return value ? json_object_get_boolean(value) : fallback;
}

size_t json_array_size(json_object *o, const char *key) {
        json_object *value = json_get(o, key, json_type_array);
        return value ? json_object_array_length(value) : 0;
}

bool json_check_keys(json_object *o, const char *where, const char *const *allowed) {
        bool good = true;

        if (!json_object_is_type(o, json_type_object)) {
                (void) fprintf(stderr, "ftsim: %s must be a group\n", where);
                return false;
        }
        json_object_object_foreach(o, key, value) {
                (void) value;
                const char *const *p = allowed;
                while (*p && strcmp(*p, key) != 0)
                        p++;
                if (*p)
                        continue;
                (void) fprintf(stderr, "ftsim: %s: unknown key \"%s\"\n", where, key);
                good = false;
        }
        return good;
}
