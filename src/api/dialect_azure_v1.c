/* Azure OpenAI without dates: {endpoint}/openai/v1/fine_tuning/jobs, header api-key, or a bearer token. The
 * service takes api-version=v1 (what it does without) or preview ("API version lifecycle" of its
 * documentation). */
#include "api/dialect.h"

#include <stddef.h>

static int azure_v1_url(const SourceSettings *s, DialectPath what, const char *id, const char *after,
                        unsigned limit, char **ret) {
        return dialect_url_make(s, "/openai/v1", what, id, after, limit, ret);
}

static const char *const versions[] = { "v1", "preview", NULL };

const Dialect dialect_azure_v1 = {
        .name = "azure-v1",
        .api_versions = versions,
        .path_root = "/openai",         /* also of a pasted URL with /openai/deployments/... */
        .host = HOST_AZURE,
        .token_scope = "https://cognitiveservices.azure.com/.default",
        .token_scope_us = "https://cognitiveservices.azure.us/.default",
        .hint = "the endpoint of a resource looks like https://NAME.openai.azure.com; the portal shows it "
                "under \"Keys and Endpoint\"",
        .url = azure_v1_url,
        .authorize = dialect_authorize_azure,
};
