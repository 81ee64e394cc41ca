#pragma once
/* One request after the other against a peer that follows a script, for the tests of io/http_curl. */

#include "unit/io_peer.h"

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

typedef struct ClientWaiter {
        IoFixture *f;
        HttpCall *call, *other;
        HttpReply reply;                /* without the body */
        char body[256];
        size_t body_size;
        unsigned n_done;
        bool is_inside;                 /* submit has not returned */
} ClientWaiter;

/* What the peer saw last, and says. */
typedef struct ClientScript {
        char request[4096];
        PeerAnswer answer;
        unsigned n_before;              /* this many requests of a connection are answered OK first */
} ClientScript;

void client_answer_script(const char *request, unsigned nth, PeerAnswer *ret, void *userdata);
/* OK to everything but what is below /silent. */
void client_answer_by_path(const char *request, unsigned nth, PeerAnswer *ret, void *userdata);

HttpRequest client_request(const char *url);
/* An http_done_t for a ClientWaiter. */
void client_on_done(HttpReply *reply, void *userdata);
int client_submit(ClientWaiter *w, IoFixture *f, const HttpRequest *request);
/* One request from beginning to end. */
void client_exchange(ClientWaiter *w, IoFixture *f, const HttpRequest *request);
/* GET /path from the peer, which is made if there is none. */
void client_get(ClientWaiter *w, IoFixture *f, ClientScript *script, const char *answer, PeerAfter after);
