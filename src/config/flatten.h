#pragma once
/* One configuration file with what it includes, flattened into a single text. libconfig is given that
 * text and opens nothing itself: it ends the process when an @include names a folder, wraps integers
 * beyond 32 bits, and knows no limits. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "config/config.h"

typedef struct TextFile {
        char *path;
        mode_t mode;                    /* permission bits, when it was read */
        unsigned order;
} TextFile;

typedef struct TextLine {
        unsigned file;                  /* index */
        unsigned line;                  /* from 1 */
} TextLine;

typedef struct ConfigText {
        Buf text;
        TextFile *files;                /* the first is the file itself */
        size_t n_files;
        TextLine *lines;                /* of each line of `text`, where it comes from */
        size_t n_lines;
        unsigned depth;                 /* of open brackets */
        unsigned first_order;           /* for the messages */
        bool from_memory;               /* nothing can be included */
} ConfigText;

void config_text_done(ConfigText *t);

/* 0, -EINVAL when `errors` got a line (the text is of no use then, but its files are known), -ENOMEM. */
int config_text_read(ConfigText *t, const char *path, unsigned order, ConfigErrors *errors);
int config_text_set(ConfigText *t, const char *name, const char *data, size_t size, ConfigErrors *errors);

/* Where a line of the flattened text comes from; 0 is the file as a whole, beyond the end is the last
 * line. */
const TextFile *config_text_place(const ConfigText *t, unsigned line, unsigned *ret_line);
