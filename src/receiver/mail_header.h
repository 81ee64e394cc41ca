#pragma once
/* Header fields of a message: addresses, encoded words, folding. Nothing foreign gets through unencoded, so
 * that no value can start a field of its own. RFC 5322, RFC 2047. */

#include <stddef.h>

#include "base/buf.h"
#include "base/macro.h"

#define ADDRESS_MAX 254U                /* RFC 5321 4.5.3.1.3, without the angle brackets */

typedef struct MailAddress {
        char *name;                     /* display name, UTF-8; NULL when there is none */
        char *address;                  /* local@domain, ASCII */
} MailAddress;

/* "a@b", "<a@b>", "Name <a@b>", "\"Name\" <a@b>". -EINVAL with what is wrong in *ret_why (static). */
int mail_address_parse(const char *s, MailAddress *ret, const char **ret_why);
void mail_address_done(MailAddress *a);
/* The part behind the @. */
const char *mail_address_domain(const MailAddress *a);

/* "Name: value\r\n", folded; value is unstructured text: encoded words where it is not plain, short ASCII.
 */
int mail_header_text(Buf *b, const char *name, const char *value);
/* "Name: address, address\r\n", one a line. */
int mail_header_addresses(Buf *b, const char *name, const MailAddress *list, size_t n);
/* "Name: value\r\n" for our own ASCII, unchanged. */
int mail_header_raw(Buf *b, const char *name, const char *value);

/* Quoted-printable of a text with \n line ends: lines of at most 76, ends of CRLF (RFC 2045 6.7). */
int mail_quoted_printable(Buf *b, const char *text);
