#pragma once
/* A source: one API resource that is polled. Its settings, and the table of its options. */

#include <stdbool.h>
#include <stdint.h>

#include "base/option.h"
#include "base/secret.h"
#include "base/time.h"

/* How URLs and headers look. To add one: a file api/dialect_<name>.c and a row in the table of dialect.c. */
typedef struct Dialect Dialect;

typedef struct SourceSettings {
        char *name;
        const Dialect *dialect;
        char *endpoint;                 /* normalised by source_settings_check: scheme and host, no slash at the end */
        char *api_version;
        Secret *api_key;
        usec_t poll_interval_usec;      /* while a job is unfinished */
        usec_t idle_interval_usec;      /* while none is */
        usec_t timeout_usec;            /* of one request */
        uint64_t reply_limit;           /* bytes of one reply */
        usec_t enrich_timeout_usec;
        usec_t retry_after_max_usec;
        uint64_t trouble_after;         /* polls in a row that must fail before it is told */
        char *job_url;                  /* link template: {job_id} {model} {source} are replaced */
        char *proxy;
        char *ca_file;
} SourceSettings;

extern const OptionSpec source_options[];

int source_settings_new(SourceSettings **ret);
SourceSettings *source_settings_free(SourceSettings *s);
DEFINE_CLEANUP(SourceSettings, source_settings_free)

/* What the table cannot say, after the fields are filled: dialect and its needs, endpoint shape (a trailing slash or a
 * pasted path is removed, a wrong host named). 0, or -EINVAL with a sentence in *ret_message, malloc'ed, and the key it is
 * about in *ret_key (static). */
int source_settings_check(SourceSettings *s, const char *dialect, const char **ret_key, char **ret_message);
