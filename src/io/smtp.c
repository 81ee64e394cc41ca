#include "io/smtp.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "base/text.h"

#define LINE_MAX_SIZE 4096U             /* RFC 5321, 4.5.3.1.5 asks for 512 */
#define FOREIGN_MAX 65536U              /* of one dialogue */
#define COMMAND_MAX 2048U

bool smtp_address_is_clean(const char *s) {
        if (isempty(s) || strlen(s) > 320)      /* 64 + @ + 255 */
                return false;
        for (; *s; s++)
                if (*s <= ' ' || *s >= 0x7f || *s == '<' || *s == '>')
                        return false;
        return true;
}

int smtp_parse_reply(const char *line, size_t size) {
        if (size < 3 || line[0] < '2' || line[0] > '5' || !isdigit((unsigned char) line[1]) ||
            !isdigit((unsigned char) line[2]) || (size > 3 && line[3] != ' '))
                return 0;
        return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

void smtp_clean_words(const char *line, size_t size, char ret[static SMTP_WORDS_MAX]) {
        _cleanup_free_ char *raw = strndup(line, size);
        _cleanup_free_ char *clean = raw ? text_clean(raw, SMTP_WORDS_MAX, false) : NULL;

        if (clean)
                text_shorten_bytes(clean, SMTP_WORDS_MAX - 1);
        (void) snprintf(ret, SMTP_WORDS_MAX, "%s", strempty(clean));
}

static int smtp_say(Smtp *s, const char *format, ...) _printf_(2, 3);

static int smtp_say(Smtp *s, const char *format, ...) {
        va_list ap;

        buf_done(&s->out);
        s->out = BUF_INIT(COMMAND_MAX);
        s->out_at = 0;
        va_start(ap, format);
        int r = buf_vprintf(&s->out, format, ap);
        va_end(ap);
        return r;
}

/* The message, with another dot before every line that begins with one (RFC 5321, 4.5.2), and its end. */
static int smtp_say_message(Smtp *s) {
        const char *p = s->message, *end = s->message + s->message_size;

        buf_done(&s->out);
        s->out = BUF_INIT(2 * s->message_size + 8);
        s->out_at = 0;
        while (p < end) {
                const char *newline = memchr(p, '\n', (size_t) (end - p));
                const char *next = newline ? newline + 1 : end;
                if (*p == '.')
                        (void) buf_putc(&s->out, '.');
                (void) buf_append(&s->out, p, (size_t) (next - p));
                p = next;
        }
        if (s->message_size > 0 && s->message[s->message_size - 1] != '\n')
                (void) buf_puts(&s->out, "\r\n");
        return buf_puts(&s->out, ".\r\n");
}

int smtp_init(Smtp *s, const char *from, char *const *to, const char *message, size_t message_size) {
        *s = (Smtp) {
                .from = from, .to = to, .message = message, .message_size = message_size,
                .line = BUF_INIT(LINE_MAX_SIZE),
        };
        return smtp_say(s, "MAIL FROM:<%s>\r\n", from);
}

void smtp_done(Smtp *s) {
        buf_done(&s->line);
        buf_done(&s->out);
}

/* The next recipient, or DATA if one of them was accepted. */
static int smtp_next_recipient(Smtp *s) {
        if (s->to[s->to_at]) {
                s->step = SMTP_STEP_RCPT;
                return smtp_say(s, "RCPT TO:<%s>\r\n", s->to[s->to_at++]);
        }
        if (s->n_refused == s->to_at) {
                s->code = s->refused_code;
                s->step = SMTP_STEP_END;
                return 0;
        }
        s->step = SMTP_STEP_DATA;
        return smtp_say(s, "DATA\r\n");
}

/* Of those who are refused one for now counts more: for him all of it is worth another try. */
static int smtp_heed_refusal(Smtp *s, const char *line, size_t size, int code) {
        if (s->n_refused == 0 || (code < 500 && s->refused_code >= 500)) {
                s->refused_code = code;
                s->refused = s->to[s->to_at - 1];
                smtp_clean_words(line, size, s->words);
        }
        s->n_refused++;
        return smtp_next_recipient(s);
}

static int smtp_heed_reply(Smtp *s, const char *line, size_t size, int code) {
        bool is_good = code / 100 == (s->step == SMTP_STEP_DATA ? 3 : 2);

        if (!is_good && code < 400)
                return -EBADMSG;
        if (is_good && s->out_at < s->out.size) /* to a command it has not read: not to be trusted */
                return -EBADMSG;
        s->code = code;
        if (s->step == SMTP_STEP_RCPT && !is_good && code != 421)
                return smtp_heed_refusal(s, line, size, code);
        if (!is_good)
                smtp_clean_words(line, size, s->words);
        if (!is_good || s->step == SMTP_STEP_MESSAGE) {
                s->is_accepted = is_good;
                s->step = SMTP_STEP_END;
                return 0;
        }
        if (s->step == SMTP_STEP_DATA) {
                s->step = SMTP_STEP_MESSAGE;
                return smtp_say_message(s);
        }
        return smtp_next_recipient(s);
}

/* Is this a line of a reply at all? "250-text", "250 text", "250". */
static bool line_is_reply(const char *line, size_t size) {
        if (size > 3 && line[3] == '-')
                size = 3;
        return smtp_parse_reply(line, size) > 0;
}

static int smtp_heed_line(Smtp *s) {
        const char *line = s->line.data;
        size_t size = s->line.size;

        while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
                size--;
        if (!line_is_reply(line, size))
                return -EBADMSG;
        int code = smtp_parse_reply(line, size);
        int r = code > 0 ? smtp_heed_reply(s, line, size, code) : 0;
        buf_reset(&s->line);
        return r;
}

int smtp_feed(Smtp *s, const char *data, size_t size) {
        s->n_foreign += size;
        if (s->n_foreign > FOREIGN_MAX)
                return -EBADMSG;
        while (size > 0 && s->step != SMTP_STEP_END) {
                const char *newline = memchr(data, '\n', size);
                size_t n = newline ? (size_t) (newline - data) + 1 : size;
                int r = buf_append(&s->line, data, n);
                if (r < 0)
                        return r == -EFBIG ? -EBADMSG : r;
                data += n;
                size -= n;
                if (newline && (r = smtp_heed_line(s)) < 0)
                        return r;
        }
        return 0;
}
