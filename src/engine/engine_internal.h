#pragma once
/* What the files of engine/ share about the engine itself. */

#include "engine/dispatcher.h"
#include "engine/engine.h"
#include "engine/gate.h"
#include "engine/source.h"
#include "model/notice.h"
#include "model/silence.h"

struct Engine {
        const Config *config;
        EnginePorts ports;
        Dispatcher *dispatcher;
        Gate *gate;                     /* for requests of sources and of tokens */
        Source **sources;               /* config->n_sources of them */
        size_t n_sources;
        Token *tokens;                  /* of the sources whose credential is no key */

        usec_t steady_usec;             /* realtime less boottime at the start */
        bool once, draining;
        bool has_reset;                 /* see engine_reset_deliveries() */
        int broken;                     /* -EUCLEAN, -ESTALE: the first that the store said; 0 */
        sd_event_source *idle;          /* defer: asks whether everything is done */
        sd_event_source *drain_timer;
        sd_event_source *prune_timer;

        Silences silences;              /* those of the store */
        sd_event_source *silence_timer; /* realtime: the next one ends */

        int store_error;                /* why the state could not be written, told once; 0 when it can */
        usec_t store_failed_usec;       /* boottime, the last time */
        int64_t n_changes;              /* store_n_changes() when the transaction began */

        Notice **told;                  /* in the transaction that is open; logged after it */
        size_t n_told;
        Now seen;                       /* both clocks when engine_check_clock() last looked */
        bool owes; /* the open transaction must survive a power cut, also without news */
};

static inline Now engine_now(const Engine *e) {
        Now now = {};

        /* One reading a wake-up (sd_event_now caches it). */
        (void) sd_event_now(e->ports.event, CLOCK_BOOTTIME, &now.boot_usec);
        (void) sd_event_now(e->ports.event, CLOCK_REALTIME, &now.real_usec);
        return now;
}

/* Realtime at the start, going on by boottime: for how long something lasts, across restarts. */
static inline usec_t engine_steady(const Engine *e) {
        return usec_add(engine_now(e).boot_usec, e->steady_usec);
}

uint32_t engine_random(void);
/* Has the realtime clock been set since the last look? Then every stamp that something waits for moves
 * along. Called first of all wherever stamps of the realtime clock are looked at, in a timer, a reply or
 * a call: those of two clocks must not meet. Does nothing in the engine of a probe, which has no store. */
void engine_check_clock(Engine *e);
/* Of all receivers, into a list that is empty. */
int engine_receiver_names(const Engine *e, char ***ret);
/* What was in flight when an earlier engine ended is owed again: once, before this one sends anything. */
int engine_reset_deliveries(Engine *e);
/* Something ended: on_idle is called soon if nothing else is under way. */
void engine_check_idle(Engine *e);
/* The same, and tells the owner that the status may have changed. */
void engine_changed(Engine *e);
/* A store call failed: logs it once, with what to do; -EUCLEAN breaks the engine. Returns error. */
int engine_store_failed(Engine *e, int error);
/* What a poll ends with that failed on this machine, not at the server. */
Outcome engine_outcome(const Engine *e, int error);
/* Something was written, durable where something is owed for it: if it could not be before, logs that this
 * is over. */
void engine_store_works(Engine *e, bool durable);
