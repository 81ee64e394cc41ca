#include "config/sections.h"

#include <errno.h>
#include <stdlib.h>

#include "base/strings.h"
#include "config/option_read.h"

#define NAME_MAX_LENGTH 64U
#define ENTRIES_MAX 5000U               /* of each list */

static int read_source(Reader *r, Node at);
static int read_receiver(Reader *r, Node at);
static int read_rule(Reader *r, Node at);

static const struct {
        const char *key, *entry;
        int (*read)(Reader *r, Node at);
} lists[] = {
        { "sources", "source", read_source },
        { "receivers", "receiver", read_receiver },
        { "rules", "rule", read_rule },
};
const char *const config_lists[] = { "sources", "receivers", "rules", NULL };

const OptionSpec rule_options[] = {
        { .key = "types", .type = OPTION_STRV, .offset = offsetof(Rule, types),
          .help = "types of notices, as \"job.failed\" or \"source.*\"; without: all" },
        { .key = "sources", .type = OPTION_STRV, .offset = offsetof(Rule, sources),
          .help = "names of sources, with wildcards" },
        { .key = "models", .type = OPTION_STRV, .offset = offsetof(Rule, models),
          .help = "base models or fine-tuned models, with wildcards" },
        { .key = "suffixes", .type = OPTION_STRV, .offset = offsetof(Rule, suffixes),
          .help = "suffixes of jobs, with wildcards" },
        { .key = "jobs", .type = OPTION_STRV, .offset = offsetof(Rule, jobs),
          .help = "ids of jobs, with wildcards" },
        { .key = "metrics", .type = OPTION_STRV, .offset = offsetof(Rule, metrics),
          .help = "conditions, as \"train_loss > 5\", \"valid_loss rising for 3\" or \"train_loss is "
                  "nan\"" },
        { .key = "to", .type = OPTION_STRV, .flags = OPTION_REQUIRED, .offset = offsetof(Rule, to),
          .help = "names of the receivers" },
        {},
};

static bool name_is_valid(const char *name) {
        size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

        return n > 0 && n <= NAME_MAX_LENGTH && !name[n];
}

/* The name as written, or NULL; for labels. */
static const char *written_name(Node group) {
        const char *name = NULL;

        (void) config_setting_lookup_string(group.setting, "name", &name);
        return name && name_is_valid(name) ? name : NULL;
}

static int make_label(Node group, const char *entry, char **ret) {
        const char *name = written_name(group);

        return name ? string_printf(ret, "%s '%s'", entry, name) : string_printf(ret, "%s", entry);
}

/* A name is well-formed and the only one of its list. */
static int check_name(Reader *r, Node at, const NodeList *before, const char *entry, const char *name) {
        _cleanup_free_ char *where = NULL;
        Node place = node_member(at, "name");

        if (!name)
                return 0;
        if (!name_is_valid(name))
                return reader_complain(r, place,
                                       "name must be 1 to %u letters, digits, dots, dashes and underscores",
                                       NAME_MAX_LENGTH);
        for (size_t i = 0; i < before->n; i++) {
                const char *other = written_name(before->list[i]);
                if (!other || !streq(other, name))
                        continue;
                int q = node_describe(node_member(before->list[i], "name"), &where);
                if (q < 0)
                        return q;
                return reader_complain(r, place, "the name '%s' is already that of the %s at %s", name,
                                       entry, where);
        }
        return 0;
}

typedef struct SourceComplaint {
        Reader *reader;
        Node source;
} SourceComplaint;

static int on_source_complaint(const char *key, const char *message, void *userdata) {
        SourceComplaint *c = userdata;
        const char *dot = strchr(key, '.');
        _cleanup_free_ char *group = dot ? strndup(key, (size_t) (dot - key)) : NULL;
        Node at = c->source;

        /* The innermost place that is there. */
        if (group && node_member(at, group).setting)
                at = node_member(at, group);
        Node member = node_member(at, dot ? dot + 1 : key);
        return reader_complain(c->reader, member.setting ? member : at, "%s", message);
}

static int read_source(Reader *r, Node at) {
        SourceSettings **grown = reallocarray(r->config->sources, r->config->n_sources + 1,
                                              sizeof(SourceSettings *));
        _cleanup_free_ char *label = NULL;
        SourceSettings *s;

        if (!grown)
                return -ENOMEM;
        r->config->sources = grown;
        int q = source_settings_new(&s);
        if (q < 0)
                return q;
        grown[r->config->n_sources++] = s;
        q = make_label(at, "source", &label);
        if (q < 0)
                return q;
        OptionGroup g = { .groups = &at, .n_groups = 1, .tables = { source_options }, .label = label,
                          .settings = s };
        q = options_read(r, &g);
        if (q >= 0)
                q = check_name(r, at, &r->sources, "source", s->name);
        if (q >= 0)
                q = source_settings_check(s, on_source_complaint, &(SourceComplaint) { r, at });
        return q < 0 && q != -EINVAL ? q : node_list_add(&r->sources, at);
}

