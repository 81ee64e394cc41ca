#include "api/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/strings.h"

#define URL_MAX 8192U
#define FORM_MAX 65536U
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  /* RFC 7523 */

void token_request_done(TokenRequest *r) {
        free(r->url);
        secret_free(r->body);
        secret_free(r->answer);
        *r = (TokenRequest) {};
}

int token_url_make(const AuthSettings *a, char **ret) {
        return string_printf(ret, "%s/%s/oauth2/v2.0/token", a->authority, a->tenant);
}

bool token_request_is_local(const AuthSettings *a) {
        return a->kind == AUTH_MANAGED_IDENTITY;
}

/* --- Entra ------------------------------------------------------------------------------------------- */

static int form_add(Buf *form, const char *name, const char *value) {
        char *escaped;

        int r = http_escape(value, &escaped);
        if (r < 0)
                return r;
        (void) buf_puts(form, form->size > 0 ? "&" : "");
        (void) buf_puts(form, name);
        (void) buf_puts(form, "=");
        r = buf_puts(form, escaped);
        string_erase_free(escaped);
        return r;
}

static int form_add_proof(Buf *form, const AuthSettings *a, const Secret *proof) {
        if (a->kind == AUTH_CLIENT_SECRET)
                return form_add(form, "client_secret", secret_reveal(a->client_secret));
        int r = form_add(form, "client_assertion_type", ASSERTION_TYPE);
        return r < 0 ? r : form_add(form, "client_assertion", secret_reveal(proof));
}

static int make_entra(const AuthSettings *a, const Secret *proof, TokenRequest *ret) {
        Buf form = BUF_INIT_SECRET(FORM_MAX);

        int r = token_url_make(a, &ret->url);
        if (r >= 0)
                r = form_add(&form, "grant_type", "client_credentials");
        if (r >= 0)
                r = form_add(&form, "client_id", a->client_id);
        if (r >= 0)
                r = form_add(&form, "scope", a->scope);
        if (r >= 0)
                r = form_add_proof(&form, a, proof);
        if (r >= 0)
                r = secret_new(&ret->body, buf_string(&form), form.size);
        buf_done(&form);
        return r;
}

/* --- managed identity -------------------------------------------------------------------------------- */

/* MSAL for Go, managedidentity.go. */
static const struct {
        const char *path;               /* behind the endpoint */
        const char *api_version;
        const char *resource_id;        /* what the parameter is called there */
} services[_AUTH_PLATFORM_MAX] = {
        [AUTH_PLATFORM_IMDS] = { "/metadata/identity/oauth2/token", "2018-02-01", "msi_res_id" },
        [AUTH_PLATFORM_APP_SERVICE] = { "", "2019-08-01", "mi_res_id" },
        [AUTH_PLATFORM_ARC] = { "", "2020-06-01", "msi_res_id" },
};

static int query_add(Buf *b, const char *name, const char *value) {
        _cleanup_free_ char *escaped = NULL;

        if (!value)
                return 0;
        int r = http_escape(value, &escaped);
        return r < 0 ? r : buf_printf(b, "&%s=%s", name, escaped);
}

/* The resource is the scope without its end. */
static int query_add_resource(Buf *b, const char *scope) {
        const char *end = endswith(scope, "/.default");
        _cleanup_free_ char *resource = NULL;

        int r = string_printf(&resource, "%.*s", (int) (end ? end - scope : (ptrdiff_t) strlen(scope)),
                              scope);
        return r < 0 ? r : query_add(b, "resource", resource);
}

static int make_managed(const AuthSettings *a, const Secret *proof, TokenRequest *ret) {
        _cleanup_(buf_done) Buf b = BUF_INIT(URL_MAX);

        (void) buf_printf(&b, "%s%s?api-version=%s", a->endpoint, services[a->platform].path,
                          services[a->platform].api_version);
        int r = query_add_resource(&b, a->scope);
        if (r >= 0)
                r = query_add(&b, "client_id", a->client_id);
        if (r >= 0)
                r = query_add(&b, "object_id", a->object_id);
        if (r >= 0)
                r = query_add(&b, services[a->platform].resource_id, a->resource_id);
        if (r >= 0)
                r = buf_take(&b, &ret->url);
        if (r >= 0 && a->platform == AUTH_PLATFORM_APP_SERVICE)
                ret->header_secret = a->identity_header;
        if (r >= 0 && a->platform == AUTH_PLATFORM_ARC && proof)
                r = secret_new(&ret->answer, secret_reveal(proof), secret_size(proof));
        return r;
}

int token_request_make(const AuthSettings *a, const Secret *proof, TokenRequest *ret) {
        TokenRequest request = {};

        int r = a->kind == AUTH_MANAGED_IDENTITY ? make_managed(a, proof, &request)
                                                 : make_entra(a, proof, &request);
        if (r < 0) {
                token_request_done(&request);
                return r;
        }
        *ret = request;
        return 0;
}

static void add_header(HttpRequest *r, const char *name, const char *value, const Secret *secret) {
        r->headers[r->n_headers++] = (HttpHeader) { .name = name, .value = value, .secret = secret };
}

void token_request_fill(const TokenRequest *r, const AuthSettings *a, HttpRequest *ret) {
        ret->method = r->body ? "POST" : "GET";
        ret->url = r->url;
        ret->secret_reply = true;
        if (r->body) {
                ret->body = secret_reveal(r->body);
                ret->body_size = secret_size(r->body);
                add_header(ret, "Content-Type", "application/x-www-form-urlencoded", NULL);
        } else if (a->platform == AUTH_PLATFORM_APP_SERVICE)
                add_header(ret, "X-IDENTITY-HEADER", "", r->header_secret);
        else
                add_header(ret, "Metadata", "true", NULL);
        if (r->answer)
                add_header(ret, "Authorization", "Basic ", r->answer);
}

int token_challenge_path(const char *challenge, const char *directory, char **ret) {
        static const char start[] = "Basic realm=";
        size_t n = strlen(directory);

        if (strncasecmp(challenge, start, sizeof start - 1) != 0)
                return -EBADMSG;
        const char *path = challenge + sizeof start - 1;
        bool quoted = *path == '"';
        path += quoted;
        size_t size = strcspn(path, "\" ,");
        if (size <= n + 1 || strncmp(path, directory, n) != 0 || path[n] != '/')
                return -EBADMSG;
        _cleanup_free_ char *copy = strndup(path, size);
        if (!copy)
                return -ENOMEM;
        const char *name = copy + n + 1, *end = endswith(name, ".key");
        if (strchr(name, '/') || !end || end == name)
                return -EBADMSG;
        *ret = TAKE_PTR(copy);
        return 0;
}
