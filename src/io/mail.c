/* libcurl tells the last reply code only. Which recipient was refused, and in what words, is heard by
 * listening to the dialogue: CURLOPT_DEBUGFUNCTION is given every command and every reply line in their
 * order.
 *
 * When libcurl hangs up it sends QUIT and blocks until the server has answered, up to two minutes (7.88: it
 * does so even on a multi handle). So the descriptor is shut for reading when there is nothing left worth
 * hearing: QUIT still goes out, and the wait for its answer ends at once. */
#include "io/mail.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/text.h"
#include "io/curl_setup.h"

#define WORDS_MAX 200U                  /* of a server's reply, what is kept for `detail` */
#define SOCKETS_MAX 4U                  /* libcurl tries IPv6 and IPv4 side by side */

/* The same option: 8.2 corrected the name. */
#define OPTION_RCPT_ALLOW_FAILS CURLOPT_MAIL_RCPT_ALLLOWFAILS

typedef enum MailStep {
        MAIL_STEP_HELLO,                /* greeting, EHLO, STARTTLS */
        MAIL_STEP_AUTH,
        MAIL_STEP_FROM,
        MAIL_STEP_RCPT,
        MAIL_STEP_DATA,                 /* the command */
        MAIL_STEP_BODY,                 /* after the reply 354 */
        MAIL_STEP_QUIT,
} MailStep;

/* With what ends the command's name, so that no line of credentials is taken for one. */
static const struct {
        const char *command;
        MailStep step;
} step_table[] = {
        { "EHLO ", MAIL_STEP_HELLO },
        { "HELO ", MAIL_STEP_HELLO },
        { "AUTH ", MAIL_STEP_AUTH },
        { "MAIL FROM:", MAIL_STEP_FROM },
        { "RCPT TO:", MAIL_STEP_RCPT },
        { "DATA\r", MAIL_STEP_DATA },
        { "QUIT\r", MAIL_STEP_QUIT },
};

struct MailCall {
        CurlCall *call;
        mail_done_t done;
        void *userdata;
        struct curl_slist *to;
        unsigned n_to;
        const char *message;
        size_t message_size, message_at;
        MailStep step;
        bool is_accepted;
        char *password, *credentials;           /* as sent: never to be quoted */
        curl_socket_t fds[SOCKETS_MAX];
        char words[WORDS_MAX];                  /* the last line of the last reply that was an error */
        MailReply reply;
        char error[CURL_ERROR_SIZE];
        bool running;                           /* its callback is */
};

