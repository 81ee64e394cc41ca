/* Samples for `ftwatchctl test`: as a job of that kind would look, but for its name, and marked as a test
 * everywhere. Written as the store keeps notices, so that they say what real ones can. */
#include "engine/compose.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "model/advice.h"
#include "model/outcome.h"

#define JOB                                                                                                 \
        "\"id\":\"ftjob-0000000000000000000000000000test\",\"model\":\"gpt-4.1-mini-2025-04-14\","          \
        "\"suffix\":\"ftwatchctl-test\",\"method\":\"supervised\",\"metadata\":{\"test\":\"true\"},"        \
        "\"hyperparameters\":{\"n_epochs\":3,\"batch_size\":8,\"learning_rate_multiplier\":0.1}"
#define LOSS                                                                                                \
        ",\"metrics\":{\"train_loss\":{\"curve\":[[1,2.38],[50,1.61],[100,1.19],[150,0.92],[200,0.71],"     \
        "[250,0.58],[300,0.52]]}}"
#define WHY "The training file has 3 lines that are not valid JSON, the first of them line 118."

static const struct {
        NoticeType type;
        const char *data;
} samples[] = {
        { NOTICE_JOB_SUCCEEDED, "{" JOB LOSS ",\"trained_tokens\":184320,\"fine_tuned_model\":"
                                "\"gpt-4.1-mini-2025-04-14.ft-0000test-ftwatchctl-test\"}" },
        { NOTICE_JOB_RESULTS, "{" JOB LOSS ",\"trained_tokens\":184320}" },
        { NOTICE_JOB_FAILED, "{" JOB ",\"error\":{\"code\":\"invalid_training_file\",\"message\":\"" WHY
                             "\",\"param\":\"training_file\"}}" },
        { NOTICE_JOB_EVENT, "{" JOB ",\"reason\":\"warning\",\"detail\":\"" WHY "\"}" },
        { NOTICE_RECEIVER_FAILING, "{\"reason\":\"connect\",\"detail\":\"Connection refused\"}" },
        { NOTICE_RECEIVER_RECOVERED, "{\"blind_seconds\":840}" },
        { NOTICE_SOURCE_RECOVERED, "{\"blind_seconds\":840}" },
        { NOTICE_SOURCE_UNAUTHORIZED,
          "{\"reason\":\"unauthorized\",\"detail\":\"HTTP 401: Access denied due to "
          "invalid subscription key or wrong API endpoint.\"}" },
        { NOTICE_SOURCE_MISCONFIGURED, "{\"reason\":\"misconfigured\",\"detail\":\"HTTP 404: Resource not "
                                       "found\"}" },
        { NOTICE_SOURCE_UNREACHABLE, "{\"reason\":\"timeout\",\"detail\":\"no answer within 30s\"}" },
        { NOTICE_SOURCE_THROTTLED, "{\"reason\":\"throttled\",\"detail\":\"HTTP 429: Rate limit is "
                                   "exceeded.\"}" },
        { NOTICE_TEST, "{\"detail\":\"This is what ftwatchctl test sends: nothing has happened.\"}" },
};

static const char *sample_of(NoticeType type) {
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
                if (samples[i].type == type)
                        return samples[i].data;
        return startswith(notice_type_info(type)->name, "job.") ? "{" JOB LOSS "}" : "{}";
}

/* A job's types are called as its status, but for a few. */
static const char *status_of(NoticeType type) {
        const char *status = startswith(notice_type_info(type)->name, "job.");

        if (!status)
                return NULL;
        if (type == NOTICE_JOB_RESULTS)
                return "succeeded";
        return notice_type_for_status(status) == type ? status : "running";
}

static int read_sample(NoticeType type, usec_t now_real_usec, Notice **ret) {
        _cleanup_json_ json_object *o = NULL;
        const char *text = sample_of(type), *status = status_of(type);
        int64_t now = (int64_t) (now_real_usec / USEC_PER_SEC);

        int r = json_parse_bounded(text, strlen(text), &o, NULL);
        if (r >= 0 && status)
                r = json_add_string(o, "status", status);
        if (r >= 0 && status)
                r = json_add_int(o, "created_at", now - 4983);
        if (r >= 0 && status && status_is_terminal(status))
                r = json_add_int(o, "finished_at", now);
        return r < 0 ? r : notice_from_json(o, ret);
}

int compose_test(const char *receiver, const char *source, NoticeType type, usec_t now_real_usec,
                 Notice **ret) {
        _cleanup_(notice_freep) Notice *n = NULL;
        char unique[32];

        int r = read_sample(type, now_real_usec, &n);
        if (r < 0)
                return r;
        n->type = type;
        n->test = true;
        n->created_usec = now_real_usec;
        (void) snprintf(unique, sizeof unique, "%" PRIu64, now_real_usec);
        r = free_and_strdup(&n->receiver, receiver);
        if (r >= 0 && !startswith(notice_type_info(type)->name, "receiver.") && type != NOTICE_TEST)
                r = free_and_strdup(&n->source, source);
        if (r >= 0 && n->job)
                r = free_and_strdup(&n->previous_status, "running");
        if (r >= 0 && n->reason && !n->job)
                r = free_and_strdup(&n->advice, advice_find(type, reason_from_string(n->reason), NULL));
        if (r >= 0)
                r = notice_id_make("", receiver, type, unique, n->id);
        if (r >= 0)
                *ret = TAKE_PTR(n);
        return r;
}
