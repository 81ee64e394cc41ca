/*
 * The configuration from texts: golden/config/NAME.conf gives the mistakes of NAME.err, or, where there
 * is no such file, the dump of NAME.dump. With FTWATCH_UPDATE_GOLDEN=1 the files are written instead of
 * compared (look at them then).
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/strings.h"
#include "config/config.h"

#define GOLDEN "tests/unit/golden/config"
#define TEXT_MAX (4U * 1024 * 1024)

/* --- files ------------------------------------------------------------------------------------------ */

/* NULL when there is none. */
static char *slurp(const char *path, size_t *ret_size) {
        FILE *f = fopen(path, "re");

        if (!f)
                return NULL;
        char *data = malloc(TEXT_MAX);
        assert_non_null(data);
        size_t n = fread(data, 1, TEXT_MAX - 1, f);
        (void) fclose(f);
        data[n] = '\0';
        if (ret_size)
                *ret_size = n;
        return data;
}

static void spill(const char *path, const char *text) {
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        assert_int_equal(fputs(text, f) >= 0, 1);
        assert_int_equal(fclose(f), 0);
}

static bool updating(void) {
        return getenv("FTWATCH_UPDATE_GOLDEN") != NULL;
}

/* --- loading ---------------------------------------------------------------------------------------- */

/* The mistakes as lines "where: message"; "" when there were none, then *ret. */
static char *load_text(const char *name, const char *text, size_t size, Config **ret) {
        _cleanup_(config_errors_done) ConfigErrors errors = {};
        _cleanup_(buf_done) Buf b = BUF_INIT(TEXT_MAX);
        char *lines;

        int r = config_load_text(name, text, size, ret, &errors);
        assert_int_equal(r, errors.n > 0 ? -EINVAL : 0);
        for (size_t i = 0; i < errors.n; i++)
                (void) buf_printf(&b, "%s: %s\n", errors.list[i].where, errors.list[i].message);
        assert_int_equal(buf_take(&b, &lines), 0);
        return lines;
}

static char *dump(const Config *c) {
        _cleanup_(buf_done) Buf b = BUF_INIT(TEXT_MAX);
        char *text;

        assert_int_equal(config_dump(c, &b), 0);
        assert_int_equal(buf_take(&b, &text), 0);
        return text;
}

static Config *must_load(const char *text) {
        Config *c = NULL;
        _cleanup_free_ char *lines = load_text("text", text, strlen(text), &c);

        if (!c)
                fail_msg("%s", lines);
        return c;
}

static void must_equal(const char *what, const char *is, const char *wanted) {
        if (!streq(is, wanted))
                fail_msg("%s\n--- is\n%s--- wanted\n%s---", what, is, wanted);
}

/* --- golden files ------------------------------------------------------------------------------------ */

static void compare_golden(const char *base, const char *extension, const char *is) {
        _cleanup_free_ char *path = NULL, *wanted = NULL;

        assert_int_equal(string_printf(&path, "%s/%s.%s", GOLDEN, base, extension), 0);
        if (updating()) {
                spill(path, is);
                return;
        }
        wanted = slurp(path, NULL);
        if (!wanted)
                fail_msg("%s is missing; it would hold:\n%s", path, is);
        must_equal(path, is, wanted);
}

static void run_golden(const char *file) {
        _cleanup_free_ char *path = NULL, *text = NULL, *lines = NULL, *err = NULL, *base = NULL;
        _cleanup_(config_freep) Config *c = NULL;
        size_t size = 0;

        base = strndup(file, strlen(file) - strlen(".conf"));
        assert_non_null(base);
        assert_int_equal(string_printf(&path, "%s/%s", GOLDEN, file), 0);
        assert_int_equal(string_printf(&err, "%s/%s.err", GOLDEN, base), 0);
        text = slurp(path, &size);
        assert_non_null(text);
        lines = load_text(file, text, size, &c);
        if (!c) {
                compare_golden(base, "err", lines);
        } else if (access(err, F_OK) == 0) {
                fail_msg("%s was accepted", path);
        } else {
                _cleanup_free_ char *dumped = dump(c);
                compare_golden(base, "dump", dumped);
        }
}

static void test_golden(void **state) {
        struct dirent **names;
        unsigned n_run = 0;

        (void) state;
        int n = scandir(GOLDEN, &names, NULL, alphasort);
        assert_true(n > 0);
        for (int i = 0; i < n; i++) {
                if (endswith(names[i]->d_name, ".conf")) {
                        run_golden(names[i]->d_name);
                        n_run++;
                }
                free(names[i]);
        }
        free(names);
        assert_true(n_run >= 10);
}

