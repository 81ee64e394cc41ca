/* JSON as the API and the webhook name things, so that a script reads both alike. */

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/text.h"
#include "ctl/ctl.h"

#define ESCAPED_LIMIT ((size_t) 1 << 30)

/* json-c leaves DEL, the C1 controls and what turns the direction of text as they are; a terminal obeys
 * them. */
static bool needs_escape(unsigned c) {
        return (c >= 0x7f && c <= 0x9f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
               c == 0xfeff;
}

static int print_escaped(const Ctl *c, const char *text) {
        _cleanup_(buf_done) Buf buf = BUF_INIT(ESCAPED_LIMIT);

        for (size_t size = strlen(text); size > 0;) {
                unsigned codepoint = '?';
                size_t n = utf8_sequence(text, size, &codepoint);
                if (n == 0)
                        (void) buf_putc(&buf, '?');
                else if (needs_escape(codepoint))
                        (void) buf_printf(&buf, "\\u%04x", codepoint);
                else
                        (void) buf_append(&buf, text, n);
                n = n > 0 ? n : 1;
                text += n;
                size -= n;
        }
        if (buf.error < 0)
                return buf.error;
        term_put(&c->out, STYLE_NONE, buf_string(&buf));
        term_put(&c->out, STYLE_NONE, "\n");
        return 0;
}

int ctl_print_json(const Ctl *c, json_object *o) {
        const int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE;
        const char *text = json_object_to_json_string_ext(o, flags);
        int r = text ? print_escaped(c, text) : -ENOMEM;

        json_object_put(o);
        return r;
}

int ctl_json_usec(json_object *o, const char *key, usec_t usec) {
        return usec > 0 ? json_add_int(o, key, (int64_t) (usec / USEC_PER_SEC)) : json_add(o, key, NULL);
}

int ctl_json_job(const JobRow *j, json_object **ret) {
        _cleanup_json_ json_object *o = NULL;

        int r = job_to_json(j->job, &o);
        if (r >= 0)
                r = json_add_string(o, "status", j->status);
        if (r >= 0)
                r = json_add_string(o, "source", j->source);
        if (r >= 0)
                r = ctl_json_usec(o, "first_seen_at", j->first_seen_usec);
        if (r >= 0)
                r = ctl_json_usec(o, "changed_at", j->changed_usec);
        if (r >= 0)
                r = ctl_json_usec(o, "removed_at", j->removed_usec);
        if (r >= 0)
                r = ctl_json_usec(o, "progress_at", j->progress_usec);
        if (r >= 0)
                r = json_add_string(o, "lasts", j->lasts);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

/* --- notices and deliveries ------------------------------------------------------------------------ */

static int add_to_array(json_object *array, json_object *o) {
        if (json_object_array_add(array, o) < 0) {
                json_object_put(o);
                return -ENOMEM;
        }
        return 0;
}

static int json_delivery(const DeliveryRow *d, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        bool settled = d->state != DELIVERY_PENDING && d->state != DELIVERY_INFLIGHT;

        if (!o)
                return -ENOMEM;
        int r = json_add_string(o, "receiver", d->receiver);
        if (r >= 0)
                r = json_add_string(o, "state", delivery_state_to_string(d->state));
        if (r >= 0)
                r = json_add_int(o, "attempts", d->attempts);
        if (r >= 0)
                r = ctl_json_usec(o, "created_at", d->created_usec);
        if (r >= 0)
                r = ctl_json_usec(o, "due_at", settled ? 0 : d->due_usec);
        if (r >= 0)
                r = ctl_json_usec(o, "settled_at", d->settled_usec);
        if (r >= 0)
                r = json_add_string(o, "reason", d->reason);
        if (r >= 0)
                r = json_add_string(o, "detail", d->detail);
        if (r >= 0)
                r = json_add_bool(o, "degraded", d->degraded);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

/* Which notice a delivery carries, without all of its data. */
static int add_notice_brief(json_object *o, const DeliveryRow *d) {
        const Notice *n = d->notice;

        int r = json_add_string(o, "notice", n->id);
        if (r >= 0)
                r = json_add_string(o, "type", notice_type_info(n->type)->name);
        if (r >= 0)
                r = json_add_string(o, "source", d->source);
        if (r >= 0)
                r = json_add_string(o, "job", n->job ? n->job->id : NULL);
        return r >= 0 ? json_add_string(o, "suffix", n->job ? n->job->suffix : NULL) : r;
}

int ctl_json_deliveries(const DeliveryRows *deliveries, json_object **ret) {
        _cleanup_json_ json_object *list = json_object_new_array();

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < deliveries->n; i++) {
                _cleanup_json_ json_object *o = NULL;
                int r = json_delivery(&deliveries->list[i], &o);
                if (r >= 0 && deliveries->list[i].notice)
                        r = add_notice_brief(o, &deliveries->list[i]);
                if (r >= 0)
                        r = add_to_array(list, TAKE_PTR(o));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(list);
        return 0;
}

static int json_notice(const NoticeRow *row, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *data = NULL, *deliveries = NULL;

        if (!o)
                return -ENOMEM;
        int r = json_add_string(o, "id", row->notice->id);
        if (r >= 0)
                r = json_add_string(o, "type", notice_type_info(row->notice->type)->name);
        if (r >= 0)
                r = ctl_json_usec(o, "created_at", row->notice->created_usec);
        if (r >= 0)
                r = json_add_string(o, "source", row->source);
        if (r >= 0)
                r = notice_to_json(row->notice, &data);
        if (r >= 0)
                r = json_add(o, "data", data);
        if (r >= 0)
                r = ctl_json_deliveries(&row->deliveries, &deliveries);
        if (r >= 0)
                r = json_add(o, "deliveries", deliveries);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

int ctl_json_notices(const NoticeRows *notices, json_object **ret) {
        _cleanup_json_ json_object *list = json_object_new_array();

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < notices->n; i++) {
                json_object *o = NULL;
                int r = json_notice(&notices->list[i], &o);
                if (r >= 0)
                        r = add_to_array(list, o);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(list);
        return 0;
}

int ctl_json_events(const EventRows *events, json_object **ret) {
        _cleanup_json_ json_object *list = json_object_new_array();

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < events->n; i++) {
                json_object *o = NULL;
                int r = event_to_json(events->list[i], &o);
                if (r >= 0)
                        r = add_to_array(list, o);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(list);
        return 0;
}
