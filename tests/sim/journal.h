#pragma once
/* What happened: every API request (names of headers, never values) and every delivery at a sink. Bounded:
 * the oldest entries go. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUESTS_KEPT 20000
#define RECEIVED_KEPT 50000

typedef struct Request Request;

typedef enum Credential {
        CREDENTIAL_NONE,
        CREDENTIAL_WRONG,
        CREDENTIAL_RIGHT,
} Credential;

typedef struct RequestEntry RequestEntry;

typedef struct Journal {
        RequestEntry *requests;         /* a ring of REQUESTS_KEPT */
        uint64_t n_requests;            /* ever */
        json_object *received;          /* array */
        uint64_t n_received;            /* ever */
        bool no_requests;               /* count only */
} Journal;

void journal_done(Journal *j);
void journal_add_request(Journal *j, double now, const Request *req, Credential credential);
/* The status that was sent in the end; 0: the connection was reset. */
void journal_set_last_status(Journal *j, unsigned status);
json_object *journal_requests(const Journal *j);
void journal_add_received(Journal *j, json_object *entry);                     /* takes */
json_object *journal_received(const Journal *j, const char *sink);             /* NULL: all */
