#pragma once
/* Points in time and spans, in microseconds. Reads the clocks once where asked; everything else is given its
 * `now`. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef uint64_t usec_t;

#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_PER_SEC ((usec_t) 1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)
#define USEC_INFINITY UINT64_MAX

/* One reading of both clocks: boottime for intervals, realtime for stamps. */
typedef struct Now {
        usec_t boot_usec;
        usec_t real_usec;
} Now;

usec_t clock_usec(clockid_t clock);
/* By how much the realtime clock was set between two readings; 0 for what slewing or reading them one after
 * the other makes of it. Boottime goes on while the machine is suspended: that is no step. */
int64_t clock_step(const Now *before, const Now *after);
/* A realtime stamp made before such a step, by the clock as it is now. 0 and USEC_INFINITY stay. */
usec_t usec_shift(usec_t real_usec, int64_t step_usec);

/* Saturating: never wraps, USEC_INFINITY stays infinite. */
usec_t usec_add(usec_t a, usec_t b);
usec_t usec_sub(usec_t a, usec_t b);

/* "30s", "5min", "1h 30min", "250ms", "3d", "2w". A bare number is refused (which unit?), except 0. -EINVAL,
 * -ERANGE. */
int parse_span(const char *s, usec_t *ret);

#define SPAN_MAX 48
/* The two largest units: "1h 23min", "45s", "250ms". Returns buf. */
char *format_span(usec_t span, char buf[static SPAN_MAX]);

#define STAMP_MAX 48
/* "2026-11-22 14:03:09 CET", in the local zone. Returns buf. */
char *format_stamp(usec_t real_usec, char buf[static STAMP_MAX]);
/* RFC 5322 date, "Sun, 22 Nov 2026 14:03:09 +0100", in the local zone. Returns buf. */
char *format_stamp_mail(usec_t real_usec, char buf[static STAMP_MAX]);

/* Unix seconds from an RFC 3339 / ISO 8601 stamp ("2026-11-22T13:03:09Z", with fraction or offset). -EINVAL.
 */
int parse_stamp_iso(const char *s, int64_t *ret);
