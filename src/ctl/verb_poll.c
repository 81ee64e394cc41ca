/* ftwatchctl poll */

#include <errno.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/ctl.h"

typedef struct Report {
        const char *source, *reason, *detail;
        int ok;
        uint32_t n_requests, n_unfinished;
        json_object *notices;           /* [{ "id", "type", "job" }] */
} Report;

static int read_notices(sd_bus_message *m, json_object *list) {
        const char *id, *type, *job;

        int r = sd_bus_message_enter_container(m, 'a', "(sss)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(sss)", &id, &type, &job)) > 0) {
                json_object *o = json_object_new_object();
                r = o && json_object_array_add(list, o) >= 0 ? 0 : -ENOMEM;
                if (r >= 0)
                        r = json_add_string(o, "id", id);
                if (r >= 0)
                        r = json_add_string(o, "type", type);
                if (r >= 0)
                        r = json_add_string(o, "job", isempty(job) ? NULL : job);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int print_report(const Ctl *c, const Report *p) {
        const Term *t = &c->out;
        size_t n = json_object_array_length(p->notices);

        int r = term_put_foreign(t, STYLE_STRONG, p->source);
        if (r >= 0 && !p->ok) {
                term_put(t, STYLE_BAD, " cannot be polled");
                term_printf(t, " (%s)%s", p->reason, isempty(p->detail) ? "" : ": ");
                r = term_put_foreign(t, STYLE_NONE, p->detail);
        } else if (r >= 0)
                term_printf(t, ": %u request%s, %u unfinished job%s, %s", p->n_requests,
                            p->n_requests == 1 ? "" : "s", p->n_unfinished, p->n_unfinished == 1 ? "" : "s",
                            n > 0 ? "news:" : "nothing new");
        term_put(t, STYLE_NONE, "\n");
        for (size_t i = 0; r >= 0 && i < n; i++) {
                json_object *o = json_object_array_get_idx(p->notices, i);
                const char *job = json_member_string(o, "job");
                term_printf(t, "  %s%s", json_member_string(o, "type"), job ? " " : "");
                r = term_put_foreign(t, STYLE_NONE, strempty(job));
                term_put(t, STYLE_NONE, "\n");
        }
        return r;
}

static int report_to_json(const Report *p, json_object *list) {
        json_object *o = json_object_new_object();
        int r;

        if (!o || json_object_array_add(list, o) < 0)
                return -ENOMEM;
        if ((r = json_add_string(o, "source", p->source)) < 0 || (r = json_add_bool(o, "ok", p->ok)) < 0 ||
            (r = json_add_string(o, "reason", p->ok ? NULL : p->reason)) < 0 ||
            (r = json_add_string(o, "detail", isempty(p->detail) ? NULL : p->detail)) < 0 ||
            (r = json_add_int(o, "requests", p->n_requests)) < 0 ||
            (r = json_add_int(o, "unfinished_jobs", p->n_unfinished)) < 0)
                return r;
        return json_add(o, "notices", json_object_get(p->notices));
}

/* 1: one was read; *ret_ok turns false for a poll that failed. */
static int take_report(const Ctl *c, sd_bus_message *m, json_object *list, bool *ret_ok) {
        Report p = {};

        int r = sd_bus_message_enter_container(m, 'r', "sbssuua(sss)");
        if (r <= 0)
                return r;
        r = sd_bus_message_read(m, "sbssuu", &p.source, &p.ok, &p.reason, &p.detail, &p.n_requests,
                                &p.n_unfinished);
        p.notices = json_object_new_array();
        if (r >= 0)
                r = p.notices ? read_notices(m, p.notices) : -ENOMEM;
        if (r >= 0)
                r = c->options.json ? report_to_json(&p, list) : print_report(c, &p);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        *ret_ok = *ret_ok && p.ok;
        json_object_put(p.notices);
        return r < 0 ? r : 1;
}

int verb_poll(Ctl *c, const char *argument) {
        _cleanup_json_ json_object *list = json_object_new_array();
        sd_bus_message *m = NULL;
        bool ok = true;

        int status = ctl_call(c, &m, "Poll", "s", strempty(argument));
        if (status != CTL_OK)
                return status;
        int r = list ? sd_bus_message_enter_container(m, 'a', "(sbssuua(sss))") : -ENOMEM;
        while (r >= 0 && (r = take_report(c, m, list, &ok)) > 0)
                ;
        if (r >= 0 && c->options.json)
                r = ctl_print_json(c, TAKE_PTR(list));
        sd_bus_message_unref(m);
        if (r < 0)
                return ctl_fail_errno(c, r, "read the answer");
        return ok ? CTL_OK : CTL_FAILED;
}
