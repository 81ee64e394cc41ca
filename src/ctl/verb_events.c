/* ftwatchctl events JOB */

#include <errno.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/ctl.h"
#include "ctl/parts.h"

#define LIMIT_FOR_PEOPLE 100

static int print_json(Ctl *c, const EventRows *events) {
        _cleanup_json_ json_object *list = NULL;

        int r = ctl_json_events(events, &list);
        return r < 0 ? r : ctl_print_json(c, TAKE_PTR(list));
}

int verb_events(Ctl *c, const char *argument) {
        _cleanup_(job_rows_done) JobRows jobs = {};
        _cleanup_(event_rows_done) EventRows events = {};
        EventQuery q = {
                .level = c->options.level,
                .no_metrics = c->options.no_metrics,
                .since_usec = c->since_usec,
                .limit = ctl_limit(c, LIMIT_FOR_PEOPLE),
        };

        int status = ctl_find_job(c, argument, &jobs);
        if (status != CTL_OK)
                return status;
        int r = query_events(c->store, jobs.list[0].row, &q, &events);
        if (r >= 0)
                r = c->options.json ? print_json(c, &events) : ctl_print_events(c, &events, 0);
        if (r < 0)
                return ctl_fail_errno(c, r, "list the events");
        if (events.n == 0 && !c->options.json)
                ctl_note(c, "no such event");
        ctl_note_more(c, events.more, events.n, "events");
        return CTL_OK;
}
