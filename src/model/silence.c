#include "model/silence.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>

#include "base/strings.h"

static const char *const kinds[_SILENCE_KIND_MAX] = {
        [SILENCE_JOB] = "job",
        [SILENCE_SOURCE] = "source",
        [SILENCE_RECEIVER] = "receiver",
};

const char *silence_kind_to_string(SilenceKind kind) {
        return kinds[kind];
}

int silence_kind_from_string(const char *name, SilenceKind *ret) {
        for (size_t i = 0; i < _SILENCE_KIND_MAX; i++)
                if (streq(kinds[i], name)) {
                        *ret = (SilenceKind) i;
                        return 0;
                }
        return -EINVAL;
}

void silence_done(Silence *s) {
        free(s->pattern);
        free(s->comment);
        *s = (Silence) {};
}

void silences_done(Silences *s) {
        for (size_t i = 0; i < s->n; i++)
                silence_done(&s->list[i]);
        free(s->list);
        *s = (Silences) {};
}

static bool matches(const char *pattern, const char *value) {
        return value && fnmatch(pattern, value, 0) == 0;
}

static bool silence_matches(const Silence *s, const Notice *n, const char *receiver) {
        switch (s->kind) {
        case SILENCE_JOB:
                return n->job && (matches(s->pattern, n->job->id) || matches(s->pattern, n->job->suffix));
        case SILENCE_SOURCE:
                return matches(s->pattern, n->source);
        case SILENCE_RECEIVER:
                return matches(s->pattern, receiver);
        case _SILENCE_KIND_MAX:
                break;
        }
        return false;
}

Silence *silences_find(const Silences *s, const Notice *n, const char *receiver, usec_t now) {
        for (size_t i = 0; i < s->n && !n->test; i++)
                if (s->list[i].until_usec > now && silence_matches(&s->list[i], n, receiver))
                        return &s->list[i];
        return NULL;
}

usec_t silences_next_end(const Silences *s) {
        usec_t end = USEC_INFINITY;

        for (size_t i = 0; i < s->n; i++)
                end = MIN(end, s->list[i].until_usec);
        return end;
}
