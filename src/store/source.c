#include <errno.h>
#include <stdlib.h>

#include "base/strings.h"
#include "store/store_internal.h"

void stored_source_done(StoredSource *s) {
        walk_done(&s->walk);
}

static int source_read(sqlite3_stmt *q, StoredSource *ret) {
        StoredSource s = {
                .id = sqlite3_column_int64(q, 0),
                .baseline = { .at = sqlite3_column_int64(q, 1), .done = sqlite3_column_int(q, 2) != 0 },
        };

        int r = walk_from_text(db_text(q, 3), &s.walk);
        (void) sqlite3_reset(q);
        if (r < 0)
                return r == -EBADMSG ? -EUCLEAN : r;
        *ret = s;
        return 1;
}

static int source_find(Store *s, const char *name, const char *endpoint, StoredSource *ret) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q,
                         "SELECT id, ifnull(baseline_at, 0), baseline_done, walk FROM sources "
                         "WHERE name = ?1 AND endpoint = ?2", "tt", name, endpoint);
        if (r < 0)
                return r;
        r = db_step(s->db, q);
        return r > 0 ? source_read(q, ret) : r;
}

/* A row of this name for another endpoint holds another resource's jobs: it keeps them under a name nobody
 * configures. */
static int source_leave_behind(Store *s, const char *name) {
        return db_run(s->db, "UPDATE sources SET name = name || ' (former ' || id || ')' WHERE name = ?1",
                      "t", name);
}

/* With what is wrong with it. */
static int source_set_name(Store *s, int64_t id, const char *name) {
        int r = db_run(s->db,
                       "UPDATE OR REPLACE troubles SET subject = 'source:' || ?2"
                       " WHERE subject = (SELECT 'source:' || name FROM sources WHERE id = ?1)",
                       "it", id, name);
        return r < 0 ? r : db_run(s->db, "UPDATE sources SET name = ?2 WHERE id = ?1", "it", id, name);
}

/* The same resource under a name that is no longer configured was renamed. */
static int source_rename(Store *s, const char *name, const char *endpoint, char *const *names_in_use) {
        sqlite3_stmt *q;
        int64_t id = 0;

        int r = db_query(s->db, &q, "SELECT id, name FROM sources WHERE endpoint = ?1 ORDER BY id DESC", "t",
                         endpoint);
        if (r < 0)
                return r;
        while ((r = db_step(s->db, q)) > 0)
                if (!strv_contains(names_in_use, strempty(db_text(q, 1)))) {
                        id = sqlite3_column_int64(q, 0);
                        (void) sqlite3_reset(q);
                        break;
                }
        if (r < 0)
                return r;
        if (id > 0)
                return source_set_name(s, id, name);
        return db_run(s->db, "INSERT INTO sources (name, endpoint) VALUES (?1, ?2)", "tt", name, endpoint);
}

int store_source_attach(Store *s, const char *name, const char *endpoint, char *const *names_in_use,
                        StoredSource *ret) {
        int r = source_find(s, name, endpoint, ret);
        if (r != 0)
                return r < 0 ? r : 0;
        r = store_begin(s);
        if (r >= 0)
                r = source_leave_behind(s, name);
        if (r >= 0)
                r = source_rename(s, name, endpoint, names_in_use);
        if (r < 0) {
                store_rollback(s);
                return r;
        }
        r = store_commit(s);
        if (r < 0)
                return r;
        r = source_find(s, name, endpoint, ret);
        return r == 0 ? -EIO : MIN(r, 0);
}

int store_source_save(Store *s, const StoredSource *source) {
        _cleanup_free_ char *walk = NULL;

        int r = walk_to_text(&source->walk, &walk);
        if (r < 0)
                return r;
        return db_run(s->db,
                      "UPDATE sources SET baseline_at = ?2, baseline_done = ?3, walk = ?4 WHERE id = ?1",
                      "iiit", source->id, source->baseline.at, (int64_t) source->baseline.done, walk);
}

int store_trouble_load(Store *s, const char *subject, Trouble *ret) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q,
                         "SELECT type, reason, since_usec, told_usec FROM troubles WHERE subject = ?1", "t",
                         subject);
        if (r < 0)
                return r;
        r = db_step(s->db, q);
        if (r <= 0)
                return r;
        NoticeType type = notice_type_from_string(strempty(db_text(q, 0)));
        *ret = (Trouble) {
                .n_row = 1,
                .n_type = 1,
                .type = type,
                .reason = reason_from_string(strempty(db_text(q, 1))),
                .since_usec = (usec_t) sqlite3_column_int64(q, 2),
                .told_type = type,
                .told_usec = (usec_t) sqlite3_column_int64(q, 3),
        };
        (void) sqlite3_reset(q);
        return type == _NOTICE_TYPE_INVALID ? 0 : 1;
}

int store_trouble_save(Store *s, const char *subject, const Trouble *t) {
        if (t->told_usec == 0)
                return db_run(s->db, "DELETE FROM troubles WHERE subject = ?1", "t", subject);
        return db_run(s->db,
                      "INSERT OR REPLACE INTO troubles (subject, type, reason, since_usec, told_usec) "
                      "VALUES (?1, ?2, ?3, ?4, ?5)",
                      "tttii", subject, notice_type_info(t->told_type)->name, reason_to_string(t->reason),
                      (int64_t) t->since_usec, (int64_t) t->told_usec);
}

int store_troubles_keep(Store *s, char *const *subjects) {
        _cleanup_free_ char *list = NULL;

        int r = store_list_to_text(subjects, &list);
        if (r < 0)
                return r;
        return db_run(s->db, "DELETE FROM troubles WHERE subject NOT IN (SELECT value FROM json_each(?1))",
                      "t", list);
}
