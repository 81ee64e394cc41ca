/* What the table of options cannot say about a credential: what each kind needs and takes, what the
 * environment says, and whether it can work at all. */
#include "api/auth.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/assertion.h"
#include "api/endpoint.h"
#include "base/macro.h"
#include "base/strings.h"

#define AUTHORITY "https://login.microsoftonline.com"
#define AUTHORITY_US "https://login.microsoftonline.us"
#define SCOPE_END "/.default"           /* a client's own tokens are for all that it was granted */

typedef struct AuthCheck {
        AuthSettings *auth;
        const char *scope;
        bool sovereign;
        OptionComplaints complaints;
} AuthCheck;

#define complain(c, ...) option_complain(&(c)->complaints, __VA_ARGS__)

/* --- what each kind has ------------------------------------------------------------------------------ */

#define K(kind) (1U << AUTH_##kind)
#define ENTRA (K(CLIENT_SECRET) | K(CLIENT_CERTIFICATE) | K(WORKLOAD_IDENTITY))

static const struct {
        const char *key, *option;       /* for complaints, and in the table of options */
        unsigned takes, needs;          /* bits of kinds */
} rows[] = {
        { "auth.api_key", "api_key", K(API_KEY), K(API_KEY) },
        { "auth.tenant", "tenant", ENTRA, ENTRA },
        { "auth.client_id", "client_id", ENTRA | K(MANAGED_IDENTITY), ENTRA },
        { "auth.client_secret", "client_secret", K(CLIENT_SECRET), K(CLIENT_SECRET) },
        { "auth.certificate", "certificate", K(CLIENT_CERTIFICATE), K(CLIENT_CERTIFICATE) },
        { "auth.token_file", "token_file", K(WORKLOAD_IDENTITY), K(WORKLOAD_IDENTITY) },
        { "auth.object_id", "object_id", K(MANAGED_IDENTITY), 0 },
        { "auth.resource_id", "resource_id", K(MANAGED_IDENTITY), 0 },
        { "auth.scope", "scope", ENTRA | K(MANAGED_IDENTITY), 0 },
        { "auth.authority", "authority", ENTRA, 0 },
        { "auth.endpoint", "endpoint", K(MANAGED_IDENTITY), 0 },
        { "auth.identity_header", "identity_header", K(MANAGED_IDENTITY), 0 },
        { "auth.key_directory", "key_directory", K(MANAGED_IDENTITY), 0 },
};

static const OptionSpec *option_find(const char *key) {
        const OptionSpec *o = auth_options;

        while (o->key && !streq(o->key, key))
                o++;
        return o;
}

/* Without it nothing else can be said. */
static int find_kind(AuthCheck *c) {
        AuthSettings *a = c->auth;
        char list[128] = "";

        for (unsigned i = 0; a->kind_name && auth_kinds[i]; i++)
                if (streq(auth_kinds[i], a->kind_name))
                        a->kind = i + 1;
        if (a->kind != AUTH_NONE || !a->kind_name)
                return 0;
        const char *nearest = nearest_string(a->kind_name, auth_kinds);
        if (nearest)
                return complain(c, "auth.kind", "unknown kind '%s'; did you mean '%s'?", a->kind_name,
                                nearest);
        for (const char *const *k = auth_kinds; *k; k++)
                if (strlen(list) + strlen(*k) + 3 < sizeof list)
                        (void) stpcpy(stpcpy(list + strlen(list), *list ? ", " : ""), *k);
        return complain(c, "auth.kind", "unknown kind '%s': there are %s", a->kind_name, list);
}

static int check_fields(AuthCheck *c) {
        unsigned kind = 1U << c->auth->kind;
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(rows) && r >= 0; i++) {
                const OptionSpec *o = option_find(rows[i].option);
                bool set = *(void *const *) ((const char *) c->auth + o->offset) != NULL;
                if (set && !(rows[i].takes & kind))
                        r = complain(c, rows[i].key, "kind \"%s\" takes no %s", c->auth->kind_name,
                                     rows[i].option);
                else if (!set && (rows[i].needs & kind))
                        r = complain(c, rows[i].key, "kind \"%s\" needs %s", c->auth->kind_name,
                                     rows[i].option);
        }
        return r;
}

