#include "store/store.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/strings.h"
#include "store/schema.h"
#include "store/store_internal.h"

/* Checking every page of a file takes time that grows with it; larger ones are checked as they are used. */
#define QUICK_CHECK_MAX (16L * 1024 * 1024)
#define ASIDE_TRIES 100U                        /* damaged states of one second */
#define STORE_URI_LIMIT ((size_t) 3 * 4096 + 64)

Store *store_free(Store *s) {
        if (!s)
                return NULL;
        db_free(s->db);
        free(s);
        return NULL;
}

const char *store_error(const Store *s, int error) {
        return db_error(s->db, error);
}

int store_begin(Store *s) {
        return db_has_moved(s->db) ? -ESTALE : db_begin(s->db);
}

int store_commit(Store *s) {
        return db_commit(s->db);
}

int64_t store_n_changes(const Store *s) {
        return db_total_changes(s->db);
}

int store_sync(Store *s) {
        return db_sync(s->db);
}

void store_rollback(Store *s) {
        db_rollback(s->db);
}

int store_list_to_text(char *const *list, char **ret) {
        _cleanup_json_ json_object *o = json_object_new_array();
        int r = o ? 0 : -ENOMEM;

        for (; r >= 0 && list && *list; list++)
                r = json_object_array_add(o, json_object_new_string(*list)) < 0 ? -ENOMEM : 0;
        return r < 0 ? r : json_to_text(o, ret);
}

static int store_check(Store *s, const char *path) {
        struct stat st;
        sqlite3_stmt *q;

        if (stat(path, &st) < 0 || st.st_size > QUICK_CHECK_MAX)
                return 0;
        int r = db_query(s->db, &q, "PRAGMA quick_check(1)", "");
        if (r < 0)
                return r;
        r = db_step(s->db, q);
        if (r > 0)
                r = streq(strempty(db_text(q, 0)), "ok") ? 0 : -EUCLEAN;
        (void) sqlite3_reset(q);
        return r;
}

static int store_migrate(Store *s, int64_t version) {
        char pragma[96];

        if (version == SCHEMA_VERSION)
                return 0;
        int r = db_begin(s->db);
        for (int64_t v = version; r >= 0 && v < SCHEMA_VERSION; v++)
                r = db_exec(s->db, schema_steps[v]);
        if (r >= 0) {
                (void) snprintf(pragma, sizeof pragma,
                                "PRAGMA user_version = %d; PRAGMA application_id = %d", SCHEMA_VERSION,
                                SCHEMA_APPLICATION_ID);
                r = db_exec(s->db, pragma);
        }
        if (r < 0) {
                db_rollback(s->db);
                return r;
        }
        return db_commit(s->db);
}

static int store_refuse(int error, char **ret_message, const char *path, const char *why) {
        return string_printf(ret_message, "%s: %s", path, why) < 0 ? -ENOMEM : error;
}

/* -EPROTONOSUPPORT and -EMEDIUMTYPE come with a message. */
static int store_set_up(Store *s, const char *path, StoreMode mode, char **ret_message) {
        int64_t version = 0, application = 0;

        /* WAL: readers and the writer do not wait for each other. NORMAL: store_sync() says what must
         * survive a power cut. */
        int r = db_exec(
                s->db,
                mode == STORE_READ_ONLY
                        ? "PRAGMA query_only = ON; PRAGMA foreign_keys = ON; PRAGMA cache_size = -512"
                        : "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
                          "PRAGMA cache_size = -512; PRAGMA journal_size_limit = 1048576; PRAGMA "
                          "temp_store = MEMORY");
        if (r >= 0)
                r = db_get_int(s->db, &version, "PRAGMA user_version", "");
        if (r >= 0)
                r = db_get_int(s->db, &application, "PRAGMA application_id", "");
        if (r < 0)
                return r;
        if (application != 0 && application != SCHEMA_APPLICATION_ID)
                return store_refuse(-EMEDIUMTYPE, ret_message, path, "this is another program's database");
        if (version > SCHEMA_VERSION)
                return store_refuse(
                        -EPROTONOSUPPORT, ret_message, path,
                        "written by a newer version of ftwatchd; upgrade, or choose another state_dir");
        r = mode == STORE_READ_WRITE ? store_check(s, path) : 0;
        if (r < 0)
                return r;
        if (mode == STORE_READ_ONLY)
                return version == SCHEMA_VERSION
                               ? 0
                               : store_refuse(
                                         -EPROTONOSUPPORT, ret_message, path,
                                         "written by an older version of ftwatchd, which has to be "
                                         "started once to convert it");
        return store_migrate(s, version);
}

