#pragma once
/* An engine on its bench: a real event loop, a scripted Http with the fake API behind it, a store in memory
 * or in a file, one source, and the hooks a and b. Time is real and intervals are short: tests wait for what
 * happens, never for a time. */

#include <stdbool.h>
#include <stddef.h>

#include <systemd/sd-event.h>

#include "config/config.h"
#include "engine/engine.h"
#include "engine/source.h"
#include "store/store.h"
#include "unit/fake_api.h"
#include "unit/http_script.h"

typedef struct RigOptions {
        const char *credential;         /* NULL: a key; else "auth = { ... };" */
        const char *source;             /* more options of the source, "enrich_timeout = \"1s\";" */
        const char *hook;               /* more options of both hooks */
        const char *rules;              /* NULL: a gets everything, b what is about receivers */
        bool on_disk;                   /* the store is a file below TMPDIR */
} RigOptions;

typedef struct Rig {
        RigOptions options;
        FakeApi *api;
        sd_event *event;
        HttpScript *script;
        Store *store;
        Config *config;
        Engine *engine;                 /* NULL while it is down */
        char dir[64];                   /* "" in memory */
        bool idle;
        int broken;                     /* on_broken: its error */
        unsigned n_reports;             /* on_delivery: attempts whose end is written down */
} Rig;

Rig *rig_new(const RigOptions *options);
Rig *rig_free(Rig *rig);

/* A new engine on the store as it is; with a file the store is opened anew too. */
void rig_start(Rig *rig);
/* As a kill: nothing is drained. */
void rig_stop(Rig *rig);
/* The same with `--once`, until it is idle. */
void rig_once(Rig *rig);

Source *rig_source(Rig *rig);
/* Until so many more polls have ended. */
void rig_poll(Rig *rig, unsigned n);
/* Until nothing is owed and no notice waits for details. */
void rig_settle(Rig *rig);
void rig_poll_settle(Rig *rig);
/* Until the condition holds; fails the test after a while. */
typedef bool (*rig_condition_t)(Rig *rig, void *userdata);
void rig_wait(Rig *rig, rig_condition_t condition, void *userdata, const char *what);
bool rig_step(Rig *rig, usec_t timeout_usec);

/* The result of a query that is one number. */
int64_t rig_sql(Rig *rig, const char *sql);
void rig_exec(Rig *rig, const char *sql);
uint64_t rig_owed(Rig *rig);

/* First contact with what the API has, then: nothing was told, counters at zero. */
void rig_first_contact(Rig *rig);
