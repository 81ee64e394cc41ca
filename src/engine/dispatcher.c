#include "engine/dispatcher.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strings.h"
#include "engine/engine_internal.h"
#include "engine/lane.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct Dispatcher {
        Engine *engine;
        Lane **lanes;
        size_t n_lanes;
        sd_event_source *wake;          /* defer */
        bool draining;
};

static int on_wake(sd_event_source *source, void *userdata) {
        Dispatcher *d = userdata;

        (void) source;
        for (size_t i = 0; i < d->n_lanes && !d->draining && d->engine->broken == 0; i++)
                lane_run(d->lanes[i]);
        engine_check_idle(d->engine);
        return 0;
}

static int dispatcher_add_lane(Dispatcher *d, const ReceiverCommon *receiver) {
        int r = lane_new(&d->lanes[d->n_lanes], d->engine, receiver);

        if (r >= 0)
                d->n_lanes++;
        return r;
}

int dispatcher_new(Dispatcher **ret, Engine *e) {
        _cleanup_(dispatcher_freep) Dispatcher *d = calloc(1, sizeof *d);

        if (!d)
                return -ENOMEM;
        d->engine = e;
        d->lanes = calloc(e->config->n_receivers + 1, sizeof *d->lanes);
        if (!d->lanes)
                return -ENOMEM;
        int r = sd_event_add_defer(e->ports.event, &d->wake, on_wake, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->wake, SD_EVENT_OFF);
        for (size_t i = 0; r >= 0 && i < e->config->n_receivers; i++)
                r = dispatcher_add_lane(d, e->config->receivers[i]);
        /* A machine without a journal is legal; on it nothing is owed to one. */
        if (r >= 0 && e->config->journal && access(JOURNAL_SOCKET, W_OK) == 0)
                r = dispatcher_add_lane(d, e->config->journal);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

Dispatcher *dispatcher_free(Dispatcher *d) {
        if (!d)
                return NULL;
        for (size_t i = 0; i < d->n_lanes; i++)
                lane_free(d->lanes[i]);
        free(d->lanes);
        sd_event_source_disable_unref(d->wake);
        free(d);
        return NULL;
}

size_t dispatcher_n_receivers(const Dispatcher *d) {
        return d->n_lanes;
}

const ReceiverCommon *dispatcher_receiver(const Dispatcher *d, size_t i) {
        return lane_receiver(d->lanes[i]);
}

bool dispatcher_is_implied(const Dispatcher *d, size_t i) {
        return lane_receiver(d->lanes[i]) == d->engine->config->journal;
}

void dispatcher_wake(Dispatcher *d) {
        if (!d->draining && sd_event_source_set_enabled(d->wake, SD_EVENT_ONESHOT) < 0)
                log_error("cannot arm the dispatcher");
}

void dispatcher_shift_clock(Dispatcher *d, int64_t step_usec) {
        for (size_t i = 0; i < d->n_lanes; i++)
                lane_shift_clock(d->lanes[i], step_usec);
}

void dispatcher_drain(Dispatcher *d) {
        d->draining = true;
        for (size_t i = 0; i < d->n_lanes; i++)
                lane_stop(d->lanes[i]);
}

bool dispatcher_is_sending(const Dispatcher *d) {
        for (size_t i = 0; i < d->n_lanes; i++)
                if (lane_n_in_flight(d->lanes[i]) > 0)
                        return true;
        return false;
}

bool dispatcher_is_idle(const Dispatcher *d) {
        int enabled = SD_EVENT_OFF;

        (void) sd_event_source_get_enabled(d->wake, &enabled);
        if (enabled != SD_EVENT_OFF && !d->draining)
                return false;
        for (size_t i = 0; i < d->n_lanes; i++)
                if (!lane_is_idle(d->lanes[i]))
                        return false;
        return true;
}

bool dispatcher_health_ok(const Dispatcher *d) {
        for (size_t i = 0; i < d->n_lanes; i++)
                if (!lane_health_ok(d->lanes[i]))
                        return false;
        return true;
}

int dispatcher_hasten(Dispatcher *d, size_t i, usec_t *ret_wait_usec) {
        return lane_hasten(d->lanes[i], ret_wait_usec);
}

void dispatcher_lane_status(const Dispatcher *d, size_t i, LaneStatus *ret) {
        lane_get_status(d->lanes[i], ret);
}

int dispatcher_dump(const Dispatcher *d, Buf *ret) {
        for (size_t i = 0; i < d->n_lanes; i++)
                (void) lane_dump(d->lanes[i], ret);
        return ret->error;
}
