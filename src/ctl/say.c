/* Words on stderr, and the exit status that goes with them. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "ctl/ctl.h"

#define PROGRAM "ftwatchctl: "

_printf_(3, 0)
static void say(const Ctl *c, Style style, const char *format, va_list ap) {
        char *text = NULL;

        if (vasprintf(&text, format, ap) < 0)
                return;
        term_put(&c->err, style, PROGRAM);
        (void) term_put_foreign(&c->err, STYLE_NONE, text);
        term_put(&c->err, STYLE_NONE, "\n");
        free(text);
}

int ctl_fail(const Ctl *c, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        say(c, STYLE_BAD, format, ap);
        va_end(ap);
        return CTL_FAILED;
}

int ctl_fail_usage(const Ctl *c, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        say(c, STYLE_BAD, format, ap);
        va_end(ap);
        return CTL_USAGE;
}

int ctl_fail_errno(const Ctl *c, int r, const char *what) {
        static const struct {
                int r;
                const char *words;
        } table[] = {
                { -ENOMEM, "out of memory" },
                { -EBUSY, "the state is being written to; try again" },
                { -EUCLEAN, "the state is damaged; the daemon puts a damaged file aside when it starts" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (table[i].r == r)
                        return ctl_fail(c, "cannot %s: %s", what, table[i].words);
        return ctl_fail(c, "cannot %s: %s", what, c->store ? store_error(c->store, r) : strerror(-r));
}

int ctl_fail_unknown(const Ctl *c, const char *what, const char *word, const char *const *candidates) {
        const char *nearest = nearest_string(word, candidates);

        if (nearest)
                return ctl_fail_usage(c, "unknown %s '%s'; did you mean '%s'?", what, word, nearest);
        return ctl_fail_usage(c, "unknown %s '%s'; see ftwatchctl --help", what, word);
}

void ctl_note(const Ctl *c, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        say(c, STYLE_DIM, format, ap);
        va_end(ap);
}

size_t ctl_limit(const Ctl *c, size_t for_people) {
        if (c->options.has_limit)
                return (size_t) c->options.limit;
        return c->options.json ? 0 : for_people;
}

void ctl_note_more(const Ctl *c, bool more, size_t n, const char *what) {
        if (more && n >= QUERY_ROWS_MAX)
                ctl_note(c, "there are more than %zu %s; narrow them down, --since for one", n, what);
        else if (more)
                ctl_note(c, "there are more %s than shown; --limit 0 shows all", what);
}
