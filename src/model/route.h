#pragma once
/* Rules: which notices go to which receivers. Pure matching; the default routing lives here too. */

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"
#include "model/notice.h"

/* Every matching rule applies. NULL lists match everything; patterns are shell wildcards. */
typedef struct Rule {
        char **types;                   /* notice type names */
        char **sources;                 /* source names; source-less notices match only a NULL list */
        char **models;                  /* base model or fine-tuned model */
        char **suffixes;
        char **jobs;                    /* job ids */
        char **metrics;                 /* condition_to_text() of each; see route.c for what they match */
        char **to;                      /* receiver names, never empty */
} Rule;

void rule_done(Rule *r);
/* Whether the rule is about this job, whatever happens to it. */
bool route_rule_covers(const Rule *r, const char *source, const Job *job);

/* Whether this receiver gets this notice. Without rules: the types marked by_default. A notice about a
 * receiver never goes to that receiver. */
bool route_matches(const Rule *rules, size_t n_rules, const Notice *n, const char *receiver);
