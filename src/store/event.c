#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "store/store_internal.h"

int store_event_add(Store *s, int64_t job, const Event *e, const uint8_t key[static EVENT_KEY_SIZE],
                    uint64_t walk, uint64_t *ret_walk) {
        _cleanup_json_ json_object *o = NULL;
        _cleanup_free_ char *body = NULL;
        int64_t seen_in;

        int r = event_to_json(e, &o);
        if (r >= 0)
                r = json_to_text(o, &body);
        if (r >= 0)
                r = db_run(
                        s->db,
                        "INSERT INTO events (job, key, walk, created_at, level, body) VALUES (?1, ?2, ?3, "
                        "?4, ?5, ?6) ON CONFLICT (job, key) DO NOTHING",
                        "ibiiit", job, key, (size_t) EVENT_KEY_SIZE, (int64_t) walk, e->created_at,
                        (int64_t) e->level, body);
        if (r < 0)
                return r;
        *ret_walk = walk;
        if (db_changes(s->db) > 0)
                return 1;
        r = db_get_int(s->db, &seen_in, "SELECT walk FROM events WHERE job = ?1 AND key = ?2", "ib", job,
                       key, (size_t) EVENT_KEY_SIZE);
        if (r <= 0)
                return r < 0 ? r : -EUCLEAN;
        *ret_walk = (uint64_t) seen_in;
        return 0;
}

static int event_read(const char *body, Event **ret) {
        _cleanup_json_ json_object *o = NULL;

        int r = json_parse_bounded(body, strlen(body), &o, NULL);
        if (r >= 0)
                r = event_from_json(o, ret);
        return r == -EBADMSG ? -EUCLEAN : r;
}

static void events_free(Event **list, size_t n) {
        for (size_t i = 0; i < n; i++)
                event_free(list[i]);
        free(list);
}

/* The inner query picks which (bad ones first, then the newest), the outer one puts them in order of time.
 * Metric events carry their text in the series already. */
int store_events_tail(Store *s, int64_t job, size_t n, Event ***ret, size_t *ret_n) {
        sqlite3_stmt *q;
        size_t got = 0;

        Event **list = calloc(n + 1, sizeof *list);
        if (!list)
                return -ENOMEM;
        int r = db_query(
                s->db, &q,
                "SELECT body FROM (SELECT body, created_at, id FROM events WHERE job = ?1"
                " AND iif(json_valid(body), json_extract(body, '$.type'), NULL) IS NOT 'metrics'"
                " ORDER BY level > 0 DESC, created_at DESC, id DESC LIMIT ?2) ORDER BY created_at, id",
                "ii", job, (int64_t) n);
        while (r >= 0 && (r = db_step(s->db, q)) > 0) {
                r = event_read(strempty(db_text(q, 0)), &list[got]);
                if (r < 0)
                        (void) sqlite3_reset(q);
                else
                        got++;
        }
        if (r < 0) {
                events_free(list, got);
                return r;
        }
        *ret = list;
        *ret_n = got;
        return 0;
}

int store_events_last_walk(Store *s, int64_t job, uint64_t *ret) {
        int64_t walk = 0;

        int r = db_get_int(s->db, &walk, "SELECT ifnull(max(walk), 0) FROM events WHERE job = ?1", "i", job);
        if (r < 0)
                return r;
        *ret = (uint64_t) walk;
        return 0;
}

int store_metric_put(Store *s, int64_t job, const char *name, int64_t step, double value) {
        if (metrics_value_is_missing(name, value))
                return 0;
        return db_run(s->db,
                      "INSERT OR REPLACE INTO metrics (job, name, step, value) VALUES (?1, ?2, ?3, ?4)",
                      "itid", job, name, step, value);
}

int store_metrics_load(Store *s, int64_t job, Metrics **ret) {
        _cleanup_(metrics_freep) Metrics *m = NULL;
        sqlite3_stmt *q;

        int r = metrics_new(&m);
        if (r >= 0)
                r = db_query(s->db, &q,
                             "SELECT name, step, value FROM metrics WHERE job = ?1 ORDER BY name, step", "i",
                             job);
        while (r >= 0 && (r = db_step(s->db, q)) > 0) {
                double v = sqlite3_column_type(q, 2) == SQLITE_NULL ? NAN : sqlite3_column_double(q, 2);
                r = metrics_add(m, strempty(db_text(q, 0)), sqlite3_column_int64(q, 1), v);
                if (r < 0)
                        (void) sqlite3_reset(q);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}
