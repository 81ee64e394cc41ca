#pragma once
/* What lasts too long: a running job without news, a job that does not begin, one past its estimated end,
 * one that stays paused. Pure: when which of them is due to be told, first and again. Kept for every watched
 * job; what has begun and ended is found out by comparing stamps, so nothing has to be written to end it.
 *
 * Stamps are engine_steady(): realtime at the start of the program that goes on by boottime, so that a step
 * of the clock makes nothing late. What an API says of a running job's events says nothing about when they
 * were made (Azure's metric events carry made-up stamps): silence is counted from when we last saw news. */

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "model/notice.h"

typedef enum VigilKind {
        VIGIL_STALLED,
        VIGIL_WAITING,
        VIGIL_OVERDUE,
        VIGIL_PAUSED,                   /* told by its status; here again */
        _VIGIL_KIND_MAX,
        _VIGIL_KIND_NONE = -1,
} VigilKind;

NoticeType vigil_kind_type(VigilKind kind);

typedef enum Remind {
        REMIND_ONCE,
        REMIND_DAILY,
        REMIND_DIMINISHING,             /* after 1, 2, 4, ... days, then every 32 (as smartd does) */
} Remind;
extern const char *const remind_names[];        /* of the option; NULL-terminated */

typedef struct VigilLimits {            /* 0: switched off */
        usec_t stall_after_usec, wait_after_usec, overdue_grace_usec;
        Remind remind;
} VigilLimits;

typedef struct VigilTold {
        int64_t spell;                  /* the how manieth time, from 1; 0: never */
        int64_t n;                      /* how often told in that spell */
        usec_t told_usec;               /* the last time */
} VigilTold;

typedef struct Vigil {
        usec_t progress_usec;           /* news of it was seen: an event, a metric, a status */
        usec_t status_usec;             /* its status changed */
        int64_t created_at, estimate;   /* by the server's clock, 0 unknown */
        bool estimate_wild;             /* it jumped while the job was running */
        bool waiting, running, paused;  /* its status */
        VigilTold told[_VIGIL_KIND_MAX];
} Vigil;

void vigil_set_status(Vigil *v, const char *canonical_status);

/* Since when; only for a kind that goes with the status. */
usec_t vigil_since(const Vigil *v, VigilKind kind);
/* What is due to be told, or _VIGIL_KIND_NONE. *ret_next: when to ask again at the latest, if nothing
 * changes. server_usec: the server's clock now. */
VigilKind vigil_due(const Vigil *v, const VigilLimits *limits, usec_t now_usec, usec_t server_usec,
                    usec_t *ret_next);
/* The state after it was told now: *ret->n - 1 reminders of it went before. */
VigilTold vigil_tell(const Vigil *v, VigilKind kind, usec_t now_usec);

/* Whether an estimate can be believed: behind creation, within two weeks of it, not seen to jump, and not
 * passed already when the job began to run. */
bool vigil_estimate_is_sane(const Vigil *v);
/* Two estimates of a running job: whether the second one makes the first one a guess. */
bool vigil_estimate_jumps(int64_t created_at, int64_t before, int64_t after);
