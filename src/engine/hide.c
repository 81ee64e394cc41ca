#include "engine/hide.h"

#include <stdio.h>
#include <string.h>

/* A shorter one is no secret but a placeholder, and a word that answers are made of. */
#define SECRET_SIZE_MIN 8U              /* bytes */

Outcome outcome_hide(const Outcome *o, const HttpReply *reply, const Secret *secret) {
        char text[96];

        if (o->kind == OUTCOME_OK || !secret || secret_size(secret) < SECRET_SIZE_MIN)
                return *o;
        const char *value = secret_reveal(secret);
        if (!memmem(buf_string(&reply->body), reply->body.size, value, secret_size(secret)) &&
            !strstr(reply->request_id, value) && !strstr(reply->detail, value) && !strstr(o->detail, value))
                return *o;
        (void) snprintf(text, sizeof text, "HTTP %d: the answer repeats the credential and is not shown",
                        reply->status);
        Outcome clean = outcome_make(o->kind, o->reason, o->status, text);
        clean.retry_after_usec = o->retry_after_usec;
        return clean;
}
