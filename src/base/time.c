#include "base/time.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "base/strings.h"

usec_t clock_usec(clockid_t clock) {
        struct timespec ts;

        if (clock_gettime(clock, &ts) < 0)
                return 0;
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

/* NTP slews by 500 ppm at most: https://www.rfc-editor.org/rfc/rfc5905 (PHI and the kernel's limit). */
int64_t clock_step(const Now *before, const Now *after) {
        int64_t boot = (int64_t) (after->boot_usec - before->boot_usec);
        int64_t step = (int64_t) (after->real_usec - before->real_usec) - boot;
        int64_t slack = 2 * (int64_t) USEC_PER_SEC + boot / 1000;

        return step > slack || step < -slack ? step : 0;
}

usec_t usec_shift(usec_t real_usec, int64_t step_usec) {
        if (real_usec == 0 || real_usec == USEC_INFINITY)
                return real_usec;
        return step_usec >= 0 ? usec_add(real_usec, (usec_t) step_usec) :
                                MAX(usec_sub(real_usec, (usec_t) -step_usec), (usec_t) 1);
}

usec_t usec_add(usec_t a, usec_t b) {
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

usec_t usec_sub(usec_t a, usec_t b) {
        if (a == USEC_INFINITY)
                return a;
        return a > b ? a - b : 0;
}

static const struct {
        const char *name;
        usec_t usec;
} units[] = {
        { "us", 1 },
        { "usec", 1 },
        { "ms", USEC_PER_MSEC },
        { "msec", USEC_PER_MSEC },
        { "s", USEC_PER_SEC },
        { "sec", USEC_PER_SEC },
        { "second", USEC_PER_SEC },
        { "seconds", USEC_PER_SEC },
        { "m", USEC_PER_MINUTE },
        { "min", USEC_PER_MINUTE },
        { "minute", USEC_PER_MINUTE },
        { "minutes", USEC_PER_MINUTE },
        { "h", USEC_PER_HOUR },
        { "hr", USEC_PER_HOUR },
        { "hour", USEC_PER_HOUR },
        { "hours", USEC_PER_HOUR },
        { "d", USEC_PER_DAY },
        { "day", USEC_PER_DAY },
        { "days", USEC_PER_DAY },
        { "w", 7 * USEC_PER_DAY },
        { "week", 7 * USEC_PER_DAY },
        { "weeks", 7 * USEC_PER_DAY },
};

static usec_t unit_find(const char *s, size_t n) {
        for (size_t i = 0; i < ARRAY_SIZE(units); i++)
                if (strlen(units[i].name) == n && strncmp(units[i].name, s, n) == 0)
                        return units[i].usec;
        return 0;
}

/* "12" or "1.5" at *p: whole + fraction / scale, with fraction and scale up to a million, so that fraction
 * times the longest unit fits. */
static int parse_quantity(const char **p, uint64_t *ret_whole, uint64_t *ret_fraction, uint64_t *ret_scale) {
        uint64_t whole = 0, fraction = 0, scale = 1;
        const char *s = *p;

        if (!isdigit((unsigned char) *s))
                return -EINVAL;
        for (; isdigit((unsigned char) *s); s++) {
                if (whole > (UINT64_MAX - 9) / 10)
                        return -ERANGE;
                whole = whole * 10 + (uint64_t) (*s - '0');
        }
        if (*s == '.') {
                if (!isdigit((unsigned char) *++s))
                        return -EINVAL;
                for (; isdigit((unsigned char) *s); s++)
                        if (scale < 1000000) {
                                fraction = fraction * 10 + (uint64_t) (*s - '0');
                                scale *= 10;
                        }
        }
        *p = s;
        *ret_whole = whole;
        *ret_fraction = fraction;
        *ret_scale = scale;
        return 0;
}

int parse_span(const char *s, usec_t *ret) {
        usec_t sum = 0;

        s += strspn(s, " ");
        if (*s == '0' && s[1 + strspn(s + 1, " ")] == '\0') {
                *ret = 0;
                return 0;
        }
        if (!*s)
                return -EINVAL;
        while (*s) {
                uint64_t whole, fraction, scale;
                int r = parse_quantity(&s, &whole, &fraction, &scale);
                if (r < 0)
                        return r;
                s += strspn(s, " ");
                size_t n = 0;
                while (isalpha((unsigned char) s[n]))
                        n++;
                usec_t unit = unit_find(s, n);
                if (unit == 0)
                        return -EINVAL;
                s += n;
                s += strspn(s, " ");
                usec_t part;
                if (__builtin_mul_overflow(whole, unit, &part) || __builtin_add_overflow(sum, part, &sum) ||
                    __builtin_add_overflow(sum, fraction * unit / scale, &sum))
                        return -ERANGE;
        }
        *ret = sum;
        return 0;
}

char *format_span(usec_t span, char buf[static SPAN_MAX]) {
        static const struct {
                const char *suffix;
                usec_t usec;
        } steps[] = {
                { "d", USEC_PER_DAY },
                { "h", USEC_PER_HOUR },
                { "min", USEC_PER_MINUTE },
                { "s", USEC_PER_SEC },
        };

        if (span == USEC_INFINITY) {
                (void) snprintf(buf, SPAN_MAX, "infinity");
                return buf;
        }
        /* Rounded up, so that something is never shown as nothing; the last microseconds before a second are
         * one. */
        if (span > 0 && span <= USEC_PER_SEC - USEC_PER_MSEC) {
                (void) snprintf(buf, SPAN_MAX, "%llums",
                                (unsigned long long) ((span + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
                return buf;
        }
        if (span < USEC_PER_SEC) {
                (void) snprintf(buf, SPAN_MAX, span == 0 ? "0s" : "1s");
                return buf;
        }
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                if (span < steps[i].usec)
                        continue;
                unsigned long long first = span / steps[i].usec, rest = span % steps[i].usec;
                unsigned long long second = i + 1 < ARRAY_SIZE(steps) ? rest / steps[i + 1].usec : 0;
                if (second > 0)
                        (void) snprintf(buf, SPAN_MAX, "%llu%s %llu%s", first, steps[i].suffix, second,
                                        steps[i + 1].suffix);
                else
                        (void) snprintf(buf, SPAN_MAX, "%llu%s", first, steps[i].suffix);
                break;
        }
        return buf;
}

/* In the "C" locale: RFC 5322 knows English names of days and months only. */
#define FORMAT_WITH(tm, t, format, buf)                                                                     \
        do {                                                                                                \
                if (!(tm) || strftime_l((buf), STAMP_MAX, (format), (tm), locale_c()) == 0)                 \
                        (void) snprintf((buf), STAMP_MAX, "@%lld", (long long) (t));                        \
        } while (0)

char *format_stamp(usec_t real_usec, char buf[static STAMP_MAX]) {
        time_t t = (time_t) (real_usec / USEC_PER_SEC);
        struct tm tm;

        FORMAT_WITH(localtime_r(&t, &tm), t, "%Y-%m-%d %H:%M:%S %Z", buf);
        return buf;
}

char *format_stamp_mail(usec_t real_usec, char buf[static STAMP_MAX]) {
        time_t t = (time_t) (real_usec / USEC_PER_SEC);
        struct tm tm;

        FORMAT_WITH(localtime_r(&t, &tm), t, "%a, %d %b %Y %H:%M:%S %z", buf);
        return buf;
}

/* The offset behind the seconds: "", "Z", "+hh:mm", "-hhmm", after an optional fraction. */
static int parse_offset(const char *s, long *ret) {
        if (*s == '.') {
                size_t n = strspn(s + 1, "0123456789");
                if (n == 0)
                        return -EINVAL;
                s += 1 + n;
        }
        if (!*s || strcmp(s, "Z") == 0 || strcmp(s, "z") == 0) {
                *ret = 0;
                return 0;
        }
        if (*s != '+' && *s != '-')
                return -EINVAL;
        struct tm tm = {};
        const char *end = strptime(s + 1, s[1] && s[2] && s[3] == ':' ? "%H:%M" : "%H%M", &tm);
        if (!end || *end)
                return -EINVAL;
        *ret = (*s == '-' ? -1L : 1L) * (tm.tm_hour * 3600L + tm.tm_min * 60L);
        return 0;
}

int parse_stamp_iso(const char *s, int64_t *ret) {
        static const char shape[] = "dddd-dd-dd?dd:dd:dd";
        struct tm tm = {};
        long offset;

        /* strptime() alone would take blanks, signs and missing digits. */
        for (size_t i = 0; shape[i]; i++)
                if (shape[i] == 'd'   ? !isdigit((unsigned char) s[i])
                    : shape[i] != '?' ? s[i] != shape[i]
                                      : !s[i])
                        return -EINVAL;
        const char *end = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
        if (!end)
                end = strptime(s, "%Y-%m-%dt%H:%M:%S", &tm);
        if (!end)
                end = strptime(s, "%Y-%m-%d %H:%M:%S", &tm);
        if (!end)
                return -EINVAL;
        tm.tm_sec = MIN(tm.tm_sec, 59);         /* a leap second is the one before it, as for the kernel */
        int day = tm.tm_mday;
        int r = parse_offset(end, &offset);
        if (r < 0)
                return r;
        time_t t = timegm(&tm);
        if (tm.tm_mday != day)                  /* a 30th of February became another day */
                return -EINVAL;
        *ret = (int64_t) t - offset;
        return 0;
}
