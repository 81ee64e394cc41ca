/* ftwatchctl silence, unsilence, silences */

#include <errno.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/ctl.h"
#include "ctl/format.h"
#include "ctl/table.h"

static int print_number(const Ctl *c, const char *key, uint64_t n) {
        json_object *o = json_object_new_object();

        int r = o ? json_add_int(o, key, (int64_t) n) : -ENOMEM;
        if (r < 0) {
                json_object_put(o);
                return r;
        }
        return ctl_print_json(c, o);
}

int verb_silence(Ctl *c, const char *argument _unused_) {
        const CtlOptions *o = &c->options;
        const char *kind = o->job ? "job" : o->source ? "source" : "receiver";
        const char *pattern = o->job ? o->job : o->source ? o->source : o->receiver;
        sd_bus_message *m = NULL;
        char span[SPAN_MAX];
        uint64_t id = 0;

        if (!!o->job + !!o->source + !!o->receiver != 1)
                return ctl_fail_usage(c, "'silence' wants one of --job, --source and --receiver");
        if (o->for_usec == 0)
                return ctl_fail_usage(c, "'silence' wants to know for how long: --for 2h");
        int status = ctl_call(c, &m, "Silence", "ssts", kind, pattern, o->for_usec, strempty(o->comment));
        if (status != CTL_OK)
                return status;
        int r = sd_bus_message_read(m, "t", &id);
        if (r >= 0 && o->json)
                r = print_number(c, "silence", id);
        else if (r >= 0) {
                term_printf(&c->out, "silence %llu: %s ", (unsigned long long) id, kind);
                r = term_put_foreign(&c->out, STYLE_STRONG, pattern);
                term_printf(&c->out, " for %s\n", format_span(o->for_usec, span));
        }
        sd_bus_message_unref(m);
        return r < 0 ? ctl_fail_errno(c, r, "read the answer") : CTL_OK;
}

int verb_unsilence(Ctl *c, const char *argument) {
        sd_bus_message *m = NULL;
        uint64_t id = 0;
        uint32_t n = 0;

        if (!argument == !c->options.all)
                return ctl_fail_usage(c, "'unsilence' wants the number of a silence, or --all");
        if (argument && (parse_uint64(argument, &id) < 0 || id == 0))
                return ctl_fail_usage(c, "a silence has a number, not '%s'; see ftwatchctl silences",
                                      argument);
        int status = ctl_call(c, &m, "Unsilence", "t", id);
        if (status != CTL_OK)
                return status;
        int r = sd_bus_message_read(m, "u", &n);
        if (r >= 0 && c->options.json)
                r = print_number(c, "ended", n);
        else if (r >= 0)
                term_printf(&c->out, "%u silence%s ended\n", n, n == 1 ? "" : "s");
        sd_bus_message_unref(m);
        return r < 0 ? ctl_fail_errno(c, r, "read the answer") : CTL_OK;
}

/* --- what is silent ---------------------------------------------------------------------------------- */

static const Column columns[] = {
        { .title = "SILENCE", .right = true },
        { .title = "OF" },
        { .title = "PATTERN", .width_min = 10 },
        { .title = "ENDS" },
        { .title = "KEPT BACK", .right = true, .drop = 1 },
        { .title = "COMMENT", .width_min = 12, .wrap = true, .drop = 2 },
};

int ctl_print_silences(const Ctl *c, json_object *list) {
        _cleanup_(table_freep) Table *table = NULL;
        char age[AGE_MAX];

        int r = table_new(&c->out, columns, ARRAY_SIZE(columns), &table);
        if (r < 0)
                return r;
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *o = json_object_array_get_idx(list, i);
                usec_t until = (usec_t) json_member_int(o, "until_at", 0) * USEC_PER_SEC;
                table_addf(table, STYLE_STRONG, "%lld", (long long) json_member_int(o, "id", 0));
                table_add(table, STYLE_NONE, json_member_string(o, "kind"));
                table_add(table, STYLE_NONE, json_member_string(o, "pattern"));
                table_add(table, STYLE_NONE, format_age(c->now_usec, until, age));
                table_addf(table, STYLE_NONE, "%lld", (long long) json_member_int(o, "kept_back", 0));
                table_add(table, STYLE_NONE, json_member_string(o, "comment"));
        }
        return table_print(table, 0, false);
}

int verb_silences(Ctl *c, const char *argument _unused_) {
        _cleanup_json_ json_object *o = NULL;
        bool running;

        int status = ctl_get_status(c, &o, &running);
        if (status != CTL_OK)
                return status;
        json_object *list = json_member_array(o, "silences");
        size_t n = list ? json_object_array_length(list) : 0;
        int r = 0;
        if (c->options.json)
                r = ctl_print_json(c, list ? json_object_get(list) : json_object_new_array());
        else if (n > 0)
                r = ctl_print_silences(c, list);
        else
                ctl_note(c, "nothing is silenced");
        return r < 0 ? ctl_fail_errno(c, r, "list the silences") : CTL_OK;
}
