#include "daemon/probing.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <systemd/sd-event.h>

#include "base/json.h"
#include "base/strings.h"
#include "engine/probe.h"
#include "io/curl_glue.h"
#include "io/http_curl.h"

#define AT_ONCE 8U                      /* more would wait for each other, and their time runs */
#define TEXT_MAX (64U * 1024)
#define EXIT_USAGE 2

typedef struct Probing Probing;

typedef struct Run {
        Probing *owner;
        const SourceSettings *settings;
        Probe *probe;
        char *text;                     /* what it ended with */
        bool done, works;
} Run;

struct Probing {
        sd_event *event;
        CurlGlue *glue;
        Http *http;
        Run *runs;
        size_t n_runs, n_started, n_done, n_printed, n_works;
        bool json;
        int error;
};

/* --- output -------------------------------------------------------------------------------------------- */

static int run_render(Run *run, const ProbeReport *report) {
        _cleanup_(buf_done) Buf text = BUF_INIT(TEXT_MAX);
        _cleanup_json_ json_object *o = NULL;

        if (!run->owner->json) {
                int r = probe_report_to_text(report, &text);
                return r < 0 ? r : buf_take(&text, &run->text);
        }
        int r = probe_report_to_json(report, &o);
        return r < 0 ? r : json_to_text(o, &run->text);
}

/* In the order of the configuration, as soon as it is known. */
static void print_what_is_done(Probing *p) {
        for (; p->n_printed < p->n_runs && p->runs[p->n_printed].done; p->n_printed++) {
                const char *text = strempty(p->runs[p->n_printed].text);
                if (p->json)
                        printf("%s%s", p->n_printed > 0 ? ",\n" : "[", text);
                else
                        printf("%s%s", p->n_printed > 0 ? "\n" : "", text);
                (void) fflush(stdout);
        }
}

static void print_end(const Probing *p) {
        if (p->json)
                printf("%s]\n", p->n_runs > 0 ? "" : "[");
        else if (p->n_runs != 1)
                printf("%s%zu of %zu sources work\n", p->n_runs > 0 ? "\n" : "", p->n_works, p->n_runs);
}

/* --- runs ---------------------------------------------------------------------------------------------- */

static int start_some(Probing *p);

static void on_report(const ProbeReport *report, void *userdata) {
        Run *run = userdata;
        Probing *p = run->owner;

        run->done = true;
        run->works = report->works;
        p->n_works += report->works;
        p->n_done++;
        int r = run_render(run, report);
        run->probe = probe_free(run->probe);
        print_what_is_done(p);
        if (r >= 0)
                r = start_some(p);
        if (r < 0)
                p->error = r;
        if (r < 0 || p->n_done == p->n_runs)
                (void) sd_event_exit(p->event, 0);
}

static int start_some(Probing *p) {
        while (p->n_started < p->n_runs && p->n_started - p->n_done < AT_ONCE) {
                Run *run = &p->runs[p->n_started++];
                int r = probe_new(&run->probe, run->settings, p->event, p->http, 0, on_report, run);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int probing_set_up(Probing *p, const Config *c) {
        int r = sd_event_new(&p->event);

        if (r >= 0)
                r = curl_glue_new(&p->glue, p->event);
        if (r >= 0)
                r = curl_glue_set_limits(p->glue, (unsigned) c->connections, 0);
        if (r >= 0)
                r = http_curl_new(&p->http, p->glue, "ftwatchd/" FTWATCH_VERSION);
        return r;
}

static void probing_done(Probing *p) {
        for (size_t i = 0; p->runs && i < p->n_runs; i++) {
                probe_free(p->runs[i].probe);
                free(p->runs[i].text);
        }
        free(p->runs);
        http_free(p->http);
        curl_glue_free(p->glue);
        sd_event_unref(p->event);
}

/* Those of that name, or all. */
static int choose(Probing *p, const Config *c, const char *source) {
        p->runs = calloc(c->n_sources + 1, sizeof *p->runs);
        if (!p->runs)
                return -ENOMEM;
        for (size_t i = 0; i < c->n_sources; i++)
                if (!source || streq(c->sources[i]->name, source))
                        p->runs[p->n_runs++] = (Run) { .owner = p, .settings = c->sources[i] };
        return 0;
}

static int complain_about_name(const Config *c, const char *source) {
        const char **names = calloc(c->n_sources + 1, sizeof *names);

        for (size_t i = 0; names && i < c->n_sources; i++)
                names[i] = c->sources[i]->name;
        const char *nearest = names ? nearest_string(source, names) : NULL;
        fprintf(stderr, "ftwatchd: no source is called '%s'%s%s%s\n", source,
                nearest ? "; did you mean '" : "", strempty(nearest), nearest ? "'?" : "");
        free(names);
        return EXIT_USAGE;
}

static int probing_loop(Probing *p, const Config *c) {
        int r = probing_set_up(p, c);

        if (r >= 0)
                r = start_some(p);
        if (r >= 0 && p->n_runs > 0)
                r = sd_event_loop(p->event);
        return r < 0 ? r : p->error;
}

int probing_run(const Config *config, const char *source, bool json) {
        Probing p = { .json = json };
        int status = EXIT_FAILURE;

        (void) signal(SIGPIPE, SIG_IGN);        /* libcurl leaves it alone */
        int r = choose(&p, config, source);
        if (r >= 0 && source && p.n_runs == 0) {
                status = complain_about_name(config, source);
        } else if (r >= 0 && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
                r = probing_loop(&p, config);
                if (r >= 0) {
                        print_end(&p);
                        status = p.n_works == p.n_runs && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
                }
        }
        if (r < 0)
                fprintf(stderr, "ftwatchd: cannot probe: %s\n", strerror(-r));
        probing_done(&p);
        curl_global_cleanup();
        return status;
}
