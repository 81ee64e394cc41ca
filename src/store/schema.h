#pragma once
/* The schema of the state database and its migrations. PRAGMA user_version holds its number. */

#define SCHEMA_VERSION 4
/* "FTWD": PRAGMA application_id, so that file(1) and we know our own. */
#define SCHEMA_APPLICATION_ID 0x46545744

/* schema_steps[i] turns version i into i + 1. */
extern const char *const schema_steps[SCHEMA_VERSION];
