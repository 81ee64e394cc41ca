/* The daemon over the system bus ($DBUS_SYSTEM_BUS_ADDRESS, else the usual one). */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "ctl/ctl.h"
#include "io/bus.h"

#define TIMEOUT_DEFAULT_USEC (2 * USEC_PER_MINUTE)

static usec_t call_timeout(const Ctl *c) {
        return c->options.timeout_usec > 0 ? c->options.timeout_usec : TIMEOUT_DEFAULT_USEC;
}

bool ctl_daemon_is_absent(int r, const sd_bus_error *error) {
        if (!sd_bus_error_is_set(error))                /* no bus */
                return r == -ENOENT || r == -ECONNREFUSED || r == -ENOTCONN;
        return sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

int ctl_bus_open(Ctl *c, char **ret_name) {
        int r = bus_name_make(c->options.instance, ret_name);

        return r < 0 || c->bus ? r : sd_bus_open_system(&c->bus);
}

static int call(Ctl *c, sd_bus_message **ret, sd_bus_error *error, const char *member, const char *types,
                va_list ap) {
        sd_bus_message *m = NULL;
        _cleanup_free_ char *name = NULL;

        int r = ctl_bus_open(c, &name);
        if (r >= 0)
                r = sd_bus_message_new_method_call(c->bus, &m, name, BUS_PATH, BUS_INTERFACE, member);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, false);
        if (r >= 0 && *types)
                r = sd_bus_message_appendv(m, types, ap);
        if (r >= 0)
                r = sd_bus_call(c->bus, m, call_timeout(c), error, ret);
        sd_bus_message_unref(m);
        return r;
}

int ctl_try_call(Ctl *c, sd_bus_message **ret, sd_bus_error *error, const char *member, const char *types,
                 ...) {
        va_list ap;

        va_start(ap, types);
        int r = call(c, ret, error, member, types, ap);
        va_end(ap);
        return r;
}

int ctl_call(Ctl *c, sd_bus_message **ret, const char *member, const char *types, ...) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list ap;

        va_start(ap, types);
        int r = call(c, ret, &error, member, types, ap);
        va_end(ap);
        int status = r < 0 ? ctl_fail_call(c, r, &error) : CTL_OK;
        sd_bus_error_free(&error);
        return status;
}

/* The daemon's own words may be several lines: mistakes of a configuration. */
static int fail_lines(const Ctl *c, const char *message) {
        _cleanup_free_ char *copy = strdup(message);
        char *rest = copy, *line;

        while (copy && (line = strsep(&rest, "\n")))
                (void) ctl_fail(c, "%s", line);
        return CTL_FAILED;
}

int ctl_fail_call(const Ctl *c, int r, const sd_bus_error *error) {
        char span[SPAN_MAX];
        const char *instance = strempty(c->options.instance);
        const char *dot = c->options.instance ? "." : "", *at = c->options.instance ? "@" : "";

        if (r == -EINVAL && !sd_bus_error_is_set(error) && c->options.instance)
                return ctl_fail(c, "'%s' cannot be the name of an instance on the bus", instance);
        if (!sd_bus_error_is_set(error) && ctl_daemon_is_absent(r, error))
                return ctl_fail(c, "there is no system bus here, and without it ftwatchd cannot be asked");
        if (ctl_daemon_is_absent(r, error))
                return ctl_fail(c,
                                "ftwatchd is not running: nobody is " BUS_NAME "%s%s on the bus; see "
                                "systemctl status ftwatchd%s%s",
                                dot, instance, at, instance);
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED))
                return ctl_fail(c,
                                "not permitted: root and the group '" BUS_GROUP "' may; try sudo, or become "
                                "a member and log in again");
        if (r == -ETIMEDOUT || sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT))
                return ctl_fail(c, "no answer within %s; --timeout waits longer",
                                format_span(call_timeout(c), span));
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY))
                return ctl_fail(c, "ftwatchd went away before it answered");
        return sd_bus_error_is_set(error) && error->message
                       ? fail_lines(c, error->message)
                       : ctl_fail(c, "cannot ask ftwatchd: %s", strerror(-r));
}
