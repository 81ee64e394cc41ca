#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "job.h"
#include "page.h"
#include "render.h"
#include "sim.h"
#include "training.h"
#include "util.h"

/* The API side: which dialect a path belongs to, whether the credential is right, which of the endpoints it
 * is. Error bodies are those that the services send. */

typedef enum Dialect {
        DIALECT_AZURE_V1,
        DIALECT_AZURE,
        DIALECT_OPENAI,
        DIALECT_FOUNDRY,
} Dialect;

typedef struct DialectInfo {
        const char *prefix;
        bool needs_version;
        bool skips_segment;             /* the project's name follows the prefix */
        bool takes_api_key;             /* in the header api-key */
        bool takes_bearer_key;          /* the same key as a bearer token */
        bool base64_results;
} DialectInfo;

/* Longer prefixes first. */
static const DialectInfo dialects[] = {
        [DIALECT_AZURE_V1] = { .prefix = "/openai/v1/", .takes_api_key = true, .takes_bearer_key = true },
        [DIALECT_AZURE]    = { .prefix = "/openai/", .needs_version = true, .takes_api_key = true },
        [DIALECT_OPENAI]   = { .prefix = "/v1/", .takes_bearer_key = true, .base64_results = true },
        [DIALECT_FOUNDRY]  = { .prefix = "/api/projects/", .needs_version = true, .skips_segment = true,
                               .takes_api_key = true },
};

static void reply_error(Reply *reply, unsigned status, const char *code, const char *message) {
        json_object *o = json_object_new_object(), *error = json_object_new_object();
        (void) json_object_object_add(error, "code", json_object_new_string(code));
        (void) json_object_object_add(error, "message", json_object_new_string(message));
        (void) json_object_object_add(o, "error", error);
        reply_set_json(reply, status, o);
}

static void reply_openai_error(Reply *reply, unsigned status, const char *code, const char *param,
                               const char *message) {
        json_object *o = json_object_new_object(), *error = json_object_new_object();
        (void) json_object_object_add(error, "message", json_object_new_string(message));
        (void) json_object_object_add(error, "type", json_object_new_string("invalid_request_error"));
        (void) json_object_object_add(error, "param", param ? json_object_new_string(param) : NULL);
        (void) json_object_object_add(error, "code", code ? json_object_new_string(code) : NULL);
        (void) json_object_object_add(o, "error", error);
        reply_set_json(reply, status, o);
}

static void reply_not_routed(Reply *reply) {
        reply_error(reply, 404, "404", "Resource not found");
}

static void reply_not_found(Reply *reply, Dialect dialect, const char *what, const char *param,
                            const char *id) {
        _cleanup_(string_freep) char *message =
                dialect == DIALECT_OPENAI ? must_printf("Could not find %s: %s", what, id)
                                          : must_printf("The specified %s '%s' was not found.", what, id);
        if (dialect != DIALECT_OPENAI)
                reply_error(reply, 404, "notFound", message);
        else
                reply_openai_error(reply, 404,
                                   strcmp(what, "fine tune") == 0 ? "fine_tune_not_found" : "not_found",
                                   param, message);
}

static void reply_unauthorized(Reply *reply, Dialect dialect, bool by_token) {
        if (dialect == DIALECT_OPENAI)
                reply_openai_error(reply, 401, "invalid_api_key", NULL, "Incorrect API key provided.");
        else if (by_token)              /* no error wrapper: that is what the gateway sends */
                reply_set(reply, 401, "application/json",
                          "{\"statusCode\":401,\"message\":\"Unauthorized. Access token is missing, "
                          "invalid, audience is incorrect (https://cognitiveservices.azure.com), or have "
                          "expired.\"}");
        else
                reply_error(reply, 401, "401",
                            "Access denied due to invalid subscription key or wrong API endpoint. "
                            "Make sure to provide a valid key for an active subscription and use a correct "
                            "regional API endpoint for your resource.");
}

static const char *request_bearer(const Request *req) {
        const char *value = request_header(req, "Authorization");
        if (!value || strncasecmp(value, "Bearer ", 7) != 0)
                return NULL;
        return value + 7;
}

static Credential request_credential(const Sim *sim, const Request *req, const DialectInfo *info) {
        const Settings *s = &sim->world.settings;
        const char *key = info->takes_api_key ? request_header(req, "api-key") : NULL,
                   *bearer = request_bearer(req);

        if (!key && !bearer)
                return CREDENTIAL_NONE;
        if (key && strcmp(key, s->api_key) == 0)
                return CREDENTIAL_RIGHT;
        if (bearer && info->takes_bearer_key && strcmp(bearer, s->api_key) == 0)
                return CREDENTIAL_RIGHT;
        if (bearer && ((s->token && strcmp(bearer, s->token) == 0) || issuer_accepts(sim, bearer)))
                return CREDENTIAL_RIGHT;
        return CREDENTIAL_WRONG;
}

static bool request_version_is_good(const Sim *sim, const Request *req) {
        const char *version = request_argument(req, "api-version");
        json_object *accepted = sim->world.settings.api_versions;

        if (!version || !*version)
                return false;
        if (!accepted)
                return true;
        for (size_t i = 0; i < json_object_array_length(accepted); i++)
                if (strcmp(json_object_get_string(json_object_array_get_idx(accepted, i)), version) == 0)
                        return true;
        return false;
}

