#include "engine/control.h"

#include <errno.h>

#include "base/strings.h"
#include "engine/engine_internal.h"
#include "engine/poller.h"

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
        if (n_polled > 0)
                return 0;
        *ret_wait_usec = wait;
        return -EAGAIN;
}
