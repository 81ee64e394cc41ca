#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "scenario.h"
#include "server.h"
#include "util.h"

/* ftsim: a simulated fine-tuning resource and the sinks of its notices, on loopback. See README.md. */

#define PEM_MAX 65536

typedef struct Options {
        const char *scenario, *port_file, *tls_port_file, *record, *clock_file, *certificate, *key,
                *identity;
        uint16_t port, tls_port;
        bool has_seed, has_shape, specification;
        uint64_t seed;
} Options;

static const char usage[] =
        "ftsim --scenario FILE [OPTIONS]\n"
        "  --port N             listen there instead of on a free port of 127.0.0.1\n"
        "  --port-file FILE     write the base URL there, atomically\n"
        "  --tls-cert FILE --tls-key FILE [--tls-port N] [--tls-port-file FILE]\n"
        "                       a second listener with TLS\n"
        "  --identity-dir DIR   what the token servers check: certificate.pem, federated, arc/\n"
        "  --record FILE        append one JSON line for each delivery received\n"
        "  --clock-file FILE    share a clock offset (int64, nanoseconds) with other programs\n"
        "  --seed N             instead of the scenario's\n"
        "  --shape azure|specification\n";

int sim_load(Sim *sim) {
        world_done(&sim->world);
        fault_list_done(&sim->faults);
        sink_table_done(&sim->sinks);
        journal_done(&sim->journal);
        issuer_reset(&sim->issuer);
        clock_restart(&sim->clock);
        world_init(&sim->world, &sim->clock);
        int r = scenario_load(sim, sim->scenario);
        sim->random = sim->world.settings.seed;
        sim->n_replies = 0;
        sim->journal.no_requests = sim->world.settings.no_request_log;
        world_update(&sim->world);
        return r;
}

void sim_done(Sim *sim) {
        world_done(&sim->world);
        fault_list_done(&sim->faults);
        sink_table_done(&sim->sinks);
        journal_done(&sim->journal);
        issuer_reset(&sim->issuer);
        clock_done(&sim->clock);
        if (sim->record)
                (void) fclose(sim->record);
}

static int read_port(const char *text, uint16_t *ret) {
        int64_t n;

        if (!integer_parse(text, &n) || n < 0 || n > UINT16_MAX)
                return -EINVAL;
        *ret = (uint16_t) n;
        return 0;
}

static int options_set(Options *o, int option, const char *value) {
        int64_t n;

        switch (option) {
        case 's': o->scenario = value; return 0;
        case 'f': o->port_file = value; return 0;
        case 'F': o->tls_port_file = value; return 0;
        case 'r': o->record = value; return 0;
        case 'k': o->clock_file = value; return 0;
        case 'C': o->certificate = value; return 0;
        case 'K': o->key = value; return 0;
        case 'I': o->identity = value; return 0;
        case 'p': return read_port(value, &o->port);
        case 'P': return read_port(value, &o->tls_port);
        case 'n':
                o->has_seed = integer_parse(value, &n);
                o->seed = o->has_seed ? (uint64_t) n : 0;
                return o->has_seed ? 0 : -EINVAL;
        case 'S':
                o->has_shape = true;
                o->specification = strcmp(value, "specification") == 0;
                return o->specification || strcmp(value, "azure") == 0 ? 0 : -EINVAL;
        default:
                return -EINVAL;
        }
}

static int options_read(Options *o, int argc, char **argv) {
        static const struct option table[] = {
                { "scenario", required_argument, NULL, 's' },
                { "port", required_argument, NULL, 'p' },
                { "port-file", required_argument, NULL, 'f' },
                { "record", required_argument, NULL, 'r' },
                { "clock-file", required_argument, NULL, 'k' },
                { "seed", required_argument, NULL, 'n' },
                { "shape", required_argument, NULL, 'S' },
                { "tls-cert", required_argument, NULL, 'C' },
                { "tls-key", required_argument, NULL, 'K' },
                { "identity-dir", required_argument, NULL, 'I' },
                { "tls-port", required_argument, NULL, 'P' },
                { "tls-port-file", required_argument, NULL, 'F' },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        for (int c; (c = getopt_long(argc, argv, "", table, NULL)) >= 0;) {
                if (c == 'h') {
                        (void) fputs(usage, stdout);
                        exit(0);
                }
                if (options_set(o, c, optarg) < 0)
                        return -EINVAL;
        }
        return o->scenario && optind == argc && !o->certificate == !o->key ? 0 : -EINVAL;
}

static int file_read(const char *path, char **ret) {
        FILE *f = fopen(path, "re");
        if (!f)
                return -errno;
        char *text = must_calloc(PEM_MAX + 1, 1);
        size_t n = fread(text, 1, PEM_MAX, f);
        (void) fclose(f);
        text[n] = 0;
        *ret = text;
        return 0;
}

/* Readers wait for the file to appear: it must be whole when it does. */
static int file_write(const char *path, const char *text) {
        _cleanup_(string_freep) char *other = must_printf("%s.%ld", path, (long) getpid());
        FILE *f = fopen(other, "we");
        if (!f)
                return -errno;
        bool good = fprintf(f, "%s\n", text) > 0;
        good = fclose(f) == 0 && good;
        if (!good || rename(other, path) < 0) {
                int r = errno > 0 ? -errno : -EIO;
                (void) unlink(other);
                return r;
        }
        return 0;
}

static int announce(const char *scheme, uint16_t port, const char *file) {
        _cleanup_(string_freep) char *url = must_printf("%s://127.0.0.1:%u", scheme, port);
        int r = file ? file_write(file, url) : 0;
        if (r < 0)
                return r;
        (void) puts(url);
        (void) fflush(stdout);
        return 0;
}

/* SIGTERM comes when asked to stop, and when the parent dies. */
static int signals_open(pid_t parent) {
        sigset_t set;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
                return -errno;
        if (getppid() != parent)
                return -ESRCH;
        (void) signal(SIGPIPE, SIG_IGN);
        int fd = signalfd(-1, &set, SFD_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int sim_serve(Sim *sim, const Options *o, int signal_fd) {
        Server server = {};
        int r = 0;

        if (o->certificate) {
                r = file_read(o->certificate, &server.certificate);
                if (r >= 0)
                        r = file_read(o->key, &server.key);
        }
        if (r >= 0)
                r = server_start(&server, sim, o->port, o->tls_port);
        if (r >= 0)
                r = announce("http", server_port(&server), o->port_file);
        if (r >= 0 && server.tls)
                r = announce("https", server_tls_port(&server), o->tls_port_file);
        if (r >= 0)
                r = server_run(&server, signal_fd);
        server_stop(&server);
        return r;
}

int main(int argc, char **argv) {
        pid_t parent = getppid();
        Options o = {};

        if (options_read(&o, argc, argv) < 0) {
                (void) fputs(usage, stderr);
                return 2;
        }
        Sim sim = {
                .scenario = o.scenario, .force_seed = o.has_seed, .seed = o.seed,
                .force_shape = o.has_shape, .force_specification = o.specification,
                .issuer.folder = o.identity,
        };
        int signal_fd = signals_open(parent), r = signal_fd;
        if (r >= 0)
                r = clock_init(&sim.clock, o.clock_file);
        if (r >= 0 && o.record && !(sim.record = fopen(o.record, "ae")))
                r = -errno;
        if (r >= 0)
                r = sim_load(&sim);
        if (r >= 0)
                r = sim_serve(&sim, &o, signal_fd);
        sim_done(&sim);
        if (r < 0)
                (void) fprintf(stderr, "ftsim: %s\n", strerror(-r));
        return r < 0 ? 1 : 0;
}
