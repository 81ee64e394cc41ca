/* ftwatchctl retry */

#include <errno.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/ctl.h"

static int print_count(const Ctl *c, uint32_t n) {
        if (!c->options.json) {
                if (n == 0)
                        term_put(&c->out, STYLE_NONE, "nothing was given up\n");
                else
                        term_printf(&c->out, "%u deliver%s owed again\n", n, n == 1 ? "y is" : "ies are");
                return 0;
        }
        json_object *o = json_object_new_object();
        int r = o ? json_add_int(o, "deliveries", n) : -ENOMEM;
        if (r < 0) {
                json_object_put(o);
                return r;
        }
        return ctl_print_json(c, o);
}

int verb_retry(Ctl *c, const char *argument) {
        const CtlOptions *o = &c->options;
        sd_bus_message *m = NULL;
        uint32_t n = 0;

        if (!argument == !o->all_dead)
                return ctl_fail_usage(c, "'retry' wants a notice, or --all-dead; "
                                         "`deliveries --state dead --json` names the notices");
        if (argument && (o->receiver || o->since))
                return ctl_fail_usage(c, "--receiver and --since go with --all-dead");
        int status = argument ? ctl_call(c, &m, "Retry", "s", argument) :
                                ctl_call(c, &m, "RetryAllDead", "st", strempty(o->receiver), c->since_usec);
        if (status != CTL_OK)
                return status;
        int r = sd_bus_message_read(m, "u", &n);
        if (r >= 0)
                r = print_count(c, n);
        sd_bus_message_unref(m);
        return r < 0 ? ctl_fail_errno(c, r, "read the answer") : CTL_OK;
}
