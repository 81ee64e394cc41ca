/*
 * The flattening walks a file once, character by character, just as far as libconfig's own lexer tells
 * comments, strings, names, numbers and brackets apart. A line with @include is replaced by the file's
 * text; every line of the result remembers where it comes from. What libconfig would do badly is refused
 * here with a better message: strings that are not closed on their line (one missing quote would swallow
 * the rest), NUL escapes, deep nesting; and integers that need 64 bits get the L that libconfig wants to
 * see.
 */
#include "config/flatten.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "base/text.h"
#include "config/errors.h"
#include "config/file.h"

#define TEXT_MAX (1024U * 1024)         /* with all that is included */
#define FILES_MAX 64U
#define INCLUDE_DEPTH_MAX 8U
#define BRACKETS_MAX 16U                /* sources -> source -> list: three are needed */

typedef struct Scan {
        ConfigText *t;
        ConfigErrors *errors;
        unsigned file;                  /* index of the file that is read */
        unsigned line;
        unsigned include_depth;
        const char *p, *end;
} Scan;

static int include_file(Scan *s, const char *name);

void config_text_done(ConfigText *t) {
        buf_done(&t->text);
        for (size_t i = 0; i < t->n_files; i++)
                free(t->files[i].path);
        free(t->files);
        free(t->lines);
        *t = (ConfigText) {};
}

const TextFile *config_text_place(const ConfigText *t, unsigned line, unsigned *ret_line) {
        if (line == 0 || t->n_lines == 0) {
                *ret_line = 0;
                return &t->files[0];
        }
        line = (unsigned) MIN((size_t) line, t->n_lines);
        *ret_line = t->lines[line - 1].line;
        return &t->files[t->lines[line - 1].file];
}

_printf_(2, 3)
static int fail(Scan *s, const char *format, ...) {
        const TextFile *f = &s->t->files[s->file];
        va_list ap;

        va_start(ap, format);
        int r = config_errors_vadd(s->errors, f->order, f->path, s->line, format, ap);
        va_end(ap);
        return r < 0 ? r : -EINVAL;
}

