#include "daemon/manager.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <systemd/sd-daemon.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/strings.h"

#define STATUS_MAX (ENGINE_TROUBLES_MAX + 1024U)
#define STATUS_INTERVAL_USEC USEC_PER_SEC
#define START_EXTEND_USEC USEC_PER_MINUTE /* beyond what one request may take */

struct Manager {
        sd_event *event;
        sd_event_source *watchdog;
        usec_t watchdog_usec;           /* how often it is petted */
        sd_event_source *late;          /* tells the status, when it was told just now */
        usec_t told_usec;               /* monotonic, when that was */
        Engine *engine;
        bool present, ready, stopping;
        const char *outdated; /* why an older configuration than that on disk is in force; NULL: it is not */
        char *status; /* as it was told */
};

static void manager_arm(Manager *m) {
        if (sd_event_source_set_time_relative(m->watchdog, m->watchdog_usec) < 0 ||
            sd_event_source_set_enabled(m->watchdog, SD_EVENT_ONESHOT) < 0)
                log_error("cannot set the watchdog timer");
}

/* Not whether the loop turns, but whether the work is done: polls begin in time and deliveries do not lie
 * about. */
static int on_watchdog(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;

        (void) source;
        (void) usec;
        if (!m->engine || engine_health_ok(m->engine))
                (void) sd_notify(false, "WATCHDOG=1");
        else
                log_error("polls or deliveries are late without a reason: the watchdog is not answered");
        manager_arm(m);
        return 0;
}

static int manager_status(Manager *m, const EngineStatus *st, Buf *ret) {
        if (m->outdated)
                (void) buf_printf(ret, "configuration not reloaded, %s; ", m->outdated);
        (void) buf_printf(ret, "%zu of %zu sources answer, %llu unfinished jobs, %llu deliveries owed",
                          st->n_sources_ok, st->n_sources, (unsigned long long) st->n_active,
                          (unsigned long long) st->n_owed);
        _cleanup_(buf_done) Buf troubles = BUF_INIT(ENGINE_TROUBLES_MAX);
        if (engine_describe_troubles(m->engine, &troubles) >= 0 && troubles.size > 0)
                (void) buf_printf(ret, "; in trouble: %s", buf_string(&troubles));
        return ret->error;
}

static void manager_tell(Manager *m) {
        _cleanup_(buf_done) Buf status = BUF_INIT(STATUS_MAX);
        EngineStatus st;

        if (!m->engine || engine_get_status(m->engine, &st) < 0)
                return;
        (void) sd_event_now(m->event, CLOCK_MONOTONIC, &m->told_usec);
        if (manager_status(m, &st, &status) >= 0 && !streq_null(buf_string(&status), m->status) &&
            free_and_strdup(&m->status, buf_string(&status)) >= 0)
                (void) sd_notifyf(false, "STATUS=%s", m->status);
        if (m->ready)
                return;
        if (st.n_sources_polled == st.n_sources) {
                m->ready = true;
                (void) sd_notify(false, "READY=1");
        } else
                (void) sd_notifyf(false, "EXTEND_TIMEOUT_USEC=%llu",
                                  (unsigned long long) usec_add(st.request_usec, START_EXTEND_USEC));
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) source;
        (void) usec;
        manager_tell(userdata);
        return 0;
}

int manager_new(Manager **ret, sd_event *event) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof *m);
        uint64_t watchdog_usec = 0;

        if (!m)
                return -ENOMEM;
        m->event = sd_event_ref(event);
        m->present = getenv("NOTIFY_SOCKET") != NULL;
        int r = sd_event_add_time(event, &m->late, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_late, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->late, SD_EVENT_OFF);
        if (r < 0)
                return r;
        if (sd_watchdog_enabled(false, &watchdog_usec) > 0) {
                m->watchdog_usec = watchdog_usec / 3;
                r = sd_event_add_time_relative(event, &m->watchdog, CLOCK_MONOTONIC, m->watchdog_usec,
                                               m->watchdog_usec / 10 + 1, on_watchdog, m);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        sd_event_source_disable_unref(m->watchdog);
        sd_event_source_disable_unref(m->late);
        sd_event_unref(m->event);
        /* `systemctl status` shows the last one for as long as the service is stopped. */
        if (m->stopping)
                (void) sd_notify(false, "STATUS=");
        free(m->status);
        free(m);
        return NULL;
}

/* The first request may take longer than a start. */
void manager_watch(Manager *m, Engine *engine) {
        m->engine = engine;
        if (m->present && !m->ready)
                manager_tell(m);
}

/* Every page and every delivery is a change, and what is owed has to be counted. */
void manager_update(Manager *m) {
        usec_t now = 0;

        if (!m->present)
                return;
        (void) sd_event_now(m->event, CLOCK_MONOTONIC, &now);
        if (!m->ready || usec_sub(now, m->told_usec) >= STATUS_INTERVAL_USEC)
                manager_tell(m);
        else if (sd_event_source_set_time(m->late, usec_add(m->told_usec, STATUS_INTERVAL_USEC)) < 0 ||
                 sd_event_source_set_enabled(m->late, SD_EVENT_ONESHOT) < 0)
                log_error("cannot set the timer of the status");
}

/* MONOTONIC_USEC is what Type=notify-reload (systemd 253) wants beside RELOADING; older ones ignore it. */
void manager_reloading(Manager *m) {
        if (m->present && m->ready)
                (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu",
                                  (unsigned long long) clock_usec(CLOCK_MONOTONIC));
}

void manager_reloaded(Manager *m) {
        m->outdated = NULL;
        if (m->ready)
                (void) sd_notify(false, "READY=1");
}

void manager_reload_failed(Manager *m, const char *why) {
        manager_reloaded(m);
        m->outdated = why;
        manager_update(m);
}

void manager_stopping(Manager *m, usec_t timeout_usec) {
        m->engine = NULL;
        m->stopping = true;
        (void) sd_notifyf(false,
                          "STOPPING=1\nSTATUS=waiting for deliveries in flight\nEXTEND_TIMEOUT_USEC=%llu",
                          (unsigned long long) usec_add(timeout_usec, 5 * USEC_PER_SEC));
}
