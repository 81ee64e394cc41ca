#pragma once
/* For tests of api/: a source as the configuration gives it to its check. */

#include "api/source.h"

#define RESOURCE "https://c.openai.azure.com"

/* With sane intervals; not checked yet. */
SourceSettings *source_make(const char *dialect, const char *endpoint);
/* "key: message\n" for each complaint, to be freed; NULL when there is none. */
char *source_check(SourceSettings *s);
