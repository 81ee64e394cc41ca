/* Nothing here waits: sd-bus connects, authenticates and says Hello from the event loop. Every way to fail
 * ends in bus_lost(), and every way on begins in bus_try(). */
#include "daemon/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/strings.h"
#include "base/time.h"
#include "model/delivery.h"

#define RETRY_MIN_USEC (5 * USEC_PER_SEC)
#define RETRY_MAX_USEC (5 * USEC_PER_MINUTE)

/* org.freedesktop.DBus.RequestName, D-Bus specification. */
enum {
        NAME_PRIMARY_OWNER = 1,
        NAME_IN_QUEUE = 2,
};

struct Bus {
        sd_event *event;
        char *name;
        BusPorts ports;
        sd_bus *bus;
        sd_event_source *retry;
        uint64_t n_failed;              /* in a row */
        usec_t due_usec;                /* boottime: not looked for before */
        bool was_there;
        bool told;                      /* that there is none */
};

static uint32_t jitter(void) {
        uint32_t v = 0;

        (void) !getrandom(&v, sizeof v, GRND_NONBLOCK);
        return v;
}

/* Once for each time there is none: on a machine without a bus that is no fault. */
static void bus_lost(Bus *b, int level, const char *why) {
        if (!b->told)
                log_context(NULL, level, "no control by D-Bus (%s); it is tried again, all else goes on",
                            why);
        b->told = true;
        usec_t now = 0, wait = backoff_usec(++b->n_failed, RETRY_MIN_USEC, RETRY_MAX_USEC, jitter());
        (void) sd_event_now(b->event, CLOCK_BOOTTIME, &now);
        b->due_usec = usec_add(now, wait);
        /* A machine that has no bus is not to be woken for it: bus_look(). */
        if (b->was_there && (sd_event_source_set_time(b->retry, b->due_usec) < 0 ||
                             sd_event_source_set_enabled(b->retry, SD_EVENT_ONESHOT) < 0))
                log_error("cannot set the timer of the bus");
}

static void bus_drop(Bus *b) {
        if (!b->bus)
                return;
        b->ports.on_lost(b->ports.userdata);
        b->bus = sd_bus_close_unref(b->bus);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        Bus *b = userdata;

        (void) m;
        bus_lost(b, LOG_NOTICE, "the connection was closed");
        return 0;
}

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        Bus *b = userdata;
        uint32_t answer = 0;

        const sd_bus_error *e = sd_bus_message_get_error(m);
        if (e) {
                log_context(
                        NULL, b->told ? LOG_DEBUG : LOG_WARNING,
                        "ftwatchctl cannot ask this ftwatchd: only root and the service may be %s on the "
                        "bus, by the policy that is installed with it (%s)",
                        b->name, strempty(e->message));
                b->told = true;
                bus_lost(b, LOG_DEBUG, "");
                return 0;
        }
        if (sd_bus_message_read(m, "u", &answer) < 0)
                return 0;
        if (answer == NAME_IN_QUEUE)
                log_warning("%s is owned by another ftwatchd: this one is controlled when that one has gone",
                            b->name);
        else if (answer == NAME_PRIMARY_OWNER)
                log_info("controlled by D-Bus as %s", b->name);
        b->n_failed = 0;
        b->told = false;
        return 0;
}

static int bus_open(Bus *b) {
        int r = sd_bus_open_system_with_description(&b->bus, "ftwatchd");
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(b->bus, false);
        if (r >= 0)
                r = sd_bus_attach_event(b->bus, b->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_match_signal_async(b->bus, NULL, "org.freedesktop.DBus.Local",
                                              "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                              "Disconnected", on_disconnected, NULL, b);
        if (r >= 0)
                r = b->ports.on_open(b->bus, b->ports.userdata);
        if (r >= 0)
                r = sd_bus_request_name_async(b->bus, NULL, b->name, SD_BUS_NAME_QUEUE, on_name, b);
        return r;
}

static void bus_try(Bus *b) {
        bus_drop(b);
        int r = bus_open(b);
        if (r < 0) {
                bus_drop(b);
                bus_lost(b, LOG_INFO, strerror(-r));
        } else
                b->was_there = true;
}

static int on_retry(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        bus_try(userdata);
        return 0;
}

void bus_look(Bus *b) {
        usec_t now = 0;

        if (b->bus || b->was_there || !b->n_failed)
                return;
        (void) sd_event_now(b->event, CLOCK_BOOTTIME, &now);
        if (now >= b->due_usec)
                bus_try(b);
}

int bus_new(Bus **ret, sd_event *event, const char *name, const BusPorts *ports) {
        _cleanup_(bus_freep) Bus *b = calloc(1, sizeof *b);

        if (!b)
                return -ENOMEM;
        b->event = sd_event_ref(event);
        b->ports = *ports;
        int r = free_and_strdup(&b->name, name);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &b->retry, CLOCK_BOOTTIME, 0, USEC_PER_MSEC, on_retry,
                                               b);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b);
        return 0;
}

Bus *bus_free(Bus *b) {
        if (!b)
                return NULL;
        bus_drop(b);
        sd_event_source_disable_unref(b->retry);
        sd_event_unref(b->event);
        free(b->name);
        free(b);
        return NULL;
}

sd_bus *bus_connection(const Bus *b) {
        return b->bus;
}
