/* HTML as mail programs take it: tables, inline styles, no script, no image, nothing loaded. Outlook draws
 * with Word, which knows neither div heights nor flex: the loss curve is one table cell a point, with
 * bgcolor and height. The style sheet in the head is for dark mode only; where it is dropped, the light
 * colours stand. */

#include <math.h>
#include <string.h>

#include "base/strings.h"
#include "receiver/email_body.h"
#include "receiver/escape.h"
#include "receiver/message_fact.h"

#define CURVE_HEIGHT 64                 /* pixels */
#define CELL_WIDTH 11

static const EscapeRule escape_html[] = {
        { "&", "&amp;", ESCAPE_ALWAYS }, { "<", "&lt;", ESCAPE_ALWAYS }, { ">", "&gt;", ESCAPE_ALWAYS },
        { "\"", "&quot;", ESCAPE_ALWAYS }, { "'", "&#39;", ESCAPE_ALWAYS },
        {}
};

static const struct {
        const char *band, *text;
} tones[] = {
        [TONE_GOOD] = { "#1a7f4b", "#ffffff" },
        [TONE_BAD] = { "#b3261e", "#ffffff" },
        [TONE_WARNING] = { "#9a6700", "#ffffff" },
        [TONE_NEUTRAL] = { "#475467", "#ffffff" },
};

#define MONO "font-family:Consolas,Menlo,'DejaVu Sans Mono',monospace;font-size:13px"
#define CELL "padding:4px 0;vertical-align:top;font-size:14px;line-height:20px"
#define TABLE "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\""

static int put(Buf *b, const char *s) {
        return escape_append(b, s, escape_html, SIZE_MAX);
}

static int put_facts(Buf *b, const MessageFacts *facts) {
        size_t n_short = 0;

        for (size_t i = 0; i < facts->n; i++)
                n_short += facts->list[i].form != FACT_TEXT;
        if (n_short == 0)
                return b->error;
        (void) buf_puts(b, TABLE " width=\"100%\" style=\"margin:0 0 14px\">\n");
        for (size_t i = 0; i < facts->n; i++) {
                const MessageFact *f = facts->list + i;
                if (f->form == FACT_TEXT)
                        continue;
                (void) buf_puts(b,
                                "<tr><td class=\"label\" width=\"190\" style=\"" CELL ";color:#667085\">");
                (void) put(b, f->name);
                (void) buf_printf(b,
                                 "</td>\n<td class=\"value\" style=\"" CELL
                                 ";color:#101828;word-break:break-word%s\">",
                                 f->form == FACT_CODE ? ";" MONO : "");
                (void) put(b, f->value);
                (void) buf_puts(b, "</td></tr>\n");
        }
        return buf_puts(b, "</table>\n");
}

static int put_texts(Buf *b, const MessageFacts *facts) {
        for (size_t i = 0; i < facts->n; i++) {
                const MessageFact *f = facts->list + i;
                if (f->form != FACT_TEXT)
                        continue;
                (void) buf_puts(
                        b, TABLE
                        " width=\"100%\" style=\"margin:0 0 14px\"><tr>"
                        "<td class=\"box\" bgcolor=\"#fef3f2\" style=\"padding:10px 14px;border-left:4px "
                        "solid "
                        "#b3261e;color:#101828;font-size:14px;line-height:20px;word-break:break-word\">");
                (void) put(b, f->value);
                (void) buf_puts(b, "</td></tr></table>\n");
        }
        return b->error;
}

static int put_sentence(Buf *b, const char *s, bool strong) {
        if (!s)
                return b->error;
        (void) buf_printf(
                b,
                "<p class=\"value\" style=\"margin:0 0 14px;font-size:14px;line-height:21px;color:#101828;"
                "word-break:break-word%s\">",
                strong ? ";font-weight:600" : "");
        (void) put(b, s);
        return buf_puts(b, "</p>\n");
}

static int put_heading(Buf *b, const char *s) {
        (void) buf_puts(
                b,
                "<p class=\"label\" style=\"margin:0 0 4px;font-size:12px;line-height:18px;font-weight:600;"
                "color:#667085\">");
        (void) put(b, s);
        return buf_puts(b, "</p>\n");
}

