#pragma once
/* What people ask the store: read-only, every answer bounded, rows with the types of model/. For
 * ftwatchctl; the daemon has questions of its own in store.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/time.h"
#include "model/delivery.h"
#include "model/job.h"
#include "model/metrics.h"
#include "model/notice.h"
#include "model/checkpoint.h"
#include "store/store.h"

#define QUERY_ROWS_MAX ((size_t) 100000)        /* rows of any answer; a limit of 0 means this */

/* From the first question on, all that follows sees one state of the database. */
int query_begin(Store *s);

typedef struct JobRow {
        int64_t row;                    /* what the other questions call `job` */
        char *source;
        char *status;                   /* canonical */
        bool terminal;
        bool silent;                    /* was there at first contact */
        usec_t first_seen_usec;
        usec_t changed_usec;            /* when the status last changed, as far as known; see query_jobs.c */
        usec_t removed_usec;            /* 0: it is there */
        usec_t progress_usec;           /* when news of it was last seen; 0 unknown */
        char *lasts; /* what is told to last too long, "stalled, overdue"; NULL: nothing */
        Job *job;                       /* never NULL */
} JobRow;

typedef struct JobRows {
        JobRow *list;
        size_t n;
        bool more;                      /* the limit cut the answer */
} JobRows;
void job_rows_done(JobRows *jobs);

typedef struct JobQuery {
        const char *source;             /* shell wildcard on the name; NULL: every source */
        char *const *statuses;          /* canonical; NULL with neither flag: every status */
        bool active, finished;          /* besides `statuses`: every unfinished, every finished one */
        usec_t since_usec;              /* changed since; 0: always */
        size_t limit;
} JobQuery;

/* Unfinished ones first, each part newest first. */
int query_jobs(Store *s, const JobQuery *q, JobRows *ret);
/* Who is meant by `name`: those with this id; else those whose id begins so (with or without "ftjob-");
 * else those with this suffix; else those whose suffix begins so. Newest first, at most `limit`. Nobody:
 * 0 with an empty list. */
int query_jobs_named(Store *s, const char *source, const char *name, size_t limit, JobRows *ret);

typedef struct StatusRow {
        char *status;
        int64_t n;                      /* the n-th time it is there */
        usec_t entered_usec;
} StatusRow;

typedef struct StatusRows {
        StatusRow *list;             /* oldest first */
        size_t n;
} StatusRows;
void status_rows_done(StatusRows *statuses);
int query_statuses(Store *s, int64_t job, StatusRows *ret);

typedef struct EventQuery {
        EventLevel level;               /* this or worse */
        bool no_metrics;
        usec_t since_usec;
        size_t limit;
} EventQuery;

typedef struct EventRows {
        Event **list;                   /* the newest `limit` ones, newest last */
        size_t n;
        bool more;
} EventRows;
void event_rows_done(EventRows *events);
int query_events(Store *s, int64_t job, const EventQuery *q, EventRows *ret);

/* Every series, or the one called `name`. A missing one is an empty answer. */
int query_metrics(Store *s, int64_t job, const char *name, Metrics **ret);

typedef struct CheckpointRow {
        Checkpoint *checkpoint;         /* never NULL; without its metrics */
        Metrics *metrics;               /* one point a series; never NULL */
        usec_t seen_usec;
} CheckpointRow;

typedef struct CheckpointRows {
        CheckpointRow *list;            /* by step, then by age */
        size_t n;
        bool more;
} CheckpointRows;
void checkpoint_rows_done(CheckpointRows *checkpoints);
int query_checkpoints(Store *s, int64_t job, size_t limit, CheckpointRows *ret);

typedef struct DeliveryRow {
        char *receiver;
        DeliveryState state;
        int64_t attempts;
        usec_t created_usec, due_usec, settled_usec;
        char *reason, *detail;          /* of the last attempt that failed; NULL: none did */
        bool degraded;
        bool waits;                     /* behind others that the receiver failed to take; due with them */
        char *source;                   /* NULL for notices about receivers and tests */
        Notice *notice;                 /* NULL when it is listed below its notice */
} DeliveryRow;

typedef struct DeliveryRows {
        DeliveryRow *list;           /* newest last */
        size_t n;
        bool more;
} DeliveryRows;
void delivery_rows_done(DeliveryRows *deliveries);

typedef struct DeliveryQuery {
        const char *source;
        const char *receiver;           /* shell wildcard */
        unsigned states;                /* 1U << DeliveryState; 0: all */
        usec_t since_usec;              /* created since */
        size_t limit;
} DeliveryQuery;
int query_deliveries(Store *s, const DeliveryQuery *q, DeliveryRows *ret);

typedef struct NoticeRow {
        char *source;
        bool enriching;                 /* details are still being fetched */
        Notice *notice;                 /* never NULL */
        DeliveryRows deliveries;    /* by receiver's name */
} NoticeRow;

typedef struct NoticeRows {
        NoticeRow *list;             /* newest last */
        size_t n;
        bool more;
} NoticeRows;
void notice_rows_done(NoticeRows *notices);

typedef struct NoticeQuery {
        int64_t job;                    /* 0: all */
        const char *source;             /* shell wildcard */
        const char *type;               /* shell wildcard */
        usec_t since_usec;
        size_t limit;
} NoticeQuery;
int query_notices(Store *s, const NoticeQuery *q, NoticeRows *ret);

typedef struct TroubleRow {
        char *subject;                  /* "source:NAME", "receiver:NAME" */
        char *reason;
        usec_t since_usec;
} TroubleRow;

typedef struct TroubleRows {
        TroubleRow *list;
        size_t n;
} TroubleRows;
void trouble_rows_done(TroubleRows *troubles);
/* What lasts; not that single messages were refused. */
int query_troubles(Store *s, TroubleRows *ret);

typedef struct SourceCount {
        char *name;
        int64_t n_unfinished;           /* jobs */
} SourceCount;

typedef struct SourceCounts {
        SourceCount *list;                /* by name; also of sources that are no longer configured */
        size_t n;
} SourceCounts;
void source_counts_done(SourceCounts *sources);
int query_sources(Store *s, SourceCounts *ret);
