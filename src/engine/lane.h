#pragma once
/* The way to one receiver: how many deliveries at once, how often, and what happens while it fails. */

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"
#include "receiver/receiver.h"

typedef struct Lane Lane;

/* Before the receiver's name: what the store knows its troubles by. */
#define LANE_TROUBLE "receiver:"
#define LANE_REFUSALS "refused:"

int lane_new(Lane **ret, Engine *e, const ReceiverCommon *receiver);
Lane *lane_free(Lane *l);
const ReceiverCommon *lane_receiver(const Lane *l);
/* Begins what is due and may begin; arms a timer for the rest. */
void lane_run(Lane *l);
/* What it remembers in realtime moves along. */
void lane_shift_clock(Lane *l, int64_t step_usec);
/* Begins nothing any more. */
void lane_stop(Lane *l);
/* Forgets its back-off: somebody wants an attempt now. -EAGAIN: the receiver itself asked for a pause, whose
 * rest is in *ret_wait_usec. */
int lane_hasten(Lane *l, usec_t *ret_wait_usec);
size_t lane_n_in_flight(const Lane *l);
/* Nothing in flight, nothing due now; what waits for a failing receiver or for its time does not count. */
bool lane_is_idle(const Lane *l);
bool lane_health_ok(const Lane *l);

typedef struct LaneStatus {
        size_t n_in_flight;
        uint64_t n_failed;              /* in a row, that will be tried again */
        bool failing;                   /* so, or refused for good, and nothing has passed since */
        const char *reason;             /* of the last failure in this row, NULL for none; static */
        usec_t blocked_until_usec;      /* boottime; 0: it is free */
} LaneStatus;

void lane_get_status(const Lane *l, LaneStatus *ret);
int lane_dump(const Lane *l, Buf *ret);
