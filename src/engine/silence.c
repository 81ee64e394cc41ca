#include "engine/silence.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/strings.h"
#include "engine/engine_internal.h"
#include "engine/observation.h"
#include "store/silence.h"

#define AGAIN_USEC USEC_PER_MINUTE      /* after the store failed */

static void silences_arm(Engine *e, usec_t at_real_usec) {
        int enabled = at_real_usec == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT;

        if ((enabled != SD_EVENT_OFF && sd_event_source_set_time(e->silence_timer, at_real_usec) < 0) ||
            sd_event_source_set_enabled(e->silence_timer, enabled) < 0)
                log_error("cannot set the timer of silences");
}

/* The store knows how much each kept back. */
static int silences_read(Engine *e) {
        Silences all = {};

        int r = store_silences_load(e->ports.store, &all);
        if (r < 0)
                return r;
        silences_done(&e->silences);
        e->silences = all;
        silences_arm(e, silences_next_end(&e->silences));
        return 0;
}

static void log_end(const Silence *s) {
        log_notice("silence %lld is over (%s %s): %llu deliver%s kept back", (long long) s->id,
                   silence_kind_to_string(s->kind), s->pattern, (unsigned long long) s->n_silenced,
                   s->n_silenced == 1 ? "y was" : "ies were");
}

/* Ends those that `ends` says. Returns how many. */
static int silences_end(Engine *e, bool (*ends)(const Silence *s, int64_t with), int64_t with) {
        int n = 0;

        int r = silences_read(e);
        if (r >= 0)
                r = observation_begin(e);
        if (r < 0)
                return r;
        for (size_t i = 0; r >= 0 && i < e->silences.n; i++)
                if (ends(&e->silences.list[i], with)) {
                        r = store_silence_remove(e->ports.store, e->silences.list[i].id);
                        n++;
                }
        r = observation_end(e, r);
        if (r < 0)
                return r;
        for (size_t i = 0; i < e->silences.n; i++)
                if (ends(&e->silences.list[i], with))
                        log_end(&e->silences.list[i]);
        r = silences_read(e);
        return r < 0 ? r : n;
}

static bool is_over(const Silence *s, int64_t now) {
        return s->until_usec <= (usec_t) now;
}

static bool is_meant(const Silence *s, int64_t id) {
        return id == 0 || s->id == id;
}

static int on_silence_timer(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        Engine *e = userdata;

        engine_check_clock(e);          /* which may be why it is due */
        usec_t now = engine_now(e).real_usec;
        if (silences_end(e, is_over, (int64_t) now) < 0)
                silences_arm(e, usec_add(now, AGAIN_USEC));
        return 0;
}

int engine_silences_start(Engine *e) {
        int r = sd_event_add_time(e->ports.event, &e->silence_timer, CLOCK_REALTIME, 0, USEC_PER_SEC / 10,
                                  on_silence_timer, e);

        return r < 0 ? r : silences_read(e);
}

void engine_silences_renew(Engine *e) {
        if (silences_read(e) < 0)
                silences_arm(e, usec_add(engine_now(e).real_usec, AGAIN_USEC));
}

void engine_silences_stop(Engine *e) {
        e->silence_timer = sd_event_source_disable_unref(e->silence_timer);
        silences_done(&e->silences);
}

int engine_silence(Engine *e, Silence *s, usec_t span_usec) {
        char span[SPAN_MAX];

        engine_check_clock(e);
        s->since_usec = engine_now(e).real_usec;
        s->until_usec = usec_add(s->since_usec, MIN(span_usec, SILENCE_MAX_USEC));
        int r = observation_begin(e);
        if (r < 0)
                return r;
        r = store_silence_add(e->ports.store, s);
        e->owes = r >= 0;
        if (r == -ENOBUFS) {                    /* no fault of the store */
                (void) observation_end(e, 0);
                return r;
        }
        r = observation_end(e, r);
        if (r >= 0)
                r = silences_read(e);
        if (r < 0)
                return r;
        log_notice("silence %lld begins: %s %s is not told for %s%s%s", (long long) s->id,
                   silence_kind_to_string(s->kind), s->pattern, format_span(span_usec, span),
                   s->comment ? ": " : "", strempty(s->comment));
        return 0;
}

int engine_unsilence(Engine *e, int64_t id) {
        int n = silences_end(e, is_meant, id);

        return n == 0 && id != 0 ? -ENOENT : n;
}

int engine_list_silences(Engine *e, Silences *ret) {
        return store_silences_load(e->ports.store, ret);
}
