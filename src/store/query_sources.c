#include <stdlib.h>

#include "store/query_internal.h"

void source_counts_done(SourceCounts *sources) {
        for (size_t i = 0; i < sources->n; i++)
                free(sources->list[i].name);
        free(TAKE_PTR(sources->list));
        sources->n = 0;
}

int query_sources(Store *s, SourceCounts *ret) {
        _cleanup_(source_counts_done) SourceCounts rows = {};
        _cleanup_stmt_ sqlite3_stmt *stmt = NULL;

        int r = query_prepare(s,
                              "SELECT name, (SELECT count(*) FROM jobs WHERE source = sources.id AND"
                              " terminal = 0 AND removed_usec IS NULL) FROM sources ORDER BY name LIMIT ?1",
                              &stmt);
        if (r >= 0)
                r = query_bind_int(stmt, 1, (int64_t) QUERY_ROWS_MAX);
        if (r < 0)
                return r;
        while ((r = query_step(stmt)) > 0) {
                r = query_grow(&rows.list, rows.n, sizeof *rows.list);
                if (r < 0)
                        return r;
                SourceCount *row = &rows.list[rows.n++];
                r = query_column_string(stmt, 0, &row->name);
                if (r < 0)
                        return r;
                row->n_unfinished = sqlite3_column_int64(stmt, 1);
        }
        if (r < 0)
                return r;
        *ret = TAKE_STRUCT(rows);
        return 0;
}
