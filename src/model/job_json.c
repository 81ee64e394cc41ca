#include "model/job_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/text.h"

#define STAMP_LAST 253402300799         /* the end of the year 9999 */

/* Metadata: at most 16 pairs of 64 and 512 characters (OpenAI openapi.yaml); twice the pairs are kept. */
const JobJsonLimits job_json_unlimited = {
        .name_chars = JOB_NAME_CHARS,
        .error_chars = JOB_ERROR_CHARS,
        .hyperparameters = { .n_members = 32, .key_chars = 64, .value_chars = 128, .n_bytes = 16 * 1024 },
        .metadata = { .n_members = 32, .key_chars = 64, .value_chars = 512, .n_bytes = 128 * 1024 },
};

static int64_t stamp_member(json_object *o, const char *key) {
        int64_t stamp = json_member_stamp(o, key, 0);

        return stamp > 0 && stamp <= STAMP_LAST ? stamp : 0;
}

/* {} and null mean none; a bare string is what some gateways send. */
static int job_read_error(json_object *o, JobError *error) {
        json_object *e = json_member_object(o, "error");

        int r = clip_member(o, "error", JOB_ERROR_CHARS, &error->message);
        if (r >= 0)
                r = clip_member(e, "code", JOB_NAME_CHARS, &error->code);
        if (r >= 0)
                r = clip_member(e, "message", JOB_ERROR_CHARS, &error->message);
        if (r >= 0)
                r = clip_member(e, "param", JOB_NAME_CHARS, &error->param);
        return r;
}

/* `method` is an object on the wire ({ "type": "dpo", "dpo": { "hyperparameters": ... } }) and a string in
 * our own text. Its hyperparameters add to those of the job: a dpo job has beta only there. */
