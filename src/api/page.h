#pragma once
/* A page of a list, cut into its rows without parsing them: json-c costs twenty times everything else in a
 * cycle, so only rows whose bytes are new are given to it. The cutter checks the structure around the rows;
 * json-c checks what is in them. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define PAGE_ROWS_MAX 10000U            /* a server that ignores `limit` may send a lot */

typedef struct PageRow {
        size_t offset, size;            /* in the body */
} PageRow;

typedef struct Page {
        Buf body;
        PageRow *rows;
        size_t n_rows;
        bool has_more;
} Page;

void page_done(Page *p);
/* Takes the body (also on failure). Rows that stand in an older page (NULL: none) are found at the cost of a
 * memcmp(). -EBADMSG with a reason (static) when it is no {"data":[{...},...]} object, -ENOMEM. */
int page_read(Buf *body, const Page *older, Page *ret, const char **ret_reason);

static inline const char *page_row_text(const Page *p, size_t i) {
        return p->body.data + p->rows[i].offset;
}
/* Whether the same bytes are a row of an older page, behind those that were found before: *hint (start with
 * 0) is where to go on. Pages shift, they are not shuffled; and two rows of the same bytes are two. */
bool page_holds_row(const Page *older, const Page *p, size_t i, size_t *hint);
