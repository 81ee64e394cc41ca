#include "receiver/teams_card.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "receiver/escape.h"
#include "receiver/json_parts.h"

#define BOXED_BYTES 40U                 /* an identifier longer than this has a box of its own */

/* A zero width space parts what would be a tag (an <at> without its entity makes Teams refuse the card), an
 * entity, or a date function ({{DATE(...)}}), and is not seen. */
#define ZWSP "\xe2\x80\x8b"
#define ESCAPES_OF_EVERY_TEXT                                                   \
        { "{{", "{" ZWSP "{", ESCAPE_ALWAYS },                                  \
        { "<", "<" ZWSP, ESCAPE_BEFORE_WORD },                                  \
        { "&", "&" ZWSP, ESCAPE_BEFORE_WORD }

static const EscapeRule escape_run[] = { ESCAPES_OF_EVERY_TEXT, {} };
/* The markdown that Teams knows, and the JavaScript renderer's besides. An underscore within a word is none.
 */
static const EscapeRule escape_markdown[] = {
        ESCAPES_OF_EVERY_TEXT,
        { "\\", "\\\\", ESCAPE_ALWAYS }, { "*", "\\*", ESCAPE_ALWAYS }, { "_", "\\_", ESCAPE_OUTSIDE_WORD },
        { "[", "\\[", ESCAPE_ALWAYS }, { "]", "\\]", ESCAPE_ALWAYS }, { "`", "\\`", ESCAPE_ALWAYS },
        { "~", "\\~", ESCAPE_ALWAYS },
        {}
};

/* At its start a line can be a list, a heading or a quote: "1. ", "- ", "# ", "> ". */
static bool starts_a_block(const char *s) {
        size_t digits = strspn(s, "0123456789");

        if (digits > 0)
                return s[digits] == '.' || s[digits] == ')' ? s[digits + 1] == ' ' || !s[digits + 1] : false;
        return *s && strchr("-+#>=|", *s);
}

static int add_escaped(json_object *o, const char *key, const char *s, const EscapeRule *rules,
                       size_t max_chars) {
        _cleanup_(buf_done) Buf b = BUF_INIT(strlen(s) * 8 + 8);

        if (rules == escape_markdown && starts_a_block(s))
                (void) buf_puts(&b, ZWSP);
        (void) escape_append(&b, s, rules, max_chars);
        return b.error < 0 ? b.error : json_add_string(o, key, buf_string(&b));
}

