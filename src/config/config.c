#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/strings.h"
#include "config/errors.h"
#include "config/option_read.h"
#include "config/option_value.h"
#include "config/sections.h"

#define STATE_DIR_DEFAULT "/var/lib/ftwatchd"
/* Less would forget what the last days' messages were about. */
#define HISTORY_MIN USEC_PER_DAY

const OptionSpec config_options[] = {
        { .key = "state_dir", .type = OPTION_STRING, .offset = offsetof(Config, state_dir),
          .help = "where the state is kept; else $STATE_DIRECTORY, else " STATE_DIR_DEFAULT },
        { .key = "log_level", .type = OPTION_ENUM, .offset = offsetof(Config, log_level), .fallback = "info",
          .names = log_level_names, .help = "the least urgent lines that are logged" },
        { .key = "history", .type = OPTION_SPAN, .offset = offsetof(Config, history_usec), .fallback = "90d",
          .min = 0, .max = 36500 * USEC_PER_DAY,
          .help = "how long events and metrics of finished jobs, and notices, are kept; 0: for ever" },
        { .key = "connections", .type = OPTION_UINT, .offset = offsetof(Config, connections),
          .fallback = "16",
          .min = 1, .max = 256, .help = "requests in flight at once, slow ones not counted" },
        { .key = "idle_connections", .type = OPTION_UINT, .offset = offsetof(Config, idle_connections),
          .fallback = "32",
          .min = 8, .max = 1024, .help = "connections kept open between requests; with TLS 35 kB each" },
        {},
};

Config *config_free(Config *c) {
        if (!c)
                return NULL;
        for (size_t i = 0; i < c->n_sources; i++)
                source_settings_free(c->sources[i]);
        free(c->sources);
        for (size_t i = 0; i < c->n_receivers; i++)
                receiver_settings_free(c->receivers[i]);
        free(c->receivers);
        receiver_settings_free(c->journal);
        for (size_t i = 0; i < c->n_rules; i++)
                rule_done(&c->rules[i]);
        free(c->rules);
        options_done(config_options, c);
        free(c);
        return NULL;
}

int config_file_default(const char *instance, char **ret) {
        return string_printf(ret, FTWATCH_SYSCONFDIR "/ftwatchd/%s%sftwatchd.conf", strempty(instance),
                             instance ? "/" : "");
}

/* A Node of each file's root; n files at most. */
static int roots_of(const Reader *r, Node **ret, size_t *ret_n) {
        Node *roots = calloc(r->n_files + 1, sizeof *roots);
        size_t n = 0;

        if (!roots)
                return -ENOMEM;
        for (size_t i = 0; i < r->n_files; i++)
                if (r->files[i]->parsed)
                        roots[n++] = (Node) { r->files[i], config_root_setting(&r->files[i]->tree) };
        *ret = roots;
        *ret_n = n;
        return 0;
}

static int complain_at_key(Reader *r, const Node *roots, size_t n, const char *key, const char *message) {
        for (size_t i = 0; i < n; i++) {
                Node at = node_member(roots[i], key);
                if (at.setting)
                        return reader_complain(r, at, "%s", message);
        }
        return 0;
}

/* systemd gives a colon-separated list when the unit has several; ours is the first. */
static int fill_state_dir(Config *c) {
        const char *s = getenv("STATE_DIRECTORY");

        if (c->state_dir)
                return 0;
        if (isempty(s))
                return free_and_strdup(&c->state_dir, STATE_DIR_DEFAULT);
        return string_printf(&c->state_dir, "%.*s", (int) strcspn(s, ":"), s);
}

static int read_top_level(Reader *r) {
        _cleanup_free_ Node *roots = NULL;
        Config *c = r->config;
        size_t n;

        int q = roots_of(r, &roots, &n);
        if (q < 0)
                return q;
        OptionGroup g = { .groups = roots, .n_groups = n, .tables = { config_options },
                          .others = config_lists,
                          .label = "the configuration", .settings = c };
        q = options_read(r, &g);
        if (q >= 0 && c->state_dir && c->state_dir[0] != '/')
                q = complain_at_key(r, roots, n, "state_dir", "state_dir must be an absolute path");
        if (q >= 0 && c->history_usec > 0 && c->history_usec < HISTORY_MIN)
                q = complain_at_key(r, roots, n, "history", "history must be at least 1d, or 0 for ever");
        return q < 0 ? q : fill_state_dir(c);
}

