#include "daemon/service.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <curl/curl.h>
#include <systemd/sd-event.h>

#include "base/log.h"
#include "base/strings.h"
#include "config/config.h"
#include "daemon/control.h"
#include "daemon/manager.h"
#include "daemon/state_dir.h"
#include "engine/engine.h"
#include "engine/gate.h"
#include "io/curl_glue.h"
#include "io/http_curl.h"
#include "store/store.h"

#define DRAIN_USEC (5 * USEC_PER_SEC)   /* for deliveries in flight when it stops or reloads */
#define ERRORS_MAX (64U * 1024U)        /* bytes of mistakes that a call is answered with */
#define FILES_FOR_OTHERS 64U            /* descriptors that are no connections: half of them are in use */
#define BROKEN_MAX 3U                   /* damaged databases one run puts aside before it gives up */

typedef struct Service {
        const ServiceOptions *options;
        sd_event *event;
        Manager *manager;
        Control *control;               /* NULL with `once` */
        CurlGlue *glue;
        Http *http;
        Config *config, *next_config;   /* next: loaded, waits for the engine to be drained */
        bool reload_again;              /* asked for meanwhile: the files may have changed since */
        int state_fd;
        Store *store;
        Engine *engine;
        bool stopping;
        unsigned n_broken;
} Service;

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR2 };

static void service_apply_log_level(const Service *s) {
        log_set_max_level(s->options->debug ? LOG_DEBUG : s->config->log_level);
}

/* --- configuration ----------------------------------------------------------------------------------- */

/* *ret_errors: the mistakes as text, a line each; NULL if nobody wants it. */
static int service_load(const Service *s, Config **ret, char **ret_errors) {
        ConfigErrors errors = {};
        _cleanup_(buf_done) Buf text = BUF_INIT(ERRORS_MAX);

        int r = config_load(s->options->config_path, ret, &errors);
        for (size_t i = 0; i < errors.n; i++) {
                log_error("%s: %s", errors.list[i].where, errors.list[i].message);
                (void) buf_printf(&text, "%s%s: %s", i > 0 ? "\n" : "", errors.list[i].where,
                                  errors.list[i].message);
        }
        if (r < 0 && errors.n == 0) {
                log_error("cannot read %s: %s", s->options->config_path, strerror(-r));
                (void) buf_printf(&text, "cannot read %s: %s", s->options->config_path, strerror(-r));
        }
        config_errors_done(&errors);
        if (r < 0 && ret_errors)
                (void) free_and_strdup(ret_errors, buf_string(&text));
        return r;
}

static void service_warn(const Service *s) {
        _cleanup_(strv_freep) char **warnings = NULL;

        if (config_warnings(s->config, clock_usec(CLOCK_REALTIME), &warnings) >= 0)
                for (char *const *w = warnings; w && *w; w++)
                        log_warning("%s: %s", s->options->config_path, *w);
}

/* --- the engine -------------------------------------------------------------------------------------- */

static void on_engine_idle(void *userdata);
static void on_engine_change(void *userdata);
static void on_engine_broken(int error, void *userdata);
static void on_engine_poll(const PollReport *report, void *userdata);
static void on_engine_delivery(const DeliveryReport *report, void *userdata);
static void on_engine_notice(const Notice *n, void *userdata);

static void service_drop_engine(Service *s) {
        manager_watch(s->manager, NULL);
        control_watch(s->control, NULL);
        s->engine = engine_free(s->engine);
}

/* As many descriptors as connections may need: nothing here uses select(2), for which the soft limit is low.
 * Where the hard one is too low, fewer connections are kept, and fewer wait for slow servers. */
static int service_limit_connections(Service *s, size_t *ret_slow) {
        const Config *c = s->config;
        rlim_t slow = gate_slow_connections(c->connections), kept = c->idle_connections;
        rlim_t others = FILES_FOR_OTHERS + c->connections, wanted = others + slow + kept;
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
                limit.rlim_cur = MIN(limit.rlim_max, wanted);
                if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                        log_warning("cannot raise the limit of open files: %s", strerror(errno));
                if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
                        rlim_t left = limit.rlim_cur - MIN(limit.rlim_cur, others);
                        slow = MIN(slow, left);
                        kept = MIN(kept, left - slow);
                }
        }
        *ret_slow = slow;
        int r = curl_glue_set_limits(s->glue, (unsigned) (c->connections + slow), (unsigned) kept);
        if (r < 0)
                log_error("cannot start: connections cannot be limited: %s", strerror(-r));
        return r;
}

static int service_begin_engine(Service *s) {
        EnginePorts ports = {
                .event = s->event,
                .http = s->http,
                .glue = s->glue,
                .store = s->store,
                .version = FTWATCH_VERSION,
                .on_idle = on_engine_idle,
                .on_change = on_engine_change,
                .on_broken = on_engine_broken,
                .on_poll = on_engine_poll,
                .on_delivery = on_engine_delivery,
                .on_notice = on_engine_notice,
                .userdata = s,
        };

        if (!s->store)          /* the damaged one is closed, and there is no other: that was logged */
                return -EIO;
        int r = service_limit_connections(s, &ports.slow_connections);
        if (r >= 0)
                r = engine_new(&s->engine, s->config, &ports);
        if (r >= 0)
                r = engine_start(s->engine, s->options->once);
        if (r < 0)
                return r;
        manager_watch(s->manager, s->engine);
        control_watch(s->control, s->engine);
        return 0;
}

