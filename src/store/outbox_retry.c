#include <errno.h>
#include <stdint.h>

#include "store/outbox.h"
#include "store/store_internal.h"

int store_notice_find(Store *s, const char *id, int64_t *ret_seq) {
        int64_t n = 0, seq = 0;

        int r = db_get_int(s->db, &n, "SELECT count(*) FROM notices WHERE substr(id, 1, length(?1)) = ?1",
                           "t", id);
        if (r >= 0 && n == 0)
                return -ENOENT;
        if (r >= 0 && n > 1)
                return -ENOTUNIQ;
        if (r >= 0)
                r = db_get_int(s->db, &seq, "SELECT seq FROM notices WHERE substr(id, 1, length(?1)) = ?1",
                               "t", id);
        if (r > 0)
                *ret_seq = seq;
        return r < 0 ? r : r > 0 ? 0 : -ENOENT;
}

/* As if it were new: its age and its attempts count from now on. */
int store_deliveries_retry(Store *s, int64_t notice, char *const *receivers, usec_t now_real_usec) {
        _cleanup_free_ char *names = NULL;

        int r = store_list_to_text(receivers, &names);
        if (r >= 0)
                r = db_run(
                        s->db,
                        "UPDATE deliveries SET created_usec = iif(state = 0, created_usec, ?2),"
                        " attempts = iif(state = 0, attempts, 0), due_usec = ?2, settled_usec = NULL,"
                        " degraded = iif(state = 0, degraded, 0), state = 0"
                        " WHERE notice = ?1 AND (state IN (3, 4) OR (state = 0 AND attempts > 0))"
                        " AND receiver IN (SELECT value FROM json_each(?3))",
                        "iit", notice, (int64_t) now_real_usec, names);
        return r < 0 ? r : (int) MIN(db_changes(s->db), INT32_MAX);
}

int store_deliveries_retry_dead(Store *s, const char *receiver_glob, usec_t since_real_usec,
                                char *const *receivers, usec_t now_real_usec) {
        _cleanup_free_ char *names = NULL;

        int r = store_list_to_text(receivers, &names);
        if (r >= 0)
                r = db_run(s->db,
                           "UPDATE deliveries SET created_usec = ?1, attempts = 0, due_usec = ?1,"
                           " settled_usec = NULL, degraded = 0, state = 0"
                           " WHERE state = 3 AND created_usec >= ?2 AND receiver GLOB ifnull(?3, '*')"
                           " AND receiver IN (SELECT value FROM json_each(?4))"
                           " AND (SELECT iif(json_valid(body), json_extract(body, '$.test'), NULL) IS NULL"
                           "      FROM notices WHERE seq = deliveries.notice)",
                           "iitt", (int64_t) now_real_usec, (int64_t) since_real_usec, receiver_glob, names);
        return r < 0 ? r : (int) MIN(db_changes(s->db), INT32_MAX);
}
