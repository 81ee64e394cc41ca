#pragma once
/* Notices and the outbox: one delivery for each notice and receiver. The table is the truth about what is
 * owed. */

#include "base/buf.h"
#include "model/delivery.h"
#include "model/notice.h"
#include "store/store.h"

/* 1: new, *ret_seq; 0: this fact was told before. `job` and `source` are row ids, 0 for none. `enrich`:
 * details are still to come (store_notice_complete). */
int store_notice_add(Store *s, const Notice *n, int64_t source, int64_t job, bool enrich, int64_t *ret_seq);
/* With id, type and created_usec. -EBADMSG: a row of a version that knew more. */
int store_notice_load(Store *s, int64_t seq, Notice **ret);
/* The last of that type about the job. */
int store_notice_load_latest(Store *s, int64_t job, NoticeType type, Notice **ret);
/* Replaces the contents of a notice that waits for details, and lets its deliveries go. 1: done; 0: it waits
 * no more, somebody may have seen it. */
int store_notice_complete(Store *s, int64_t seq, const Notice *n, usec_t due_real_usec);
/* 1: it waits for details; 0: not. */
int store_notice_waits(Store *s, int64_t seq);

/* It waits no more, and goes with what it has. */
int store_notice_stop_waiting(Store *s, int64_t seq);

typedef struct PendingNotice {
        int64_t seq, source, job;
} PendingNotice;
/* Notices that wait for details, oldest first; malloc'ed. */
int store_notices_to_enrich(Store *s, PendingNotice **ret, size_t *ret_n);

/* Owes a notice to a receiver from due on. `line`: deliveries of one line to one receiver go in order; 0: in
 * no line. */
int store_delivery_add(Store *s, int64_t notice, const char *receiver, int64_t line, usec_t created_usec,
                       usec_t due_usec);

#define DELIVERY_BODY_MAX (256U * 1024U)        /* far above what any kind may render */

#define DELIVERY_KIND_SIZE 32U

typedef struct Delivery {
        int64_t seq, notice;
        int64_t line;
        uint64_t attempts;              /* made so far */
        usec_t created_usec, due_usec;
        bool degraded;
        char kind[DELIVERY_KIND_SIZE];  /* of receiver that the bytes kept are for; "" for none */
        Buf body;                       /* empty until rendered */
} Delivery;

void delivery_done(Delivery *d);

/* After a start: what was in flight is owed again. */
int store_deliveries_reset(Store *s);
/* The delivery to that receiver that is due first among those that head their line. With `before`
 * USEC_INFINITY also one whose time has not come. Without its body. */
int store_delivery_next(Store *s, const char *receiver, usec_t before_real_usec, Delivery *ret);
int store_delivery_body(Store *s, int64_t seq, Buf *ret);
/* PENDING -> INFLIGHT, attempts + 1, and its notice waits for no more details; keeps the bytes when given,
 * for that kind of receiver (else those from before stay). */
int store_delivery_claim(Store *s, int64_t seq, const Buf *body, const char *kind, bool degraded);
/* INFLIGHT -> what the verdict says. */
int store_delivery_settle(Store *s, int64_t seq, const DeliveryVerdict *verdict, const Outcome *outcome,
                          usec_t now_real_usec);
/* What waits after a failed attempt is due now. */
int store_deliveries_hasten(Store *s, const char *receiver, usec_t now_real_usec);
/* The notice whose id begins so. 0; -ENOENT, -ENOTUNIQ. */
int store_notice_find(Store *s, const char *id, int64_t *ret_seq);
/* Owes again what was given up or silenced of this notice, as if it were new; what waits of it is due now.
 * To these receivers only (NULL-terminated). Returns how many. */
int store_deliveries_retry(Store *s, int64_t notice, char *const *receivers, usec_t now_real_usec);
/* Owes again all that was given up but tests, of deliveries created since then. */
int store_deliveries_retry_dead(Store *s, const char *receiver_glob, usec_t since_real_usec,
                                char *const *receivers, usec_t now_real_usec);
/* Gives up what is owed to receivers that are not in the list (NULL-terminated) and older than `before`. */
int store_deliveries_abandon(Store *s, char *const *receivers, usec_t before_real_usec,
                             usec_t now_real_usec);
int store_deliveries_count(Store *s, uint64_t *ret_owed);
