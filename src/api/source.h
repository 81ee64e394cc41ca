#pragma once
/* A source: one API resource that is polled. Its settings, and the table of its options. */

#include <stdbool.h>
#include <stdint.h>

#include "api/auth.h"
#include "base/option.h"
#include "base/secret.h"
#include "base/time.h"
#include "io/http_way.h"

/* How URLs and headers look: api/dialect.h. To add one: a file api/dialect_<name>.c and a row in the
 * table of dialect.c. */
typedef struct Dialect Dialect;

typedef struct SourceSettings {
        char *name;
        char *dialect_name;             /* as configured; source_settings_check finds `dialect` by it */
        const Dialect *dialect;
        char *endpoint;                 /* normalised by source_settings_check: scheme, host and, behind a
                                         * gateway, the path before the API's own; no slash at the end */
        char *api_version;              /* NULL: none is sent */
        char *organization, *project;   /* dialect openai; NULL: none is named */
        Secret *api_key;                /* NULL: `auth` has the credential */
        AuthSettings *auth;             /* NULL: there is api_key */
        usec_t poll_interval_usec;      /* while a job is unfinished */
        usec_t idle_interval_usec;      /* while none is */
        usec_t timeout_usec;            /* of one request */
        uint64_t reply_limit;           /* bytes of one reply */
        usec_t enrich_timeout_usec;
        usec_t retry_after_max_usec;
        uint64_t requests_per_minute;
        uint64_t trouble_after;         /* polls in a row that must fail before it is told */
        usec_t stall_after_usec;        /* 0: off; so the next two */
        usec_t wait_after_usec;
        usec_t overdue_grace_usec;
        int remind;                     /* Remind */
        bool checkpoints;               /* asked for and told */
        char *job_url;                  /* with {job_id} {model} {source} to be replaced; NULL: no links */
        HttpWay way;                    /* also to where tokens come from */
} SourceSettings;

extern const OptionSpec source_options[];

/* The key that is sent as it is; NULL: tokens are. */
const Secret *source_settings_key(const SourceSettings *s);
int source_settings_new(SourceSettings **ret);
SourceSettings *source_settings_free(SourceSettings *s);
DEFINE_CLEANUP(SourceSettings, source_settings_free)

/* What the table cannot say, after the fields are filled: the dialect and its needs, endpoint shape (a
 * trailing slash or a pasted path is removed, a wrong host named), intervals that fit each other. Fields
 * that are NULL or 0 were complained about already. 0 when there was nothing, -EINVAL after complaints. */
int source_settings_check(SourceSettings *s, option_complain_t complain, void *userdata);
