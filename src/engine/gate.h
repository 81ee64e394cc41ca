#pragma once
/* Which request of which source or token is sent next: so many at once over all of them that receivers
 * always find a connection, a share of them for each, and some kept free of those that did not answer last
 * time, or have not been asked yet. So servers that hang, however many, do not hold up those that answer.
 * Nor do those that have answered until now and hang all at once: while others wait, what is inside for a
 * second makes room for the next, as it waits for a server and does no work; up to a second, larger limit.
 * Until it is known of all of them that they hang, sources with unfinished jobs take turns with all others.
 * Nobody waits for another pass while inside: a source waits for its token outside. A probe, which asks one
 * thing after the other, has a gate of its own. */

#include <stdbool.h>
#include <stddef.h>

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "base/time.h"

typedef struct Gate Gate;
typedef struct GatePass GatePass;

/* Whose requests they are: embedded in a source, in a token. */
typedef struct GateOwner {
        size_t n_inside;                /* under way; kept by the gate */
        bool silent;                    /* no answer last time, or not asked yet; kept by the owner */
        bool busy;                      /* something is unfinished, or waits for it; kept by the owner */
} GateOwner;

typedef enum GateState {
        GATE_OUTSIDE,
        GATE_WAITING,
        GATE_INSIDE,
        GATE_SLOW,                      /* inside, and has made room */
        GATE_FAILED,                    /* will be told so */
} GateState;

/* It may go: from within gate_enter() or gate_leave(), of this pass or of another, in the middle of whose
 * work nothing may end. May leave at once, and enter again. A negative errno: it cannot, and has left. */
typedef int (*gate_open_t)(GatePass *p);
/* Why it could not, from the event loop. The gate may be gone when it returns. */
typedef void (*gate_failed_t)(GatePass *p, int error);

/* Embedded in whatever wants to go through. */
struct GatePass {
        GateOwner *owner;               /* outlives the time that the pass waits or is inside */
        gate_open_t open;
        gate_failed_t failed;
        int error;
        GateState state;
        bool was_silent, was_busy;
        usec_t since_usec;              /* boottime: it is inside */
        GatePass *prev, *next;
};

/* For how many that are slow there should be place beside `connections`: sixteen times as many, 256 at most.
 * Their replies, each of reply_limit (8 MiB) at the worst, are 2.1 GiB together where all servers are slow
 * and send as much as they can; those that hang send nothing. */
size_t gate_slow_connections(size_t connections);
/* slow: for how many that are slow there is place; those of receivers are not among them. */
int gate_new(Gate **ret, sd_event *event, size_t connections, size_t slow);
Gate *gate_free(Gate *g);
DEFINE_CLEANUP(Gate, gate_free)

/* How long a pass waits is bounded by those before it: with the usual 16 connections twelve go in each
 * second, whatever hangs; once 256 are slow, by the deadlines of those inside. */
void gate_enter(Gate *g, GatePass *p, GateOwner *o, gate_open_t open, gate_failed_t failed);
/* It has ended, or is not wanted any more, wherever it is. Does nothing outside. */
void gate_leave(Gate *g, GatePass *p);
/* Opens for nobody any more. */
void gate_close(Gate *g);
