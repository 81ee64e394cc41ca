#pragma once
/* The state on disk: opening, transactions, and what is known of sources, jobs, events and metrics. Notices
 * and the outbox are in store/outbox.h. With query.c, which only reads, the only SQL in the tree.
 *
 * One transaction an observation: between store_begin and store_commit everything is one fact. Functions
 * that find one row return 1 and write *ret, or 0; all return a negative errno on failure: -ENOSPC, -EIO,
 * -EBUSY, -EUCLEAN (corrupt). */

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/time.h"
#include "model/job.h"
#include "model/metrics.h"
#include "model/transition.h"
#include "model/trouble.h"
#include "model/walk.h"

typedef struct Store Store;

#define STORE_FILE_NAME "state.db"      /* in state_dir */

typedef enum StoreMode {
        STORE_READ_WRITE, /* creates and migrates */
        STORE_READ_ONLY, /* also while the daemon is running or gone; -ENOENT when there is none */
} StoreMode;

/* path ":memory:" for tests. -EPROTONOSUPPORT: a newer schema than ours (*ret_message says which). A corrupt
 * file is renamed to *ret_aside (malloc'ed, else NULL) and a fresh one made. *ret_message: malloc'ed
 * sentence on failure. */
int store_open(const char *path, StoreMode mode, Store **ret, char **ret_aside, char **ret_message);
Store *store_free(Store *s);
DEFINE_CLEANUP(Store, store_free)
/* Renames a database that proved corrupt while open (it must be closed first) and its side files. */
int store_set_aside(const char *path, usec_t now_real_usec, char **ret_aside);
/* The side files alone, where the database was replaced: SQLite would apply the old one's log to it. */
int store_set_log_aside(const char *path, usec_t now_real_usec);
/* This failure, negative errno: in SQLite's words if it was its last one. Valid until the next call. */
const char *store_error(const Store *s, int error);

/* Also -ESTALE: the file was deleted, or replaced by another, while it was open; there is no use in going on
 * with this one. */
int store_begin(Store *s);
int store_commit(Store *s);             /* rolls back when it fails */
/* Rows written since it was opened: the same before and after a transaction that had nothing to write. */
int64_t store_n_changes(const Store *s);
/* What was committed survives a power cut from here on. Wanted where something is owed for it; anything else
 * would be seen, or done, once more. */
int store_sync(Store *s);
void store_rollback(Store *s);          /* nothing when no transaction is open */

typedef struct StoredSource {
        int64_t id;
        Baseline baseline;
        Walk walk;                      /* of the job list */
} StoredSource;

void stored_source_done(StoredSource *s);

typedef struct SourceName {
        const char *name, *endpoint;
} SourceName;

/* Finds or makes the rows of all configured sources, in one transaction. A row of another name with the same
 * endpoint that no configured source bears is taken over (the source was renamed, or two have swapped their
 * names); a row of a configured name with another endpoint is left behind under a new name. What is wrong
 * with a source goes along. */
int store_sources_attach(Store *s, const SourceName *list, size_t n);
int store_source_load(Store *s, const char *name, StoredSource *ret);
int store_source_save(Store *s, const StoredSource *source);

typedef struct StoredJob {
        int64_t id;                     /* 0: not stored yet */
        Job *job;
        char *status;                   /* canonical */
        bool silent;                    /* seen at first contact */
        uint64_t first_walk;
        Walk events_walk;
        usec_t first_seen_usec, changed_usec;
        bool removed;
} StoredJob;

StoredJob *stored_job_free(StoredJob *j);
DEFINE_CLEANUP(StoredJob, stored_job_free)

int store_job_load(Store *s, int64_t source, const char *job_id, StoredJob **ret);
int store_job_load_by_id(Store *s, int64_t id, StoredJob **ret);
/* Inserts (and sets id) or updates. */
int store_job_save(Store *s, int64_t source, StoredJob *j);
int store_job_save_walk(Store *s, int64_t job, const Walk *events_walk);
int store_job_remove(Store *s, int64_t job, usec_t now_real_usec);
/* How many jobs of the source are newer, counted up to `cap`: where on the list it stands. */
int store_job_rank(Store *s, int64_t source, int64_t created_at, unsigned cap, unsigned *ret);
/* When a finished job is looked at again for late lines; 0: never. */
int store_job_set_tail(Store *s, int64_t job, usec_t due_real_usec);
/* The finished job of the source that is due first, with its time. */
int store_job_next_tail(Store *s, int64_t source, int64_t *ret_job, usec_t *ret_due_usec);
/* Ids of the rows that are not finished and not removed, newest first; malloc'ed. */
int store_jobs_unfinished(Store *s, int64_t source, int64_t **ret, size_t *ret_n);
/* Notes that the job entered the status; *ret_n counts its entries from 1. */
int store_job_enter_status(Store *s, int64_t job, const char *status, usec_t now_real_usec, unsigned *ret_n);

/* 1: new; 0: known. *ret_walk: the walk that first saw it. */
int store_event_add(Store *s, int64_t job, const Event *e, const uint8_t key[static EVENT_KEY_SIZE],
                    uint64_t walk, uint64_t *ret_walk);
/* The last n by time, oldest first; and warnings and errors before other messages when there are more.
 * Metric events are left out. */
int store_events_tail(Store *s, int64_t job, size_t n, Event ***ret, size_t *ret_n);

/* The highest walk that saw an event of the job, 0 for none. */
int store_events_last_walk(Store *s, int64_t job, uint64_t *ret);
int store_metric_put(Store *s, int64_t job, const char *name, int64_t step, double value);
int store_metrics_load(Store *s, int64_t job, Metrics **ret);

/* The realtime clock was set: moves what something is still waited for by (late looks, deliveries that are
 * owed, what troubles were told, silences) and what it is counted from, status and news of unfinished jobs.
 * then: what the clock would show if it had not been set. */
int store_shift_clock(Store *s, usec_t then_usec, int64_t step_usec);

int store_trouble_load(Store *s, const char *subject, Trouble *ret);
/* Clears the row when t is not told. */
int store_trouble_save(Store *s, const char *subject, const Trouble *t);
/* Forgets those of any other subject (NULL-terminated list): it is no longer configured. */
int store_troubles_keep(Store *s, char *const *subjects);

/* Deletes the events and metrics of jobs that finished, or went from the service, before the given time, and
 * notices of before it with their deliveries, at most `limit` rows of each; what is still owed is kept.
 * Returns how many rows went. */
int store_prune(Store *s, usec_t before_real_usec, unsigned limit);