/* Whether any file has something in its list of sources, right or wrong. */
static bool sources_are_written(const Reader *r) {
        for (size_t i = 0; i < r->n_files; i++) {
                if (!r->files[i]->parsed)
                        continue;
                config_setting_t *s = config_lookup(&r->files[i]->tree, "sources");
                if (s && (!config_setting_is_list(s) || config_setting_length(s) > 0))
                        return true;
        }
        return false;
}

static int check_sources_exist(Reader *r) {
        if (r->incomplete || sources_are_written(r))
                return 0;
        return config_errors_add(r->errors, 0, r->files[0]->text.files[0].path, 0,
                                 "no sources configured: add sources = ( { name = \"...\"; "
                                 "endpoint = \"https://...\"; api_key = \"credential:NAME\"; } );");
}

static bool receiver_exists(const Config *c, const char *name) {
        for (size_t i = 0; i < c->n_receivers; i++)
                if (streq_null(c->receivers[i]->name, name))
                        return true;
        return false;
}

/* The journal gets everything without being asked to; configured, it is ruled like every other receiver. */
static int imply_journal(Reader *r) {
        const ReceiverKind *kind = receiver_kind_find("journal");
        Config *c = r->config;

        for (size_t i = 0; i < c->n_receivers; i++)
                if (c->receivers[i]->kind == kind)
                        return 0;
        int q = receiver_settings_new(kind, &c->journal);
        if (q < 0)
                return q;
        const OptionSpec *const tables[] = { receiver_common_options, kind->options };
        for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
                for (const OptionSpec *o = tables[i]; o->key; o++) {
                        q = o->fallback ? option_value_set_fallback(o, c->journal) : 0;
                        if (q < 0)
                                return q;
                }
        return free_and_strdup(&c->journal->name, receiver_exists(c, "journal") ? "journald" : "journal");
}

static int make_config(Reader *r) {
        r->config = calloc(1, sizeof *r->config);
        return r->config ? 0 : -ENOMEM;
}

/* Everything behind the reading of the files; hands the configuration over if there is no mistake in it. */
static int finish(Reader *r, Config **ret) {
        static int (*const steps[])(Reader *) = {
                make_config, read_top_level, sections_read, imply_journal, sections_check_rules,
                check_sources_exist,
        };

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                int q = steps[i](r);
                if (q < 0)
                        return q;
        }
        config_errors_sort(r->errors);
        if (r->errors->n > 0)
                return -EINVAL;
        *ret = TAKE_PTR(r->config);
        return 0;
}

/* The main file, then conf.d beside it. */
static int add_files(Reader *r, const char *path) {
        _cleanup_free_ char *folder = NULL;
        const char *slash = strrchr(path, '/');

        int q = reader_add_file(r, path);
        if (q < 0)
                return q;
        q = string_printf(&folder, "%.*sconf.d", slash ? (int) (slash - path) + 1 : 0, path);
        return q < 0 ? q : reader_add_folder(r, folder);
}

int config_load(const char *path, Config **ret, ConfigErrors *errors) {
        _cleanup_(reader_done) Reader r = { .errors = errors };

        int q = add_files(&r, path);
        return q < 0 ? q : finish(&r, ret);
}

int config_load_text(const char *name, const char *text, size_t size, Config **ret, ConfigErrors *errors) {
        _cleanup_(reader_done) Reader r = { .errors = errors };

        int q = reader_add_text(&r, name, text, size);
        return q < 0 ? q : finish(&r, ret);
}

int config_load_state_dir(const char *path, char **ret, ConfigErrors *errors) {
        _cleanup_(reader_done) Reader r = { .errors = errors };

        int q = add_files(&r, path);
        if (q >= 0)
                q = make_config(&r);
        if (q >= 0)
                q = read_top_level(&r);
        if (q < 0)
                return q;
        config_errors_sort(errors);
        if (errors->n > 0)
                return -EINVAL;
        *ret = TAKE_PTR(r.config->state_dir);
        return 0;
}
