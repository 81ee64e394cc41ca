/* libcurl connects, negotiates TLS and logs in (CURLOPT_CONNECT_ONLY); handing the mail over is our own
 * dialogue on its connection (smtp.c). libcurl could do that too, but 7.88 then blocks, on a multi handle as
 * well: until the server has answered to the message, which some take a minute for, and until it has
 * answered to QUIT. And it tells the last reply code only, not which recipient was refused in what words.
 *
 * A handle of CONNECT_ONLY that leaves its multi handle takes its connection along without another word.
 * What the server says to a login is heard by CURLOPT_DEBUGFUNCTION. */
#include "io/mail.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/strings.h"
#include "io/curl_setup.h"
#include "io/smtp.h"

#define READ_SIZE 4096U
#define STEPS_MAX 64U                   /* reads or writes before the rest of the loop has its turn */
#define MESSAGE_SIZE_MAX (32U << 20)

struct MailCall {
        CurlGlue *glue;
        CurlCall *call;
        CURL *easy;                             /* connected, else NULL */
        mail_done_t done;
        void *userdata;
        usec_t deadline_usec;                   /* CLOCK_MONOTONIC */
        sd_event_source *io, *timer;
        int fd;                                 /* a copy for the loop: libcurl may close its own first */
        char *from;
        char **to;
        Smtp smtp;
        bool is_logging_in;
        char *password, *credentials;           /* as sent: never to be quoted */
        int login_code;                         /* last reply before the dialogue is ours */
        char login_words[SMTP_WORDS_MAX];
        char error[CURL_ERROR_SIZE];
        bool running;                           /* its callback is */
};

static MailCall *call_free(MailCall *c) {
        if (!c)
                return NULL;
        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->timer);
        curl_call_cancel(c->call);
        if (c->fd >= 0)
                close(c->fd);
        smtp_done(&c->smtp);
        free(c->from);
        strv_free(c->to);
        string_erase_free(c->password);
        string_erase_free(c->credentials);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(MailCall, call_free)

MailCall *mail_cancel(MailCall *c) {
        return c && c->running ? NULL : call_free(c);
}

/* --- until libcurl has logged in --------------------------------------------------------------------- */

static void call_heed_command(MailCall *c, const char *line, size_t size) {
        if (size >= 5 && memcmp(line, "AUTH ", 5) == 0)
                c->is_logging_in = true;
        else if (c->is_logging_in) {            /* base64 of the user, of the password or of both */
                string_erase_free(c->credentials);
                c->credentials = strndup(line, size);
                if (c->credentials)
                        c->credentials[strcspn(c->credentials, "\r\n")] = '\0';
        }
}

/* A server may repeat what it did not understand. */
static bool call_has_secret(const MailCall *c, const char *words) {
        if (!c->is_logging_in)
                return false;
        if (!isempty(c->credentials) && strcasestr(words, c->credentials))
                return true;
        return !isempty(c->password) && strcasestr(words, c->password);
}

static void call_heed_reply(MailCall *c, const char *line, size_t size) {
        while (size > 0 && (line[size - 1] == '\r' || line[size - 1] == '\n'))
                size--;
        int code = smtp_parse_reply(line, size);
        if (code == 0)
                return;
        c->login_code = code;
        smtp_clean_words(line, size, c->login_words);
        if (call_has_secret(c, c->login_words))
                (void) snprintf(c->login_words, sizeof c->login_words, "%d", code);
}

static int on_dialogue(_unused_ CURL *easy, curl_infotype type, char *data, size_t size, void *userdata) {
        if (type == CURLINFO_HEADER_OUT)
                call_heed_command(userdata, data, size);
        else if (type == CURLINFO_HEADER_IN)
                call_heed_reply(userdata, data, size);
        return 0;
}

/* --- the end ----------------------------------------------------------------------------------------- */

static void call_finish(MailCall *c, const MailReply *reply) {
        /* Good manners, for what the socket takes without waiting. */
        static const char quit[] = "QUIT\r\n";
        size_t n;

        if (c->easy && reply->failure == HTTP_FAILURE_NONE)
                (void) curl_easy_send(c->easy, quit, strlen(quit), &n);
        c->io = sd_event_source_disable_unref(c->io);
        c->timer = sd_event_source_disable_unref(c->timer);
        c->call = curl_call_cancel(c->call);
        c->easy = NULL;
        c->running = true;
        c->done(reply, c->userdata);
        call_free(c);
}

