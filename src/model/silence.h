#pragma once
/* Silences: for a while, what is about a job or a source, or for a receiver, is not delivered. It is told
 * all the same: stored, in the journal, and marked as silenced. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/time.h"
#include "model/notice.h"

typedef enum SilenceKind {
        SILENCE_JOB,                    /* its id or suffix */
        SILENCE_SOURCE,
        SILENCE_RECEIVER,
        _SILENCE_KIND_MAX,
} SilenceKind;

const char *silence_kind_to_string(SilenceKind kind);
int silence_kind_from_string(const char *name, SilenceKind *ret);      /* -EINVAL */

#define SILENCE_MAX_USEC (366 * USEC_PER_DAY)   /* longer is a rule, and belongs into the configuration */

typedef struct Silence {
        int64_t id;
        SilenceKind kind;
        char *pattern;                  /* shell wildcard, as in rules */
        char *comment;                  /* NULL for none */
        usec_t since_usec, until_usec;  /* realtime */
        uint64_t n_silenced;            /* deliveries so far */
} Silence;

void silence_done(Silence *s);

typedef struct Silences {
        Silence *list;                  /* by id */
        size_t n;
} Silences;
void silences_done(Silences *s);

/* The first in force that keeps this notice from this receiver, or NULL. A test is never silenced. */
Silence *silences_find(const Silences *s, const Notice *n, const char *receiver, usec_t now_real_usec);
/* When the next one ends; USEC_INFINITY: none will. */
usec_t silences_next_end(const Silences *s);
