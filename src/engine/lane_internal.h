#pragma once
/* What lane.c (when an attempt may begin) and sending.c (one attempt, from the outbox and back) share about
 * a receiver. */

#include <systemd/sd-event.h>

#include "engine/lane.h"
#include "model/trouble.h"
#include "store/outbox.h"

typedef struct Sending Sending;

struct Sending {
        Lane *lane;
        Delivery delivery;
        char notice_id[NOTICE_ID_SIZE];
        ReceiverSend *send;
        int unrenderable;               /* why it cannot be put into a message, negative errno, or 0 */
        bool recovers;                  /* it got through after failures: so may others, before their time */
        bool test;                      /* one attempt, and no trouble if it fails */
        bool ended;                     /* as below, but the store does not know it yet */
        Outcome outcome;
        DeliveryVerdict verdict;
        struct Sending *prev, *next;
};

struct Lane {
        Engine *engine;
        const ReceiverCommon *receiver;
        ReceiverPorts ports;
        sd_event_source *timer;
        Sending *sending;
        size_t n_sending;
        size_t n_ended;                 /* of those: still to be settled */
        bool stopped;

        uint64_t n_failed;              /* in a row */
        usec_t blocked_until_usec;      /* boottime: no attempt before, because it fails or said so */
        usec_t asked_until_usec;        /* the part of it that the receiver asked for */
        usec_t next_send_usec;          /* boottime: its rate */
        usec_t due_usec;                /* boottime, of the earliest that waits; USEC_INFINITY: none does */
        usec_t longest_wait_usec;       /* that anything can be due from now */
        Trouble trouble;
        Trouble refusals;               /* of single messages, by a receiver that works */
};

/* For log lines. */
#define LANE_LOG(l) (&(LogContext) { .receiver = (l)->receiver->name })

/* Begins an attempt with what was read from the outbox; takes d. It may have ended when this returns. A
 * negative errno is the store's: nothing has happened. */
int sending_begin(Lane *l, Delivery *d, const Now *now);
/* Writes down how an attempt ended and frees it. On failure it stays, to be settled when the store can be
 * written again: its line waits for it. */
int sending_settle(Sending *s, const Now *now);
void sending_free(Sending *s);

/* Back to lane.c: how an attempt ended. */
void lane_take_outcome(Lane *l, const Outcome *outcome, const Now *now);
/* Sets the timer of the next attempt. */
void lane_arm(Lane *l, const Now *now);
