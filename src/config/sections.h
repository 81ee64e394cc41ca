#pragma once
/* The lists of sources, receivers and rules, of all files, into the Config of a Reader; and what must
 * hold between them. */

#include "config/reader.h"

extern const char *const config_lists[];        /* their keys, NULL-terminated */

/* Mistakes become errors: 0 or -ENOMEM. */
int sections_read(Reader *r);
/* After all are read: rules name what there is. */
int sections_check_rules(Reader *r);
