/* Kind "journal": structured entries for journalctl. The bytes are the journal's native protocol
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL), which is what sd_journal_sendv(3) puts on the socket too;
 * but that one knows no other socket than the system's, and so neither journal namespaces nor what one was
 * told to use. A machine without a journal is legal: there the entry counts as sent, or it would wait for
 * ever. */

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-event.h>

#include "base/strings.h"
#include "base/text.h"
#include "receiver/kinds.h"
#include "receiver/message.h"

#define ENTRY_MAX (48U * 1024U) /* a datagram this small needs no memfd: net.core.wmem_default is 208 KiB   \
                                 */
#define FIELD_CHARS_MAX 4000U           /* characters of one field */

typedef struct JournalSettings {
        ReceiverCommon common;
        char *socket;
} JournalSettings;

static const OptionSpec journal_options[] = {
        { .key = "socket",
          .type = OPTION_STRING,
          .offset = offsetof(JournalSettings, socket),
          .fallback = "/run/systemd/journal/socket",
          .help = "of journald; another for a journal namespace" },
        {}
};

static int journal_check(const ReceiverCommon *common, char **ret_message) {
        const JournalSettings *s = (const JournalSettings *) common;
        const size_t max = sizeof(((struct sockaddr_un *) NULL)->sun_path);

        if (!s->socket || s->socket[0] != '/' || strlen(s->socket) >= max)
                return string_printf(ret_message, "socket must be an absolute path of less than %zu bytes",
                                     max) < 0 ? -ENOMEM : -EINVAL;
        return 0;
}

/* --- render ---------------------------------------------------------------------------------------- */

/* A value of several lines goes with its length in front. */
static int put_field(Buf *b, const char *name, const char *value, bool keep_newlines) {
        if (isempty(value))
                return b->error;
        _cleanup_free_ char *clean = text_clean(value, FIELD_CHARS_MAX, keep_newlines);
        if (!clean)
                return -ENOMEM;
        if (!strchr(clean, '\n'))
                return buf_printf(b, "%s=%s\n", name, clean);
        uint64_t size = htole64(strlen(clean));
        (void) buf_printf(b, "%s\n", name);
        (void) buf_append(b, &size, sizeof size);
        (void) buf_puts(b, clean);
        return buf_putc(b, '\n');
}

static int put_number(Buf *b, const char *name, int64_t v) {
        return v < 0 ? b->error : buf_printf(b, "%s=%" PRId64 "\n", name, v);
}

static int journal_render(const ReceiverCommon *common, const Notice *n, bool degraded, Buf *ret) {
        _cleanup_(message_freep) Message *m = NULL;
        const Job *j = n->job;

        (void) common;
        int r = message_new(n, &m);
        if (r < 0)
                return r;
        _cleanup_(buf_done) Buf b = BUF_INIT(ENTRY_MAX);
        const struct {
                const char *name, *value;
                bool always;            /* also in the degraded form */
                bool lines;             /* sentences, which may have several */
        } fields[] = {
                { "MESSAGE", degraded ? m->title : m->brief, true, false },
                { "MESSAGE_ID", m->info->message_id, true, false },
                { "SYSLOG_IDENTIFIER", "ftwatchd", true, false },
                { "FTWATCH_NOTICE_ID", n->id, true, false },
                { "FTWATCH_TYPE", m->info->name, true, false },
                { "FTWATCH_SOURCE", n->source, true, false },
                { "FTWATCH_JOB_ID", j ? j->id : NULL, true, false },
                { "FTWATCH_RECEIVER", n->receiver, true, false },
                { "FTWATCH_STATUS", n->status, true, false },
                { "FTWATCH_PREVIOUS_STATUS", n->previous_status, false, false },
                { "FTWATCH_MODEL", j ? j->model : NULL, false, false },
                { "FTWATCH_FINE_TUNED_MODEL", j ? j->fine_tuned_model : NULL, false, false },
                { "FTWATCH_CHECKPOINT", n->checkpoint ? n->checkpoint->model : NULL, false, false },
                { "FTWATCH_ERROR_CODE", j ? j->error.code : NULL, false, false },
                { "FTWATCH_ERROR_MESSAGE", j ? j->error.message : NULL, false, true },
                { "FTWATCH_REASON", n->reason, false, false },
                { "FTWATCH_DETAIL", n->detail, false, true },
        };

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(fields); i++)
                if (fields[i].always || !degraded)
                        r = put_field(&b, fields[i].name, fields[i].value, fields[i].lines);
        r = r < 0 ? r : put_number(&b, "PRIORITY", m->info->priority);
        if (j && !degraded) {
                r = r < 0 ? r : put_number(&b, "FTWATCH_TRAINED_TOKENS", j->trained_tokens);
                r = r < 0 ? r : put_number(&b, "FTWATCH_DURATION_SEC", job_duration_sec(j));
        }
        return r < 0 ? r : buf_append(ret, b.data, b.size);
}

