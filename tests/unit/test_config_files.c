/* The configuration from files: conf.d, @include, who may read a literal secret, where secrets come from. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/strings.h"
#include "config/config.h"

#define SOURCE(name, key)                                                                              \
        "sources = ( { name = \"" name "\"; endpoint = \"https://a.openai.azure.com\"; api_key = \"" key \
        "\"; } );\n"

/* --- a folder for each test -------------------------------------------------------------------------- */

static int setup(void **state) {
        const char *tmp = getenv("TMPDIR");
        char *folder;

        (void) unsetenv("CREDENTIALS_DIRECTORY");
        (void) unsetenv("STATE_DIRECTORY");
        if (string_printf(&folder, "%s/config.XXXXXX", tmp ? tmp : "/tmp") < 0 || !mkdtemp(folder))
                return -1;
        *state = folder;
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
        (void) st;
        (void) flag;
        (void) ftw;
        return remove(path);
}

static int teardown(void **state) {
        int r = nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);

        free(*state);
        return r;
}

static char *path_in(const char *folder, const char *name) {
        char *path;

        assert_int_equal(string_printf(&path, "%s/%s", folder, name), 0);
        return path;
}

static void put_bytes(const char *folder, const char *name, mode_t mode, const void *data, size_t size) {
        _cleanup_free_ char *path = path_in(folder, name), *below = NULL;
        const char *slash = strchr(name, '/');

        int n = slash ? (int) (slash - name) : 0;
        assert_int_equal(string_printf(&below, "%s/%.*s", folder, n, name), 0);
        assert_true(mkdir(below, 0700) == 0 || errno == EEXIST);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_true(write(fd, data, size) == (ssize_t) size);
        assert_int_equal(fchmod(fd, mode), 0);
        assert_int_equal(close(fd), 0);
}

static void put(const char *folder, const char *name, mode_t mode, const char *text) {
        put_bytes(folder, name, mode, text, strlen(text));
}

/* Mistakes as lines, the folder's name left out; "" and *ret when there are none. */
static char *load(const char *folder, Config **ret) {
        _cleanup_free_ char *path = path_in(folder, "ftwatchd.conf");
        _cleanup_(config_errors_done) ConfigErrors errors = {};
        _cleanup_(buf_done) Buf all = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20);
        size_t n = strlen(folder) + 1;
        const char *p, *s;
        char *lines;

        int r = config_load(path, ret, &errors);
        assert_int_equal(r, errors.n > 0 ? -EINVAL : 0);
        for (size_t i = 0; i < errors.n; i++)
                (void) buf_printf(&all, "%s: %s\n", errors.list[i].where, errors.list[i].message);
        for (s = buf_string(&all); (p = strstr(s, folder)); s = p + n - (p[n - 1] != '/'))
                (void) buf_append(&b, s, (size_t) (p - s));
        (void) buf_puts(&b, s);
        assert_int_equal(buf_take(&b, &lines), 0);
        return lines;
}

static void check_load(const char *folder, const char *wanted) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *lines = load(folder, &c);

        if (!streq(lines, wanted))
                fail_msg("--- is\n%s--- wanted\n%s---", lines, wanted);
}

/* --- conf.d ------------------------------------------------------------------------------------------- */

static void test_folder_appends_in_order(void **state) {
        _cleanup_(config_freep) Config *c = NULL;

        put(*state, "ftwatchd.conf", 0600, SOURCE("main", "k") "history = \"10d\";");
        put(*state, "conf.d/20-b.conf", 0600, SOURCE("twenty", "k"));
        put(*state, "conf.d/100.conf", 0600, SOURCE("hundred", "k") "connections = 7;");
        put(*state, "conf.d/Z.conf", 0600, "rules = ( { to = \"r\"; } );");
        put(*state, "conf.d/a.conf", 0600, "receivers = ( { name = \"r\"; kind = \"journal\"; } );");
        put(*state, "conf.d/.hidden.conf", 0600, "nonsense");
        put(*state, "conf.d/README", 0600, "nonsense");
        put(*state, "conf.d/x.conf.bak", 0600, "nonsense");
        _cleanup_free_ char *lines = load(*state, &c);
        assert_string_equal(lines, "");
        assert_int_equal(c->n_sources, 3);
        assert_string_equal(c->sources[0]->name, "main");
        assert_string_equal(c->sources[1]->name, "hundred");
        assert_string_equal(c->sources[2]->name, "twenty");
        assert_int_equal(c->n_receivers, 1);
        assert_int_equal(c->n_rules, 1);
        assert_true(c->history_usec == 10 * USEC_PER_DAY);
        assert_int_equal(c->connections, 7);
}

