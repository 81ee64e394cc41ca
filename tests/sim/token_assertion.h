#pragma once
/* Whether a client assertion is what certificate credentials ask for: PS256 by the key of this certificate,
 * for this audience and client, and not out of its time. NULL, or what is wrong. */
#include <stdint.h>

const char *assertion_flaw(const char *jwt, const char *certificate_file, const char *client_id,
                           const char *audience_end, int64_t now);
