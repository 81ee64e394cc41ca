/* The journal: fields as journald reads them, against a socket of our own. */

#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/strings.h"
#include "unit/notice_samples.h"
#include "unit/receiver_fixture.h"

typedef struct Fixture {
        sd_event *event;
        char dir[80], path[100];
        int fd;
        Outcome outcome;
        unsigned n_done;
} Fixture;

static int setup(void **state) {
        const char *tmp = getenv("TMPDIR");
        Fixture *f = calloc(1, sizeof *f);

        assert_non_null(f);
        assert_true(sd_event_new(&f->event) >= 0);
        (void) snprintf(f->dir, sizeof f->dir, "%s/ftw-journal.XXXXXX",
                       tmp && strlen(tmp) < 50 ? tmp : "/tmp");
        assert_non_null(mkdtemp(f->dir));
        (void) snprintf(f->path, sizeof f->path, "%s/socket", f->dir);
        f->fd = -1;
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        if (f->fd >= 0)
                (void) close(f->fd);
        (void) unlink(f->path);
        (void) rmdir(f->dir);
        sd_event_unref(f->event);
        free(f);
        return 0;
}

static void listen_on(Fixture *f) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        memcpy(address.sun_path, f->path, strlen(f->path));
        f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(f->fd >= 0);
        assert_int_equal(bind(f->fd, (struct sockaddr *) &address, sizeof address), 0);
}

static void on_done(const Outcome *outcome, void *userdata) {
        Fixture *f = userdata;

        f->outcome = *outcome;
        f->n_done++;
}

static ReceiverSend *start(Fixture *f, const ReceiverCommon *s, const Buf *b) {
        const ReceiverPorts ports = { .event = f->event, .version = "0" };
        const ReceiverAttempt attempt = { .notice_id = NOTICE_SAMPLE_ID,
                                          .body = b->data,
                                          .body_size = b->size };
        ReceiverSend *send = NULL;

        f->n_done = 0;
        assert_int_equal(s->kind->send(s, &ports, &attempt, on_done, f, &send), 0);
        assert_int_equal(f->n_done, 0);
        return send;
}

static void send_one(Fixture *f, const ReceiverCommon *s, const Buf *b) {
        (void) start(f, s, b);
        assert_true(sd_event_run(f->event, 0) >= 0);
        assert_int_equal(f->n_done, 1);
}

static Buf render(const ReceiverCommon *s, const char *sample) {
        Notice *n = notice_sample_new(sample);
        Buf b = BUF_INIT(1024 * 1024);

        assert_int_equal(s->kind->render(s, n, false, &b), 0);
        (void) notice_free(n);
        return b;
}

/* The value of a field by the rules of the native protocol; fails on anything malformed. A copy, NULL if it
 * is not there. */
static char *field(const char *data, size_t size, const char *name) {
        char *found = NULL;

        while (size > 0) {
                size_t n_name = 0;
                while (n_name < size &&
                       ((data[n_name] >= 'A' && data[n_name] <= 'Z') || data[n_name] == '_'))
                        n_name++;
                assert_in_range(n_name, 1, 64);
                assert_true(data[0] != '_' && n_name < size);
                const char *value = data + n_name + 1;
                size_t left = size - n_name - 1, n_value;
                if (data[n_name] == '=') {
                        const char *end = memchr(value, '\n', left);
                        assert_non_null(end);
                        n_value = (size_t) (end - value);
                } else {
                        uint64_t n;
                        assert_true(data[n_name] == '\n' && left > sizeof n);
                        memcpy(&n, value, sizeof n);
                        value += sizeof n;
                        left -= sizeof n;
                        n_value = (size_t) le64toh(n);
                        assert_true(n_value < left && value[n_value] == '\n');
                }
                if (strlen(name) == n_name && memcmp(data, name, n_name) == 0) {
                        assert_null(found);             /* none twice */
                        found = strndup(value, n_value);
                        assert_non_null(found);
                }
                size -= (size_t) (value + n_value + 1 - data);
                data = value + n_value + 1;
        }
        return found;
}