/* --- dump and load ----------------------------------------------------------------------------------- */

/* Secrets are not in a dump: each "***" becomes one value that passes for every kind of secret. */
static char *fill_secrets(const char *text) {
        _cleanup_(buf_done) Buf b = BUF_INIT(TEXT_MAX);
        const char *p;
        char *filled;

        for (; (p = strstr(text, "\"***\"")); text = p + 5) {
                (void) buf_append(&b, text, (size_t) (p - text));
                (void) buf_puts(&b, "\"https://hooks.example.org/secret\"");
        }
        (void) buf_puts(&b, text);
        assert_int_equal(buf_take(&b, &filled), 0);
        return filled;
}

static void check_round_trip(const char *text, size_t size) {
        _cleanup_(config_freep) Config *first = NULL, *second = NULL;
        _cleanup_free_ char *lines = NULL, *dumped = NULL, *filled = NULL, *again = NULL;

        lines = load_text("first", text, size, &first);
        assert_int_equal(!first, *lines != '\0');
        if (!first)
                return;
        dumped = dump(first);
        assert_null(strstr(dumped, "very-secret"));
        filled = fill_secrets(dumped);
        second = must_load(filled);
        again = dump(second);
        must_equal("dump of the dump", again, dumped);
}

static void test_round_trip(void **state) {
        struct dirent **names;

        (void) state;
        int n = scandir(GOLDEN, &names, NULL, alphasort);
        assert_true(n > 0);
        for (int i = 0; i < n; i++) {
                if (endswith(names[i]->d_name, ".conf")) {
                        _cleanup_free_ char *path = NULL, *text = NULL;
                        size_t size = 0;
                        assert_int_equal(string_printf(&path, "%s/%s", GOLDEN, names[i]->d_name), 0);
                        text = slurp(path, &size);
                        assert_non_null(text);
                        check_round_trip(text, size);
                }
                free(names[i]);
        }
        free(names);
}

/* --- the shipped file -------------------------------------------------------------------------------- */

static void write_credential(const char *directory, const char *name, const char *value) {
        _cleanup_free_ char *path = NULL;

        assert_int_equal(string_printf(&path, "%s/%s", directory, name), 0);
        spill(path, value);
}

static void remove_credential(const char *directory, const char *name) {
        _cleanup_free_ char *path = NULL;

        assert_int_equal(string_printf(&path, "%s/%s", directory, name), 0);
        assert_int_equal(unlink(path), 0);
}

static void test_shipped_file(void **state) {
        _cleanup_free_ char *directory = NULL;
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_(config_errors_done) ConfigErrors errors = {};
        const char *tmp = getenv("TMPDIR");

        (void) state;
        assert_int_equal(string_printf(&directory, "%s/config.XXXXXX", tmp ? tmp : "/tmp"), 0);
        assert_non_null(mkdtemp(directory));
        write_credential(directory, "azure-key", "very-secret\n");
        write_credential(directory, "slack-url", "https://hooks.slack.com/services/T/B/x\n");
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
        int r = config_load("etc/ftwatchd.conf", &c, &errors);
        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        remove_credential(directory, "azure-key");
        remove_credential(directory, "slack-url");
        assert_int_equal(rmdir(directory), 0);
        if (r < 0)
                fail_msg("%s: %s", errors.n > 0 ? errors.list[0].where : "?",
                         errors.n > 0 ? errors.list[0].message : "?");
        assert_int_equal(c->n_sources, 1);
        assert_string_equal(secret_reveal(c->sources[0]->api_key), "very-secret");
        assert_int_equal(c->n_receivers, 1);
        assert_int_equal(c->n_rules, 0);
        assert_string_equal(c->state_dir, "/var/lib/ftwatchd");
}

/* Whether the value begins with this one, in quotes or not. */
static bool value_is(const char *value, const char *wanted) {
        const char *rest = startswith(value + (*value == '"'), wanted);

        return rest && startswith(rest + (*rest == '"'), ";");
}

/* Whether a comment line begins with "key = ", behind #, and gives the default if there is one. */
static bool file_mentions(const char *text, const char *key, const char *fallback) {
        size_t n = strlen(key);

        for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
                const char *q = p;
                if (*q != '#')
                        continue;
                q += 1 + strspn(q + 1, " ");
                if (strncmp(q, key, n) == 0 && startswith(q + n, " = ") &&
                    (!fallback || value_is(q + n + strlen(" = "), fallback)))
                        return true;
        }
        return false;
}

