/* What a token server answers: any bytes, as a reply with a token and as one without. */
#include <stdint.h>
#include <stdlib.h>

#include "api/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const AuthSettings a = { .kind = AUTH_CLIENT_SECRET };
        HttpReply reply = { .status = size % 2 ? 400 : 503, .body = BUF_INIT(1024U * 1024) };
        _cleanup_(secret_freep) Secret *token = NULL;
        _cleanup_free_ char *path = NULL;
        const char *reason = NULL;
        usec_t lifetime_usec = 0;

        if (buf_append(&reply.body, data, size) < 0)
                return 0;
        int r = token_reply_read(buf_string(&reply.body), size, 1700000000, &token, &lifetime_usec, &reason);
        if ((r < 0) != !token || (r < 0 && !reason) || (r >= 0 && lifetime_usec == 0))
                abort();
        if (token_reply_outcome(&a, &reply).kind == OUTCOME_OK)
                abort();
        (void) token_challenge_path(buf_string(&reply.body), "/d", &path);
        buf_done(&reply.body);
        return 0;
}