static void test_set_twice(void **state) {
        put(*state, "ftwatchd.conf", 0600, SOURCE("a", "k") "history = \"10d\";\n");
        put(*state, "conf.d/1.conf", 0600, "\nhistory = \"10d\";\nlog_level = \"debug\";");
        put(*state, "conf.d/2.conf", 0600, SOURCE("a", "k") "log_level = \"info\"; history = \"1d\";");
        check_load(*state, "conf.d/1.conf:2: history is already set at ftwatchd.conf:2\n"
                           "conf.d/2.conf:1: the name 'a' is already that of the source at ftwatchd.conf:1\n"
                           "conf.d/2.conf:2: history is already set at ftwatchd.conf:2\n"
                           "conf.d/2.conf:2: log_level is already set at conf.d/1.conf:3\n");
}

/* Every file's mistakes at once; what a broken file may hold is not called missing. */
static void test_mistakes_of_all_files(void **state) {
        put(*state, "ftwatchd.conf", 0600, "receivers = (\n");
        put(*state, "conf.d/1.conf", 0600, "rules = ( { to = [ \"in-main\" ]; types = \"job.no\" } );");
        put(*state, "conf.d/2.conf", 0600, "a = 1;\nlog_level = \"x;\n");
        put(*state, "conf.d/3.conf", 0600, "\n\nnonsense = 1;");
        check_load(*state, "ftwatchd.conf:1: syntax error, here or just before\n"
                           "conf.d/1.conf:1: types: there is no notice type 'job.no'; did you mean "
                           "'job.*'?\n"
                           "conf.d/2.conf:2: this string is not closed on its line: a \" is missing\n"
                           "conf.d/3.conf:3: unknown key 'nonsense' in the configuration\n");
}

static void test_missing_and_unreadable(void **state) {
        _cleanup_free_ char *conf = path_in(*state, "ftwatchd.conf"), *folder = path_in(*state, "conf.d");

        check_load(*state, "ftwatchd.conf: cannot be read: No such file or directory\n");
        assert_int_equal(mkdir(conf, 0700), 0);
        check_load(*state, "ftwatchd.conf: cannot be read: Is a directory\n");
        assert_int_equal(rmdir(conf), 0);
        assert_int_equal(mkfifo(conf, 0600), 0);
        check_load(*state, "ftwatchd.conf: cannot be read: it is not a regular file\n");
        assert_int_equal(unlink(conf), 0);
        put(*state, "ftwatchd.conf", 0600, SOURCE("a", "k"));
        put(*state, "conf.d", 0600, "not a folder");
        check_load(*state, "conf.d: cannot be read: Not a directory\n");
        assert_int_equal(unlink(folder), 0);
        check_load(*state, "");
}

/* --- @include
 * ------------------------------------------------------------------------------------------- */

static void test_include(void **state) {
        _cleanup_(config_freep) Config *c = NULL;

        put(*state, "ftwatchd.conf", 0600,
            "# one\n  @include \"sub/sources.inc\" # two\n@include \"empty.inc\"\n"
            "history = \"2d\";\nwrong = 1;\n");
        put(*state, "empty.inc", 0600, "");
        put(*state, "sub/sources.inc", 0600,
            "sources = (\n@include \"one.inc\"\n,\n@include \"one.inc\"\n);\n/* */ bad = 2;");
        put(*state, "sub/one.inc", 0600,
            "{ name = \"a\";\n  endpoint = \"https://a.openai.azure.com\"; api_key = \"k\"; }");
        check_load(*state, "ftwatchd.conf:5: unknown key 'wrong' in the configuration\n"
                           "sub/sources.inc:6: unknown key 'bad' in the configuration\n"
                           "sub/one.inc:1: the name 'a' is already that of the source at sub/one.inc:1\n");
        put(*state, "ftwatchd.conf", 0600, "@include \"sub/sources.inc\"\nhistory = \"2d\";");
        put(*state, "sub/sources.inc", 0600, "sources = (\n@include \"one.inc\"\n);");
        _cleanup_free_ char *lines = load(*state, &c);
        assert_string_equal(lines, "");
        assert_int_equal(c->n_sources, 1);
        assert_true(c->history_usec == 2 * USEC_PER_DAY);
}

