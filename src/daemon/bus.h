#pragma once
/* The connection to the system bus and the name on it. There may be no bus, and it may go and come back:
 * then it is tried again, with back-off, and nothing else of the daemon notices. One that was there is
 * waited for with a timer; whether there is one after all is looked at when the daemon is awake anyway.
 * What is said there is in daemon/control.h. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/macro.h"

typedef struct Bus Bus;

typedef struct BusPorts {
        /* A fresh connection: objects are added to it. */
        int (*on_open)(sd_bus *bus, void *userdata);
        /* It is gone; references to it and to its messages must be. */
        void (*on_lost)(void *userdata);
        void *userdata;
} BusPorts;

/* Never fails for want of a bus. */
int bus_new(Bus **ret, sd_event *event, const char *name, const BusPorts *ports);
Bus *bus_free(Bus *b);
DEFINE_CLEANUP(Bus, bus_free)

/* For who is awake: tries where there has been no bus yet, not more often than the back-off allows. */
void bus_look(Bus *b);

/* NULL while there is none. */
sd_bus *bus_connection(const Bus *b);
