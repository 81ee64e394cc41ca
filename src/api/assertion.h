#pragma once
/* The client assertion of certificate credentials: a JWT that is signed with the key of an application's
 * certificate (RFC 7523; "Microsoft identity platform application authentication certificate
 * credentials"). By libcrypto; no clock and no network. */

#include <stdint.h>

#include "base/secret.h"

/* Whether the PEM text holds a certificate and the private key that belongs to it, of a kind that Entra
 * takes. 0, or -EINVAL with a sentence without its subject, malloc'ed; -ENOMEM. */
int assertion_check_certificate(const Secret *pem, char **ret_message);
/* audience: the URL that it is sent to. now: Unix seconds. -EINVAL for what the check refuses, -EIO when
 * libcrypto fails. */
int assertion_make(const Secret *pem, const char *client_id, const char *audience, int64_t now,
                   Secret **ret);
