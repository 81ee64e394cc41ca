#include "engine/gate.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/log.h"
#include "base/macro.h"

#define SLOW_AFTER_USEC USEC_PER_SEC
#define SLOW_PER_CONNECTION 16U
#define SLOW_MAX 256U

/* So many at once, and some of that kept free of silent ones: whose owners have not shown that they are
 * answered. */
typedef struct Room {
        size_t max, silent_max;
        size_t n, n_silent;
} Room;

struct Gate {
        Room room, slow_room;
        size_t share;                   /* of one owner, slow or not */
        GatePass *waiting[2];           /* the others, and those of busy owners */
        GatePass *inside;               /* not slow; who came first is first */
        GatePass *failed;
        sd_event_source *timer;         /* one has failed; or somebody waits: the next one inside is slow */
        bool busy_turn;
        bool opening, closed;
};

static int on_timer(sd_event_source *timer, uint64_t usec, void *userdata);

static Room room_make(size_t max) {
        return (Room) { .max = max, .silent_max = max > 1 ? max - MAX(max / 4, (size_t) 1) : max };
}

static bool room_is_left(const Room *r, bool silent) {
        return r->n < r->max && (!silent || r->n_silent < r->silent_max);
}

static void room_enter(Room *r, const GatePass *p) {
        r->n++;
        r->n_silent += p->was_silent;
}

static void room_leave(Room *r, const GatePass *p) {
        r->n--;
        r->n_silent -= p->was_silent;
}

size_t gate_slow_connections(size_t connections) {
        return MIN(connections * SLOW_PER_CONNECTION, (size_t) SLOW_MAX);
}

int gate_new(Gate **ret, sd_event *event, size_t connections, size_t slow) {
        _cleanup_(gate_freep) Gate *g = calloc(1, sizeof *g);

        if (!g)
                return -ENOMEM;
        g->room = room_make(MAX(connections - connections / 4, (size_t) 1));
        g->slow_room = room_make(slow);
        g->share = MAX(g->room.max / 2, (size_t) 1);
        int r = sd_event_add_time(event, &g->timer, CLOCK_BOOTTIME, 0, SLOW_AFTER_USEC / 10, on_timer,
                                  g);
        if (r >= 0)
                r = sd_event_source_set_enabled(g->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(g);
        return 0;
}

Gate *gate_free(Gate *g) {
        if (!g)
                return NULL;
        sd_event_source_disable_unref(g->timer);
        free(g);
        return NULL;
}

static usec_t gate_now(const Gate *g) {
        usec_t now = 0;

        (void) sd_event_now(sd_event_source_get_event(g->timer), CLOCK_BOOTTIME, &now);
        return now;
}

/* --- who is next ------------------------------------------------------------------------------------- */

static bool gate_admits(const Gate *g, const GatePass *p) {
        return p->owner->n_inside < g->share && room_is_left(&g->room, p->owner->silent);
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
        if (!room_is_left(&g->room, false))
                return NULL;
        GatePass *busy = gate_first(g, g->waiting[true]), *other = gate_first(g, g->waiting[false]);
        if (!busy || !other)
                return busy ? busy : other;
        if (busy->owner->n_inside != other->owner->n_inside)
                return busy->owner->n_inside < other->owner->n_inside ? busy : other;
        g->busy_turn = !g->busy_turn;
        return g->busy_turn ? busy : other;
}

/* Would go in if there were room for it. */
static bool gate_is_wanted(const Gate *g) {
        const GatePass *p;

        for (size_t i = 0; i < ARRAY_SIZE(g->waiting); i++)
                DL_FOREACH(g->waiting[i], p)
                        if (p->owner->n_inside < g->share)
                                return true;
        return false;
}

static void gate_arm(Gate *g) {
        GatePass *p = gate_is_wanted(g) ? g->inside : NULL;

        while (p && !room_is_left(&g->slow_room, p->was_silent))
                p = p->next;
        usec_t at = g->failed ? 0 : p ? usec_add(p->since_usec, SLOW_AFTER_USEC) : USEC_INFINITY;
        int enabled = at == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT;
        if ((enabled != SD_EVENT_OFF && sd_event_source_set_time(g->timer, at) < 0) ||
            sd_event_source_set_enabled(g->timer, enabled) < 0)
                log_error("cannot set the timer of requests");
}

static void gate_fail(Gate *g, GatePass *p, int error) {
        gate_leave(g, p);
        p->state = GATE_FAILED;
        p->error = error;
        DL_APPEND(g->failed, p);
}

/* What is opened may enter and leave again: one loop does it for all of them. */
static void gate_run(Gate *g) {
        GatePass *p;

        if (g->opening || g->closed)
                return;
        g->opening = true;
        while ((p = gate_next(g))) {
                DL_DELETE(g->waiting[p->was_busy], p);
                DL_APPEND(g->inside, p);
                p->state = GATE_INSIDE;
                p->since_usec = gate_now(g);
                p->was_silent = p->owner->silent;
                p->owner->n_inside++;
                room_enter(&g->room, p);
                int r = p->open(p);
                if (r < 0)
                        gate_fail(g, p, r);
        }
        g->opening = false;
        gate_arm(g);
}

static void gate_make_room(Gate *g) {
        usec_t now = gate_now(g);
        GatePass *next;

        for (GatePass *p = g->inside; p && usec_add(p->since_usec, SLOW_AFTER_USEC) <= now; p = next) {
                next = p->next;
                if (!room_is_left(&g->slow_room, p->was_silent))
                        continue;
                DL_DELETE(g->inside, p);
                p->state = GATE_SLOW;
                room_leave(&g->room, p);
                room_enter(&g->slow_room, p);
        }
}

/* One failure at a time, and last of all: whoever is told may free the gate. */
static int on_timer(sd_event_source *timer _unused_, uint64_t usec _unused_, void *userdata) {
        Gate *g = userdata;

        gate_make_room(g);
        gate_run(g);
        GatePass *failed = g->failed;
        if (failed) {
                gate_leave(g, failed);
                failed->failed(failed, failed->error);
        }
        return 0;
}

/* --- passes ------------------------------------------------------------------------------------------ */

void gate_enter(Gate *g, GatePass *p, GateOwner *o, gate_open_t open, gate_failed_t failed) {
        *p = (GatePass) {
                .owner = o,
                .open = open,
                .failed = failed,
                .state = GATE_WAITING,
                .was_busy = o->busy,
        };
        DL_APPEND(g->waiting[p->was_busy], p);
        gate_run(g);
}

void gate_leave(Gate *g, GatePass *p) {
        GateState was = p->state;

        if (was == GATE_OUTSIDE)
                return;
        p->state = GATE_OUTSIDE;
        if (was == GATE_WAITING)
                DL_DELETE(g->waiting[p->was_busy], p);
        else if (was == GATE_FAILED)
                DL_DELETE(g->failed, p);
        else {
                p->owner->n_inside--;
                room_leave(was == GATE_SLOW ? &g->slow_room : &g->room, p);
        }
        if (was == GATE_INSIDE)
                DL_DELETE(g->inside, p);
        gate_run(g);
}

void gate_close(Gate *g) {
        g->closed = true;
}
