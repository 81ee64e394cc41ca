#include "api/dialect.h"

#include <assert.h>
#include <errno.h>

#include "base/buf.h"
#include "base/macro.h"
#include "base/strings.h"

#define URL_MAX 8192U

static const Dialect *const dialects[] = {
        &dialect_azure,
        &dialect_azure_v1,
        &dialect_foundry,
        &dialect_openai,
};

const Dialect *dialect_find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(dialects); i++)
                if (streq(dialects[i]->name, name))
                        return dialects[i];
        return NULL;
}

int dialect_names_for_host(HostClass host, char **ret) {
        _cleanup_(buf_done) Buf b = BUF_INIT(256);

        for (size_t i = 0; i < ARRAY_SIZE(dialects); i++)
                if (dialects[i]->host == host)
                        (void) buf_printf(&b, "%s\"%s\"", b.size > 0 ? " or " : "", dialects[i]->name);
        return b.size > 0 ? buf_take(&b, ret) : -ENOENT;
}

const char *const *dialect_names(void) {
        static const char *names[ARRAY_SIZE(dialects) + 1];

        for (size_t i = 0; i < ARRAY_SIZE(dialects); i++)
                names[i] = dialects[i]->name;
        return names;
}

/* What stands before and behind the id, and whether there are pages. */
static const struct {
        const char *before, *behind;
        bool pages;
} paths[] = {
        [DIALECT_LIST_JOBS] = { "/fine_tuning/jobs", NULL, true },
        [DIALECT_JOB] = { "/fine_tuning/jobs/", "", false },
        [DIALECT_EVENTS] = { "/fine_tuning/jobs/", "/events", true },
        [DIALECT_CHECKPOINTS] = { "/fine_tuning/jobs/", "/checkpoints", true },
        [DIALECT_FILE_CONTENT] = { "/files/", "/content", false },
};
_Static_assert(ARRAY_SIZE(paths) == _DIALECT_PATH_MAX, "every DialectPath has its row");

/* The dots are unreserved characters, so escaping leaves them: as a whole segment they would climb out of
 * the path. */
static bool id_is_segment(const char *id) {
        return !isempty(id) && !streq(id, ".") && !streq(id, "..");
}

static int append_escaped(Buf *b, const char *before, const char *value) {
        _cleanup_free_ char *escaped = NULL;

        int r = http_escape(value, &escaped);
        if (r < 0)
                return r;
        (void) buf_puts(b, before);
        return buf_puts(b, escaped);
}

static int append_query(Buf *b, const char *api_version, const char *after, unsigned limit) {
        const char *separator = "?";
        int r = 0;

        if (api_version) {
                r = append_escaped(b, "?api-version=", api_version);
                separator = "&";
        }
        if (r >= 0 && limit > 0) {
                r = buf_printf(b, "%slimit=%u", separator, limit);
                separator = "&";
        }
        if (r >= 0 && after)
                r = append_escaped(b, streq(separator, "?") ? "?after=" : "&after=", after);
        return r;
}

int dialect_url_make(const SourceSettings *s, const char *root, DialectPath what, const char *id,
                     const char *after, unsigned limit, char **ret) {
        _cleanup_(buf_done) Buf b = BUF_INIT(URL_MAX);

        assert(what < _DIALECT_PATH_MAX);
        (void) buf_printf(&b, "%s%s%s", s->endpoint, root, paths[what].before);
        if (paths[what].behind) {
                if (!id_is_segment(id))
                        return -EINVAL;
                int r = append_escaped(&b, "", id);
                if (r < 0)
                        return r;
                (void) buf_puts(&b, paths[what].behind);
        }
        bool pages = paths[what].pages;
        int r = append_query(&b, s->api_version, pages ? after : NULL, pages ? limit : 0);
        return r < 0 ? r : buf_take(&b, ret);
}

int dialect_add_header(HttpRequest *r, const char *name, const char *prefix, const Secret *secret) {
        if (r->n_headers >= HTTP_HEADERS_MAX)
                return -ENOBUFS;
        r->headers[r->n_headers++] = (HttpHeader) { .name = name, .value = prefix, .secret = secret };
        return 0;
}

int dialect_authorize_azure(const SourceSettings *s, const Credential *credential, HttpRequest *r) {
        (void) s;
        if (credential->kind == CREDENTIAL_TOKEN)
                return dialect_add_header(r, "Authorization", "Bearer ", credential->secret);
        return dialect_add_header(r, "api-key", "", credential->secret);
}
