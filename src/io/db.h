#pragma once
/* SQLite with negative errnos: statements prepared once, typed binds, transactions. Knows no table. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/macro.h"

typedef struct Db Db;

/* flags as for sqlite3_open_v2(); path may be a file: URI. */
int db_open(const char *path, int flags, Db **ret);
Db *db_free(Db *db);
DEFINE_CLEANUP(Db, db_free)

/* This failure, negative errno: in SQLite's words if it was its last one. */
const char *db_error(const Db *db, int error);
sqlite3 *db_handle(Db *db);

/* Runs statements without parameters and without results. */
int db_exec(Db *db, const char *sql);

/* A prepared statement, reset and with its parameters bound; kept and prepared once for each literal (keyed
 * by its address). `types`, one letter a parameter: i int64_t, d double (NaN becomes NULL), t const char *
 * (NULL becomes NULL), b const void *, size_t. Texts and blobs must live until the last step. */
int db_query(Db *db, sqlite3_stmt **ret, const char *sql, const char *types, ...);
/* 1: a row; 0: no (more) rows, the statement is reset; negative: failed, the statement is reset. */
int db_step(Db *db, sqlite3_stmt *stmt);
/* db_query and db_step for statements that return nothing. */
int db_run(Db *db, const char *sql, const char *types, ...);

/* One number, for statements that return one row at the most. 1: *ret is set; 0: no row. */
int db_get_int(Db *db, int64_t *ret, const char *sql, const char *types, ...);

int db_begin(Db *db);                   /* BEGIN IMMEDIATE */
int db_commit(Db *db);                  /* rolls back when it fails */
/* What was committed survives a power cut from here on. With synchronous = NORMAL a commit by itself
 * survives only the end of the process, at a tenth of the cost; the order of commits is kept either way.
 * Nothing to do without a write-ahead log. */
int db_sync(Db *db);
void db_rollback(Db *db);               /* nothing when none is open */
bool db_in_transaction(Db *db);
/* The file is no longer where it was opened: deleted, moved away, or another one in its place. What is
 * written still goes into the old one. */
bool db_has_moved(Db *db);
int64_t db_changes(Db *db);
/* Rows since it was opened, also of what was rolled back. */
int64_t db_total_changes(Db *db);
int64_t db_last_id(Db *db);

/* SQLite result code -> negative errno: -EUCLEAN for a corrupt file, -ENOSPC for a full disk, -EBUSY for a
 * lock. */
int db_errno(int code);

static inline const char *db_text(sqlite3_stmt *s, int column) {
        return (const char *) sqlite3_column_text(s, column);
}