static int put_link(Buf *b, const Message *m) {
        if (!m->url)
                return b->error;
        (void) buf_printf(b,
                         TABLE
                         " style=\"margin:0 0 14px\"><tr><td bgcolor=\"%s\" style=\"border-radius:4px\">"
                         "<a href=\"",
                         tones[m->tone].band);
        (void) put(b, m->url);
        return buf_printf(b,
                          "\" style=\"display:inline-block;padding:8px 18px;font-size:14px;font-weight:600;"
                          "color:%s;text-decoration:none\">Open the job</a></td></tr></table>\n",
                          tones[m->tone].text);
}

static int put_events(Buf *b, const Message *m) {
        if (m->n_events == 0)
                return b->error;
        (void) put_heading(b, "Last events");
        (void) buf_puts(b, TABLE " width=\"100%\" style=\"margin:0 0 14px\">\n");
        for (size_t i = 0; i < m->n_events; i++) {
                const MessageEvent *e = m->events + i;
                (void) buf_puts(b, "<tr><td class=\"label\" width=\"110\" nowrap style=\"" CELL ";" MONO
                                  ";color:#667085\">");
                (void) put(b, e->time);
                (void) buf_puts(b, "</td>\n<td class=\"value\" style=\"" CELL
                                  ";color:#101828;word-break:break-word\">");
                if (e->level != EVENT_LEVEL_INFO)
                        (void) buf_printf(b, "<b>%s</b> ", event_level_to_string(e->level));
                (void) put(b, e->text);
                (void) buf_puts(b, "</td></tr>\n");
        }
        return buf_puts(b, "</table>\n");
}

/* --- the curve ------------------------------------------------------------------------------------- */

static int bar_height(double v, double low, double high) {
        if (!isfinite(v))
                return CURVE_HEIGHT;
        double share = high > low ? (v - low) / (high - low) : 1;
        int height = (int) lround(share * CURVE_HEIGHT);
        return MAX(height, 2);
}

static int put_bar(Buf *b, int height, const char *colour) {
        (void) buf_printf(b, "<td valign=\"bottom\" height=\"%d\" width=\"%d\" style=\"padding:0 1px 0 0\">",
                         CURVE_HEIGHT, CELL_WIDTH);
        return buf_printf(b, TABLE "><tr><td bgcolor=\"%s\" width=\"%d\" height=\"%d\" style=\"height:%dpx;"
                             "font-size:1px;line-height:1px\">&nbsp;</td></tr></table></td>\n",
                          colour, CELL_WIDTH - 1, height, height);
}

/* From 0 where values are near it, so that the height says how much is left. */
static void curve_range(const MessageCurve *c, double *ret_low, double *ret_high) {
        double low = INFINITY, high = -INFINITY;

        for (size_t i = 0; i < c->n_points; i++)
                if (isfinite(c->points[i].value)) {
                        low = fmin(low, c->points[i].value);
                        high = fmax(high, c->points[i].value);
                }
        *ret_low = low > 0 && low < high * 0.8 ? 0 : low;
        *ret_high = high;
}

static int put_curve(Buf *b, const MessageCurve *c, const char *colour) {
        char from[COUNT_MAX], to[COUNT_MAX], number[NUMBER_MAX];
        double low, high;

        curve_range(c, &low, &high);
        (void) put_heading(b, c->name);
        (void) buf_puts(b, TABLE " style=\"margin:0 0 2px\"><tr>\n");
        for (size_t i = 0; i < c->n_points; i++) {
                double v = c->points[i].value;
                (void) put_bar(b, bar_height(v, low, high), isfinite(v) ? colour : "#b3261e");
        }
        (void) buf_puts(b, "<td class=\"label\" valign=\"top\" style=\"padding:0 0 0 "
                          "8px;font-size:11px;line-height:14px;"
                          "color:#667085\">");
        (void) buf_printf(b, "%s</td></tr></table>\n", format_number(high, number));
        (void) buf_puts(b, "<p class=\"label\" style=\"margin:0 0 "
                          "14px;font-size:11px;line-height:14px;color:#667085\">");
        (void) buf_printf(b, "step %s &rarr; %s &nbsp; ", format_count(c->summary.first.step, from),
                          format_count(c->summary.last.step, to));
        (void) put(b, format_number(c->summary.first.value, number));
        (void) buf_puts(b, " &rarr; ");
        (void) put(b, format_number(c->summary.last.value, number));
        return buf_puts(b, "</p>\n");
}

