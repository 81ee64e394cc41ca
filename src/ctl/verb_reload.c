/* ftwatchctl reload */

#include "ctl/ctl.h"

int verb_reload(Ctl *c, const char *argument _unused_) {
        int status = ctl_call(c, NULL, "Reload", "");

        if (status != CTL_OK)
                return status;
        if (c->options.json)
                return ctl_print_json(c, json_object_new_object()) < 0 ? CTL_FAILED : CTL_OK;
        term_put(&c->out, STYLE_NONE, "the new configuration is in force\n");
        return CTL_OK;
}
