#pragma once
/* What the daemon and ftwatchctl must agree on about D-Bus: names, and which name an instance has. */

#define BUS_NAME "org.ftwatchd1"
#define BUS_PATH "/org/ftwatchd1"
#define BUS_INTERFACE "org.ftwatchd1.Manager"
#define BUS_ERROR(name) "org.ftwatchd1.Error." name

#define BUS_GROUP "ftwatchd"            /* whom the policy lets act, beside root */

/* BUS_NAME, or for an instance BUS_NAME.INSTANCE; malloc'ed. -EINVAL: an instance that cannot be part of a
 * bus name (D-Bus specification, "Bus names": letters, digits, _ and -, no digit first). */
int bus_name_make(const char *instance, char **ret);
