#pragma once
/* The service: the engine with the files, signals and the service manager around it. One run from start to
 * stop. */

#include <stdbool.h>

typedef struct ServiceOptions {
        const char *config_path;
        const char *instance;           /* part of its name on the bus; NULL: the only one */
        bool once;                      /* one cycle of every source, then stop */
        bool debug;                     /* log at debug, whatever is configured */
} ServiceOptions;

/* The process's exit status. Everything is logged. Signals must be blocked already (service_block_signals).
 */
int service_run(const ServiceOptions *options);

/* SIGTERM SIGINT SIGHUP SIGUSR2, before libraries start threads, which inherit the mask; and ignores
 * SIGPIPE. */
int service_block_signals(void);
