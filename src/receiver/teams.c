/* Kind "teams": an Adaptive Card for the "Post to a channel when a webhook request is received" flow of
 * Teams' Workflows. The flow answers 202 before it looks at the card, so a refused card looks like success:
 * what is sent keeps well inside what is known to work. Foreign sentences go into rich text runs, which know
 * no markdown on any platform; TextBlock and FactSet do, and how they take a backslash differs between
 * devices, so only short values stand there. */

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/text.h"
#include "receiver/http_post.h"
#include "receiver/kinds.h"
#include "receiver/message.h"
#include "receiver/teams_card.h"

/* The server refuses above 28,672 bytes of its own form of the message, which was seen a fifth longer than
 * ours (MicrosoftDocs/msteams-docs issue 11274). */
#define CARD_MAX 20000U

typedef struct TeamsSettings {
        ReceiverCommon common;
        Secret *url;
} TeamsSettings;

static const OptionSpec teams_options[] = {
        { .key = "url",
          .type = OPTION_SECRET_URL,
          .flags = OPTION_REQUIRED,
          .offset = offsetof(TeamsSettings, url),
          .help = "of the Workflows webhook" },
        {}
};

/* Office 365 connectors ended in 2026; their URLs answer nobody. */
static int teams_check(const ReceiverCommon *common, char **ret_message) {
        const TeamsSettings *s = (const TeamsSettings *) common;
        static const char *const dead[] = { "webhook.office.com", "outlook.office.com/webhook",
                                            "outlook.office365.com/webhook" };
        static const char retired[] = "url is of an Office 365 connector, which Microsoft has retired: make "
                                      "a Workflows webhook in the channel and use its URL";

        for (size_t i = 0; s->url && i < ARRAY_SIZE(dead); i++)
                if (strcasestr(secret_reveal(s->url), dead[i]))
                        return string_printf(ret_message, "%s", retired) < 0 ? -ENOMEM : -EINVAL;
        return 0;
}

/* As if every character outside ASCII were sent as \uXXXX: the worst a server may count. */
static size_t measured_size(const char *s) {
        size_t n = 0, left = strlen(s);
        unsigned c;

        while (left > 0) {
                size_t step = utf8_sequence(s, left, &c);
                n += step <= 1 ? 1 : step == 4 ? 12 : 6;
                step = step > 0 ? step : 1;
                s += step;
                left -= step;
        }
        return n;
}

static int teams_render(const ReceiverCommon *common, const Notice *n, bool degraded, Buf *ret) {
        /* What the card may hold, from rich to poor; the last always fits. */
        static const CardLimits limits[] = {
                { .fact_chars = MESSAGE_VALUE_MAX,
                  .text_chars = MESSAGE_TEXT_MAX,
                  .n_events = NOTICE_EVENTS_MAX,
                  .curves = true,
                  .facts = true },
                { .fact_chars = 100, .text_chars = 800, .n_events = 2, .curves = true, .facts = true },
                { .fact_chars = 60, .text_chars = 400, .n_events = 0, .curves = false, .facts = true },
                { .plain = true },
        };
        _cleanup_(message_freep) Message *m = NULL;

        (void) common;
        int r = message_new(n, &m);
        for (size_t i = degraded ? ARRAY_SIZE(limits) - 1 : 0; r >= 0 && i < ARRAY_SIZE(limits); i++) {
                _cleanup_json_ json_object *o = NULL;
                _cleanup_free_ char *text = NULL;
                if ((r = teams_card_new(m, limits + i, &o)) < 0 || (r = json_to_text(o, &text)) < 0)
                        break;
                if (measured_size(text) <= CARD_MAX || i + 1 == ARRAY_SIZE(limits))
                        return buf_puts(ret, text);
        }
        return r;
}

/* Error codes of the Workflows service, in its JSON; and what connectors said with status 200. */
static const ReplyRule teams_rules[] = {
        { 200, 299, "returned HTTP error 429", OUTCOME_RETRY, REASON_THROTTLED, false, NULL },
        { 200, 299, "returned HTTP error 413", OUTCOME_REJECTED, REASON_TOO_LARGE, true, NULL },
        { 200, 299, "returned HTTP error 4", OUTCOME_REJECTED, REASON_BAD_REQUEST, true, NULL },
        { 200, 299, "returned HTTP error", OUTCOME_RETRY, REASON_SERVER_ERROR, false, NULL },
        { 400, 499, "WorkflowTriggerIsNotEnabled", OUTCOME_REJECTED, REASON_GONE, false,
          "the flow is turned off" },
        { 400, 499, "WorkflowNotFound", OUTCOME_REJECTED, REASON_NOT_FOUND, false,
          "the flow does not exist" },
        { 400, 499, "DirectApiAuthorizationRequired", OUTCOME_REJECTED, REASON_UNAUTHORIZED, false,
          "set \"Who can trigger the flow\" to Anyone, and use the whole URL" },
        { 400, 499, "Request Entity too large", OUTCOME_REJECTED, REASON_TOO_LARGE, true, NULL },
        REPLY_RULES_END
};

static int teams_send(const ReceiverCommon *common, const ReceiverPorts *ports,
                      const ReceiverAttempt *attempt, receiver_done_t done, void *userdata,
                      ReceiverSend **ret) {
        const HttpPost post = {
                .url = ((const TeamsSettings *) common)->url,
                .content_type = "application/json; charset=utf-8",
                .rules = teams_rules,
        };

        return http_post_send(common, ports, attempt, &post, done, userdata, ret);
}

const ReceiverKind receiver_kind_teams = {
        .name = "teams",
        .settings_size = sizeof(TeamsSettings),
        .options = teams_options,
        .concurrency = 1,
        .interval_usec = USEC_PER_SEC,  /* Teams throttles above 4 a second, and above 60 in 30 s */
        .check = teams_check,
        .render = teams_render,
        .send = teams_send,
        .cancel = http_post_cancel,
};
