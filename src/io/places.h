#pragma once
/* Which servers' connections stay open behind a request, when there are more servers than connections to
 * keep. libcurl would close the one that was unused for the longest: of servers that are asked in turn the
 * one that is needed next, so that none is ever found open. Here, who has a place has it for as long as he
 * comes back, and the connections of others end with their request. Who comes back at once, as for page
 * after page, gets a place all the same: the one that was unused for the longest. */

#include <stdbool.h>

#include "base/macro.h"
#include "base/time.h"

#define PLACE_UNUSED_USEC (118 * USEC_PER_SEC)  /* CURLOPT_MAXAGE_CONN: libcurl closes the connection then */
#define PLACE_AT_ONCE_USEC (2 * USEC_PER_SEC)   /* less than from one poll to the next, 5 s at least */

typedef struct Places Places;

int places_new(Places **ret);
Places *places_free(Places *p);
DEFINE_CLEANUP(Places, places_free)
/* For each request: whether the connection may stay. The key tells servers apart; those of `max` of them
 * stay. The time is of a clock that does not step. */
bool places_take(Places *p, const char *key, unsigned max, usec_t now_usec);