/* --- send: at once; the answer comes from the loop ------------------------------------------------- */

struct ReceiverSend {
        sd_event_source *source;
        Outcome outcome;
        receiver_done_t done;
        void *userdata;
};

static const struct {
        int error;
        OutcomeKind kind;
        Reason reason;
        bool reshape;
} send_errors[] = {
        { ENOENT, OUTCOME_OK, REASON_NONE, false },             /* no journal here */
        { ECONNREFUSED, OUTCOME_OK, REASON_NONE, false },       /* only its socket is left */
        { EMSGSIZE, OUTCOME_REJECTED, REASON_TOO_LARGE, true },
        { ENOBUFS, OUTCOME_RETRY, REASON_THROTTLED, false },
        { EAGAIN, OUTCOME_RETRY, REASON_THROTTLED, false },     /* journald does not keep up */
        { EACCES, OUTCOME_RETRY, REASON_UNAUTHORIZED, false },
};

static Outcome outcome_from_errno(int error) {
        for (size_t i = 0; i < ARRAY_SIZE(send_errors); i++)
                if (send_errors[i].error == error) {
                        bool ok = send_errors[i].kind == OUTCOME_OK;
                        Outcome o = outcome_make(send_errors[i].kind, send_errors[i].reason, 0,
                                                 ok ? "no journal on this machine" : strerror(error));
                        o.reshape = send_errors[i].reshape;
                        return o;
                }
        return outcome_make(OUTCOME_RETRY, REASON_INTERNAL, 0, strerror(error));
}

static Outcome send_datagram(const char *path, const void *data, size_t size) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int error = 0;

        strncpy(address.sun_path, path, sizeof address.sun_path - 1);   /* its length was checked */
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return outcome_from_errno(errno);
        if (sendto(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
                   sizeof address) < 0)
                error = errno;
        (void) close(fd);
        return error > 0 ? outcome_from_errno(error) : outcome_ok();
}

static int on_sent(sd_event_source *source, void *userdata) {
        ReceiverSend s = *(ReceiverSend *) userdata;

        (void) source;
        free(userdata);
        sd_event_source_disable_unref(s.source);
        s.done(&s.outcome, s.userdata);
        return 0;
}

static int journal_send(const ReceiverCommon *common, const ReceiverPorts *ports,
                        const ReceiverAttempt *attempt, receiver_done_t done, void *userdata,
                        ReceiverSend **ret) {
        const JournalSettings *settings = (const JournalSettings *) common;
        _cleanup_free_ ReceiverSend *s = malloc(sizeof *s);

        if (!s)
                return -ENOMEM;
        *s = (ReceiverSend) { .done = done, .userdata = userdata };
        int r = sd_event_add_defer(ports->event, &s->source, on_sent, s);
        if (r < 0)
                return r;
        s->outcome = send_datagram(settings->socket, attempt->body, attempt->body_size);
        *ret = TAKE_PTR(s);
        return 0;
}

static void journal_cancel(ReceiverSend *s) {
        sd_event_source_disable_unref(s->source);
        free(s);
}

const ReceiverKind receiver_kind_journal = {
        .name = "journal",
        .settings_size = sizeof(JournalSettings),
        .options = journal_options,
        .concurrency = 16,
        .check = journal_check,
        .render = journal_render,
        .send = journal_send,
        .cancel = journal_cancel,
};
