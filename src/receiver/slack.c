/* Kind "slack": Block Kit over an incoming webhook. The header block stands by itself; everything else is in
 * an attachment, because only attachments have a colour bar. The top-level text is what a lock screen shows.
 * Limits: https://docs.slack.dev/reference/block-kit/blocks */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/text.h"
#include "receiver/escape.h"
#include "receiver/http_post.h"
#include "receiver/json_parts.h"
#include "receiver/kinds.h"
#include "receiver/message.h"

#define HEADER_MAX 150U                 /* characters of a header */
#define TEXT_MAX 2900U                  /* of a section: 3,000 */
#define FIELD_MAX 1900U                 /* of a field: 2,000 */
#define FIELDS_MAX 10U                  /* fields of a section */
#define FIELD_SHORT 30U                 /* characters that fit in half a row */
#define LINE_MAX_CHARS 600U             /* of one line of ours; far below the 40,000 of a text */

typedef struct SlackSettings {
        ReceiverCommon common;
        Secret *url;
} SlackSettings;

static const OptionSpec slack_options[] = {
        { .key = "url",
          .type = OPTION_SECRET_URL,
          .flags = OPTION_REQUIRED,
          .offset = offsetof(SlackSettings, url),
          .help = "of the incoming webhook" },
        {}
};

/* --- escaping ------------------------------------------------------------------------------------- */

/* mrkdwn: three characters have entities; the marks have none, a combining grapheme joiner (U+034F) in front
 * keeps them from being marks and is not seen. A backtick is one wherever it stands: for it a look-alike. */
#define CGJ "\xcd\x8f"
#define BACKTICK "\xcb\x8b"
static const EscapeRule escape_mrkdwn[] = {
        { "&", "&amp;", ESCAPE_ALWAYS }, { "<", "&lt;", ESCAPE_ALWAYS }, { ">", "&gt;", ESCAPE_ALWAYS },
        { "*", CGJ "*", ESCAPE_ALWAYS }, { "_", CGJ "_", ESCAPE_OUTSIDE_WORD },
        { "~", CGJ "~", ESCAPE_ALWAYS }, { "`", BACKTICK, ESCAPE_ALWAYS },
        {}
};
/* Between backticks nothing is a mark but the backtick itself. */
static const EscapeRule escape_code[] = {
        { "&", "&amp;", ESCAPE_ALWAYS }, { "<", "&lt;", ESCAPE_ALWAYS }, { ">", "&gt;", ESCAPE_ALWAYS },
        { "`", BACKTICK, ESCAPE_ALWAYS },
        {}
};
static const EscapeRule escape_url[] = { { "&", "&amp;", ESCAPE_ALWAYS }, {} };
/* Shown as it is, with "mrkdwn": false; the @words are for readers that link names all the same. */
static const EscapeRule escape_text[] = {
        { "&", "&amp;", ESCAPE_ALWAYS }, { "<", "&lt;", ESCAPE_ALWAYS }, { ">", "&gt;", ESCAPE_ALWAYS },
        { "@here", "@" CGJ "here", ESCAPE_ALWAYS }, { "@channel", "@" CGJ "channel", ESCAPE_ALWAYS },
        { "@everyone", "@" CGJ "everyone", ESCAPE_ALWAYS },
        {}
};
/* plain_text knows no markup, but whether it decodes entities is nowhere said: look-alikes are right either
 * way. */
static const EscapeRule escape_plain[] = {
        { "<", "\xe2\x80\xb9", ESCAPE_ALWAYS }, { ">", "\xe2\x80\xba", ESCAPE_ALWAYS },
        { "&", "\xef\xbc\x86", ESCAPE_BEFORE_WORD },
        {}
};

/* --- blocks --------------------------------------------------------------------------------------- */

static json_object *text_object(const char *type, const char *text) {
        _cleanup_json_ json_object *o = json_typed(type);

        if (!o || json_add_string(o, "text", text) < 0 ||
            (streq(type, "mrkdwn") && json_add_bool(o, "verbatim", true) < 0))
                return NULL;
        return TAKE_PTR(o);
}

