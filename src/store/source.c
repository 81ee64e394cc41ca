#include <errno.h>
#include <inttypes.h>
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

/* 1: there is a row of that name for that endpoint; 0: none of that name, or for another endpoint. */
static int source_is_there(Store *s, const SourceName *source) {
        int64_t one;

        return db_get_int(s->db, &one, "SELECT 1 FROM sources WHERE name = ?1 AND endpoint = ?2", "tt",
                          source->name, source->endpoint);
}

/* With what is wrong with it. */
static int source_set_name(Store *s, int64_t id, const char *name) {
        int r = db_run(s->db,
                       "UPDATE OR REPLACE troubles SET subject = 'source:' || ?2"
                       " WHERE subject = (SELECT 'source:' || name FROM sources WHERE id = ?1)",
                       "it", id, name);
        return r < 0 ? r : db_run(s->db, "UPDATE sources SET name = ?2 WHERE id = ?1", "it", id, name);
}

/* A row of this name for another endpoint holds another resource's jobs: it keeps them under a name nobody
 * configures. */
static int source_leave_behind(Store *s, const char *name) {
        _cleanup_free_ char *former = NULL;
        int64_t id;

        int r = db_get_int(s->db, &id, "SELECT id FROM sources WHERE name = ?1", "t", name);
        if (r <= 0)
                return r;
        r = string_printf(&former, "%s (former %" PRIi64 ")", name, id);
        return r < 0 ? r : source_set_name(s, id, former);
}

static bool name_is_configured(const SourceName *list, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (streq(list[i].name, name))
                        return true;
        return false;
}

/* The same resource under a name that is no longer configured was renamed. */
static int source_take_over(Store *s, const SourceName *source, const SourceName *list, size_t n) {
        sqlite3_stmt *q;
        int64_t id = 0;

        int r = db_query(s->db, &q, "SELECT id, name FROM sources WHERE endpoint = ?1 ORDER BY id DESC", "t",
                         source->endpoint);
        if (r < 0)
                return r;
        while ((r = db_step(s->db, q)) > 0)
                if (!name_is_configured(list, n, strempty(db_text(q, 1)))) {
                        id = sqlite3_column_int64(q, 0);
                        (void) sqlite3_reset(q);
                        break;
                }
        if (r < 0)
                return r;
        if (id > 0)
                return source_set_name(s, id, source->name);
        return db_run(s->db, "INSERT INTO sources (name, endpoint) VALUES (?1, ?2)", "tt", source->name,
                      source->endpoint);
}

/* First all names are freed that stand for another endpoint now: two sources may have swapped theirs. */
static int sources_reattach(Store *s, const SourceName *list, size_t n) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = source_is_there(s, &list[i]);
                if (r == 0)
                        r = source_leave_behind(s, list[i].name);
        }
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = source_is_there(s, &list[i]);
                if (r == 0)
                        r = source_take_over(s, &list[i], list, n);
        }
        return MIN(r, 0);
}

int store_sources_attach(Store *s, const SourceName *list, size_t n) {
        int r = 1;

        for (size_t i = 0; r > 0 && i < n; i++)
                r = source_is_there(s, &list[i]);
        if (r != 0)
                return MIN(r, 0);
        r = store_begin(s);
        if (r < 0)
                return r;
        r = sources_reattach(s, list, n);
        if (r < 0) {
                store_rollback(s);
                return r;
        }
        return store_commit(s);
}

int store_source_load(Store *s, const char *name, StoredSource *ret) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q,
                         "SELECT id, ifnull(baseline_at, 0), baseline_done, walk FROM sources"
                         " WHERE name = ?1", "t", name);
        if (r < 0)
                return r;
        r = db_step(s->db, q);
        return r > 0 ? source_read(q, ret) : r;
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

int store_shift_clock(Store *s, usec_t then_usec, int64_t step_usec) {
        /* How long an unfinished job has its status is compared with what was told of it. Of what is over
         * the stamps stay as they were made. */
        static const char *const updates[] = {
                "UPDATE jobs SET changed_usec = max(changed_usec + ?1, 1),"
                " tail_usec = max(tail_usec + ?1, 1) WHERE id IN"
                " (SELECT id FROM jobs WHERE terminal = 0 AND removed_usec IS NULL"
                " UNION SELECT id FROM jobs WHERE tail_usec IS NOT NULL)",
                "UPDATE deliveries SET created_usec = max(created_usec + ?1, 1),"
                " due_usec = max(due_usec + ?1, 1) WHERE state IN (0, 1)",
                "UPDATE vigils SET progress_usec = max(progress_usec + ?1, 1)",
                "UPDATE told SET told_usec = max(told_usec + ?1, 1)",
                "UPDATE troubles SET since_usec = max(since_usec + ?1, 1), told_usec = max(told_usec + "
                "?1, 1)",
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(updates); i++)
                r = db_run(s->db, updates[i], "i", step_usec);
        /* One that begins later was made by another clock: it is not to last for years. */
        return r < 0 ? r
                     : db_run(s->db,
                              "UPDATE silences SET since_usec = max(since_usec + ?1, 1),"
                              " until_usec = max(until_usec + ?1, 1) WHERE since_usec <= ?2",
                              "ii", step_usec, (int64_t) then_usec);
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
