#include "receiver/message_advice.h"

#include <string.h>

#include "base/macro.h"
#include "base/strings.h"
#include "model/pause.h"

/* Texts of the service that need explaining: "Safety evaluation for fine-tuning" of its documentation. */
static const struct {
        const char *has, *advice;
} failures[] = {
        { "RAI checks",
          "The training data was refused by the content filter. Remove the examples of the named harm types "
          "and start a new job." },
        { "blocked by our moderation",
          "The training data was refused by moderation. Remove the offending examples and "
          "start a new job." },
        { "unable to be deployed",
          "The finished model did not pass the safety evaluation. Review the training data for "
          "the named harm types and start a new job." },
        { "training file was deleted", "Upload the training file again and start a new job." },
};

/* "Cost management for fine-tuning": deployments are billed by the hour; jobs are paused by pre-emption
 * (Developer tier) or at a spending limit (reinforcement). */
static const struct {
        NoticeType type;
        const char *advice;
} by_type[] = {
        { NOTICE_JOB_SUCCEEDED,
          "Deploy the fine-tuned model to use it. A deployment is billed by the hour, used or not." },
        { NOTICE_JOB_FAILED, "Correct what the error names and start a new job." },
        { NOTICE_JOB_STALLED,
          "Up to an hour of silence is normal, also at the end of training. See the job's page; a job that "
          "hangs can be cancelled and started again, what was trained till then is billed." },
        { NOTICE_JOB_WAITING,
          "Nothing is lost and nothing is billed while it waits. If it is urgent: another region may have "
          "more capacity." },
        { NOTICE_JOB_OVERDUE,
          "The service's estimates are rough. If the steps still rise it will end; else see the job's page." },
        { NOTICE_JOB_CHECKPOINT,
          "It can be deployed like a finished model. The service keeps those of the last three epochs." },
        { NOTICE_JOB_METRIC,
          "Training goes on. A job that has gone wrong can be cancelled; work up to then is billed." },
        { NOTICE_JOB_STATUS_CHANGED,
          "This status is new to ftwatchd. The job is taken as unfinished and watched on." },
        { NOTICE_JOB_REMOVED, "If nobody deleted it, ask who has access to the resource." },
        { NOTICE_SOURCE_UNAUTHORIZED,
          "Jobs of this source are not watched until its key or role is right again." },
        { NOTICE_SOURCE_MISCONFIGURED,
          "Jobs of this source are not watched until its endpoint and api_version are right." },
        { NOTICE_SOURCE_UNREACHABLE,
          "Jobs of this source are not watched until it answers again; what happens meanwhile "
          "is told then." },
        { NOTICE_SOURCE_THROTTLED,
          "The service asks for fewer requests. Raise poll_interval if it stays so." },
        { NOTICE_RECEIVER_FAILING, "Messages for this receiver wait and are sent when it works again." },
};

const char *advice_for(const Notice *n) {
        const char *error = n->job ? strempty(n->job->error.message) : "";

        if (n->type == NOTICE_JOB_FAILED)
                for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
                        if (strstr(error, failures[i].has))
                                return failures[i].advice;
        if (n->type == NOTICE_JOB_PAUSED)
                return pause_advice(pause_judge(n->job, n->events, n->n_events));
        for (size_t i = 0; i < ARRAY_SIZE(by_type); i++)
                if (by_type[i].type == n->type)
                        return by_type[i].advice;
        return NULL;
}