static void call_fail(MailCall *c, CURLcode code) {
        MailReply reply = { .failure = curl_failure(code), .n_refused = c->smtp.n_refused };

        curl_failure_describe(code, c->error, NULL, reply.detail, sizeof reply.detail);
        call_finish(c, &reply);
}

/* libcurl did not get so far that the mail could be handed over. */
static void call_fail_to_connect(MailCall *c, CURLcode code) {
        MailReply reply = { 0 };
        HttpFailure failure = curl_failure(code);

        if (code == CURLE_LOGIN_DENIED) {
                reply.login_denied = true;
                reply.code = c->login_code >= 400 ? c->login_code : 0;
                const char *words = reply.code > 0 ? c->login_words : "PLAIN and LOGIN are not offered";
                (void) snprintf(reply.detail, sizeof reply.detail, "login refused: %s", words);
                call_finish(c, &reply);
                return;
        }
        if (c->login_code >= 400 && code != CURLE_OUT_OF_MEMORY &&
            (failure == HTTP_FAILURE_RESET || failure == HTTP_FAILURE_INTERNAL)) {
                reply.code = c->login_code;
                (void) snprintf(reply.detail, sizeof reply.detail, "%s", c->login_words);
                call_finish(c, &reply);
                return;
        }
        call_fail(c, code);
}

/* The server has had its last word on the mail. */
static void call_report(MailCall *c) {
        const Smtp *s = &c->smtp;
        MailReply reply = { .code = s->code, .n_refused = s->n_refused };

        if (s->is_accepted && s->n_refused > 0)
                (void) snprintf(reply.detail, sizeof reply.detail, "%u of %zu recipients refused, %s: %s",
                                s->n_refused, strv_length(c->to), s->refused, s->words);
        else if (!s->is_accepted)
                (void) snprintf(reply.detail, sizeof reply.detail, "%s", s->words);
        call_finish(c, &reply);
}

/* --- our part of the dialogue ------------------------------------------------------------------------ */

/* One write; CURLE_AGAIN when there is nothing to write or no room. */
static CURLcode call_send(MailCall *c) {
        Smtp *s = &c->smtp;
        size_t n = 0;

        if (s->out_at >= s->out.size)
                return CURLE_AGAIN;
        CURLcode code = curl_easy_send(c->easy, s->out.data + s->out_at, s->out.size - s->out_at, &n);
        if (code == CURLE_OK)
                s->out_at += n;
        return code;
}

static CURLcode call_receive(MailCall *c) {
        char data[READ_SIZE];
        size_t n = 0;

        CURLcode code = curl_easy_recv(c->easy, data, sizeof data, &n);
        if (code != CURLE_OK)
                return code;
        if (n == 0)
                return CURLE_GOT_NOTHING;
        int r = smtp_feed(&c->smtp, data, n);
        if (r < 0)
                return r == -ENOMEM ? CURLE_OUT_OF_MEMORY : CURLE_WEIRD_SERVER_REPLY;
        return CURLE_OK;
}

/* As far as it goes without waiting. */
static void call_drive(MailCall *c) {
        CURLcode sent, received;
        unsigned steps = 0;

        do {
                sent = call_send(c);
                received = call_receive(c);
                if (c->smtp.step == SMTP_STEP_END) {
                        call_report(c);
                        return;
                }
                if (received != CURLE_OK && received != CURLE_AGAIN) {
                        call_fail(c, received);
                        return;
                }
                if (sent != CURLE_OK && sent != CURLE_AGAIN) {
                        call_fail(c, sent);
                        return;
                }
        } while ((sent == CURLE_OK || received == CURLE_OK) && ++steps < STEPS_MAX);

        /* What TLS has decrypted already no descriptor announces: while there may be more, writing wakes us.
         */
        bool more = c->smtp.out_at < c->smtp.out.size || received == CURLE_OK;
        if (sd_event_source_set_io_events(c->io, more ? EPOLLIN | EPOLLOUT : EPOLLIN) < 0)
                call_fail(c, CURLE_OUT_OF_MEMORY);
}

static int on_ready(_unused_ sd_event_source *s, _unused_ int fd, _unused_ uint32_t revents,
                    void *userdata) {
        call_drive(userdata);
        return 0;
}

static int on_deadline(_unused_ sd_event_source *s, _unused_ uint64_t usec, void *userdata) {
        MailCall *c = userdata;

        c->error[0] = '\0';
        call_fail(c, CURLE_OPERATION_TIMEDOUT);
        return 0;
}

