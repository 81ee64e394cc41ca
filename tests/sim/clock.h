#pragma once
/* The only place where the simulator reads time. An offset shared through a file (a signed 64-bit number of
 * nanoseconds, memory-mapped) bends it together with other programs, a second one, when it is not 0, is the
 * time itself (warp.c); clock_advance() moves the simulator alone. */
#include <stdint.h>

typedef struct Clock {
        const int64_t *shared;          /* NULL: no clock file */
        int64_t start_nsec;             /* monotonic + shared, at the start */
        int64_t start_real_nsec;
        int64_t advance_nsec;
} Clock;

int clock_init(Clock *c, const char *file);
void clock_done(Clock *c);
void clock_restart(Clock *c);
void clock_advance(Clock *c, double seconds);
double clock_elapsed(const Clock *c);           /* seconds since the start, advances included */
double clock_unbent(const Clock *c);            /* the same without advances: what clients share */
double clock_real(const Clock *c);              /* seconds since 1970 as a client on this clock sees them */
