#pragma once
/* What the query_*.c share: statements that finalize themselves, columns that copy themselves, lists that
 * grow. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/macro.h"
#include "base/time.h"
#include "io/db.h"
#include "store/query.h"

static inline void query_finalizep(sqlite3_stmt **p) {
        (void) sqlite3_finalize(*p);
}
#define _cleanup_stmt_ _cleanup_(query_finalizep)

/* For this one use: db_query() keeps its statements, and knows them by the address of the text. */
int query_prepare(Store *s, const char *sql, sqlite3_stmt **ret);
/* 1: a row, 0: no more, negative errno. */
int query_step(sqlite3_stmt *stmt);
int query_bind_int(sqlite3_stmt *stmt, int i, int64_t v);
int query_bind_text(sqlite3_stmt *stmt, int i, const char *s);         /* s outlives the statement */

/* TAKE_PTR for a struct that its cleanup would empty. */
#define TAKE_STRUCT(s)                          \
        ({                                      \
                typeof(s) _taken = (s);         \
                (s) = (typeof(s)) {};           \
                _taken;                         \
        })

/* NULL stays NULL. */
int query_column_string(sqlite3_stmt *stmt, int i, char **ret);
/* Negative and NULL become 0. */
usec_t query_column_usec(sqlite3_stmt *stmt, int i);
/* The notice of five columns from i on: id, type, created_usec, body and its source's name. */
int query_column_notice(sqlite3_stmt *stmt, int i, Notice **ret);

/* Room for one more entry, zeroed; `list` is a pointer to the list's pointer. */
int query_grow(void *list, size_t n, size_t entry_size);
/* Last becomes first. */
void query_reverse(void *list, size_t n, size_t entry_size);

size_t query_limit(size_t limit);
/* Whether the shell wildcard (NULL: everything) means this name; no name is meant by NULL only. */
bool query_glob(const char *glob, const char *name);
