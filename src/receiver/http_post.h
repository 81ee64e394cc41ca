#pragma once
/* The sending half of the kinds that POST one body to one address: one ReceiverSend around one HttpCall. */

#include "receiver/receiver.h"
#include "receiver/reply_outcome.h"

#define HTTP_POST_REPLY_LIMIT (64U * 1024U)     /* bytes of a reply: "ok", or an error text */

typedef struct HttpPost {
        const Secret *url;
        const HttpHeader *headers;      /* besides the content type */
        size_t n_headers;
        const char *content_type;
        const HttpWay *way;             /* NULL: as the environment has it */
        /* Judges the reply before the table does; NULL: the table alone. Returns whether it did. */
        bool (*judge)(const HttpReply *reply, Outcome *ret);
        const ReplyRule *rules;
} HttpPost;

/* The contract of ReceiverKind.send. `post` need not outlive the call; what its url and rules point to must.
 */
int http_post_send(const ReceiverCommon *settings, const ReceiverPorts *ports,
                   const ReceiverAttempt *attempt, const HttpPost *post, receiver_done_t done,
                   void *userdata, ReceiverSend **ret);
void http_post_cancel(ReceiverSend *send);
