#include "config/option_read.h"

#include <errno.h>
#include <stdlib.h>

#include "base/strings.h"
#include "config/option_value.h"

#define KEYS_MAX 64U

static const OptionSpec *find_option(const OptionGroup *g, const char *key) {
        for (size_t i = 0; i < ARRAY_SIZE(g->tables); i++)
                for (const OptionSpec *o = g->tables[i]; o && o->key; o++)
                        if (streq(o->key, key))
                                return o;
        return NULL;
}

static const char *nearest_key(const OptionGroup *g, const char *key) {
        const char *keys[KEYS_MAX + 1];
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(g->tables); i++)
                for (const OptionSpec *o = g->tables[i]; o && o->key && n < KEYS_MAX; o++)
                        keys[n++] = o->key;
        for (const char *const *k = g->others; k && *k && n < KEYS_MAX; k++)
                keys[n++] = *k;
        keys[n] = NULL;
        return nearest_string(key, keys);
}

static bool key_is_known(const OptionGroup *g, const char *key) {
        return find_option(g, key) || strv_contains((char *const *) g->others, key);
}

static int complain_unknown(Reader *r, const OptionGroup *g, Node at, const char *key) {
        const char *nearest = nearest_key(g, key);

        return reader_complain(r, at, "unknown key '%s' in %s%s%s%s", key, g->label,
                               nearest ? "; did you mean '" : "", strempty(nearest), nearest ? "'?" : "");
}

/* Whether the group has an unknown key that was taken for this one: it is not missing as well. */
static bool key_is_misspelt(const OptionGroup *g, Node group, const char *key) {
        for (unsigned i = 0; i < node_length(group); i++) {
                const char *k = config_setting_name(node_child(group, i).setting);
                const char *nearest = key_is_known(g, k) ? NULL : nearest_key(g, k);
                if (nearest && streq(nearest, key))
                        return true;
        }
        return false;
}

static OptionInput input_of(const config_setting_t *s) {
        switch (config_setting_type(s)) {
        case CONFIG_TYPE_STRING:
                return (OptionInput) { .type = INPUT_STRING,
                                       .string = strempty(config_setting_get_string(s)) };
        case CONFIG_TYPE_INT:
        case CONFIG_TYPE_INT64:
                return (OptionInput) { .type = INPUT_INTEGER, .integer = config_setting_get_int64(s) };
        case CONFIG_TYPE_BOOL:
                return (OptionInput) { .type = INPUT_BOOL, .boolean = config_setting_get_bool(s) };
        default:
                return (OptionInput) { .type = INPUT_OTHER };
        }
}

static int read_value(Reader *r, const OptionGroup *g, const OptionSpec *o, Node at) {
        _cleanup_free_ char *message = NULL;
        OptionInput in = input_of(at.setting);
        unsigned line;
        const TextFile *f = node_place(at, &line);
        SecretPlace place = { .path = f->path, .mode = f->mode };

        int q = option_value_set(o, &in, &place, g->settings, &message);
        return q == -EINVAL ? reader_complain(r, at, "%s", message) : q;
}

static int read_subgroup(Reader *r, const OptionGroup *g, const OptionSpec *o, Node at) {
        _cleanup_free_ char *label = NULL;

        if (!config_setting_is_group(at.setting))
                return reader_complain(r, at, "%s must be a group: %s = { key = value; ... };", o->key,
                                       o->key);
        int q = string_printf(&label, "%s of %s", o->key, g->label);
        if (q < 0)
                return q;
        void *settings = calloc(1, o->group_size);
        if (!settings)
                return -ENOMEM;
        *(void **) ((char *) g->settings + o->offset) = settings;
        return options_read(r, &(OptionGroup) { .groups = &at, .n_groups = 1, .tables = { o->group },
                                                .label = label, .settings = settings });
}

static int read_member(Reader *r, const OptionGroup *g, const OptionSpec *o, Node at) {
        bool list = config_setting_is_list(at.setting) || config_setting_is_array(at.setting);
        int q = 0;

        if (o->type == OPTION_GROUP)
                return read_subgroup(r, g, o, at);
        if (!option_is_vector(o) || !list)
                return read_value(r, g, o, at);
        if (node_length(at) == 0)
                return reader_complain(r, at, "%s is an empty list: leave it out, or name at least one",
                                       o->key);
        for (unsigned i = 0; i < node_length(at) && q >= 0; i++)
                q = read_value(r, g, o, node_child(at, i));
        return q;
}

/* The first place of a key that stands in an earlier group as well; .setting NULL if there is none. */
static Node first_place(const OptionGroup *g, size_t before, const char *key) {
        for (size_t i = 0; i < before; i++) {
                Node n = node_member(g->groups[i], key);
                if (n.setting)
                        return n;
        }
        return (Node) {};
}

static int read_group(Reader *r, const OptionGroup *g, size_t index) {
        Node group = g->groups[index];
        int q = 0;

        for (unsigned i = 0; i < node_length(group) && q >= 0; i++) {
                Node at = node_child(group, i);
                const char *key = config_setting_name(at.setting);
                const OptionSpec *o = find_option(g, key);
                if (!o) {
                        if (!key_is_known(g, key))
                                q = complain_unknown(r, g, at, key);
                        continue;
                }
                Node first = first_place(g, index, key);
                if (!first.setting) {
                        q = read_member(r, g, o, at);
                        continue;
                }
                _cleanup_free_ char *where = NULL;
                q = node_describe(first, &where);
                if (q >= 0)
                        q = reader_complain(r, at, "%s is already set at %s", key, where);
        }
        return q;
}

static int read_default(Reader *r, const OptionGroup *g, const OptionSpec *o) {
        if (first_place(g, g->n_groups, o->key).setting)
                return 0;
        if (o->fallback)
                return option_value_set_fallback(o, g->settings);
        if (!(o->flags & OPTION_REQUIRED) || key_is_misspelt(g, g->groups[0], o->key))
                return 0;
        if (o->instead && (first_place(g, g->n_groups, o->instead).setting ||
                           key_is_misspelt(g, g->groups[0], o->instead)))
                return 0;
        return reader_complain(r, g->groups[0], "%s lacks %s%s%s", g->label, o->key,
                               o->instead ? " or " : "", strempty(o->instead));
}

int options_read(Reader *r, const OptionGroup *g) {
        int q = 0;

        for (size_t i = 0; i < g->n_groups && q >= 0; i++)
                q = read_group(r, g, i);
        for (size_t i = 0; i < ARRAY_SIZE(g->tables) && q >= 0; i++)
                for (const OptionSpec *o = g->tables[i]; o && o->key && q >= 0; o++)
                        q = read_default(r, g, o);
        return q;
}