/* libconfig itself ends the process at a folder and would wait for ever at a FIFO. */
static void test_include_refused(void **state) {
        _cleanup_free_ char *fifo = path_in(*state, "fifo");

        assert_int_equal(mkfifo(fifo, 0600), 0);
        put(*state, "ftwatchd.conf", 0600, "@include \".\"\n");
        check_load(*state, "ftwatchd.conf:1: @include \".\": Is a directory\n");
        put(*state, "ftwatchd.conf", 0600, "\n@include \"fifo\"\n");
        check_load(*state, "ftwatchd.conf:2: @include \"fifo\": it is not a regular file\n");
        put(*state, "ftwatchd.conf", 0600, "@include \"gone\"\n");
        check_load(*state, "ftwatchd.conf:1: @include \"gone\": No such file or directory\n");
        put(*state, "ftwatchd.conf", 0600, "# self\n@include \"ftwatchd.conf\"\n");
        check_load(*state,
                   "ftwatchd.conf:2: @include \"ftwatchd.conf\": too many files are included, or a file "
                           "includes itself\n");
        put(*state, "broken.inc", 0600, "\n\nx = \"open;\n");
        put(*state, "ftwatchd.conf", 0600, "@include \"broken.inc\"\n");
        check_load(*state, "broken.inc:3: this string is not closed on its line: a \" is missing\n");
}

/* A small file that names itself often must not cost much: the number of files is bounded, not only the
 * depth. */
static void test_include_bomb(void **state) {
        put(*state, "ftwatchd.conf", 0600, "@include \"a.inc\"\n");
        put(*state, "a.inc", 0600,
            "@include \"b.inc\"\n@include \"b.inc\"\n@include \"b.inc\"\n@include \"b.inc\"\n");
        put(*state, "b.inc", 0600,
            "@include \"c.inc\"\n@include \"c.inc\"\n@include \"c.inc\"\n@include \"c.inc\"\n");
        put(*state, "c.inc", 0600,
            "@include \"d.inc\"\n@include \"d.inc\"\n@include \"d.inc\"\n@include \"d.inc\"\n");
        put(*state, "d.inc", 0600, "# nothing\n");
        check_load(*state,
                   "c.inc:4: @include \"d.inc\": too many files are included, or a file includes itself\n");
}

/* --- secrets
 * ---------------------------------------------------------------------------------------------- */

static void test_literal_needs_a_private_file(void **state) {
        static const mode_t good[] = { 0600, 0400, 0700 }, bad[] = { 0640, 0604, 0644, 0620, 0660, 0666 };

        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                put(*state, "ftwatchd.conf", good[i], SOURCE("a", "literal"));
                check_load(*state, "");
                _cleanup_free_ char *path = path_in(*state, "ftwatchd.conf");
                assert_int_equal(unlink(path), 0);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                _cleanup_free_ char *wanted = NULL;
                put(*state, "ftwatchd.conf", bad[i], SOURCE("a", "literal"));
                int r = string_printf(&wanted, "ftwatchd.conf:1: api_key: it is written out, and others "
                                      "than the owner may read ftwatchd.conf (mode %04o): "
                                      "chmod 600 ftwatchd.conf, or write \"credential:NAME\" or "
                                      "\"file:/PATH\"\n", (unsigned) bad[i]);
                assert_int_equal(r, 0);
                check_load(*state, wanted);
        }
}

/* It is the file that the secret stands in which counts, not the one that includes it. */
static void test_literal_in_an_included_file(void **state) {
        _cleanup_(config_freep) Config *c = NULL;

        put(*state, "ftwatchd.conf", 0644, "@include \"private.inc\"\n");
        put(*state, "private.inc", 0600, SOURCE("a", "literal"));
        check_load(*state, "");
        put(*state, "ftwatchd.conf", 0600, "@include \"public.inc\"\n");
        put(*state, "public.inc", 0644, SOURCE("a", "literal"));
        _cleanup_free_ char *lines = load(*state, &c);
        assert_non_null(startswith(lines, "public.inc:1: api_key: it is written out, and others"));
}

/* `size` bytes of the credential "key", and the secret that comes out, or the complaint behind
 * "credential:key". */
static const struct {
        const char *bytes;
        size_t size;
        const char *secret, *complaint;
} contents[] = {
        { "abc", 3, "abc", NULL },
        { "abc\n", 4, "abc", NULL },
        { "abc\r\n", 5, "abc", NULL },
        { " a b ", 5, " a b ", NULL },
        { "\xC3\xA4", 2, "\xC3\xA4", NULL },
        { "", 0, NULL, " is empty" },
        { "\n", 1, NULL, " is empty" },
        { "\r\n", 2, NULL, " is empty" },
        { "abc\n\n", 5, NULL, " holds more than one line or a control character" },
        { "abc\ndef\n", 8, NULL, " holds more than one line or a control character" },
        { "ab\0c", 4, NULL, " holds more than one line or a control character" },
        { "abc\r", 4, NULL, " holds more than one line or a control character" },
        { "abc\x7f", 4, NULL, " holds more than one line or a control character" },
};

