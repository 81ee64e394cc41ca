#include "journal.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "jsonread.h"
#include "sim.h"
#include "util.h"

struct RequestEntry {
        uint64_t number;
        double at;
        char *method, *uri, *headers;
        Credential credential;
        unsigned status;
};

static void entry_done(RequestEntry *e) {
        free(e->method);
        free(e->uri);
        free(e->headers);
        *e = (RequestEntry) {};
}

void journal_done(Journal *j) {
        for (size_t i = 0; j->requests && i < REQUESTS_KEPT; i++)
                entry_done(&j->requests[i]);
        free(j->requests);
        (void) json_object_put(j->received);
        *j = (Journal) {};
}

static enum MHD_Result header_add_name(void *userdata, enum MHD_ValueKind kind, const char *key,
                                       const char *value) {
        char **names = userdata;
        char *longer = must_printf("%s%s%s", *names ? *names : "", *names ? "," : "", key);

        (void) kind;
        (void) value;
        free(*names);
        *names = longer;
        return MHD_YES;
}

void journal_add_request(Journal *j, double now, const Request *req, Credential credential) {
        uint64_t number = j->n_requests++;

        if (j->no_requests)
                return;
        if (!j->requests)
                j->requests = must_calloc(REQUESTS_KEPT, sizeof *j->requests);
        RequestEntry *e = &j->requests[number % REQUESTS_KEPT];
        entry_done(e);
        *e = (RequestEntry) {
                .number = number, .at = now, .credential = credential,
                .method = must_strdup(req->method), .uri = must_strdup(req->uri),
        };
        (void) MHD_get_connection_values(req->connection, MHD_HEADER_KIND, header_add_name, &e->headers);
}

void journal_set_last_status(Journal *j, unsigned status) {
        if (j->requests && j->n_requests > 0)
                j->requests[(j->n_requests - 1) % REQUESTS_KEPT].status = status;
}

static json_object *names_to_array(const char *names) {
        json_object *a = json_object_new_array();

        for (const char *p = names ? names : ""; *p;) {
                size_t n = strcspn(p, ",");
                (void) json_object_array_add(a, json_object_new_string_len(p, (int) n));
                p += n + (p[n] == ',');
        }
        return a;
}

static json_object *entry_to_json(const RequestEntry *e) {
        static const char *const words[] = { "none", "wrong", "right" };
        json_object *o = json_object_new_object();
        size_t path = strcspn(e->uri, "?");

        (void) json_object_object_add(o, "number", json_object_new_int64((int64_t) e->number));
        (void) json_object_object_add(o, "time", json_object_new_double(e->at));
        (void) json_object_object_add(o, "method", json_object_new_string(e->method));
        (void) json_object_object_add(o, "path", json_object_new_string_len(e->uri, (int) path));
        (void) json_object_object_add(o, "query",
                                      json_object_new_string(e->uri + path + (e->uri[path] == '?')));
        (void) json_object_object_add(o, "headers", names_to_array(e->headers));
        (void) json_object_object_add(o, "credential", json_object_new_string(words[e->credential]));
        (void) json_object_object_add(o, "status", json_object_new_int64(e->status));
        return o;
}

json_object *journal_requests(const Journal *j) {
        json_object *a = json_object_new_array();
        uint64_t first = j->n_requests > REQUESTS_KEPT ? j->n_requests - REQUESTS_KEPT : 0;

        for (uint64_t i = first; j->requests && i < j->n_requests; i++)
                (void) json_object_array_add(a, entry_to_json(&j->requests[i % REQUESTS_KEPT]));
        return a;
}

void journal_add_received(Journal *j, json_object *entry) {
        if (!j->received)
                j->received = json_object_new_array();
        j->n_received++;
        (void) json_object_array_add(j->received, entry);
        if (json_object_array_length(j->received) > RECEIVED_KEPT)
                (void) json_object_array_del_idx(j->received, 0, RECEIVED_KEPT / 10);
}

json_object *journal_received(const Journal *j, const char *sink) {
        json_object *a = json_object_new_array();

        for (size_t i = 0; j->received && i < json_object_array_length(j->received); i++) {
                json_object *entry = json_object_array_get_idx(j->received, i);
                if (!sink || strcmp(json_string(entry, "sink", ""), sink) == 0)
                        (void) json_object_array_add(a, json_object_get(entry));
        }
        return a;
}
