/* ftwatchd: argv, then one of: check the configuration, print it, or run. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <curl/curl.h>
#include <json-c/json.h>
#include <libconfig.h>
#include <openssl/crypto.h>
#include <sqlite3.h>

#include "base/log.h"
#include "base/strings.h"
#include "config/config.h"
#include "daemon/probing.h"
#include "daemon/service.h"

#define EXIT_USAGE 2

typedef struct Arguments {
        ServiceOptions service;
        const char *source;             /* to be probed; NULL: all */
        bool help, version, is_configured, check_config, dump_config, probe, json;
} Arguments;

static const struct {
        char letter;
        const char *name;
        const char *value;              /* what its argument is called, or NULL */
        const char *help;
} options[] = {
        { 'c', "config", "FILE",
          "the configuration (" CONFIG_FILE_DEFAULT "); conf.d/*.conf beside it is read too" },
        { 'i', "instance", "NAME",
          "one of several: /etc/ftwatchd/NAME/ftwatchd.conf, and org.ftwatchd1.NAME on the bus" },
        { 'k', "check-config", NULL, "report every mistake in the configuration, and do nothing else" },
        { 'n', "is-configured", NULL,
          "1 if the configuration is still the example that is shipped; do nothing else" },
        { 'd', "dump-config", NULL, "print the configuration in force, defaults included, secrets masked" },
        { 'p', "probe", NULL,
          "ask every source, or SOURCE, once; say what works and what to change; 1 if one fails" },
        { 'j', "json", NULL, "with --probe: print JSON" },
        { '1', "once", NULL, "poll every source once, deliver what is news, and stop; 1 if a poll failed" },
        { 'v', "verbose", NULL, "log at debug, whatever log_level says" },
        { 'V', "version", NULL, "print the versions of this program and of its libraries" },
        { 'h', "help", NULL, "print this" },
};

static void print_help(void) {
        printf("Usage: ftwatchd [OPTION...]\n"
               "       ftwatchd --probe [--json] [SOURCE]\n"
               "Watches fine-tuning jobs and tells people what happens to them.\n\n");
        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                char name[32];
                (void) snprintf(name, sizeof name, "--%s%s%s", options[i].name, options[i].value ? "=" : "",
                                strempty(options[i].value));
                printf("  -%c, %-16s %s\n", options[i].letter, name, options[i].help);
        }
        printf("\nIt runs in the foreground and logs to the journal if stderr is connected to it, else to "
               "stderr.\n"
               "SIGHUP reloads the configuration, SIGUSR2 writes the state of things to the log, SIGTERM "
               "stops.\n");
}

static void print_version(void) {
        printf("ftwatchd " FTWATCH_VERSION "\n%s\njson-c %s\nlibconfig %d.%d\nsqlite %s\n%s\n",
               curl_version(), json_c_version(), LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR,
               sqlite3_libversion(), OpenSSL_version(OPENSSL_VERSION));
}

static void apply_option(Arguments *a, int letter, const char *value) {
        switch (letter) {
        case 'c':
                a->service.config_path = value;
                break;
        case 'i':
                a->service.instance = value;
                break;
        case 'k':
                a->check_config = true;
                break;
        case 'n':
                a->is_configured = true;
                break;
        case 'd':
                a->dump_config = true;
                break;
        case 'p':
                a->probe = true;
                break;
        case 'j':
                a->json = true;
                break;
        case '1':
                a->service.once = true;
                break;
        case 'v':
                a->service.debug = true;
                break;
        case 'V':
                a->version = true;
                break;
        case 'h':
                a->help = true;
                break;
        default:
                break;
        }
}

/* What getopt does not take, in our words: it would name the program by its path, and never the nearest
 * option. `word` is the argument it looked at. */
static void complain_about(const char *word, int letter, bool lacks_value) {
        const char *names[ARRAY_SIZE(options) + 1] = {};
        char name[64] = {};
        bool known = letter == 0;       /* 0: a long option that there is not */

        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                names[i] = options[i].name;
                known = known || options[i].letter == letter;
        }
        /* In the middle of "-xv", `word` is the one before it. */
        if (!known || !startswith(word, "--")) {
                fprintf(stderr, known ? "ftwatchd: option '-%c' wants a value\n" :
                                        "ftwatchd: unknown option '-%c'\n", letter);
                return;
        }
        memcpy(name, word + 2, MIN(strcspn(word + 2, "="), sizeof name - 1));
        const char *nearest = letter == 0 ? nearest_string(name, names) : NULL;
        if (letter != 0)
                fprintf(stderr, "ftwatchd: option '--%s' %s\n", name,
                        lacks_value ? "wants a value" : "takes no value");
        else if (nearest)
                fprintf(stderr, "ftwatchd: unknown option '--%s'; did you mean '--%s'?\n", name, nearest);
        else
                fprintf(stderr, "ftwatchd: unknown option '--%s'\n", name);
}