static int put_curves(Buf *b, const Message *m) {
        static const char *const colours[MESSAGE_CURVES_MAX] = { "#2970ff", "#e37400" };

        for (size_t i = 0; i < m->n_curves && i < ARRAY_SIZE(colours); i++)
                (void) put_curve(b, m->curves + i, colours[i]);
        return b->error;
}

/* --- the page -------------------------------------------------------------------------------------- */

static int put_head(Buf *b, const Message *m) {
        (void) buf_puts(b, "<!DOCTYPE html>\n<html lang=\"en\"><head>\n<meta charset=\"utf-8\">\n"
                           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                           "<meta name=\"color-scheme\" content=\"light dark\">\n"
                           "<meta name=\"supported-color-schemes\" content=\"light dark\">\n<title>");
        (void) put(b, m->title);
        return buf_puts(b, "</title>\n<style>\n@media (prefers-color-scheme: dark) {\n"
                           "  .page { background: #101418 !important; }\n"
                           "  .card { background: #1b2127 !important; border-color: #323a43 !important; }\n"
                           "  .value { color: #e6e9ec !important; }\n"
                           "  .label { color: #98a2b3 !important; }\n"
                           "  .rule { border-color: #323a43 !important; }\n"
                           "  .box { background: #3a1f1e !important; color: #f6dedc !important; }\n"
                           "}\n</style></head>\n");
}

static int put_title(Buf *b, const Message *m) {
        (void) buf_printf(
                b,
                "<tr><td bgcolor=\"%s\" style=\"padding:16px 24px;border-radius:8px 8px 0 0;font-size:19px;"
                "line-height:26px;font-weight:600;color:%s;word-break:break-word\">%s&nbsp; ",
                tones[m->tone].band, tones[m->tone].text, m->info->symbol);
        (void) put(b, m->title);
        return buf_puts(b, "</td></tr>\n");
}

int email_html_body(const Message *m, Buf *b) {
        (void) put_head(b, m);
        (void) buf_puts(b, "<body class=\"page\" style=\"margin:0;padding:0;background:#f2f4f7\">\n"
                           "<div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all\">");
        (void) put(b, m->brief);
        (void) buf_puts(
                b, "</div>\n" TABLE " class=\"page\" width=\"100%\" bgcolor=\"#f2f4f7\"><tr>"
                   "<td align=\"center\" style=\"padding:24px 12px\">\n" TABLE
                   " class=\"card\" width=\"600\" bgcolor=\"#ffffff\" style=\"width:100%;max-width:600px;"
                   "border:1px solid #d0d5dd;border-radius:8px;border-collapse:separate;text-align:left;"
                   "font-family:'Segoe UI',Helvetica,Arial,sans-serif\">\n");
        (void) put_title(b, m);
        (void) buf_puts(b, "<tr><td style=\"padding:18px 24px 4px\">\n");
        (void) put_facts(b, &m->about);
        (void) put_sentence(b, m->detail, false);
        (void) put_texts(b, &m->act);
        (void) put_facts(b, &m->act);
        (void) put_sentence(b, m->advice, true);
        (void) put_link(b, m);
        if (!m->events_last)
                (void) put_events(b, m);
        (void) put_facts(b, &m->went);
        (void) put_curves(b, m);
        if (m->events_last)
                (void) put_events(b, m);
        (void) buf_puts(b, "</td></tr>\n<tr><td class=\"label rule\" style=\"padding:10px 24px 14px;"
                           "border-top:1px solid #d0d5dd;font-size:12px;line-height:18px;color:#667085\">");
        (void) put(b, m->footer);
        return buf_puts(b, "</td></tr>\n</table>\n</td></tr></table>\n</body></html>\n");
}
