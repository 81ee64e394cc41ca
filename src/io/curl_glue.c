/* How it works. libcurl says by two callbacks which descriptors it waits for (socket_cb) and when it wants
 * to be called next (timer_cb); each event drives it one step (curl_multi_socket_action). What has ended is
 * read from libcurl's message queue behind that step, a batch at a time, so that nothing of libcurl is below
 * a user's callback on the stack.
 *
 * Pitfalls that shaped it:
 * - An sd-event timer of accuracy 0 is one of 250 ms. And libcurl asks for 0 ms in every transfer: that goes
 *   to a defer source, which costs no system call.
 * - Several transfers can end in one step and nothing announces the rest: the queue is read until it is
 *   empty.
 * - An error of curl_multi_socket_action(3) leaves every transfer's state uncertain, so all end
 *   (glue_break).
 * - CURL_POLL_REMOVE may come after the descriptor was closed, its number may be another's by then: sockets
 *   are known by the pointer libcurl keeps (curl_multi_assign), never by number.
 * - curl_multi_cleanup() still calls both callbacks, maybe after the loop has ended.
 * - Several releases of libcurl left a readable descriptor in the loop for ever (7.87, 8.9.0, 8.20.0):
 *   sources are rate limited, so that such a bug costs one per cent of a processor instead of all of it. */
#include "io/curl_glue.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <utlist.h>

#include "base/time.h"

#define BURST_INTERVAL_USEC (100 * USEC_PER_MSEC)
#define BURST_MAX 1000U                 /* steps in an interval; a busy transfer makes a tenth of that */
#define DRAIN_BATCH 16U                 /* completions before the rest of the loop has its turn */
#define CONNECTIONS_KEPT 64U            /* libcurl's own choice is 4 for each transfer under way */
#define SPARES_MAX 8U                   /* easy handles kept: as many as one source uses at a time, twice */

typedef struct GlueSocket GlueSocket;

struct GlueSocket {
        sd_event_source *io;
        GlueSocket *prev, *next;
};

struct CurlCall {
        CurlGlue *glue;
        CURL *easy;
        curl_done_t done;
        void *userdata;
        bool held;                      /* goes on after a success */
        bool waiting;                   /* for its turn, unknown to libcurl */
        bool running;                   /* its callback is */
        bool broken;                    /* ended by an error of the multi handle */
        bool succeeded;
        CurlCall *prev, *next;
};

struct CurlGlue {
        sd_event *event;
        CURLM *multi;
        sd_event_source *timer;
        sd_event_source *kick;          /* a timeout of 0 ms */
        sd_event_source *drain;         /* completions */
        GlueSocket *sockets;
        CurlCall *calls;                /* libcurl has them, or had before it broke */
        CurlCall *waiting;
        CURL *spares[SPARES_MAX];       /* handles that were used and reset */
        unsigned n_spares;
        unsigned n_running, n_broken;   /* of the calls */
        unsigned max_running, max_kept;
        bool in_curl;
        bool draining;
};

static bool loop_is_finished(CurlGlue *g) {
        return sd_event_get_state(g->event) == SD_EVENT_FINISHED;
}

static void glue_start_waiting(CurlGlue *g);

static void call_detach(CurlCall *c) {
        CurlGlue *g = c->glue;

        if (c->waiting) {
                DL_DELETE(g->waiting, c);
                return;
        }
        DL_DELETE(g->calls, c);
        if (c->broken)                  /* left libcurl before */
                g->n_broken--;
        else {
                g->in_curl = true;
                (void) curl_multi_remove_handle(g->multi, c->easy);
                g->in_curl = false;
                g->n_running--;
        }
        glue_start_waiting(g);
}

/* A new handle costs more than all options of a request. Reset, for one not only the options: libcurl 7.88
 * counts retries of a handle over all its transfers, and after five of them every one fails
 * (https://github.com/curl/curl/issues/10652); curl_easy_reset() begins that count anew. Not after a
 * failure: a buffer that is left over refuses CURLOPT_BUFFERSIZE. */
static void easy_recycle(CurlGlue *g, CURL *easy) {
        if (g->n_spares == SPARES_MAX) {
                curl_easy_cleanup(easy);
                return;
        }
        curl_easy_reset(easy);
        g->spares[g->n_spares++] = easy;
}

