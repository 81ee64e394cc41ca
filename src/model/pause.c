#include "model/pause.h"

#include <string.h>

#include "base/strings.h"

/* Words of events, in any case. The texts are not documented: only what cannot be misread is here. */
static const struct {
        const char *has;
        PauseEnd end;
} words[] = {
        { "preempt", PAUSE_RESUMES },
        { "pre-empt", PAUSE_RESUMES },
        { "resume automatically", PAUSE_RESUMES },
        { "spending limit", PAUSE_AT_LIMIT },
        { "cost limit", PAUSE_AT_LIMIT },
        { "spending cap", PAUSE_AT_LIMIT },
        { "cost cap", PAUSE_AT_LIMIT },
        { "5,000", PAUSE_AT_LIMIT },
        { "$5000", PAUSE_AT_LIMIT },
        { "paused by user", PAUSE_BY_USER },
        { "paused by the user", PAUSE_BY_USER },
        { "user requested", PAUSE_BY_USER },
};

static const char *const advices[_PAUSE_END_MAX] = {
        [PAUSE_UNKNOWN] =
                "Nothing shows why. Pre-empted jobs (Developer tier) go on by themselves; at the spending "
                "limit "
                "of a reinforcement job, or when a person paused it, somebody has to resume it.",
        [PAUSE_RESUMES] = "It was pre-empted and goes on by itself: nothing to do.",
        [PAUSE_AT_LIMIT] =
                "It reached its spending limit and does not go on by itself: look at what it cost and "
                "learned, then resume or cancel it.",
        [PAUSE_BY_USER] = "Somebody paused it: it goes on when it is resumed.",
        [PAUSE_PERHAPS_AT_LIMIT] =
                "Reinforcement jobs are paused at $5,000 and then wait for a person: look at what it cost "
                "and "
                "learned, then resume or cancel it.",
        [PAUSE_NOT_AT_LIMIT] =
                "Nothing shows why. On the Developer tier it was pre-empted and goes on by itself; if "
                "somebody paused it, it goes on when it is resumed.",
};

PauseEnd pause_judge(const Job *job, Event *const *events, size_t n_events) {
        for (size_t n = n_events; n > 0; n--)
                for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                        if (strcasestr(events[n - 1]->message, words[i].has))
                                return words[i].end;
        if (!job)
                return PAUSE_UNKNOWN;
        if (job->training_type && strcasestr(job->training_type, "developer"))
                return PAUSE_RESUMES;
        if (!job->method)
                return PAUSE_UNKNOWN;
        return streq(job->method, "reinforcement") ? PAUSE_PERHAPS_AT_LIMIT : PAUSE_NOT_AT_LIMIT;
}

const char *pause_advice(PauseEnd end) {
        return advices[end];
}
