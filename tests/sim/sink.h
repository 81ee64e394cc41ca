#pragma once
/* The places notices go to: each holds the sender to the published contract of its kind, answers as the real
 * service does, and keeps what came. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Request Request;
typedef struct Reply Reply;
typedef struct Sim Sim;

#define SECRETS_MAX 4

typedef struct Sink {
        char *name;
        bool rate;                      /* slack: about one message a second */
        double rate_burst;
        char *charts;                   /* slack: data_visualization is "accept", "reject" or "fail" (500) */
        size_t size_max;                /* teams */
        char *secrets[SECRETS_MAX];     /* webhook: any of them may have signed */
        bool no_tolerance;              /* webhook: accept old and future timestamps */
        double tokens, tokens_at;       /* of the rate */
} Sink;

typedef struct SinkTable {
        Sink *sinks;
        size_t n;
} SinkTable;

void sink_table_done(SinkTable *t);
int sink_table_add(SinkTable *t, json_object *o, const char *where);
/* Never NULL: a name that was not told of gets the defaults. */
Sink *sink_table_find(SinkTable *t, const char *name);

/* One function a kind: sets the reply; returns what broke the contract (allocated), NULL if nothing did.
 * body is NULL if it is not JSON. */
char *sink_slack_check(Sim *sim, Sink *sink, const Request *req, json_object *body, Reply *reply);
char *sink_teams_check(Sim *sim, Sink *sink, const Request *req, json_object *body, Reply *reply);
char *sink_webhook_check(Sim *sim, Sink *sink, const Request *req, json_object *body, Reply *reply);

char *sink_base64(const unsigned char *data, size_t size);

/* Completes the entry of the delivery just received with the answer that was given; 0: reset. */
void sink_record_answer(Sim *sim, Request *req);
