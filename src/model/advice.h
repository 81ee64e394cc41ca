#pragma once
/* What a person should do about a notice, or about what a probe found: one table for both. */

#include "model/notice.h"
#include "model/outcome.h"

/* `detail` is what the other side said (an outcome's detail, a job's error; may be NULL): the words of a
 * service often say more than its status. Static; NULL when there is nothing to do. */
const char *advice_find(NoticeType type, Reason reason, const char *detail);
/* The same for a notice: the one it came with, if it did. */
const char *advice_for_notice(const Notice *n);
