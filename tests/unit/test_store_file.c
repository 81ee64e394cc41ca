/* The state as a file: made, found again, refused, damaged, full. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/strings.h"
#include "store/schema.h"
#include "store/store_internal.h"

typedef struct Place {
        char dir[128], path[160];
} Place;

static int set_up(void **state) {
        Place *p = calloc(1, sizeof *p);
        const char *tmp = getenv("TMPDIR");

        assert_non_null(p);
        assert_true((size_t) snprintf(p->dir, sizeof p->dir, "%s/store-XXXXXX", tmp ? tmp : "/tmp") <
                    sizeof p->dir);
        assert_non_null(mkdtemp(p->dir));
        (void) snprintf(p->path, sizeof p->path, "%s/%s", p->dir, STORE_FILE_NAME);
        *state = p;
        return 0;
}

static int tear_down(void **state) {
        static const char *const files[] = { "", "-wal", "-shm" };
        Place *p = *state;
        char path[200];

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                (void) snprintf(path, sizeof path, "%s%s", p->path, files[i]);
                (void) unlink(path);
        }
        int r = rmdir(p->dir);
        free(p);
        return r;
}

static int try_open(const Place *p, StoreMode mode, Store **ret, char **ret_aside, char **ret_message) {
        *ret = NULL;
        *ret_aside = *ret_message = NULL;
        return store_open(p->path, mode, ret, ret_aside, ret_message);
}

static Store *open_ok(const Place *p, StoreMode mode) {
        char *aside, *message;
        Store *s;

        int r = try_open(p, mode, &s, &aside, &message);
        if (r < 0)
                fail_msg("%d: %s", r, strempty(message));
        assert_null(aside);
        assert_null(message);
        return s;
}

static void refused(const Place *p, StoreMode mode, int error, const char *words) {
        char *aside, *message;
        Store *s;

        assert_int_equal(try_open(p, mode, &s, &aside, &message), error);
        assert_null(s);
        assert_null(aside);
        assert_non_null(message);
        if (!strstr(message, words) || !strstr(message, p->path))
                fail_msg("%s", message);
        free(message);
}

static void exec(Store *s, const char *sql) {
        int r = db_exec(s->db, sql);

        if (r < 0)
                fail_msg("%s", store_error(s, r));
}

static int64_t number(Store *s, const char *sql) {
        sqlite3_stmt *q;

        assert_int_equal(sqlite3_prepare_v2(db_handle(s->db), sql, -1, &q, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        int64_t n = sqlite3_column_int64(q, 0);
        sqlite3_finalize(q);
        return n;
}

static const char insert[] = "INSERT INTO sources (name, endpoint) VALUES ('a', 'b')";

static unsigned n_syncs;

/* Stands before libc's: counts what SQLite makes survive a power cut. */
int fdatasync(int fildes) {
        n_syncs++;
        return fsync(fildes);
}

static void commit_one(Store *s, const char *name, bool durable) {
        _cleanup_(stored_source_done) StoredSource source = {};

        assert_int_equal(store_sources_attach(s, &(SourceName) { name, "https://a" }, 1), 0);
        assert_int_equal(store_source_load(s, name, &source), 1);
        n_syncs = 0;
        assert_int_equal(store_begin(s), 0);
        source.baseline.at++;
        assert_int_equal(store_source_save(s, &source), 0);
        assert_int_equal(store_commit(s), 0);
        assert_int_equal(durable ? store_sync(s) : 0, 0);
}

static void test_durable(void **state) {
        Store *s = open_ok(*state, STORE_READ_WRITE);

        commit_one(s, "a", false);
        assert_int_equal(n_syncs, 0);
        commit_one(s, "a", true);
        assert_int_equal(n_syncs, 1);
        store_free(s);
        s = open_ok(*state, STORE_READ_ONLY);
        assert_int_equal(number(s, "SELECT baseline_at FROM sources"), 2);
        store_free(s);
}

