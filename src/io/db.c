#include "io/db.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENTS_MAX 96U              /* more than the tree has; then the query fails, loudly, in tests */
#define PATIENCE_MSEC 2000              /* with another program that holds the lock */
#define WORDS_MAX 160U                  /* of an error's description, with its end */

struct Db {
        sqlite3 *handle;
        struct {
                const char *sql;
                sqlite3_stmt *stmt;
        } cache[STATEMENTS_MAX];
        size_t n_cached;
        bool hurried;                   /* somebody holds the lock for long */
        int error;                      /* the last failure */
        char words[WORDS_MAX];          /* and what SQLite said of it */
};

int db_errno(int code) {
        switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return -EUCLEAN;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_READONLY:
        case SQLITE_PERM:
                return -EROFS;
        case SQLITE_CANTOPEN:
                return -EACCES;
        case SQLITE_CONSTRAINT:
                return -EEXIST;
        case SQLITE_TOOBIG:
                return -EFBIG;
        default:
                return -EIO;
        }
}

int db_open(const char *path, int flags, Db **ret) {
        _cleanup_(db_freep) Db *db = calloc(1, sizeof *db);

        if (!db)
                return -ENOMEM;
        /* Counting its memory, under a lock, is a twentieth of what SQLite costs us. Refused once it is in
         * use. */
        (void) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
        int code = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
        if (code != SQLITE_OK)
                return db_errno(code);
        (void) sqlite3_extended_result_codes(db->handle, 1);
        (void) sqlite3_busy_timeout(db->handle, PATIENCE_MSEC);
        *ret = TAKE_PTR(db);
        return 0;
}

Db *db_free(Db *db) {
        if (!db)
                return NULL;
        for (size_t i = 0; i < db->n_cached; i++)
                sqlite3_finalize(db->cache[i].stmt);
        sqlite3_close(db->handle);
        free(db);
        return NULL;
}

/* Kept, because the ROLLBACK that follows has nothing to complain of. */
static int db_result(Db *db, int code) {
        int r = db_errno(code);

        if (r < 0) {
                db->error = r;
                (void) snprintf(db->words, sizeof db->words, "%s", sqlite3_errmsg(db->handle));
        }
        return r;
}

const char *db_error(const Db *db, int error) {
        return error == db->error ? db->words : strerror(-error);
}

sqlite3 *db_handle(Db *db) {
        return db->handle;
}

int db_exec(Db *db, const char *sql) {
        return db_result(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

static int db_prepare(Db *db, const char *sql, sqlite3_stmt **ret) {
        for (size_t i = 0; i < db->n_cached; i++)
                if (db->cache[i].sql == sql) {
                        *ret = db->cache[i].stmt;
                        (void) sqlite3_reset(*ret);
                        return 0;
                }
        if (db->n_cached == STATEMENTS_MAX)
                return -ENOBUFS;
        sqlite3_stmt *stmt;
        int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
        if (code != SQLITE_OK)
                return db_result(db, code);
        db->cache[db->n_cached].sql = sql;
        db->cache[db->n_cached++].stmt = stmt;
        *ret = stmt;
        return 0;
}

static int db_bind(sqlite3_stmt *stmt, const char *types, va_list ap) {
        int code = SQLITE_OK;

        for (int i = 1; *types && code == SQLITE_OK; types++, i++)
                switch (*types) {
                case 'i':
                        code = sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
                        break;
                case 'd': {
                        double v = va_arg(ap, double);
                        code = isnan(v) ? sqlite3_bind_null(stmt, i) : sqlite3_bind_double(stmt, i, v);
                        break;
                }
                case 't':
                        code = sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
                        break;
                case 'b': {
                        const void *data = va_arg(ap, const void *);
                        code = sqlite3_bind_blob64(stmt, i, data, va_arg(ap, size_t), SQLITE_STATIC);
                        break;
                }
                default:
                        return -EINVAL;
                }
        return db_errno(code);
}

static int db_query_va(Db *db, sqlite3_stmt **ret, const char *sql, const char *types, va_list ap) {
        sqlite3_stmt *stmt = NULL;

        int r = db_prepare(db, sql, &stmt);
        if (r < 0)
                return r;
        r = db_bind(stmt, types, ap);
        if (r < 0)
                return r;
        *ret = stmt;
        return 0;
}

int db_query(Db *db, sqlite3_stmt **ret, const char *sql, const char *types, ...) {
        va_list ap;

        va_start(ap, types);
        int r = db_query_va(db, ret, sql, types, ap);
        va_end(ap);
        return r;
}

/* Who was waited for in vain is not waited for by each of the many that want to write, until one could. */
static void db_hurry(Db *db, bool hurried) {
        if (db->hurried != hurried)
                (void) sqlite3_busy_timeout(db->handle, hurried ? 0 : PATIENCE_MSEC);
        db->hurried = hurried;
}

int db_step(Db *db, sqlite3_stmt *stmt) {
        int code = sqlite3_step(stmt);
        if (code == SQLITE_ROW)
                return 1;
        (void) sqlite3_reset(stmt);
        int r = db_result(db, code);
        if (r == -EBUSY || (r == 0 && db->hurried && !sqlite3_stmt_readonly(stmt)))
                db_hurry(db, r == -EBUSY);
        return r;
}

int db_run(Db *db, const char *sql, const char *types, ...) {
        sqlite3_stmt *stmt = NULL;
        va_list ap;

        va_start(ap, types);
        int r = db_query_va(db, &stmt, sql, types, ap);
        va_end(ap);
        if (r < 0)
                return r;
        r = db_step(db, stmt);
        if (r > 0)
                (void) sqlite3_reset(stmt);
        return r < 0 ? r : 0;
}

int db_get_int(Db *db, int64_t *ret, const char *sql, const char *types, ...) {
        sqlite3_stmt *stmt = NULL;
        va_list ap;

        va_start(ap, types);
        int r = db_query_va(db, &stmt, sql, types, ap);
        va_end(ap);
        if (r < 0)
                return r;
        r = db_step(db, stmt);
        if (r > 0) {
                *ret = sqlite3_column_int64(stmt, 0);
                (void) sqlite3_reset(stmt);
        }
        return r;
}

int db_begin(Db *db) {
        return db_run(db, "BEGIN IMMEDIATE", "");
}

int db_commit(Db *db) {
        int r = db_run(db, "COMMIT", "");
        if (r < 0)
                db_rollback(db);
        return r;
}

/* SQLite does not know it of one in memory, which cannot move. */
bool db_has_moved(Db *db) {
        int moved = 0;

        int r = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
        return r == SQLITE_OK && moved;
}

/* The log is the main database's journal file: https://sqlite.org/c3ref/c_fcntl_begin_atomic_write.html */
int db_sync(Db *db) {
        sqlite3_file *log = NULL;

        int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
        if (code != SQLITE_OK || !log || !log->pMethods)
                return db_errno(code);
        return db_errno(log->pMethods->xSync(log, SQLITE_SYNC_NORMAL));
}

void db_rollback(Db *db) {
        if (db_in_transaction(db))
                (void) db_run(db, "ROLLBACK", "");
}

bool db_in_transaction(Db *db) {
        return !sqlite3_get_autocommit(db->handle);
}

int64_t db_changes(Db *db) {
        return sqlite3_changes64(db->handle);
}

int64_t db_total_changes(Db *db) {
        return sqlite3_total_changes64(db->handle);
}

int64_t db_last_id(Db *db) {
        return sqlite3_last_insert_rowid(db->handle);
}
