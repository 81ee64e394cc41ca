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

static int report_errors(const Ctl *c, const ConfigErrors *errors) {
        for (size_t i = 0; i < errors->n; i++)
                (void) ctl_fail(c, "%s: %s", errors->list[i].where, errors->list[i].message);
        return ctl_fail(c, "the configuration has errors; --state-dir says where the state is without it");
}

static const char *default_dir(void) {
        const char *dir = getenv("STATE_DIRECTORY");
        return isempty(dir) ? STATE_DIR_DEFAULT : dir;
}

static int find_dir(const Ctl *c, char **ret) {
        _cleanup_(config_errors_done) ConfigErrors errors = {};
        _cleanup_(config_freep) Config *config = NULL;
        const char *file = c->options.config_file;
        const char *dir = c->options.state_dir;

        if (!dir && (file || access(CONFIG_FILE_DEFAULT, R_OK) >= 0)) {
                int r = config_load(file ? file : CONFIG_FILE_DEFAULT, &config, &errors);
                if (r == -ENOMEM)
                        return ctl_fail_errno(c, r, "read the configuration");
                if (r < 0 && file)
                        return report_errors(c, &errors);
                if (r >= 0)
                        dir = config->state_dir;
        }
        *ret = strdup(dir ? dir : default_dir());
        return *ret ? CTL_OK : ctl_fail_errno(c, -ENOMEM, "read the configuration");
}

static int fail_open(const Ctl *c, int r, const char *path, const char *message) {
        if (r == -ENOENT)
                return ctl_fail(c, "no state at %s: has ftwatchd run yet? "
                                   "(--config or --state-dir says where to look)", path);
        if (r == -EACCES || r == -EPERM)
                return ctl_fail(c, "may not read %s: try sudo, or join the group that owns it", path);
        return message ? ctl_fail(c, "%s", message) : ctl_fail(c, "%s: %s", path, strerror(-r));
}

int ctl_store_open(Ctl *c) {
        _cleanup_free_ char *dir = NULL, *path = NULL, *message = NULL, *aside = NULL;

        int status = find_dir(c, &dir);
        if (status != CTL_OK)
                return status;
        int r = string_printf(&path, "%s/" STORE_FILE_NAME, dir);
        if (r < 0)
                return ctl_fail_errno(c, r, "open the state");
        r = store_open(path, STORE_READ_ONLY, &c->store, &aside, &message);
        return r < 0 ? fail_open(c, r, path, message) : CTL_OK;
}
