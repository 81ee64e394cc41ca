/* Kind "email": one RFC 5322 message over SMTP.
 *
 * Threading. Apple Mail, Thunderbird, mutt and Outlook thread by References; Gmail and Exchange want the
 * same subject too, apart from "Re:". So every message of a job refers to the same message that was never
 * sent (a phantom root: also the first one does, because some providers rewrite Message-ID), and the subject
 * names the job and not what happened to it. What happened is the first line of the text and the preheader
 * of the HTML, which mail programs show beside the subject, and X-Ftwatch-Type for filters. Who would rather
 * read it in the subject sets subject = "event". */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/secret.h"
#include "base/strings.h"
#include "base/text.h"
#include "io/mail.h"
#include "receiver/email_body.h"
#include "receiver/kinds.h"
#include "receiver/mail_header.h"
#include "receiver/message.h"
#include "receiver/reply_outcome.h"

#define RECIPIENTS_MAX 50U
#define BODY_MAX (256U * 1024U)         /* of one body; bounded by message.h far below */
#define MAIL_MAX (1024U * 1024U)
#define ROOT_ID_CHARS 26U

typedef enum EmailSubject {
        EMAIL_SUBJECT_THREAD,
        EMAIL_SUBJECT_EVENT,
} EmailSubject;

typedef struct EmailSettings {
        ReceiverCommon common;
        char *server;
        char *user;
        Secret *password;
        char *from;
        char **to;
        char *ca_file;
        int subject;
} EmailSettings;

static const char *const subject_names[] = { "thread", "event", NULL };

static const OptionSpec email_options[] = {
        { .key = "server",
          .type = OPTION_MAIL_URL,
          .flags = OPTION_REQUIRED,
          .offset = offsetof(EmailSettings, server),
          .help = "smtps://HOST[:PORT], or smtp://HOST[:PORT] with STARTTLS (on loopback only with "
                  "ca_file)" },
        { .key = "user",
          .type = OPTION_STRING,
          .offset = offsetof(EmailSettings, user),
          .help = "to log in with" },
        { .key = "password",
          .type = OPTION_SECRET,
          .offset = offsetof(EmailSettings, password),
          .help = "of the user" },
        { .key = "from",
          .type = OPTION_STRING,
          .flags = OPTION_REQUIRED,
          .offset = offsetof(EmailSettings, from),
          .help = "sender: ADDRESS or Name <ADDRESS>" },
        { .key = "to",
          .type = OPTION_STRV,
          .flags = OPTION_REQUIRED,
          .offset = offsetof(EmailSettings, to),
          .help = "recipients, written like the sender" },
        { .key = "ca_file",
          .type = OPTION_STRING,
          .offset = offsetof(EmailSettings, ca_file),
          .help = "certificates to trust instead of the system's, PEM" },
        { .key = "subject",
          .type = OPTION_ENUM,
          .offset = offsetof(EmailSettings, subject),
          .fallback = "thread",
          .names = subject_names,
          .help = "thread: the same for all mails of a job; event: says what happened" },
        {}
};

/* --- check ---------------------------------------------------------------------------------------- */

static int check_address(const char *key, const char *s, char **ret_message) {
        _cleanup_(mail_address_done) MailAddress a = {};
        const char *why = NULL;

        int r = mail_address_parse(s, &a, &why);
        if (r != -EINVAL)
                return r;
        _cleanup_free_ char *shown = text_clean(s, 80, false);
        if (!shown || string_printf(ret_message, "%s: \"%s\" %s", key, shown, why) < 0)
                return -ENOMEM;
        return -EINVAL;
}