static int service_renew_store(Service *s, bool moved) {
        s->store = store_free(s->store);
        return ++s->n_broken > BROKEN_MAX
                       ? -EIO
                       : state_dir_renew(s->config->state_dir, moved, &s->state_fd, &s->store);
}

static int service_start_engine(Service *s) {
        int r = service_begin_engine(s);

        if (r != -EUCLEAN)
                return r;
        /* Damage that no check has found, but who reads what is there. */
        service_drop_engine(s);
        r = service_renew_store(s, false);
        return r < 0 ? r : service_begin_engine(s);
}

static void service_exit(Service *s, int status) {
        (void) sd_event_exit(s->event, status);
}

static int service_use_config(Service *s, Config *config) {
        service_drop_engine(s);
        s->config = config;
        service_apply_log_level(s);
        return service_start_engine(s);
}

/* The new configuration applies, as a whole. Or the old one stays, where a full disk, say, has no room for a
 * new source. */
static int service_apply_next(Service *s) {
        Config *old = s->config, *new = TAKE_PTR(s->next_config);

        if (service_use_config(s, new) < 0) {
                int r = service_use_config(s, old);
                config_free(new);
                if (r < 0)
                        return r;
                log_error("the new configuration could not be started: the old one stays in force; reload "
                          "again when the reason is gone");
                manager_reload_failed(s->manager, "it could not be started");
                control_reload_failed(s->control, "the new configuration could not be started: see the log");
                return 0;
        }
        config_free(old);
        manager_reloaded(s->manager);
        service_warn(s);
        log_notice("configuration reloaded: sources %zu, receivers %zu, rules %zu", s->config->n_sources,
                   s->config->n_receivers, s->config->n_rules);
        control_reloaded(s->control);
        return 0;
}

static int service_reload(Service *s, char **ret_errors);

/* The old engine has ended what it had begun. */
static void service_swap(Service *s) {
        if (service_apply_next(s) < 0) {
                service_exit(s, EXIT_FAILURE);
        } else if (s->reload_again) {
                s->reload_again = false;
                (void) service_reload(s, NULL);
        }
}

/* Whoever asks for one look wants to know whether it was had. What is still owed is no failure: it is kept.
 */
static int service_once_status(const Service *s) {
        EngineStatus st;

        return engine_get_status(s->engine, &st) >= 0 && st.n_sources_ok == st.n_sources ? EXIT_SUCCESS :
                                                                                           EXIT_FAILURE;
}

static void on_engine_idle(void *userdata) {
        Service *s = userdata;

        if (s->next_config && !s->stopping)
                service_swap(s);
        else
                service_exit(s, s->options->once && !s->stopping ? service_once_status(s) : EXIT_SUCCESS);
}

static void on_engine_change(void *userdata) {
        Service *s = userdata;

        if (s->stopping)
                return;
        manager_update(s->manager);
        control_update(s->control);
}

static void on_engine_poll(const PollReport *report, void *userdata) {
        control_take_poll(((Service *) userdata)->control, report);
}

static void on_engine_delivery(const DeliveryReport *report, void *userdata) {
        control_take_delivery(((Service *) userdata)->control, report);
}

static void on_engine_notice(const Notice *n, void *userdata) {
        control_take_notice(((Service *) userdata)->control, n);
}

/* The database proved unusable while it was in use. */
static void on_engine_broken(int error, void *userdata) {
        Service *s = userdata;
        bool moved = error == -ESTALE;

        service_drop_engine(s);
        control_state_lost(s->control);
        if (s->stopping) {                      /* the next start finds out */
                service_exit(s, EXIT_FAILURE);
                return;
        }
        int r = service_renew_store(s, moved);
        if (r >= 0 && s->next_config) {         /* the reload that was waiting for this engine's end */
                service_swap(s);
                return;
        }
        if (r >= 0)
                r = service_start_engine(s);
        if (r < 0) {
                log_error("cannot go on after a %s state: %s", moved ? "lost" : "damaged", strerror(-r));
                service_exit(s, EXIT_FAILURE);
        }
}

/* --- signals ----------------------------------------------------------------------------------------- */

static void service_stop(Service *s) {
        if (s->stopping)
                return;
        s->stopping = true;
        log_info("stopping");
        manager_stopping(s->manager, DRAIN_USEC);
        control_stopping(s->control);
        if (!s->engine || engine_drain(s->engine, DRAIN_USEC) < 0)
                service_exit(s, EXIT_SUCCESS);
}

