/* Virtual time for a program on sd-event and libcurl, preloaded into it: LD_PRELOAD=warp.so.
 *
 * The clocks stand still while the program works and jump to its next timer when it would sleep, so that a
 * day takes seconds and, however loaded the machine is, goes the same way. While a transfer of libcurl is
 * under way time waits for the other side; only when nothing comes for GRACE_MSEC of real time does it go
 * on, by a second, so that deadlines pass. All randomness of four bytes (jitter) is the same number, and so
 * is the id of the boot, from which sd-event takes where in a minute timers that are not exact meet.
 *
 *   WARP_CLOCK_FILE     two int64: 0, and the time in nanoseconds since 1970; ftsim --clock-file reads it
 *   WARP_SCRIPT         lines "SECONDS COMMAND", in order, seconds since the start: `step N` sets the
 * realtime clock of this program alone N seconds ahead, `suspend N` lets all but its monotonic clock go on
 * by N, `exit` is SIGTERM, anything else goes to the shell ($PPID is this program) while time stands still
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NSEC INT64_C(1000000000)
#define FDS 1024
#define GRACE_MSEC 2000
#define BOOTED_SEC 1000                 /* how long this machine has been up at the start */
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

extern char **environ;

static struct {
        int (*timerfd_create)(int, int);
        int (*timerfd_settime)(int, int, const struct itimerspec *, struct itimerspec *);
        int (*epoll_wait)(int, struct epoll_event *, int, int);
        int (*add_handle)(void *, void *);
        int (*remove_handle)(void *, void *);
        ssize_t (*getrandom)(void *, size_t, unsigned);
        int (*open)(const char *, int, ...);
} real;

static struct {
        bool used, armed;
        clockid_t clock;
        int64_t at;                     /* by that clock */
} timers[FDS];

static volatile int64_t *shared;        /* [1]: the true time */
static int64_t start, stepped, slept;   /* nsec */
static FILE *script;
static int64_t script_at = -1;          /* since the start; -1: no more */
static char *script_line;
static size_t script_size;
static char *command;
static int n_transfers;
static bool fired;                      /* a timer of the kernel, which takes a moment to show */

static void die(const char *what) {
        (void) fprintf(stderr, "warp: %s\n", what);
        _exit(99);
}

static void script_next(void) {
        script_at = -1;
        while (script && getline(&script_line, &script_size, script) > 0) {
                char *end;
                double at = strtod(script_line, &end);
                if (*script_line == '#' || end == script_line)
                        continue;
                script_at = (int64_t) (at * 1e9);
                command = end + strspn(end, " ");
                command[strcspn(command, "\n")] = '\0';
                return;
        }
}

/* At the first look at a clock: other constructors may come before one of ours. Without malloc(): that of a
 * sanitizer looks at the clock while it holds its lock. */
static void warp_start(void) {
        const char *file = getenv("WARP_CLOCK_FILE");

        *(void **) &real.timerfd_create = dlsym(RTLD_NEXT, "timerfd_create");
        *(void **) &real.timerfd_settime = dlsym(RTLD_NEXT, "timerfd_settime");
        *(void **) &real.epoll_wait = dlsym(RTLD_NEXT, "epoll_wait");
        *(void **) &real.add_handle = dlsym(RTLD_NEXT, "curl_multi_add_handle");
        *(void **) &real.remove_handle = dlsym(RTLD_NEXT, "curl_multi_remove_handle");
        *(void **) &real.getrandom = dlsym(RTLD_NEXT, "getrandom");
        *(void **) &real.open = dlsym(RTLD_NEXT, "open64");
        int fd = file ? real.open(file, O_RDWR | O_CLOEXEC) : -1;
        if (fd < 0)
                die("WARP_CLOCK_FILE is missing");
        void *p = mmap(NULL, 2 * sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                die("cannot map WARP_CLOCK_FILE");
        (void) close(fd);
        shared = p;
        start = shared[1];
}

/* --- the clocks -------------------------------------------------------------------------------------- */

static int64_t clock_now(clockid_t id) {
        if (!shared)
                warp_start();
        int64_t gone = shared[1] - start;

        if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
                return start + gone + stepped;
        return BOOTED_SEC * NSEC + gone - (id == CLOCK_BOOTTIME ? 0 : slept);
}

int clock_gettime(clockid_t id, struct timespec *ts) {
        int64_t now = clock_now(id);

        *ts = (struct timespec) { .tv_sec = now / NSEC, .tv_nsec = now % NSEC };
        return 0;
}

time_t time(time_t *ret) {
        time_t now = (time_t) (clock_now(CLOCK_REALTIME) / NSEC);

        if (ret)
                *ret = now;
        return now;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
        int64_t now = clock_now(CLOCK_REALTIME);

        (void) zone;
        *tv = (struct timeval) { .tv_sec = now / NSEC, .tv_usec = now % NSEC / 1000 };
        return 0;
}

ssize_t getrandom(void *buf, size_t size, unsigned flags) {
        (void) clock_now(CLOCK_BOOTTIME);
        if (size != sizeof(uint32_t))
                return real.getrandom(buf, size, flags);
        memset(buf, 0x7f, size);
        return (ssize_t) size;
}

static int open_boot_id(void) {
        static const char id[] = "7f7f7f7f-7f7f-4f7f-9f7f-7f7f7f7f7f7e\n";
        int fd = memfd_create("boot_id", MFD_CLOEXEC);

        if (fd < 0 || write(fd, id, sizeof id - 1) != sizeof id - 1 || lseek(fd, 0, SEEK_SET) != 0)
                die("cannot make a boot_id");
        return fd;
}

/* As glibc's headers name it where files may be large; that of 64 bit systems is the same. */
int open64(const char *path, int flags, ...) {
        va_list ap;

        va_start(ap, flags);
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
        va_end(ap);
        if (!real.open)                 /* a constructor that runs before ours */
                *(void **) &real.open = dlsym(RTLD_NEXT, "open64");
        return strcmp(path, BOOT_ID) == 0 ? open_boot_id() : real.open(path, flags, mode);
}

/* --- timers: the kernel's fire at once or not at all ------------------------------------------------- */

static int timer_set(int fd, bool fires) {
        struct itimerspec spec = { .it_value.tv_nsec = fires };

        fired = fired || fires;
        return real.timerfd_settime(fd, 0, &spec, NULL);
}

int timerfd_create(int id, int flags) {
        (void) clock_now(id);
        int fd = real.timerfd_create(id, flags);

        if (fd >= FDS)
                die("too many descriptors");
        if (fd >= 0) {
                timers[fd].used = true;
                timers[fd].armed = false;
                timers[fd].clock = id;
        }
        return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old) {
        int64_t at = value->it_value.tv_sec * NSEC + value->it_value.tv_nsec;

        (void) old;
        timers[fd].armed = at != 0;
        if (at == 0)
                return timer_set(fd, false);
        timers[fd].at = flags & TFD_TIMER_ABSTIME ? at : clock_now(timers[fd].clock) + at;
        bool due = timers[fd].at <= clock_now(timers[fd].clock);
        timers[fd].armed = !due;
        return timer_set(fd, due);
}

static void timers_fire(void) {
        for (int fd = 0; fd < FDS; fd++)
                if (timers[fd].used && timers[fd].armed &&
                    timers[fd].at <= clock_now(timers[fd].clock)) {
                        timers[fd].armed = false;
                        (void) timer_set(fd, true);
                }
}

/* --- the script -------------------------------------------------------------------------------------- */

static void run_in_shell(void) {
        char *argv[] = { (char *) "sh", (char *) "-c", command, NULL };
        pid_t pid;
        int status;

        (void) unsetenv("LD_PRELOAD");
        if (posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) < 0 ||
            status != 0)
                die(command);
}

