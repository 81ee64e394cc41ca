#include "engine/row_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/strings.h"

RowInfo *row_infos_free(RowInfo *infos, size_t n) {
        for (size_t i = 0; infos && i < n; i++)
                free(infos[i].id);
        free(infos);
        return NULL;
}

void row_cache_done(RowCache *c) {
        row_infos_free(c->infos, c->page.n_rows);
        page_done(&c->page);
        free(c->digest);
        *c = (RowCache) {};
}

bool row_cache_is_same(const RowCache *c, const Buf *body) {
        uint8_t digest[SHA256_SIZE];

        if (c->digest)
                return sha256(body->data, body->size, digest) >= 0 &&
                       memcmp(digest, c->digest, sizeof digest) == 0;
        return c->valid && c->page.body.size == body->size &&
               memcmp(c->page.body.data, body->data, body->size) == 0;
}

void row_cache_slim(RowCache *c) {
        _cleanup_free_ uint8_t *digest = NULL;

        if (!c->valid)
                return;
        digest = malloc(SHA256_SIZE);
        if (!digest || sha256(c->page.body.data, c->page.body.size, digest) < 0)
                return;
        row_cache_done(c);
        c->digest = TAKE_PTR(digest);
}

const RowInfo *row_cache_find(const RowCache *c, const Page *p, size_t i, size_t *hint) {
        if (!c->valid || !page_holds_row(&c->page, p, i, hint))
                return NULL;
        return &c->infos[*hint - 1];
}

bool row_cache_ends_nameless(const RowCache *c) {
        return c->valid && c->page.n_rows > 0 && !c->infos[c->page.n_rows - 1].id;
}

void row_cache_replace(RowCache *c, Page *p, RowInfo *infos) {
        row_cache_done(c);
        c->page = *p;
        c->infos = infos;
        c->valid = true;
        *p = (Page) {};
}

void row_infos_summarize(const RowInfo *infos, const Page *page, const char *after, WalkPage *ret) {
        ret->n_items = (unsigned) page->n_rows;
        ret->has_more = page->has_more;
        for (size_t i = 0; i < page->n_rows; i++) {
                if (after && streq_null(infos[i].id, after))
                        ret->holds_after = true;
                if (infos[i].at == 0)
                        continue;
                if (ret->first_at == 0)
                        ret->first_at = infos[i].at;
                ret->last_at = infos[i].at;
        }
        ret->last_id = page->n_rows > 0 ? infos[page->n_rows - 1].id : NULL;
}
