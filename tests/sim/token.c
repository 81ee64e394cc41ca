#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"
#include "token_assertion.h"
#include "util.h"

#define TENANT "contoso.example"
#define CLIENT_ID "11111111-2222-3333-4444-555555555555"
#define OBJECT_ID "99999999-2222-3333-4444-555555555555"
#define RESOURCE_ID                                                                                         \
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
#define CLIENT_SECRET "ftsim-client-secret"
#define IDENTITY_HEADER "ftsim-identity-header"
#define ENTRA_END "/oauth2/v2.0/token"
#define LIFETIME 3600

static void text_set(char **to, char *value) {
        free(*to);
        *to = value;
}

void issuer_reset(Issuer *i) {
        for (size_t k = 0; k < TOKENS_MAX; k++)
                text_set(&i->issued[k].value, NULL);
        for (size_t k = 0; k < ELEMENTSOF(i->challenges); k++)
                text_set(&i->challenges[k], NULL);
        text_set(&i->expires, NULL);
        text_set(&i->refuse, NULL);
        *i = (Issuer) { .folder = i->folder, .lifetime = LIFETIME };
}

bool issuer_accepts(const Sim *sim, const char *token) {
        for (size_t k = 0; k < TOKENS_MAX; k++)
                if (sim->issuer.issued[k].value && strcmp(sim->issuer.issued[k].value, token) == 0)
                        return sim->issuer.issued[k].until > clock_elapsed(&sim->clock);
        return false;
}

static const char *issue(Sim *sim) {
        Issuer *i = &sim->issuer;
        Issued *slot = &i->issued[i->n_issued % TOKENS_MAX];
        char part[33];

        random_hex32(sim->world.settings.seed, "token", i->n_issued++, part);
        text_set(&slot->value, must_printf("eyJ0eXAiOiJKV1QifQ.%s.ftsim-token", part));
        slot->until = clock_elapsed(&sim->clock) + i->lifetime;
        return slot->value;
}

/* --- answers ----------------------------------------------------------------------------------------- */

static void refuse(Sim *sim, Request *req, unsigned status, const char *error, const char *text) {
        json_object *o = json_object_new_object();

        sim->issuer.n_refused++;
        (void) json_object_object_add(o, "error", json_object_new_string(error));
        (void) json_object_object_add(o, "error_description", json_object_new_string(text));
        reply_set_json(&req->reply, status, o);
}

static void refuse_entra(Sim *sim, Request *req, unsigned status, const char *error, const char *code,
                         const char *text) {
        _cleanup_(string_freep) char *all = must_printf(
                "%s: %s Trace ID: 00000000-0000-0000-0000-000000000000 Correlation ID: "
                "11111111-1111-1111-1111-111111111111 Timestamp: 2026-01-01 00:00:00Z", code, text);
        refuse(sim, req, status, error, all);
}

static json_object *expiry(Sim *sim, const char *form) {
        time_t at = (time_t) (clock_real(&sim->clock) + sim->issuer.lifetime);
        struct tm tm;
        char text[64];
        size_t n = 0;

        (void) gmtime_r(&at, &tm);
        if (form && strcmp(form, "number") == 0)
                return json_object_new_int64((int64_t) at);
        if (form && strcmp(form, "us") == 0)
                n = strftime(text, sizeof text, "%m/%d/%Y %H:%M:%S", &tm);
        else if (form && strcmp(form, "iso") == 0)
                n = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
        else if (form && strcmp(form, "rfc3339") == 0)
                n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
        if (n == 0)
                (void) snprintf(text, sizeof text, "%lld", (long long) at);
        return json_object_new_string(text);
}

/* Numbers are numbers at Entra and strings at machines. */
static void grant(Sim *sim, Request *req, bool strings) {
        json_object *o = json_object_new_object();
        const char *form = sim->issuer.expires;
        char text[32];

        (void) snprintf(text, sizeof text, "%d", (int) sim->issuer.lifetime);
        if (!form && strings)
                (void) json_object_object_add(o, "expires_in", json_object_new_string(text));
        else if (!form)
                (void) json_object_object_add(o, "expires_in",
                                              json_object_new_int((int) sim->issuer.lifetime));
        if (strings || form)
                (void) json_object_object_add(o, "expires_on", expiry(sim, form));
        (void) json_object_object_add(o, "token_type", json_object_new_string("Bearer"));
        (void) json_object_object_add(o, "access_token", json_object_new_string(issue(sim)));
        reply_set_json(&req->reply, 200, o);
}

static char *folder_path(const Sim *sim, const char *name) {
        return must_printf("%s/%s", sim->issuer.folder ? sim->issuer.folder : "/nonexistent", name);
}

