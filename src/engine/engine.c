#include "engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/strings.h"
#include "engine/engine_internal.h"
#include "engine/lane.h"
#include "engine/poller.h"
#include "engine/silence.h"
#include "engine/tail.h"
#include "engine/watch.h"
#include "store/outbox.h"

/* First polls of many sources are spread: over a second, or as one after the other takes at first contact.
 */
#define SPREAD_USEC USEC_PER_SEC
#define SPREAD_EACH_USEC (10 * USEC_PER_MSEC)
#define PRUNE_INTERVAL_USEC USEC_PER_DAY
#define PRUNE_ROWS 5000U                /* a transaction */
/* On a full disk a small write passes between two that fail: so long after the last failure one says that
 * there is room again. */
#define STORE_CALM_USEC (5 * USEC_PER_SEC)
#define STORE_CALM_SMALL_USEC (5 * USEC_PER_MINUTE)     /* where nothing was owed for it */
#define ABANDON_AGE_USEC (3 * USEC_PER_DAY)

uint32_t engine_random(void) {
        uint32_t v = 0;

        /* Never blocks after early boot; on failure the jitter is nil, which is legal. */
        (void) !getrandom(&v, sizeof v, GRND_NONBLOCK);
        return v;
}

static void source_shift_clock(Source *s, int64_t step_usec) {
        trouble_shift(&s->trouble, step_usec);
        watches_shift_clock(s, step_usec);
        tails_shift_clock(s, step_usec);
}

void engine_check_clock(Engine *e) {
        Now now = engine_now(e);
        int64_t step = e->seen.boot_usec > 0 ? clock_step(&e->seen, &now) : 0;
        char span[SPAN_MAX];

        if (step == 0 || !e->ports.store) {
                e->seen = now;
                return;
        }
        int r = observation_begin(e);
        if (r >= 0)
                r = observation_end(e, store_shift_clock(e->ports.store, usec_shift(now.real_usec, -step),
                                                         step));
        if (r < 0)                              /* the next look tries again */
                return;
        e->seen = now;
        for (size_t i = 0; i < e->n_sources; i++)
                source_shift_clock(e->sources[i], step);
        dispatcher_shift_clock(e->dispatcher, step);
        engine_silences_renew(e);
        log_notice("the clock was set %s by %s: what waits for its time waits as long as before",
                   step > 0 ? "ahead" : "back",
                   format_span((usec_t) (step > 0 ? step : -step), span));
}

/* What keeps the state from being written, and what is done about it. */
static const struct {
        int error;
        const char *what, *advice;      /* NULL: only what */
} store_hints[] = {
        { -ENOSPC, "the disk is full", "the disk is full: make room; polling goes on and nothing is lost" },
        { -EBUSY, "another program holds the lock", NULL },
        { -EROFS, "the file system or the file is read-only", NULL },
        { -EUCLEAN, "the database is damaged", NULL },
        { -ESTALE, "the file was deleted or replaced while it was in use", NULL },
};

static const char *store_hint(int error, bool advise) {
        for (size_t i = 0; i < ARRAY_SIZE(store_hints); i++)
                if (store_hints[i].error == error)
                        return advise && store_hints[i].advice ? store_hints[i].advice : store_hints[i].what;
        return strerror(-error);
}

const char *engine_error_text(const Engine *e, int error, char ret[static ENGINE_ERROR_MAX]) {
        bool of_store = error != 0 && error == e->store_error;

        (void) snprintf(ret, ENGINE_ERROR_MAX, "%s%s", of_store ? "the state cannot be written: " : "",
                        of_store ? store_hint(error, false) : strerror(-error));
        return ret;
}

Outcome engine_outcome(const Engine *e, int error) {
        char text[ENGINE_ERROR_MAX];

        return outcome_make(OUTCOME_RETRY, REASON_INTERNAL, 0, engine_error_text(e, error, text));
}

int engine_store_failed(Engine *e, int error) {
        if (e->broken == 0 && error != e->store_error)
                log_error("cannot write the state: %s (%s)", store_hint(error, true),
                          store_error(e->ports.store, error));
        e->store_error = error;
        e->store_failed_usec = engine_now(e).boot_usec;
        if ((error == -EUCLEAN || error == -ESTALE) && e->broken == 0) {
                e->broken = error;
                engine_check_idle(e);
        }
        return error;
}

