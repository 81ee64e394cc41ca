#include "model/budget.h"

#include "base/macro.h"

static usec_t budget_cost(uint64_t per_minute) {
        return USEC_PER_MINUTE / MAX(per_minute, (uint64_t) 1);
}

bool budget_has(const Budget *b, uint64_t per_minute, usec_t now_boot_usec) {
        usec_t missing = usec_sub(b->full_usec, now_boot_usec);

        return usec_add(missing, budget_cost(per_minute)) <= USEC_PER_MINUTE;
}

usec_t budget_when(const Budget *b, uint64_t per_minute, uint64_t n) {
        usec_t cost = MIN(n * budget_cost(per_minute), USEC_PER_MINUTE);

        return usec_sub(usec_add(b->full_usec, cost), USEC_PER_MINUTE);
}

void budget_take(Budget *b, uint64_t per_minute, usec_t now_boot_usec) {
        usec_t full = usec_add(MAX(b->full_usec, now_boot_usec), budget_cost(per_minute));

        b->full_usec = MIN(full, usec_add(now_boot_usec, 2 * USEC_PER_MINUTE));
}
