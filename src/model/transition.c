#include "model/transition.h"

#include "base/strings.h"

bool job_is_past(const Job *observed, const Baseline *baseline) {
        if (!baseline->done)    /* in the very second it began: who knows; silence is no lie */
                return baseline->at == 0 || observed->created_at <= baseline->at;
        /* Deep in the list of a server that pages badly an old job can turn up late. */
        return status_is_terminal(observed->status) && observed->created_at < baseline->at;
}

unsigned transition_detect(const char *known_status, const Job *observed, const Baseline *baseline,
                           Transition ret[static TRANSITIONS_MAX]) {
        const char *status = status_canonical(observed->status);
        unsigned n = 0;

        if (known_status && streq(known_status, status))
                return 0;
        if (!known_status) {
                if (job_is_past(observed, baseline))
                        return 0;
                ret[n++] = (Transition) { NOTICE_JOB_CREATED, status, NULL };
        }
        /* The status "created" of old servers says no more than that. */
        NoticeType type = notice_type_for_status(status);
        if (n == 0 || type != NOTICE_JOB_CREATED)
                ret[n++] = (Transition) { type, status, known_status };
        return n;
}

bool event_is_news(const Event *e, bool silent, const Baseline *baseline) {
        return e->level >= EVENT_LEVEL_WARNING && !(silent && e->created_at < baseline->at);
}