static const OptionSpec *table_at(size_t i) {
        static const OptionSpec *const tables[] = {
                config_options, rule_options, source_options, auth_options, receiver_common_options,
        };
        if (i < ARRAY_SIZE(tables))
                return tables[i];
        const char *const *kind = receiver_kind_names();
        for (i -= ARRAY_SIZE(tables); *kind; kind++, i--)
                if (i == 0)
                        return receiver_kind_find(*kind)->options;
        return NULL;
}

static void test_shipped_file_lists_every_option(void **state) {
        _cleanup_free_ char *text = slurp("etc/ftwatchd.conf", NULL);
        const OptionSpec *table;

        (void) state;
        assert_non_null(text);
        for (size_t i = 0; (table = table_at(i)); i++)
                for (const OptionSpec *o = table; o->key; o++)
                        if (!file_mentions(text, o->key, o->fallback))
                                fail_msg("etc/ftwatchd.conf does not mention %s%s%s", o->key,
                                         o->fallback ? " with its default " : "", strempty(o->fallback));
        for (const char *const *kind = receiver_kind_names(); *kind; kind++)
                if (!strstr(text, *kind))
                        fail_msg("etc/ftwatchd.conf does not mention the kind %s", *kind);
}

/* --- the tables -------------------------------------------------------------------------------------- */

static void check_option(const OptionSpec *o) {
        bool number = o->type == OPTION_SPAN || o->type == OPTION_SIZE || o->type == OPTION_UINT;

        if (isempty(o->help) || endswith(o->help, ".") || strchr(o->help, '\n'))
                fail_msg("%s: the help is one line without a full stop", o->key);
        if ((o->flags & OPTION_REQUIRED) && o->fallback)
                fail_msg("%s is required and has a default", o->key);
        if (number && (o->max == 0 || o->min > o->max))
                fail_msg("%s has no limits", o->key);
        if ((number || o->type == OPTION_BOOL || o->type == OPTION_ENUM) && !o->fallback &&
            !(o->flags & OPTION_REQUIRED))
                fail_msg("%s has no default", o->key);
        if ((o->type == OPTION_ENUM) != (o->names != NULL))
                fail_msg("%s: names belong to enumerations", o->key);
}

static void test_tables(void **state) {
        const OptionSpec *table;

        (void) state;
        for (size_t i = 0; (table = table_at(i)); i++)
                for (const OptionSpec *o = table; o->key; o++) {
                        check_option(o);
                        for (const OptionSpec *other = table; other != o; other++) {
                                if (streq(other->key, o->key))
                                        fail_msg("%s is there twice", o->key);
                                if (other->offset == o->offset)
                                        fail_msg("%s and %s share a field", o->key, other->key);
                        }
                }
}

/* --- values ------------------------------------------------------------------------------------------ */

#define SOURCE(more)                                                                                \
        "sources = ( { name = \"a\"; endpoint = \"https://a.openai.azure.com\"; api_key = \"k\";\n" \
        more " } );\n"

static void test_sizes_and_spans(void **state) {
        static const struct {
                const char *text;
                uint64_t limit, poll;
        } rows[] = {
                { SOURCE(""), 8 << 20, 30 * USEC_PER_SEC },
                { SOURCE("reply_limit = 65536;"), 65536, 30 * USEC_PER_SEC },
                { SOURCE("reply_limit = \"65536\";"), 65536, 30 * USEC_PER_SEC },
                { SOURCE("reply_limit = \"100K\"; poll_interval = \"1min 30s\""), 102400,
                  90 * USEC_PER_SEC },
                { SOURCE("reply_limit = \"100 KiB\"; poll_interval = \"2h\""), 102400, 2 * USEC_PER_HOUR },
                { SOURCE("reply_limit = \"1m\"; poll_interval = \"5500ms\""), 1 << 20,
                  5500 * USEC_PER_MSEC },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *c = must_load(rows[i].text);
                assert_true(c->sources[0]->reply_limit == rows[i].limit);
                assert_true(c->sources[0]->poll_interval_usec == rows[i].poll);
        }
}

static void test_state_dir(void **state) {
        (void) state;
        assert_int_equal(setenv("STATE_DIRECTORY", "/var/lib/private/x:/var/lib/y", 1), 0);
        _cleanup_(config_freep) Config *c = must_load(SOURCE("")),
                *d = must_load("state_dir = \"/z\";" SOURCE(""));
        assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
        assert_string_equal(c->state_dir, "/var/lib/private/x");
        assert_string_equal(d->state_dir, "/z");
}

