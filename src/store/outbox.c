#include "store/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "store/store_internal.h"

static int notice_body(const Notice *n, char **ret) {
        _cleanup_json_ json_object *o = NULL;

        int r = notice_to_json(n, &o);
        return r < 0 ? r : json_to_text(o, ret);
}

int store_notice_add(Store *s, const Notice *n, int64_t source, int64_t job, bool enrich, int64_t *ret_seq) {
        _cleanup_free_ char *body = NULL;

        int r = notice_body(n, &body);
        if (r >= 0)
                r = db_run(
                        s->db,
                        "INSERT OR IGNORE INTO notices (id, type, source, job, created_usec, enrich, body) "
                        "VALUES (?1, ?2, nullif(?3, 0), nullif(?4, 0), ?5, ?6, ?7)",
                        "ttiiiit", n->id, notice_type_info(n->type)->name, source, job,
                        (int64_t) n->created_usec, (int64_t) enrich, body);
        if (r < 0)
                return r;
        if (db_changes(s->db) == 0)
                return 0;
        *ret_seq = db_last_id(s->db);
        return 1;
}

int store_notice_load(Store *s, int64_t seq, Notice **ret) {
        _cleanup_(notice_freep) Notice *n = NULL;
        _cleanup_json_ json_object *o = NULL;
        sqlite3_stmt *q;

        int r = db_query(s->db, &q, "SELECT id, type, created_usec, body FROM notices WHERE seq = ?1", "i",
                         seq);
        if (r < 0)
                return r;
        r = db_step(s->db, q);
        if (r <= 0)
                return r;
        const char *id = strempty(db_text(q, 0)), *body = strempty(db_text(q, 3));
        NoticeType type = notice_type_from_string(strempty(db_text(q, 1)));
        r = type == _NOTICE_TYPE_INVALID || strlen(id) >= NOTICE_ID_SIZE ? -EBADMSG :
            json_parse_bounded(body, strlen(body), &o, NULL);
        if (r >= 0)
                r = notice_from_json(o, &n);
        if (r >= 0) {
                memcpy(n->id, id, strlen(id) + 1);
                n->type = type;
                n->created_usec = (usec_t) sqlite3_column_int64(q, 2);
                *ret = TAKE_PTR(n);
        }
        (void) sqlite3_reset(q);
        return r < 0 ? r : 1;
}

int store_notice_load_latest(Store *s, int64_t job, NoticeType type, Notice **ret) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q,
                         "SELECT seq FROM notices WHERE job = ?1 AND type = ?2 ORDER BY seq DESC LIMIT 1",
                         "it", job, notice_type_info(type)->name);
        if (r < 0)
                return r;
        r = db_step(s->db, q);
        if (r <= 0)
                return r;
        int64_t seq = sqlite3_column_int64(q, 0);
        (void) sqlite3_reset(q);
        return store_notice_load(s, seq, ret);
}

int store_notice_complete(Store *s, int64_t seq, const Notice *n, usec_t due_real_usec) {
        _cleanup_free_ char *body = NULL;

        int r = notice_body(n, &body);
        if (r >= 0)
                r = db_run(s->db, "UPDATE notices SET body = ?2, enrich = 0 WHERE seq = ?1 AND enrich = 1",
                           "it", seq, body);
        if (r < 0 || db_changes(s->db) == 0)
                return r;
        r = db_run(s->db,
                   "UPDATE deliveries SET due_usec = ?2 WHERE notice = ?1 AND state = 0 AND attempts = 0",
                   "ii", seq, (int64_t) due_real_usec);
        return r < 0 ? r : 1;
}

int store_notice_waits(Store *s, int64_t seq) {
        int64_t one;

        return db_get_int(s->db, &one, "SELECT 1 FROM notices WHERE seq = ?1 AND enrich = 1", "i", seq);
}

int store_notice_stop_waiting(Store *s, int64_t seq) {
        return db_run(s->db, "UPDATE notices SET enrich = 0 WHERE enrich = 1 AND seq = ?1", "i", seq);
}

int store_notices_to_enrich(Store *s, PendingNotice **ret, size_t *ret_n) {
        _cleanup_free_ PendingNotice *list = NULL;
        size_t n = 0;
        sqlite3_stmt *q;

        int r = db_query(s->db, &q, "SELECT seq, source, job FROM notices WHERE enrich = 1 ORDER BY seq",
                         "");
        if (r < 0)
                return r;
        while ((r = db_step(s->db, q)) > 0) {
                PendingNotice *grown = reallocarray(list, n + 1, sizeof *list);
                if (!grown) {
                        (void) sqlite3_reset(q);
                        return -ENOMEM;
                }
                list = grown;
                list[n++] = (PendingNotice) { sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1),
                                             sqlite3_column_int64(q, 2) };
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        *ret_n = n;
        return 0;
}

int store_delivery_add(Store *s, int64_t notice, const char *receiver, int64_t line, usec_t created_usec,
                       usec_t due_usec) {
        return db_run(
                s->db,
                "INSERT OR IGNORE INTO deliveries (notice, receiver, line, state, created_usec, due_usec) "
                "VALUES (?1, ?2, nullif(?3, 0), 0, ?4, ?5)",
                "itiii", notice, receiver, line, (int64_t) created_usec, (int64_t) due_usec);
}

void delivery_done(Delivery *d) {
        buf_done(&d->body);
}

int store_deliveries_reset(Store *s) {
        return db_run(s->db, "UPDATE deliveries SET state = 0 WHERE state IN (0, 1) AND state = 1", "");
}

/* SQLite takes a partial index only where the query repeats the index's own condition word for word. INDEXED
 * BY: should that ever not fit, the query fails instead of walking through all that was ever sent. */
