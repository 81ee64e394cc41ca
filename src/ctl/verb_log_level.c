/* ftwatchctl log-level: org.freedesktop.LogControl1, as `systemctl service-log-level` does, but for daemons
 * that no service manager started too. */

#include <errno.h>

#include "base/json.h"
#include "ctl/ctl.h"

#define LOG_CONTROL_PATH "/org/freedesktop/LogControl1"
#define LOG_CONTROL_INTERFACE "org.freedesktop.LogControl1"

static int get_level(const Ctl *c, const char *name, sd_bus_error *error) {
        _cleanup_free_ char *level = NULL;

        int r = sd_bus_get_property_string(c->bus, name, LOG_CONTROL_PATH, LOG_CONTROL_INTERFACE, "LogLevel",
                                           error, &level);
        if (r < 0)
                return r;
        if (!c->options.json) {
                term_printf(&c->out, "%s\n", level);
                return 0;
        }
        json_object *o = json_object_new_object();
        r = o ? json_add_string(o, "log_level", level) : -ENOMEM;
        if (r < 0) {
                json_object_put(o);
                return r;
        }
        return ctl_print_json(c, o);
}

int verb_log_level(Ctl *c, const char *argument) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *name = NULL;

        int r = ctl_bus_open(c, &name);
        if (r >= 0 && argument)
                r = sd_bus_set_property(c->bus, name, LOG_CONTROL_PATH, LOG_CONTROL_INTERFACE, "LogLevel",
                                        &error, "s", argument);
        else if (r >= 0)
                r = get_level(c, name, &error);
        int status = r < 0 ? ctl_fail_call(c, r, &error) : CTL_OK;
        sd_bus_error_free(&error);
        return status;
}