CURL *curl_glue_take_easy(CurlGlue *g) {
        return g->n_spares > 0 ? g->spares[--g->n_spares] : curl_easy_init();
}

static void call_free(CurlCall *c) {
        if (c->succeeded && !c->held)
                easy_recycle(c->glue, c->easy);
        else
                curl_easy_cleanup(c->easy);
        free(c);
}

CurlCall *curl_call_cancel(CurlCall *c) {
        if (!c || c->running)
                return NULL;
        assert(!c->glue->in_curl);
        call_detach(c);
        call_free(c);
        return NULL;
}

static void call_finish(CurlCall *c, CURLcode code) {
        if (c->held && code == CURLE_OK) {
                c->done(c->easy, code, c->userdata);    /* may cancel it */
                return;
        }
        call_detach(c);
        /* The owner's, who may be gone before the handle is: CURLOPT_ERRORBUFFER(3). */
        (void) curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, NULL);
        c->running = true;
        c->succeeded = code == CURLE_OK;
        c->done(c->easy, code, c->userdata);
        call_free(c);
}

/* The next transfer that has ended, or NULL. */
static CurlCall *glue_next_ended(CurlGlue *g, CURLcode *ret_code) {
        CurlCall *c = NULL;
        CURLMsg *m;
        int left;

        if (g->n_broken > 0) {
                for (c = g->calls; c && !c->broken;)
                        c = c->next;
                *ret_code = CURLE_SEND_ERROR;
                return c;
        }
        if (!g->multi)
                return NULL;
        do
                m = curl_multi_info_read(g->multi, &left);
        while (m && m->msg != CURLMSG_DONE);
        if (!m)
                return NULL;
        *ret_code = m->data.result;     /* m is gone after curl_multi_remove_handle() */
        (void) curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **) &c);
        return c;
}

/* Once more round the loop costs two system calls: so this is also called behind libcurl, from the handlers
 * of its events. */
static int glue_drain(CurlGlue *g) {
        int exit_code;

        for (unsigned i = 0; i < DRAIN_BATCH; i++) {
                CURLcode code;
                if (sd_event_get_exit_code(g->event, &exit_code) >= 0)  /* owners are going away */
                        return 0;
                CurlCall *c = glue_next_ended(g, &code);
                if (!c)
                        return 0;
                g->draining = true;
                call_finish(c, code);
                g->draining = false;
        }
        return sd_event_source_set_enabled(g->drain, SD_EVENT_ONESHOT);
}

static int on_drain(_unused_ sd_event_source *s, void *userdata) {
        return glue_drain(userdata);
}

static int glue_drive(CurlGlue *g, curl_socket_t fd, int bits);

static int on_io(_unused_ sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        int bits = 0;

        if (revents & (EPOLLIN | EPOLLHUP))
                bits |= CURL_CSELECT_IN;
        if (revents & EPOLLOUT)
                bits |= CURL_CSELECT_OUT;
        if (revents & EPOLLERR)
                bits |= CURL_CSELECT_ERR;
        return glue_drive(userdata, fd, bits);
}

static int on_timer(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        return glue_drive(userdata, CURL_SOCKET_TIMEOUT, 0);
}

static int on_kick(_unused_ sd_event_source *s, void *userdata) {
        return glue_drive(userdata, CURL_SOCKET_TIMEOUT, 0);
}

static void socket_free(CurlGlue *g, GlueSocket *sock) {
        DL_DELETE(g->sockets, sock);
        sd_event_source_disable_unref(sock->io);
        free(sock);
}

static int socket_add(CurlGlue *g, curl_socket_t fd, uint32_t events) {
        GlueSocket *sock = calloc(1, sizeof *sock);

        if (!sock)
                return -ENOMEM;
        int r = sd_event_add_io(g->event, &sock->io, fd, events, on_io, g);
        if (r < 0) {
                free(sock);
                return r;
        }
        DL_APPEND(g->sockets, sock);
        r = sd_event_source_set_ratelimit(sock->io, BURST_INTERVAL_USEC, BURST_MAX);
        if (r >= 0 && curl_multi_assign(g->multi, fd, sock) != CURLM_OK)
                r = -EIO;
        if (r < 0) {
                socket_free(g, sock);
                return r;
        }
        (void) sd_event_source_set_description(sock->io, "curl-io");
        return 0;
}

