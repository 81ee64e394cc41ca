#include "io/bus.h"

#include <errno.h>

#include <systemd/sd-bus.h>

#include "base/strings.h"

int bus_name_make(const char *instance, char **ret) {
        _cleanup_free_ char *name = NULL;

        int r = instance ? string_printf(&name, BUS_NAME ".%s", instance) : free_and_strdup(&name, BUS_NAME);
        if (r < 0)
                return r;
        if (instance && (strchr(instance, '.') || sd_bus_service_name_is_valid(name) <= 0))
                return -EINVAL;
        *ret = TAKE_PTR(name);
        return 0;
}
