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
        const char *server;             /* smtps://host[:port], smtp://host[:port] */
        bool require_tls;               /* STARTTLS or nothing, for smtp:// ; certificates are always verified */
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
        bool login_denied;
        char detail[HTTP_DETAIL_MAX];
} MailReply;

typedef void (*mail_done_t)(const MailReply *reply, void *userdata);

typedef struct MailCall MailCall;

/* The same promises as http_submit(). */
int mail_submit(CurlGlue *glue, const MailRequest *request, mail_done_t done, void *userdata, MailCall **ret);
MailCall *mail_cancel(MailCall *call);          /* takes NULL, returns NULL */
