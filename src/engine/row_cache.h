#pragma once
/* The last top page of a list with what its rows were, so that a page, or a row, whose bytes have not
 * changed is neither parsed nor looked up again. */

#include <stdbool.h>
#include <stdint.h>

#include "api/page.h"
#include "model/walk.h"

typedef struct RowInfo {
        char *id;                       /* NULL when the item has none */
        int64_t at;                     /* created_at; 0 unknown or not to be trusted */
} RowInfo;

typedef struct RowCache {
        Page page;
        RowInfo *infos;                 /* page.n_rows of them */
        bool valid;
        uint8_t *digest;                /* SHA-256, of a page that was let go; NULL: of none */
} RowCache;

void row_cache_done(RowCache *c);
bool row_cache_is_same(const RowCache *c, const Buf *body);
/* Keeps no more than what tells whether the page is still the same: a tenth of a kilobyte for ten. No row of
 * it is known any more. */
void row_cache_slim(RowCache *c);
/* What the i-th row of p was on the cached page, NULL when its bytes are new. */
const RowInfo *row_cache_find(const RowCache *c, const Page *p, size_t i, size_t *hint);
/* The last item has no id: there is no asking for what is behind it. */
bool row_cache_ends_nameless(const RowCache *c);
/* Takes both. */
void row_cache_replace(RowCache *c, Page *p, RowInfo *infos);

RowInfo *row_infos_free(RowInfo *infos, size_t n);
/* What the walk wants to know of a page besides how many of its rows were known; last_id is borrowed from
 * infos. */
void row_infos_summarize(const RowInfo *infos, const Page *page, const char *after, WalkPage *ret);
