#include "api/auth.h"

#include <stddef.h>

#include "base/macro.h"

#define FIELD(name) offsetof(AuthSettings, name)

const char *const auth_kinds[] = {
        [AUTH_API_KEY - 1] = "api-key",
        [AUTH_CLIENT_SECRET - 1] = "client-secret",
        [AUTH_CLIENT_CERTIFICATE - 1] = "client-certificate",
        [AUTH_WORKLOAD_IDENTITY - 1] = "workload-identity",
        [AUTH_MANAGED_IDENTITY - 1] = "managed-identity",
        NULL,
};
_Static_assert(ARRAY_SIZE(auth_kinds) == _AUTH_KIND_MAX, "every AuthKind has its name");

const char *const auth_platforms[] = {
        [AUTH_PLATFORM_AUTO] = "auto",
        [AUTH_PLATFORM_IMDS] = "imds",
        [AUTH_PLATFORM_APP_SERVICE] = "app-service",
        [AUTH_PLATFORM_ARC] = "arc",
        NULL,
};
_Static_assert(ARRAY_SIZE(auth_platforms) == _AUTH_PLATFORM_MAX + 1, "every AuthPlatform has its name");

const OptionSpec auth_options[] = {
        { .key = "kind", .type = OPTION_STRING, .flags = OPTION_REQUIRED, .offset = FIELD(kind_name),
          .help = "which credential it is" },
        { .key = "api_key", .type = OPTION_SECRET, .offset = FIELD(api_key), .help = "a key of the "
                                                                                     "resource" },
        { .key = "tenant", .type = OPTION_STRING, .offset = FIELD(tenant),
          .help = "the directory's id or domain; workload-identity: else $AZURE_TENANT_ID" },
        { .key = "client_id", .type = OPTION_STRING, .offset = FIELD(client_id),
          .help = "of the application, or of a user-assigned identity; workload-identity: else "
                  "$AZURE_CLIENT_ID" },
        { .key = "client_secret", .type = OPTION_SECRET, .offset = FIELD(client_secret),
          .help = "the secret's value (not its id)" },
        { .key = "certificate", .type = OPTION_SECRET, .flags = OPTION_LINES, .offset = FIELD(certificate),
          .help = "PEM with the certificate and its private key" },
        { .key = "token_file", .type = OPTION_STRING, .offset = FIELD(token_file),
          .help = "the federated token, read each time; else $AZURE_FEDERATED_TOKEN_FILE" },
        { .key = "object_id", .type = OPTION_STRING, .offset = FIELD(object_id),
          .help = "of a user-assigned identity, instead of client_id" },
        { .key = "resource_id", .type = OPTION_STRING, .offset = FIELD(resource_id),
          .help = "of a user-assigned identity, instead of client_id; begins with /subscriptions/" },
        { .key = "scope", .type = OPTION_STRING, .offset = FIELD(scope),
          .help = "what the token is for; without, what the dialect says" },
        { .key = "authority", .type = OPTION_STRING, .offset = FIELD(authority),
          .help = "where Entra is; without, what fits the cloud of the endpoint" },
        { .key = "platform", .type = OPTION_ENUM, .offset = FIELD(platform), .fallback = "auto",
          .names = auth_platforms,
          .help = "who gives the tokens of a managed identity; auto: by the environment" },
        { .key = "endpoint", .type = OPTION_STRING, .offset = FIELD(endpoint),
          .help = "where they are given; loopback only, without: by the environment or as is usual there" },
        { .key = "identity_header", .type = OPTION_SECRET, .offset = FIELD(identity_header),
          .help = "app-service: proves that the request is local; else $IDENTITY_HEADER" },
        { .key = "key_directory", .type = OPTION_STRING, .offset = FIELD(key_directory),
          .help = "arc: where the agent leaves its keys; else /var/opt/azcmagent/tokens" },
        {},
};