static json_object *header_block(const Message *m) {
        _cleanup_json_ json_object *o = json_typed("header");
        _cleanup_(buf_done) Buf b = BUF_INIT(HEADER_MAX * 8);

        (void) buf_printf(&b, "%s ", m->info->symbol);
        if (!o || escape_append(&b, m->title, escape_plain, HEADER_MAX - 8) < 0 ||
            json_put(o, "text", text_object("plain_text", buf_string(&b))) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static json_object *section_block(const char *mrkdwn) {
        _cleanup_json_ json_object *o = json_typed("section");

        if (!o || json_put(o, "text", text_object("mrkdwn", mrkdwn)) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static int put_fact(Buf *b, const MessageFact *f, const char *between) {
        bool code = f->form == FACT_CODE;

        (void) buf_putc(b, '*');
        (void) escape_append(b, f->name, escape_mrkdwn, METRIC_NAME_MAX);
        (void) buf_printf(b, "*%s%s", between, code ? "`" : "");
        (void) escape_append(b, f->value, code ? escape_code : escape_mrkdwn, LINE_MAX_CHARS - 100);
        return buf_puts(b, code ? "`" : "");
}

static bool fact_is_field(const MessageFact *f) {
        return f->form != FACT_TEXT && utf8_length(f->value) <= FIELD_SHORT;
}

/* The short facts, two in a row, in sections of at most ten. */
static int add_fields(json_object *blocks, const MessageFacts *facts) {
        json_object *fields = NULL;     /* borrowed */
        size_t n = 0;
        int r;

        for (size_t i = 0; i < facts->n; i++) {
                if (!fact_is_field(facts->list + i))
                        continue;
                if (n++ % FIELDS_MAX == 0) {
                        _cleanup_json_ json_object *section = json_typed("section");
                        fields = json_object_new_array();
                        if (!section || json_put(section, "fields", fields) < 0)
                                return -ENOMEM;
                        if ((r = json_append(blocks, TAKE_PTR(section))) < 0)
                                return r;
                }
                _cleanup_(buf_done) Buf b = BUF_INIT(FIELD_MAX * 8);
                if ((r = put_fact(&b, facts->list + i, "\n")) < 0 ||
                    (r = json_append(fields, text_object("mrkdwn", buf_string(&b)))) < 0)
                        return r;
        }
        return 0;
}

static int flush_section(json_object *blocks, Buf *b) {
        int r = b->error;

        if (r >= 0 && b->size > 0)
                r = json_append(blocks, section_block(buf_string(b)));
        buf_reset(b);
        return r;
}

/* The others, which half a row is too narrow for, one a line. */
static int add_lines(json_object *blocks, const MessageFacts *facts) {
        _cleanup_(buf_done) Buf b = BUF_INIT(TEXT_MAX * 8);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < facts->n; i++) {
                if (facts->list[i].form == FACT_TEXT || fact_is_field(facts->list + i))
                        continue;
                if (utf8_length(buf_string(&b)) > TEXT_MAX - LINE_MAX_CHARS)
                        r = flush_section(blocks, &b);
                (void) buf_puts(&b, b.size > 0 ? "\n" : "");
                (void) put_fact(&b, facts->list + i, "  ");
        }
        return r < 0 ? r : flush_section(blocks, &b);
}

static int add_facts(json_object *blocks, const MessageFacts *facts) {
        int r = add_fields(blocks, facts);

        return r < 0 ? r : add_lines(blocks, facts);
}

/* "*Error*" and the text in a box of its own. */
static int add_texts(json_object *blocks, const MessageFacts *facts) {
        for (size_t i = 0; i < facts->n; i++) {
                if (facts->list[i].form != FACT_TEXT)
                        continue;
                _cleanup_(buf_done) Buf b = BUF_INIT(TEXT_MAX * 8);
                (void) buf_printf(&b, "*%s*\n```", facts->list[i].name);
                (void) escape_append(&b, facts->list[i].value, escape_code, TEXT_MAX - 50);
                if (buf_puts(&b, "```") < 0)
                        return b.error;
                int r = json_append(blocks, section_block(buf_string(&b)));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_sentence(json_object *blocks, const char *mark, const char *text) {
        _cleanup_(buf_done) Buf b = BUF_INIT(TEXT_MAX * 8);

        if (!text)
                return 0;
        (void) buf_puts(&b, mark);
        if (escape_append(&b, text, escape_mrkdwn, TEXT_MAX - 10) < 0)
                return b.error;
        return json_append(blocks, section_block(buf_string(&b)));
}

static int add_events(json_object *blocks, const Message *m) {
        _cleanup_(buf_done) Buf b = BUF_INIT(TEXT_MAX * 8);

        if (m->n_events == 0)
                return 0;
        (void) buf_puts(&b, "*Last events*\n```");
        for (size_t i = 0; i < m->n_events; i++) {
                const MessageEvent *e = m->events + i;
                (void) buf_printf(&b, "%s%s%s", i > 0 ? "\n" : "", e->time, *e->time ? "  " : "");
                if (e->level != EVENT_LEVEL_INFO)
                        (void) buf_printf(&b, "%s: ", event_level_to_string(e->level));
                (void) escape_append(&b, e->text, escape_code, TEXT_MAX / NOTICE_EVENTS_MAX - 50);
        }
        if (buf_puts(&b, "```") < 0)
                return b.error;
        return json_append(blocks, section_block(buf_string(&b)));
}

static int add_curves(json_object *blocks, const Message *m) {
        _cleanup_(buf_done) Buf b = BUF_INIT(TEXT_MAX * 8);

        for (size_t i = 0; i < m->n_curves; i++) {
                (void) buf_printf(&b, "%s`%s`  ", i > 0 ? "\n" : "", m->curves[i].sparkline);
                (void) escape_append(&b, m->curves[i].name, escape_mrkdwn, METRIC_NAME_MAX * 2);
        }
        if (b.error < 0)
                return b.error;
        return m->n_curves > 0 ? json_append(blocks, section_block(buf_string(&b))) : 0;
}

static int add_context(json_object *blocks, const Message *m) {
        _cleanup_json_ json_object *o = json_typed("context");
        _cleanup_(buf_done) Buf b = BUF_INIT(TEXT_MAX * 8);
        json_object *elements = json_object_new_array();

        if (!o || json_put(o, "elements", elements) < 0)
                return -ENOMEM;
        if (m->url) {           /* clean by message.h: no space, quote, bracket or bar */
                (void) buf_putc(&b, '<');
                (void) escape_append(&b, m->url, escape_url, TEXT_MAX);
                (void) buf_puts(&b, "|Open the job> \xc2\xb7 ");
        }
        if (escape_append(&b, m->footer, escape_mrkdwn, LINE_MAX_CHARS) < 0)
                return b.error;
        int r = json_append(elements, text_object("mrkdwn", buf_string(&b)));
        return r < 0 ? r : json_append(blocks, TAKE_PTR(o));
}

static int add_blocks(json_object *blocks, const Message *m) {
        int r = add_facts(blocks, &m->about);

        r = r < 0 ? r : add_sentence(blocks, "", m->detail);
        r = r < 0 ? r : add_texts(blocks, &m->act);
        r = r < 0 ? r : add_facts(blocks, &m->act);
        r = r < 0 ? r : add_sentence(blocks, "\xe2\x86\x92 ", m->advice);
        if (!m->events_last)
                r = r < 0 ? r : add_events(blocks, m);
        r = r < 0 ? r : add_facts(blocks, &m->went);
        r = r < 0 ? r : add_curves(blocks, m);
        if (m->events_last)
                r = r < 0 ? r : add_events(blocks, m);
        return r < 0 ? r : add_context(blocks, m);
}

/* --- the message ---------------------------------------------------------------------------------- */

static const char *const colours[] = {
        [TONE_GOOD] = "#2eb67d",
        [TONE_BAD] = "#e01e5a",
        [TONE_WARNING] = "#ecb22e",
        [TONE_NEUTRAL] = "#8d8d8d",
};

static int add_rich(json_object *o, const Message *m, const char *brief) {
        json_object *blocks = json_object_new_array(), *attachments = NULL, *inner = NULL;

        if (json_put(o, "blocks", blocks) < 0 || json_append(blocks, header_block(m)) < 0)
                return -ENOMEM;
        attachments = json_object_new_array();
        if (json_put(o, "attachments", attachments) < 0)
                return -ENOMEM;
        json_object *a = json_object_new_object();
        if (json_append(attachments, a) < 0 || json_add_string(a, "color", colours[m->tone]) < 0 ||
            json_add_string(a, "fallback", brief) < 0)
                return -ENOMEM;
        inner = json_object_new_array();
        if (json_put(a, "blocks", inner) < 0)
                return -ENOMEM;
        return add_blocks(inner, m);
}

static int slack_render(const ReceiverCommon *common, const Notice *n, bool degraded, Buf *ret) {
        _cleanup_(message_freep) Message *m = NULL;
        _cleanup_json_ json_object *o = json_object_new_object();
        _cleanup_(buf_done) Buf b = BUF_INIT(LINE_MAX_CHARS * 8);
        _cleanup_free_ char *text = NULL;

        (void) common;
        int r = message_new(n, &m);
        if (r < 0)
                return r;
        (void) buf_printf(&b, "%s ", m->info->symbol);
        (void) escape_append(&b, m->brief, escape_text, LINE_MAX_CHARS);
        if (b.error < 0)
                return b.error;
        if (!o || json_add_string(o, "text", buf_string(&b)) < 0 || json_add_bool(o, "mrkdwn", false) < 0 ||
            json_add_bool(o, "unfurl_links", false) < 0 || json_add_bool(o, "unfurl_media", false) < 0)
                return -ENOMEM;
        if (!degraded && (r = add_rich(o, m, buf_string(&b))) < 0)
                return r;
        if ((r = json_to_text(o, &text)) < 0)
                return r;
        return buf_puts(ret, text);
}

/* Words of the plain-text body; https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
 * "Handling errors". Success is a body of "ok" and nothing else. */
static const ReplyRule slack_rules[] = {
        { 0, 0, "invalid_token", OUTCOME_REJECTED, REASON_UNAUTHORIZED, false, NULL },
        { 0, 0, "action_prohibited", OUTCOME_REJECTED, REASON_UNAUTHORIZED, false, NULL },
        { 0, 0, "posting_to_general_channel_denied", OUTCOME_REJECTED, REASON_UNAUTHORIZED, false, NULL },
        { 0, 0, "no_service", OUTCOME_REJECTED, REASON_NOT_FOUND, false, NULL },
        { 0, 0, "no_team", OUTCOME_REJECTED, REASON_NOT_FOUND, false, NULL },
        { 0, 0, "channel_not_found", OUTCOME_REJECTED, REASON_NOT_FOUND, false, NULL },
        { 0, 0, "user_not_found", OUTCOME_REJECTED, REASON_NOT_FOUND, false, NULL },
        { 0, 0, "channel_is_archived", OUTCOME_REJECTED, REASON_GONE, false, NULL },
        { 0, 0, "team_disabled", OUTCOME_REJECTED, REASON_GONE, false, NULL },
        { 0, 0, "no_active_hooks", OUTCOME_REJECTED, REASON_GONE, false, NULL },
        { 0, 0, "msg_too_long", OUTCOME_REJECTED, REASON_TOO_LARGE, true, NULL },
        { 0, 0, "rollup_error", OUTCOME_RETRY, REASON_SERVER_ERROR, false, NULL },
        { 400, 400, NULL, OUTCOME_REJECTED, REASON_BAD_REQUEST, true, NULL },
        { 200, 299, NULL, OUTCOME_RETRY, REASON_BAD_REPLY, false, "the reply is not Slack's \"ok\"" },
        REPLY_RULES_END
};

static bool slack_judge(const HttpReply *reply, Outcome *ret) {
        const char *body = buf_string(&reply->body);

        if (reply->status != 200 || strncmp(body, "ok", 2) != 0 || body[2 + strspn(body + 2, " \r\n")])
                return false;
        *ret = outcome_ok();
        ret->status = reply->status;
        return true;
}

static int slack_send(const ReceiverCommon *common, const ReceiverPorts *ports,
                      const ReceiverAttempt *attempt, receiver_done_t done, void *userdata,
                      ReceiverSend **ret) {
        const HttpPost post = {
                .url = ((const SlackSettings *) common)->url,
                .content_type = "application/json; charset=utf-8",
                .judge = slack_judge,
                .rules = slack_rules,
        };

        return http_post_send(common, ports, attempt, &post, done, userdata, ret);
}

const ReceiverKind receiver_kind_slack = {
        .name = "slack",
        .settings_size = sizeof(SlackSettings),
        .options = slack_options,
        .concurrency = 1,
        .interval_usec = USEC_PER_SEC,  /* "Rate limits": one message a second and channel */
        .render = slack_render,
        .send = slack_send,
        .cancel = http_post_cancel,
};