void engine_store_works(Engine *e, bool durable) {
        usec_t calm = durable ? STORE_CALM_USEC : STORE_CALM_SMALL_USEC;

        if (e->store_error == 0 || engine_now(e).boot_usec < usec_add(e->store_failed_usec, calm))
                return;
        e->store_error = 0;
        log_notice("the state can be written again");
        engine_changed(e);
}

/* --- idle, drained, broken --------------------------------------------------------------------------- */

static bool engine_is_idle(const Engine *e) {
        if (!e->draining)
                for (size_t i = 0; i < e->n_sources; i++)
                        if (e->sources[i]->polling || e->sources[i]->n_polls == 0 ||
                            tails_are_urgent(e->sources[i]))
                                return false;
        return e->draining ? !dispatcher_is_sending(e->dispatcher) : dispatcher_is_idle(e->dispatcher);
}

static int on_idle(sd_event_source *source, void *userdata) {
        Engine *e = userdata;

        (void) source;
        if (e->broken < 0)
                e->ports.on_broken(e->broken, e->ports.userdata);
        else if ((e->once || e->draining) && engine_is_idle(e))
                e->ports.on_idle(e->ports.userdata);
        return 0;
}

void engine_changed(Engine *e) {
        e->ports.on_change(e->ports.userdata);
        engine_check_idle(e);
}

void engine_check_idle(Engine *e) {
        if (e->once || e->draining || e->broken < 0)
                (void) sd_event_source_set_enabled(e->idle, SD_EVENT_ONESHOT);
}

static int on_drain_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Engine *e = userdata;

        (void) source;
        (void) usec;
        log_info("some deliveries did not end in time; they are sent again after the next start");
        e->ports.on_idle(e->ports.userdata);
        return 0;
}

int engine_drain(Engine *e, usec_t timeout_usec) {
        e->draining = true;
        e->drain_timer = sd_event_source_disable_unref(e->drain_timer);         /* a drain before this one */
        for (size_t i = 0; i < e->n_sources; i++)
                poller_stop(e->sources[i]);
        dispatcher_drain(e->dispatcher);
        int r = sd_event_add_time_relative(e->ports.event, &e->drain_timer, CLOCK_BOOTTIME, timeout_usec,
                                           USEC_PER_MSEC, on_drain_timer, e);
        engine_check_idle(e);
        return r;
}

/* --- beginning and end ------------------------------------------------------------------------------- */

static int engine_attach_sources(Engine *e) {
        size_t n = e->config->n_sources;
        _cleanup_free_ SourceName *names = calloc(n + 1, sizeof *names);

        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                names[i] = (SourceName) { e->config->sources[i]->name, e->config->sources[i]->endpoint };
        return store_sources_attach(e->ports.store, names, n);
}

static int engine_add_sources(Engine *e) {
        e->sources = calloc(e->config->n_sources + 1, sizeof(Source *));
        int r = e->sources ? 0 : -ENOMEM;
        for (size_t i = 0; r >= 0 && i < e->config->n_sources; i++) {
                r = source_new(&e->sources[i], e, e->config->sources[i]);
                if (r >= 0)
                        e->n_sources++;
        }
        return r;
}

static int subjects_add(char ***subjects, const char *prefix, const char *name) {
        _cleanup_free_ char *subject = NULL;

        int r = string_printf(&subject, "%s%s", prefix, name);
        return r < 0 ? r : strv_extend(subjects, subject);
}

int engine_reset_deliveries(Engine *e) {
        int r = e->has_reset ? 0 : store_deliveries_reset(e->ports.store);

        e->has_reset = r >= 0;
        return r;
}

/* What is wrong with a source or receiver that nobody configures any more is nobody's trouble. */
static int engine_forget_troubles(Engine *e) {
        _cleanup_(strv_freep) char **subjects = NULL;
        size_t n_receivers = dispatcher_n_receivers(e->dispatcher);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < e->n_sources; i++)
                r = subjects_add(&subjects, "source:", e->config->sources[i]->name);
        for (size_t i = 0; r >= 0 && i < n_receivers; i++) {
                const char *name = dispatcher_receiver(e->dispatcher, i)->name;
                r = subjects_add(&subjects, LANE_TROUBLE, name);
                if (r >= 0)
                        r = subjects_add(&subjects, LANE_REFUSALS, name);
        }
        return r < 0 ? r : store_troubles_keep(e->ports.store, subjects);
}

