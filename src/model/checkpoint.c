#include "model/checkpoint.h"

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/strings.h"
#include "model/clip.h"
#include "model/job_json.h"

static const ClipLimits metrics_limits = {
        .n_members = METRIC_SERIES_MAX, .key_chars = METRIC_NAME_MAX, .value_chars = 64, .n_bytes = 8192,
        .spell_nan = true,
};

Checkpoint *checkpoint_free(Checkpoint *c) {
        if (!c)
                return NULL;
        free(c->id);
        free(c->model);
        json_object_put(c->metrics);
        free(c);
        return NULL;
}

int checkpoint_from_json(json_object *o, Checkpoint **ret) {
        if (!json_object_is_type(o, json_type_object))
                return -EBADMSG;
        _cleanup_(checkpoint_freep) Checkpoint *c = calloc(1, sizeof *c);
        if (!c)
                return -ENOMEM;
        int r = clip_id(o, "id", &c->id);
        if (r < 0)
                return r;
        if (!c->id)
                return -EBADMSG;
        r = clip_member(o, "fine_tuned_model_checkpoint", JOB_NAME_CHARS, &c->model);
        if (r >= 0)
                r = clip_object(json_member(o, "metrics"), &metrics_limits, false, &c->metrics);
        if (r < 0)
                return r;
        c->created_at = MAX(json_member_stamp(o, "created_at", 0), (int64_t) 0);
        /* Some servers say it in the metrics only, as 100.0. */
        c->step = json_member_int(o, "step_number", json_member_int(c->metrics, "step", -1));
        if (c->step < 0 || c->step > METRIC_STEP_MAX)
                c->step = -1;
        *ret = TAKE_PTR(c);
        return 0;
}

int checkpoint_to_json(const Checkpoint *c, size_t name_chars, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        int r;

        if (!o)
                return -ENOMEM;
        if ((r = json_add_string(o, "id", c->id)) < 0 ||
            (r = clip_add(o, "fine_tuned_model_checkpoint", c->model, name_chars)) < 0 ||
            (r = c->step >= 0 ? json_add_int(o, "step_number", c->step) :
                                json_add(o, "step_number", NULL)) < 0 ||
            (r = c->created_at > 0 ? json_add_int(o, "created_at", c->created_at) :
                                     json_add(o, "created_at", NULL)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

int checkpoint_metrics(const Checkpoint *c, Metrics **ret) {
        _cleanup_(metrics_freep) Metrics *m = NULL;

        int r = metrics_new(&m);
        if (r < 0)
                return r;
        if (c->metrics) {
                json_object_object_foreach(c->metrics, name, value) {
                        double v;
                        if (streq(name, "step") || streq(name, "total_steps") || !json_to_double(value, &v))
                                continue;
                        r = metrics_add(m, name, MAX(c->step, (int64_t) 0), v);
                        if (r < 0)
                                return r;
                }
        }
        *ret = TAKE_PTR(m);
        return 0;
}
