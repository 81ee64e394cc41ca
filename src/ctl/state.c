/* Where the state is: --state-dir, else what the configuration says, else $STATE_DIRECTORY, else
 * /var/lib/ftwatchd. A configuration that cannot be used stops only those who named it: the default one
 * is often not for everybody to read. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"
#include "config/config.h"
#include "ctl/ctl.h"

#define STATE_DIR_DEFAULT "/var/lib/ftwatchd"

static void report_errors(const Ctl *c, const ConfigErrors *errors) {
        for (size_t i = 0; i < errors->n; i++)
                (void) ctl_fail(c, "%s: %s", errors->list[i].where, errors->list[i].message);
        (void) ctl_fail(c, "the configuration has errors; --state-dir says where the state is without it");
}

/* systemd gives a colon-separated list when the unit has several; ours is the first. */
static int default_dir(const Ctl *c, char **ret) {
        const char *dir = getenv("STATE_DIRECTORY");

        if (isempty(dir) && c->options.instance)        /* as in ftwatchd@.service */
                return string_printf(ret, STATE_DIR_DEFAULT "-%s", c->options.instance);
        if (isempty(dir))
                dir = STATE_DIR_DEFAULT;
        return string_printf(ret, "%.*s", (int) strcspn(dir, ":"), dir);
}

static int find_dir(const Ctl *c, char **ret) {
        _cleanup_(config_errors_done) ConfigErrors errors = {};
        _cleanup_free_ char *usual = NULL;
        const char *file = c->options.config_file;

        if (c->options.state_dir)
                return string_printf(ret, "%s", c->options.state_dir);
        int r = config_file_default(c->options.instance, &usual);
        if (r < 0)
                return r;
        if (!file && access(usual, R_OK) < 0)
                return default_dir(c, ret);
        r = config_load_state_dir(file ? file : usual, ret, &errors);
        if (r >= 0 || r == -ENOMEM)
                return r;
        if (!file)
                return default_dir(c, ret);
        report_errors(c, &errors);
        return r;
}

static int fail_open(const Ctl *c, int r, const char *path, const char *message) {
        if (r == -ENOENT)
                return ctl_fail(c, "no state at %s: has ftwatchd run yet? "
                                   "(--config or --state-dir says where to look)", path);
        if (r == -EACCES || r == -EPERM)
                return ctl_fail(c, "may not read %s: only its owner and root may; try sudo", path);
        return message ? ctl_fail(c, "%s", message) : ctl_fail(c, "%s: %s", path, strerror(-r));
}

int ctl_store_open(Ctl *c) {
        _cleanup_free_ char *dir = NULL, *path = NULL, *message = NULL, *aside = NULL;

        int r = find_dir(c, &dir);
        if (r == -ENOMEM)
                return ctl_fail_errno(c, r, "read the configuration");
        if (r < 0)
                return CTL_FAILED;
        r = string_printf(&path, "%s/" STORE_FILE_NAME, dir);
        if (r < 0)
                return ctl_fail_errno(c, r, "open the state");
        r = store_open(path, STORE_READ_ONLY, &c->store, &aside, &message);
        return r < 0 ? fail_open(c, r, path, message) : CTL_OK;
}