static int email_check(const ReceiverCommon *common, char **ret_message) {
        const EmailSettings *s = (const EmailSettings *) common;
        const char *problem = NULL;

        int r = s->from ? check_address("from", s->from, ret_message) : 0;
        for (char *const *to = s->to; r >= 0 && to && *to; to++)
                r = check_address("to", *to, ret_message);
        if (r < 0)
                return r;
        if (!s->user != !s->password)
                problem = "user and password are given both or not at all";
        else if (s->to && strv_length(s->to) == 0)
                problem = "to names nobody";
        else if (strv_length(s->to) > RECIPIENTS_MAX)
                problem = "to has more than 50 recipients: use a mailing list";
        if (problem)
                return string_printf(ret_message, "%s", problem) < 0 ? -ENOMEM : -EINVAL;
        return 0;
}

/* --- render --------------------------------------------------------------------------------------- */

/* What all messages about one thing refer to. The source is in it: ids of two resources may be equal. */
static int root_id(const Notice *n, const char *domain, char **ret) {
        const char *parts[] = { n->source, n->job ? n->job->id : NULL, n->receiver };
        _cleanup_(buf_done) Buf b = BUF_INIT(1024 * 1024);
        uint8_t digest[SHA256_SIZE];
        char text[ROOT_ID_CHARS + 1];

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                (void) buf_printf(&b, "%zu:%s\n", strlen(strempty(parts[i])), strempty(parts[i]));
        if (b.error < 0)
                return b.error;
        int r = sha256(b.data, b.size, digest);
        if (r < 0)
                return r;
        base32_encode(digest, ROOT_ID_CHARS, text);
        return string_printf(ret, "<thread-%s@%s>", text, domain);
}

static int put_subject(Buf *b, const EmailSettings *s, const Notice *n, const Message *m) {
        _cleanup_free_ char *text = NULL;
        int r;

        if (s->subject == EMAIL_SUBJECT_EVENT)
                r = string_printf(&text, "[ftwatchd] %s%s%s", strempty(n->job ? n->source : NULL),
                                  n->job && n->source ? ": " : "", m->title);
        else if (n->job)
                r = string_printf(&text, "[ftwatchd] %s: %s", strempty(n->source), job_title(n->job));
        else if (n->receiver || n->source)
                r = string_printf(&text, "[ftwatchd] %s %s", n->receiver ? "receiver" : "source",
                                  n->receiver ? n->receiver : n->source);
        else
                r = string_printf(&text, "[ftwatchd] %s", m->title);
        return r < 0 ? r : mail_header_text(b, "Subject", text);
}

static int put_recipients(Buf *b, char *const *to) {
        MailAddress list[RECIPIENTS_MAX] = {};
        size_t n = 0;
        int r = 0;

        for (; r >= 0 && *to && n < RECIPIENTS_MAX; to++) {
                const char *why;
                if ((r = mail_address_parse(*to, list + n, &why)) >= 0)
                        n++;
        }
        if (r >= 0)
                r = mail_header_addresses(b, "To", list, n);
        for (size_t i = 0; i < n; i++)
                mail_address_done(list + i);
        return r;
}

static int put_headers(Buf *b, const EmailSettings *s, const Notice *n, const Message *m) {
        _cleanup_(mail_address_done) MailAddress from = {};
        _cleanup_free_ char *root = NULL;
        char stamp[STAMP_MAX];
        const char *why;
        int r;

        if ((r = mail_address_parse(s->from, &from, &why)) < 0 ||
            (r = root_id(n, mail_address_domain(&from), &root)) < 0 ||
            (r = mail_header_addresses(b, "From", &from, 1)) < 0 || (r = put_recipients(b, s->to)) < 0 ||
            (r = put_subject(b, s, n, m)) < 0)
                return r;
        (void) mail_header_raw(b, "Date", format_stamp_mail(n->created_usec, stamp));
        (void) buf_printf(b, "Message-ID: <%s@%s>\r\n", n->id, mail_address_domain(&from));
        (void) mail_header_raw(b, "In-Reply-To", root);
        (void) mail_header_raw(b, "References", root);
        /* No vacation replies: RFC 3834; Exchange has its own word. */
        (void) mail_header_raw(b, "Auto-Submitted", "auto-generated");
        (void) mail_header_raw(b, "X-Auto-Response-Suppress", "All");
        (void) buf_printf(b, "List-Id: ftwatchd <ftwatchd.%s>\r\n", mail_address_domain(&from));
        if (m->tone == TONE_BAD)
                (void) mail_header_raw(b, "Importance", "high");
        (void) mail_header_raw(b, "X-Ftwatch-Type", m->info->name);
        return mail_header_raw(b, "MIME-Version", "1.0");
}

