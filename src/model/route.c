#include "model/route.h"

#include "base/strings.h"

void rule_done(Rule *r) {
        strv_free(r->types);
        strv_free(r->sources);
        strv_free(r->models);
        strv_free(r->suffixes);
        strv_free(r->jobs);
        strv_free(r->metrics);
        strv_free(r->to);
        *r = (Rule) {};
}

/* A list that is there asks for something: what has no value for it does not match. */
static bool list_matches(char *const *patterns, const char *value) {
        return !patterns || (value && strv_match(patterns, value));
}

/* Conditions add their own notices to those that are asked for by type; alone they ask for nothing else. */
static bool type_matches(const Rule *r, const Notice *n, const NoticeTypeInfo *type) {
        if (!r->metrics)
                return list_matches(r->types, type->name);
        if (n->type == NOTICE_JOB_METRIC)
                return n->reason && strv_contains(r->metrics, n->reason);
        return r->types && list_matches(r->types, type->name);
}

bool route_rule_covers(const Rule *r, const char *source, const Job *j) {
        return list_matches(r->sources, source) &&
               (list_matches(r->models, j ? j->model : NULL) ||
                list_matches(r->models, j ? j->fine_tuned_model : NULL)) &&
               list_matches(r->suffixes, j ? j->suffix : NULL) &&
               list_matches(r->jobs, j ? j->id : NULL);
}

static bool rule_matches(const Rule *r, const Notice *n, const NoticeTypeInfo *type, const char *receiver) {
        return strv_contains(r->to, receiver) && type_matches(r, n, type) &&
               route_rule_covers(r, n->source, n->job);
}

bool route_matches(const Rule *rules, size_t n_rules, const Notice *n, const char *receiver) {
        const NoticeTypeInfo *type = notice_type_info(n->type);

        if (!type)
                return false;
        /* A test is for the receiver under test, whatever the rules say; other news about a receiver is for
         * the others. */
        if (n->receiver && (n->test || n->type == NOTICE_TEST))
                return streq(n->receiver, receiver);
        if (n->receiver && streq(n->receiver, receiver))
                return false;
        if (n_rules == 0)
                return type->by_default;
        for (size_t i = 0; i < n_rules; i++)
                if (rule_matches(&rules[i], n, type, receiver))
                        return true;
        return false;
}
