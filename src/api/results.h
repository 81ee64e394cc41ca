#pragma once
/* The result file of a finished job: CSV, plain (Azure) or as base64 text (OpenAI), columns found by name,
 * empty cells and Azure's -1 left out. */

#include <stddef.h>

#include "model/metrics.h"

#define RESULT_ROWS_MAX 200000U

/* -EBADMSG when it is no CSV with a `step` column and at least one number. */
int results_read(const char *body, size_t size, Metrics **ret);