static int put_part(Buf *b, const char *type, const char *body) {
        (void) buf_printf(
                b, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
                type);
        return mail_quoted_printable(b, body);
}

/* A boundary with "=_" cannot occur in quoted-printable (RFC 2045 6.7). */
static int put_alternatives(Buf *b, const Notice *n, const char *text, const char *html) {
        (void) buf_printf(b, "Content-Type: multipart/alternative;\r\n boundary=\"=_%s\"\r\n\r\n", n->id);
        (void) buf_printf(b, "--=_%s\r\n", n->id);
        (void) put_part(b, "text/plain", text);
        (void) buf_printf(b, "--=_%s\r\n", n->id);
        (void) put_part(b, "text/html", html);
        return buf_printf(b, "--=_%s--\r\n", n->id);
}

static int email_render(const ReceiverCommon *common, const Notice *n, bool degraded, Buf *ret) {
        const EmailSettings *s = (const EmailSettings *) common;
        _cleanup_(message_freep) Message *m = NULL;
        _cleanup_(buf_done) Buf text = BUF_INIT(BODY_MAX), html = BUF_INIT(BODY_MAX), b = BUF_INIT(MAIL_MAX);
        int r;

        if ((r = message_new(n, &m)) < 0 || (r = put_headers(&b, s, n, m)) < 0 ||
            (r = email_text_body(m, &text)) < 0)
                return r;
        if (degraded)
                r = put_part(&b, "text/plain", buf_string(&text));
        else if ((r = email_html_body(m, &html)) >= 0)
                r = put_alternatives(&b, n, buf_string(&text), buf_string(&html));
        return r < 0 ? r : buf_append(ret, b.data, b.size);
}

/* --- send ----------------------------------------------------------------------------------------- */

struct ReceiverSend {
        MailCall *call;
        char **to;                      /* bare addresses */
        char *from;
        receiver_done_t done;
        void *userdata;
};

static ReceiverSend *send_free(ReceiverSend *s) {
        if (!s)
                return NULL;
        strv_free(s->to);
        free(s->from);
        free(s);
        return NULL;
}
DEFINE_CLEANUP(ReceiverSend, send_free)

/* RFC 5321 4.2.1 and RFC 3463. A credential that is refused is not the message's fault: the mail waits for
 * the right one as long as it lives. */
static const struct {
        int first, last;
        OutcomeKind kind;
        Reason reason;
        bool reshape;
} mail_rules[] = {
        { 200, 299, OUTCOME_OK, REASON_NONE, false },
        { 421, 421, OUTCOME_RETRY, REASON_SERVER_ERROR, false },
        { 450, 452, OUTCOME_RETRY, REASON_THROTTLED, false }, /* mailbox busy, local error, no room */
        { 400, 499, OUTCOME_RETRY, REASON_SERVER_ERROR, false },
        { 530, 530, OUTCOME_RETRY, REASON_UNAUTHORIZED, false }, /* authentication or STARTTLS first */
        { 534, 535, OUTCOME_RETRY, REASON_UNAUTHORIZED, false },
        { 538, 538, OUTCOME_RETRY, REASON_UNAUTHORIZED, false },
        { 552, 552, OUTCOME_REJECTED, REASON_TOO_LARGE, true },
        { 550, 551, OUTCOME_REJECTED, REASON_NOT_FOUND, false },
        { 553, 553, OUTCOME_REJECTED, REASON_NOT_FOUND, false },
        { 554, 554, OUTCOME_REJECTED, REASON_BAD_REQUEST, true }, /* content refused, more often than not */
        { 500, 599, OUTCOME_REJECTED, REASON_BAD_REQUEST, false },
};

