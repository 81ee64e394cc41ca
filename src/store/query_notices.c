/* Notices, their deliveries, and what is wrong now. Read newest first until the limit is full, handed
 * over newest last. */

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/strings.h"
#include "store/query_internal.h"

#define SQL_LIMIT 4096U
#define NOTICE_COLUMNS "n.id, n.type, n.created_usec, n.body, s.name"
#define SELECT_NOTICES "SELECT n.seq, n.enrich, " NOTICE_COLUMNS " FROM notices n" \
                       " LEFT JOIN sources s ON s.id = n.source"
#define DELIVERY_COLUMNS "d.receiver, d.state, d.attempts, d.created_usec, d.due_usec, d.settled_usec," \
                         " d.reason, d.detail, d.degraded, p.due"
#define N_DELIVERY_COLUMNS 10
/* When a receiver that fails is tried again: until then all that is owed to it waits. */
#define JOIN_PROBES " LEFT JOIN (SELECT receiver, min(due_usec) AS due FROM deliveries" \
                    " WHERE state IN (0, 1) AND attempts > 0 GROUP BY receiver) p ON p.receiver = d.receiver"

static void delivery_row_done(DeliveryRow *d) {
        free(d->receiver);
        free(d->reason);
        free(d->detail);
        free(d->source);
        (void) notice_free(d->notice);
}

void delivery_rows_done(DeliveryRows *deliveries) {
        for (size_t i = 0; i < deliveries->n; i++)
                delivery_row_done(&deliveries->list[i]);
        free(TAKE_PTR(deliveries->list));
        deliveries->n = 0;
}

static void notice_row_done(NoticeRow *n) {
        free(n->source);
        (void) notice_free(n->notice);
        delivery_rows_done(&n->deliveries);
}

void notice_rows_done(NoticeRows *notices) {
        for (size_t i = 0; i < notices->n; i++)
                notice_row_done(&notices->list[i]);
        free(TAKE_PTR(notices->list));
        notices->n = 0;
}

static int append_delivery(sqlite3_stmt *stmt, DeliveryRows *rows) {
        int r = query_grow(&rows->list, rows->n, sizeof *rows->list);
        if (r < 0)
                return r;
        DeliveryRow *d = &rows->list[rows->n++];
        r = query_column_string(stmt, 0, &d->receiver);
        if (r >= 0)
                r = query_column_string(stmt, 6, &d->reason);
        if (r >= 0)
                r = query_column_string(stmt, 7, &d->detail);
        if (r < 0)
                return r;
        int64_t state = sqlite3_column_int64(stmt, 1);
        if (state < DELIVERY_PENDING || state > DELIVERY_SILENCED)
                return -EUCLEAN;
        d->state = (DeliveryState) state;
        d->attempts = sqlite3_column_int64(stmt, 2);
        d->created_usec = query_column_usec(stmt, 3);
        d->due_usec = query_column_usec(stmt, 4);
        d->settled_usec = query_column_usec(stmt, 5);
        d->degraded = sqlite3_column_int(stmt, 8) != 0;
        usec_t probe = query_column_usec(stmt, 9);
        d->waits = d->state == DELIVERY_PENDING && d->attempts == 0 && probe > d->due_usec;
        if (d->waits)
                d->due_usec = probe;
        return 0;
}

/* --- notices --------------------------------------------------------------------------------------- */

static int read_deliveries_of(sqlite3_stmt *stmt, int64_t notice, DeliveryRows *rows) {
        int r = db_errno(sqlite3_reset(stmt));
        if (r >= 0)
                r = query_bind_int(stmt, 1, notice);
        if (r >= 0)
                r = query_bind_int(stmt, 2, (int64_t) QUERY_ROWS_MAX);
        if (r < 0)
                return r;
        while ((r = query_step(stmt)) > 0) {
                r = append_delivery(stmt, rows);
                if (r < 0)
                        return r;
        }
        return r;
}

static int ask_notices(Store *s, const NoticeQuery *q, sqlite3_stmt **ret) {
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;

        int r = query_prepare(s, q->job ? SELECT_NOTICES " WHERE n.job = ?3 AND n.created_usec >= ?1"
                                                         " ORDER BY n.seq DESC LIMIT ?2"
                                        : SELECT_NOTICES " WHERE n.created_usec >= ?1"
                                                         " ORDER BY n.seq DESC LIMIT ?2", &stmt);
        if (r >= 0)
                r = query_bind_int(stmt, 1, (int64_t) q->since_usec);
        if (r >= 0)
                r = query_bind_int(stmt, 2, (int64_t) QUERY_ROWS_MAX);
        if (r >= 0 && q->job)
                r = query_bind_int(stmt, 3, q->job);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(stmt);
        return 0;
}

static bool notice_is_meant(const NoticeQuery *q, sqlite3_stmt *stmt) {
        return query_glob(q->type, db_text(stmt, 3)) &&
               query_glob(q->source, db_text(stmt, 6));
}