static void script_run(void) {
        while (script_at >= 0 && script_at <= shared[1] - start) {
                if (strncmp(command, "step ", 5) == 0)
                        stepped += strtoll(command + 5, NULL, 10) * NSEC;
                else if (strncmp(command, "suspend ", 8) == 0) {
                        int64_t n = strtoll(command + 8, NULL, 10) * NSEC;
                        slept += n;
                        shared[1] += n;
                } else if (strcmp(command, "exit") == 0)
                        (void) kill(getpid(), SIGTERM);
                else
                        run_in_shell();
                script_next();
        }
}

/* The program is set up and would sleep. */
static void script_open(void) {
        static bool done;
        const char *path = getenv("WARP_SCRIPT");

        if (done)
                return;
        done = true;
        script = path ? fopen(path, "re") : NULL;
        if (path && !script)
                die("cannot read WARP_SCRIPT");
        script_next();
}

/* --- sleeping ---------------------------------------------------------------------------------------- */

static void jump(bool careful) {
        int64_t wait = script_at >= 0 ? script_at - (shared[1] - start) : INT64_MAX;

        for (int fd = 0; fd < FDS; fd++)
                if (timers[fd].used && timers[fd].armed) {
                        int64_t left = timers[fd].at - clock_now(timers[fd].clock);
                        wait = left < wait ? left : wait;
                }
        if (wait == INT64_MAX && !careful)
                return;
        if (careful && wait > NSEC)
                wait = NSEC;
        if (wait > 0)
                shared[1] += wait;
        script_run();
        timers_fire();
}

static int sleep_on(int fd, struct epoll_event *events, int n, int64_t timeout_msec) {
        (void) clock_now(CLOCK_BOOTTIME);
        script_open();
        for (;;) {
                bool waits = timeout_msec != 0 && (fired || n_transfers > 0);
                int r = real.epoll_wait(fd, events, n, waits ? GRACE_MSEC : 0);
                if (r != 0 || timeout_msec == 0) {
                        fired = fired && r == 0;
                        return r;
                }
                fired = false;
                jump(n_transfers > 0);
        }
}

int epoll_wait(int fd, struct epoll_event *events, int n, int timeout) {
        return sleep_on(fd, events, n, timeout);
}

int epoll_pwait(int fd, struct epoll_event *events, int n, int timeout, const sigset_t *set) {
        (void) set;
        return sleep_on(fd, events, n, timeout);
}

int epoll_pwait2(int fd, struct epoll_event *events, int n, const struct timespec *timeout,
                 const sigset_t *set) {
        (void) set;
        return sleep_on(fd, events, n, timeout ? timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000 : -1);
}

int curl_multi_add_handle(void *multi, void *easy);
int curl_multi_remove_handle(void *multi, void *easy);

int curl_multi_add_handle(void *multi, void *easy) {
        int r = real.add_handle(multi, easy);

        n_transfers += r == 0;
        return r;
}

int curl_multi_remove_handle(void *multi, void *easy) {
        int r = real.remove_handle(multi, easy);

        n_transfers -= r == 0;
        return r;
}