static int add_file(ConfigText *t, const char *path, mode_t mode) {
        TextFile *grown = reallocarray(t->files, t->n_files + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        t->files = grown;
        char *copy = strdup(path);
        if (!copy)
                return -ENOMEM;
        unsigned order = t->first_order + (unsigned) t->n_files;
        t->files[t->n_files++] = (TextFile) { .path = copy, .mode = mode, .order = order };
        return 0;
}

/* Lines are allocated in steps of a power of two. */
static int begin_line(Scan *s) {
        ConfigText *t = s->t;

        if ((t->n_lines & (t->n_lines - 1)) == 0) {
                TextLine *grown = reallocarray(t->lines, MAX(t->n_lines * 2, (size_t) 1), sizeof *grown);
                if (!grown)
                        return -ENOMEM;
                t->lines = grown;
        }
        t->lines[t->n_lines++] = (TextLine) { .file = s->file, .line = s->line };
        return 0;
}

/* Copies n characters, none of them a line end. */
static void copy(Scan *s, size_t n) {
        (void) buf_append(&s->t->text, s->p, n);
        s->p += n;
}

static size_t line_rest(const Scan *s) {
        const char *newline = memchr(s->p, '\n', (size_t) (s->end - s->p));

        return (size_t) ((newline ? newline : s->end) - s->p);
}

static int end_line(Scan *s) {
        copy(s, 1);
        s->line++;
        return s->p < s->end ? begin_line(s) : 0;
}

static int scan_string(Scan *s) {
        size_t rest = line_rest(s), n = 1;

        while (n < rest && s->p[n] != '"') {
                if (s->p[n] == '\\' && rest - n >= 4 && strncmp(s->p + n, "\\x00", 4) == 0)
                        return fail(s, "a string cannot hold \\x00");
                n += s->p[n] == '\\' && n + 1 < rest ? 2 : 1;
        }
        if (n >= rest)
                return fail(s, "this string is not closed on its line: a \" is missing");
        copy(s, n + 1);
        return 0;
}

static int scan_comment(Scan *s) {
        copy(s, 2);
        while (s->p < s->end) {
                if (*s->p == '\n') {
                        int r = end_line(s);
                        if (r < 0)
                                return r;
                } else if (*s->p == '*' && s->p + 1 < s->end && s->p[1] == '/') {
                        copy(s, 2);
                        return 0;
                } else
                        copy(s, 1);
        }
        return fail(s, "a comment is opened by /* and not closed");
}

/* A number: decimal integers that need it get an L, so that they are not cut to 32 bits. */
static int scan_number(Scan *s) {
        char digits[24] = "";
        uint64_t v = 0;
        size_t n = 0, rest = line_rest(s);

        while (n < rest && (isalnum((unsigned char) s->p[n]) || s->p[n] == '.'))
                n++;
        size_t m = strspn(s->p, "0123456789");
        bool hex = n > 1 && (s->p[1] == 'x' || s->p[1] == 'X');
        bool plain = m == n || (m + 1 <= n && s->p[m] == 'L');
        if (n >= sizeof digits || (hex && n > 2 + 8))
                return fail(s, "this number is too large");
        memcpy(digits, s->p, n);
        digits[MIN(m, sizeof digits - 1)] = '\0';
        if (!hex && (parse_uint64(digits, &v) < 0 || v > INT64_MAX))
                return fail(s, "this number is too large");
        copy(s, n);
        if (!hex && plain && m == n && v > INT32_MAX)
                (void) buf_putc(&s->t->text, 'L');
        return 0;
}

/* Names may hold digits and dashes: skipped as a whole, so that no number is seen in them. */
static int scan_name(Scan *s) {
        size_t n = 0, rest = line_rest(s);

        while (n < rest && (isalnum((unsigned char) s->p[n]) || strchr("_*-", s->p[n])))
                n++;
        copy(s, n);
        return 0;
}

static int scan_bracket(Scan *s) {
        bool opens = strchr("([{", *s->p) != NULL;

        if (opens && s->t->depth >= BRACKETS_MAX)
                return fail(s, "brackets are nested more than %u deep", BRACKETS_MAX);
        if (opens)
                s->t->depth++;
        else if (s->t->depth > 0)
                s->t->depth--;
        copy(s, 1);
        return 0;
}

static int scan_include(Scan *s) {
        _cleanup_free_ char *line = strndup(s->p, line_rest(s));

        if (!line)
                return -ENOMEM;
        const char *p = startswith(line, "@include");
        if (!p)
                return fail(s, "'@' is followed by include \"FILE\" and by nothing else");
        p += strspn(p, " \t");
        size_t n = *p == '"' ? strcspn(p + 1, "\"\\") : 0;
        if (n == 0 || p[1 + n] != '"')
                return fail(s, "@include \"FILE\": the file's name stands in double quotes");
        _cleanup_free_ char *name = strndup(p + 1, n);
        if (!name)
                return -ENOMEM;
        p += n + 2;
        p += strspn(p, " \t\r");
        if (*p && *p != '#' && !startswith(p, "//"))
                return fail(s, "@include \"FILE\" stands alone on its line");
        s->p += line_rest(s);
        return include_file(s, name);
}

/* One step in code, not at a line's end. */
static int scan_code(Scan *s) {
        char c = *s->p, next = s->p + 1 < s->end ? s->p[1] : '\0';

        if (c == '#' || (c == '/' && next == '/')) {
                copy(s, line_rest(s));
                return 0;
        }
        if (c == '/' && next == '*')
                return scan_comment(s);
        if (c == '"')
                return scan_string(s);
        if (c == '@')
                return fail(s, "@include \"FILE\" stands alone on its line");
        if (strchr("([{)]}", c))
                return scan_bracket(s);
        if (isdigit((unsigned char) c))
                return scan_number(s);
        if (isalpha((unsigned char) c) || c == '*')
                return scan_name(s);
        copy(s, 1);
        return 0;
}

/* An @include line leaves no line of its own: the next line of the parent follows the included text. */
static int scan_text(Scan *s) {
        bool fresh = true;              /* nothing but blanks on this line so far */

        int r = s->p < s->end ? begin_line(s) : 0;
        while (r >= 0 && s->p < s->end) {
                if (*s->p == '\n') {
                        r = end_line(s);
                        fresh = true;
                } else if (fresh && *s->p == '@') {
                        s->t->n_lines--;
                        r = scan_include(s);
                        if (r >= 0 && s->p < s->end) {          /* the line end behind it */
                                s->p++;
                                s->line++;
                                r = s->p < s->end ? begin_line(s) : 0;
                        }
                } else {
                        fresh = fresh && strchr(" \t\r", *s->p);
                        r = scan_code(s);
                }
        }
        return r;
}

static unsigned line_of(const char *data, const char *at) {
        unsigned line = 1;

        for (; data < at; data++)
                line += *data == '\n';
        return line;
}

static int check_bytes(Scan *s, const char *data, size_t size) {
        const char *nul = memchr(data, '\0', size);

        if (nul) {
                s->line = line_of(data, nul);
                return fail(s, "there is a NUL byte: this is no text file");
        }
        for (size_t i = 0; i < size;) {
                unsigned codepoint;
                size_t n = utf8_sequence(data + i, size - i, &codepoint);
                if (n == 0) {
                        s->line = line_of(data, data + i);
                        return fail(s, "this is not valid UTF-8");
                }
                i += n;
        }
        return 0;
}

static int scan_data(Scan *parent, unsigned file, Buf *b) {
        Scan s = { .t = parent->t, .errors = parent->errors, .file = file,
                   .include_depth = parent->include_depth };

        /* libconfig's lexer wants to see the end of the last line. */
        if (b->size > 0 && b->data[b->size - 1] != '\n' && buf_putc(b, '\n') == -ENOMEM)
                return -ENOMEM;
        const char *data = buf_string(b);
        size_t size = b->size, bom = startswith(data, "\xEF\xBB\xBF") ? 3 : 0;
        int r = check_bytes(&s, data, size);
        if (r < 0)
                return r;
        s.line = 1;
        s.p = data + bom;
        s.end = data + size;
        r = scan_text(&s);
        if (r >= 0 && s.t->text.error == -EFBIG)
                return fail(&s, "the configuration is larger than %u KiB", TEXT_MAX / 1024);
        return r < 0 ? r : s.t->text.error;
}

/* The complaint is about the file where nobody asked for it by name, else about the line that did. */
static int read_file(Scan *s, const char *path, bool included) {
        _cleanup_(buf_done) Buf b = BUF_INIT_SECRET(TEXT_MAX);
        mode_t mode = 0;

        int r = file_read(path, &b, &mode);
        if (r == -ENOMEM)
                return r;
        if (r < 0 && included)
                return fail(s, "@include \"%s\": %s", path, file_error(r));
        int q = add_file(s->t, path, mode);
        if (q < 0)
                return q;
        if (r < 0)
                return fail(s, "cannot be read: %s", file_error(r));
        return scan_data(s, (unsigned) s->t->n_files - 1, &b);
}

static int include_file(Scan *s, const char *name) {
        const char *here = s->t->files[s->file].path, *slash = strrchr(here, '/');
        _cleanup_free_ char *path = NULL;

        if (s->t->from_memory)
                return fail(s, "@include is not possible here");
        if (s->include_depth >= INCLUDE_DEPTH_MAX || s->t->n_files >= FILES_MAX)
                return fail(s, "@include \"%s\": too many files are included, or a file includes itself",
                            name);
        int r = *name == '/' || !slash ? free_and_strdup(&path, name)
                                       : string_printf(&path, "%.*s/%s", (int) (slash - here), here, name);
        if (r < 0)
                return r;
        s->include_depth++;
        r = read_file(s, path, true);
        s->include_depth--;
        return r;
}

int config_text_read(ConfigText *t, const char *path, unsigned order, ConfigErrors *errors) {
        Scan s = { .t = t, .errors = errors };

        t->text = BUF_INIT_SECRET(TEXT_MAX);
        t->first_order = order;
        return read_file(&s, path, false);
}

int config_text_set(ConfigText *t, const char *name, const char *data, size_t size, ConfigErrors *errors) {
        Scan s = { .t = t, .errors = errors };
        _cleanup_(buf_done) Buf b = BUF_INIT_SECRET(TEXT_MAX);

        t->text = BUF_INIT_SECRET(TEXT_MAX);
        t->from_memory = true;
        int r = add_file(t, name, 0600);
        if (r < 0)
                return r;
        r = buf_append(&b, data, size);
        if (r == -EFBIG)
                return fail(&s, "cannot be read: %s", file_error(r));
        return r < 0 ? r : scan_data(&s, 0, &b);
}
