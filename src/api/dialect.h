#pragma once
/* Dialects: how the URLs and headers of a source look. A dialect builds requests and sends nothing. To
 * add one: a file dialect_<name>.c with a `const Dialect dialect_<name>`, and a row in the table of
 * dialect.c. */

#include <stdbool.h>

#include "api/host.h"
#include "api/source.h"
#include "base/secret.h"
#include "io/http.h"

typedef enum CredentialKind {
        CREDENTIAL_KEY,                 /* of the resource or the account */
        CREDENTIAL_TOKEN,               /* a bearer token of Entra */
} CredentialKind;

typedef struct Credential {
        CredentialKind kind;
        const Secret *secret;           /* must outlive the submit */
} Credential;

typedef enum DialectPath {
        DIALECT_LIST_JOBS,              /* pages: after, limit */
        DIALECT_JOB,                    /* id: job */
        DIALECT_EVENTS,                 /* id: job; pages */
        DIALECT_CHECKPOINTS,            /* id: job; pages */
        DIALECT_FILE_CONTENT,           /* id: file */
        _DIALECT_PATH_MAX,
} DialectPath;

struct Dialect {
        const char *name;               /* as in `dialect = "..."` */
        const char *api_version;        /* the default; NULL: none is sent */
        const char *const *api_versions;/* the words that api_version may be; NULL: there are none */
        bool takes_dates;               /* api_version may be a date */
        bool takes_organization;        /* and a project, as headers */
        const char *path_root; /* where the API begins in a URL: a pasted path is cut off here; NULL:
                                * nowhere */
        const char *path_keep;          /* what the endpoint's path must have, with one more segment behind
                                         * it, where it is cut off; NULL: nothing */
        HostClass host;                 /* of the vendor's own hosts; HOST_OTHER always fits */
        const char *token_scope; /* that tokens are asked for by default; NULL: it must be configured */
        const char *token_scope_us;     /* the same where the host is below azure.us */
        const char *hint;               /* what a right endpoint looks like, for messages: a whole clause */

        /* Pure: the URL of one GET. `id` is foreign (escaped here; -EINVAL when it cannot be a path
         * segment) and ignored by DIALECT_LIST_JOBS; after NULL and limit 0 are left out. */
        int (*url)(const SourceSettings *s, DialectPath what, const char *id, const char *after,
                   unsigned limit, char **ret);
        /* Adds the headers that carry the credential. -ENOBUFS: no room for one more. */
        int (*authorize)(const SourceSettings *s, const Credential *credential, HttpRequest *r);
};

extern const Dialect dialect_azure;
extern const Dialect dialect_azure_v1;
extern const Dialect dialect_foundry;
extern const Dialect dialect_openai;

/* NULL when unknown. */
const Dialect *dialect_find(const char *name);
/* NULL-terminated, for messages. */
const char *const *dialect_names(void);
/* Which fit a vendor's host, for messages: "azure" or "azure-v1", with quotes; -ENOENT: none. */
int dialect_names_for_host(HostClass host, char **ret);

/* What the dialects share: <endpoint><root>/fine_tuning/jobs/... with the query that is left when NULL
 * and 0 are dropped. */
int dialect_url_make(const SourceSettings *s, const char *root, DialectPath what, const char *id,
                     const char *after, unsigned limit, char **ret);
int dialect_add_header(HttpRequest *r, const char *name, const char *prefix, const Secret *secret);
/* A key in the header api-key, a token as bearer: what all of Azure takes. */
int dialect_authorize_azure(const SourceSettings *s, const Credential *credential, HttpRequest *r);
