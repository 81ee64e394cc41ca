#pragma once
/* What a person should do about a notice, where the notice itself does not say. */

#include "model/notice.h"

/* A sentence or two, static; NULL when there is nothing to do. */
const char *advice_for(const Notice *n);
