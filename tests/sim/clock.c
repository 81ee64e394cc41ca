#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SHARED_SIZE (2 * sizeof(int64_t))

static int64_t clock_read(const Clock *c, clockid_t id) {
        struct timespec ts;
        int64_t stands_at = c->shared ? __atomic_load_n(&c->shared[1], __ATOMIC_ACQUIRE) : 0;

        if (stands_at != 0)
                return stands_at;
        (void) clock_gettime(id, &ts);
        int64_t offset = c->shared ? __atomic_load_n(c->shared, __ATOMIC_ACQUIRE) : 0;
        return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec + offset;
}

int clock_init(Clock *c, const char *file) {
        *c = (Clock) {};
        if (file) {
                struct stat st;
                int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
                if (fd < 0)
                        return -errno;
                if (fstat(fd, &st) < 0 ||
                    (st.st_size < (off_t) SHARED_SIZE && ftruncate(fd, SHARED_SIZE) < 0)) {
                        int r = -errno;
                        (void) close(fd);
                        return r;
                }
                void *p = mmap(NULL, SHARED_SIZE, PROT_READ, MAP_SHARED, fd, 0);
                int r = p == MAP_FAILED ? -errno : 0;
                (void) close(fd);
                if (r < 0)
                        return r;
                c->shared = p;
        }
        clock_restart(c);
        return 0;
}

void clock_done(Clock *c) {
        if (c->shared)
                (void) munmap((void *) (uintptr_t) c->shared, SHARED_SIZE);
        c->shared = NULL;
}

void clock_restart(Clock *c) {
        c->start_nsec = clock_read(c, CLOCK_MONOTONIC);
        c->start_real_nsec = clock_read(c, CLOCK_REALTIME);
        c->advance_nsec = 0;
}

void clock_advance(Clock *c, double seconds) {
        c->advance_nsec += (int64_t) (seconds * 1e9);
}

double clock_elapsed(const Clock *c) {
        return (double) (clock_read(c, CLOCK_MONOTONIC) - c->start_nsec + c->advance_nsec) / 1e9;
}

double clock_unbent(const Clock *c) {
        return (double) (clock_read(c, CLOCK_MONOTONIC) - c->start_nsec) / 1e9;
}

double clock_real(const Clock *c) {
        return (double) clock_read(c, CLOCK_REALTIME) / 1e9;
}