static int job_read_method(json_object *o, Job *j) {
        const ClipLimits *limits = &job_json_unlimited.hyperparameters;
        json_object *method = json_member_object(o, "method");
        _cleanup_json_ json_object *more = NULL;

        int r = method ? clip_member(method, "type", JOB_STATUS_CHARS, &j->method) :
                         clip_member(o, "method", JOB_STATUS_CHARS, &j->method);
        if (r >= 0)
                r = clip_object(json_member(o, "hyperparameters"), limits, false, &j->hyperparameters);
        if (r >= 0 && method && j->method)
                r = clip_object(json_member(json_member(method, j->method), "hyperparameters"), limits,
                                false, &more);
        if (r < 0 || !more)
                return r;
        if (!j->hyperparameters) {
                j->hyperparameters = TAKE_PTR(more);
                return 0;
        }
        json_object_object_foreach(more, name, value) {
                if (json_object_object_get_ex(j->hyperparameters, name, NULL))
                        continue;
                r = json_add(j->hyperparameters, name, json_object_get(value));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int job_read_names(json_object *o, Job *j) {
        json_object *files = json_member_array(o, "result_files");
        const struct {
                const char *key;
                char **to;
        } names[] = {
                { "model", &j->model },
                { "fine_tuned_model", &j->fine_tuned_model },
                { "user_provided_suffix", &j->suffix },
                { "suffix", &j->suffix },
                { "training_file", &j->training_file },
                { "validation_file", &j->validation_file },
                { "trainingType", &j->training_type },          /* as Azure's requests spell it */
                { "training_type", &j->training_type },
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                int r = clip_member(o, names[i].key, JOB_NAME_CHARS, names[i].to);
                if (r < 0)
                        return r;
        }
        json_object *first =
                files && json_object_array_length(files) > 0 ? json_object_array_get_idx(files, 0) : NULL;
        const char *file =
                json_object_is_type(first, json_type_string) ? json_object_get_string(first) : NULL;
        if (isempty(file))
                return 0;
        _cleanup_free_ char *clean = text_clean(file, JOB_NAME_CHARS, false);
        if (!clean)
                return -ENOMEM;
        if (*clean)
                j->result_file = TAKE_PTR(clean);
        return 0;
}

int job_from_json(json_object *o, Job **ret) {
        const char *status = json_member_string(o, "status");

        _cleanup_(job_freep) Job *j = calloc(1, sizeof *j);
        if (!j)
                return -ENOMEM;
        int r = clip_id(o, "id", &j->id);
        if (r < 0)
                return r;
        if (!j->id || isempty(status))
                return -EBADMSG;
        j->status = text_clean(status, JOB_STATUS_CHARS, false);
        if (!j->status)
                return -ENOMEM;
        if (isempty(j->status))
                return -EBADMSG;
        j->created_at = stamp_member(o, "created_at");
        j->finished_at = stamp_member(o, "finished_at");
        j->estimated_finish = stamp_member(o, "estimated_finish");
        j->trained_tokens = MAX(json_member_int(o, "trained_tokens", -1), (int64_t) -1);
        r = job_read_names(o, j);
        if (r >= 0)
                r = job_read_error(o, &j->error);
        if (r >= 0)
                r = job_read_method(o, j);
        if (r >= 0)
                r = clip_object(json_member(o, "metadata"), &job_json_unlimited.metadata, true,
                                &j->metadata);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

static int add_count(json_object *o, const char *key, int64_t v, int64_t least) {
        return v >= least ? json_add_int(o, key, v) : json_add(o, key, NULL);
}

/* {} rather than null, as the members are maps. */
static int add_object(json_object *o, const char *key, json_object *from, const ClipLimits *limits) {
        json_object *copy = NULL;

        int r = clip_object(from, limits, false, &copy);
        if (r < 0)
                return r;
        if (!copy && !(copy = json_object_new_object()))
                return -ENOMEM;
        return json_add(o, key, copy);
}

static int add_error(json_object *o, const JobError *error, const JobJsonLimits *limits) {
        _cleanup_json_ json_object *e = json_object_new_object();
        if (!e)
                return -ENOMEM;
        int r = clip_add(e, "code", error->code, limits->name_chars);
        if (r >= 0)
                r = clip_add(e, "message", error->message, limits->error_chars);
        if (r >= 0)
                r = clip_add(e, "param", error->param, limits->name_chars);
        if (r < 0)
                return r;
        bool any = json_member(e, "code") || json_member(e, "message") || json_member(e, "param");
        return json_add(o, "error", any ? TAKE_PTR(e) : NULL);
}

static int add_result_files(json_object *o, const char *file, size_t max_chars) {
        _cleanup_json_ json_object *files = json_object_new_array_ext(1);

        if (!files)
                return -ENOMEM;
        if (file) {
                _cleanup_free_ char *clean = text_clean(file, max_chars, false);
                json_object *s = clean ? json_object_new_string(clean) : NULL;
                if (!s || json_object_array_add(files, s) < 0) {
                        json_object_put(s);
                        return -ENOMEM;
                }
        }
        return json_add(o, "result_files", TAKE_PTR(files));
}

int job_add_json(json_object *o, const Job *j, const JobJsonLimits *limits) {
        int r;

        if ((r = clip_add(o, "model", j->model, limits->name_chars)) < 0 ||
            (r = clip_add(o, "fine_tuned_model", j->fine_tuned_model, limits->name_chars)) < 0 ||
            (r = add_count(o, "created_at", j->created_at, 1)) < 0 ||
            (r = add_count(o, "finished_at", j->finished_at, 1)) < 0 ||
            (r = add_count(o, "duration_seconds", job_duration_sec(j), 0)) < 0 ||
            (r = add_count(o, "estimated_finish", j->estimated_finish, 1)) < 0 ||
            (r = add_count(o, "trained_tokens", j->trained_tokens, 0)) < 0 ||
            (r = clip_add(o, "method", j->method, JOB_STATUS_CHARS)) < 0 ||
            (r = add_object(o, "hyperparameters", j->hyperparameters, &limits->hyperparameters)) < 0 ||
            (r = clip_add(o, "training_file", j->training_file, limits->name_chars)) < 0 ||
            (r = clip_add(o, "validation_file", j->validation_file, limits->name_chars)) < 0 ||
            (r = add_result_files(o, j->result_file, limits->name_chars)) < 0 ||
            (r = clip_add(o, "suffix", j->suffix, limits->name_chars)) < 0 ||
            (r = add_object(o, "metadata", j->metadata, &limits->metadata)) < 0)
                return r;
        if (j->training_type && (r = clip_add(o, "training_type", j->training_type, limits->name_chars)) < 0)
                return r;
        return add_error(o, &j->error, limits);
}

int job_to_json(const Job *j, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();

        if (!o)
                return -ENOMEM;
        int r = json_add_string(o, "id", j->id);
        if (r >= 0)
                r = json_add_string(o, "status", j->status);
        if (r >= 0)
                r = job_add_json(o, j, &job_json_unlimited);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}
