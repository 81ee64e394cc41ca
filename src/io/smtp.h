#pragma once
/* The part of an SMTP dialogue that hands a mail over (RFC 5321, from MAIL FROM to the reply to the
 * message), as a function of bytes: no sockets. What comes before it (TLS, login) is libcurl's. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define SMTP_WORDS_MAX 200U

typedef enum SmtpStep {
        SMTP_STEP_FROM,
        SMTP_STEP_RCPT,
        SMTP_STEP_DATA,                 /* the command */
        SMTP_STEP_MESSAGE,
        SMTP_STEP_END,
} SmtpStep;

typedef struct Smtp {
        const char *from;
        char *const *to;                /* NULL-terminated */
        const char *message;
        size_t message_size;

        SmtpStep step;
        size_t to_at;
        size_t n_foreign;               /* bytes the server said so far */
        Buf line;                       /* of the server, not complete yet */
        Buf out;                        /* to be sent, from out_at */
        size_t out_at;

        int code;                       /* of the last reply, all refused: refused_code; 0 none */
        unsigned n_refused;             /* recipients */
        const char *refused;            /* one of them: the first for now, else the first */
        int refused_code;
        bool is_accepted;
        char words[SMTP_WORDS_MAX];     /* the last line of the refusal of him, or of all of it, cleaned */
} Smtp;

/* Borrows everything. -ENOMEM. */
int smtp_init(Smtp *s, const char *from, char *const *to, const char *message, size_t message_size);
void smtp_done(Smtp *s);
/* What the server said. 0, -EBADMSG for what is no SMTP or too much, -ENOMEM. Look at step == SMTP_STEP_END
 * then. */
int smtp_feed(Smtp *s, const char *data, size_t size);
/* Parses the last line of a reply ("250 words"); its code, 0 for any other line. */
int smtp_parse_reply(const char *line, size_t size);
/* A server's line for a person. */
void smtp_clean_words(const char *line, size_t size, char ret[static SMTP_WORDS_MAX]);
/* May it stand in a command between < and >? ASCII only: who needs more needs SMTPUTF8. */
bool smtp_address_is_clean(const char *s);
