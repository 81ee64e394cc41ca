#include "daemon/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strings.h"

/* Of another owner is what root copied, or put back from a backup; read-only is all but the StateDirectory=
 * of the unit. */
static const char *place_hint(int r) {
        if (r == -EACCES || r == -EPERM)
                return ": the directory and the files in it must belong to the user that ftwatchd runs as";
        return r == -EROFS ? ": leave out state_dir, or name it in ReadWritePaths= of the unit" : "";
}

/* --- the lock ---------------------------------------------------------------------------------------- */

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

static int make_and_lock(const char *path, int *fd) {
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

int state_dir_lock(const char *path, int *fd) {
        int r = make_and_lock(path, fd);

        if (r == -EBUSY)
                log_error("%s is in use by another ftwatchd: stop it, or choose another state_dir", path);
        else if (r < 0)
                log_error("cannot use the state directory %s: %s%s", path, strerror(-r), place_hint(r));
        return r;
}

/* --- the store --------------------------------------------------------------------------------------- */

static int open_file(const char *file, Store **ret) {
        _cleanup_free_ char *aside = NULL, *message = NULL;

        int r = store_open(file, STORE_READ_WRITE, ret, &aside, &message);
        if (r < 0)
                log_error("cannot open the state: %s%s", strempty(message), place_hint(r));
        else if (aside)
                log_error("the state was damaged and is kept as %s; starting anew from a silent baseline: "
                          "what changed meanwhile is not told, and what was owed is lost", aside);
        return r;
}

int state_dir_open(const char *path, Store **ret) {
        _cleanup_free_ char *file = NULL;

        int r = string_printf(&file, "%s/" STORE_FILE_NAME, path);
        return r < 0 ? r : open_file(file, ret);
}

static int set_aside(const char *file) {
        _cleanup_free_ char *aside = NULL;

        int r = store_set_aside(file, clock_usec(CLOCK_REALTIME), &aside);
        if (r >= 0)
                log_error("the damaged state is kept as %s; starting anew from a silent baseline: "
                          "what changed meanwhile is not told, and what was owed is lost", aside);
        return r;
}

int state_dir_renew(const char *path, bool moved, int *fd, Store **ret) {
        _cleanup_free_ char *file = NULL;

        int r = string_printf(&file, "%s/" STORE_FILE_NAME, path);
        if (r >= 0 && moved)
                r = state_dir_lock(path, fd);
        if (r >= 0 && moved) {
                log_error("%s was deleted or replaced while it was in use: going on with what is there now, "
                          "from a silent baseline if that is nothing; what was owed by the old one is lost",
                          file);
                r = store_set_log_aside(file, clock_usec(CLOCK_REALTIME));
        } else if (r >= 0) {
                r = set_aside(file);
        }
        return r < 0 ? r : open_file(file, ret);
}
