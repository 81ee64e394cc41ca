#pragma once
/* Sends what is owed. One lane a receiver: its concurrency, its rate, one back-off and one probe at a time
 * while it fails. The outbox table is the truth; what is here is only who is being sent to now and when to
 * look again. */

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"
#include "engine/lane.h"
#include "receiver/receiver.h"

typedef struct Dispatcher Dispatcher;

/* Lanes for the configured receivers, and one for the journal when there is a journal and none is
 * configured. */
int dispatcher_new(Dispatcher **ret, Engine *e);
Dispatcher *dispatcher_free(Dispatcher *d);
DEFINE_CLEANUP(Dispatcher, dispatcher_free)

size_t dispatcher_n_receivers(const Dispatcher *d);
const ReceiverCommon *dispatcher_receiver(const Dispatcher *d, size_t i);
/* Not in the configuration: gets every notice. */
bool dispatcher_is_implied(const Dispatcher *d, size_t i);

/* Something may be owed now: looks, in a later turn of the loop. */
void dispatcher_wake(Dispatcher *d);
void dispatcher_shift_clock(Dispatcher *d, int64_t step_usec);
/* Nothing new is begun from now on. */
void dispatcher_drain(Dispatcher *d);
bool dispatcher_is_sending(const Dispatcher *d);
/* Nothing is in flight and nothing is due but what a failing receiver holds up. */
bool dispatcher_is_idle(const Dispatcher *d);
/* No delivery has been due for longer than a minute while its receiver is free. */
bool dispatcher_health_ok(const Dispatcher *d);
/* lane_hasten() of this receiver. */
int dispatcher_hasten(Dispatcher *d, size_t i, usec_t *ret_wait_usec);
void dispatcher_lane_status(const Dispatcher *d, size_t i, LaneStatus *ret);
int dispatcher_dump(const Dispatcher *d, Buf *ret);