/* -1 from here or from timer_cb ends every transfer. The easy handle may be any, also one of libcurl's own.
 */
static int socket_cb(_unused_ CURL *easy, curl_socket_t fd, int what, void *userdata, void *socketp) {
        CurlGlue *g = userdata;
        uint32_t events = 0;

        if (what == CURL_POLL_REMOVE) {
                if (socketp)
                        socket_free(g, socketp);
                return 0;
        }
        if (loop_is_finished(g))
                return 0;
        if (what & CURL_POLL_IN)
                events |= EPOLLIN;
        if (what & CURL_POLL_OUT)
                events |= EPOLLOUT;
        int r = socketp ? sd_event_source_set_io_events(((GlueSocket *) socketp)->io, events)
                        : socket_add(g, fd, events);
        return r < 0 ? -1 : 0;
}

static int timer_cb(_unused_ CURLM *multi, long timeout_ms, void *userdata) {
        CurlGlue *g = userdata;

        if (loop_is_finished(g))
                return 0;
        int r = sd_event_source_set_enabled(g->kick, timeout_ms == 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        if (r >= 0 && timeout_ms > 0)   /* never early: libcurl would only ask again */
                r = sd_event_source_set_time_relative(g->timer, (uint64_t) timeout_ms * USEC_PER_MSEC + 999);
        if (r >= 0)
                r = sd_event_source_set_enabled(g->timer, timeout_ms > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        return r < 0 ? -1 : 0;
}

static void glue_close_multi(CurlGlue *g) {
        (void) curl_multi_cleanup(g->multi);            /* still calls socket_cb and timer_cb */
        g->multi = NULL;
        while (g->sockets)
                socket_free(g, g->sockets);
}

static int glue_open_multi(CurlGlue *g) {
        CURLM *m = curl_multi_init();

        if (!m)
                return -ENOMEM;
        if (curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, socket_cb) != CURLM_OK ||
            curl_multi_setopt(m, CURLMOPT_SOCKETDATA, g) != CURLM_OK ||
            curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, timer_cb) != CURLM_OK ||
            curl_multi_setopt(m, CURLMOPT_TIMERDATA, g) != CURLM_OK ||
            curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long) g->max_kept) != CURLM_OK) {
                (void) curl_multi_cleanup(m);
                return -EINVAL;
        }
        g->multi = m;
        return 0;
}

/* Every transfer ends (from the loop, by on_drain). The multi handle goes with them: 7.88 keeps pointers to
 * transfers that are gone when a callback has failed, and would follow them later. The next submit opens a
 * new one. */
static void glue_break(CurlGlue *g) {
        g->in_curl = true;
        for (CurlCall *c = g->calls; c; c = c->next)
                if (!c->broken) {
                        (void) curl_multi_remove_handle(g->multi, c->easy);
                        c->broken = true;
                        g->n_broken++;
                        g->n_running--;
                }
        glue_close_multi(g);
        g->in_curl = false;
        (void) sd_event_source_set_enabled(g->timer, SD_EVENT_OFF);
        (void) sd_event_source_set_enabled(g->kick, SD_EVENT_OFF);
}

static int glue_drive(CurlGlue *g, curl_socket_t fd, int bits) {
        int running;

        g->in_curl = true;
        CURLMcode m = curl_multi_socket_action(g->multi, fd, bits, &running);
        g->in_curl = false;
        if (m == CURLM_OK)
                return glue_drain(g);
        glue_break(g);
        return sd_event_source_set_enabled(g->drain, SD_EVENT_ONESHOT);
}

CurlGlue *curl_glue_free(CurlGlue *g) {
        if (!g)
                return NULL;
        assert(!g->in_curl && !g->draining);
        while (g->waiting)
                curl_call_cancel(g->waiting);
        while (g->calls)
                curl_call_cancel(g->calls);
        while (g->n_spares > 0)
                curl_easy_cleanup(g->spares[--g->n_spares]);
        glue_close_multi(g);
        sd_event_source_disable_unref(g->timer);
        sd_event_source_disable_unref(g->kick);
        sd_event_source_disable_unref(g->drain);
        sd_event_unref(g->event);
        free(g);
        return NULL;
}

