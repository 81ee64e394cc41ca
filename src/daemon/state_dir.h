#pragma once
/* The directory of the state: made if it is missing, and held by one process at a time. */

/* A lock that goes with the descriptor. -EBUSY: another process has it. */
int state_dir_open(const char *path, int *ret_fd);