static void answer_file(Sim *sim, Dialect dialect, const char *id, Reply *reply) {
        Job *job = world_find_file(&sim->world, id);
        Encoding encoding = sim->world.settings.encoding;
        const Change *success = job ? job_find_change(job, "succeeded") : NULL;
        const char *csv = job ? training_csv(job) : NULL;

        /* The id is shown early; the content comes with the line "Completed results file". */
        if (!csv || !success || success->at + job->tail * 0.8 > sim->world.now) {
                reply_not_found(reply, dialect, "file", "id", id);
                return;
        }
        bool base64 = encoding == ENCODING_BASE64 ||
                      (encoding == ENCODING_AUTO && dialects[dialect].base64_results);
        char *body = base64 ? sink_base64((const unsigned char *) csv, strlen(csv)) : must_strdup(csv);
        reply_take(reply, 200, base64 ? "application/octet-stream" : "text/csv", body, strlen(body));
}

static void answer_list(PageResult result, Dialect dialect, const char *after, Reply *reply) {
        if (result == PAGE_BAD_LIMIT && dialect == DIALECT_OPENAI)
                reply_openai_error(reply, 400, NULL, "limit", "Invalid limit.");
        else if (result == PAGE_BAD_LIMIT)
                reply_error(reply, 400, "invalidPayload", "The value of limit is not valid.");
        else if (result == PAGE_UNKNOWN_AFTER)
                reply_not_found(reply, dialect, "item", "after", after);
}

static void answer_job(Sim *sim, Dialect dialect, const char *id, const char *part, const Request *req,
                       Reply *reply) {
        World *w = &sim->world;
        Job *job = world_find_job(w, id);
        const char *after = request_argument(req, "after");

        if (*part && strcmp(part, "events") != 0 &&
            (strcmp(part, "checkpoints") != 0 || w->settings.specification))
                reply_not_routed(reply);
        else if (!job)
                reply_not_found(reply, dialect, "fine tune", "fine_tune_id", id);
        else if (!*part) {
                size_t size;
                const char *row = render_job(job, false, &size);
                reply_take(reply, 200, "application/json", must_strdup(row), size);
        } else if (strcmp(part, "events") == 0)
                answer_list(page_events(w, job, req, reply), dialect, after, reply);
        else
                answer_list(page_checkpoints(w, job, req, reply), dialect, after, reply);
}

/* One segment of a path, decoded; *p moves behind it and its slash. */
static char *path_take_segment(const char **p) {
        size_t n = strcspn(*p, "/");
        char *segment = percent_decode(*p, n);
        *p += n + ((*p)[n] == '/');
        return segment;
}

static void answer_path(Sim *sim, Dialect dialect, const char *rest, const Request *req, Reply *reply) {
        static const char jobs[] = "fine_tuning/jobs", files[] = "files/";

        if (strcmp(rest, jobs) == 0)
                answer_list(page_jobs(&sim->world, req, reply), dialect, request_argument(req, "after"),
                            reply);
        else if (strncmp(rest, jobs, strlen(jobs)) == 0 && rest[strlen(jobs)] == '/') {
                const char *p = rest + strlen(jobs) + 1;
                _cleanup_(string_freep) char *id = path_take_segment(&p);
                if (*id)
                        answer_job(sim, dialect, id, p, req, reply);
                else
                        reply_not_routed(reply);
        } else if (strncmp(rest, files, strlen(files)) == 0) {
                const char *p = rest + strlen(files);
                _cleanup_(string_freep) char *id = path_take_segment(&p);
                if (*id && strcmp(p, "content") == 0)
                        answer_file(sim, dialect, id, reply);
                else
                        reply_not_routed(reply);
        } else
                reply_not_routed(reply);
}

bool api_answer(Sim *sim, Request *req) {
        Reply *reply = &req->reply;
        size_t d = 0;

        while (d < ELEMENTSOF(dialects) &&
               strncmp(req->path, dialects[d].prefix, strlen(dialects[d].prefix)) != 0)
                d++;
        if (d == ELEMENTSOF(dialects))
                return false;
        const DialectInfo *info = &dialects[d];
        Credential credential = request_credential(sim, req, info);
        const char *rest = req->path + strlen(info->prefix);
        if (info->skips_segment)
                free(path_take_segment(&rest));
        if (credential != CREDENTIAL_RIGHT)
                reply_unauthorized(reply, (Dialect) d,
                                   !request_header(req, "api-key") && request_bearer(req));
        else if (info->needs_version && !request_version_is_good(sim, req))
                reply_not_routed(reply);
        else if (strcmp(req->method, "GET") != 0)
                reply_error(reply, 405, "405", "Method not allowed");
        else
                answer_path(sim, (Dialect) d, rest, req, reply);

        char id[33];
        random_hex32(sim->world.settings.seed, "request", sim->n_replies++, id);
        reply_add_header(reply, d == DIALECT_OPENAI ? "x-request-id" : "apim-request-id", id);
        journal_add_request(&sim->journal, sim->world.now, req, credential);
        return true;
}
