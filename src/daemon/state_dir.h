#pragma once
/* The directory of the state: made if it is missing, and held by one process at a time; and the store in it,
 * a new one where the old cannot be used. What goes wrong is logged here. */

#include <stdbool.h>

#include "store/store.h"

/* A lock that goes with the descriptor. *fd is -1, or an earlier lock: it is kept where the path still leads
 * to that directory, else let go of when the one that is there now is held. -EBUSY: another process has it.
 */
int state_dir_lock(const char *path, int *fd);
/* As store_open(), for the daemon; a damaged one is kept aside. */
int state_dir_open(const char *path, Store **ret);
/* When it proved damaged, which is kept aside, or, with `moved`, deleted or replaced: then what is there now
 * is locked and used. The old one is closed already. */
int state_dir_renew(const char *path, bool moved, int *fd, Store **ret);
