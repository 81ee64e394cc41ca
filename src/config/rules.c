/*
 * What rules name must be there: receivers, notice types, sources. A pattern of types that matches
 * nothing is a slip of the pen; a pattern of sources may well wait for a source that comes later, a plain
 * name may not.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>

#include "base/strings.h"
#include "config/sections.h"
#include "model/condition.h"
#include "model/notice.h"

/* The i-th string of a member that is a string or a list of strings; NULL where it is none. */
static const char *member_string(Node member, unsigned i, Node *ret_at) {
        bool single = config_setting_type(member.setting) == CONFIG_TYPE_STRING;

        *ret_at = single ? member : node_child(member, i);
        return config_setting_get_string(ret_at->setting);
}

static unsigned member_count(Node rule, const char *key, Node *ret) {
        *ret = node_member(rule, key);
        if (!ret->setting)
                return 0;
        if (config_setting_type(ret->setting) == CONFIG_TYPE_STRING)
                return 1;
        bool list = config_setting_is_list(ret->setting) || config_setting_is_array(ret->setting);
        return list ? node_length(*ret) : 0;
}

static bool any_match(const char *pattern, const char *const *names) {
        for (; *names; names++)
                if (fnmatch(pattern, *names, 0) == 0)
                        return true;
        return false;
}

static int check_names(Reader *r, Node rule, const char *key, const char *what, const char *const *names,
                       bool (*accept)(const char *s, const char *const *names)) {
        Node member;
        unsigned n = member_count(rule, key, &member);
        int q = 0;

        for (unsigned i = 0; i < n && q >= 0; i++) {
                Node at;
                const char *s = member_string(member, i, &at);
                if (isempty(s) || accept(s, names))
                        continue;
                const char *nearest = nearest_string(s, names);
                q = reader_complain(r, at, "%s: there is no %s '%s'%s%s%s", key, what, s,
                                    nearest ? "; did you mean '" : "", strempty(nearest),
                                    nearest ? "'?" : "");
        }
        return q;
}

static bool accept_exact(const char *s, const char *const *names) {
        return strv_contains((char *const *) names, s);
}

static bool accept_source(const char *s, const char *const *names) {
        return strpbrk(s, "*?[") || accept_exact(s, names);
}

/* The names of a list as they are written, so that one that has other mistakes is not missed as well. */
static int names_of(const NodeList *l, const char ***ret) {
        const char **names = calloc(l->n + 1, sizeof *names);
        size_t n = 0;

        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < l->n; i++)
                if (config_setting_lookup_string(l->list[i].setting, "name", &names[n]) == CONFIG_TRUE &&
                    names[n])
                        n++;
        names[n] = NULL;
        *ret = names;
        return 0;
}

/* Mistakes are told where they stand; what is right gets its one spelling, by which notices know it. */
static int check_conditions(Reader *r, Node node, Rule *rule) {
        char text[CONDITION_TEXT_MAX];
        Condition c;
        Node member;
        unsigned n = member_count(node, "metrics", &member);
        int q = 0;

        for (unsigned i = 0; i < n && q >= 0; i++) {
                Node at;
                const char *s = member_string(member, i, &at);
                if (!isempty(s) && condition_parse(s, &c) < 0)
                        q = reader_complain(r, at, "metrics: '%s' is no condition; there are: "
                                            CONDITION_FORMS, s);
        }
        for (char **s = rule->metrics; s && *s && q >= 0; s++)
                if (condition_parse(*s, &c) == 0)
                        q = free_and_strdup(s, condition_to_text(&c, text));
        return q;
}

int sections_check_rules(Reader *r) {
        /* The families are there for "did you mean". */
        const char *types[_NOTICE_TYPE_MAX + 4] = {
                [_NOTICE_TYPE_MAX] = "job.*", [_NOTICE_TYPE_MAX + 1] = "source.*",
                [_NOTICE_TYPE_MAX + 2] = "receiver.*",
        };
        _cleanup_free_ const char **sources = NULL, **receivers = NULL;

        for (int i = 0; i < _NOTICE_TYPE_MAX; i++)
                types[i] = notice_type_info((NoticeType) i)->name;
        int q = names_of(&r->sources, &sources);
        if (q >= 0)
                q = names_of(&r->receivers, &receivers);
        for (size_t i = 0; i < r->rules.n && q >= 0; i++) {
                Node rule = r->rules.list[i];
                q = check_names(r, rule, "types", "notice type", types, any_match);
                if (q >= 0)
                        q = check_conditions(r, rule, &r->config->rules[i]);
                if (q >= 0 && !r->incomplete)
                        q = check_names(r, rule, "sources", "source", sources, accept_source);
                if (q >= 0 && !r->incomplete)
                        q = check_names(r, rule, "to", "receiver", receivers, accept_exact);
        }
        return q;
}