static Outcome outcome_from_mail(const MailReply *reply) {
        if (reply->failure != HTTP_FAILURE_NONE)
                return outcome_make(OUTCOME_RETRY, reason_from_http_failure(reply->failure), 0,
                                    reply->detail);
        if (reply->login_denied)
                return outcome_make(OUTCOME_RETRY, REASON_UNAUTHORIZED, reply->code, reply->detail);
        for (size_t i = 0; i < ARRAY_SIZE(mail_rules); i++) {
                if (reply->code < mail_rules[i].first || reply->code > mail_rules[i].last)
                        continue;
                Outcome o = outcome_make(mail_rules[i].kind, mail_rules[i].reason, reply->code,
                                         reply->detail);
                o.reshape = mail_rules[i].reshape;
                o.partial = o.kind == OUTCOME_OK && reply->n_refused > 0;
                return o;
        }
        return outcome_make(OUTCOME_RETRY, REASON_BAD_REPLY, reply->code, reply->detail);
}

static void on_mail(const MailReply *reply, void *userdata) {
        ReceiverSend *s = userdata;
        Outcome outcome = outcome_from_mail(reply);
        receiver_done_t done = s->done;
        void *done_userdata = s->userdata;

        (void) send_free(s);    /* before the callback: it may free everything */
        done(&outcome, done_userdata);
}

static int bare_addresses(const EmailSettings *s, ReceiverSend *to) {
        const char *why;
        int r;

        for (size_t i = 0; s->to && s->to[i]; i++) {
                _cleanup_(mail_address_done) MailAddress a = {};
                if ((r = mail_address_parse(s->to[i], &a, &why)) < 0 ||
                    (r = strv_extend(&to->to, a.address)) < 0)
                        return r;
        }
        _cleanup_(mail_address_done) MailAddress from = {};
        if ((r = mail_address_parse(s->from, &from, &why)) < 0)
                return r;
        to->from = TAKE_PTR(from.address);
        return 0;
}

/* "smtp://localhost:2525" and the like: there, and only there, without TLS. */
static bool server_is_loopback(const char *server) {
        _cleanup_free_ char *url = NULL;
        const char *rest = startswith(server, "smtp://");

        /* http_url_is_safe() knows what loopback is. */
        return rest && string_printf(&url, "http://%s", rest) >= 0 && http_url_is_safe(url);
}

static int email_send(const ReceiverCommon *common, const ReceiverPorts *ports,
                      const ReceiverAttempt *attempt, receiver_done_t done, void *userdata,
                      ReceiverSend **ret) {
        const EmailSettings *settings = (const EmailSettings *) common;
        _cleanup_(send_freep) ReceiverSend *s = calloc(1, sizeof *s);
        int r;

        if (!s)
                return -ENOMEM;
        s->done = done;
        s->userdata = userdata;
        if ((r = bare_addresses(settings, s)) < 0)
                return r;
        const MailRequest request = {
                .server = settings->server,
                /* A relay on this machine may do without, unless whoever named an authority wants it. */
                .require_tls = startswith(settings->server, "smtp://") &&
                               (settings->ca_file || !server_is_loopback(settings->server)),
                .ca_file = settings->ca_file,
                .user = settings->user,
                .password = settings->password,
                .from = s->from,
                .to = s->to,
                .message = attempt->body,
                .message_size = attempt->body_size,
                .timeout_usec = common->timeout_usec,
        };
        r = mail_submit(ports->glue, &request, on_mail, s, &s->call);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static void email_cancel(ReceiverSend *s) {
        s->call = mail_cancel(s->call);
        (void) send_free(s);
}

const ReceiverKind receiver_kind_email = {
        .name = "email",
        .settings_size = sizeof(EmailSettings),
        .options = email_options,
        .concurrency = 1,
        .check = email_check,
        .render = email_render,
        .send = email_send,
        .cancel = email_cancel,
};