/* 0, or the exit status. */
static int parse_arguments(int argc, char **argv, Arguments *a) {
        struct option longs[ARRAY_SIZE(options) + 1] = {};
        char letters[2 * ARRAY_SIZE(options) + 2] = ":";        /* a missing value is ':', not '?' */
        size_t n = 1;
        int c;

        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
                int argument = options[i].value ? required_argument : no_argument;
                longs[i] = (struct option) { options[i].name, argument, NULL, options[i].letter };
                letters[n++] = options[i].letter;
                if (options[i].value)
                        letters[n++] = ':';
        }
        letters[n] = '\0';
        opterr = 0;
        while ((c = getopt_long(argc, argv, letters, longs, NULL)) >= 0) {
                if (c == '?' || c == ':') {
                        complain_about(argv[optind - 1], optopt, c == ':');
                        fprintf(stderr, "Try 'ftwatchd --help'.\n");
                        return EXIT_USAGE;
                }
                apply_option(a, c, optarg);
        }
        if (a->probe && optind < argc)
                a->source = argv[optind++];
        if (a->json && !a->probe && !a->help && !a->version) {
                fprintf(stderr, "ftwatchd: option '--json' goes with --probe\nTry 'ftwatchd --help'.\n");
                return EXIT_USAGE;
        }
        if (optind < argc) {
                fprintf(stderr,
                        "ftwatchd: takes no %sarguments, but got '%s'. To ask for jobs use ftwatchctl.\n",
                        a->probe ? "more " : "", argv[optind]);
                return EXIT_USAGE;
        }
        return 0;
}

static int load(const char *path, Config **ret) {
        ConfigErrors errors = {};

        int r = config_load(path, ret, &errors);
        for (size_t i = 0; i < errors.n; i++)
                fprintf(stderr, "%s: %s\n", errors.list[i].where, errors.list[i].message);
        if (r < 0 && errors.n == 0)
                fprintf(stderr, "%s: %s\n", path, strerror(-r));
        config_errors_done(&errors);
        return r;
}

static int check_or_dump(const Arguments *a) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_(buf_done) Buf text = BUF_INIT(4U << 20);
        _cleanup_(strv_freep) char **warnings = NULL;

        if (load(a->service.config_path, &c) < 0)
                return EXIT_FAILURE;
        if (a->check_config && config_warnings(c, clock_usec(CLOCK_REALTIME), &warnings) >= 0)
                for (char *const *w = warnings; w && *w; w++)
                        fprintf(stderr, "%s: warning: %s\n", a->service.config_path, *w);
        if (a->check_config)
                printf("%s: no mistakes (sources %zu, receivers %zu, rules %zu)\n", a->service.config_path,
                       c->n_sources, c->n_receivers, c->n_rules);
        if (!a->dump_config)
                return EXIT_SUCCESS;
        if (config_dump(c, &text) < 0) {
                fprintf(stderr, "ftwatchd: cannot print the configuration: out of memory\n");
                return EXIT_FAILURE;
        }
        return fputs(buf_string(&text), stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* For ExecCondition= of the unit: what is installed is enabled, and nobody has told it what to watch. */
static int is_configured(const char *path) {
        if (!config_is_example(path))
                return EXIT_SUCCESS;
        fprintf(stderr, "not configured yet: write the endpoint of your resource into %s and hand over its "
                        "key, see ftwatchd(8); then start it\n", path);
        return EXIT_FAILURE;
}

static int probe(const Arguments *a) {
        _cleanup_(config_freep) Config *c = NULL;

        if (load(a->service.config_path, &c) < 0)
                return EXIT_FAILURE;
        return probing_run(c, a->source, a->json);
}

/* Keys are in memory: no core files of it. */
static void keep_out(void) {
        (void) umask(0077);
        (void) setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
}

int main(int argc, char **argv) {
        _cleanup_free_ char *config_path = NULL;
        Arguments a = {};

        int status = parse_arguments(argc, argv, &a);
        if (status != 0)
                return status;
        if (a.help || a.version) {
                (a.help ? print_help : print_version)();
                return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        if (!a.service.config_path && config_file_default(a.service.instance, &config_path) < 0) {
                fprintf(stderr, "ftwatchd: out of memory\n");
                return EXIT_FAILURE;
        }
        if (!a.service.config_path)
                a.service.config_path = config_path;
        if (a.is_configured)
                return is_configured(a.service.config_path);
        if (a.check_config || a.dump_config)
                return check_or_dump(&a);

        log_open("ftwatchd", a.service.debug ? LOG_DEBUG : LOG_INFO);
        keep_out();
        if (a.probe)
                return probe(&a);
        int r = service_block_signals();
        if (r < 0) {
                log_error("cannot block signals: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        return service_run(&a.service);
}
