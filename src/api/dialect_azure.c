/* Azure OpenAI with a dated api-version: {endpoint}/openai/fine_tuning/jobs?api-version=2024-10-21,
 * header api-key, or a bearer token. */
#include <errno.h>

#include "api/dialect.h"
#include "base/macro.h"
#include "base/strings.h"

#define ROOT "/openai"

/* Hosts that people paste, and that serve no fine-tuning jobs. */
static const struct {
        const char *host;
        bool below;                     /* also every name below it */
        const char *what;
} wrong_hosts[] = {
        { "ai.azure.com", false, "is the address of a portal" },
        { "oai.azure.com", true, "is the address of a portal" },
        { "portal.azure.com", true, "is the address of a portal" },
        { "portal.azure.us", true, "is the address of a portal" },
        { "learn.microsoft.com", false, "is the documentation" },
        { "azure.microsoft.com", false, "is a web site" },
        { "management.azure.com", true, "manages resources and serves no jobs" },
        { "login.microsoftonline.com", false, "is where tokens come from" },
        { "openai.com", true, "belongs to OpenAI itself, not to Azure" },
        { "openai.azure.com", false, "lacks the resource's name" },
        { "openai.azure.us", false, "lacks the resource's name" },
        { "cognitiveservices.azure.com", false, "lacks the resource's name" },
        { "services.ai.azure.com", false, "lacks the resource's name" },
        { "api.cognitive.microsoft.com", false, "lacks the region" },
};

/* Where Azure itself answers, a path of one's own cannot be right; a gateway elsewhere may have one. */
static const char *const azure_domains[] = {
        ".openai.azure.com", ".openai.azure.us", ".cognitiveservices.azure.com",
        ".cognitiveservices.azure.us",
        ".services.ai.azure.com", ".api.cognitive.microsoft.com",
};

static bool host_is(const char *host, const char *name, bool below) {
        const char *rest = endswith(host, name);

        return rest && (rest == host || (below && rest[-1] == '.'));
}

static int azure_check_endpoint(const Endpoint *e, char **ret_message) {
        const char *what = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(wrong_hosts) && !what; i++)
                if (host_is(e->host, wrong_hosts[i].host, wrong_hosts[i].below))
                        what = wrong_hosts[i].what;
        if (!what && startswith(e->path, "/api/projects"))
                what = "is the endpoint of a Foundry project, not of the resource";
        for (size_t i = 0; i < ARRAY_SIZE(azure_domains) && !what; i++)
                if (*e->path && endswith(e->host, azure_domains[i]))
                        what = "has a path that the service does not have";
        if (!what)
                return 0;
        int r = string_printf(ret_message, "%s", what);
        return r < 0 ? r : -EINVAL;
}

static int azure_url(const SourceSettings *s, DialectPath what, const char *id, const char *after,
                     unsigned limit, char **ret) {
        return dialect_url_make(s, ROOT, what, id, after, limit, ret);
}

static int azure_authorize(const SourceSettings *s, const Credential *credential, HttpRequest *r) {
        (void) s;
        if (credential->kind == CREDENTIAL_TOKEN)
                return dialect_add_header(r, "Authorization", "Bearer ", credential->secret);
        return dialect_add_header(r, "api-key", "", credential->secret);
}

/* 2024-10-21: the version of the fine-tuning routes that is generally available. */
const Dialect dialect_azure = {
        .name = "azure",
        .api_version = "2024-10-21",
        .path_root = ROOT,
        .token_scope = "https://cognitiveservices.azure.com/.default",
        .token_scope_us = "https://cognitiveservices.azure.us/.default",
        .hint = "the endpoint of a resource looks like https://NAME.openai.azure.com; the portal shows it "
                "under \"Keys and Endpoint\"",
        .url = azure_url,
        .authorize = azure_authorize,
        .check_endpoint = azure_check_endpoint,
};
