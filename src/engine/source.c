#include "engine/source.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/strings.h"
#include "engine/engine_internal.h"
#include "engine/job_poll.h"
#include "engine/poller.h"
#include "engine/tail.h"
#include "engine/watch.h"

usec_t source_server_usec(const Source *s) {
        usec_t now = engine_steady(s->engine);

        return s->server_ahead_usec < 0 ? usec_sub(now, (usec_t) -s->server_ahead_usec) :
                                          usec_add(now, (usec_t) s->server_ahead_usec);
}

bool source_may_ask(const Source *s) {
        return budget_has(&s->budget, s->settings->requests_per_minute, engine_now(s->engine).boot_usec);
}

bool source_is_held(const Source *s) {
        return s->held_until_usec > engine_now(s->engine).boot_usec;
}

void source_set_server_date(Source *s, int64_t date) {
        if (date > 0)
                s->server_ahead_usec = date * (int64_t) USEC_PER_SEC - (int64_t) engine_steady(s->engine);
}

static int source_load_trouble(Source *s) {
        _cleanup_free_ char *subject = NULL;

        int r = string_printf(&subject, "source:%s", s->settings->name);
        if (r >= 0)
                r = store_trouble_load(s->engine->ports.store, subject, &s->trouble);
        return MIN(r, 0);
}

int source_new(Source **ret, Engine *e, const SourceSettings *settings) {
        _cleanup_(source_freep) Source *s = calloc(1, sizeof *s);

        if (!s)
                return -ENOMEM;
        s->engine = e;
        s->settings = settings;
        s->gate.silent = true;
        s->list_limit = 10;
        s->cover_pages = 1;
        int r = store_source_load(e->ports.store, settings->name, &s->stored);
        if (r == 0)
                r = -ENOENT;
        if (r >= 0)
                r = source_load_trouble(s);
        if (r >= 0)
                r = watches_load(s);
        if (r >= 0 && !source_settings_key(settings))
                r = token_attach(e, settings, &s->token);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

Source *source_free(Source *s) {
        JobPoll *p, *next;

        if (!s)
                return NULL;
        poller_stop(s);
        s->call = source_cancel(s->call);
        DL_FOREACH_SAFE(s->job_polls, p, next)
                job_poll_free(p);
        tails_cancel(s);
        watches_free(s);
        row_cache_done(&s->list);
        stored_source_done(&s->stored);
        free(s->cover_after);
        free(s);
        return NULL;
}
