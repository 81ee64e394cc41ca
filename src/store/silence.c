#include "store/silence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "model/delivery.h"
#include "store/store_internal.h"

#define SILENCES_MAX 1000               /* in force at once; a person makes them */

static int silence_read(sqlite3_stmt *q, Silence *ret) {
        Silence one = {
                .id = sqlite3_column_int64(q, 0),
                .since_usec = (usec_t) sqlite3_column_int64(q, 4),
                .until_usec = (usec_t) sqlite3_column_int64(q, 5),
                .n_silenced = (uint64_t) sqlite3_column_int64(q, 6),
        };

        int r = silence_kind_from_string(strempty(db_text(q, 1)), &one.kind);
        if (r >= 0)
                r = free_and_strdup(&one.pattern, strempty(db_text(q, 2)));
        if (r >= 0)
                r = free_and_strdup(&one.comment, db_text(q, 3));
        if (r < 0) {
                silence_done(&one);
                return r;
        }
        *ret = one;
        return 0;
}

static Silences silences_take(Silences *s) {
        Silences taken = *s;

        *s = (Silences) {};
        return taken;
}

int store_silences_load(Store *s, Silences *ret) {
        _cleanup_(silences_done) Silences all = {};
        sqlite3_stmt *q;

        all.list = calloc(SILENCES_MAX, sizeof *all.list);
        if (!all.list)
                return -ENOMEM;
        int r = db_query(s->db, &q, "SELECT id, kind, pattern, comment, since_usec, until_usec, n_silenced"
                                    " FROM silences ORDER BY id LIMIT ?1", "i", (int64_t) SILENCES_MAX);
        while (r >= 0 && (r = db_step(s->db, q)) > 0) {
                r = silence_read(q, &all.list[all.n]);
                if (r < 0)
                        (void) sqlite3_reset(q);
                else
                        all.n++;
        }
        if (r < 0)
                return r;
        *ret = silences_take(&all);
        return 0;
}

int store_silence_add(Store *s, Silence *silence) {
        int64_t n = 0;

        int r = db_get_int(s->db, &n, "SELECT count(*) FROM silences", "");
        if (r >= 0 && n >= SILENCES_MAX)
                return -ENOBUFS;
        if (r >= 0)
                r = db_run(s->db, "INSERT INTO silences (kind, pattern, comment, since_usec, until_usec)"
                                  " VALUES (?1, ?2, ?3, ?4, ?5)", "tttii",
                           silence_kind_to_string(silence->kind), silence->pattern, silence->comment,
                           (int64_t) silence->since_usec, (int64_t) silence->until_usec);
        if (r >= 0)
                silence->id = db_last_id(s->db);
        return MIN(r, 0);
}

int store_silence_remove(Store *s, int64_t id) {
        return db_run(s->db, "DELETE FROM silences WHERE id = ?1", "i", id);
}

int store_silence_count(Store *s, int64_t id) {
        return db_run(s->db, "UPDATE silences SET n_silenced = n_silenced + 1 WHERE id = ?1", "i", id);
}

int store_delivery_add_silenced(Store *s, int64_t notice, const char *receiver, const Silence *silence,
                                usec_t created_usec) {
        _cleanup_free_ char *detail = NULL;

        int r = string_printf(&detail, "silence %lld: %s %s", (long long) silence->id,
                              silence_kind_to_string(silence->kind), silence->pattern);
        return r < 0 ? r
                     : db_run(s->db,
                              "INSERT OR IGNORE INTO deliveries (notice, receiver, state, created_usec,"
                              " due_usec, settled_usec, detail)"
                              " VALUES (?1, ?2, ?3, ?4, ?4, ?4, ?5)",
                              "itiit", notice, receiver, (int64_t) DELIVERY_SILENCED, (int64_t) created_usec,
                              detail);
}
