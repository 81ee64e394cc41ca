#pragma once
/* The other side of a socket, for tests of io/: a loopback server on the test's own event loop that answers
 * what the test tells it to, misbehaving included. And the fixture such tests share. */

#include <stdbool.h>
#include <stddef.h>

#include <systemd/sd-event.h>

#include "io/curl_glue.h"
#include "io/http.h"

typedef struct Peer Peer;

typedef enum PeerAfter {                /* what happens to the connection once the answer is out */
        PEER_KEEP,
        PEER_CLOSE,
        PEER_RESET,                     /* RST instead of FIN */
} PeerAfter;

typedef struct PeerAnswer {
        const void *bytes;              /* must live until it is sent; NULL: silence */
        size_t size;                    /* 0: bytes is a string */
        PeerAfter after;
} PeerAnswer;

typedef enum PeerMode {
        PEER_HTTP,                      /* asked once a request: head, and body by Content-Length */
        PEER_LINES,                     /* asked at the start with NULL, then once a line (without CRLF) */
} PeerMode;

/* `nth` counts the requests of this connection from 0. */
typedef void (*peer_answer_t)(const char *request, unsigned nth, PeerAnswer *ret, void *userdata);

Peer *peer_new(sd_event *event, PeerMode mode, peer_answer_t answer, void *userdata);
Peer *peer_free(Peer *p);
unsigned peer_port(const Peer *p);
unsigned peer_n_connections(const Peer *p);     /* so far */
unsigned peer_n_requests(const Peer *p);
void peer_hang_up(Peer *p);                     /* closes what is open */

/* One event loop with everything on it. */
typedef struct IoFixture {
        sd_event *event;
        CurlGlue *glue;
        Http *http;
        Peer *peer;                     /* the test's, freed with the rest */
        unsigned n_done;                /* completions, counted by the test */
        char url[256];
} IoFixture;

int io_group_setup(void **state);
int io_group_teardown(void **state);
int io_setup(void **state);
int io_teardown(void **state);
/* "http://127.0.0.1:PORT/path" of the peer, in f->url. */
const char *io_url(IoFixture *f, const char *path);
/* Runs the loop until *counter is at least n; fails the test after 20 s. */
void io_run_until(IoFixture *f, const unsigned *counter, unsigned n);
/* Runs the loop until nothing is to be done any more; returns how many dispatches that took, fails if it
 * goes on. */
unsigned io_run_idle(IoFixture *f);
