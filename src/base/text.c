#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define ELLIPSIS "\xe2\x80\xa6"
#define REPLACEMENT "\xef\xbf\xbd"

size_t utf8_sequence(const char *s, size_t size, unsigned *ret_codepoint) {
        static const struct {
                unsigned mask, lead, least;
        } forms[] = {
                { 0x80, 0x00, 0x00 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 },
        };

        if (size == 0)
                return 0;
        unsigned first = (unsigned char) s[0];
        for (size_t n = 1; n <= 4; n++) {
                if ((first & forms[n - 1].mask) != forms[n - 1].lead)
                        continue;
                unsigned c = first & ~forms[n - 1].mask;
                if (n > size)
                        return 0;
                for (size_t i = 1; i < n; i++) {
                        unsigned next = (unsigned char) s[i];
                        if ((next & 0xc0) != 0x80)
                                return 0;
                        c = c << 6 | (next & 0x3f);
                }
                if (c < forms[n - 1].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                        return 0;
                *ret_codepoint = c;
                return n;
        }
        return 0;
}

bool utf8_is_valid(const char *s, size_t size) {
        unsigned c;

        while (size > 0) {
                size_t n = utf8_sequence(s, size, &c);
                if (n == 0)
                        return false;
                s += n;
                size -= n;
        }
        return true;
}

size_t utf8_length(const char *s) {
        size_t size = strlen(s), n_chars = 0;
        unsigned c;

        while (size > 0) {
                size_t n = utf8_sequence(s, size, &c);
                n = n > 0 ? n : 1;
                s += n;
                size -= n;
                n_chars++;
        }
        return n_chars;
}

static bool is_control(unsigned c) {
        return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029;
}

/* Characters that change how their neighbours are shown and have no business in a name or a message. */
static bool is_deceptive(unsigned c) {
        return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static size_t plain_size(const char *s) {
        size_t n = 0;

        while (s[n] >= ' ' && s[n] <= '~')
                n++;
        return n;
}

char *text_clean(const char *s, size_t max_chars, bool keep_newlines) {
        size_t size = strlen(s), n_chars = 0;

        if (size <= max_chars && plain_size(s) == size)         /* nearly all there is */
                return strdup(s);
        char *copy = malloc(size * 3 + sizeof ELLIPSIS);        /* an invalid byte becomes three */
        char *to = copy, *cut = copy; /* cut: where "…" goes if it gets too long */

        if (!copy)
                return NULL;
        while (size > 0 && max_chars > 0) {
                unsigned c = 0;
                size_t n = utf8_sequence(s, size, &c);
                const char *from = s;
                size_t step = n > 0 ? n : 1, out = n;
                if (n == 0) {
                        from = REPLACEMENT;
                        out = strlen(REPLACEMENT);
                } else if (is_deceptive(c))
                        out = 0;
                else if (is_control(c) && !(keep_newlines && c == '\n')) {
                        from = " ";
                        out = 1;
                }
                s += step;
                size -= step;
                if (out == 0)
                        continue;
                if (n_chars == max_chars) {
                        to = cut;
                        memcpy(to, ELLIPSIS, strlen(ELLIPSIS));
                        to += strlen(ELLIPSIS);
                        break;
                }
                if (++n_chars == max_chars)
                        cut = to;
                memcpy(to, from, out);
                to += out;
        }
        *to = '\0';
        return copy;
}

void text_shorten_bytes(char *s, size_t max_bytes) {
        size_t size = strlen(s), room = strlen(ELLIPSIS);

        if (size <= max_bytes)
                return;
        size_t at = max_bytes > room ? max_bytes - room : 0;
        while (at > 0 && ((unsigned char) s[at] & 0xc0) == 0x80)
                at--;
        if (max_bytes < room)
                s[at] = '\0';
        else
                memcpy(s + at, ELLIPSIS, room + 1);     /* fits: size > max_bytes >= at + room */
}

size_t text_columns(const char *s) {
        size_t size = strlen(s), columns = 0;
        unsigned c;

        while (size > 0) {
                size_t n = utf8_sequence(s, size, &c);
                int width = n > 0 ? wcwidth((wchar_t) c) : 1;
                columns += width > 0 ? (size_t) width : 0;
                n = n > 0 ? n : 1;
                s += n;
                size -= n;
        }
        return columns;
}
