#pragma once
/* Points in time as people write them. */

#include "base/time.h"

/* A span before now ("2h", "3d"), a day or a moment in the local zone ("2026-11-22", "2026-11-22
 * 14:00[:00]", "today", "yesterday"), or an ISO 8601 stamp with its offset. -EINVAL, -ERANGE. */
int parse_since(const char *s, usec_t now_usec, usec_t *ret);