static void test_made_and_found(void **state) {
        Place *p = *state;

        refused(p, STORE_READ_ONLY, -ENOENT, "No such file");
        Store *s = open_ok(p, STORE_READ_WRITE);
        assert_int_equal(number(s, "PRAGMA user_version"), SCHEMA_VERSION);
        assert_int_equal(number(s, "PRAGMA application_id"), SCHEMA_APPLICATION_ID);
        assert_int_equal(number(s, "PRAGMA foreign_keys"), 1);
        assert_int_equal(number(s, "PRAGMA synchronous"), 1);
        exec(s, insert);
        /* While it is open: readers see it, and write nothing. */
        Store *reader = open_ok(p, STORE_READ_ONLY);
        assert_int_equal(number(reader, "SELECT count(*) FROM sources"), 1);
        assert_true(db_exec(reader->db, insert) < 0);
        store_free(reader);
        store_free(s);
        s = open_ok(p, STORE_READ_WRITE);
        assert_int_equal(number(s, "SELECT count(*) FROM sources"), 1);
        store_free(s);
        reader = open_ok(p, STORE_READ_ONLY);
        store_free(reader);
}

static void test_refused(void **state) {
        char pragma[64];
        Place *p = *state;
        Store *s = open_ok(p, STORE_READ_WRITE);

        (void) snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", SCHEMA_VERSION + 1);
        exec(s, pragma);
        store_free(s);
        refused(p, STORE_READ_WRITE, -EPROTONOSUPPORT, "newer");
        refused(p, STORE_READ_ONLY, -EPROTONOSUPPORT, "newer");
        assert_int_equal(unlink(p->path), 0);

        sqlite3 *other;
        assert_int_equal(sqlite3_open(p->path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "CREATE TABLE t (x); PRAGMA application_id = 252006673", NULL,
                                      NULL, NULL),
                         SQLITE_OK);
        sqlite3_close(other);
        refused(p, STORE_READ_WRITE, -EMEDIUMTYPE, "another program");
        refused(p, STORE_READ_ONLY, -EMEDIUMTYPE, "another program");
}

static void overwrite(const char *path, off_t at, const void *bytes, size_t size) {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, bytes, size, at), size);
        close(fd);
}

/* Deleted, moved away, replaced: nothing more is written into what nobody will find. */
static void test_moved(void **state) {
        Place *p = *state;
        _cleanup_free_ char *elsewhere = NULL;

        assert_true(string_printf(&elsewhere, "%s.elsewhere", p->path) >= 0);
        for (int way = 0; way < 3; way++) {
                Store *s = open_ok(p, STORE_READ_WRITE);
                assert_int_equal(store_begin(s), 0);
                assert_int_equal(store_commit(s), 0);
                if (way == 0)
                        assert_int_equal(unlink(p->path), 0);
                else
                        assert_int_equal(rename(p->path, elsewhere), 0);
                if (way == 2)
                        overwrite(p->path, 0, "another", 7);
                assert_int_equal(store_begin(s), -ESTALE);
                store_free(s);
                (void) unlink(p->path);
                (void) unlink(elsewhere);
        }
        store_free(open_ok(p, STORE_READ_WRITE));
}

/* Kept aside, byte by byte, and a fresh one made. */
static void test_damaged(void **state) {
        static const char garbage[8192] = "this is no database at all";
        Place *p = *state;

        for (unsigned i = 0; i < 3; i++) {
                char *aside, *message;
                Store *s;
                if (i == 0) {
                        overwrite(p->path, 0, garbage, sizeof garbage);
                } else {
                        s = open_ok(p, STORE_READ_WRITE);
                        exec(s, insert);
                        store_free(s);
                        if (i == 1)
                                overwrite(p->path, 100, garbage, 3000);         /* the root of the schema */
                        else
                                assert_int_equal(truncate(p->path, 5000), 0);
                }
                refused(p, STORE_READ_ONLY, -EUCLEAN, "damaged");
                assert_int_equal(try_open(p, STORE_READ_WRITE, &s, &aside, &message), 0);
                assert_non_null(aside);
                assert_non_null(strstr(aside, ".corrupt-"));
                assert_int_equal(access(aside, R_OK), 0);
                assert_int_equal(number(s, "SELECT count(*) FROM sources"), 0);
                exec(s, insert);
                store_free(s);
                assert_int_equal(unlink(aside), 0);
                free(aside);
                assert_int_equal(unlink(p->path), 0);
        }
}