static char *slurp(const char *path) {
        char *text = must_calloc(65536, 1);
        FILE *f = fopen(path, "re");
        size_t n = f ? fread(text, 1, 65535, f) : 0;

        if (f)
                (void) fclose(f);
        while (n > 0 && text[n - 1] == '\n')
                n--;
        text[n] = 0;
        return text;
}

/* --- Entra ------------------------------------------------------------------------------------------- */

/* A field of the form, decoded; never NULL. */
static char *field(const Request *req, const char *name) {
        size_t n = strlen(name);

        for (const char *p = req->body ? req->body : ""; *p; p += strcspn(p, "&"), p += *p == '&')
                if (strncmp(p, name, n) == 0 && p[n] == '=')
                        return percent_decode(p + n + 1, strcspn(p + n + 1, "&"));
        return must_strdup("");
}

/* NULL: the credential is good. */
static const char *entra_flaw(const Sim *sim, const Request *req, const char **ret_code) {
        _cleanup_(string_freep) char *secret = field(req, "client_secret"),
                                     *assertion = field(req, "client_assertion"),
                                     *type = field(req, "client_assertion_type"),
                                     *certificate = folder_path(sim, "certificate.pem"),
                                     *file = folder_path(sim, "federated"), *federated = slurp(file);

        *ret_code = "AADSTS7000215";
        if (*secret)
                return strcmp(secret, CLIENT_SECRET) == 0
                               ? NULL
                               : "Invalid client secret provided. Ensure the secret being sent in the "
                                 "request "
                                 "is the client secret value, not the client secret ID.";
        *ret_code = "AADSTS700027";
        if (strcmp(type, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") != 0)
                return "The request has no credential.";
        if (*federated && strcmp(assertion, federated) == 0)
                return NULL;
        return assertion_flaw(assertion, certificate, CLIENT_ID, "/" TENANT ENTRA_END,
                              (int64_t) clock_real(&sim->clock));
}

static void answer_entra(Sim *sim, Request *req) {
        _cleanup_(string_freep) char *grant_type = field(req, "grant_type"),
                                     *client = field(req, "client_id"), *scope = field(req, "scope");
        size_t n = strlen(scope);
        const char *code;

        if (strcmp(req->method, "POST") != 0 || strcmp(grant_type, "client_credentials") != 0)
                refuse_entra(sim, req, 400, "invalid_request", "AADSTS900144", "grant_type is missing.");
        else if (strcmp(req->path, "/" TENANT ENTRA_END) != 0)
                refuse_entra(sim, req, 400, "invalid_request", "AADSTS90002", "Tenant not found. Check it.");
        else if (strcmp(client, CLIENT_ID) != 0)
                refuse_entra(sim, req, 400, "unauthorized_client", "AADSTS700016",
                             "Application was not found in the directory.");
        else if (n < 9 || strcmp(scope + n - 9, "/.default") != 0)
                refuse_entra(sim, req, 400, "invalid_scope", "AADSTS1002012", "The scope is not valid.");
        else if (sim->issuer.refuse)
                refuse_entra(sim, req, 401, "invalid_client", sim->issuer.refuse, "Refused by switch.");
        else {
                const char *flaw = entra_flaw(sim, req, &code);
                if (flaw)
                        refuse_entra(sim, req, 401, "invalid_client", code, flaw);
                else
                        grant(sim, req, false);
        }
}

/* --- machines ---------------------------------------------------------------------------------------- */

static bool argument_is(const Request *req, const char *name, const char *value) {
        const char *is = request_argument(req, name);

        return is && strcmp(is, value) == 0;
}

static bool header_is(const Request *req, const char *name, const char *value) {
        const char *is = request_header(req, name);

        return is && strcmp(is, value) == 0;
}

/* The machine's own identity, or the user-assigned one. */
static bool identity_is_known(const Request *req, const char *resource_id) {
        const char *names[] = { "client_id", "object_id", resource_id };
        const char *values[] = { CLIENT_ID, OBJECT_ID, RESOURCE_ID };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (request_argument(req, names[i]) && !argument_is(req, names[i], values[i]))
                        return false;
        return true;
}

static void answer_machine(Sim *sim, Request *req, const char *resource_id) {
        const char *resource = request_argument(req, "resource");

        if (!resource || strncmp(resource, "https://", 8) != 0 || strstr(resource, "/.default"))
                refuse(sim, req, 400, "invalid_resource", "The resource is not valid");
        else if (!identity_is_known(req, resource_id))
                refuse(sim, req, 400, "invalid_request", "Identity not found");
        else
                grant(sim, req, true);
}

/* Each challenge has a key of its own, in a file that only the right group could read. */
static void challenge_arc(Sim *sim, Request *req) {
        Issuer *i = &sim->issuer;
        uint64_t n = i->n_challenges++;
        _cleanup_(string_freep) char *name = must_printf("arc/%u.key", (unsigned) n);
        _cleanup_(string_freep) char *path = folder_path(sim, name);
        _cleanup_(string_freep) char *realm = must_printf("Basic realm=%s", path);
        char key[33];

        random_hex32(sim->world.settings.seed, "arc", n, key);
        text_set(&i->challenges[n % ELEMENTSOF(i->challenges)], must_printf("Basic %s", key));
        FILE *f = fopen(path, "we");
        if (f) {
                (void) fputs(key, f);
                (void) fclose(f);
        }
        refuse(sim, req, 401, "unauthorized", "Unauthorized");
        reply_add_header(&req->reply, "WWW-Authenticate", realm);
}

/* Each key is good once. */
static bool challenge_is_answered(Sim *sim, const Request *req) {
        for (size_t k = 0; k < ELEMENTSOF(sim->issuer.challenges); k++)
                if (sim->issuer.challenges[k] &&
                    header_is(req, "Authorization", sim->issuer.challenges[k])) {
                        text_set(&sim->issuer.challenges[k], NULL);
                        return true;
                }
        return false;
}

static void answer_metadata(Sim *sim, Request *req) {
        bool arc = argument_is(req, "api-version", "2020-06-01");

        if (!header_is(req, "Metadata", "true") || request_header(req, "X-Forwarded-For") ||
            request_header(req, "Via"))
                refuse(sim, req, 400, "invalid_request", "Required metadata header not specified");
        else if (!arc && !argument_is(req, "api-version", "2018-02-01"))
                refuse(sim, req, 400, "bad_request", "The api-version is not supported");
        else if (arc && !challenge_is_answered(sim, req))
                challenge_arc(sim, req);
        else
                answer_machine(sim, req, "msi_res_id");
}

static void answer_app_service(Sim *sim, Request *req) {
        if (!header_is(req, "X-IDENTITY-HEADER", IDENTITY_HEADER) ||
            !argument_is(req, "api-version", "2019-08-01"))
                refuse(sim, req, 401, "unauthorized", "The identity header is wrong");
        else
                answer_machine(sim, req, "mi_res_id");
}

bool token_answer(Sim *sim, Request *req) {
        size_t n = strlen(req->path), end = strlen(ENTRA_END);
        void (*answer)(Sim *, Request *) = NULL;

        if (strcmp(req->path, "/metadata/identity/oauth2/token") == 0)
                answer = answer_metadata;
        else if (strcmp(req->path, "/msi/token") == 0)
                answer = answer_app_service;
        else if (n > end && strcmp(req->path + n - end, ENTRA_END) == 0)
                answer = answer_entra;
        if (!answer)
                return false;
        sim->issuer.n_requests++;
        answer(sim, req);
        return true;
}

/* --- control ----------------------------------------------------------------------------------------- */

/* Empty: none; not there: as it is. */
static void argument_set(const Request *req, const char *name, char **to) {
        const char *value = request_argument(req, name);

        if (value)
                text_set(to, *value ? must_strdup(value) : NULL);
}

void token_control_set(Sim *sim, Request *req, const char *rest) {
        const char *lifetime = request_argument(req, "lifetime");

        (void) rest;
        if (lifetime)
                (void) number_parse(lifetime, &sim->issuer.lifetime);
        argument_set(req, "expires", &sim->issuer.expires);
        argument_set(req, "refuse", &sim->issuer.refuse);
        reply_set(&req->reply, 200, "text/plain", "ok");
}

void token_control_get(Sim *sim, Request *req, const char *rest) {
        json_object *o = json_object_new_object();

        (void) rest;
        (void) json_object_object_add(o, "requests",
                                      json_object_new_int64((int64_t) sim->issuer.n_requests));
        (void) json_object_object_add(o, "issued", json_object_new_int64((int64_t) sim->issuer.n_issued));
        (void) json_object_object_add(o, "refused", json_object_new_int64((int64_t) sim->issuer.n_refused));
        reply_set_json(&req->reply, 200, o);
}

void token_control_revoke(Sim *sim, Request *req, const char *rest) {
        (void) rest;
        for (size_t k = 0; k < TOKENS_MAX; k++)
                sim->issuer.issued[k].until = 0;
        reply_set(&req->reply, 200, "text/plain", "ok");
}
