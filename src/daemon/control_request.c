#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/log.h"
#include "base/strings.h"
#include "daemon/control_internal.h"
#include "io/bus.h"

#define FOUND_MAX 1000U                 /* notices a reply names; there is no more to read for a person */
#define POLL_REPORT "sbssuua(sss)"

/* A notice that a poll led to. */
struct Found {
        char *source, *id, *job;
        const char *type;               /* static */
        Found *next;
};

static Found *found_free(Found *f) {
        Found *next;

        for (; f; f = next) {
                next = f->next;
                free(f->source);
                free(f->id);
                free(f->job);
                free(f);
        }
        return NULL;
}

/* --- who asked has gone ------------------------------------------------------------------------------- */

/* What was begun for it goes on, but for a probe, which is for nobody else. */
static void request_drop(Request *r) {
        log_debug("%s is gone, and what it asked needs no answer", sd_bus_message_get_sender(r->call));
        request_free(r->control, r);
}

static int on_gone(sd_bus_message *m _unused_, void *userdata, sd_bus_error *error _unused_) {
        request_drop(userdata);
        return 0;
}

static int on_there(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_) {
        int there = true;

        if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "b", &there) >= 0 && !there)
                request_drop(userdata);
        return 0;
}

/* Nothing here waits, as sd_bus_track would. The bus answers in order: who left before it began to look is
 * told of by the second. */
