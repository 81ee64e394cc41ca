#pragma once
/* One observation, one transaction: what was seen and what is owed for it become true together; only then is
 * anything logged or sent. Used by everything in engine/ that writes to the store. */

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "model/notice.h"

/* Begins. A negative errno is logged already. */
int observation_begin(Engine *e);

/* What a notice is about, for the store and for the order of its deliveries. */
typedef struct Subject {
        int64_t source, job;            /* row ids, 0 for none */
        bool enrich;                    /* details follow within enrich_timeout_usec */
        usec_t enrich_timeout_usec;
        bool first;                     /* its deliveries go before all others */
} Subject;

/* Inside: stores the notice and one delivery for each receiver the rules name. Takes n (also on failure). 1:
 * new; 0: told before. *ret_seq may be NULL. */
int observation_tell(Engine *e, Notice *n, const Subject *subject, int64_t *ret_seq);

/* Ends. With r < 0, or when the commit fails, all of it is undone and the failure logged. Otherwise notices
 * are logged and receivers woken. Returns r or the failure. */
int observation_end(Engine *e, int r);
