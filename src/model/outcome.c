#include "model/outcome.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/macro.h"
#include "base/strings.h"
#include "base/text.h"

static const char *const reasons[] = {
        [REASON_NONE] = "none",
        [REASON_DNS] = "dns",
        [REASON_CONNECT] = "connect",
        [REASON_TLS] = "tls",
        [REASON_PROXY] = "proxy",
        [REASON_TIMEOUT] = "timeout",
        [REASON_RESET] = "reset",
        [REASON_SERVER_ERROR] = "server_error",
        [REASON_THROTTLED] = "throttled",
        [REASON_BAD_REPLY] = "bad_reply",
        [REASON_TOO_LARGE] = "too_large",
        [REASON_REDIRECT] = "redirect",
        [REASON_UNAUTHORIZED] = "unauthorized",
        [REASON_MISCONFIGURED] = "misconfigured",
        [REASON_NOT_FOUND] = "not_found",
        [REASON_BAD_REQUEST] = "bad_request",
        [REASON_GONE] = "gone",
        [REASON_EXPIRED] = "expired",
        [REASON_INTERNAL] = "internal",
};
_Static_assert(ARRAY_SIZE(reasons) == _REASON_MAX, "a reason has no name");

const char *reason_to_string(Reason reason) {
        return (size_t) reason < ARRAY_SIZE(reasons) ? reasons[reason] : reasons[REASON_INTERNAL];
}

bool reason_is_silence(Reason reason) {
        return reason == REASON_DNS || reason == REASON_CONNECT || reason == REASON_TLS ||
               reason == REASON_PROXY || reason == REASON_TIMEOUT;
}

Reason reason_from_string(const char *s) {
        for (size_t i = 0; s && i < ARRAY_SIZE(reasons); i++)
                if (streq(reasons[i], s))
                        return (Reason) i;
        return REASON_NONE;
}

Outcome outcome_ok(void) {
        return (Outcome) { .kind = OUTCOME_OK, .reason = REASON_NONE };
}

Outcome outcome_make(OutcomeKind kind, Reason reason, int status, const char *detail) {
        Outcome o = { .kind = kind, .reason = reason, .status = status };

        /* Without memory for the copy the detail is missing and the outcome is still true. */
        _cleanup_free_ char *clean = isempty(detail) ? NULL : text_clean(detail, OUTCOME_DETAIL_MAX, false);
        if (clean) {
                text_shorten_bytes(clean, sizeof o.detail - 1);
                (void) snprintf(o.detail, sizeof o.detail, "%s", clean);
        }
        return o;
}
