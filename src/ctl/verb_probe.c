/* ftwatchctl probe */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/ctl.h"

/* A source that does not work stands out by its lines: the text is the one of ftwatchd --probe. */
static int print_text(const Ctl *c, const char *text) {
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *line;
        int r = copy ? 0 : -ENOMEM;

        while (r >= 0 && (line = strsep(&rest, "\n")) && (rest || *line)) {
                r = term_put_foreign(&c->out, strstr(line, " FAILED ") ? STYLE_BAD : STYLE_NONE, line);
                term_put(&c->out, STYLE_NONE, "\n");
        }
        return r;
}

static int print_json(const Ctl *c, const char *text) {
        json_object *o = NULL;

        int r = json_parse_bounded(text, strlen(text), &o, NULL);
        return r < 0 ? r : ctl_print_json(c, o);
}

static int print_answer(Ctl *c, sd_bus_message *m) {
        const char *text, *json;
        int works;

        int r = sd_bus_message_read(m, "bss", &works, &text, &json);
        if (r >= 0)
                r = c->options.json ? print_json(c, json) : print_text(c, text);
        if (r < 0)
                return ctl_fail_errno(c, r, "read the answer");
        return works ? CTL_OK : CTL_FAILED;
}

int verb_probe(Ctl *c, const char *argument) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *m = NULL;
        int status;

        int r = ctl_try_call(c, &m, &error, "Probe", "s", argument);
        if (r >= 0)
                status = print_answer(c, m);
        else
                status = ctl_fail_call(c, r, &error);
        if (r < 0 && ctl_daemon_is_absent(r, &error))
                ctl_note(c, "without it: ftwatchd --probe %s", argument);
        sd_bus_message_unref(m);
        sd_bus_error_free(&error);
        return status;
}