/* The same promises as ControlPorts.reload. */
static int service_reload(Service *s, char **ret_errors) {
        if (s->stopping || s->options->once)
                return -ESHUTDOWN;
        if (s->next_config) {
                log_notice("a reload is under way already");
                return -EBUSY;
        }
        manager_reloading(s->manager);
        if (service_load(s, &s->next_config, ret_errors) < 0) {
                log_error("the configuration has mistakes: the old one stays in force");
                manager_reload_failed(s->manager, "it has mistakes");
                return -EINVAL;
        }
        assert(s->next_config);
        if (!streq(s->next_config->state_dir, s->config->state_dir)) {
                log_warning("state_dir changes with a restart, not with a reload: %s stays in use",
                            s->config->state_dir);
                if (free_and_strdup(&s->next_config->state_dir, s->config->state_dir) < 0)
                        log_error("out of memory");
        }
        int r = engine_drain(s->engine, DRAIN_USEC);
        if (r < 0) {
                log_error("cannot reload: %s", strerror(-r));
                service_exit(s, EXIT_FAILURE);
        }
        return r;
}

static int on_control_reload(char **ret_errors, void *userdata) {
        return service_reload(userdata, ret_errors);
}

static void service_dump(Service *s) {
        _cleanup_(buf_done) Buf text = BUF_INIT(64 * 1024);
        char *rest, *line;

        if (!s->engine || engine_dump(s->engine, &text) < 0 || !text.data)
                return;
        for (rest = text.data; (line = strsep(&rest, "\n")) && *line;)
                log_notice("%s", line);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        Service *s = userdata;

        (void) source;
        switch (si->ssi_signo) {
        case SIGHUP:
                if (s->next_config)
                        s->reload_again = true;
                else
                        (void) service_reload(s, NULL);
                break;
        case SIGUSR2:
                service_dump(s);
                break;
        default:
                service_stop(s);
        }
        return 0;
}

int service_block_signals(void) {
        sigset_t mask;

        (void) signal(SIGPIPE, SIG_IGN);
        if (sigemptyset(&mask) < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                if (sigaddset(&mask, signals[i]) < 0)
                        return -errno;
        return sigprocmask(SIG_BLOCK, &mask, NULL) < 0 ? -errno : 0;
}

/* --- a run ------------------------------------------------------------------------------------------- */

static int service_set_up_control(Service *s) {
        const ControlPorts ports = { .reload = on_control_reload, .userdata = s };

        if (s->options->once)
                return 0;
        int r = control_new(&s->control, s->event, s->options->instance, &ports);
        if (r != -EINVAL)
                return r;
        log_warning(
                "'%s' cannot be part of a name on the bus (letters, digits, _ and -, no digit first): no "
                "control by D-Bus",
                s->options->instance);
        return 0;
}

static int service_set_up(Service *s) {
        int r = sd_event_new(&s->event);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(signals); i++)
                r = sd_event_add_signal(s->event, NULL, signals[i], on_signal, s);
        if (r >= 0)
                r = manager_new(&s->manager, s->event);
        if (r >= 0)
                r = service_set_up_control(s);
        if (r >= 0)
                r = curl_glue_new(&s->glue, s->event);
        if (r >= 0)
                r = http_curl_new(&s->http, s->glue, "ftwatchd/" FTWATCH_VERSION);
        if (r < 0)
                log_error("cannot set up the event loop: %s", strerror(-r));
        return r;
}

static int service_start(Service *s) {
        int r = service_load(s, &s->config, NULL);
        if (r < 0)
                return r;
        assert(s->config);
        service_apply_log_level(s);
        service_warn(s);
        r = state_dir_lock(s->config->state_dir, &s->state_fd);
        if (r >= 0)
                r = state_dir_open(s->config->state_dir, &s->store);
        if (r >= 0)
                r = service_set_up(s);
        return r < 0 ? r : service_start_engine(s);
}

static void service_done(Service *s) {
        engine_free(s->engine);
        control_free(s->control);
        http_free(s->http);
        curl_glue_free(s->glue);
        store_free(s->store);
        manager_free(s->manager);
        config_free(s->next_config);
        config_free(s->config);
        sd_event_unref(s->event);
        if (s->state_fd >= 0)
                (void) close(s->state_fd);
}

/* What a person must mend first has a status of its own, which the unit does not restart. */
static int service_failure_status(const Service *s, int error) {
        bool ours = !s->config && error != -ENOMEM;

        return ours || error == -EPROTONOSUPPORT || error == -EMEDIUMTYPE ? EX_CONFIG : EXIT_FAILURE;
}

int service_run(const ServiceOptions *options) {
        Service s = { .options = options, .state_fd = -1 };
        int status;

        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
                log_error("cannot start libcurl");
                return EXIT_FAILURE;
        }
        int r = service_start(&s);
        if (r < 0) {
                status = service_failure_status(&s, r);
        } else {
                log_info("ftwatchd %s: sources %zu, receivers %zu", FTWATCH_VERSION,
                         s.config->n_sources, s.config->n_receivers);
                status = sd_event_loop(s.event);
                if (status < 0) {
                        log_error("the event loop failed: %s", strerror(-status));
                        status = EXIT_FAILURE;
                }
        }
        service_done(&s);
        curl_global_cleanup();
        return status;
}
