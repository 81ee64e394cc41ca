#include "ctl/term.h"

#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/text.h"

#define WIDTH_MIN 40U
#define WIDTH_MAX 1000U
#define WRAP_MIN 10U                    /* columns a wrapped text has at least */

static const struct {
        const char *utf8, *ascii;
} symbols[] = {
        [SYMBOL_ELLIPSIS] = { "\u2026", "..." },
        [SYMBOL_DOT] = { "\u25cf", "*" },
        [SYMBOL_ARROW] = { "\u2192", "->" },
        [SYMBOL_DONE] = { "\u2713", "ok" },
        [SYMBOL_DEAD] = { "\u2717", "DEAD" },
        [SYMBOL_OWED] = { "\u25cb", ".." },
};
_Static_assert(ARRAY_SIZE(symbols) == _SYMBOL_MAX, "a symbol is missing");

static const char *const style_codes[] = {
        [STYLE_NONE] = NULL,
        [STYLE_STRONG] = "1",
        [STYLE_DIM] = "2",
        [STYLE_GOOD] = "32",
        [STYLE_BAD] = "1;31",
        [STYLE_WARNING] = "33",
        [STYLE_ACTIVE] = "36",
};
_Static_assert(ARRAY_SIZE(style_codes) == _STYLE_MAX, "a style is missing");

static size_t find_width(int fd) {
        const char *columns = getenv("COLUMNS");
        struct winsize size = {};
        uint64_t n;

        if (!columns || parse_uint64(columns, &n) < 0)
                n = ioctl(fd, TIOCGWINSZ, &size) >= 0 ? size.ws_col : 0;
        if (n == 0)
                n = TERM_WIDTH_FALLBACK;
        return MIN(MAX((size_t) n, WIDTH_MIN), WIDTH_MAX);
}

static bool wants_color(bool is_tty, ColorMode mode) {
        const char *kind = getenv("TERM");

        if (mode != COLOR_AUTO)
                return mode == COLOR_ALWAYS;
        /* https://no-color.org: present and not empty */
        return is_tty && isempty(getenv("NO_COLOR")) && !isempty(kind) && !streq(kind, "dumb");
}

void term_init(Term *ret, FILE *out, ColorMode mode) {
        bool is_tty = isatty(fileno(out));

        *ret = (Term) {
                .out = out,
                .is_tty = is_tty,
                .color = wants_color(is_tty, mode),
                .utf8 = streq(nl_langinfo(CODESET), "UTF-8"),
                .width = is_tty ? find_width(fileno(out)) : 0,
        };
}

static void replace_beyond_ascii(char *s) {
        char *to = s;

        for (size_t size = strlen(s); size > 0;) {
                unsigned c = '?';
                size_t n = utf8_sequence(s, size, &c);
                n = n > 0 ? n : 1;
                *to++ = c < 0x80 ? (char) c : '?';
                s += n;
                size -= n;
        }
        *to = '\0';
}

int term_clean(const Term *t, const char *s, char **ret) {
        char *clean = text_clean(s, SIZE_MAX, false);

        if (!clean)
                return -ENOMEM;
        if (t->is_tty && !t->utf8)
                replace_beyond_ascii(clean);
        *ret = clean;
        return 0;
}

size_t term_columns(const Term *t, const char *s) {
        /* Outside a UTF-8 locale wcwidth() knows nothing beyond ASCII. */
        return t->utf8 ? text_columns(s) : utf8_length(s);
}

int term_shorten(const Term *t, const char *s, size_t columns, char **ret) {
        const char *ellipsis = term_symbol(t, SYMBOL_ELLIPSIS);
        size_t room = term_columns(t, ellipsis), end = 0, taken = 0;
        char *copy = malloc(strlen(s) + strlen(ellipsis) + 1);

        if (!copy)
                return -ENOMEM;
        if (term_columns(t, s) <= columns) {
                memcpy(copy, s, strlen(s) + 1);
                *ret = copy;
                return 0;
        }
        for (size_t size = strlen(s), keep = columns > room ? columns - room : 0; end < size;) {
                unsigned c;
                size_t n = utf8_sequence(s + end, size - end, &c);
                n = n > 0 ? n : 1;
                memcpy(copy, s + end, n);
                copy[n] = '\0';
                taken += term_columns(t, copy);
                if (taken > keep)
                        break;
                end += n;
        }
        memcpy(copy, s, end);
        memcpy(copy + end, ellipsis, strlen(ellipsis) + 1);
        if (columns < room)
                copy[columns] = '\0';
        *ret = copy;
        return 0;
}

const char *term_symbol(const Term *t, Symbol symbol) {
        return t->utf8 ? symbols[symbol].utf8 : symbols[symbol].ascii;
}

void term_put(const Term *t, Style style, const char *s) {
        const char *code = t->color && *s ? style_codes[style] : NULL;

        if (code)
                (void) fprintf(t->out, "\033[%sm%s\033[0m", code, s);
        else
                (void) fputs(s, t->out);
}

void term_printf(const Term *t, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vfprintf(t->out, format, ap);
        va_end(ap);
}

void term_pad(const Term *t, size_t n) {
        (void) fprintf(t->out, "%*s", (int) MIN(n, (size_t) WIDTH_MAX), "");
}

int term_put_foreign(const Term *t, Style style, const char *s) {
        _cleanup_free_ char *clean = NULL;

        int r = term_clean(t, s, &clean);
        if (r < 0)
                return r;
        term_put(t, style, clean);
        return 0;
}

/* Bytes of what fits into `room` columns, up to a blank if there is one, in a list to one behind a comma if
 * there is one; at least one character. */
static size_t find_break(const Term *t, const char *s, size_t room, bool list) {
        size_t end = 0, blank = 0, comma = 0, columns = 0, size = strlen(s);

        while (end < size) {
                char one[8] = {};
                unsigned c;
                size_t n = utf8_sequence(s + end, size - end, &c);
                n = n > 0 ? n : 1;
                memcpy(one, s + end, n);
                columns += term_columns(t, one);
                if (columns > room && end > 0)
                        return comma > 0 ? comma : blank > 0 ? blank : end;
                if (s[end] == ' ')
                        blank = end;
                if (list && s[end] == ' ' && end > 0 && s[end - 1] == ',')
                        comma = end;
                end += n;
        }
        return size;
}

static int put_wrapped(const Term *t, Style style, const char *s, size_t indent, bool list) {
        _cleanup_free_ char *clean = NULL;

        int r = term_clean(t, s, &clean);
        if (r < 0)
                return r;
        size_t room = t->width == 0 ? SIZE_MAX : t->width > indent + WRAP_MIN ? t->width - indent : WRAP_MIN;
        for (char *at = clean;;) {
                size_t size = find_break(t, at, room, list);
                char next = at[size];
                at[size] = '\0';
                term_put(t, style, at);
                if (!next)
                        return 0;
                at[size] = next;
                at += size + (next == ' ' ? 1 : 0);
                term_put(t, STYLE_NONE, "\n");
                term_pad(t, indent);
        }
}

int term_put_wrapped(const Term *t, Style style, const char *s, size_t indent) {
        return put_wrapped(t, style, s, indent, false);
}

int term_put_wrapped_list(const Term *t, Style style, const char *s, size_t indent) {
        return put_wrapped(t, style, s, indent, true);
}
