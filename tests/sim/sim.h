#pragma once
/* The simulator as a whole, and a request and its reply on their way through it. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "clock.h"
#include "fault.h"
#include "journal.h"
#include "sink.h"
#include "token.h"
#include "world.h"

#define BODY_MAX (1024 * 1024)
#define REPLY_HEADERS_MAX 16

typedef struct Header {
        char *name, *value;
} Header;

typedef struct Reply {
        unsigned status;                /* 0: none, the connection is reset */
        char *body;
        size_t size;
        const char *content_type;       /* static; NULL: no body type */
        Header headers[REPLY_HEADERS_MAX];
        size_t n_headers;
        double delay_sec;
        size_t cut;                     /* break the connection after so many bytes; SIZE_MAX: send all */
        size_t filler;                  /* send so many bytes more, of nothing of use */
} Reply;

struct MHD_Connection;

struct Request {
        struct MHD_Connection *connection;
        char *uri;                      /* as received */
        char *path;                     /* as received, without the query */
        const char *query;              /* "" or what follows "?" */
        const char *method;             /* the server's */
        char *body;
        size_t body_size;
        bool started, too_large, answered, waiting, sent;
        Reply reply;
        double due;                     /* clock_unbent() when the reply may go out */
        json_object *entry;             /* of a delivery: what will be recorded */
        Request *next;                  /* among those that wait */
};

struct Sim {
        Clock clock;
        World world;
        FaultList faults;
        SinkTable sinks;
        Journal journal;
        Issuer issuer;
        const char *scenario;
        bool force_seed, force_shape, force_specification;
        uint64_t seed;
        uint64_t random;                /* state of the fault dice */
        uint64_t n_replies;
        FILE *record;
};

/* Loads the scenario and starts its time; on failure says why and the simulator is unusable. */
int sim_load(Sim *sim);
void sim_done(Sim *sim);

void reply_set(Reply *reply, unsigned status, const char *content_type, const char *body);      /* copies */
void reply_take(Reply *reply, unsigned status, const char *content_type, char *body, size_t size);
void reply_set_json(Reply *reply, unsigned status, json_object *body);                          /* takes */
void reply_add_header(Reply *reply, const char *name, const char *value);
void reply_done(Reply *reply);

const char *request_header(const Request *req, const char *name);
const char *request_argument(const Request *req, const char *name);    /* of the query, decoded */

/* api.c: false if the path is none of the API's. */
bool api_answer(Sim *sim, Request *req);
/* control.c */
bool control_answer(Sim *sim, Request *req);
/* sink.c */
bool sink_answer(Sim *sim, Request *req);