static void test_two_damaged_in_one_second(void **state) {
        char *first = NULL, *second = NULL;
        Place *p = *state;

        overwrite(p->path, 0, "one", 3);
        assert_int_equal(store_set_aside(p->path, USEC_PER_SEC, &first), 0);
        overwrite(p->path, 0, "two", 3);
        assert_int_equal(store_set_aside(p->path, USEC_PER_SEC, &second), 0);
        assert_string_not_equal(first, second);
        assert_int_equal(unlink(first), 0);
        assert_int_equal(unlink(second), 0);
        free(first);
        free(second);
}

/* The file may grow no further: as a full disk. What was begun is undone; with room again it goes on. */
static void test_full_disk(void **state) {
        struct rlimit before, limit;
        Place *p = *state;
        struct stat st;
        char wal[200];
        int r = 0;

        Store *s = open_ok(p, STORE_READ_WRITE);
        exec(s, insert);
        (void) snprintf(wal, sizeof wal, "%s-wal", p->path);
        assert_int_equal(stat(wal, &st), 0);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        limit = (struct rlimit) { .rlim_cur = (rlim_t) st.st_size + 10000, .rlim_max = before.rlim_max };
        void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(store_begin(s), 0);
        for (unsigned i = 0; r >= 0 && i < 5000; i++)
                r = db_exec(
                        s->db,
                        "INSERT INTO sources (name, endpoint) VALUES (hex(randomblob(200)), "
                        "hex(randomblob(200)))");
        if (r >= 0)
                r = store_commit(s);
        else
                store_rollback(s);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        (void) signal(SIGXFSZ, handler);
        assert_true(r == -EIO || r == -ENOSPC);
        assert_int_equal(number(s, "SELECT count(*) FROM sources"), 1);
        exec(s, "INSERT INTO sources (name, endpoint) VALUES ('c', 'd')");
        store_free(s);
        s = open_ok(p, STORE_READ_WRITE);
        assert_int_equal(number(s, "SELECT count(*) FROM sources"), 2);
        store_free(s);
}

/* Somebody holds the lock: waited for once, not by each of many writes; it is waited for again after it let
 * go. */
static void test_locked(void **state) {
        Place *p = *state;
        Store *s = open_ok(p, STORE_READ_WRITE), *other = open_ok(p, STORE_READ_WRITE);

        for (int round = 0; round < 2; round++) {
                assert_int_equal(store_begin(other), 0);
                usec_t began = clock_usec(CLOCK_MONOTONIC);
                assert_int_equal(store_begin(s), -EBUSY);
                usec_t waited = clock_usec(CLOCK_MONOTONIC) - began;
                assert_in_range(waited, USEC_PER_SEC, 20 * USEC_PER_SEC);
                for (int i = 0; i < 100; i++)
                        assert_int_equal(store_begin(s), -EBUSY);
                assert_in_range(clock_usec(CLOCK_MONOTONIC) - began, 0, waited + 60 * USEC_PER_SEC);
                assert_string_equal(store_error(s, -EBUSY), "database is locked");
                assert_int_equal(number(s, "SELECT count(*) FROM sources"), 0);
                assert_int_equal(store_begin(s), -EBUSY);
                store_rollback(other);
                assert_int_equal(store_begin(s), 0);
                assert_int_equal(store_commit(s), 0);
        }
        store_free(other);
        store_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_made_and_found, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_locked, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_durable, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_moved, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_two_damaged_in_one_second, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
