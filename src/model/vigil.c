#include "model/vigil.h"

#include <stdlib.h>

#include "base/strings.h"

/* Real estimates were seen 30 days ahead (the longest time a job may run) and 116 days ahead, and to move
 * between two looks; one run ended 39 minutes behind it. */
#define ESTIMATE_MAX_SEC ((int64_t) 14 * 24 * 3600)
#define ESTIMATE_JUMP_SEC ((int64_t) 6 * 3600)

#define DOUBLINGS_MAX 5

const char *const remind_names[] = { "once", "daily", "diminishing", NULL };

static const NoticeType types[_VIGIL_KIND_MAX] = {
        [VIGIL_STALLED] = NOTICE_JOB_STALLED,
        [VIGIL_WAITING] = NOTICE_JOB_WAITING,
        [VIGIL_OVERDUE] = NOTICE_JOB_OVERDUE,
        [VIGIL_PAUSED] = NOTICE_JOB_PAUSED,
};

NoticeType vigil_kind_type(VigilKind kind) {
        return types[kind];
}

void vigil_set_status(Vigil *v, const char *canonical_status) {
        static const char *const waiting[] = {
                "created", "validating_files", "pending", "queued", "resuming", NULL,
        };

        v->waiting = strv_contains((char *const *) waiting, canonical_status);
        v->running = streq(canonical_status, "running");
        v->paused = streq(canonical_status, "paused");
}

static usec_t estimate_usec(const Vigil *v) {
        return (usec_t) v->estimate * USEC_PER_SEC;
}

bool vigil_estimate_is_sane(const Vigil *v) {
        return v->estimate > 0 && !v->estimate_wild && v->created_at > 0 && v->estimate > v->created_at &&
               v->estimate - v->created_at <= ESTIMATE_MAX_SEC && estimate_usec(v) > v->status_usec;
}

bool vigil_estimate_jumps(int64_t created_at, int64_t before, int64_t after) {
        int64_t length = before - created_at;

        return before > 0 && after > 0 && llabs(after - before) > MAX(ESTIMATE_JUMP_SEC, length / 2);
}

usec_t vigil_since(const Vigil *v, VigilKind kind) {
        switch (kind) {
        case VIGIL_STALLED:
                return MAX(v->progress_usec, v->status_usec);
        case VIGIL_OVERDUE:
                return estimate_usec(v);
        default:
                return v->status_usec;
        }
}

/* How long after the n-th notice of a spell the next one is due. */
static usec_t reminder_after(Remind remind, int64_t n) {
        if (remind == REMIND_ONCE)
                return USEC_INFINITY;
        return remind == REMIND_DAILY ? USEC_PER_DAY : USEC_PER_DAY << MIN(n - 1, (int64_t) DOUBLINGS_MAX);
}

static bool is_told(const Vigil *v, VigilKind kind) {
        /* An estimate is no stamp of ours; a spell of it is one time of running. */
        usec_t since = kind == VIGIL_OVERDUE ? v->status_usec : vigil_since(v, kind);

        return v->told[kind].n > 0 && v->told[kind].told_usec >= since;
}

/* When it is due on the clock that it goes by; USEC_INFINITY: never as things stand. */
static usec_t kind_due(const Vigil *v, VigilKind kind, const VigilLimits *limits, usec_t server_ahead) {
        const struct {
                bool applies;
                usec_t after;
        } rules[_VIGIL_KIND_MAX] = {
                [VIGIL_STALLED] = { v->running, limits->stall_after_usec },
                [VIGIL_WAITING] = { v->waiting, limits->wait_after_usec },
                [VIGIL_OVERDUE] = { v->running && vigil_estimate_is_sane(v), limits->overdue_grace_usec },
                [VIGIL_PAUSED] = { v->paused, reminder_after(limits->remind, 1) },
        };
        const VigilTold *told = &v->told[kind];

        if (!rules[kind].applies || rules[kind].after == 0)
                return USEC_INFINITY;
        usec_t due = usec_add(vigil_since(v, kind), rules[kind].after);
        if (kind == VIGIL_OVERDUE)
                due = usec_sub(due, server_ahead);
        if (!is_told(v, kind))
                return due;
        /* What its status told was the first of a pause. */
        usec_t again = reminder_after(limits->remind, told->n + (kind == VIGIL_PAUSED));
        return MAX(due, usec_add(told->told_usec, again));
}

VigilKind vigil_due(const Vigil *v, const VigilLimits *limits, usec_t now_usec, usec_t server_usec,
                    usec_t *ret_next) {
        usec_t next = USEC_INFINITY;

        /* A server that is behind makes nothing early; one that is ahead nothing late. */
        usec_t ahead = usec_sub(server_usec, now_usec), behind = usec_sub(now_usec, server_usec);
        for (VigilKind kind = 0; kind < _VIGIL_KIND_MAX; kind++) {
                usec_t due = kind_due(v, kind, limits, ahead);
                if (kind == VIGIL_OVERDUE)
                        due = usec_add(due, behind);
                if (due <= now_usec) {
                        *ret_next = now_usec;
                        return kind;
                }
                next = MIN(next, due);
        }
        *ret_next = next;
        return _VIGIL_KIND_NONE;
}

VigilTold vigil_tell(const Vigil *v, VigilKind kind, usec_t now_usec) {
        const VigilTold *before = &v->told[kind];

        if (is_told(v, kind))
                return (VigilTold) { before->spell, before->n + 1, now_usec };
        return (VigilTold) { before->spell + 1, 1, now_usec };
}
