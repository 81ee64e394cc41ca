#pragma once
/* What the service manager is told (sd_notify), and the watchdog it may keep. Nothing of it happens without
 * $NOTIFY_SOCKET. */

#include <systemd/sd-event.h>

#include "base/macro.h"
#include "engine/engine.h"

typedef struct Manager Manager;

int manager_new(Manager **ret, sd_event *event);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager, manager_free)

/* Something changed in the engine that is watched. READY once every source was polled (or failed to be,
 * which is told); STATUS when it says something new, from then on once a second at the most. */
void manager_update(Manager *m);
/* Between the two the manager waits; before READY it waits for that and hears of neither. */
void manager_reloading(Manager *m);
void manager_reloaded(Manager *m);
/* Instead, where the reload came to nothing: the status says why (a string that lasts) until one succeeds.
 */
void manager_reload_failed(Manager *m, const char *why);
/* Ends manager_watch() too. */
void manager_stopping(Manager *m, usec_t timeout_usec);
/* Whose status is told and whose health the watchdog asks; NULL while there is none (then it is kept alive).
 */
void manager_watch(Manager *m, Engine *engine);
