#include "daemon/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"
#include "daemon/control_internal.h"
#include "io/bus.h"

#define LOG_CONTROL_PATH "/org/freedesktop/LogControl1"
#define LOG_CONTROL_INTERFACE "org.freedesktop.LogControl1"

/* Properties are told so long after the first of their changes, and with the others that followed. */
#define CHANGED_USEC USEC_PER_SEC

/* --- properties -------------------------------------------------------------------------------------- */

void control_status_done(ControlStatus *s) {
        free(s->trouble);
        *s = (ControlStatus) {};
}

static uint32_t to_property(uint64_t n) {
        return (uint32_t) MIN(n, (uint64_t) UINT32_MAX);
}

int control_status_read(const Control *c, ControlStatus *ret) {
        _cleanup_(buf_done) Buf troubles = BUF_INIT(ENGINE_TROUBLES_MAX);
        ControlStatus status = {};
        EngineStatus st = {};

        int r = c->engine ? engine_get_status(c->engine, &st) : 0;
        if (r >= 0 && c->engine)
                r = engine_describe_troubles(c->engine, &troubles);
        if (r >= 0)
                r = free_and_strdup(&status.trouble, buf_string(&troubles));
        if (r < 0)
                return r;
        status.n_sources = to_property(st.n_sources);
        status.n_answering = to_property(st.n_sources_ok);
        status.n_unfinished = to_property(st.n_active);
        status.n_owed = to_property(st.n_owed);
        *ret = status;
        return 0;
}

/* Names of those that differ, NULL-terminated. */
static int status_compare(const ControlStatus *a, const ControlStatus *b, char ***ret) {
        const struct {
                const char *name;
                bool differs;
        } all[] = {
                { "Sources", a->n_sources != b->n_sources },
                { "SourcesAnswering", a->n_answering != b->n_answering },
                { "UnfinishedJobs", a->n_unfinished != b->n_unfinished },
                { "DeliveriesOwed", a->n_owed != b->n_owed },
                { "Trouble", !streq_null(a->trouble, b->trouble) },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(all); i++)
                if (all[i].differs)
                        r = strv_extend(ret, all[i].name);
        return r;
}

static void control_tell(Control *c) {
        _cleanup_(strv_freep) char **changed = NULL;
        sd_bus *bus = bus_connection(c->bus);
        ControlStatus now = {};

        if (!bus || !c->engine || control_status_read(c, &now) < 0)
                return;
        (void) sd_event_now(c->event, CLOCK_BOOTTIME, &c->told_usec);
        int r = status_compare(&c->told, &now, &changed);
        control_status_done(&c->told);
        c->told = now;
        if (r >= 0 && changed)
                (void) sd_bus_emit_properties_changed_strv(bus, BUS_PATH, BUS_INTERFACE, changed);
}

static int on_late(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        control_tell(userdata);
        return 0;
}

/* At once, for no wake-up of its own, unless it was told just now. */
void control_update(Control *c) {
        usec_t now = 0;

        if (!c)
                return;
        bus_look(c->bus);
        if (!bus_connection(c->bus))
                return;
        (void) sd_event_now(c->event, CLOCK_BOOTTIME, &now);
        if (usec_sub(now, c->told_usec) >= CHANGED_USEC)
                control_tell(c);
        else if (sd_event_source_set_time(c->late, usec_add(c->told_usec, CHANGED_USEC)) < 0 ||
                 sd_event_source_set_enabled(c->late, SD_EVENT_ONESHOT) < 0)
                log_error("cannot set the timer of the properties");
}

/* --- what happens ------------------------------------------------------------------------------------ */

static int emit_notice(sd_bus *bus, const Notice *n) {
        _cleanup_json_ json_object *o = NULL;
        _cleanup_free_ char *text = NULL;

        int r = notice_to_json(n, &o);
        if (r >= 0)
                r = json_to_text(o, &text);
        return r < 0 ? r
                     : sd_bus_emit_signal(bus, BUS_PATH, BUS_INTERFACE, "Notice", "sssss", n->id,
                                          notice_type_info(n->type)->name, strempty(n->source),
                                          n->job ? n->job->id : "", text);
}

void control_take_notice(Control *c, const Notice *n) {
        sd_bus *bus = c ? bus_connection(c->bus) : NULL;

        if (!bus)
                return;
        requests_take_notice(c, n);
        int r = emit_notice(bus, n);
        if (r < 0)
                log_debug("cannot tell %s on the bus: %s", n->id, strerror(-r));
}

void control_take_poll(Control *c, const PollReport *report) {
        if (c)
                requests_take_poll(c, report);
}

void control_take_delivery(Control *c, const DeliveryReport *report) {
        if (c)
                requests_take_delivery(c, report);
}

void control_watch(Control *c, Engine *engine) {
        if (!c)
                return;
        c->engine = engine;
        if (!engine) {
                probes_stop(c);
                return;
        }
        requests_check(c);
        control_update(c);
}

void control_reload_failed(Control *c, const char *why) {
        if (c)
                requests_fail(c, REQUEST_RELOAD, BUS_ERROR("NotReloaded"), why);
}

void control_reloaded(Control *c) {
        Request *r, *next;

        if (!c)
                return;
        for (r = c->requests; r; r = next) {
                next = r->next;
                if (r->kind != REQUEST_RELOAD)
                        continue;
                (void) sd_bus_reply_method_return(r->call, NULL);
                request_free(c, r);
        }
}

/* A new state does not know the notice. */
void control_state_lost(Control *c) {
        if (c)
                requests_fail(c, REQUEST_TEST, BUS_ERROR("StateLost"),
                              "the state was lost, the test notice with it: see the log, then ask again");
}

void control_stopping(Control *c) {
        if (!c)
                return;
        c->engine = NULL;
        for (RequestKind kind = 0; kind < _REQUEST_MAX; kind++)
                requests_fail(c, kind, BUS_ERROR("Stopping"), "ftwatchd is stopping");
}

/* --- beginning and end ------------------------------------------------------------------------------- */

static int on_bus_open(sd_bus *bus, void *userdata) {
        int r = sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_INTERFACE, control_vtable, userdata);

        return r < 0 ? r : sd_bus_add_object_vtable(bus, NULL, LOG_CONTROL_PATH, LOG_CONTROL_INTERFACE,
                                                    log_control_vtable, userdata);
}

static void on_bus_lost(void *userdata) {
        requests_free(userdata);
}

int control_new(Control **ret, sd_event *event, const char *instance, const ControlPorts *ports) {
        _cleanup_(control_freep) Control *c = calloc(1, sizeof *c);
        _cleanup_free_ char *name = NULL;

        if (!c)
                return -ENOMEM;
        c->event = sd_event_ref(event);
        c->ports = *ports;
        c->version = FTWATCH_VERSION;
        int r = sd_event_add_time(event, &c->late, CLOCK_BOOTTIME, 0, USEC_PER_SEC / 10, on_late, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->late, SD_EVENT_OFF);
        if (r >= 0)
                r = bus_name_make(instance, &name);
        const BusPorts bus = { .on_open = on_bus_open, .on_lost = on_bus_lost, .userdata = c };
        if (r >= 0)
                r = bus_new(&c->bus, event, name, &bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

Control *control_free(Control *c) {
        if (!c)
                return NULL;
        requests_free(c);
        bus_free(c->bus);
        sd_event_source_disable_unref(c->late);
        sd_event_unref(c->event);
        control_status_done(&c->told);
        free(c);
        return NULL;
}
