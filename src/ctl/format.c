#include "ctl/format.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/strings.h"

#define MEMBERS_LIMIT ((size_t) 64 * 1024)

char *format_length(usec_t span, char buf[static SPAN_MAX]) {
        static const struct {
                usec_t from, unit;
        } steps[] = {
                { 10 * USEC_PER_DAY, USEC_PER_DAY },
                { 10 * USEC_PER_HOUR, USEC_PER_HOUR },
                { USEC_PER_MINUTE, USEC_PER_MINUTE },
                { USEC_PER_SEC, USEC_PER_SEC },
        };

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
                if (span >= steps[i].from)
                        return format_span(span - span % steps[i].unit, buf);
        return format_span(span, buf);
}

char *format_age(usec_t now, usec_t then, char buf[static AGE_MAX]) {
        char span[SPAN_MAX];
        usec_t away = now > then ? now - then : then - now;

        if (then == 0)
                buf[0] = '\0';
        else if (away < USEC_PER_SEC)
                (void) snprintf(buf, AGE_MAX, "just now");
        else
                (void) snprintf(buf, AGE_MAX, now > then ? "%s ago" : "in %s", format_length(away, span));
        return buf;
}

char *format_when(usec_t now, usec_t then, char buf[static WHEN_MAX]) {
        char stamp[STAMP_MAX], age[AGE_MAX];

        if (then == 0)
                buf[0] = '\0';
        else
                (void) snprintf(buf, WHEN_MAX, "%s; %s", format_stamp(then, stamp),
                                format_age(now, then, age));
        return buf;
}

char *format_value(double v, char buf[static VALUE_MAX]) {
        if (isnan(v))
                (void) snprintf(buf, VALUE_MAX, "NaN");
        else if (isinf(v))
                (void) snprintf(buf, VALUE_MAX, v > 0 ? "inf" : "-inf");
        else if (v != 0 && (fabs(v) < 0.001 || fabs(v) >= 100000))
                (void) snprintf(buf, VALUE_MAX, "%.2e", v);
        else
                (void) snprintf(buf, VALUE_MAX, fabs(v) < 10 ? "%.4f" : "%.2f", v);
        return buf;
}

usec_t stamp_usec(int64_t at) {
        return at > 0 && (uint64_t) at < UINT64_MAX / USEC_PER_SEC ? (usec_t) at * USEC_PER_SEC : 0;
}

Style status_style(const char *status) {
        static const struct {
                const char *status;
                Style style;
        } terminal[] = {
                { "succeeded", STYLE_GOOD },
                { "failed", STYLE_BAD },
        };

        switch (status_class(status)) {
        case STATUS_CLASS_ACTIVE:
                return STYLE_ACTIVE;
        case STATUS_CLASS_PAUSED:
        case STATUS_CLASS_UNKNOWN:
                return STYLE_WARNING;
        case STATUS_CLASS_TERMINAL:
                break;
        }
        for (size_t i = 0; i < ARRAY_SIZE(terminal); i++)
                if (streq(terminal[i].status, status))
                        return terminal[i].style;
        return STYLE_DIM;
}

Style event_level_style(EventLevel level) {
        static const Style styles[] = {
                [EVENT_LEVEL_INFO] = STYLE_NONE,
                [EVENT_LEVEL_WARNING] = STYLE_WARNING,
                [EVENT_LEVEL_ERROR] = STYLE_BAD,
        };

        return (size_t) level < ARRAY_SIZE(styles) ? styles[level] : STYLE_NONE;
}

int format_members(json_object *o, const char *separator, char **ret) {
        _cleanup_(buf_done) Buf buf = BUF_INIT(MEMBERS_LIMIT);

        if (json_object_is_type(o, json_type_object)) {
                json_object_object_foreach(o, key, value) {
                        /* A string gives itself, anything else its JSON. */
                        (void) buf_printf(&buf, "%s%s%s%s", buf.size > 0 ? ", " : "", key, separator,
                                          strempty(json_object_get_string(value)));
                }
        }
        return buf_take(&buf, ret);
}
