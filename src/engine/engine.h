#pragma once
/* The engine: polls the sources, makes news of what it sees, sends what is owed. Wiring (signals, files, the
 * service manager) is in daemon/. One thread, one event loop; everything here runs from its callbacks. */

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "base/buf.h"
#include "config/config.h"
#include "io/curl_glue.h"
#include "io/http.h"
#include "model/delivery.h"
#include "model/notice.h"
#include "model/outcome.h"
#include "store/store.h"

typedef struct Engine Engine;

/* How a poll of a source ended. Borrowed. */
typedef struct PollReport {
        const char *source;
        const Outcome *outcome;
        usec_t started_usec;            /* boottime */
        unsigned n_requests;
        size_t n_unfinished;            /* jobs of the source */
} PollReport;

/* How an attempt to deliver ended. Borrowed. */
typedef struct DeliveryReport {
        const char *notice_id, *receiver;
        const Outcome *outcome;
        DeliveryState state;            /* PENDING: it is tried again */
} DeliveryReport;

/* All of it outlives the engine. */
typedef struct EnginePorts {
        sd_event *event;
        Http *http;
        CurlGlue *glue;                 /* for mail; NULL where none is sent */
        Store *store;
        const char *version;
        size_t slow_connections;        /* at the most, beside those of the configuration: engine/gate.h */
        /* Everything that was to be done is done: after engine_start() with `once`, or after engine_drain().
         */
        void (*on_idle)(void *userdata);
        /* A poll or a delivery ended, or the state can be written again: what engine_get_status() and
         * engine_describe_troubles() say may have changed. */
        void (*on_change)(void *userdata);
        /* The store failed for good (-EUCLEAN or -ESTALE, the first word counts): the engine has stopped and
         * must be freed. This callback and on_idle may do that, and no other. */
        void (*on_broken)(int error, void *userdata);
        /* For those who ask (engine/control.h) or subscribe; each may be NULL. A poll ended that was not cut
         * short by a drain. */
        void (*on_poll)(const PollReport *report, void *userdata);
        void (*on_delivery)(const DeliveryReport *report, void *userdata);
        /* A fact was told; it is in the store. Not for tests. */
        void (*on_notice)(const Notice *n, void *userdata);
        void *userdata;
} EnginePorts;

/* config outlives the engine too. Why one cannot start, here or in engine_start(), is logged. */
int engine_new(Engine **ret, const Config *config, const EnginePorts *ports);
Engine *engine_free(Engine *e);
DEFINE_CLEANUP(Engine, engine_free)

/* Polls at once, spread over a second or more when there are many sources. once: one cycle of every source,
 * its notices delivered (what cannot be delivered at the first attempt stays owed), then on_idle. */
int engine_start(Engine *e, bool once);
/* Begins nothing new; on_idle when what is in flight has ended, at the latest after the given time. */
int engine_drain(Engine *e, usec_t timeout_usec);

typedef struct EngineStatus {
        size_t n_sources, n_sources_ok, n_sources_polled;       /* polled: at least once since the start */
        uint64_t n_active;              /* unfinished jobs */
        uint64_t n_owed;                /* deliveries */
        usec_t request_usec;            /* the longest that a request of a source may take */
} EngineStatus;

int engine_get_status(Engine *e, EngineStatus *ret);
#define ENGINE_TROUBLES_MAX 1024U
/* What is failing now and why, "the state cannot be written: the disk is full; a (dns), b (unauthorized)
 * and 2 more; not delivered to hook (gone)"; nothing where all is well. Of names as long as they may be, not
 * more than ENGINE_TROUBLES_MAX bytes. */
int engine_describe_troubles(const Engine *e, Buf *ret);
#define ENGINE_ERROR_MAX 128U
/* What a call that returned this negative errno failed of, for people: a full disk under the state must not
 * look like one at the server. Returns ret. */
const char *engine_error_text(const Engine *e, int error, char ret[static ENGINE_ERROR_MAX]);
/* A poll was attempted within twice its schedule (and a minute), and no due delivery waits for a minute for
 * a receiver that is free. */
bool engine_health_ok(Engine *e);
/* A few lines for a person. */
int engine_dump(Engine *e, Buf *ret);
