#pragma once
/* What a host name and path say about the service behind them: which dialects fit, or why none does. It
 * knows the vendors' names (ftwatchd.conf(5), "Dialects and endpoints"), not how their URLs are built. */

#include <stdbool.h>

#include "api/endpoint.h"

typedef enum HostClass {
        HOST_OTHER,                     /* a gateway, a server of one's own: anything may be there */
        HOST_AZURE,                     /* a resource of Azure */
        HOST_FOUNDRY,                   /* a project of Azure AI Foundry: it is in the path */
        HOST_OPENAI,
        HOST_USELESS,                   /* serves no jobs */
} HostClass;

/* *ret_what: a clause without its subject ("is the address of a portal"); static. NULL for HOST_OTHER. */
HostClass host_classify(const Endpoint *e, const char **ret_what);
/* Whether the service behind a vendor's host may have that path; for HOST_OTHER it may. */
bool host_path_fits(HostClass class, const char *path);
