#include "engine/vigil.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/strings.h"
#include "engine/compose.h"
#include "engine/engine_internal.h"
#include "engine/watch.h"
#include "store/vigil.h"

#define DETAIL_MAX (4 * EVENT_MESSAGE_MAX + 1024U)    /* bytes: it may quote the last event */
/* How far the stored stamp of progress may lag behind: a job that trains has news in every poll. After a
 * restart that much benefit of the doubt makes no stall early. */
#define PROGRESS_LAG_USEC (5 * USEC_PER_MINUTE)

/* --- what is known ----------------------------------------------------------------------------------- */

static void vigil_set_job(Watch *w, const StoredJob *stored) {
        Vigil *v = &w->vigil;

        vigil_set_status(v, stored->status);
        v->created_at = stored->job->created_at;
        v->estimate = stored->job->estimated_finish;
        w->vigil_next_usec = 0;
}

/* A stamp of the store, realtime as it was then: as long ago as it is by the clock of now. A clock that was
 * ahead has not seen the future. */
static usec_t to_steady(const Engine *e, usec_t real_usec) {
        return usec_sub(engine_steady(e), usec_sub(engine_now(e).real_usec, real_usec));
}

/* The first progress after a stall that was told is stored as it comes: a stamp before that needs no benefit
 * of the doubt. */
static bool stall_is_told(const Vigil *v, usec_t stored_usec) {
        return v->told[VIGIL_STALLED].n > 0 && v->told[VIGIL_STALLED].told_usec >= stored_usec;
}

int vigil_begin(Source *s, Watch *w, const StoredJob *stored) {
        const Engine *e = s->engine;

        w->vigil = (Vigil) { .progress_usec = engine_now(e).real_usec };
        int r = store_vigil_load(s->engine->ports.store, stored->id, &w->vigil);
        if (r < 0)
                return r;
        w->vigil.progress_usec = to_steady(e, w->vigil.progress_usec);
        w->vigil.status_usec = to_steady(e, stored->changed_usec);
        for (size_t i = 0; i < _VIGIL_KIND_MAX; i++)
                w->vigil.told[i].told_usec = to_steady(e, w->vigil.told[i].told_usec);
        w->progress_stored_usec = r > 0 ? w->vigil.progress_usec : 0;
        if (!stall_is_told(&w->vigil, w->progress_stored_usec))
                w->vigil.progress_usec =
                        MIN(usec_add(w->vigil.progress_usec, PROGRESS_LAG_USEC), engine_steady(e));
        w->vigil_changed_usec = stored->changed_usec;
        w->metrics_news = true;         /* a crash may have come between them and the look at them */
        vigil_set_job(w, stored);
        return 0;
}

void vigil_update(Source *s, Watch *w, const StoredJob *stored) {
        if (stored->changed_usec != w->vigil_changed_usec) {
                w->vigil.status_usec = engine_steady(s->engine);
                w->vigil_changed_usec = stored->changed_usec;
        }
        vigil_set_job(w, stored);
}

int vigil_compare(Source *s, int64_t job_row, const Job *before, const Job *now) {
        if (!streq(before->status, "running") || !streq(now->status, "running") ||
            !vigil_estimate_jumps(now->created_at, before->estimated_finish, now->estimated_finish))
                return 0;
        Watch *w = watch_find(s, now->id);
        if (w)
                w->vigil.estimate_wild = true;
        return store_vigil_set_wild(s->engine->ports.store, job_row);
}

int vigil_progress(Source *s, int64_t job_row, Watch *w) {
        if (w) {
                usec_t now = engine_steady(s->engine);
                w->vigil.progress_usec = now;
                w->vigil_next_usec = 0;
                if (!stall_is_told(&w->vigil, w->progress_stored_usec) &&
                    now < usec_add(w->progress_stored_usec, PROGRESS_LAG_USEC))
                        return 0;
                w->progress_stored_usec = now;
        }
        return store_vigil_progress(s->engine->ports.store, job_row, engine_now(s->engine).real_usec);
}

/* --- what is said ------------------------------------------------------------------------------------ */

/* Stamps are shown by the clock as it is now. */
static char *stamp_of(const Source *s, usec_t steady_usec, char buf[static STAMP_MAX]) {
        usec_t ago = usec_sub(engine_steady(s->engine), steady_usec);

        return format_stamp(usec_sub(engine_now(s->engine).real_usec, ago), buf);
}

static const char *last_message(const Notice *n) {
        for (size_t i = n->n_events; i > 0; i--)
                if (!isempty(n->events[i - 1]->message))
                        return n->events[i - 1]->message;
        return NULL;
}

/* Azure runs one job of a resource at a time and lets twenty wait (quotas and limits of the service). */
static int say_waiting(Source *s, const Watch *w, const Notice *n, const char *since, const char *span,
                       Buf *b) {
        const char *last = last_message(n);
        unsigned n_running = 0;

        int r = store_vigil_running(s->engine->ports.store, s->stored.id, &n_running);
        if (r < 0)
                return r;
        (void) buf_printf(b, "It has been %s since %s, for %s%s.", n->status, since, span,
                          w->silent ? " or longer" : "");
        if (last)
                (void) buf_printf(b, " Its last event: \xe2\x80\x9c%s\xe2\x80\x9d.", last);
        if (n_running > 0)
                (void) buf_printf(b, " Of this source %u other job%s running.", n_running,
                                  n_running == 1 ? " is" : "s are");
        return b->error;
}

