#include <errno.h>

#include "base/json.h"
#include "base/strings.h"
#include "engine/control.h"
#include "engine/engine_internal.h"
#include "engine/watch.h"
#include "store/outbox.h"
#include "store/query.h"
#include "store/silence.h"

/* A point in boottime as Unix seconds; null for none. */
static int add_time(json_object *o, const char *key, usec_t boot_usec, const Now *now) {
        if (boot_usec == 0 || boot_usec == USEC_INFINITY)
                return json_add(o, key, NULL);
        usec_t real = boot_usec >= now->boot_usec ?
                              usec_add(now->real_usec, boot_usec - now->boot_usec) :
                              usec_sub(now->real_usec, now->boot_usec - boot_usec);
        return json_add_int(o, key, (int64_t) (real / USEC_PER_SEC));
}

static int source_status(const Engine *e, size_t i, const Now *now, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        const Source *s = e->sources[i];
        bool failing = s->n_failed > 0;
        int r;

        if (!o)
                return -ENOMEM;
        if ((r = json_add_string(o, "name", s->settings->name)) < 0 ||
            (r = json_add_string(o, "endpoint", s->settings->endpoint)) < 0 ||
            (r = json_add_bool(o, "ok", s->n_polls > 0 && !failing)) < 0 ||
            (r = json_add_bool(o, "polling", s->polling)) < 0 ||
            (r = json_add_int(o, "polls", (int64_t) s->n_polls)) < 0 ||
            (r = json_add_int(o, "failed_in_row", (int64_t) s->n_failed)) < 0 ||
            (r = json_add_string(o, "reason", failing ? reason_to_string(s->outcome.reason) : NULL)) < 0 ||
            (r = json_add_string(o, "detail", failing ? s->outcome.detail : NULL)) < 0 ||
            (r = json_add_int(o, "unfinished_jobs", (int64_t) watches_count(s))) < 0 ||
            (r = add_time(o, "last_poll_at", s->poll_started_usec, now)) < 0 ||
            (r = add_time(o, "next_poll_at", s->polling ? 0 : s->next_poll_usec, now)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

static int receiver_status(const Engine *e, size_t i, const Now *now, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        const ReceiverCommon *receiver = dispatcher_receiver(e->dispatcher, i);
        LaneStatus lane;
        int r;

        if (!o)
                return -ENOMEM;
        dispatcher_lane_status(e->dispatcher, i, &lane);
        if ((r = json_add_string(o, "name", receiver->name)) < 0 ||
            (r = json_add_string(o, "kind", receiver->kind->name)) < 0 ||
            (r = json_add_bool(o, "ok", !lane.failing)) < 0 ||
            (r = json_add_int(o, "in_flight", (int64_t) lane.n_in_flight)) < 0 ||
            (r = json_add_int(o, "failed_in_row", (int64_t) lane.n_failed)) < 0 ||
            (r = json_add_string(o, "reason", lane.reason)) < 0 ||
            (r = add_time(o, "blocked_until_at", lane.blocked_until_usec, now)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

/* The list of n things under the key, each made by `make`. */
static int add_list(const Engine *e, json_object *o, const char *key, size_t n,
                    int (*make)(const Engine *e, size_t i, const Now *now, json_object **ret)) {
        json_object *list = json_object_new_array();
        Now now = engine_now(e);

        int r = list ? json_add(o, key, list) : -ENOMEM;
        for (size_t i = 0; r >= 0 && i < n; i++) {
                json_object *item = NULL;
                r = make(e, i, &now, &item);
                if (r >= 0 && json_object_array_add(list, item) < 0) {
                        json_object_put(item);
                        r = -ENOMEM;
                }
        }
        return r;
}

/* --- on one line ------------------------------------------------------------------------------------- */

#define TROUBLES_NAMED 3U       /* of sources, and of receivers; the others are counted */

static void describe(Buf *b, size_t nth, const char *before, const char *name, const char *reason) {
        if (nth < TROUBLES_NAMED)
                (void) buf_printf(b, "%s%s (%s)", nth == 0 ? before : ", ", name, reason);
}

static void describe_rest(Buf *b, size_t n) {
        if (n > TROUBLES_NAMED)
                (void) buf_printf(b, " and %zu more", n - TROUBLES_NAMED);
}

int engine_describe_troubles(const Engine *e, Buf *ret) {
        size_t n_sources = 0, n_receivers = 0;
        char text[ENGINE_ERROR_MAX];

        if (e->store_error < 0)
                (void) buf_puts(ret, engine_error_text(e, e->store_error, text));
        for (size_t i = 0; i < e->n_sources; i++) {
                const Source *s = e->sources[i];
                if (s->n_failed > 0)
                        describe(ret, n_sources++, ret->size > 0 ? "; " : "", s->settings->name,
                                 reason_to_string(s->outcome.reason));
        }
        describe_rest(ret, n_sources);
        for (size_t i = 0; i < dispatcher_n_receivers(e->dispatcher); i++) {
                LaneStatus lane;
                dispatcher_lane_status(e->dispatcher, i, &lane);
                if (lane.failing)
                        describe(ret, n_receivers++,
                                 ret->size > 0 ? "; not delivered to " : "not delivered to ",
                                 dispatcher_receiver(e->dispatcher, i)->name, strempty(lane.reason));
        }
        describe_rest(ret, n_receivers);
        return ret->error;
}

/* --- what is in the store ---------------------------------------------------------------------------- */

static int list_new(json_object *o, const char *key, json_object **ret) {
        json_object *list = json_object_new_array();

        int r = list ? json_add(o, key, list) : -ENOMEM;
        if (r >= 0)
                *ret = list;
        return r;
}

static int list_add(json_object *list, json_object **ret) {
        json_object *o = json_object_new_object();

        if (!o || json_object_array_add(list, o) < 0) {
                json_object_put(o);
                return -ENOMEM;
        }
        *ret = o;
        return 0;
}

static int add_troubles(Store *store, json_object *o) {
        _cleanup_(trouble_rows_done) TroubleRows troubles = {};
        json_object *list = NULL, *item = NULL;

        int r = query_troubles(store, &troubles);
        if (r >= 0)
                r = list_new(o, "troubles", &list);
        for (size_t i = 0; r >= 0 && i < troubles.n; i++) {
                const TroubleRow *t = &troubles.list[i];
                r = list_add(list, &item);
                if (r >= 0)
                        r = json_add_string(item, "subject", t->subject);
                if (r >= 0)
                        r = json_add_string(item, "reason", t->reason);
                if (r >= 0)
                        r = json_add_int(item, "since_at", (int64_t) (t->since_usec / USEC_PER_SEC));
        }
        return r;
}

static int silence_to_json(const Silence *s, json_object *o) {
        int r;

        if ((r = json_add_int(o, "id", s->id)) < 0 ||
            (r = json_add_string(o, "kind", silence_kind_to_string(s->kind))) < 0 ||
            (r = json_add_string(o, "pattern", s->pattern)) < 0 ||
            (r = json_add_string(o, "comment", s->comment)) < 0 ||
            (r = json_add_int(o, "since_at", (int64_t) (s->since_usec / USEC_PER_SEC))) < 0 ||
            (r = json_add_int(o, "until_at", (int64_t) (s->until_usec / USEC_PER_SEC))) < 0)
                return r;
        return json_add_int(o, "kept_back", (int64_t) s->n_silenced);
}

static int add_silences(Store *store, json_object *o) {
        _cleanup_(silences_done) Silences silences = {};
        json_object *list = NULL, *item = NULL;

        int r = store_silences_load(store, &silences);
        if (r >= 0)
                r = list_new(o, "silences", &list);
        for (size_t i = 0; r >= 0 && i < silences.n; i++) {
                r = list_add(list, &item);
                if (r >= 0)
                        r = silence_to_json(&silences.list[i], item);
        }
        return r;
}

static int add_stored(Store *store, bool running, json_object *o) {
        uint64_t owed = 0;

        int r = store_deliveries_count(store, &owed);
        if (r >= 0)
                r = json_add_bool(o, "running", running);
        if (r >= 0)
                r = json_add_int(o, "owed", (int64_t) owed);
        if (r >= 0)
                r = add_troubles(store, o);
        return r < 0 ? r : add_silences(store, o);
}

static int add_stored_sources(Store *store, json_object *o) {
        _cleanup_(source_counts_done) SourceCounts sources = {};
        json_object *list = NULL, *item = NULL;

        int r = query_sources(store, &sources);
        if (r >= 0)
                r = list_new(o, "sources", &list);
        for (size_t i = 0; r >= 0 && i < sources.n; i++) {
                r = list_add(list, &item);
                if (r >= 0)
                        r = json_add_string(item, "name", sources.list[i].name);
                if (r >= 0)
                        r = json_add_int(item, "unfinished_jobs", sources.list[i].n_unfinished);
        }
        return r;
}

/* --- all of it --------------------------------------------------------------------------------------- */

int engine_status_json(Engine *e, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();

        int r = o ? add_stored(e->ports.store, true, o) : -ENOMEM;
        if (r >= 0)
                r = add_list(e, o, "sources", e->n_sources, source_status);
        if (r >= 0)
                r = add_list(e, o, "receivers", dispatcher_n_receivers(e->dispatcher), receiver_status);
        if (r >= 0)
                *ret = TAKE_PTR(o);
        return r;
}

int store_status_json(Store *store, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();

        int r = o ? add_stored(store, false, o) : -ENOMEM;
        if (r >= 0)
                r = add_stored_sources(store, o);
        if (r >= 0)
                *ret = TAKE_PTR(o);
        return r;
}
