#pragma once
/* What the daemon lets others do over D-Bus, and what it tells there: the interface org.ftwatchd1.Manager at
 * /org/ftwatchd1, and org.freedesktop.LogControl1. Who may do so is for the policy of the bus to say
 * (packaging/systemd/org.ftwatchd1.conf): what arrives here has passed it. Calls that take time are answered
 * when it is over, also across a reload. Every function but control_new() takes NULL and does nothing. */

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "engine/control.h"

typedef struct Control Control;

typedef struct ControlPorts {
        /* Begins a reload; control_reloaded() or control_reload_failed() follows. -EINVAL: the
         * configuration has mistakes, in *ret_errors, malloc'ed, a line each; -EBUSY: one is under way;
         * -ESHUTDOWN. */
        int (*reload)(char **ret_errors, void *userdata);
        void *userdata;
} ControlPorts;

/* `instance` may be NULL. */
int control_new(Control **ret, sd_event *event, const char *instance, const ControlPorts *ports);
Control *control_free(Control *c);
DEFINE_CLEANUP(Control, control_free)

/* Whom to ask; NULL while there is none (it is being replaced). */
void control_watch(Control *c, Engine *engine);
void control_reloaded(Control *c);
void control_reload_failed(Control *c, const char *why);
/* The store was replaced by an empty one: what only the old one could answer is answered now. */
void control_state_lost(Control *c);
/* What is still asked is answered with that. */
void control_stopping(Control *c);

/* From the ports of the engine. */
void control_update(Control *c);
void control_take_poll(Control *c, const PollReport *report);
void control_take_delivery(Control *c, const DeliveryReport *report);
void control_take_notice(Control *c, const Notice *n);