/* The kind decides which keys there are: without it nothing else can be said. */
static int find_kind(Reader *r, Node at, const char *label, const ReceiverKind **ret) {
        Node node = node_member(at, "kind");
        const char *name;

        *ret = NULL;
        if (!node.setting)
                return reader_complain(r, at, "%s lacks kind", label);
        if (config_setting_type(node.setting) != CONFIG_TYPE_STRING)
                return reader_complain(r, node, "kind must be a string, in double quotes");
        name = strempty(config_setting_get_string(node.setting));
        *ret = receiver_kind_find(name);
        if (*ret)
                return 0;
        const char *nearest = nearest_string(name, receiver_kind_names());
        if (nearest)
                return reader_complain(r, node, "unknown kind '%s'; did you mean '%s'?", name, nearest);
        char list[256] = "";
        for (const char *const *k = receiver_kind_names(); *k; k++)
                if (strlen(list) + strlen(*k) + 3 < sizeof list) {
                        (void) stpcpy(stpcpy(list + strlen(list), *list ? ", " : ""), *k);
                }
        return reader_complain(r, node, "unknown kind '%s': there are %s", name, list);
}

static int check_receiver(Reader *r, Node at, const char *label, const ReceiverCommon *c) {
        _cleanup_free_ char *message = NULL;

        if (c->backoff_min_usec > 0 && c->backoff_max_usec > 0 &&
            c->backoff_min_usec > c->backoff_max_usec) {
                int q = reader_complain(r, at, "%s: backoff_min must not be more than backoff_max", label);
                if (q < 0)
                        return q;
        }
        int q = c->kind->check ? c->kind->check(c, &message) : 0;
        return q == -EINVAL ? reader_complain(r, at, "%s: %s", label, message) : q;
}

static int fill_receiver(Reader *r, Node at, const char *label, ReceiverCommon *c) {
        static const char *const others[] = { "kind", NULL };
        size_t n_before = r->errors->n;
        OptionGroup g = {
                .groups = &at, .n_groups = 1, .tables = { receiver_common_options, c->kind->options },
                .others = others, .label = label, .settings = c,
        };

        int q = options_read(r, &g);
        if (q >= 0)
                q = check_name(r, at, &r->receivers, "receiver", c->name);
        /* The kind's own check may count on every field that is required. */
        return q < 0 || r->errors->n > n_before ? q : check_receiver(r, at, label, c);
}

static int read_receiver(Reader *r, Node at) {
        ReceiverCommon **grown = reallocarray(r->config->receivers, r->config->n_receivers + 1,
                                              sizeof(ReceiverCommon *));
        _cleanup_free_ char *label = NULL;
        const ReceiverKind *kind;

        if (!grown)
                return -ENOMEM;
        r->config->receivers = grown;
        int q = make_label(at, "receiver", &label);
        if (q >= 0)
                q = find_kind(r, at, label, &kind);
        if (q >= 0 && kind) {
                ReceiverCommon *c;
                q = receiver_settings_new(kind, &c);
                if (q >= 0) {
                        grown[r->config->n_receivers++] = c;
                        q = fill_receiver(r, at, label, c);
                }
        }
        return q < 0 ? q : node_list_add(&r->receivers, at);
}

static int read_rule(Reader *r, Node at) {
        Rule *grown = reallocarray(r->config->rules, r->config->n_rules + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        r->config->rules = grown;
        Rule *rule = &grown[r->config->n_rules++];
        *rule = (Rule) {};
        OptionGroup g = { .groups = &at, .n_groups = 1, .tables = { rule_options }, .label = "rule",
                          .settings = rule };
        int q = options_read(r, &g);
        return q < 0 ? q : node_list_add(&r->rules, at);
}

static int read_list(Reader *r, Node list, size_t kind) {
        int q = 0;

        if (!config_setting_is_list(list.setting))
                return reader_complain(r, list, "%s must be a list of groups: %s = ( { ... }, { ... } );",
                                       lists[kind].key, lists[kind].key);
        if (node_length(list) > ENTRIES_MAX)
                return reader_complain(r, list, "%s has more than %u entries", lists[kind].key, ENTRIES_MAX);
        for (unsigned i = 0; i < node_length(list) && q >= 0; i++) {
                Node at = node_child(list, i);
                if (config_setting_is_group(at.setting))
                        q = lists[kind].read(r, at);
                else
                        q = reader_complain(r, at, "a %s is a group: { key = value; ... }",
                                            lists[kind].entry);
        }
        return q;
}

int sections_read(Reader *r) {
        int q = 0;

        for (size_t f = 0; f < r->n_files; f++)
                for (size_t i = 0; i < ARRAY_SIZE(lists) && r->files[f]->parsed && q >= 0; i++) {
                        Node root = { r->files[f], config_root_setting(&r->files[f]->tree) };
                        Node list = node_member(root, lists[i].key);
                        if (list.setting)
                                q = read_list(r, list, i);
                }
        return q;
}
