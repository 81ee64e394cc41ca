#pragma once
/* How many requests a minute one source may cost: a bucket that holds a minute's worth and fills evenly.
 * Pure; time is boottime, so that a step of the clock gives nothing away. */

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

typedef struct Budget {
        usec_t full_usec;               /* when the bucket will be full again; past: it is */
} Budget;

/* One request may be made now. */
bool budget_has(const Budget *b, uint64_t per_minute, usec_t now_boot_usec);
/* From when on so many may be made, one behind the other; of a bucket's worth at most. */
usec_t budget_when(const Budget *b, uint64_t per_minute, uint64_t n);
/* One is made, whether there was room for it or not: what cannot wait runs into debt, of a minute at most.
 */
void budget_take(Budget *b, uint64_t per_minute, usec_t now_boot_usec);
