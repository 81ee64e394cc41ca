#include "engine/control.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "engine/compose.h"
#include "engine/engine_internal.h"
#include "engine/observation.h"
#include "engine/poller.h"
#include "store/outbox.h"

size_t engine_n_sources(const Engine *e) {
        return e->n_sources;
}

const char *engine_source_name(const Engine *e, size_t i) {
        return e->sources[i]->settings->name;
}

bool engine_has_source(const Engine *e, const char *name) {
        for (size_t i = 0; i < e->n_sources; i++)
                if (streq(engine_source_name(e, i), name))
                        return true;
        return false;
}

int engine_poll(Engine *e, const char *source, usec_t *ret_wait_usec) {
        usec_t now = engine_now(e).boot_usec, wait = USEC_INFINITY;
        size_t n_found = 0, n_polled = 0;

        for (size_t i = 0; i < e->n_sources; i++) {
                Source *s = e->sources[i];
                if (source && !streq(s->settings->name, source))
                        continue;
                n_found++;
                /* After a drain the engine that follows polls at once. */
                if (e->draining || poller_hasten(s) >= 0)
                        n_polled++;
                else
                        wait = MIN(wait, usec_sub(s->next_poll_usec, now));
        }
        if (n_found == 0)
                return -ENOENT;
        for (size_t i = 0; !source && n_polled > 0 && !e->draining && i < e->n_sources; i++)
                poller_report_pause(e->sources[i]);
        if (n_polled > 0)
                return 0;
        *ret_wait_usec = wait;
        return -EAGAIN;
}

int engine_probe(Engine *e, const char *source, usec_t limit_usec, probe_done_t done, void *userdata,
                 Probe **ret) {
        for (size_t i = 0; i < e->n_sources; i++)
                if (streq(engine_source_name(e, i), source))
                        return probe_new(ret, e->sources[i]->settings, e->ports.event, e->ports.http,
                                         limit_usec, done, userdata);
        return -ENOENT;
}

/* --- receivers --------------------------------------------------------------------------------------- */

size_t engine_n_receivers(const Engine *e) {
        return dispatcher_n_receivers(e->dispatcher);
}

const char *engine_receiver_name(const Engine *e, size_t i) {
        return dispatcher_receiver(e->dispatcher, i)->name;
}

static int find_receiver(const Engine *e, const char *name, size_t *ret) {
        for (size_t i = 0; i < engine_n_receivers(e); i++)
                if (streq(engine_receiver_name(e, i), name)) {
                        *ret = i;
                        return 0;
                }
        return -ENOENT;
}

bool engine_has_receiver(const Engine *e, const char *name) {
        size_t i;

        return find_receiver(e, name, &i) >= 0;
}

int engine_test(Engine *e, const char *receiver, NoticeType type, char ret_id[static NOTICE_ID_SIZE],
                usec_t *ret_wait_usec) {
        _cleanup_(notice_freep) Notice *n = NULL;
        size_t i;

        engine_check_clock(e);
        int r = find_receiver(e, receiver, &i);
        if (r >= 0)
                r = dispatcher_hasten(e->dispatcher, i, ret_wait_usec);
        if (r >= 0)
                r = compose_test(receiver, e->n_sources > 0 ? engine_source_name(e, 0) : NULL, type,
                                 engine_now(e).real_usec, &n);
        if (r < 0)
                return r;
        memcpy(ret_id, n->id, NOTICE_ID_SIZE);
        r = observation_begin(e);
        return r < 0 ? r
                     : observation_end(e,
                                       observation_tell(e, TAKE_PTR(n), &(Subject){ .first = true }, NULL));
}

int engine_receiver_names(const Engine *e, char ***ret) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < engine_n_receivers(e); i++)
                r = strv_extend(ret, engine_receiver_name(e, i));
        return r;
}

static void hasten_all(Engine *e) {
        usec_t wait;

        for (size_t i = 0; i < dispatcher_n_receivers(e->dispatcher); i++)
                (void) dispatcher_hasten(e->dispatcher, i, &wait);
        dispatcher_wake(e->dispatcher);
}

int engine_retry(Engine *e, const char *notice_id) {
        _cleanup_(strv_freep) char **names = NULL;
        int64_t seq = 0;
        int n = 0;

        engine_check_clock(e);
        int r = engine_receiver_names(e, &names);
        if (r >= 0)
                r = store_notice_find(e->ports.store, notice_id, &seq);
        if (r >= 0)
                r = observation_begin(e);
        if (r < 0)
                return r;
        n = store_deliveries_retry(e->ports.store, seq, names, engine_now(e).real_usec);
        e->owes = n > 0;
        r = observation_end(e, MIN(n, 0));
        if (r >= 0)
                hasten_all(e);
        return r < 0 ? r : n;
}

int engine_retry_dead(Engine *e, const char *receiver_glob, usec_t since_real_usec) {
        _cleanup_(strv_freep) char **names = NULL;
        int n = 0;

        engine_check_clock(e);
        int r = engine_receiver_names(e, &names);
        if (r >= 0)
                r = observation_begin(e);
        if (r < 0)
                return r;
        n = store_deliveries_retry_dead(e->ports.store, receiver_glob, since_real_usec, names,
                                        engine_now(e).real_usec);
        e->owes = n > 0;
        r = observation_end(e, MIN(n, 0));
        if (r >= 0 && n > 0)
                hasten_all(e);
        return r < 0 ? r : n;
}
