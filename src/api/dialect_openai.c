/* api.openai.com and servers that speak its API: {endpoint}/v1/fine_tuning/jobs, key or token as bearer,
 * and optional headers that say for which organisation and project the key is used. */
#include "api/dialect.h"

#include <stddef.h>

#define ROOT "/v1"

static int openai_url(const SourceSettings *s, DialectPath what, const char *id, const char *after,
                      unsigned limit, char **ret) {
        return dialect_url_make(s, ROOT, what, id, after, limit, ret);
}

static int openai_authorize(const SourceSettings *s, const Credential *credential, HttpRequest *r) {
        int q = dialect_add_header(r, "Authorization", "Bearer ", credential->secret);

        if (q >= 0 && s->organization)
                q = dialect_add_header(r, "OpenAI-Organization", s->organization, NULL);
        if (q >= 0 && s->project)
                q = dialect_add_header(r, "OpenAI-Project", s->project, NULL);
        return q;
}

const Dialect dialect_openai = {
        .name = "openai",
        .path_root = ROOT,
        .host = HOST_OPENAI,
        .takes_organization = true,
        .hint = "the endpoint is https://api.openai.com, or that of a server that speaks its API below /v1",
        .url = openai_url,
        .authorize = openai_authorize,
};