/* `location`: the path, or a file: URI of it. */
static int store_open_at(const char *location, const char *path, StoreMode mode, Store **ret,
                         char **ret_message) {
        _cleanup_(store_freep) Store *s = calloc(1, sizeof *s);

        if (!s)
                return -ENOMEM;
        int flags =
                mode == STORE_READ_ONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
        int r = db_open(location, flags, &s->db);
        if (r >= 0)
                r = store_set_up(s, path, mode, ret_message);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

/* A reader of a WAL database makes -wal and -shm when they are not there (for root SQLite gives them the
 * owner of the database, so that the daemon is not locked out). One who may not write there can read a file
 * that nobody has open and that has no -wal as it lies: everything is in it. Should the daemon start
 * meanwhile, this one answer may be wrong. */
static int store_open_immutable(const char *path, Store **ret, char **ret_message) {
        _cleanup_(buf_done) Buf uri = BUF_INIT(STORE_URI_LIMIT);
        _cleanup_free_ char *wal = NULL;

        int r = string_printf(&wal, "%s-wal", path);
        if (r < 0)
                return r;
        if (access(wal, F_OK) >= 0 || errno != ENOENT)
                return -EACCES;
        (void) buf_puts(&uri, "file:");
        for (const char *p = path; *p; p++)
                (void) buf_printf(&uri, isalnum((unsigned char) *p) || strchr("/._-", *p) ? "%c" : "%%%02X",
                                  (unsigned char) *p);
        r = buf_puts(&uri, "?immutable=1");
        return r < 0 ? r : store_open_at(buf_string(&uri), path, STORE_READ_ONLY, ret, ret_message);
}

static int store_open_once(const char *path, StoreMode mode, Store **ret, char **ret_message) {
        int r = store_open_at(path, path, mode, ret, ret_message);
        if (mode == STORE_READ_ONLY && (r == -EROFS || r == -EACCES) && access(path, R_OK) >= 0)
                return store_open_immutable(path, ret, ret_message);
        return r;
}

/* A name that is free: one damaged state must not take the place of another. */
static int aside_name(const char *path, usec_t now_real_usec, char **ret) {
        for (unsigned i = 0; i < ASIDE_TRIES; i++) {
                _cleanup_free_ char *name = NULL;
                int r = string_printf(&name, "%s.corrupt-%llu%s%.0u", path,
                                      (unsigned long long) (now_real_usec / USEC_PER_SEC),
                                       i > 0 ? "." : "", i);
                if (r < 0)
                        return r;
                if (access(name, F_OK) < 0) {
                        *ret = TAKE_PTR(name);
                        return 0;
                }
        }
        return -EEXIST;
}

static int rename_side_files(const char *path, const char *aside) {
        static const char *const side_files[] = { "-wal", "-shm" };

        for (size_t i = 0; i < ARRAY_SIZE(side_files); i++) {
                _cleanup_free_ char *from = NULL, *to = NULL;
                int r = string_printf(&from, "%s%s", path, side_files[i]);
                if (r >= 0)
                        r = string_printf(&to, "%s%s", aside, side_files[i]);
                if (r < 0)
                        return r;
                if (rename(from, to) < 0 && errno != ENOENT)
                        return -errno;
        }
        return 0;
}

int store_set_aside(const char *path, usec_t now_real_usec, char **ret_aside) {
        _cleanup_free_ char *aside = NULL;

        int r = aside_name(path, now_real_usec, &aside);
        if (r >= 0 && rename(path, aside) < 0)
                r = -errno;
        if (r >= 0)
                r = rename_side_files(path, aside);
        if (r >= 0)
                *ret_aside = TAKE_PTR(aside);
        return r;
}

int store_set_log_aside(const char *path, usec_t now_real_usec) {
        _cleanup_free_ char *aside = NULL;

        int r = aside_name(path, now_real_usec, &aside);
        return r < 0 ? r : rename_side_files(path, aside);
}

int store_open(const char *path, StoreMode mode, Store **ret, char **ret_aside, char **ret_message) {
        *ret_aside = NULL;
        *ret_message = NULL;
        if (mode == STORE_READ_ONLY && access(path, F_OK) < 0)
                return store_refuse(-errno, ret_message, path, strerror(errno));
        int r = store_open_once(path, mode, ret, ret_message);
        if (r == -EUCLEAN && mode == STORE_READ_WRITE) {
                r = store_set_aside(path, clock_usec(CLOCK_REALTIME), ret_aside);
                if (r >= 0)
                        r = store_open_once(path, mode, ret, ret_message);
        }
        if (r < 0 && !*ret_message)
                return store_refuse(r, ret_message, path,
                                    r == -EUCLEAN ? "the database is damaged" : strerror(-r));
        return r;
}
