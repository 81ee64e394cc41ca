#include "ctl/since.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/macro.h"
#include "base/strings.h"

static int parse_local(const char *s, usec_t *ret) {
        static const char *const formats[] = { "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S" };

        for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
                struct tm tm = { .tm_isdst = -1 };
                const char *end = strptime(s, formats[i], &tm);
                if (!end || *end)
                        continue;
                time_t t = mktime(&tm);
                if (t < 0)
                        return -ERANGE;
                *ret = (usec_t) t * USEC_PER_SEC;
                return 0;
        }
        return -EINVAL;
}

static int day_start(usec_t now_usec, int days_before, usec_t *ret) {
        time_t t = (time_t) (now_usec / USEC_PER_SEC);
        struct tm tm;

        if (!localtime_r(&t, &tm))
                return -ERANGE;
        tm = (struct tm) {
                .tm_year = tm.tm_year,
                .tm_mon = tm.tm_mon,
                .tm_mday = tm.tm_mday - days_before,
                .tm_isdst = -1,
        };
        t = mktime(&tm);
        if (t < 0)
                return -ERANGE;
        *ret = (usec_t) t * USEC_PER_SEC;
        return 0;
}

int parse_since(const char *s, usec_t now_usec, usec_t *ret) {
        usec_t span;
        int64_t at;

        if (streq(s, "today"))
                return day_start(now_usec, 0, ret);
        if (streq(s, "yesterday"))
                return day_start(now_usec, 1, ret);
        int r = parse_span(s, &span);
        if (r >= 0) {
                *ret = usec_sub(now_usec, span);
                return 0;
        }
        if (r == -ERANGE)
                return r;
        r = parse_local(s, ret);
        if (r != -EINVAL)
                return r;
        r = strchr(s, 'T') ? parse_stamp_iso(s, &at) : -EINVAL;
        if (r < 0)
                return r;
        if (at < 0 || (uint64_t) at > UINT64_MAX / USEC_PER_SEC)
                return -ERANGE;
        *ret = (usec_t) at * USEC_PER_SEC;
        return 0;
}