/* Last of all, when everything else of the turn has run. */
static int engine_add_idle(Engine *e) {
        int r = sd_event_add_defer(e->ports.event, &e->idle, on_idle, e);

        if (r >= 0)
                r = sd_event_source_set_enabled(e->idle, SD_EVENT_OFF);
        return r < 0 ? r : sd_event_source_set_priority(e->idle, SD_EVENT_PRIORITY_IDLE);
}

static int engine_cannot_start(const char *step, int error) {
        log_error("cannot start: %s: %s", step, store_hint(error, false));
        return error;
}

int engine_new(Engine **ret, const Config *config, const EnginePorts *ports) {
        _cleanup_(engine_freep) Engine *e = calloc(1, sizeof *e);

        if (!e)
                return engine_cannot_start("the engine cannot be set up", -ENOMEM);
        e->config = config;
        e->ports = *ports;
        Now now = engine_now(e);
        e->steady_usec = usec_sub(now.real_usec, now.boot_usec);
        int r = engine_add_idle(e);
        if (r >= 0)
                r = gate_new(&e->gate, ports->event, config->connections, ports->slow_connections);
        if (r < 0)
                return engine_cannot_start("the engine cannot be set up", r);
        r = engine_attach_sources(e);
        if (r < 0)
                return engine_cannot_start("a source that is new or renamed cannot be written to the state",
                                           r);
        r = dispatcher_new(&e->dispatcher, e);
        if (r >= 0)
                r = engine_add_sources(e);
        if (r >= 0)
                r = engine_silences_start(e);
        if (r < 0)
                return engine_cannot_start("the state cannot be read", r);
        /* A state that cannot be written is no reason not to watch: that may be over soon. */
        r = engine_forget_troubles(e);
        if (r < 0)
                (void) engine_store_failed(e, r);
        *ret = TAKE_PTR(e);
        return 0;
}

Engine *engine_free(Engine *e) {
        if (!e)
                return NULL;
        if (e->gate)
                gate_close(e->gate);
        for (size_t i = 0; i < e->n_sources; i++)
                source_free(e->sources[i]);
        free(e->sources);
        tokens_free(e);
        gate_free(e->gate);
        dispatcher_free(e->dispatcher);
        sd_event_source_disable_unref(e->idle);
        sd_event_source_disable_unref(e->drain_timer);
        sd_event_source_disable_unref(e->prune_timer);
        engine_silences_stop(e);
        free(e->told);
        free(e);
        return NULL;
}

static int engine_abandon(Engine *e) {
        _cleanup_(strv_freep) char **names = NULL;
        usec_t now = engine_now(e).real_usec;

        int r = engine_receiver_names(e, &names);
        if (r >= 0)
                r = store_deliveries_abandon(e->ports.store, names, usec_sub(now, ABANDON_AGE_USEC), now);
        if (r > 0)
                log_warning("gave up %d deliveries owed to receivers that are no longer configured", r);
        return r;
}

/* How many rows went. */
static int engine_prune(Engine *e) {
        usec_t history_usec = e->config->history_usec;
        int n = 0;

        int r = observation_begin(e);
        if (r < 0)
                return r;
        if (history_usec > 0)
                r = n = store_prune(e->ports.store, usec_sub(engine_now(e).real_usec, history_usec),
                                    PRUNE_ROWS);
        if (r >= 0)
                r = engine_abandon(e);
        r = observation_end(e, MIN(r, 0));
        return r < 0 ? r : n;
}

static int on_prune(sd_event_source *source, uint64_t usec, void *userdata) {
        Engine *e = userdata;
        usec_t again = PRUNE_INTERVAL_USEC;

        (void) source;
        (void) usec;
        engine_check_clock(e);
        int n = engine_prune(e);
        if (n < 0)
                again = USEC_PER_HOUR;
        else if (n >= (int) PRUNE_ROWS)
                again = USEC_PER_SEC; /* in steps: a transaction of months would hold up deliveries */
        if (sd_event_source_set_time_relative(e->prune_timer, again) < 0 ||
            sd_event_source_set_enabled(e->prune_timer, SD_EVENT_ONESHOT) < 0)
                log_error("cannot set the timer that prunes the state");
        return 0;
}

