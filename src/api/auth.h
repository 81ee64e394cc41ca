#pragma once
/* How a source proves who asks: the group `auth`. A key is sent as it is; everything else gets a bearer
 * token of Entra first (api/token.h). */

#include <stdbool.h>

#include "base/option.h"
#include "base/secret.h"

typedef enum AuthKind {
        AUTH_NONE,                      /* only before the check */
        AUTH_API_KEY,
        AUTH_CLIENT_SECRET,
        AUTH_CLIENT_CERTIFICATE,
        AUTH_WORKLOAD_IDENTITY,
        AUTH_MANAGED_IDENTITY,
        _AUTH_KIND_MAX,
} AuthKind;

typedef enum AuthPlatform {             /* who gives the tokens of a managed identity; auth_platforms[] */
        AUTH_PLATFORM_AUTO,             /* only before the check */
        AUTH_PLATFORM_IMDS,             /* virtual machines */
        AUTH_PLATFORM_APP_SERVICE,      /* App Service, Functions, Container Apps */
        AUTH_PLATFORM_ARC,              /* machines elsewhere, with the agent of Azure Arc */
        _AUTH_PLATFORM_MAX,
} AuthPlatform;

/* After the check everything is filled in that the environment and the defaults say. */
typedef struct AuthSettings {
        char *kind_name;                /* as configured; the check finds `kind` by it */
        AuthKind kind;
        Secret *api_key;
        char *tenant;
        char *client_id;                /* of the application, or of a user-assigned identity */
        char *object_id, *resource_id;  /* of a user-assigned identity */
        Secret *client_secret;
        Secret *certificate;            /* PEM: the certificate and its key */
        char *token_file;
        char *authority;                /* where Entra is: no slash at the end */
        char *scope;
        int platform;                   /* AuthPlatform */
        char *endpoint;                 /* of the managed identity */
        Secret *identity_header;        /* App Service */
        char *key_directory;            /* Arc */
} AuthSettings;

extern const OptionSpec auth_options[];
/* NULL-terminated, without AUTH_NONE. */
extern const char *const auth_kinds[];
extern const char *const auth_platforms[];

/* What the table cannot say, and what is not there filled in. `scope`: what tokens are asked for by default
 * (NULL: there is none); `sovereign`: the source is in the cloud of azure.us. Complaints as those of
 * source_settings_check(), with keys as "auth.tenant". 0, -EINVAL after complaints, or what
 * `on_complaint` returned. */
int auth_settings_check(AuthSettings *a, const char *scope, bool sovereign,
                        option_complain_t on_complaint, void *userdata);
