/* Azure OpenAI with a dated api-version: {endpoint}/openai/fine_tuning/jobs?api-version=2024-10-21,
 * header api-key, or a bearer token. */
#include "api/dialect.h"

#define ROOT "/openai"

static int azure_url(const SourceSettings *s, DialectPath what, const char *id, const char *after,
                     unsigned limit, char **ret) {
        return dialect_url_make(s, ROOT, what, id, after, limit, ret);
}

/* 2024-10-21: the version of the fine-tuning routes that is generally available. */
const Dialect dialect_azure = {
        .name = "azure",
        .api_version = "2024-10-21",
        .takes_dates = true,
        .path_root = ROOT,
        .host = HOST_AZURE,
        .token_scope = "https://cognitiveservices.azure.com/.default",
        .token_scope_us = "https://cognitiveservices.azure.us/.default",
        .hint = "the endpoint of a resource looks like https://NAME.openai.azure.com; the portal shows it "
                "under \"Keys and Endpoint\"",
        .url = azure_url,
        .authorize = dialect_authorize_azure,
};