/* Debian's libconfig cuts integers to 32 bits without a word: 4294967312 would pass for 16. */
static void test_wide_integers(void **state) {
        static const struct {
                const char *text, *lines;
        } rows[] = {
                { "connections = 4294967312;", "n:1: connections must be between 1 and 256\n" },
                { "connections = 4294967312L;", "n:1: connections must be between 1 and 256\n" },
                { "connections = 9223372036854775808;", "n:1: this number is too large\n" },
                { "connections = 99999999999999999999999999999999;", "n:1: this number is too large\n" },
                { "connections = 0x100000010;", "n:1: this number is too large\n" },
                { "connections = -1;", "n:1: connections must not be negative\n" },
                { "connections = -4294967280;", "n:1: connections must not be negative\n" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *c = NULL;
                _cleanup_free_ char *text = NULL;
                assert_int_equal(string_printf(&text, "%s\n%s", rows[i].text, SOURCE("")), 0);
                _cleanup_free_ char *lines = load_text("n", text, strlen(text), &c);
                must_equal(rows[i].text, lines, rows[i].lines);
        }
}

/* What is no text, and what would be too much for libconfig's recursion. */
static void test_hostile_texts(void **state) {
        static const struct {
                const char *text;
                size_t size;
                const char *lines;
        } rows[] = {
                { "a = 1;\n\0b", 9, "n:2: there is a NUL byte: this is no text file\n" },
                { "\n\n# \xff\n", 6, "n:3: this is not valid UTF-8\n" },
                { "log_level = \"x\\x00y\";", 21, "n:1: a string cannot hold \\x00\n" },
                { "@include \"/etc/passwd\"\n", 23, "n:1: @include is not possible here\n" },
                { "@inclood \"x\"\n", 13, "n:1: '@' is followed by include \"FILE\" and by nothing else\n" },
                { "@include x\n", 11, "n:1: @include \"FILE\": the file's name stands in double quotes\n" },
                { "@include \"\"\n", 12,
                  "n:1: @include \"FILE\": the file's name stands in double quotes\n" },
                { "@include \"x\" y\n", 15, "n:1: @include \"FILE\" stands alone on its line\n" },
                { "a = 1; @include \"x\"\n", 20, "n:1: @include \"FILE\" stands alone on its line\n" },
                { "/* \n", 4, "n:2: a comment is opened by /* and not closed\n" },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_freep) Config *c = NULL;
                _cleanup_free_ char *lines = load_text("n", rows[i].text, rows[i].size, &c);
                must_equal(rows[i].text, lines, rows[i].lines);
        }
}

static void test_limits(void **state) {
        _cleanup_(config_freep) Config *c = NULL;
        size_t n = 2U * 1024 * 1024;
        _cleanup_free_ char *text = malloc(n), *brackets = NULL, *large = NULL, *whole = NULL;

        (void) state;
        assert_non_null(text);
        memset(text, '(', n);
        text[0] = 'a';
        text[1] = '=';
        brackets = load_text("n", text, 100000, &c);
        must_equal("brackets", brackets, "n:1: brackets are nested more than 16 deep\n");
        memset(text, '#', n);
        large = load_text("n", text, n, &c);
        must_equal("large", large, "n: cannot be read: it is too large\n");
        whole = load_text("n", text, 1024U * 1024 - 2, &c);
        assert_non_null(strstr(whole, "no sources configured"));
}

/* A file with nothing but mistakes does not answer with a novel. */
static void test_errors_are_limited(void **state) {
        _cleanup_(buf_done) Buf b = BUF_INIT(TEXT_MAX);
        _cleanup_(config_errors_done) ConfigErrors errors = {};
        Config *c = NULL;

        (void) state;
        for (int i = 0; i < 1000; i++)
                assert_int_equal(buf_printf(&b, "key%d = 1;\n", i), 0);
        assert_int_equal(config_load_text("n", b.data, b.size, &c, &errors), -EINVAL);
        assert_true(errors.n >= 100 && errors.n <= 200);
}

static int clean_environment(void **state) {
        (void) state;
        (void) unsetenv("CREDENTIALS_DIRECTORY");
        (void) unsetenv("STATE_DIRECTORY");
        (void) unsetenv("NOT_THERE");
        return setenv("SECRET", "https://hooks.example.org/very-secret", 1);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden),
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_shipped_file),
                cmocka_unit_test(test_shipped_file_lists_every_option),
                cmocka_unit_test(test_tables),
                cmocka_unit_test(test_sizes_and_spans),
                cmocka_unit_test(test_state_dir),
                cmocka_unit_test(test_wide_integers),
                cmocka_unit_test(test_hostile_texts),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_errors_are_limited),
        };

        return cmocka_run_group_tests(tests, clean_environment, NULL);
}