static int request_watch_caller(Request *r) {
        sd_bus *bus = sd_bus_message_get_bus(r->call);
        const char *caller = sd_bus_message_get_sender(r->call);
        _cleanup_free_ char *match = NULL;

        int q = string_printf(&match,
                              "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                              "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s',arg2=''",
                              strempty(caller));
        if (q >= 0)
                q = sd_bus_add_match_async(bus, &r->gone, match, on_gone, NULL, r);
        return q < 0 ? q
                     : sd_bus_call_method_async(bus, &r->there, "org.freedesktop.DBus",
                                                "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                                "NameHasOwner", on_there, r, "s", strempty(caller));
}

int request_new(Control *c, RequestKind kind, sd_bus_message *call, const char *subject, Request **ret) {
        if (c->n_requests >= REQUESTS_MAX)
                return -ENOBUFS;
        Request *r = calloc(1, sizeof *r);
        if (!r)
                return -ENOMEM;
        r->kind = kind;
        r->control = c;
        r->call = sd_bus_message_ref(call);
        (void) sd_event_now(c->event, CLOCK_BOOTTIME, &r->asked_usec);
        DL_APPEND(c->requests, r);
        c->n_requests++;
        int q = free_and_strdup(&r->subject, isempty(subject) ? NULL : subject);
        if (q >= 0 && kind == REQUEST_POLL)
                q = sd_bus_message_new_method_return(call, &r->reply);
        if (q >= 0 && kind == REQUEST_POLL)
                q = sd_bus_message_open_container(r->reply, 'a', "(" POLL_REPORT ")");
        if (q >= 0)
                q = request_watch_caller(r);
        if (q < 0) {
                request_free(c, r);
                return q;
        }
        *ret = r;
        return 0;
}

Request *request_free(Control *c, Request *r) {
        DL_DELETE(c->requests, r);
        c->n_requests--;
        sd_bus_slot_unref(r->gone);
        sd_bus_slot_unref(r->there);
        sd_bus_message_unref(r->reply);
        sd_bus_message_unref(r->call);
        strv_free(r->done);
        found_free(r->found);
        probe_free(r->probe);
        free(r->subject);
        free(r);
        return NULL;
}

void requests_free(Control *c) {
        while (c->requests)
                request_free(c, c->requests);
}

void request_fail(Control *c, Request *r, const char *name, const char *message) {
        (void) sd_bus_reply_method_errorf(r->call, name, "%s", message);
        request_free(c, r);
}

void requests_fail(Control *c, RequestKind kind, const char *name, const char *message) {
        Request *r, *next;

        DL_FOREACH_SAFE(c->requests, r, next)
                if (r->kind == kind)
                        request_fail(c, r, name, message);
}

/* --- polls ------------------------------------------------------------------------------------------- */

static bool poll_wants(const Request *r, const char *source) {
        return r->kind == REQUEST_POLL && (!r->subject || streq(r->subject, source)) &&
               !strv_contains(r->done, source);
}

static int append_report(Request *r, const PollReport *report) {
        const Outcome *o = report->outcome;
        sd_bus_message *m = r->reply;

        int q = sd_bus_message_open_container(m, 'r', POLL_REPORT);
        if (q >= 0)
                q = sd_bus_message_append(m, "sbssuu", report->source, o->kind == OUTCOME_OK,
                                          reason_to_string(o->reason), o->detail, report->n_requests,
                                          (uint32_t) report->n_unfinished);
        if (q >= 0)
                q = sd_bus_message_open_container(m, 'a', "(sss)");
        for (const Found *f = r->found; q >= 0 && f; f = f->next)
                if (streq(f->source, report->source))
                        q = sd_bus_message_append(m, "(sss)", f->id, f->type, strempty(f->job));
        if (q >= 0)
                q = sd_bus_message_close_container(m);
        if (q >= 0)
                q = sd_bus_message_close_container(m);
        return q < 0 ? q : strv_extend(&r->done, report->source);
}

/* Answers when every source that there is has been polled. */
static void poll_check(Control *c, Request *r) {
        bool known = r->subject && engine_has_source(c->engine, r->subject);

        if (r->subject && !known && !r->done) {
                request_fail(c, r, BUS_ERROR("NoSuchSource"), "the source was removed by a reload");
                return;
        }
        for (size_t i = 0; i < engine_n_sources(c->engine); i++)
                if (poll_wants(r, engine_source_name(c->engine, i)))
                        return;
        int q = sd_bus_message_close_container(r->reply);
        if (q >= 0)
                q = sd_bus_send(NULL, r->reply, NULL);
        if (q < 0)
                request_fail(c, r, SD_BUS_ERROR_FAILED, strerror(-q));
        else
                request_free(c, r);
}

void requests_take_poll(Control *c, const PollReport *report) {
        Request *r, *next;

        for (r = c->requests; r; r = next) {
                next = r->next;
                /* The poll asked for does not come while the server wants a pause. */
                bool answers = report->started_usec >= r->asked_usec ||
                               report->outcome->reason == REASON_THROTTLED;
                if (!poll_wants(r, report->source) || !answers)
                        continue;
                int q = append_report(r, report);
                if (q < 0)
                        request_fail(c, r, SD_BUS_ERROR_NO_MEMORY, strerror(-q));
                else if (c->engine)
                        poll_check(c, r);
        }
}

static int found_add(Request *r, const Notice *n) {
        Found *f = calloc(1, sizeof *f), *other;
        size_t count;

        if (!f)
                return -ENOMEM;
        LL_COUNT(r->found, other, count);
        int q = count >= FOUND_MAX ? -ENOBUFS : free_and_strdup(&f->source, n->source);
        if (q >= 0)
                q = free_and_strdup(&f->id, n->id);
        if (q >= 0)
                q = free_and_strdup(&f->job, n->job ? n->job->id : NULL);
        if (q < 0) {
                found_free(f);
                return q;
        }
        f->type = notice_type_info(n->type)->name;
        LL_APPEND(r->found, f);
        return 0;
}

void requests_take_notice(Control *c, const Notice *n) {
        Request *r;

        DL_FOREACH(c->requests, r)
                if (n->source && poll_wants(r, n->source) && found_add(r, n) == -ENOMEM)
                        log_error("out of memory");
}

/* --- tests ------------------------------------------------------------------------------------------- */

void requests_take_delivery(Control *c, const DeliveryReport *report) {
        const Outcome *o = report->outcome;
        Request *r, *next;

        if (report->state == DELIVERY_PENDING)          /* once more, in a plainer form */
                return;
        for (r = c->requests; r; r = next) {
                next = r->next;
                if (r->kind != REQUEST_TEST || !streq(r->notice_id, report->notice_id))
                        continue;
                (void) sd_bus_reply_method_return(r->call, "sbsus", r->notice_id,
                                                  report->state == DELIVERY_DONE,
                                                  reason_to_string(o->reason), (uint32_t) o->status,
                                                  o->detail);
                request_free(c, r);
        }
}

/* --- probes ------------------------------------------------------------------------------------------ */

/* Begun anew where a reload cut it off. */
static void probe_check(Control *c, Request *r) {
        int q = r->probe ? 0 : probe_start(c, r);

        if (q == -ENOENT)
                request_fail(c, r, BUS_ERROR("NoSuchSource"), "the source was removed by a reload");
        else if (q < 0)
                request_fail(c, r, SD_BUS_ERROR_FAILED, strerror(-q));
}

/* --- another engine ---------------------------------------------------------------------------------- */

void requests_check(Control *c) {
        Request *r, *next;

        DL_FOREACH_SAFE(c->requests, r, next)
                if (r->kind == REQUEST_POLL)
                        poll_check(c, r);
                else if (r->kind == REQUEST_TEST && !engine_has_receiver(c->engine, r->subject))
                        request_fail(c, r, BUS_ERROR("NoSuchReceiver"),
                                     "the receiver was removed by a reload");
                else if (r->kind == REQUEST_PROBE)
                        probe_check(c, r);
}