int store_delivery_next(Store *s, const char *receiver, usec_t before_real_usec, Delivery *ret) {
        sqlite3_stmt *q;

        int r = db_query(
                s->db, &q,
                "SELECT seq, notice, ifnull(line, 0), attempts, created_usec, due_usec, degraded,"
                " ifnull(kind, '') FROM "
                "deliveries d INDEXED BY deliveries_owed "
                "WHERE receiver = ?1 AND state IN (0, 1) AND state = 0 AND due_usec <= ?2"
                " AND (line IS NULL OR NOT EXISTS ("
                " SELECT 1 FROM deliveries e WHERE e.receiver = ?1 AND e.line = d.line AND e.seq < d.seq"
                " AND e.state IN (0, 1))) ORDER BY due_usec, seq LIMIT 1",
                "ti", receiver, (int64_t) MIN(before_real_usec, (usec_t) INT64_MAX));
        if (r < 0)
                return r;
        r = db_step(s->db, q);
        if (r <= 0)
                return r;
        *ret = (Delivery) {
                .seq = sqlite3_column_int64(q, 0),
                .notice = sqlite3_column_int64(q, 1),
                .line = sqlite3_column_int64(q, 2),
                .attempts = (uint64_t) sqlite3_column_int64(q, 3),
                .created_usec = (usec_t) sqlite3_column_int64(q, 4),
                .due_usec = (usec_t) sqlite3_column_int64(q, 5),
                .degraded = sqlite3_column_int(q, 6) != 0,
                .body = BUF_INIT(DELIVERY_BODY_MAX),
        };
        (void) snprintf(ret->kind, sizeof ret->kind, "%s", strempty(db_text(q, 7)));
        (void) sqlite3_reset(q);
        return 1;
}

int store_delivery_body(Store *s, int64_t seq, Buf *ret) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q, "SELECT body FROM deliveries WHERE seq = ?1 AND body IS NOT NULL", "i",
                         seq);
        if (r < 0)
                return r;
        r = db_step(s->db, q);
        if (r <= 0)
                return r;
        buf_reset(ret);
        const void *data = sqlite3_column_blob(q, 0);
        r = data ? buf_append(ret, data, (size_t) sqlite3_column_bytes(q, 0)) : 0;
        (void) sqlite3_reset(q);
        return r < 0 ? r : 1;
}

int store_delivery_claim(Store *s, int64_t seq, const Buf *body, const char *kind, bool degraded) {
        /* Its contents are final once somebody may have seen them. */
        int r = db_run(s->db, "UPDATE notices SET enrich = 0 WHERE enrich = 1 AND seq ="
                       " (SELECT notice FROM deliveries WHERE seq = ?1)", "i", seq);
        if (r < 0)
                return r;
        if (!body)
                return db_run(s->db,
                              "UPDATE deliveries SET state = 1, attempts = attempts + 1 WHERE seq = ?1", "i",
                              seq);
        return db_run(
                s->db,
                "UPDATE deliveries SET state = 1, attempts = attempts + 1, body = ?2, degraded = ?3,"
                " kind = ?4 WHERE seq = ?1",
                "ibit", seq, body->data, body->size, (int64_t) degraded, kind);
}

int store_delivery_settle(Store *s, int64_t seq, const DeliveryVerdict *verdict, const Outcome *outcome,
                          usec_t now_real_usec) {
        bool ok = verdict->state == DELIVERY_DONE;

        if (verdict->state == DELIVERY_PENDING)
                return db_run(
                        s->db,
                        "UPDATE deliveries SET state = 0, due_usec = ?2, reason = ?3, detail = ?4, "
                        "degraded = max(degraded, ?5),"
                        " body = CASE ?5 > degraded WHEN 1 THEN NULL ELSE body END WHERE seq = ?1",
                        "iitti", seq, (int64_t) verdict->due_usec, reason_to_string(verdict->reason),
                        outcome->detail, (int64_t) verdict->degrade);
        return db_run(
                s->db,
                "UPDATE deliveries SET state = ?2, settled_usec = ?3, reason = ?4, detail = ?5, body = NULL "
                "WHERE seq = ?1",
                "iiitt", seq, (int64_t) verdict->state, (int64_t) now_real_usec,
                ok ? NULL : reason_to_string(verdict->reason), ok ? NULL : outcome->detail);
}

int store_deliveries_hasten(Store *s, const char *receiver, usec_t now_real_usec) {
        return db_run(s->db,
                      "UPDATE deliveries INDEXED BY deliveries_owed SET due_usec = ?2 WHERE receiver = ?1"
                      " AND state IN (0, 1) AND state = 0 AND attempts > 0 AND due_usec > ?2",
                      "ti", receiver, (int64_t) now_real_usec);
}

int store_deliveries_abandon(Store *s, char *const *receivers, usec_t before_real_usec,
                             usec_t now_real_usec) {
        _cleanup_free_ char *names = NULL;

        int r = store_list_to_text(receivers, &names);
        if (r >= 0)
                r = db_run(
                        s->db,
                        "UPDATE deliveries SET state = 3, settled_usec = ?3, reason = 'expired',"
                        " body = NULL, detail = 'the receiver is no longer configured' WHERE state IN (0, 1)"
                        " AND created_usec < ?2 AND receiver NOT IN (SELECT value FROM json_each(?1))",
                        "tii", names, (int64_t) before_real_usec, (int64_t) now_real_usec);
        return r < 0 ? r : (int) MIN(db_changes(s->db), INT32_MAX);
}

int store_deliveries_count(Store *s, uint64_t *ret_owed) {
        int64_t n = 0;

        int r = db_get_int(s->db, &n, "SELECT count(*) FROM deliveries WHERE state IN (0, 1)", "");
        if (r < 0)
                return r;
        *ret_owed = (uint64_t) n;
        return 0;
}
