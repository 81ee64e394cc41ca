#include "api/page.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/macro.h"

#define SKIPPED_MAX 4U /* rows that may be gone or changed before the one that is looked for */

typedef struct Cutter {
        const char *at, *end;
        const Page *older;
        size_t n_older;                 /* of its rows were passed */
        const char *reason;
} Cutter;

void page_done(Page *p) {
        buf_done(&p->body);
        free(p->rows);
        *p = (Page) {};
}

static bool cut_fail(Cutter *c, const char *reason) {
        if (!c->reason)
                c->reason = reason;
        return false;
}

static void cut_space(Cutter *c) {
        while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
                c->at++;
}

static bool cut_char(Cutter *c, char wanted) {
        cut_space(c);
        if (c->at == c->end || *c->at != wanted)
                return false;
        c->at++;
        return true;
}

/* Behind the closing quote. memchr() for the quote is what makes this fast. */
static bool cut_string(Cutter *c) {
        c->at++;
        for (;;) {
                const char *quote = memchr(c->at, '"', (size_t) (c->end - c->at));
                if (!quote)
                        return cut_fail(c, "a string without end");
                size_t n_backslashes = 0;
                while (quote - n_backslashes > c->at && quote[-1 - (ptrdiff_t) n_backslashes] == '\\')
                        n_backslashes++;
                c->at = quote + 1;
                if (n_backslashes % 2 == 0)
                        return true;
        }
}

/* An object or array, brackets matched, strings passed over. */
static bool cut_nested(Cutter *c) {
        char closing[JSON_DEPTH_MAX];
        size_t depth = 0;

        do {
                if (c->at == c->end)
                        return cut_fail(c, "truncated");
                switch (*c->at) {
                case '"':
                        if (!cut_string(c))
                                return false;
                        continue;
                case '{':
                case '[':
                        if (depth == JSON_DEPTH_MAX)
                                return cut_fail(c, "nested too deeply");
                        closing[depth++] = *c->at == '{' ? '}' : ']';
                        break;
                case '}':
                case ']':
                        if (*c->at != closing[--depth])
                                return cut_fail(c, "brackets that do not match");
                        break;
                default:
                        break;
                }
                c->at++;
        } while (depth > 0);
        return true;
}

/* An object ends at its own bracket: where the bytes of a known one stand, just that object stands. */
static bool cut_known(Cutter *c) {
        size_t end = c->older ? MIN(c->older->n_rows, c->n_older + SKIPPED_MAX) : 0;

        for (size_t i = c->n_older; i < end; i++) {
                size_t size = c->older->rows[i].size;
                if ((size_t) (c->end - c->at) < size || memcmp(page_row_text(c->older, i), c->at, size) != 0)
                        continue;
                c->at += size;
                c->n_older = i + 1;
                return true;
        }
        return false;
}

static bool cut_value(Cutter *c) {
        cut_space(c);
        if (c->at == c->end)
                return cut_fail(c, "truncated");
        if (*c->at == '"')
                return cut_string(c);
        if (*c->at == '{' || *c->at == '[')
                return cut_nested(c);
        size_t n = strcspn(c->at, ",]} \t\r\n");
        if (n == 0)
                return cut_fail(c, "a value is missing");
        c->at += n;
        return true;
}

static int cut_rows(Cutter *c, Page *p) {
        size_t capacity = 0;

        if (!cut_char(c, '['))
                return cut_fail(c, "data is no list"), -EBADMSG;
        if (cut_char(c, ']'))
                return 0;
        do {
                cut_space(c);
                const char *start = c->at;
                if (start == c->end || *start != '{')
                        return cut_fail(c, "a row of data is no object"), -EBADMSG;
                if (!cut_known(c) && !cut_nested(c))
                        return -EBADMSG;
                if (p->n_rows == PAGE_ROWS_MAX)
                        return cut_fail(c, "too many rows"), -EBADMSG;
                if (p->n_rows == capacity) {
                        capacity = capacity ? 2 * capacity : 16;
                        PageRow *rows = reallocarray(p->rows, capacity, sizeof *rows);
                        if (!rows)
                                return -ENOMEM;
                        p->rows = rows;
                }
                p->rows[p->n_rows++] =
                        (PageRow) { (size_t) (start - p->body.data), (size_t) (c->at - start) };
        } while (cut_char(c, ','));
        return cut_char(c, ']') ? 0 : (cut_fail(c, "truncated"), -EBADMSG);
}

static bool cut_is_word(const Cutter *c, const char *word) {
        size_t n = strlen(word);

        return (size_t) (c->end - c->at) >= n && memcmp(c->at, word, n) == 0;
}

static int cut_page(Cutter *c, Page *p) {
        enum { MORE_UNSAID, MORE_YES, MORE_NO } more = MORE_UNSAID;
        bool have_data = false;

        if (!cut_char(c, '{'))
                return cut_fail(c, c->at < c->end && *c->at == '<' ? "a web page instead of JSON"
                                                                   : "no JSON object"), -EBADMSG;
        if (!cut_char(c, '}')) {
                do {
                        cut_space(c);
                        const char *key = c->at;
                        if (key == c->end || *key != '"' || !cut_string(c))
                                return cut_fail(c, "a key is missing"), -EBADMSG;
                        size_t key_size = (size_t) (c->at - key);
                        if (!cut_char(c, ':'))
                                return cut_fail(c, "a value is missing"), -EBADMSG;
                        cut_space(c);
                        if (!have_data && key_size == 6 && memcmp(key, "\"data\"", 6) == 0) {
                                int r = cut_rows(c, p);
                                if (r < 0)
                                        return r;
                                have_data = true;
                                continue;
                        }
                        if (key_size == 10 && memcmp(key, "\"has_more\"", 10) == 0)
                                more = cut_is_word(c, "true") ? MORE_YES :
                                       cut_is_word(c, "false") ? MORE_NO : MORE_UNSAID;
                        if (!cut_value(c))
                                return -EBADMSG;
                } while (cut_char(c, ','));
                if (!cut_char(c, '}'))
                        return cut_fail(c, "truncated"), -EBADMSG;
        }
        cut_space(c);
        if (c->at != c->end)
                return cut_fail(c, "text behind the end"), -EBADMSG;
        /* A server that does not say may have more behind any row: only "false" ends a list, as in the
         * vendors' SDKs. */
        p->has_more = more == MORE_YES || (more == MORE_UNSAID && p->n_rows > 0);
        return have_data ? 0 : (cut_fail(c, "no data list"), -EBADMSG);
}

int page_read(Buf *body, const Page *older, Page *ret, const char **ret_reason) {
        Page p = { .body = *body };

        *body = BUF_INIT(p.body.limit);
        if (p.body.size == 0) {
                page_done(&p);
                *ret_reason = "an empty reply";
                return -EBADMSG;
        }
        Cutter c = { .at = p.body.data, .end = p.body.data + p.body.size, .older = older };
        int r = cut_page(&c, &p);
        if (r < 0) {
                *ret_reason = c.reason;
                page_done(&p);
                return r;
        }
        *ret = p;
        return 0;
}

bool page_holds_row(const Page *older, const Page *p, size_t i, size_t *hint) {
        const char *text = page_row_text(p, i);
        size_t size = p->rows[i].size;

        for (size_t j = *hint; j < older->n_rows; j++)
                if (older->rows[j].size == size && memcmp(page_row_text(older, j), text, size) == 0) {
                        *hint = j + 1;
                        return true;
                }
        return false;
}
