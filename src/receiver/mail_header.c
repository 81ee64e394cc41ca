#include "receiver/mail_header.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/digest.h"
#include "base/strings.h"
#include "base/text.h"

#define WORD_BYTES 42U /* of UTF-8 in an encoded word: 56 in base64, 68 with "=?UTF-8?B?" and "?=" of 75 */
#define PLAIN_MAX 60U                   /* ASCII up to here stands unencoded on the field's own line */
#define QP_LINE_MAX 76U
#define NAME_CHARS_MAX 64U

/* --- addresses ------------------------------------------------------------------------------------- */

static bool is_atom(const char *s, size_t n, const char *also) {
        if (n == 0 || s[0] == '.' || s[n - 1] == '.')
                return false;
        for (size_t i = 0; i < n; i++)
                if (!(s[i] == '.' && s[i + 1] != '.') &&
                    !((unsigned char)s[i] < 0x80 && isalnum((unsigned char)s[i])) && !strchr(also, s[i]))
                        return false;
        return true;
}

static const char *address_problem(const char *s, size_t n) {
        const char *at = memchr(s, '@', n);

        if (!at)
                return "has no @";
        if (n > ADDRESS_MAX)
                return "is too long";
        size_t local = (size_t) (at - s), domain = n - local - 1;
        if (memchr(at + 1, '@', domain))
                return "has more than one @";
        if (local > 64 || !is_atom(s, local, "!#$%&'*+-/=?^_`{|}~"))
                return "has characters in front of the @ that mail does not allow";
        if (!is_atom(at + 1, domain, "-"))
                return "has no usable domain behind the @";
        return NULL;
}

/* The display name in front of '<', without its quotes. */
static int parse_name(const char *s, size_t n, char **ret, const char **ret_why) {
        while (n > 0 && isspace((unsigned char) s[n - 1]))
                n--;
        if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
                s++;
                n -= 2;
        }
        bool usable = utf8_is_valid(s, n);
        for (size_t i = 0; i < n; i++)
                usable = usable && !strchr("\"\\<>@", s[i]);
        if (!usable) {
                *ret_why = "has a display name with a quote, backslash, bracket, @ or broken UTF-8";
                return -EINVAL;
        }
        if (n == 0)
                return 0;
        _cleanup_free_ char *name = strndup(s, n);
        if (!name)
                return -ENOMEM;
        *ret = text_clean(name, NAME_CHARS_MAX, false);
        return *ret ? 0 : -ENOMEM;
}

int mail_address_parse(const char *s, MailAddress *ret, const char **ret_why) {
        _cleanup_(mail_address_done) MailAddress a = {};
        size_t n;
        int r;

        s += strspn(s, " ");
        for (const char *p = s; *p; p++)
                if (iscntrl((unsigned char) *p)) {
                        *ret_why = "has control characters";
                        return -EINVAL;
                }
        const char *open = strrchr(s, '<');
        if (open) {
                n = strcspn(open + 1, ">");
                if (open[1 + n] != '>' || open[2 + n + strspn(open + 2 + n, " ")]) {
                        *ret_why = "does not end with the >";
                        return -EINVAL;
                }
                if ((r = parse_name(s, (size_t) (open - s), &a.name, ret_why)) < 0)
                        return r;
                s = open + 1;
        } else
                n = strcspn(s, " ");
        const char *why = !open && s[n + strspn(s + n, " ")] ? "has a space in it" : address_problem(s, n);
        if (why) {
                *ret_why = why;
                return -EINVAL;
        }
        a.address = strndup(s, n);
        if (!a.address)
                return -ENOMEM;
        ret->name = TAKE_PTR(a.name);
        ret->address = TAKE_PTR(a.address);
        return 0;
}

void mail_address_done(MailAddress *a) {
        free(a->name);
        free(a->address);
        *a = (MailAddress) {};
}

const char *mail_address_domain(const MailAddress *a) {
        const char *at = strchr(a->address, '@');

        assert(at);             /* it was parsed */
        return at + 1;
}

/* --- fields ---------------------------------------------------------------------------------------- */

