#include "ctl_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/strings.h"
#include "store/schema.h"

#define SEED "tests/e2e/ctl/seed.sql"
#define WORDS_MAX 16

static char *read_seed(void) {
        static char text[64 * 1024];
        FILE *file = fopen(SEED, "re");

        assert_non_null(file);
        size_t n = fread(text, 1, sizeof text - 1, file);
        assert_true(n > 0 && n < sizeof text - 1);
        text[n] = '\0';
        (void) fclose(file);
        return text;
}

static void run_sql(sqlite3 *db, const char *sql) {
        char *message = NULL;

        if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
                fail_msg("%s", message);
}

static void make_state(const char *path) {
        char sql[256];
        sqlite3 *db;

        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        run_sql(db, "PRAGMA journal_mode = WAL");
        for (size_t i = 0; i < SCHEMA_VERSION; i++)
                run_sql(db, schema_steps[i]);
        (void) snprintf(sql, sizeof sql, "PRAGMA user_version = %d; PRAGMA application_id = %d;"
                        "CREATE TEMP TABLE clock AS SELECT %lld AS now",
                        SCHEMA_VERSION, SCHEMA_APPLICATION_ID, (long long) CTL_FIXTURE_NOW);
        run_sql(db, sql);
        run_sql(db, read_seed());
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void ctl_fixture_open(CtlFixture *f) {
        const char *tmp = getenv("TMPDIR");
        char path[sizeof f->dir + 16];
        char *aside, *message;

        (void) snprintf(f->dir, sizeof f->dir, "%s/ctl.XXXXXX", tmp ? tmp : "/tmp");
        assert_non_null(mkdtemp(f->dir));
        (void) snprintf(path, sizeof path, "%s/" STORE_FILE_NAME, f->dir);
        make_state(path);
        assert_int_equal(store_open(path, STORE_READ_ONLY, &f->store, &aside, &message), 0);
        assert_int_equal(query_begin(f->store), 0);
}

void ctl_fixture_close(CtlFixture *f) {
        static const char *const files[] = { "", "-wal", "-shm" };

        f->store = store_free(f->store);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                char path[sizeof f->dir + 16];
                (void) snprintf(path, sizeof path, "%s/" STORE_FILE_NAME "%s", f->dir, files[i]);
                (void) unlink(path);
        }
        assert_int_equal(rmdir(f->dir), 0);
}

static int run_words(Ctl *c, char *line) {
        char *argv[WORDS_MAX + 2] = { (char *) "ftwatchctl" }, *word;
        const char **words;
        int argc = 1;

        while ((word = strsep(&line, " ")))
                if (*word && argc <= WORDS_MAX)
                        argv[argc++] = word;
        int status = ctl_options_parse(c, argc, argv, &words);
        if (status != CTL_OK)
                return status;
        const CtlVerb *verb = words[0] ? ctl_verb_find(words[0]) : NULL;
        if (!verb)
                fail_msg("no verb %s", strempty(words[0]));
        status = verb ? ctl_options_check(c, verb) : CTL_USAGE;
        if (verb && status == CTL_OK)
                status = verb->run(c, words[1]);
        free(words);
        return status;
}

char *ctl_fixture_run(CtlFixture *f, const char *line, size_t width, bool utf8, bool color) {
        char *out = NULL, *err = NULL, *answer, *copy = strdup(line);
        size_t out_size, err_size;
        Term term = { .is_tty = width > 0, .width = width, .utf8 = utf8, .color = color };
        Ctl c = {
                .out = term,
                .err = term,
                .now_usec = (usec_t) CTL_FIXTURE_NOW * USEC_PER_SEC,
                .store = f->store,
        };

        assert_non_null(copy);
        c.out.out = open_memstream(&out, &out_size);
        c.err.out = open_memstream(&err, &err_size);
        assert_non_null(c.out.out);
        assert_non_null(c.err.out);
        int status = run_words(&c, copy);
        assert_int_equal(fclose(c.out.out), 0);
        assert_int_equal(fclose(c.err.out), 0);
        char code[32] = "";
        if (status != CTL_OK)
                (void) snprintf(code, sizeof code, "--- exit %d\n", status);
        assert_int_equal(string_printf(&answer, "%s%s%s%s", out, *err ? "--- stderr\n" : "", err, code), 0);
        ctl_options_done(&c.options);
        free(out);
        free(err);
        free(copy);
        return answer;
}