static void check_secret(const char *folder, size_t row, const char *reference) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *text = NULL;

        int r = string_printf(&text, "sources = ( { name = \"a\"; endpoint = \"https://a.example.org\"; "
                              "api_key = \"%s\"; } );", reference);
        assert_int_equal(r, 0);
        put(folder, "ftwatchd.conf", 0644, text);
        _cleanup_free_ char *lines = load(folder, &c);
        if (contents[row].secret) {
                assert_string_equal(lines, "");
                assert_string_equal(secret_reveal(c->sources[0]->api_key), contents[row].secret);
                assert_int_equal(secret_size(c->sources[0]->api_key), strlen(contents[row].secret));
        } else {
                assert_non_null(startswith(lines, "ftwatchd.conf:1: api_key: "));
                assert_non_null(strstr(lines, contents[row].complaint));
                assert_null(strstr(lines, "abc"));
        }
}

static void test_secret_contents(void **state) {
        _cleanup_free_ char *creds = path_in(*state, "creds"), *file = NULL;

        assert_int_equal(string_printf(&file, "file:%s/creds/key", (const char *) *state), 0);
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", creds, 1), 0);
        for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
                put_bytes(*state, "creds/key", 0600, contents[i].bytes, contents[i].size);
                check_secret(*state, i, "credential:key");
                check_secret(*state, i, file);
                if (memchr(contents[i].bytes, '\0', contents[i].size) || memchr(contents[i].bytes, '\n',
                                                                                contents[i].size))
                        continue;       /* of a variable nothing is stripped */
                assert_int_equal(setenv("CONFIG_TEST_KEY", contents[i].bytes, 1), 0);
                check_secret(*state, i, "env:CONFIG_TEST_KEY");
        }
        assert_int_equal(unsetenv("CONFIG_TEST_KEY"), 0);
}

static void test_secret_places(void **state) {
        _cleanup_free_ char *creds = path_in(*state, "creds"), *fifo = NULL;
        _cleanup_free_ char *large = malloc(65538);

        assert_non_null(large);
        memset(large, 'x', 65538);
        put_bytes(*state, "creds/large", 0600, large, 65537);
        put_bytes(*state, "creds/fits", 0600, large, 65536);
        fifo = path_in(*state, "creds/fifo");
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", creds, 1), 0);
        put(*state, "ftwatchd.conf", 0644, SOURCE("a", "credential:gone"));
        check_load(*state, "ftwatchd.conf:1: api_key: credential:gone: there is no such credential in "
                           "creds; the unit needs LoadCredential=gone:/PATH\n");
        put(*state, "ftwatchd.conf", 0644, SOURCE("a", "credential:large"));
        check_load(*state, "ftwatchd.conf:1: api_key: credential:large: it is too large\n");
        put(*state, "ftwatchd.conf", 0644, SOURCE("a", "credential:fits"));
        check_load(*state, "");
        put(*state, "ftwatchd.conf", 0644, SOURCE("a", "credential:fifo"));
        check_load(*state, "ftwatchd.conf:1: api_key: credential:fifo: it is not a regular file\n");
        put(*state, "ftwatchd.conf", 0644, SOURCE("a", "credential:.."));
        check_load(*state, "ftwatchd.conf:1: api_key: credential:..: a credential's name has no slash "
                           "and is not empty\n");
}

/* --- the state's place without the rest
 * -------------------------------------------------------------------- */

static void check_state_dir(const char *folder, const char *wanted) {
        _cleanup_free_ char *path = path_in(folder, "ftwatchd.conf"), *dir = NULL;
        _cleanup_(config_errors_done) ConfigErrors errors = {};

        int r = config_load_state_dir(path, &dir, &errors);
        assert_int_equal(r, wanted ? 0 : -EINVAL);
        assert_int_equal(errors.n > 0, !wanted);
        if (wanted)
                assert_string_equal(dir, wanted);
}

static void test_state_dir_alone(void **state) {
        put(*state, "ftwatchd.conf", 0644, SOURCE("a", "credential:gone"));
        check_state_dir(*state, "/var/lib/ftwatchd");
        put(*state, "conf.d/x.conf", 0644, "state_dir = \"/srv/x\";");
        check_state_dir(*state, "/srv/x");
        put(*state, "conf.d/x.conf", 0644, "state_dir = 5;");
        check_state_dir(*state, NULL);
        put(*state, "conf.d/x.conf", 0644, "((");
        check_state_dir(*state, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        static const struct CMUnitTest tests[] = {
                TEST(test_folder_appends_in_order),
                TEST(test_set_twice),
                TEST(test_mistakes_of_all_files),
                TEST(test_missing_and_unreadable),
                TEST(test_include),
                TEST(test_include_refused),
                TEST(test_include_bomb),
                TEST(test_literal_needs_a_private_file),
                TEST(test_literal_in_an_included_file),
                TEST(test_secret_contents),
                TEST(test_secret_places),
                TEST(test_state_dir_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
