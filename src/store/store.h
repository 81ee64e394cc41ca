#pragma once
/* The state on disk: sources, jobs, events, metrics, notices and the outbox. The only SQL in the tree (with query.c, which
 * only reads). One transaction an observation: between store_begin and store_commit everything below is one fact. */

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/time.h"
#include "model/delivery.h"
#include "model/job.h"
#include "model/metrics.h"
#include "model/notice.h"

typedef struct Store Store;

#define STORE_FILE_NAME "state.db"      /* in state_dir */

typedef enum StoreMode {
        STORE_READ_WRITE,               /* creates and migrates */
        STORE_READ_ONLY,                /* also while the daemon is running or gone; -ENOENT when there is none */
} StoreMode;

/* path ":memory:" for tests. -EPROTONOSUPPORT: a newer schema than ours (*ret_message says which). A corrupt file is renamed
 * to *ret_aside (malloc'ed, else NULL) and a fresh one made. *ret_message: malloc'ed sentence on failure. */
int store_open(const char *path, StoreMode mode, Store **ret, char **ret_aside, char **ret_message);
Store *store_free(Store *s);
DEFINE_CLEANUP(Store, store_free)
/* The last failure in SQLite's words; valid until the next call. */
const char *store_error(const Store *s);