int query_notices(Store *s, const NoticeQuery *q, NoticeRows *ret) {
        _cleanup_(notice_rows_done) NoticeRows rows = {};
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL, *deliveries = NULL;
        size_t limit = query_limit(q->limit);

        int r = ask_notices(s, q, &stmt);
        if (r >= 0)
                r = query_prepare(s, "SELECT " DELIVERY_COLUMNS " FROM deliveries d" JOIN_PROBES
                                     " WHERE d.notice = ?1 ORDER BY d.receiver LIMIT ?2", &deliveries);
        if (r < 0)
                return r;
        while ((r = query_step(stmt)) > 0) {
                if (!notice_is_meant(q, stmt))
                        continue;
                if (rows.n == limit) {
                        rows.more = true;
                        break;
                }
                _cleanup_(notice_freep) Notice *n = NULL;
                r = query_column_notice(stmt, 2, &n);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        continue;               /* of a newer or a damaged writer; the others can be read */
                r = query_grow(&rows.list, rows.n, sizeof *rows.list);
                if (r < 0)
                        return r;
                NoticeRow *row = &rows.list[rows.n++];
                row->notice = TAKE_PTR(n);
                row->enriching = sqlite3_column_int(stmt, 1) == 1;
                r = query_column_string(stmt, 6, &row->source);
                if (r >= 0)
                        r = read_deliveries_of(deliveries, sqlite3_column_int64(stmt, 0), &row->deliveries);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        query_reverse(rows.list, rows.n, sizeof *rows.list);
        *ret = TAKE_STRUCT(rows);
        return 0;
}

/* --- deliveries ------------------------------------------------------------------------------------ */

static int ask_deliveries(Store *s, const DeliveryQuery *q, sqlite3_stmt **ret) {
        const unsigned owed = 1U << DELIVERY_PENDING | 1U << DELIVERY_INFLIGHT;
        _cleanup_(buf_done) Buf sql = BUF_INIT(SQL_LIMIT);
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;

        (void) buf_puts(&sql, "SELECT " DELIVERY_COLUMNS ", " NOTICE_COLUMNS " FROM deliveries d"
                              " JOIN notices n ON n.seq = d.notice LEFT JOIN sources s ON s.id = n.source"
                              JOIN_PROBES " WHERE d.created_usec >= ?1");
        /* In the words of the partial index, so that what is owed is found without what is done. */
        if (q->states && !(q->states & ~owed))
                (void) buf_puts(&sql, " AND d.state IN (0, 1)");
        if (q->states)
                (void) buf_puts(&sql, " AND (1 << d.state) & ?3");
        (void) buf_puts(&sql, " ORDER BY d.seq DESC LIMIT ?2");
        int r = sql.error;
        if (r >= 0)
                r = query_prepare(s, buf_string(&sql), &stmt);
        if (r >= 0)
                r = query_bind_int(stmt, 1, (int64_t) q->since_usec);
        if (r >= 0)
                r = query_bind_int(stmt, 2, (int64_t) QUERY_ROWS_MAX);
        if (r >= 0 && q->states)
                r = query_bind_int(stmt, 3, q->states);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(stmt);
        return 0;
}

int query_deliveries(Store *s, const DeliveryQuery *q, DeliveryRows *ret) {
        _cleanup_(delivery_rows_done) DeliveryRows rows = {};
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;
        size_t limit = query_limit(q->limit);

        int r = ask_deliveries(s, q, &stmt);
        if (r < 0)
                return r;
        while ((r = query_step(stmt)) > 0) {
                const int source = N_DELIVERY_COLUMNS + 4;
                if (!query_glob(q->receiver, db_text(stmt, 0)) ||
                    !query_glob(q->source, db_text(stmt, source)))
                        continue;
                if (rows.n == limit) {
                        rows.more = true;
                        break;
                }
                _cleanup_(notice_freep) Notice *n = NULL;
                r = query_column_notice(stmt, N_DELIVERY_COLUMNS, &n);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        continue;
                r = append_delivery(stmt, &rows);
                if (r < 0)
                        return r;
                rows.list[rows.n - 1].notice = TAKE_PTR(n);
                r = query_column_string(stmt, source, &rows.list[rows.n - 1].source);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        query_reverse(rows.list, rows.n, sizeof *rows.list);
        *ret = TAKE_STRUCT(rows);
        return 0;
}

/* --- troubles -------------------------------------------------------------------------------------- */

void trouble_rows_done(TroubleRows *troubles) {
        for (size_t i = 0; i < troubles->n; i++) {
                free(troubles->list[i].subject);
                free(troubles->list[i].reason);
        }
        free(TAKE_PTR(troubles->list));
        troubles->n = 0;
}

int query_troubles(Store *s, TroubleRows *ret) {
        _cleanup_(trouble_rows_done) TroubleRows rows = {};
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;

        int r = query_prepare(s, "SELECT subject, reason, since_usec FROM troubles"
                                 " WHERE subject NOT LIKE 'refused:%' ORDER BY subject LIMIT ?1", &stmt);
        if (r >= 0)
                r = query_bind_int(stmt, 1, (int64_t) QUERY_ROWS_MAX);
        if (r < 0)
                return r;
        while ((r = query_step(stmt)) > 0) {
                r = query_grow(&rows.list, rows.n, sizeof *rows.list);
                if (r < 0)
                        return r;
                TroubleRow *t = &rows.list[rows.n++];
                r = query_column_string(stmt, 0, &t->subject);
                if (r >= 0)
                        r = query_column_string(stmt, 1, &t->reason);
                if (r < 0)
                        return r;
                t->since_usec = query_column_usec(stmt, 2);
        }
        if (r < 0)
                return r;
        *ret = TAKE_STRUCT(rows);
        return 0;
}
