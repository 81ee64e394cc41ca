/* ftwatchctl notices */

#include <errno.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/ctl.h"
#include "ctl/format.h"
#include "ctl/parts.h"
#include "ctl/table.h"

#define LIMIT_FOR_PEOPLE 50

static const Column columns[] = {
        { .title = "TIME", .drop = 3 },
        { .title = "WHEN", .instead = true },
        { .title = "TYPE" },
        { .title = "SOURCE", .width_min = 8, .drop = 2 },
        { .title = "ABOUT", .width_min = 12 },
        { .title = "WHAT", .width_min = 12, .drop = 1 },
        { .title = "TOLD", .width_min = 12, .wrap = true, .list = true },
};

static int add_notice(const Ctl *c, Table *table, const NoticeRow *row) {
        const Notice *n = row->notice;
        _cleanup_free_ char *told = NULL, *text = NULL;
        char stamp[STAMP_MAX], age[AGE_MAX];

        int r = format_deliveries(c, &row->deliveries, &told);
        if (r >= 0)
                r = format_notice_text(n, &text);
        if (r < 0)
                return r;
        table_add(table, STYLE_DIM, format_stamp(n->created_usec, stamp));
        table_add(table, STYLE_DIM, format_age(c->now_usec, n->created_usec, age));
        table_add(table, notice_style(n->type), notice_type_info(n->type)->name);
        table_add(table, STYLE_NONE, row->source);
        table_add(table, STYLE_STRONG, notice_subject(n));
        table_add(table, STYLE_NONE, text);
        if (row->deliveries.n == 0)
                table_add(table, STYLE_DIM, row->enriching ? "fetching details" : "nobody");
        else
                table_add(table, STYLE_NONE, told);
        return 0;
}

static int print_table(const Ctl *c, const NoticeRows *notices) {
        _cleanup_(table_freep) Table *table = NULL;

        int r = table_new(&c->out, columns, ARRAY_SIZE(columns), &table);
        for (size_t i = 0; r >= 0 && i < notices->n; i++)
                r = add_notice(c, table, &notices->list[i]);
        return r < 0 ? r : table_print(table, 0, false);
}

static int print_json(Ctl *c, const NoticeRows *notices) {
        _cleanup_json_ json_object *list = NULL;

        int r = ctl_json_notices(notices, &list);
        return r < 0 ? r : ctl_print_json(c, TAKE_PTR(list));
}

int verb_notices(Ctl *c, const char *argument _unused_) {
        _cleanup_(notice_rows_done) NoticeRows notices = {};
        NoticeQuery q = {
                .source = c->options.source,
                .type = c->options.type,
                .since_usec = c->since_usec,
                .limit = ctl_limit(c, LIMIT_FOR_PEOPLE),
        };

        int r = query_notices(c->store, &q, &notices);
        if (r >= 0 && c->options.json)
                r = print_json(c, &notices);
        else if (r >= 0 && notices.n > 0)
                r = print_table(c, &notices);
        if (r < 0)
                return ctl_fail_errno(c, r, "list the notices");
        if (notices.n == 0 && !c->options.json)
                ctl_note(c, c->options.given ? "no such notice" : "nothing was worth telling yet");
        ctl_note_more(c, notices.more, notices.n, "notices");
        return CTL_OK;
}
