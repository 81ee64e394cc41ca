#include "sink.h"

#include <errno.h>
#include <microhttpd.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jsonread.h"
#include "sim.h"
#include "util.h"

#define RATE_BURST 4
/* Flows refuse messages above 28 KB (learn.microsoft.com/connectors/teams). */
#define TEAMS_SIZE_MAX 28672

static const struct {
        const char *name;
        char *(*check)(Sim *sim, Sink *sink, const Request *req, json_object *body, Reply *reply);
} kinds[] = {
        { "slack",   sink_slack_check },
        { "teams",   sink_teams_check },
        { "webhook", sink_webhook_check },
};

static void sink_done(Sink *s) {
        free(s->name);
        free(s->charts);
        for (size_t i = 0; i < SECRETS_MAX; i++)
                free(s->secrets[i]);
}

void sink_table_done(SinkTable *t) {
        for (size_t i = 0; i < t->n; i++)
                sink_done(&t->sinks[i]);
        free(t->sinks);
        *t = (SinkTable) {};
}

static Sink *sink_table_append(SinkTable *t, const char *name) {
        t->sinks = must_realloc(t->sinks, t->n + 1, sizeof *t->sinks);
        Sink *s = &t->sinks[t->n++];
        *s = (Sink) { .name = must_strdup(name), .rate_burst = RATE_BURST, .size_max = TEAMS_SIZE_MAX };
        s->tokens = s->rate_burst;
        return s;
}

int sink_table_add(SinkTable *t, json_object *o, const char *where) {
        static const char *const keys[] = {
                "name", "rate", "rate_burst", "charts", "size_max", "secret", "secrets", "tolerance", NULL,
        };
        if (!json_check_keys(o, where, keys))
                return -EINVAL;
        const char *name = json_string(o, "name", NULL), *secret = json_string(o, "secret", NULL);
        size_t n = 0;
        if (!name) {
                (void) fprintf(stderr, "ftsim: %s: a sink needs a name\n", where);
                return -EINVAL;
        }
        Sink *s = sink_table_append(t, name);
        s->rate = json_flag(o, "rate", false);
        s->tokens = s->rate_burst = json_double(o, "rate_burst", RATE_BURST);
        s->charts = must_strdup(json_string(o, "charts", NULL));
        s->size_max = (size_t) json_int(o, "size_max", TEAMS_SIZE_MAX);
        s->no_tolerance = !json_flag(o, "tolerance", true);
        if (secret)
                s->secrets[n++] = must_strdup(secret);
        json_object *secrets = json_get(o, "secrets", json_type_array);
        for (size_t i = 0; i < json_array_size(o, "secrets") && n < SECRETS_MAX; i++)
                s->secrets[n++] = must_strdup(json_object_get_string(json_object_array_get_idx(secrets, i)));
        return 0;
}

Sink *sink_table_find(SinkTable *t, const char *name) {
        for (size_t i = 0; i < t->n; i++)
                if (strcmp(t->sinks[i].name, name) == 0)
                        return &t->sinks[i];
        return sink_table_append(t, name);
}

char *sink_base64(const unsigned char *data, size_t size) {
        char *text = must_calloc((size + 2) / 3 * 4 + 1, 1);
        (void) EVP_EncodeBlock((unsigned char *) text, data, (int) size);
        return text;
}

static enum MHD_Result header_add(void *userdata, enum MHD_ValueKind kind, const char *key,
                                  const char *value) {
        (void) kind;
        (void) json_object_object_add(userdata, key, json_object_new_string(value ? value : ""));
        return MHD_YES;
}

/* A sender that repeats must keep id and bytes. */
static void entry_add_repeats(const Sim *sim, const Request *req, json_object *entry) {
        const char *id = request_header(req, "webhook-id"), *path = req->path;
        size_t repeats = 0, n = sim->journal.received ? json_object_array_length(sim->journal.received) : 0;
        bool same = true;

        if (!id)
                return;
        for (size_t i = 0; i < n; i++) {
                json_object *earlier = json_object_array_get_idx(sim->journal.received, i);
                if (strcmp(json_string(earlier, "id", ""), id) != 0 ||
                    strcmp(json_string(earlier, "path", ""), path) != 0)
                        continue;
                repeats++;
                same = same && strcmp(json_string(earlier, "raw", ""), req->body ? req->body : "") == 0;
        }
        (void) json_object_object_add(entry, "id", json_object_new_string(id));
        (void) json_object_object_add(entry, "repeats", json_object_new_int64((int64_t) repeats));
        (void) json_object_object_add(entry, "same_body", json_object_new_boolean(same));
}

static json_object *entry_new(const Sim *sim, const Request *req, const char *kind, const char *name) {
        json_object *e = json_object_new_object(), *headers = json_object_new_object();

        (void) json_object_object_add(e, "number", json_object_new_int64((int64_t) sim->journal.n_received));
        (void) json_object_object_add(e, "kind", json_object_new_string(kind));
        (void) json_object_object_add(e, "sink", json_object_new_string(name));
        (void) json_object_object_add(e, "path", json_object_new_string(req->path));
        (void) json_object_object_add(e, "time", json_object_new_double(sim->world.now));
        (void) json_object_object_add(e, "clock", json_object_new_double(clock_real(&sim->clock)));
        (void) MHD_get_connection_values(req->connection, MHD_HEADER_KIND, header_add, headers);
        (void) json_object_object_add(e, "headers", headers);
        entry_add_repeats(sim, req, e);
        (void) json_object_object_add(e, "size", json_object_new_int64((int64_t) req->body_size));
        (void) json_object_object_add(e, "raw", json_object_new_string_len(req->body ? req->body : "",
                                                                         (int) req->body_size));
        return e;
}

bool sink_answer(Sim *sim, Request *req) {
        static const char prefix[] = "/sink/";
        if (strncmp(req->path, prefix, strlen(prefix)) != 0)
                return false;
        const char *kind = req->path + strlen(prefix), *slash = strchr(kind, '/');
        size_t k = 0;
        while (slash && k < ELEMENTSOF(kinds) &&
               (strlen(kinds[k].name) != (size_t) (slash - kind) ||
                strncmp(kinds[k].name, kind, (size_t) (slash - kind)) != 0))
                k++;
        if (!slash || k == ELEMENTSOF(kinds) || !slash[1] || strchr(slash + 1, '/')) {
                reply_set(&req->reply, 404, "text/plain", "no_service");
                return true;
        }
        if (strcmp(req->method, "POST") != 0) {
                reply_set(&req->reply, 405, "text/plain", "method_not_allowed");
                return true;
        }
        Sink *sink = sink_table_find(&sim->sinks, slash + 1);
        json_object *body = json_from_text(req->body ? req->body : "", req->body_size);
        req->entry = entry_new(sim, req, kinds[k].name, sink->name);
        char *error = kinds[k].check(sim, sink, req, body, &req->reply);
        (void) json_object_object_add(req->entry, "body", body);
        (void) json_object_object_add(req->entry, "error", error ? json_object_new_string(error) : NULL);
        free(error);
        return true;
}

void sink_record_answer(Sim *sim, Request *req) {
        if (!req->entry)
                return;
        (void) json_object_object_add(req->entry, "answer", json_object_new_int64(req->reply.status));
        if (sim->record) {
                (void) fprintf(sim->record, "%s\n", json_object_to_json_string_ext(req->entry,
                               JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
                (void) fflush(sim->record);
        }
        journal_add_received(&sim->journal, TAKE_PTR(req->entry));
}
