#include "store/vigil.h"

#include "base/strings.h"
#include "store/store_internal.h"

static const char *kind_name(VigilKind kind) {
        return notice_type_info(vigil_kind_type(kind))->name;
}

static int load_told(Store *s, int64_t job, Vigil *v) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q, "SELECT type, spell, n, told_usec FROM told WHERE job = ?1", "i", job);
        while (r >= 0 && (r = db_step(s->db, q)) > 0)
                for (VigilKind kind = 0; kind < _VIGIL_KIND_MAX; kind++)
                        if (streq(strempty(db_text(q, 0)), kind_name(kind)))
                                v->told[kind] = (VigilTold) {
                                        .spell = sqlite3_column_int64(q, 1),
                                        .n = sqlite3_column_int64(q, 2),
                                        .told_usec = (usec_t) sqlite3_column_int64(q, 3),
                                };
        return r;
}

int store_vigil_load(Store *s, int64_t job, Vigil *v) {
        sqlite3_stmt *q;

        int r = db_query(s->db, &q, "SELECT progress_usec, estimate_wild FROM vigils WHERE job = ?1", "i",
                         job);
        if (r < 0)
                return r;
        r = db_step(s->db, q);
        if (r <= 0)
                return r;
        v->progress_usec = (usec_t) sqlite3_column_int64(q, 0);
        v->estimate_wild = sqlite3_column_int(q, 1) != 0;
        (void) sqlite3_reset(q);
        r = load_told(s, job, v);
        return r < 0 ? r : 1;
}

int store_vigil_progress(Store *s, int64_t job, usec_t now_real_usec) {
        return db_run(s->db,
                      "INSERT INTO vigils (job, progress_usec) VALUES (?1, ?2)"
                      " ON CONFLICT (job) DO UPDATE SET progress_usec = excluded.progress_usec", "ii", job,
                      (int64_t) now_real_usec);
}

int store_vigil_set_wild(Store *s, int64_t job) {
        return db_run(s->db, "UPDATE vigils SET estimate_wild = 1 WHERE job = ?1", "i", job);
}

int store_vigil_told(Store *s, int64_t job, VigilKind kind, const VigilTold *told) {
        return db_run(s->db,
                      "INSERT OR REPLACE INTO told (job, type, spell, n, told_usec)"
                      " VALUES (?1, ?2, ?3, ?4, ?5)", "itiii", job, kind_name(kind), told->spell, told->n,
                      (int64_t) told->told_usec);
}

int store_vigil_running(Store *s, int64_t source, unsigned *ret) {
        int64_t n = 0;

        int r = db_get_int(s->db, &n,
                           "SELECT count(*) FROM jobs INDEXED BY jobs_unfinished WHERE source = ?1"
                           " AND terminal = 0 AND removed_usec IS NULL AND status = 'running'", "i", source);
        if (r >= 0)
                *ret = (unsigned) n;
        return r;
}
