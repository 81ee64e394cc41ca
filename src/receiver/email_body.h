#pragma once
/* The two bodies of a mail: plain text and HTML, with \n line ends and not yet encoded. Used by email.c
 * only. */

#include "base/buf.h"
#include "receiver/message.h"

int email_text_body(const Message *m, Buf *b);
int email_html_body(const Message *m, Buf *b);