static int call_begin_dialogue(MailCall *c) {
        sd_event *event = curl_glue_get_event(c->glue);
        curl_socket_t fd;

        if (curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
                return -ENOTCONN;
        c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (c->fd < 0)
                return -errno;
        int r = sd_event_add_io(event, &c->io, c->fd, EPOLLIN, on_ready, c);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(c->io, "mail-io");
        r = sd_event_add_time(event, &c->timer, CLOCK_MONOTONIC, c->deadline_usec, 1, on_deadline, c);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(c->timer, "mail-deadline");
        return 0;
}

static void on_done(CURL *easy, CURLcode code, void *userdata) {
        MailCall *c = userdata;
        bool is_ours = c->easy != NULL;

        if (code != CURLE_OK) {                 /* the glue frees its call */
                c->call = NULL;
                c->easy = NULL;
                if (is_ours)
                        call_fail(c, code);
                else
                        call_fail_to_connect(c, code);
                return;
        }
        c->easy = easy;
        int r = call_begin_dialogue(c);
        if (r < 0) {
                call_fail(c, r == -ENOTCONN ? CURLE_SEND_ERROR : CURLE_OUT_OF_MEMORY);
                return;
        }
        call_drive(c);
}

/* --- the request ------------------------------------------------------------------------------------- */

static int call_set_server(MailCall *c, CURL *easy, const MailRequest *request) {
        _cleanup_free_ char *scheme = NULL, *host = NULL;

        int r = curl_setup_parse_url(request->server, NULL, &scheme, &host);
        if (r < 0)
                return r == -ENOMEM ? r : -EPROTO;
        bool starttls = streq(scheme, "smtp") && request->require_tls;
        if (!streq(scheme, "smtps") && !starttls && !(streq(scheme, "smtp") && host_is_loopback(host)))
                return -EPROTO;
        r = curl_setup_apply(easy, &(CurlSetup) {
                                .protocols = scheme,
                                .timeout_usec = request->timeout_usec,
                                .ca_file = request->ca_file,
                                .proxy = "",    /* those of the environment are for HTTP */
                                .error = c->error,
                        });
        if (r < 0)
                return r;
        if (curl_easy_setopt(easy, CURLOPT_URL, request->server) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_USE_SSL, (long) (starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE)) ||
            curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_dialogue) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_DEBUGDATA, c) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L) != CURLE_OK)
                return -ENOMEM;
        return 0;
}

static int call_set_login(MailCall *c, CURL *easy, const MailRequest *request) {
        if (!request->user)
                return 0;
        c->password = strdup(request->password ? secret_reveal(request->password) : "");
        if (!c->password || curl_easy_setopt(easy, CURLOPT_USERNAME, request->user) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_PASSWORD, c->password) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN") != CURLE_OK)
                return -ENOMEM;
        return 0;
}

static int call_set_envelope(MailCall *c, const MailRequest *request) {
        c->from = strdup(request->from);
        if (!c->from)
                return -ENOMEM;
        for (char *const *to = request->to; *to; to++) {
                int r = strv_extend(&c->to, *to);
                if (r < 0)
                        return r;
        }
        return smtp_init(&c->smtp, c->from, c->to, request->message, request->message_size);
}

static bool request_is_valid(const MailRequest *request) {
        if (!request->message || request->message_size == 0 || request->message_size > MESSAGE_SIZE_MAX)
                return false;
        if (!request->to || !request->to[0] || !smtp_address_is_clean(request->from))
                return false;
        for (char *const *to = request->to; *to; to++)
                if (!smtp_address_is_clean(*to))
                        return false;
        return request->timeout_usec > 0;
}

int mail_submit(CurlGlue *glue, const MailRequest *request, mail_done_t done, void *userdata,
                MailCall **ret) {
        if (!request_is_valid(request))
                return -EINVAL;
        _cleanup_(call_freep) MailCall *c = calloc(1, sizeof *c);
        _cleanup_(curl_easy_freep) CURL *easy = curl_easy_init();
        if (!c)
                return -ENOMEM;
        c->fd = -1;
        if (!easy)
                return -ENOMEM;
        c->glue = glue;
        c->done = done;
        c->userdata = userdata;
        c->deadline_usec = usec_add(clock_usec(CLOCK_MONOTONIC), request->timeout_usec);
        int r = call_set_server(c, easy, request);
        if (r >= 0)
                r = call_set_login(c, easy, request);
        if (r >= 0)
                r = call_set_envelope(c, request);
        if (r >= 0)
                r = curl_glue_submit_held(glue, easy, on_done, c, &c->call);
        if (r < 0)
                return r;
        TAKE_PTR(easy);
        if (ret)
                *ret = c;
        TAKE_PTR(c);
        return 0;
}