static int say(Source *s, const Watch *w, VigilKind kind, Notice *n) {
        _cleanup_(buf_done) Buf b = BUF_INIT(DETAIL_MAX);
        usec_t since = vigil_since(&w->vigil, kind);
        usec_t now = kind == VIGIL_OVERDUE ? source_server_usec(s) : engine_steady(s->engine);
        char stamp[STAMP_MAX], span[SPAN_MAX];
        int64_t step = metrics_last_step(n->metrics);
        int r = 0;

        n->lasting_sec = (int64_t) (usec_sub(now, since) / USEC_PER_SEC);
        (void) format_span(usec_sub(now, since), span);
        switch (kind) {
        case VIGIL_STALLED:
                (void) buf_printf(&b, "No new event or metric was seen since %s, for %s",
                                  stamp_of(s, since, stamp), span);
                (void) (step >= 0 ? buf_printf(&b, "; its last step was %" PRIi64 ".", step) :
                                    buf_putc(&b, '.'));
                break;
        case VIGIL_WAITING:
                r = say_waiting(s, w, n, stamp_of(s, since, stamp), span, &b);
                break;
        case VIGIL_OVERDUE:
                (void) buf_printf(&b, "The service expected its end %s, %s ago.", format_stamp(since, stamp),
                                  span);
                break;
        default:
                (void) buf_printf(&b, "It has been paused since %s, for %s%s.", stamp_of(s, since, stamp),
                                  span, w->silent ? " or longer" : "");
        }
        return r < 0 ? r : buf_take(&b, &n->detail);
}

/* --- telling ----------------------------------------------------------------------------------------- */

/* 0: the job is gone from the store. */
static int vigil_compose(Source *s, const Watch *w, VigilKind kind, const VigilTold *told, Notice **ret) {
        _cleanup_(stored_job_freep) StoredJob *stored = NULL;
        _cleanup_(notice_freep) Notice *n = NULL;
        Store *store = s->engine->ports.store;
        char unique[64];

        int r = store_job_load_by_id(store, w->row, &stored);
        if (r <= 0)
                return r;
        /* The first notice of a pause is that of its status: these are the ones after it. */
        (void) snprintf(unique, sizeof unique, "%s%" PRIi64 ".%" PRIi64,
                        kind == VIGIL_PAUSED ? "again " : "", told->spell, told->n);
        r = compose_unique(s, stored->job, vigil_kind_type(kind), unique, engine_now(s->engine).real_usec,
                           &n);
        if (r >= 0)
                r = compose_details(store, w->row, n);
        if (r < 0)
                return r;
        n->reminder = kind == VIGIL_PAUSED ? told->n : told->n - 1;
        r = say(s, w, kind, n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(n);
        return 1;
}

/* A stall that is told has its beginning in the store, for the reminders after a restart. */
static int vigil_store_beginning(const Engine *e, const Watch *w) {
        usec_t ago = usec_sub(engine_steady(e), w->vigil.progress_usec);

        return store_vigil_progress(e->ports.store, w->row, usec_sub(engine_now(e).real_usec, ago));
}

static int vigil_tell_one(Source *s, Watch *w, VigilKind kind) {
        Engine *e = s->engine;
        VigilTold told = vigil_tell(&w->vigil, kind, engine_steady(e)), stored = told;
        _cleanup_(notice_freep) Notice *n = NULL;

        int r = observation_begin(e);
        if (r < 0)
                return r;
        r = vigil_compose(s, w, kind, &told, &n);
        if (r > 0)
                r = observation_tell(e, TAKE_PTR(n), &(Subject) { .source = s->stored.id, .job = w->row },
                                     NULL);
        stored.told_usec = engine_now(e).real_usec;
        if (r >= 0)
                r = store_vigil_told(e->ports.store, w->row, kind, &stored);
        if (r >= 0 && kind == VIGIL_STALLED)
                r = vigil_store_beginning(e, w);
        r = observation_end(e, r);
        if (r < 0)
                return r;
        w->vigil.told[kind] = told;
        if (kind == VIGIL_STALLED)
                w->progress_stored_usec = w->vigil.progress_usec;
        return 0;
}

int vigil_look(Source *s, Watch *w, bool have_events) {
        const SourceSettings *settings = s->settings;
        usec_t now = engine_steady(s->engine);

        if (now < w->vigil_next_usec)
                return 0;
        VigilLimits limits = {
                .stall_after_usec = have_events ? settings->stall_after_usec : 0,
                .wait_after_usec = settings->wait_after_usec,
                .overdue_grace_usec = settings->overdue_grace_usec,
                .remind = (Remind) settings->remind,
        };
        /* Each at most once: what was told is not due at once again. */
        for (unsigned i = 0; i < _VIGIL_KIND_MAX; i++) {
                VigilKind kind = vigil_due(&w->vigil, &limits, now, source_server_usec(s),
                                           &w->vigil_next_usec);
                if (kind == _VIGIL_KIND_NONE)
                        break;
                int r = vigil_tell_one(s, w, kind);
                if (r < 0)
                        return r;
        }
        if (!have_events)                       /* when they can be read a stall may be due before that */
                w->vigil_next_usec = 0;
        return 0;
}
