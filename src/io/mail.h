#pragma once
/* Sends one finished message over SMTP by libcurl: TLS, STARTTLS, authentication. It builds no message
 * (receiver/email does) and does not judge reply codes. */

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "base/time.h"
#include "io/curl_glue.h"
#include "io/http.h"

typedef struct MailRequest {
        const char *server;             /* smtps://host[:port], smtp://host[:port][/ehlo-name] */
        bool require_tls;               /* smtp:// : STARTTLS or nothing; certificates are always verified */
        const char *ca_file;            /* NULL: the system's */
        const char *user;               /* NULL: no authentication */
        const Secret *password;
        const char *from;               /* envelope, bare address */
        char *const *to;                /* envelope, bare addresses, NULL-terminated */
        const void *message;            /* RFC 5322, CRLF line ends; must live until the callback */
        size_t message_size;
        usec_t timeout_usec;
} MailRequest;

typedef struct MailReply {
        HttpFailure failure;            /* NONE also when the server answered with an error code */
        int code;                       /* last SMTP reply code, 250 after acceptance; 0 none */
        bool login_denied;              /* code is 0 when the server offers no mechanism of ours */
        unsigned n_refused;             /* recipients; the others get the mail if code is 250 */
        char detail[HTTP_DETAIL_MAX];   /* also after acceptance, when a recipient was refused; no secret */
} MailReply;

typedef void (*mail_done_t)(const MailReply *reply, void *userdata);

typedef struct MailCall MailCall;

/* The same promises and errors as http_submit(); -EPROTO also for plain smtp:// to more than loopback. Every
 * mail has a connection of its own. */
int mail_submit(CurlGlue *glue, const MailRequest *request, mail_done_t done, void *userdata,
                MailCall **ret);
MailCall *mail_cancel(MailCall *call);          /* takes NULL, returns NULL */
