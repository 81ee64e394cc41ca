#pragma once
/* Notices of every sort for tests of receivers, the same on every machine. */

#include <stddef.h>

#include "model/notice.h"

/* NULL-terminated. "hostile" has in every text what some receiver must not let through. */
extern const char *const notice_sample_names[];

/* Fails the test when there is no such sample or no memory. */
Notice *notice_sample_new(const char *name);

#define NOTICE_SAMPLE_ID "evt_abcdefghijklmnopqrstuvwxyz"
/* Thursday, 2026-11-19 14:03:09 UTC */
#define NOTICE_SAMPLE_SEC INT64_C(1795096989)
