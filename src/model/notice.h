#pragma once
/* A notice: a fact worth telling a person, immutable once told, with an id that is the same on every machine
 * and after every restart. Also the table of types. Rendering is in receiver/. */

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/macro.h"
#include "base/time.h"
#include "model/checkpoint.h"
#include "model/job.h"
#include "model/metrics.h"

typedef enum NoticeType {
        NOTICE_JOB_CREATED,
        NOTICE_JOB_VALIDATING_FILES,
        NOTICE_JOB_PENDING,
        NOTICE_JOB_QUEUED,
        NOTICE_JOB_RUNNING,
        NOTICE_JOB_PAUSING,
        NOTICE_JOB_PAUSED,
        NOTICE_JOB_RESUMING,
        NOTICE_JOB_SUCCEEDED,
        NOTICE_JOB_FAILED,
        NOTICE_JOB_CANCELLED,
        NOTICE_JOB_STATUS_CHANGED,      /* a status this program does not know */
        NOTICE_JOB_REMOVED,
        NOTICE_JOB_EVENT,               /* an event of level warning or error */
        NOTICE_JOB_RESULTS,             /* metrics that came after the terminal notice */
        NOTICE_JOB_STALLED,             /* running, and nothing new for long */
        NOTICE_JOB_WAITING,             /* not begun for long */
        NOTICE_JOB_OVERDUE,             /* running past its estimated end */
        NOTICE_JOB_CHECKPOINT,
        NOTICE_JOB_METRIC,              /* a condition of a rule came true */
        NOTICE_SOURCE_UNAUTHORIZED,
        NOTICE_SOURCE_MISCONFIGURED,
        NOTICE_SOURCE_UNREACHABLE,
        NOTICE_SOURCE_THROTTLED,
        NOTICE_SOURCE_RECOVERED,
        NOTICE_RECEIVER_FAILING,
        NOTICE_RECEIVER_RECOVERED,
        NOTICE_TEST,
        _NOTICE_TYPE_MAX,
        _NOTICE_TYPE_INVALID = -1,
} NoticeType;

typedef enum NoticeTone {               /* how a receiver colours it */
        TONE_GOOD,
        TONE_BAD,
        TONE_WARNING,
        TONE_NEUTRAL,
} NoticeTone;

typedef struct NoticeTypeInfo {
        const char *name;               /* "job.succeeded": config, CLI, journal */
        const char *wire;               /* "fine_tuning.job.succeeded": webhook */
        const char *verb; /* "succeeded": behind the subject in a title; the status for a job */
        const char *message_id;         /* 32 hex digits, systemd.journal-fields(7) MESSAGE_ID */
        const char *symbol;             /* an emoji for chat */
        int priority;                   /* syslog */
        NoticeTone tone;
        bool by_default;                /* goes to every receiver when there are no rules */
} NoticeTypeInfo;

const NoticeTypeInfo *notice_type_info(NoticeType type);
NoticeType notice_type_from_string(const char *name);           /* _NOTICE_TYPE_INVALID */
NoticeType notice_type_for_status(const char *status);          /* NOTICE_JOB_STATUS_CHANGED when unknown */

#define NOTICE_ID_SIZE (4U + 26U + 1U)  /* "evt_", 26 base32 characters, NUL */
#define NOTICE_EVENTS_MAX 5U            /* last events a terminal notice carries */
#define NOTICE_CURVE_POINTS 40U         /* points a series in a notice: keeps a webhook body below 20 kB */

typedef struct Notice {
        char id[NOTICE_ID_SIZE];
        NoticeType type;
        usec_t created_usec;            /* realtime, when it was noticed */
        char *source;                   /* name; NULL for receiver.* and test */
        char *status;                   /* canonical, for jobs */
        char *previous_status;          /* NULL when there was none */
        Job *job;                       /* NULL unless job.* */
        Metrics *metrics;               /* downsampled; NULL when there are none */
        Event **events;                 /* newest last, n_events of them */
        size_t n_events;
        char *receiver;                 /* receiver.*: which */
        char *reason;                   /* source.* and receiver.*: the Outcome's reason */
        char *detail; /* source.*, receiver.*, job.event, test: what was seen, one or two sentences */
        char *advice;                   /* what a person should do, NULL when there is nothing to do */
        int64_t blind_sec;              /* *.recovered: how long it was blind or silent; 0 otherwise */
        int64_t lasting_sec;            /* stalled, waiting, overdue, paused: how long so far; 0 otherwise */
        int64_t reminder;               /* of those: the how manieth after the first notice, 0 for that */
        Checkpoint *checkpoint;         /* job.checkpoint; its metrics are in `metrics` */
        char *url;                      /* where to look, from the source's link template */
        bool test;                      /* made up, to see whether `receiver` works: nothing has happened */
} Notice;

Notice *notice_free(Notice *n);
DEFINE_CLEANUP(Notice, notice_free)

/* evt_ + base32 of SHA-256(endpoint, subject, type name, unique), the parts separated by a newline and
 * length-prefixed. `subject` is the job id, or the receiver's name, or "" ; `unique` what makes it one fact:
 * for a status "<status>#<n-th entry>", for an event the hex of its key, for source.* the start of the
 * trouble, for what lasts "<n-th time>.<n-th reminder>", for a metric "<condition>@<step>". */
int notice_id_make(const char *endpoint, const char *subject, NoticeType type, const char *unique,
                   char ret[static NOTICE_ID_SIZE]);

/* The webhook's `data` object, which is also what the store keeps. notice_from_json restores everything but
 * id, type and created_usec, which the caller has. */
int notice_to_json(const Notice *n, json_object **ret);
int notice_from_json(json_object *o, Notice **ret);
