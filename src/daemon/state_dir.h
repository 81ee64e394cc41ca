#pragma once
/* The directory of the state: made if it is missing, and held by one process at a time. */

/* A lock that goes with the descriptor. *fd is -1, or an earlier lock: it is kept where the path still leads
 * to that directory, else let go of when the one that is there now is held. -EBUSY: another process has it.
 */
int state_dir_lock(const char *path, int *fd);