/* A defer source that is off until it is armed. */
static int glue_add_defer(CurlGlue *g, sd_event_source **s, sd_event_handler_t handler, const char *name) {
        int r = sd_event_add_defer(g->event, s, handler, g);

        if (r >= 0)
                r = sd_event_source_set_enabled(*s, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(*s, name);
        return r;
}

static int glue_add_sources(CurlGlue *g) {
        /* An accuracy of 1 us; CLOCK_MONOTONIC, because libcurl's own deadlines are on it. */
        int r = sd_event_add_time(g->event, &g->timer, CLOCK_MONOTONIC, 0, 1, on_timer, g);

        if (r >= 0)
                r = sd_event_source_set_enabled(g->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_description(g->timer, "curl-timer");
        if (r >= 0)
                r = glue_add_defer(g, &g->kick, on_kick, "curl-kick");
        if (r >= 0)
                r = sd_event_source_set_ratelimit(g->kick, BURST_INTERVAL_USEC, BURST_MAX);
        if (r >= 0)
                r = glue_add_defer(g, &g->drain, on_drain, "curl-drain");
        return r;
}

int curl_glue_new(CurlGlue **ret, sd_event *event) {
        _cleanup_(curl_glue_freep) CurlGlue *g = calloc(1, sizeof *g);

        if (!g)
                return -ENOMEM;
        g->event = sd_event_ref(event);
        g->max_running = UINT_MAX;
        g->max_kept = CONNECTIONS_KEPT;
        int r = glue_add_sources(g);
        if (r >= 0)
                r = glue_open_multi(g);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(g);
        return 0;
}

int curl_glue_set_limits(CurlGlue *g, unsigned max_running, unsigned max_kept) {
        g->max_running = MAX(max_running, 1U);
        g->max_kept = MAX(max_kept, 1U);
        if (g->multi && curl_multi_setopt(g->multi, CURLMOPT_MAXCONNECTS, (long) g->max_kept) != CURLM_OK)
                return -EINVAL;
        glue_start_waiting(g);
        return 0;
}

sd_event *curl_glue_get_event(CurlGlue *g) {
        return g->event;
}

static int glue_start(CurlGlue *g, CurlCall *c) {
        int r = g->multi ? 0 : glue_open_multi(g);

        if (r < 0)
                return r;
        g->in_curl = true;
        CURLMcode m = curl_multi_add_handle(g->multi, c->easy);
        g->in_curl = false;
        if (m != CURLM_OK)
                return m == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EIO;
        DL_APPEND(g->calls, c);
        g->n_running++;
        return 0;
}

/* What cannot be started ends as what broke does, from the loop. */
static void glue_start_waiting(CurlGlue *g) {
        while (g->waiting && g->n_running < g->max_running) {
                CurlCall *c = g->waiting;
                DL_DELETE(g->waiting, c);
                c->waiting = false;
                if (glue_start(g, c) >= 0)
                        continue;
                DL_APPEND(g->calls, c);
                c->broken = true;
                g->n_broken++;
                (void) sd_event_source_set_enabled(g->drain, SD_EVENT_ONESHOT);
        }
}

static int glue_add(CurlGlue *g, CURL *easy, const CurlCall *values, CurlCall **ret) {
        if (g->in_curl)
                return -EDEADLK;
        _cleanup_free_ CurlCall *c = calloc(1, sizeof *c);
        if (!c)
                return -ENOMEM;
        *c = *values;
        c->glue = g;
        c->easy = easy;
        if (curl_easy_setopt(easy, CURLOPT_PRIVATE, c) != CURLE_OK)
                return -EINVAL;
        c->waiting = g->n_running >= g->max_running;
        if (c->waiting)
                DL_APPEND(g->waiting, c);
        else {
                int r = glue_start(g, c);
                if (r < 0)
                        return r;
        }
        if (ret)
                *ret = c;
        TAKE_PTR(c);
        return 0;
}

int curl_glue_submit(CurlGlue *g, CURL *easy, curl_done_t done, void *userdata, CurlCall **ret) {
        return glue_add(g, easy, &(CurlCall) { .done = done, .userdata = userdata }, ret);
}

int curl_glue_submit_held(CurlGlue *g, CURL *easy, curl_done_t done, void *userdata, CurlCall **ret) {
        return glue_add(g, easy, &(CurlCall) { .done = done, .userdata = userdata, .held = true }, ret);
}
