#include "unit/io_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/time.h"
#include "unit/io_tls.h"

#define SINK "tests/sim/smtp_sink.py"
#define SINK_ARGUMENTS_MAX 24
#define START_USEC (20 * USEC_PER_SEC)

static unsigned n_sinks;

void sink_stop(Sink *s) {
        int status;

        if (s->pid > 0) {
                assert_return_code(kill(s->pid, SIGTERM), errno);
                assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
        }
        s->pid = 0;
}

void sink_start(Sink *s, const char *dir, const char *const *options) {
        const char *argv[SINK_ARGUMENTS_MAX] = {
                "/usr/bin/python3", SINK, "--port-file", s->port_file, "--record", s->records,
        };
        size_t n = 6;
        struct stat st;

        (void) snprintf(s->records, sizeof s->records, "%s/mail%u", dir, n_sinks);
        (void) snprintf(s->port_file, sizeof s->port_file, "%s/port%u", dir, n_sinks++);
        assert_return_code(mkdir(s->records, 0700), errno);
        while (*options && n + 1 < ARRAY_SIZE(argv))
                argv[n++] = *options++;
        s->pid = fork();
        assert_return_code(s->pid, errno);
        if (s->pid == 0) {
                int nowhere = open("/dev/null", O_WRONLY);      /* it tells of every broken handshake */
                (void) dup2(nowhere, STDERR_FILENO);
                (void) execv(argv[0], (char **) argv);
                _exit(127);
        }
        usec_t deadline = usec_add(clock_usec(CLOCK_MONOTONIC), START_USEC);
        while (stat(s->port_file, &st) < 0) {
                int status;
                if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
                        s->pid = 0;
                        if (streq_null(getenv("CI"), "true"))
                                fail_msg(SINK " does not start");
                        skip();
                }
                assert_true(clock_usec(CLOCK_MONOTONIC) < deadline);
                (void) nanosleep(&(struct timespec) { .tv_nsec = 5000000 }, NULL);
        }
        _cleanup_free_ char *text = io_read_file(s->port_file);
        uint64_t port;
        text[strcspn(text, "\n")] = '\0';
        assert_return_code(parse_uint64(text, &port), 0);
        s->port = (unsigned) port;
}

char *sink_mail(const Sink *s, unsigned n, const char *suffix) {
        char path[256];

        (void) snprintf(path, sizeof path, "%s/%06u.%s", s->records, n, suffix);
        return access(path, R_OK) == 0 ? io_read_file(path) : NULL;
}
