#pragma once
/* Which request of which source is sent next: so many at once over all sources that receivers always find a
 * connection, a share of them for each source, and some kept free of those that did not answer last time,
 * or have not been asked yet. So sources that hang, however many, do not hold up those that answer. Tokens
 * and probes, which are few, do not pass here. */

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"

typedef struct Gate Gate;
typedef struct Source Source;

typedef enum GateState {
        GATE_OUTSIDE,
        GATE_WAITING,
        GATE_INSIDE,
} GateState;

/* Embedded in whatever wants to go through. */
typedef struct GatePass {
        Source *source;
        GateState state;
        bool was_silent;
        struct GatePass *prev, *next;
} GatePass;

/* It may go: from within gate_enter() or gate_leave(), of this pass or of another. May leave at once. */
typedef void (*gate_open_t)(GatePass *p);

int gate_new(Gate **ret, size_t connections, gate_open_t open);
Gate *gate_free(Gate *g);
/* How long a pass waits is bounded by the deadlines of those inside. */
void gate_enter(Gate *g, GatePass *p, Source *s);
/* It has ended, or is not wanted any more, inside or still waiting. Does nothing outside. */
void gate_leave(Gate *g, GatePass *p);
size_t gate_n_waiting(const Gate *g);
/* Opens for nobody any more. */
void gate_close(Gate *g);
