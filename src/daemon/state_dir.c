#include "daemon/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_same(int fd, int other) {
        struct stat a, b;

        return other >= 0 && fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

static int lock(int fd) {
        if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        return 0;
}

int state_dir_lock(const char *path, int *fd) {
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return -errno;
        int now = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (now < 0)
                return -errno;
        bool same = is_same(now, *fd);
        int r = same ? 0 : lock(now);
        if (r < 0 || same) {
                (void) close(now);
                return r;
        }
        if (*fd >= 0)
                (void) close(*fd);
        *fd = now;
        return 0;
}
