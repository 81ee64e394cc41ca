#pragma once
/* How much of the list the next poll looks at: just so much that the unfinished jobs are on it, where that
 * takes fewer requests than asking for them one by one. */

#include "engine/source.h"

void plan_pages(Source *s);
