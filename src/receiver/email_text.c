#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "base/text.h"
#include "receiver/email_body.h"

#define TEXT_COLUMNS 76U

/* Breaks at spaces, so that a reader that does not wrap shows it whole; a word too long for a line stands on
 * its own. */
static int put_wrapped(Buf *b, const char *indent, const char *s) {
        size_t column = 0;

        while (*s) {
                size_t n = strcspn(s, " ");
                _cleanup_free_ char *word = strndup(s, n);
                if (!word)
                        return b->error = -ENOMEM;
                size_t width = utf8_length(word);
                if (column > 0 && column + 1 + width > TEXT_COLUMNS) {
                        (void) buf_putc(b, '\n');
                        column = 0;
                }
                if (column == 0)
                        (void) buf_puts(b, indent);
                (void) buf_printf(b, "%s%s", column > 0 ? " " : "", word);
                column += width + (column > 0 ? 1 : strlen(indent));
                s += n + (s[n] == ' ');
        }
        return buf_putc(b, '\n');
}

static int put_facts(Buf *b, const MessageFacts *facts) {
        size_t widest = 0;

        for (size_t i = 0; i < facts->n; i++)
                if (facts->list[i].form != FACT_TEXT)
                        widest = MAX(widest, utf8_length(facts->list[i].name));
        for (size_t i = 0; i < facts->n; i++) {
                const MessageFact *f = facts->list + i;
                if (f->form == FACT_TEXT) {
                        (void) buf_printf(b, "  %s:\n", f->name);
                        (void) put_wrapped(b, "    ", f->value);
                } else
                        (void) buf_printf(b, "  %s:%*s %s\n", f->name, (int) (widest - utf8_length(f->name)),
                                         "", f->value);
        }
        return facts->n > 0 ? buf_putc(b, '\n') : b->error;
}

static int put_sentence(Buf *b, const char *s) {
        if (!s)
                return b->error;
        (void) put_wrapped(b, "", s);
        return buf_putc(b, '\n');
}

static int put_events(Buf *b, const Message *m) {
        if (m->n_events == 0)
                return b->error;
        (void) buf_puts(b, "Last events:\n");
        for (size_t i = 0; i < m->n_events; i++) {
                const MessageEvent *e = m->events + i;
                (void) buf_printf(b, "  %s%s%s%s%s\n", e->time, *e->time ? "  " : "",
                                  e->level == EVENT_LEVEL_INFO ? "" : event_level_to_string(e->level),
                                  e->level == EVENT_LEVEL_INFO ? "" : ": ", e->text);
        }
        return buf_putc(b, '\n');
}

static int put_curves(Buf *b, const Message *m) {
        for (size_t i = 0; i < m->n_curves; i++)
                (void) buf_printf(b, "  %s  %s\n", m->curves[i].sparkline, m->curves[i].name);
        return m->n_curves > 0 ? buf_putc(b, '\n') : b->error;
}

int email_text_body(const Message *m, Buf *b) {
        /* The first line is what mail programs show beside the subject. */
        (void) buf_printf(b, "%s %s\n\n", m->info->symbol, m->title);
        (void) put_facts(b, &m->about);
        (void) put_sentence(b, m->detail);
        (void) put_facts(b, &m->act);
        (void) put_sentence(b, m->advice);
        if (m->url)
                (void) buf_printf(b, "%s\n\n", m->url);
        if (!m->events_last)
                (void) put_events(b, m);
        (void) put_facts(b, &m->went);
        (void) put_curves(b, m);
        if (m->events_last)
                (void) put_events(b, m);
        /* "-- " and a new line is where mail programs begin a signature and grey it (RFC 3676 4.3). */
        return buf_printf(b, "-- \n%s\n", m->footer);
}