static json_object *text_block(const char *text, size_t max_chars) {
        _cleanup_json_ json_object *o = json_typed("TextBlock");

        if (!o || add_escaped(o, "text", text, escape_markdown, max_chars) < 0 ||
            json_add_bool(o, "wrap", true) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static json_object *array_in(json_object *o, const char *key) {
        json_object *a = json_object_new_array();

        return json_put(o, key, a) < 0 ? NULL : a;
}

/* --- parts ---------------------------------------------------------------------------------------- */

static const struct {
        const char *style, *colour;
} tones[] = {
        [TONE_GOOD] = { "good", "Good" },
        [TONE_BAD] = { "attention", "Attention" },
        [TONE_WARNING] = { "warning", "Warning" },
        [TONE_NEUTRAL] = { "emphasis", "Default" },
};

static json_object *title_container(const Message *m) {
        _cleanup_json_ json_object *o = json_typed("Container");
        _cleanup_free_ char *text = NULL;
        json_object *items, *t;

        if (!o || json_add_string(o, "style", tones[m->tone].style) < 0 ||
            json_add_bool(o, "bleed", true) < 0 || !(items = array_in(o, "items")) ||
            string_printf(&text, "%s %s", m->info->symbol, m->title) < 0 ||
            json_append(items, t = text_block(text, MESSAGE_TITLE_MAX + 40)) < 0 ||
            json_add_string(t, "size", "Large") < 0 || json_add_string(t, "weight", "Bolder") < 0 ||
            json_add_string(t, "color", tones[m->tone].colour) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static json_object *fact_object(const MessageFact *f, size_t max_chars) {
        _cleanup_json_ json_object *o = json_object_new_object();

        if (!o || add_escaped(o, "title", f->name, escape_markdown, METRIC_NAME_MAX) < 0 ||
            add_escaped(o, "value", f->value, escape_markdown, max_chars) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static bool is_boxed(const MessageFact *f) {
        return f->form == FACT_TEXT || (f->form == FACT_CODE && strlen(f->value) > BOXED_BYTES);
}

/* All but the boxed ones, or, with `all`, all but texts. */
static int add_fact_set(json_object *body, const MessageFacts *facts, size_t max_chars, bool all) {
        json_object *list = NULL;       /* borrowed */
        int r;

        for (size_t i = 0; i < facts->n; i++) {
                if (all ? facts->list[i].form == FACT_TEXT : is_boxed(facts->list + i))
                        continue;
                if (!list) {
                        json_object *set = json_typed("FactSet");
                        if (json_append(body, set) < 0 || !(list = array_in(set, "facts")))
                                return -ENOMEM;
                }
                if ((r = json_append(list, fact_object(facts->list + i, max_chars))) < 0)
                        return r;
        }
        return 0;
}

/* A run of text without markdown. */
static json_object *run_new(const char *text, size_t max_chars, bool subtle, bool mono) {
        _cleanup_json_ json_object *o = json_typed("TextRun");

        if (!o || add_escaped(o, "text", text, escape_run, max_chars) < 0 ||
            (subtle && json_add_bool(o, "isSubtle", true) < 0) ||
            (mono && json_add_string(o, "fontType", "Monospace") < 0))
                return NULL;
        return TAKE_PTR(o);
}

/* A block of runs; *ret_inlines is where they go. */
static int add_rich_text_spaced(json_object *body, const char *spacing, json_object **ret_inlines) {
        json_object *block = json_typed("RichTextBlock");
        int r = json_append(body, block);

        if (r >= 0 && spacing)
                r = json_add_string(block, "spacing", spacing);
        if (r < 0)
                return r;
        json_object *inlines = array_in(block, "inlines");
        if (!inlines)
                return -ENOMEM;
        *ret_inlines = inlines;
        return 0;
}

static int add_rich_text(json_object *body, json_object **ret_inlines) {
        return add_rich_text_spaced(body, NULL, ret_inlines);
}

static int add_sentence(json_object *body, const char *mark, const char *text, size_t max_chars) {
        json_object *inlines;

        if (!text)
                return 0;
        int r = add_rich_text(body, &inlines);
        if (r >= 0 && *mark)
                r = json_append(inlines, run_new(mark, SIZE_MAX, false, false));
        return r < 0 ? r : json_append(inlines, run_new(text, max_chars, false, false));
}

static json_object *label_block(const char *text) {
        _cleanup_json_ json_object *o = text_block(text, MESSAGE_VALUE_MAX);

        if (!o || json_add_string(o, "weight", "Bolder") < 0 || json_add_string(o, "spacing", "Medium") < 0)
                return NULL;
        return TAKE_PTR(o);
}

static int add_boxes(json_object *body, const MessageFacts *facts, size_t max_chars) {
        for (size_t i = 0; i < facts->n; i++) {
                const MessageFact *f = facts->list + i;
                if (!is_boxed(f))
                        continue;
                json_object *box = json_typed("Container"), *items, *inlines;
                int r = json_append(body, box);
                if (r < 0)
                        return r;
                if (json_add_string(box, "style", "emphasis") < 0 || !(items = array_in(box, "items")) ||
                    json_append(items, label_block(f->name)) < 0 ||
                    add_rich_text(items, &inlines) < 0 ||
                    json_append(inlines, run_new(f->value, max_chars, false, f->form == FACT_CODE)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int add_events(json_object *body, const Message *m, size_t n_max, size_t max_chars) {
        size_t skip = m->n_events > n_max ? m->n_events - n_max : 0;

        if (skip == m->n_events)
                return 0;
        int r = json_append(body, label_block("Last events"));
        for (size_t i = skip; r >= 0 && i < m->n_events; i++) {
                const MessageEvent *e = m->events + i;
                _cleanup_free_ char *head = NULL;
                json_object *inlines;
                const char *level = e->level == EVENT_LEVEL_INFO ? "" : event_level_to_string(e->level);
                r = string_printf(&head, "%s%s%s%s", e->time, *e->time ? "  " : "", level,
                                  *level ? ": " : "");
                if (r < 0 || (r = add_rich_text_spaced(body, "Small", &inlines)) < 0)
                        return r;
                r = *head ? json_append(inlines, run_new(head, MESSAGE_VALUE_MAX, true, false)) : 0;
                r = r < 0 ? r : json_append(inlines, run_new(e->text, max_chars, false, false));
        }
        return r;
}

static int add_curves(json_object *body, const Message *m) {
        for (size_t i = 0; i < m->n_curves; i++) {
                json_object *inlines;
                _cleanup_free_ char *line = NULL;
                int r = string_printf(&line, "%s  ", m->curves[i].sparkline);
                if (r < 0 || (r = add_rich_text(body, &inlines)) < 0 ||
                    (r = json_append(inlines, run_new(line, SPARKLINE_WIDTH + 2, false, true))) < 0 ||
                    (r = json_append(inlines,
                                     run_new(m->curves[i].name, METRIC_NAME_MAX * 2, true, false))) < 0)
                        return r;
        }
        return 0;
}

static int add_footer(json_object *body, const Message *m) {
        json_object *t = text_block(m->footer, MESSAGE_VALUE_MAX);
        int r = json_append(body, t);

        if (r < 0)
                return r;
        if (json_add_string(t, "size", "Small") < 0 || json_add_bool(t, "isSubtle", true) < 0 ||
            json_add_bool(t, "separator", true) < 0)
                return -ENOMEM;
        return 0;
}

/* --- the card ------------------------------------------------------------------------------------- */

static int fill_body(json_object *body, const Message *m, const CardLimits *l) {
        if (l->plain)
                return json_append(body, text_block(m->brief, 2 * MESSAGE_VALUE_MAX));
        int r = json_append(body, title_container(m));
        if (l->facts)
                r = r < 0 ? r : add_fact_set(body, &m->about, l->fact_chars, true);
        r = r < 0 ? r : add_sentence(body, "", m->detail, l->text_chars);
        r = r < 0 ? r : add_boxes(body, &m->act, l->text_chars);
        r = r < 0 ? r : add_fact_set(body, &m->act, MESSAGE_VALUE_MAX, false);
        r = r < 0 ? r : add_sentence(body, "\xe2\x86\x92 ", m->advice, l->text_chars);
        if (!m->events_last)
                r = r < 0 ? r : add_events(body, m, l->n_events, l->fact_chars);
        if (l->facts)
                r = r < 0 ? r : add_fact_set(body, &m->went, l->fact_chars, true);
        if (l->curves)
                r = r < 0 ? r : add_curves(body, m);
        if (m->events_last)
                r = r < 0 ? r : add_events(body, m, l->n_events, l->fact_chars);
        return r < 0 ? r : add_footer(body, m);
}

static int add_action(json_object *card, const Message *m) {
        json_object *actions = array_in(card, "actions"), *open = json_typed("Action.OpenUrl");

        if (!actions) {
                json_object_put(open);
                return -ENOMEM;
        }
        int r = json_append(actions, open);
        if (r < 0)
                return r;
        if (json_add_string(open, "title", "Open the job") < 0 || json_add_string(open, "url", m->url) < 0)
                return -ENOMEM;
        return 0;
}

static json_object *card_new(const Message *m, const CardLimits *l) {
        _cleanup_json_ json_object *card = json_typed("AdaptiveCard");
        json_object *body, *msteams;

        /* 1.5 is not understood everywhere yet, and nothing here needs it. */
        if (!card ||
            json_add_string(card, "$schema", "http://adaptivecards.io/schemas/adaptive-card.json") < 0 ||
            json_add_string(card, "version", "1.4") < 0 ||
            add_escaped(card, "fallbackText", m->brief, escape_run, 2 * MESSAGE_VALUE_MAX) < 0 ||
            !(body = array_in(card, "body")) || fill_body(body, m, l) < 0)
                return NULL;
        if (m->url && !l->plain && add_action(card, m) < 0)
                return NULL;
        msteams = json_object_new_object();
        if (json_put(card, "msteams", msteams) < 0 || json_add_string(msteams, "width", "Full") < 0)
                return NULL;
        return TAKE_PTR(card);
}

int teams_card_new(const Message *m, const CardLimits *limits, json_object **ret) {
        _cleanup_json_ json_object *o = json_typed("message");
        json_object *attachments, *a;

        if (!o || add_escaped(o, "summary", m->brief, escape_run, MESSAGE_VALUE_MAX) < 0 ||
            !(attachments = array_in(o, "attachments")))
                return -ENOMEM;
        a = json_object_new_object();
        if (json_append(attachments, a) < 0 ||
            json_add_string(a, "contentType", "application/vnd.microsoft.card.adaptive") < 0 ||
            json_add_string(a, "contentUrl", NULL) < 0 || json_put(a, "content", card_new(m, limits)) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(o);
        return 0;
}
