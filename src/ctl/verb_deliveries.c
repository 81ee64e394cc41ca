/* ftwatchctl deliveries */

#include <errno.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/ctl.h"
#include "ctl/format.h"
#include "ctl/parts.h"
#include "ctl/table.h"

#define LIMIT_FOR_PEOPLE 50
#define ID_SHOWN 12             /* characters of a notice's id: enough for `ftwatchctl retry` */

static const Column columns[] = {
        { .title = "CREATED", .drop = 4 },
        { .title = "ID", .drop = 3 },
        { .title = "RECEIVER", .width_min = 10 },
        { .title = "TYPE" },
        { .title = "ABOUT", .width_min = 12 },
        { .title = "STATE" },
        { .title = "TRIES", .right = true, .drop = 2 },
        { .title = "WHEN" },
        { .title = "REASON", .width_min = 16, .wrap = true, .drop = 1 },
};

static Style state_style(DeliveryState state) {
        static const Style styles[] = {
                [DELIVERY_PENDING] = STYLE_WARNING,
                [DELIVERY_INFLIGHT] = STYLE_ACTIVE,
                [DELIVERY_DONE] = STYLE_GOOD,
                [DELIVERY_DEAD] = STYLE_BAD,
                [DELIVERY_SILENCED] = STYLE_DIM,
        };
        return styles[state];
}

/* When it was settled, or will be tried again. */
static const char *format_next(const Ctl *c, const DeliveryRow *d, char buf[static AGE_MAX]) {
        if (d->settled_usec > 0)
                return format_age(c->now_usec, d->settled_usec, buf);
        if (d->state == DELIVERY_INFLIGHT)
                return "now";
        return d->due_usec > c->now_usec ? format_age(c->now_usec, d->due_usec, buf) : "due";
}

static int add_delivery(const Ctl *c, Table *table, const DeliveryRow *d) {
        _cleanup_free_ char *why = NULL;
        char stamp[STAMP_MAX], age[AGE_MAX];

        const char *colon = isempty(d->reason) || isempty(d->detail) ? "" : ": ";
        int r = d->waits ? string_printf(&why, "waits for the receiver")
                         : string_printf(&why, "%s%s%s", strempty(d->reason), colon, strempty(d->detail));
        if (r < 0)
                return r;
        table_add(table, STYLE_DIM, format_stamp(d->created_usec, stamp));
        table_addf(table, STYLE_NONE, "%.*s", ID_SHOWN, d->notice->id);
        table_add(table, STYLE_STRONG, d->receiver);
        table_add(table, STYLE_NONE, notice_type_info(d->notice->type)->name);
        table_add(table, STYLE_NONE, notice_subject(d->notice));
        table_add(table, state_style(d->state), delivery_state_to_string(d->state));
        table_addf(table, STYLE_NONE, "%lld", (long long) d->attempts);
        table_add(table, STYLE_NONE, format_next(c, d, age));
        table_add(table, STYLE_NONE, why);
        return 0;
}

static int print_table(const Ctl *c, const DeliveryRows *deliveries) {
        _cleanup_(table_freep) Table *table = NULL;

        int r = table_new(&c->out, columns, ARRAY_SIZE(columns), &table);
        for (size_t i = 0; r >= 0 && i < deliveries->n; i++)
                r = add_delivery(c, table, &deliveries->list[i]);
        return r < 0 ? r : table_print(table, 0, false);
}

static int print_json(Ctl *c, const DeliveryRows *deliveries) {
        _cleanup_json_ json_object *list = NULL;

        int r = ctl_json_deliveries(deliveries, &list);
        return r < 0 ? r : ctl_print_json(c, TAKE_PTR(list));
}

int verb_deliveries(Ctl *c, const char *argument _unused_) {
        _cleanup_(delivery_rows_done) DeliveryRows deliveries = {};
        DeliveryQuery q = {
                .source = c->options.source,
                .receiver = c->options.receiver,
                .states = c->options.states,
                .since_usec = c->since_usec,
                .limit = ctl_limit(c, LIMIT_FOR_PEOPLE),
        };

        int r = query_deliveries(c->store, &q, &deliveries);
        if (r >= 0 && c->options.json)
                r = print_json(c, &deliveries);
        else if (r >= 0 && deliveries.n > 0)
                r = print_table(c, &deliveries);
        if (r < 0)
                return ctl_fail_errno(c, r, "list the deliveries");
        if (deliveries.n == 0 && !c->options.json)
                ctl_note(c, c->options.given ? "no such delivery" : "nothing was sent yet");
        ctl_note_more(c, deliveries.more, deliveries.n, "deliveries");
        return CTL_OK;
}
