#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, Buf *ret) {
        char chunk[16384];
        int r = 0;

        for (;;) {
                ssize_t n = read(fd, chunk, sizeof chunk);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        r = -errno;
                if (n <= 0)
                        break;
                r = buf_append(ret, chunk, (size_t) n);
                if (r < 0)
                        break;
        }
        explicit_bzero(chunk, sizeof chunk);
        return r;
}

/* O_NONBLOCK: opening a FIFO would wait for its other end. */
int file_read(const char *path, Buf *ret, mode_t *ret_mode) {
        struct stat st;

        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        int r = fstat(fd, &st) < 0 ? -errno : 0;
        if (r == 0 && !S_ISREG(st.st_mode))
                r = S_ISDIR(st.st_mode) ? -EISDIR : -ENODEV;
        if (r == 0)
                r = read_all(fd, ret);
        (void) close(fd);
        if (r == 0 && ret_mode)
                *ret_mode = st.st_mode & 07777;
        return r;
}

const char *file_error(int error) {
        if (error == -ENODEV)
                return "it is not a regular file";
        return error == -EFBIG ? "it is too large" : strerrordesc_np(-error);
}
