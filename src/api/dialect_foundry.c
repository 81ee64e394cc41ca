/* A project of Azure AI Foundry: {endpoint}/fine_tuning/jobs?api-version=2025-11-15-preview, where the
 * endpoint is https://ACCOUNT.services.ai.azure.com/api/projects/PROJECT. */
#include "api/dialect.h"

static int foundry_url(const SourceSettings *s, DialectPath what, const char *id, const char *after,
                       unsigned limit, char **ret) {
        return dialect_url_make(s, "", what, id, after, limit, ret);
}

/* 2025-11-15-preview: what Microsoft's own azd extension azure.ai.finetune asks for. */
const Dialect dialect_foundry = {
        .name = "foundry",
        .api_version = "2025-11-15-preview",
        .takes_dates = true,
        .path_keep = "/api/projects/",
        .host = HOST_FOUNDRY,
        .token_scope = "https://ai.azure.com/.default",
        .token_scope_us = "https://ai.azure.us/.default",
        .hint = "the endpoint of a project looks like "
                "https://ACCOUNT.services.ai.azure.com/api/projects/PROJECT; the project's overview shows "
                "it",
        .url = foundry_url,
        .authorize = dialect_authorize_azure,
};
