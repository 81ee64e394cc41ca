#include "io/http.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#include "base/strings.h"
#include "io/curl_setup.h"

#define RETRY_AFTER_MAX_SEC (10.0 * 365 * 24 * 3600)    /* against overflow: callers have their own */

static const char *const failure_names[] = {
        [HTTP_FAILURE_NONE] = "none",
        [HTTP_FAILURE_DNS] = "dns",
        [HTTP_FAILURE_CONNECT] = "connect",
        [HTTP_FAILURE_TLS] = "tls",
        [HTTP_FAILURE_PROXY] = "proxy",
        [HTTP_FAILURE_TIMEOUT] = "timeout",
        [HTTP_FAILURE_RESET] = "reset",
        [HTTP_FAILURE_TOO_LARGE] = "too-large",
        [HTTP_FAILURE_INTERNAL] = "internal",
};
_Static_assert(ARRAY_SIZE(failure_names) == HTTP_FAILURE_INTERNAL + 1, "a name for every failure");

const char *http_failure_to_string(HttpFailure f) {
        return (size_t) f < ARRAY_SIZE(failure_names) ? failure_names[f] : NULL;
}

bool http_url_is_safe(const char *url) {
        _cleanup_free_ char *scheme = NULL, *host = NULL;

        if (curl_setup_parse_url(url, NULL, &scheme, &host) < 0)
                return false;
        return streq(scheme, "https") || (streq(scheme, "http") && host_is_loopback(host));
}

int http_escape(const char *s, char **ret) {
        static const char hex[] = "0123456789ABCDEF";
        static const char unreserved[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
        char *out = reallocarray(NULL, strlen(s) + 1, 3);

        if (!out)
                return -ENOMEM;
        char *p = out;
        for (; *s; s++)
                if (strchr(unreserved, *s)) {
                        *p++ = *s;
                } else {
                        *p++ = '%';
                        *p++ = hex[(unsigned char) *s >> 4];
                        *p++ = hex[(unsigned char) *s & 15];
                }
        *p = '\0';
        *ret = out;
        return 0;
}

/* A span from a decimal number; 0 for what is none. */
static usec_t parse_delay(const char *s, double unit_usec) {
        double v;

        if (s[strspn(s, "0123456789.+-")] != '\0' || parse_double(s, &v) < 0 || !isfinite(v) || v <= 0)
                return 0;
        return (usec_t) ceil(MIN(v * unit_usec, RETRY_AFTER_MAX_SEC * (double) USEC_PER_SEC));
}

static int two_digits(const char *s) {
        return isdigit((unsigned char) s[0]) && isdigit((unsigned char) s[1])
                       ? (s[0] - '0') * 10 + s[1] - '0' : -1;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", the form that is sent (RFC 9110, 5.6.7). -1: another one. */
static int64_t parse_date_fixed(const char *s) {
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        struct tm tm = {};

        if (strlen(s) != 29 || memcmp(s + 3, ", ", 2) != 0 || !streq(s + 25, " GMT"))
                return -1;
        while (tm.tm_mon < 12 && memcmp(months + 3 * (size_t) tm.tm_mon, s + 8, 3) != 0)
                tm.tm_mon++;
        int century = two_digits(s + 12), year = two_digits(s + 14);
        tm.tm_mday = two_digits(s + 5);
        tm.tm_hour = two_digits(s + 17);
        tm.tm_min = two_digits(s + 20);
        tm.tm_sec = two_digits(s + 23);
        if (tm.tm_mon == 12 || century < 19 || year < 0 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
            tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
            tm.tm_sec > 60)
                return -1;
        tm.tm_year = century * 100 + year - 1900;
        return (int64_t) timegm(&tm);
}

/* Every reply has one, and libcurl's way through all forms of old costs twenty times as much. */
int64_t http_parse_date(const char *s) {
        int64_t at = parse_date_fixed(s);

        return at >= 0 ? at : MAX((int64_t) curl_getdate(s, NULL), (int64_t) 0);
}

usec_t http_parse_retry_after(const char *ms, const char *after, int64_t date, usec_t now_real_usec) {
        usec_t delay = ms ? parse_delay(ms, (double) USEC_PER_MSEC) : 0;

        if (delay == 0 && after)
                delay = parse_delay(after, (double) USEC_PER_SEC);
        if (delay > 0 || !after || !strpbrk(after, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
                return delay;

        /* A date: by the server's own clock, if it told it. */
        int64_t at = http_parse_date(after);
        int64_t base = date > 0 ? date : (int64_t) (now_real_usec / USEC_PER_SEC);
        if (at <= base)
                return 0;
        return (usec_t) MIN((double) (at - base), RETRY_AFTER_MAX_SEC) * USEC_PER_SEC;
}
