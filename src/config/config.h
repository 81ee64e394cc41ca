#pragma once
/* The configuration: files -> one checked, typed struct. Every mistake is collected with file:line;
 * nothing is applied when there is one. Options are described by the tables of the modules they belong to
 * (base/option.h). */

#include <stdbool.h>
#include <stddef.h>

#include "api/source.h"
#include "base/buf.h"
#include "base/macro.h"
#include "base/option.h"
#include "base/time.h"
#include "model/route.h"
#include "receiver/receiver.h"

#define CONFIG_FILE_DEFAULT FTWATCH_SYSCONFDIR "/ftwatchd/ftwatchd.conf"
/* The same of an instance (NULL: of the only one); malloc'ed. */
int config_file_default(const char *instance, char **ret);

typedef struct Config {
        SourceSettings **sources;
        size_t n_sources;
        ReceiverCommon **receivers;
        size_t n_receivers;
        ReceiverCommon *journal;        /* gets everything; NULL when one of that kind is configured */
        Rule *rules;
        size_t n_rules;

        char *state_dir;                /* option, else $STATE_DIRECTORY, else /var/lib/ftwatchd */
        int log_level;                  /* syslog priority */
        usec_t history_usec;            /* how long events, metrics and notices are kept */
        uint64_t connections;           /* requests in flight at once; see engine/gate.h */
        uint64_t idle_connections;      /* kept open between requests */
} Config;

/* The tables of what stands outside the lists of sources and receivers. */
extern const OptionSpec config_options[];       /* of Config */
extern const OptionSpec rule_options[];         /* of Rule */

typedef struct ConfigError {
        char *where;                    /* "file:line" or "file" */
        char *message;                  /* one clean line */
        unsigned order, line;           /* for sorting: the how manieth file, and its line */
} ConfigError;

typedef struct ConfigErrors {
        ConfigError *list;
        size_t n;
} ConfigErrors;
void config_errors_done(ConfigErrors *e);

/* Reads path and conf.d/ *.conf beside it, in strcmp order; lists of sources, receivers and rules are
 * appended. -EINVAL when `errors` got at least one line (in the order of files and lines), -ENOMEM, or 0
 * with *ret. */
int config_load(const char *path, Config **ret, ConfigErrors *errors);
/* The same from memory, as if it were a file called `name` that its owner alone can read; @include is
 * refused. */
int config_load_text(const char *name, const char *text, size_t size, Config **ret, ConfigErrors *errors);
/* Only where the state is: for programs that read it and may not read the credentials. Looks at nothing
 * but the options outside the lists; returns as config_load(). */
int config_load_state_dir(const char *path, char **ret, ConfigErrors *errors);
/* Whether the file is still the shipped one: a source has the endpoint of the example. Looks at nothing
 * else; false where it cannot be read. */
bool config_is_example(const char *path);
Config *config_free(Config *c);
DEFINE_CLEANUP(Config, config_free)

/* A warning (malloc'ed) where the troubles of sources and receivers reach nobody but the journal; *ret is
 * NULL where they reach somebody. 0 or -ENOMEM. */
int config_untold(const Config *c, char **ret);
/* All there is to warn of, a line each, NULL where nothing is: that, and certificates to show that are not
 * valid now or not for long. */
int config_warnings(const Config *c, usec_t now_real_usec, char ***ret);

/* The whole effective configuration in libconfig syntax with defaults filled in and every secret shown as
 * "***" (the reference it came from is not kept): valid input again except for the secrets. What is not
 * set is a comment. */
int config_dump(const Config *c, Buf *ret);