static MailCall *call_free(MailCall *c) {
        if (!c)
                return NULL;
        curl_call_cancel(c->call);              /* closes the sockets, by on_close() */
        curl_slist_free_all(c->to);
        string_erase_free(c->password);
        string_erase_free(c->credentials);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(MailCall, call_free)

MailCall *mail_cancel(MailCall *c) {
        return c && c->running ? NULL : call_free(c);
}

static size_t on_read(char *buffer, size_t size, size_t n, void *userdata) {
        MailCall *c = userdata;
        size_t chunk = MIN(size * n, c->message_size - c->message_at);

        memcpy(buffer, c->message + c->message_at, chunk);
        c->message_at += chunk;
        return chunk;
}

static void call_replace_socket(MailCall *c, curl_socket_t from, curl_socket_t to) {
        for (size_t i = 0; i < SOCKETS_MAX; i++)
                if (c->fds[i] == from) {
                        c->fds[i] = to;
                        return;
                }
}

static int on_socket(void *userdata, curl_socket_t fd, _unused_ curlsocktype purpose) {
        call_replace_socket(userdata, CURL_SOCKET_BAD, fd);
        return CURL_SOCKOPT_OK;
}

static int on_close(void *userdata, curl_socket_t fd) {
        call_replace_socket(userdata, fd, CURL_SOCKET_BAD);
        return close(fd);
}

static void call_stop_reading(MailCall *c) {
        for (size_t i = 0; i < SOCKETS_MAX; i++)
                if (c->fds[i] != CURL_SOCKET_BAD)
                        (void) shutdown(c->fds[i], SHUT_RD);
}

static void call_heed_command(MailCall *c, const char *line, size_t size) {
        for (size_t i = 0; i < ARRAY_SIZE(step_table); i++) {
                size_t n = strlen(step_table[i].command);
                if (size >= n && memcmp(line, step_table[i].command, n) == 0) {
                        c->step = step_table[i].step;
                        if (c->step == MAIL_STEP_QUIT)
                                call_stop_reading(c);
                        return;
                }
        }
        if (c->step == MAIL_STEP_AUTH) {
                string_erase_free(c->credentials);
                c->credentials = strndup(line, strcspn(line, "\r\n"));
        }
}

/* A server may repeat what it did not understand. */
static bool words_have_secret(const MailCall *c, const char *words) {
        if (c->step != MAIL_STEP_AUTH)
                return false;
        if (!isempty(c->credentials) && strcasestr(words, c->credentials))
                return true;
        return !isempty(c->password) && strcasestr(words, c->password);
}

static void call_keep_words(MailCall *c, const char *line, size_t size) {
        _cleanup_(string_erase_freep) char *raw = strndup(line, size);
        _cleanup_(string_erase_freep) char *clean = raw ? text_clean(raw, WORDS_MAX, false) : NULL;

        if (!clean || words_have_secret(c, raw) || words_have_secret(c, clean))
                (void) snprintf(c->words, sizeof c->words, "%d", c->reply.code);
        else {
                text_shorten_bytes(clean, WORDS_MAX - 1);
                (void) snprintf(c->words, sizeof c->words, "%s", clean);
        }
}

static void call_heed_reply(MailCall *c, const char *line, size_t size) {
        while (size > 0 && (line[size - 1] == '\r' || line[size - 1] == '\n'))
                size--;
        if (size < 3 || !isdigit((unsigned char) line[0]) || !isdigit((unsigned char) line[1]) ||
            !isdigit((unsigned char) line[2]) || (size > 3 && line[3] != ' '))
                return;                         /* not the last line of a reply */
        int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
        c->reply.code = code;
        if (code >= 400) {
                call_keep_words(c, line, size);
                if (c->step == MAIL_STEP_RCPT)
                        c->reply.n_refused++;
        }
        if (c->step == MAIL_STEP_DATA && code == 354)
                c->step = MAIL_STEP_BODY;
        else if (c->step == MAIL_STEP_BODY) {
                c->is_accepted = code / 100 == 2;
                call_stop_reading(c);
        }
}

static int on_dialogue(_unused_ CURL *easy, curl_infotype type, char *data, size_t size, void *userdata) {
        if (type == CURLINFO_HEADER_OUT)
                call_heed_command(userdata, data, size);
        else if (type == CURLINFO_HEADER_IN)
                call_heed_reply(userdata, data, size);
        return 0;
}

static void call_set_reply(MailCall *c, CURLcode code) {
        MailReply *reply = &c->reply;
        char *detail = reply->detail;
        HttpFailure failure = curl_failure(code);
        bool is_answer = failure == HTTP_FAILURE_NONE || failure == HTTP_FAILURE_RESET ||
                         failure == HTTP_FAILURE_INTERNAL;

        if (c->is_accepted) {
                if (reply->n_refused > 0)
                        (void) snprintf(detail, HTTP_DETAIL_MAX, "%u of %u recipients refused: %s",
                                        reply->n_refused, c->n_to, c->words);
        } else if (code == CURLE_LOGIN_DENIED) {
                reply->login_denied = true;
                if (reply->code < 400)
                        reply->code = 0;
                (void) snprintf(detail, HTTP_DETAIL_MAX, "login refused: %s",
                                reply->code > 0 ? c->words : "the server offers neither PLAIN nor LOGIN");
        } else if (is_answer && code != CURLE_OUT_OF_MEMORY && reply->code >= 400) {
                (void) snprintf(detail, HTTP_DETAIL_MAX, "%s", c->words);
        } else {
                if (code == CURLE_OK)
                        code = CURLE_WEIRD_SERVER_REPLY;
                reply->code = 0;
                reply->failure = curl_failure(code);
                curl_failure_describe(code, c->error, NULL, detail, HTTP_DETAIL_MAX);
        }
}

static void on_done(_unused_ CURL *easy, CURLcode code, void *userdata) {
        MailCall *c = userdata;

        c->call = NULL;
        call_set_reply(c, code);
        c->running = true;
        c->done(&c->reply, c->userdata);
        call_free(c);
}

/* Goes into a command line as it is. */
static bool address_is_clean(const char *s) {
        if (isempty(s))
                return false;
        for (; *s; s++)
                if ((unsigned char) *s <= ' ' || *s == 0x7f || *s == '<' || *s == '>')
                        return false;
        return true;
}

static int call_set_recipients(MailCall *c, CURL *easy, const MailRequest *request) {
        for (char *const *to = request->to; to && *to; to++) {
                struct curl_slist *list = address_is_clean(*to) ? curl_slist_append(c->to, *to) : NULL;
                if (!list)
                        return address_is_clean(*to) ? -ENOMEM : -EINVAL;
                c->to = list;
                c->n_to++;
        }
        if (c->n_to == 0 || !address_is_clean(request->from))
                return -EINVAL;
        if (curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, c->to) != CURLE_OK ||
            curl_easy_setopt(easy, OPTION_RCPT_ALLOW_FAILS, 1L) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_MAIL_FROM, request->from) != CURLE_OK)
                return -ENOMEM;
        return 0;
}

static int call_set_server(MailCall *c, CURL *easy, const MailRequest *request) {
        _cleanup_free_ char *scheme = NULL, *host = NULL;

        int r = curl_setup_parse_url(request->server, &scheme, &host);
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
            curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) != CURLE_OK)
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

static int call_set_message(MailCall *c, CURL *easy, const MailRequest *request) {
        c->message = request->message;
        c->message_size = request->message_size;
        for (size_t i = 0; i < SOCKETS_MAX; i++)
                c->fds[i] = CURL_SOCKET_BAD;
        if (curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t) c->message_size) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_READDATA, c) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, c) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, c) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_dialogue) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_DEBUGDATA, c) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L) != CURLE_OK)
                return -ENOMEM;
        return 0;
}

int mail_submit(CurlGlue *glue, const MailRequest *request, mail_done_t done, void *userdata,
                MailCall **ret) {
        if (!request->message || request->message_size == 0 || request->timeout_usec == 0)
                return -EINVAL;
        _cleanup_(call_freep) MailCall *c = calloc(1, sizeof *c);
        _cleanup_(curl_easy_freep) CURL *easy = curl_easy_init();
        if (!c || !easy)
                return -ENOMEM;
        c->done = done;
        c->userdata = userdata;
        int r = call_set_server(c, easy, request);
        if (r >= 0)
                r = call_set_login(c, easy, request);
        if (r >= 0)
                r = call_set_recipients(c, easy, request);
        if (r >= 0)
                r = call_set_message(c, easy, request);
        if (r >= 0)
                r = curl_glue_submit(glue, easy, on_done, c, &c->call);
        if (r < 0)
                return r;
        TAKE_PTR(easy);
        if (ret)
                *ret = c;
        TAKE_PTR(c);
        return 0;
}
