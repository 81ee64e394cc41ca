#include "model/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/time.h"

/* Azure api 2024-10-21 and 2025-04-01-preview, OpenAI openapi.yaml; "canceled" is how the evals API and
 * several servers that speak the same language spell it. What is not here is an unknown status. */
static const struct {
        const char *status, *canonical;
        StatusClass class;
} statuses[] = {
        { "running", "running", STATUS_CLASS_ACTIVE },
        { "succeeded", "succeeded", STATUS_CLASS_TERMINAL },
        { "failed", "failed", STATUS_CLASS_TERMINAL },
        { "cancelled", "cancelled", STATUS_CLASS_TERMINAL },
        { "canceled", "cancelled", STATUS_CLASS_TERMINAL },
        { "pending", "pending", STATUS_CLASS_ACTIVE },
        { "queued", "queued", STATUS_CLASS_ACTIVE },
        { "validating_files", "validating_files", STATUS_CLASS_ACTIVE },
        { "created", "created", STATUS_CLASS_ACTIVE },
        { "pausing", "pausing", STATUS_CLASS_ACTIVE },
        { "paused", "paused", STATUS_CLASS_PAUSED },
        { "resuming", "resuming", STATUS_CLASS_ACTIVE },
};

/* In any case: a job that "Succeeded" must not be watched for ever. */
static size_t status_find(const char *status) {
        size_t i = 0;

        while (i < ARRAY_SIZE(statuses) && strcasecmp(statuses[i].status, status) != 0)
                i++;
        return i;
}

StatusClass status_class(const char *status) {
        size_t i = status_find(status);

        return i < ARRAY_SIZE(statuses) ? statuses[i].class : STATUS_CLASS_UNKNOWN;
}

const char *status_canonical(const char *status) {
        size_t i = status_find(status);

        return i < ARRAY_SIZE(statuses) ? statuses[i].canonical : status;
}

Job *job_free(Job *j) {
        if (!j)
                return NULL;
        free(j->id);
        free(j->status);
        free(j->model);
        free(j->fine_tuned_model);
        free(j->suffix);
        free(j->training_file);
        free(j->validation_file);
        free(j->result_file);
        free(j->method);
        free(j->training_type);
        free(j->error.code);
        free(j->error.message);
        free(j->error.param);
        json_object_put(j->hyperparameters);
        json_object_put(j->metadata);
        free(j);
        return NULL;
}

/* Copies are not shared: json-c's reference counts would let one owner change what another one holds. */
static int object_copy(json_object *o, json_object **ret) {
        if (!o)
                return 0;
        return json_object_deep_copy(o, ret, NULL) < 0 ? -ENOMEM : 0;
}

int job_copy(const Job *j, Job **ret) {
        _cleanup_(job_freep) Job *copy = calloc(1, sizeof *copy);

        if (!copy)
                return -ENOMEM;
        const struct {
                char **to;
                const char *from;
        } texts[] = {
                { &copy->id, j->id },
                { &copy->status, j->status },
                { &copy->model, j->model },
                { &copy->fine_tuned_model, j->fine_tuned_model },
                { &copy->suffix, j->suffix },
                { &copy->training_file, j->training_file },
                { &copy->validation_file, j->validation_file },
                { &copy->result_file, j->result_file },
                { &copy->method, j->method },
                { &copy->training_type, j->training_type },
                { &copy->error.code, j->error.code },
                { &copy->error.message, j->error.message },
                { &copy->error.param, j->error.param },
        };
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                int r = free_and_strdup(texts[i].to, texts[i].from);
                if (r < 0)
                        return r;
        }
        copy->created_at = j->created_at;
        copy->finished_at = j->finished_at;
        copy->estimated_finish = j->estimated_finish;
        copy->trained_tokens = j->trained_tokens;
        int r = object_copy(j->hyperparameters, &copy->hyperparameters);
        if (r >= 0)
                r = object_copy(j->metadata, &copy->metadata);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(copy);
        return 0;
}

const char *job_title(const Job *j) {
        return isempty(j->suffix) ? j->id : j->suffix;
}

#define DURATION_MAX_SEC ((int64_t) (60 * USEC_PER_DAY / USEC_PER_SEC))

int64_t job_duration_sec(const Job *j) {
        if (j->created_at <= 0 || j->finished_at < j->created_at)
                return -1;
        int64_t duration = j->finished_at - j->created_at;
        return duration <= DURATION_MAX_SEC ? duration : -1;
}
