#include "engine/gate.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/macro.h"

struct Gate {
        size_t room, share, silent_share;
        size_t n_inside, n_silent;      /* silent: of those, whose owners have not shown they are answered */
        GatePass *waiting[2];           /* the others, and those of busy owners */
        bool busy_turn;
        bool opening, closed;
};

int gate_new(Gate **ret, size_t connections) {
        Gate *g = calloc(1, sizeof *g);

        if (!g)
                return -ENOMEM;
        g->room = MAX(connections - connections / 4, (size_t) 1);
        g->share = MAX(g->room / 2, (size_t) 1);
        g->silent_share = MAX(g->room - MAX(g->room / 4, (size_t) 1), (size_t) 1);
        *ret = g;
        return 0;
}

Gate *gate_free(Gate *g) {
        free(g);
        return NULL;
}

static bool gate_admits(const Gate *g, const GatePass *p) {
        return p->owner->n_inside < g->share && (!p->owner->silent || g->n_silent < g->silent_share);
}

/* Of the owners with the fewest under way, the one that waits longest. */
static GatePass *gate_first(const Gate *g, GatePass *waiting) {
        GatePass *best = NULL;

        for (GatePass *p = waiting; p; p = p->next) {
                if (gate_admits(g, p) && (!best || p->owner->n_inside < best->owner->n_inside))
                        best = p;
                if (best && best->owner->n_inside == 0)
                        break;
        }
        return best;
}

static GatePass *gate_next(Gate *g) {
        if (g->n_inside >= g->room)
                return NULL;
        GatePass *busy = gate_first(g, g->waiting[true]), *other = gate_first(g, g->waiting[false]);
        if (!busy || !other)
                return busy ? busy : other;
        if (busy->owner->n_inside != other->owner->n_inside)
                return busy->owner->n_inside < other->owner->n_inside ? busy : other;
        g->busy_turn = !g->busy_turn;
        return g->busy_turn ? busy : other;
}

/* What is opened may enter and leave again: one loop does it for all of them. */
static void gate_run(Gate *g) {
        GatePass *p;

        if (g->opening || g->closed)
                return;
        g->opening = true;
        while ((p = gate_next(g))) {
                DL_DELETE(g->waiting[p->was_busy], p);
                p->state = GATE_INSIDE;
                p->was_silent = p->owner->silent;
                p->owner->n_inside++;
                g->n_inside++;
                g->n_silent += p->was_silent;
                p->open(p);
        }
        g->opening = false;
}

void gate_enter(Gate *g, GatePass *p, GateOwner *o, gate_open_t open) {
        *p = (GatePass) { .owner = o, .open = open, .state = GATE_WAITING, .was_busy = o->busy };
        DL_APPEND(g->waiting[p->was_busy], p);
        gate_run(g);
}

void gate_leave(Gate *g, GatePass *p) {
        GateState was = p->state;

        p->state = GATE_OUTSIDE;
        if (was == GATE_WAITING)
                DL_DELETE(g->waiting[p->was_busy], p);
        if (was != GATE_INSIDE)
                return;
        p->owner->n_inside--;
        g->n_inside--;
        g->n_silent -= p->was_silent;
        gate_run(g);
}

void gate_close(Gate *g) {
        g->closed = true;
}

size_t gate_n_waiting(const Gate *g) {
        const GatePass *p;
        size_t n_busy, n;

        DL_COUNT(g->waiting[true], p, n_busy);
        DL_COUNT(g->waiting[false], p, n);
        return n_busy + n;
}