static Source *engine_source_by_row(const Engine *e, int64_t row) {
        for (size_t i = 0; i < e->n_sources; i++)
                if (e->sources[i]->stored.id == row)
                        return e->sources[i];
        return NULL;
}

/* Terminal notices whose details were being fetched when the last run ended. Of a source that is no longer
 * configured there is nobody to ask. */
static int engine_resume_tails(Engine *e) {
        _cleanup_free_ PendingNotice *pending = NULL;
        size_t n = 0;

        int r = store_notices_to_enrich(e->ports.store, &pending, &n);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                Source *s = engine_source_by_row(e, pending[i].source);
                if (s) {
                        r = tail_start(s, pending[i].job, pending[i].seq);
                        continue;
                }
                /* What cannot be written now is sent when its time has come, and no reason not to start. */
                int q = store_notice_stop_waiting(e->ports.store, pending[i].seq);
                if (q < 0)
                        (void) engine_store_failed(e, q);
        }
        return r;
}

int engine_start(Engine *e, bool once) {
        e->once = once;
        e->seen = engine_now(e);
        usec_t spread = e->n_sources > 1 && !once ? MAX(SPREAD_USEC, SPREAD_EACH_USEC * e->n_sources) : 0;

        int r = engine_resume_tails(e);
        for (size_t i = 0; r >= 0 && i < e->n_sources; i++)
                r = poller_start(e->sources[i], spread * i / e->n_sources);
        if (r >= 0 && !once)
                r = sd_event_add_time_relative(e->ports.event, &e->prune_timer, CLOCK_BOOTTIME,
                                               USEC_PER_MINUTE, USEC_PER_MINUTE, on_prune, e);
        if (r < 0)
                return engine_cannot_start("polling cannot begin", r);
        dispatcher_wake(e->dispatcher);
        engine_check_idle(e);
        return 0;
}

/* --- what others may know ---------------------------------------------------------------------------- */

int engine_get_status(Engine *e, EngineStatus *ret) {
        EngineStatus st = { .n_sources = e->n_sources };

        for (size_t i = 0; i < e->n_sources; i++) {
                const Source *s = e->sources[i];
                st.n_active += watches_count(s);
                st.n_sources_polled += s->n_polls > 0;
                st.n_sources_ok += s->n_polls > 0 && s->n_failed == 0;
                st.request_usec = MAX(st.request_usec, s->settings->timeout_usec);
        }
        int r = store_deliveries_count(e->ports.store, &st.n_owed);
        if (r < 0)
                return r;
        *ret = st;
        return 0;
}

bool engine_health_ok(Engine *e) {
        usec_t now = engine_now(e).boot_usec;

        for (size_t i = 0; i < e->n_sources; i++) {
                const Source *s = e->sources[i];
                usec_t schedule = usec_sub(s->next_poll_usec, s->poll_started_usec);
                /* A poll has its own deadlines; what it may not do is not to begin. */
                if (!s->polling && s->n_polls > 0 &&
                    usec_add(s->next_poll_usec, MAX(schedule, USEC_PER_MINUTE)) < now)
                        return false;
        }
        return e->broken == 0 && dispatcher_health_ok(e->dispatcher);
}

int engine_dump(Engine *e, Buf *ret) {
        usec_t now = engine_now(e).boot_usec;
        char span[SPAN_MAX];

        for (size_t i = 0; i < e->n_sources; i++) {
                const Source *s = e->sources[i];
                (void) buf_printf(
                        ret, "source %s: %zu unfinished jobs, %llu polls, %llu failed in a row (%s), %s%s\n",
                        s->settings->name, watches_count(s), (unsigned long long) s->n_polls,
                        (unsigned long long) s->n_failed, reason_to_string(s->outcome.reason),
                        s->polling ? "polling now" : "next poll in ",
                        s->polling ? "" : format_span(usec_sub(s->next_poll_usec, now), span));
        }
        return dispatcher_dump(e->dispatcher, ret);
}
