/* ftwatchctl test */

#include <errno.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/ctl.h"
#include "model/advice.h"

typedef struct Answer {
        const char *receiver, *id, *reason, *detail;
        int delivered;
        uint32_t status;
} Answer;

static int print_json(const Ctl *c, const Answer *a) {
        _cleanup_json_ json_object *o = json_object_new_object();
        int r;

        if (!o)
                return -ENOMEM;
        if ((r = json_add_string(o, "receiver", a->receiver)) < 0 ||
            (r = json_add_string(o, "notice", a->id)) < 0 ||
            (r = json_add_bool(o, "delivered", a->delivered)) < 0 ||
            (r = json_add_string(o, "reason", a->delivered ? NULL : a->reason)) < 0 ||
            (r = json_add_int(o, "status", a->status)) < 0 ||
            (r = json_add_string(o, "detail", isempty(a->detail) ? NULL : a->detail)) < 0)
                return r;
        return ctl_print_json(c, TAKE_PTR(o));
}

static int print_answer(const Ctl *c, const Answer *a) {
        const Term *t = &c->out;

        int r = term_put_foreign(t, STYLE_STRONG, a->receiver);
        if (a->delivered)
                term_put(t, STYLE_GOOD, " took it");
        else
                term_put(t, STYLE_BAD, " did not take it");
        if (!a->delivered)
                term_printf(t, " (%s)", a->reason);
        else if (a->status > 0)
                term_printf(t, " (%u)", a->status);
        if (!isempty(a->detail)) {
                term_put(t, STYLE_NONE, ": ");
                r = r < 0 ? r : term_put_foreign(t, STYLE_NONE, a->detail);
        }
        term_put(t, STYLE_NONE, "\n");
        const char *advice = a->delivered ? NULL :
                                            advice_find(NOTICE_RECEIVER_FAILING,
                                                        reason_from_string(a->reason), a->detail);
        if (advice)
                term_printf(t, "  -> %s\n", advice);
        return r;
}

int verb_test(Ctl *c, const char *argument) {
        Answer a = { .receiver = argument };
        sd_bus_message *m = NULL;

        int status = ctl_call(c, &m, "Test", "ss", argument, strempty(c->options.type));
        if (status != CTL_OK)
                return status;
        int r = sd_bus_message_read(m, "sbsus", &a.id, &a.delivered, &a.reason, &a.status, &a.detail);
        if (r >= 0)
                r = c->options.json ? print_json(c, &a) : print_answer(c, &a);
        if (r < 0)
                status = ctl_fail_errno(c, r, "read the answer");
        else if (!a.delivered)
                status = CTL_FAILED;
        sd_bus_message_unref(m);
        return status;
}
