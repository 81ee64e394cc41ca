#include "daemon/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int state_dir_open(const char *path, int *ret_fd) {
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return -errno;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0) {
                int r = -errno;
                (void) close(fd);
                return r;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
                (void) close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}
