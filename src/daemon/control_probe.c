#include <errno.h>
#include <string.h>

#include <utlist.h>

#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"
#include "daemon/control_internal.h"
#include "io/bus.h"

#define LIMIT_USEC (100 * USEC_PER_SEC) /* ftwatchctl waits two minutes */
#define TEXT_MAX (64U * 1024)

static int reply(const Request *r, const ProbeReport *report) {
        _cleanup_(buf_done) Buf text = BUF_INIT(TEXT_MAX);
        _cleanup_json_ json_object *o = NULL;
        _cleanup_free_ char *json = NULL;

        int q = probe_report_to_text(report, &text);
        if (q >= 0)
                q = probe_report_to_json(report, &o);
        if (q >= 0)
                q = json_to_text(o, &json);
        return q < 0 ? q
                     : sd_bus_reply_method_return(r->call, "bss", report->works, buf_string(&text), json);
}

static void on_report(const ProbeReport *report, void *userdata) {
        Request *r = userdata;

        int q = reply(r, report);
        if (q < 0) {
                log_debug("cannot answer a probe: %s", strerror(-q));
                (void) sd_bus_reply_method_errno(r->call, q, NULL);
        }
        request_free(r->control, r);
}

/* From when it was asked, whatever reloads came between. */
int probe_start(Control *c, Request *r) {
        usec_t now = 0;

        (void) sd_event_now(c->event, CLOCK_BOOTTIME, &now);
        usec_t left = usec_sub(usec_add(r->asked_usec, LIMIT_USEC), now);
        return engine_probe(c->engine, r->subject, MAX(left, (usec_t) 1), on_report, r, &r->probe);
}

void probes_stop(Control *c) {
        Request *r;

        DL_FOREACH(c->requests, r)
                r->probe = probe_free(r->probe);
}

/* Several at once of one source would be a burst of requests to it. */
static bool is_probed(const Control *c, const char *source) {
        const Request *r;

        DL_FOREACH(c->requests, r)
                if (r->kind == REQUEST_PROBE && streq(r->subject, source))
                        return true;
        return false;
}

int method_probe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Control *c = userdata;
        const char *source;
        Request *request;

        int r = sd_bus_message_read(m, "s", &source);
        if (r < 0)
                return r;
        if (!c->engine)
                return control_fail_no_engine(error);
        if (!engine_has_source(c->engine, source))
                return control_fail_no_source(c, source, error);
        if (is_probed(c, source))
                return sd_bus_error_setf(error, BUS_ERROR("Busy"), "'%s' is being probed already", source);
        r = request_new(c, REQUEST_PROBE, m, source, &request);
        if (r < 0)
                return control_fail_request(error, r);
        r = probe_start(c, request);
        if (r >= 0)
                return 1;
        request_free(c, request);
        return r;
}
