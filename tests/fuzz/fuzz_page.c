/* A page of a list: any bytes. What is cut lies within the body, in order, and every row begins and ends as
 * an object. */
#include <stdint.h>
#include <stdlib.h>

#include "api/page.h"
#include "base/json.h"
#include "model/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_row(const Page *p, size_t i) {
        _cleanup_json_ json_object *o = NULL;
        _cleanup_(job_freep) Job *job = NULL;
        _cleanup_(event_freep) Event *event = NULL;
        const PageRow *row = &p->rows[i];

        if (row->size < 2 || row->offset + row->size > p->body.size ||
            (i > 0 && row->offset < p->rows[i - 1].offset + p->rows[i - 1].size))
                abort();
        const char *text = page_row_text(p, i);
        if (text[0] != '{' || text[row->size - 1] != '}')
                abort();
        if (json_parse_bounded(text, row->size, &o, NULL) < 0)
                return;
        (void) job_from_json(o, &job);
        (void) event_from_json(o, &event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(buf_done) Buf body = BUF_INIT(16U * 1024 * 1024);
        _cleanup_(buf_done) Buf copy = BUF_INIT(16U * 1024 * 1024);
        _cleanup_(page_done) Page page = {}, again = {};
        const char *reason = NULL;
        size_t hint = 0;

        if (buf_append(&body, data, size) < 0 || buf_append(&copy, data, size) < 0)
                return 0;
        if (page_read(&body, NULL, &page, &reason) < 0) {
                if (!reason)
                        abort();
                return 0;
        }
        if (page_read(&copy, &page, &again, &reason) < 0 || again.n_rows != page.n_rows)
                abort();
        for (size_t i = 0; i < page.n_rows; i++) {
                check_row(&page, i);
                if (!page_holds_row(&page, &page, i, &hint))
                        abort();
        }
        return 0;
}
