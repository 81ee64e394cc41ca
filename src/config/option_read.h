#pragma once
/* Groups of a configuration file into settings structs, by option tables. */

#include "base/option.h"
#include "config/reader.h"

typedef struct OptionGroup {
        const Node *groups;             /* usually one; several for what may stand in any of the files */
        size_t n_groups;
        const OptionSpec *tables[2];    /* the second may be NULL; both are of `settings` */
        const char *const *others;      /* keys that are read elsewhere, NULL-terminated, or NULL */
        const char *label;              /* what it is, for messages: "source 'contoso'" */
        void *settings;
} OptionGroup;

/* Every mistake becomes an error at its place, and leaves its field zero. Defaults fill what is not
 * there. 0 or -ENOMEM. */
int options_read(Reader *r, const OptionGroup *g);
