/* The SMTP dialogue: what a server may say, in pieces. A NUL in the input is where the client's bytes have
 * gone out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "io/smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static char first[] = "a@example.org", second[] = "b@example.org";
        static char *const to[] = { first, second, NULL };
        static const char message[] = "Subject: x\r\n\r\n.\r\n..\r\nend";
        const char *p = (const char *) data, *end = p + size;
        Smtp s;

        int r = smtp_init(&s, "c@example.org", to, message, strlen(message));
        while (r >= 0 && p < end) {
                const char *stop = memchr(p, '\0', (size_t) (end - p));
                size_t n = (size_t) ((stop ? stop : end) - p);
                s.out_at = s.out.size;
                r = smtp_feed(&s, p, n);
                p += n + (stop ? 1 : 0);
        }
        if (s.is_accepted && (s.step != SMTP_STEP_END || s.code / 100 != 2 || s.n_refused == 2))
                abort();
        if (!utf8_is_valid(s.words, strlen(s.words)))
                abort();
        smtp_done(&s);
        return 0;
}