/* --- Entra ------------------------------------------------------------------------------------------- */

static bool is_guid(const char *s) {
        static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
        size_t i = 0;

        for (; shape[i]; i++)
                if (shape[i] == '-' ? s[i] != '-' : !isxdigit((unsigned char) s[i]))
                        return false;
        return !s[i];
}

/* An AZURE_* variable where nothing is configured. */
static int fill_from(char **field, const char *variable) {
        const char *value = getenv(variable);

        return *field || isempty(value) ? 0 : free_and_strdup(field, value);
}

static int fill_workload(AuthSettings *a) {
        if (a->kind != AUTH_WORKLOAD_IDENTITY)
                return 0;
        int r = fill_from(&a->tenant, "AZURE_TENANT_ID");
        if (r >= 0)
                r = fill_from(&a->client_id, "AZURE_CLIENT_ID");
        if (r >= 0)
                r = fill_from(&a->token_file, "AZURE_FEDERATED_TOKEN_FILE");
        if (r >= 0)
                r = fill_from(&a->authority, "AZURE_AUTHORITY_HOST");
        return r;
}

/* These stand for "whoever signs in", and an application has to say where it is at home. */
static bool tenant_is_valid(const char *tenant) {
        static const char *const nobody[] = { "common", "organizations", "consumers", NULL };

        return !tenant[strspn(tenant, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")] &&
               *tenant && tenant[0] != '.' && !strv_contains((char *const *) nobody, tenant);
}

static int check_ids(AuthCheck *c) {
        const AuthSettings *a = c->auth;
        int r = 0;

        if (a->tenant && !tenant_is_valid(a->tenant))
                r = complain(c, "auth.tenant",
                             "tenant is the directory's id (a GUID) or one of its domains");
        if (r >= 0 && a->client_id && !is_guid(a->client_id))
                r = complain(c, "auth.client_id", "client_id is a GUID: the portal calls it \"Application "
                             "(client) ID\" or, of an identity, \"Client ID\"");
        if (r >= 0 && a->object_id && !is_guid(a->object_id))
                r = complain(c, "auth.object_id", "object_id is a GUID: the portal calls it \"Object "
                             "(principal) ID\"");
        if (r >= 0 && a->resource_id && !startswith(a->resource_id, "/subscriptions/"))
                r = complain(c, "auth.resource_id", "resource_id begins with /subscriptions/");
        /* What AADSTS7000215 is about, in nine cases out of ten. */
        if (r >= 0 && a->client_secret && is_guid(secret_reveal(a->client_secret)))
                r = complain(c, "auth.client_secret", "client_secret is a GUID, so it is the secret's id; "
                             "the value is shown once, when the secret is made");
        return r;
}

static int check_authority(AuthCheck *c) {
        AuthSettings *a = c->auth;
        _cleanup_(endpoint_done) Endpoint e = {};
        _cleanup_free_ char *message = NULL;

        if (!a->authority)
                return free_and_strdup(&a->authority, c->sovereign ? AUTHORITY_US : AUTHORITY);
        int r = endpoint_parse(a->authority, &(EndpointShape) {}, &e, &message);
        if (r == -EINVAL)
                return complain(c, "auth.authority", "authority %s", message);
        if (r < 0)
                return r;
        free(a->authority);
        a->authority = TAKE_PTR(e.url);
        return 0;
}

static int check_scope(AuthCheck *c) {
        AuthSettings *a = c->auth;

        if (!a->scope && !c->scope)
                return complain(c, "auth.scope", "scope is missing, and the dialect has none of its own");
        if (!a->scope)
                return free_and_strdup(&a->scope, c->scope);
        const char *end = endswith(a->scope, SCOPE_END);
        if (!end || end == a->scope || strpbrk(a->scope, " \t"))
                return complain(c, "auth.scope", "scope is one word that ends in " SCOPE_END);
        return 0;
}

static int check_files(AuthCheck *c) {
        const AuthSettings *a = c->auth;
        _cleanup_free_ char *message = NULL;

        if (a->token_file && a->token_file[0] != '/')
                return complain(c, "auth.token_file", "token_file must be an absolute path");
        if (a->token_file && access(a->token_file, R_OK) < 0)
                return complain(c, "auth.token_file", "token_file %s: %s", a->token_file,
                                strerrordesc_np(errno));
        int r = a->certificate ? assertion_check_certificate(a->certificate, &message) : 0;
        return r == -EINVAL ? complain(c, "auth.certificate", "certificate %s", message) : r;
}

static int check_entra(AuthCheck *c) {
        int r = check_authority(c);

        return r < 0 ? r : check_files(c);
}

/* --- managed identity -------------------------------------------------------------------------------- */

static bool env_has(const char *name) {
        return !isempty(getenv(name));
}

static bool in_service_fabric(void) {
        return env_has("IDENTITY_ENDPOINT") && env_has("IDENTITY_HEADER") &&
               env_has("IDENTITY_SERVER_THUMBPRINT");
}

static bool in_app_service(void) {
        return env_has("IDENTITY_ENDPOINT") && env_has("IDENTITY_HEADER");
}

static bool in_machine_learning(void) {
        return env_has("MSI_ENDPOINT") && env_has("MSI_SECRET");
}

static bool in_cloud_shell(void) {
        return env_has("MSI_ENDPOINT");
}

static bool on_arc(void) {
        return (env_has("IDENTITY_ENDPOINT") && env_has("IMDS_ENDPOINT")) ||
               access("/opt/azcmagent/bin/himds", F_OK) == 0;
}

static bool anywhere(void) {
        return true;
}

/* In the order in which Microsoft's own libraries look (MSAL for Go, managedidentity.go). */
static const struct {
        bool (*is_here)(void);
        AuthPlatform platform;
        const char *refused;            /* why it cannot be used; NULL: it can */
} platforms[] = {
        { in_service_fabric, AUTH_PLATFORM_AUTO,
          "this is Service Fabric, whose managed identities are not supported: use another kind" },
        { in_app_service, AUTH_PLATFORM_APP_SERVICE, NULL },
        { in_machine_learning, AUTH_PLATFORM_AUTO,
          "this is Azure Machine Learning, whose managed identities are not supported: use another kind" },
        { in_cloud_shell, AUTH_PLATFORM_AUTO,
          "this is Cloud Shell, which ends with its window: no place for a daemon" },
        { on_arc, AUTH_PLATFORM_ARC, NULL },
        { anywhere, AUTH_PLATFORM_IMDS, NULL },
};

static int find_platform(AuthCheck *c) {
        AuthSettings *a = c->auth;

        if (a->platform != AUTH_PLATFORM_AUTO)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(platforms); i++)
                if (platforms[i].is_here()) {
                        a->platform = (int) platforms[i].platform;
                        return platforms[i].refused ? complain(c, "auth.kind", "%s", platforms[i].refused)
                                                    : 0;
                }
        return 0;
}

static const struct {
        const char *usual;              /* the endpoint; NULL: only the environment knows */
        const char *variable;           /* that says otherwise */
} endpoints[_AUTH_PLATFORM_MAX] = {
        [AUTH_PLATFORM_IMDS] = { "http://169.254.169.254", "AZURE_POD_IDENTITY_AUTHORITY_HOST" },
        [AUTH_PLATFORM_APP_SERVICE] = { NULL, "IDENTITY_ENDPOINT" },
        [AUTH_PLATFORM_ARC] = { "http://127.0.0.1:40342/metadata/identity/oauth2/token",
                                "IDENTITY_ENDPOINT" },
};

static int fill_endpoint(AuthCheck *c) {
        AuthSettings *a = c->auth;
        _cleanup_(endpoint_done) Endpoint e = {};
        _cleanup_free_ char *message = NULL;

        /* The usual one is written out by --dump-config. */
        if (a->endpoint && streq(a->endpoint, strempty(endpoints[a->platform].usual)))
                return 0;
        if (a->endpoint) {
                int r = endpoint_parse(a->endpoint, &(EndpointShape) {}, &e, &message);
                if (r < 0 && r != -EINVAL)
                        return r;
                if (r < 0 || !e.loopback)
                        return complain(c, "auth.endpoint", "endpoint %s",
                                        r < 0 ? message : "is not on loopback: tokens are local");
                free(a->endpoint);
                a->endpoint = TAKE_PTR(e.url);
                return 0;
        }
        int r = fill_from(&a->endpoint, endpoints[a->platform].variable);
        if (r < 0 || a->endpoint)
                return r;
        if (!endpoints[a->platform].usual)
                return complain(c, "auth.endpoint",
                                "endpoint is missing: $IDENTITY_ENDPOINT is not set, as it "
                                "is where App Service runs a program");
        return free_and_strdup(&a->endpoint, endpoints[a->platform].usual);
}

static int fill_header(AuthCheck *c) {
        AuthSettings *a = c->auth;
        const char *value = getenv("IDENTITY_HEADER");

        if (a->platform != AUTH_PLATFORM_APP_SERVICE || a->identity_header)
                return 0;
        if (isempty(value))
                return complain(c, "auth.identity_header", "identity_header is missing: $IDENTITY_HEADER is "
                                "not set, as it is where App Service runs a program");
        return secret_new(&a->identity_header, value, strlen(value));
}

static int fill_key_directory(AuthCheck *c) {
        AuthSettings *a = c->auth;

        if (a->platform != AUTH_PLATFORM_ARC)
                return 0;
        if (!a->key_directory)
                return free_and_strdup(&a->key_directory, "/var/opt/azcmagent/tokens");
        if (a->key_directory[0] != '/' || endswith(a->key_directory, "/"))
                return complain(c, "auth.key_directory", "key_directory must be an absolute path, without a "
                                "slash at its end");
        return 0;
}

static int check_user_assigned(AuthCheck *c) {
        const AuthSettings *a = c->auth;
        unsigned n = !!a->client_id + !!a->object_id + !!a->resource_id;
        const char *key = a->resource_id ? "auth.resource_id" : a->object_id ? "auth.object_id"
                                                                             : "auth.client_id";

        if (n > 1)
                return complain(c, key, "client_id, object_id and resource_id all name a user-assigned "
                                "identity: one of them is enough");
        if (n > 0 && a->platform == AUTH_PLATFORM_ARC)
                return complain(c, key, "a machine with Azure Arc has its own identity only");
        return 0;
}

static int check_managed(AuthCheck *c) {
        static int (*const steps[])(AuthCheck *) = {
                check_user_assigned, fill_endpoint, fill_header, fill_key_directory,
        };
        int r = find_platform(c);

        for (size_t i = 0; i < ARRAY_SIZE(steps) && r >= 0 && c->auth->platform != AUTH_PLATFORM_AUTO; i++)
                r = steps[i](c);
        return r;
}

int auth_settings_check(AuthSettings *a, const char *scope, bool sovereign,
                        option_complain_t on_complaint, void *userdata) {
        AuthCheck c = {
                .auth = a, .scope = scope, .sovereign = sovereign,
                .complaints = { on_complaint, userdata, 0 },
        };

        int r = find_kind(&c);
        if (r >= 0 && a->kind == AUTH_NONE)
                return c.complaints.n > 0 ? -EINVAL : 0;
        if (r >= 0)
                r = fill_workload(a);
        if (r >= 0)
                r = check_fields(&c);
        if (r >= 0)
                r = check_ids(&c);
        if (r >= 0 && a->kind != AUTH_API_KEY)
                r = check_scope(&c);
        if (r >= 0 && a->kind == AUTH_MANAGED_IDENTITY)
                r = check_managed(&c);
        else if (r >= 0 && a->kind != AUTH_API_KEY)
                r = check_entra(&c);
        return r < 0 ? r : c.complaints.n > 0 ? -EINVAL : 0;
}