static bool is_plain(const char *s, size_t max) {
        size_t n = strlen(s);

        if (n > max || strstr(s, "=?") || isspace((unsigned char) *s) || (n > 0 && s[n - 1] == ' '))
                return false;
        for (; *s; s++)
                if ((unsigned char) *s < ' ' || (unsigned char) *s >= 0x7f)
                        return false;
        return true;
}

/* Encoded words of whole characters, one a line. `s` is valid UTF-8. */
static int put_encoded_words(Buf *b, const char *s) {
        size_t left = strlen(s);

        while (left > 0) {
                size_t n = 0, step;
                unsigned c;
                while (n < left && (step = utf8_sequence(s + n, left - n, &c)) > 0 && n + step <= WORD_BYTES)
                        n += step;
                assert(n > 0);
                _cleanup_free_ char *word = NULL;
                int r = base64_encode(s, n, &word);
                if (r < 0)
                        return r;
                s += n;
                left -= n;
                (void) buf_printf(b, "=?UTF-8?B?%s?=%s", word, left > 0 ? "\r\n " : "");
        }
        return b->error;
}

static int put_phrase(Buf *b, const char *s, size_t max_chars, const char *quote) {
        _cleanup_free_ char *clean = text_clean(s, max_chars, false);

        if (!clean)
                return -ENOMEM;
        if (!is_plain(clean, PLAIN_MAX) || (*quote && strpbrk(clean, "\"\\")))
                return put_encoded_words(b, clean);
        return buf_printf(b, "%s%s%s", quote, clean, quote);
}

int mail_header_text(Buf *b, const char *name, const char *value) {
        (void) buf_printf(b, "%s: ", name);
        int r = put_phrase(b, value, 200, "");
        return r < 0 ? r : buf_puts(b, "\r\n");
}

int mail_header_addresses(Buf *b, const char *name, const MailAddress *list, size_t n) {
        (void) buf_printf(b, "%s: ", name);
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        (void) buf_puts(b, ",\r\n ");
                if (!list[i].name) {
                        (void) buf_puts(b, list[i].address);
                        continue;
                }
                int r = put_phrase(b, list[i].name, NAME_CHARS_MAX, "\"");
                if (r < 0)
                        return r;
                (void) buf_printf(b, "\r\n <%s>", list[i].address);
        }
        return buf_puts(b, "\r\n");
}

int mail_header_raw(Buf *b, const char *name, const char *value) {
        return buf_printf(b, "%s: %s\r\n", name, value);
}

/* --- quoted-printable ------------------------------------------------------------------------------ */

/* What must be encoded besides what is not printable: a space at the end of a line, and at the start of one
 * a dot (SMTP) and the F of "From " (mbox). */
static bool must_encode(const char *line, size_t i, size_t size, size_t column) {
        unsigned char c = (unsigned char) line[i];

        if (c == ' ' || c == '\t')
                return i + 1 == size;
        return c == '=' || c < ' ' || c >= 0x7f ||
               (column == 0 && (c == '.' || startswith(line + i, "From ")));
}

static int put_qp_line(Buf *b, const char *line, size_t size) {
        size_t column = 0;

        for (size_t i = 0; i < size; i++) {
                bool encode = must_encode(line, i, size, column);
                size_t width = encode ? 3 : 1;
                if (column + width > QP_LINE_MAX - 1) { /* room for the "=" of a soft line break */
                        (void) buf_puts(b, "=\r\n");
                        column = 0;
                        encode = must_encode(line, i, size, column);
                        width = encode ? 3 : 1;
                }
                if (encode)
                        (void) buf_printf(b, "=%02X", (unsigned) (unsigned char) line[i]);
                else
                        (void) buf_putc(b, line[i]);
                column += width;
        }
        return buf_puts(b, "\r\n");
}

int mail_quoted_printable(Buf *b, const char *text) {
        while (*text && b->error == 0) {
                size_t n = strcspn(text, "\n");
                (void) put_qp_line(b, text, n);
                text += n + (text[n] == '\n');
        }
        return b->error;
}
