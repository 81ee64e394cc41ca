#include "store/query_internal.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "store/store_internal.h"

int query_begin(Store *s) {
        return db_exec(s->db, "BEGIN");
}

int query_prepare(Store *s, const char *sql, sqlite3_stmt **ret) {
        return db_errno(sqlite3_prepare_v2(db_handle(s->db), sql, -1, ret, NULL));
}

int query_step(sqlite3_stmt *stmt) {
        int rc = sqlite3_step(stmt);
        return rc == SQLITE_ROW ? 1 : db_errno(rc);
}

int query_bind_int(sqlite3_stmt *stmt, int i, int64_t v) {
        return db_errno(sqlite3_bind_int64(stmt, i, v));
}

int query_bind_text(sqlite3_stmt *stmt, int i, const char *s) {
        return db_errno(sqlite3_bind_text(stmt, i, s, -1, SQLITE_STATIC));
}

int query_column_string(sqlite3_stmt *stmt, int i, char **ret) {
        if (sqlite3_column_type(stmt, i) == SQLITE_NULL) {
                *ret = NULL;
                return 0;
        }
        const char *text = db_text(stmt, i);
        char *copy = text ? strdup(text) : NULL;
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

usec_t query_column_usec(sqlite3_stmt *stmt, int i) {
        int64_t v = sqlite3_column_int64(stmt, i);
        return v > 0 ? (usec_t) v : 0;
}

int query_column_notice(sqlite3_stmt *stmt, int i, Notice **ret) {
        _cleanup_json_ json_object *body = NULL;
        _cleanup_(notice_freep) Notice *n = NULL;
        const char *id = db_text(stmt, i);
        const char *type = db_text(stmt, i + 1);
        const char *text = db_text(stmt, i + 3);

        if (!id || !type || !text)
                return -ENOMEM;
        int r = json_parse_bounded(text, strlen(text), &body, NULL);
        if (r < 0)
                return r;
        r = notice_from_json(body, &n);
        if (r < 0)
                return r;
        n->type = notice_type_from_string(type);
        if (n->type == _NOTICE_TYPE_INVALID || strlen(id) >= NOTICE_ID_SIZE)
                return -EBADMSG;
        memcpy(n->id, id, strlen(id) + 1);
        n->created_usec = query_column_usec(stmt, i + 2);
        const char *source = db_text(stmt, i + 4);
        if (source && !n->source) {
                r = free_and_strdup(&n->source, source);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(n);
        return 0;
}

int query_grow(void *list, size_t n, size_t entry_size) {
        void **p = list;

        if (n >= QUERY_ROWS_MAX * 2)
                return -E2BIG;
        /* Powers of two are the moments to grow. */
        if ((n & (n - 1)) == 0) {
                void *larger = reallocarray(*p, n > 0 ? n * 2 : 1, entry_size);
                if (!larger)
                        return -ENOMEM;
                *p = larger;
        }
        memset((char *) *p + n * entry_size, 0, entry_size);
        return 0;
}

void query_reverse(void *list, size_t n, size_t entry_size) {
        char *a = list, *b = n > 0 ? a + (n - 1) * entry_size : a;

        for (; a < b; a += entry_size, b -= entry_size)
                for (size_t i = 0; i < entry_size; i++) {
                        char swap = a[i];
                        a[i] = b[i];
                        b[i] = swap;
                }
}

size_t query_limit(size_t limit) {
        return limit == 0 || limit > QUERY_ROWS_MAX ? QUERY_ROWS_MAX : limit;
}

bool query_glob(const char *glob, const char *name) {
        return !glob || (name && fnmatch(glob, name, 0) == 0);
}