static void test_fields(void **state) {
        static const struct {
                const char *sample, *name, *value;
        } rows[] = {
                { "succeeded", "FTWATCH_TYPE", "job.succeeded" },
                { "succeeded", "FTWATCH_NOTICE_ID", NOTICE_SAMPLE_ID },
                { "succeeded", "FTWATCH_SOURCE", "contoso-eastus" },
                { "succeeded", "FTWATCH_JOB_ID", "ftjob-900fcfc7ea1d4360a9f0cb1697b4eaa6" },
                { "succeeded", "FTWATCH_STATUS", "succeeded" },
                { "succeeded", "FTWATCH_PREVIOUS_STATUS", "running" },
                { "succeeded", "FTWATCH_MODEL", "gpt-4o-mini-2024-07-18" },
                { "succeeded", "FTWATCH_TRAINED_TOKENS", "1234567" },
                { "succeeded", "FTWATCH_DURATION_SEC", "4983" },
                { "succeeded", "PRIORITY", "5" },
                { "succeeded", "SYSLOG_IDENTIFIER", "ftwatchd" },
                { "failed", "FTWATCH_ERROR_CODE", "invalid_training_data" },
                { "failed", "PRIORITY", "3" },
                { "failed", "FTWATCH_TRAINED_TOKENS", NULL },
                { "paused", "PRIORITY", "4" },
                { "created", "PRIORITY", "6" },
                { "receiver_failing", "FTWATCH_RECEIVER", "ml-teams" },
                { "receiver_failing", "FTWATCH_JOB_ID", NULL },
                { "hostile", "FTWATCH_TYPE", "job.failed" },
                { "hostile", "PRIORITY", "3" },
        };
        ReceiverCommon *s = receiver_fixture_new("journal");

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Buf b = render(s, rows[i].sample);
                _cleanup_free_ char *value = field(b.data, b.size, rows[i].name);
                _cleanup_free_ char *message = field(b.data, b.size, "MESSAGE");
                _cleanup_free_ char *id = field(b.data, b.size, "MESSAGE_ID");
                if (!streq_null(value, rows[i].value))
                        fail_msg("%s: %s is %s", rows[i].sample, rows[i].name, strempty(value));
                assert_true(message && *message && !strchr(message, '\n') && !strchr(message, '\x1b'));
                assert_int_equal(strlen(id), 32);
                buf_done(&b);
        }
        (void) receiver_settings_free(s);
}

static void test_send(void **state) {
        Fixture *f = *state;
        ReceiverCommon *s = receiver_fixture_new("journal", "socket", f->path);
        char got[65536];

        listen_on(f);
        for (const char *const *name = notice_sample_names; *name; name++) {
                Buf b = render(s, *name);
                send_one(f, s, &b);
                assert_int_equal(f->outcome.kind, OUTCOME_OK);
                ssize_t n = recv(f->fd, got, sizeof got, MSG_DONTWAIT);
                assert_int_equal(n, b.size);
                assert_memory_equal(got, b.data, b.size);
                buf_done(&b);
        }
        (void) receiver_settings_free(s);
}

/* No journal: nothing to wait for. */
static void test_no_journal(void **state) {
        Fixture *f = *state;
        ReceiverCommon *s = receiver_fixture_new("journal", "socket", f->path);
        Buf b = render(s, "test");

        send_one(f, s, &b);
        assert_int_equal(f->outcome.kind, OUTCOME_OK);
        listen_on(f);
        (void) close(f->fd);            /* the socket stays, nobody listens */
        f->fd = -1;
        send_one(f, s, &b);
        assert_int_equal(f->outcome.kind, OUTCOME_OK);
        buf_done(&b);
        (void) receiver_settings_free(s);
}

/* A journal that does not keep up, or does not want it so large. */
static void test_trouble(void **state) {
        Fixture *f = *state;
        ReceiverCommon *s = receiver_fixture_new("journal", "socket", f->path);
        Buf b = render(s, "test");
        unsigned n = 0;

        listen_on(f);
        do
                send_one(f, s, &b);
        while (f->outcome.kind == OUTCOME_OK && ++n < 10000);
        assert_int_equal(f->outcome.kind, OUTCOME_RETRY);
        assert_int_equal(f->outcome.reason, REASON_THROTTLED);
        buf_done(&b);

        Buf big = BUF_INIT(32 * 1024 * 1024);
        char *zeros = calloc(1, 16 * 1024 * 1024);
        assert_non_null(zeros);
        assert_int_equal(buf_append(&big, zeros, 16 * 1024 * 1024), 0);
        free(zeros);
        send_one(f, s, &big);
        assert_int_equal(f->outcome.kind, OUTCOME_REJECTED);
        assert_int_equal(f->outcome.reason, REASON_TOO_LARGE);
        assert_true(f->outcome.reshape);
        buf_done(&big);
        (void) receiver_settings_free(s);
}

static void test_cancel(void **state) {
        Fixture *f = *state;
        ReceiverCommon *s = receiver_fixture_new("journal", "socket", f->path);
        Buf b = render(s, "test");

        listen_on(f);
        s->kind->cancel(start(f, s, &b));
        assert_true(sd_event_run(f->event, 0) >= 0);
        assert_int_equal(f->n_done, 0);
        buf_done(&b);
        (void) receiver_settings_free(s);
}

static void test_check(void **state) {
        static const char *const bad[] = { "", "relative/socket" };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                ReceiverCommon *s = receiver_fixture_new("journal", "socket", bad[i]);
                _cleanup_free_ char *message = NULL;
                assert_int_equal(s->kind->check(s, &message), -EINVAL);
                assert_non_null(message);
                (void) receiver_settings_free(s);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields),
                cmocka_unit_test_setup_teardown(test_send, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_journal, setup, teardown),
                cmocka_unit_test_setup_teardown(test_trouble, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
                cmocka_unit_test(test_check),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
