/* org.freedesktop.LogControl1(5): what `systemctl service-log-level` speaks. A level set here lasts until
 * the next reload or start. */

#include <errno.h>

#include "base/log.h"
#include "daemon/control_internal.h"

static int get_level(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                     const char *property _unused_, sd_bus_message *reply, void *userdata _unused_,
                     sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "s", log_level_to_string(log_get_max_level()));
}

static int set_level(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                     const char *property _unused_, sd_bus_message *value, void *userdata _unused_,
                     sd_bus_error *error) {
        const char *name = NULL;

        int r = sd_bus_message_read(value, "s", &name);
        if (r < 0)
                return r;
        int level = log_level_from_string(name);
        if (level < 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "unknown log level '%s': emerg, alert, crit, err, warning, notice, "
                                         "info or debug", name);
        log_notice("log level set to %s", name);
        log_set_max_level(level);
        return 0;
}

static int get_target(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                      const char *property _unused_, sd_bus_message *reply, void *userdata _unused_,
                      sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "s", log_get_target());
}

static int set_target(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                      const char *property _unused_, sd_bus_message *value, void *userdata _unused_,
                      sd_bus_error *error) {
        const char *name = NULL;

        int r = sd_bus_message_read(value, "s", &name);
        if (r < 0)
                return r;
        log_notice("log target is to be %s", name);
        if (log_set_target(name) < 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "unknown log target '%s': auto, console, journal or null", name);
        return 0;
}

static int get_identifier(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                          const char *property _unused_, sd_bus_message *reply, void *userdata _unused_,
                          sd_bus_error *error _unused_) {
        return sd_bus_message_append(reply, "s", "ftwatchd");
}

const sd_bus_vtable log_control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, set_level, 0, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_target, set_target, 0, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};
