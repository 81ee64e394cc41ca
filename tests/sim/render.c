#include "render.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util.h"

#define ESTIMATE_AHEAD 2592000          /* 720 h, the longest a job may run: what real jobs first show */
#define ESTIMATE_MOVES_EVERY 300

static void add(json_object *o, const char *key, json_object *value) {
        (void) json_object_object_add(o, key, value);
}

static void add_string(json_object *o, const char *key, const char *value) {
        add(o, key, value ? json_object_new_string(value) : NULL);
}

static char *json_to_text(json_object *o, size_t *ret_size) {
        const char *text =
                json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        char *copy = must_strdup(text);
        if (ret_size)
                *ret_size = strlen(copy);
        (void) json_object_put(o);
        return copy;
}

/* What is not there: null, no key, or the empty value that some servers send. */
static void add_nothing(const Job *job, json_object *o, const char *key, json_object *empty) {
        Nulls nulls = job->world->settings.nulls;

        if (nulls == NULLS_EMPTY)
                add(o, key, empty);
        else {
                (void) json_object_put(empty);
                if (nulls == NULLS_NULL)
                        add(o, key, NULL);
        }
}

static void add_optional_string(const Job *job, json_object *o, const char *key, const char *value) {
        if (value)
                add_string(o, key, value);
        else
                add_nothing(job, o, key, NULL);
}

static void add_stamp(const Job *job, json_object *o, const char *key, int64_t stamp) {
        char text[32] = "";
        struct tm tm;
        time_t t = (time_t) stamp;

        switch (job->world->settings.stamps) {
        case STAMPS_FLOAT:
                (void) snprintf(text, sizeof text, "%lld.0", (long long) stamp);
                add(o, key, json_object_new_double_s((double) stamp, text));
                return;
        case STAMPS_DIGITS:
                (void) snprintf(text, sizeof text, "%lld", (long long) stamp);
                break;
        case STAMPS_ISO:
                (void) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
                break;
        default:
                add(o, key, json_object_new_int64(stamp));
                return;
        }
        add(o, key, json_object_new_string(text));
}

static int64_t job_estimate_bucket(const Job *job) {
        const World *w = job->world;

        if (w->settings.estimate != ESTIMATE_WILD || status_is_terminal(job_status(job)))
                return 0;
        return (world_stamp(w, w->now) - world_stamp(w, job->created)) / ESTIMATE_MOVES_EVERY + 1;
}

static void add_estimate(const Job *job, json_object *o) {
        const World *w = job->world;
        int64_t created = world_stamp(w, job->created);

        if (!isnan(job->estimate)) {
                add_stamp(job, o, "estimated_finish", world_stamp(w, job->estimate));
                return;
        }
        if (w->settings.estimate == ESTIMATE_NONE) {
                add_nothing(job, o, "estimated_finish", NULL);
                return;
        }
        int64_t stamp = created + ESTIMATE_AHEAD;
        if (w->settings.estimate == ESTIMATE_WILD)
                stamp += (int64_t) (random_hash(w->settings.seed, job->id, (uint64_t) job->detail.bucket) %
                                    7430400);
        add_stamp(job, o, "estimated_finish", stamp);
}

static void add_error(const Job *job, json_object *o) {
        const Change *c = job_last_change(job);

        if (!c || (!c->code && !c->message && !c->param)) {
                add_nothing(job, o, "error", json_object_new_object());
                return;
        }
        json_object *error = json_object_new_object();
        add_string(error, "code", c->code);
        add_string(error, "message", c->message);
        if (c->param)
                add_string(error, "param", c->param);
        add(o, "error", error);
}

static json_object *job_hyperparameters(const Job *job) {
        json_object *h = json_object_new_object();
        bool started = strcmp(job_status(job), "pending") != 0 && strcmp(job_status(job), "queued") != 0;
        json_object *copy = NULL;

        if (started && job->hyperparameters &&
            json_object_deep_copy(job->hyperparameters, &copy, NULL) == 0) {
                (void) json_object_put(h);
                return copy;
        }
        add(h, "n_epochs", json_object_new_int64(started ? job->training.epochs : -1));
        add(h, "batch_size", json_object_new_int64(started ? 1 : -1));
        add(h, "learning_rate_multiplier", json_object_new_int64(1));
        return h;
}

static void add_method(const Job *job, json_object *o) {
        if (!job->method) {
                add_nothing(job, o, "method", NULL);
                return;
        }
        json_object *method = json_object_new_object(), *details = json_object_new_object();
        add_string(method, "type", job->method);
        add(details, "hyperparameters", job_hyperparameters(job));
        add(method, job->method, details);
        add(o, "method", method);
}

static json_object *file_array(const char *file) {
        json_object *files = json_object_new_array();
        if (file)
                (void) json_object_array_add(files, json_object_new_string(file));
        return files;
}

static void add_outcome(const Job *job, json_object *o) {
        const char *status = job_status(job);
        const Change *c = job_last_change(job);
        bool succeeded = strcmp(status, "succeeded") == 0;
        bool trained = job->training.enabled && (succeeded || strcmp(status, "running") == 0);

        /* Failed and cancelled jobs show no finished_at: recorded on 159 of 160 of them. */
        if (succeeded && c)
                add_stamp(job, o, "finished_at", world_stamp(job->world, c->at));
        else
                add_nothing(job, o, "finished_at", NULL);
        add_optional_string(job, o, "fine_tuned_model", succeeded ? job->fine_tuned_model : NULL);
        if (succeeded && job->trained_tokens > 0)
                add(o, "trained_tokens", json_object_new_int64(job->trained_tokens));
        else
                add_nothing(job, o, "trained_tokens", NULL);
        if (trained && (succeeded || !job->no_early_results))
                add(o, "result_files", file_array(job->result_file));
        else
                add_nothing(job, o, "result_files", json_object_new_array());
        add_estimate(job, o);
        add_error(job, o);
}

static void add_labels(const Job *job, json_object *o) {
        json_object *metadata = NULL;

        bool openai = job->world->settings.openai_spelling;

        add_optional_string(job, o, openai ? "user_provided_suffix" : "suffix", job->suffix);
        if (job->metadata && json_object_deep_copy(job->metadata, &metadata, NULL) == 0)
                add(o, "metadata", metadata);
        else
                add_nothing(job, o, "metadata", json_object_new_object());
        if (openai)
                add_string(o, "organization_id", "org-ftsim");
        else
                add_nothing(job, o, "organisation_id", NULL);   /* so spelt in the dated versions */
        add_nothing(job, o, "integrations", json_object_new_array());
        add(o, "seed", json_object_new_int64(job->training_seed));
}

static char *render_job_now(const Job *job, bool summary, size_t *ret_size) {
        const World *w = job->world;
        bool specification = w->settings.specification;
        json_object *o = json_object_new_object();

        add_string(o, "id", job->id);
        add_string(o, "status", job_status(job));
        add_string(o, "model", job->model);
        add_stamp(job, o, "created_at", world_stamp(w, job->created));
        if (summary)
                return json_to_text(o, ret_size);
        if (!specification) {
                add_string(o, "object", "fine_tuning.job");
                add_labels(job, o);
                add_method(job, o);
                add_string(o, "training_file", job->training_file);
                add_optional_string(job, o, "validation_file",
                                    job->training.validation ? job->validation_file : NULL);
        } else {
                add(o, "training_files", file_array(job->training_file));
                add(o, "validation_files",
                    file_array(job->training.validation ? job->validation_file : NULL));
        }
        add(o, "hyperparameters", job_hyperparameters(job));
        add_outcome(job, o);
        return json_to_text(o, ret_size);
}

const char *render_job(Job *job, bool summary, size_t *ret_size) {
        Row *row = summary ? &job->summary : &job->detail;
        int64_t bucket = job_estimate_bucket(job);

        if (!row->text || row->version != job->version || row->bucket != bucket) {
                free(row->text);
                row->version = job->version;
                row->bucket = bucket;
                row->text = render_job_now(job, summary, &row->size);
        }
        *ret_size = row->size;
        return row->text;
}

static void add_number(json_object *o, const char *key, double value) {
        char text[40];

        if (isnan(value))
                return;
        number_print(value, text, sizeof text);
        if (isinf(value))               /* as Python writes it: no JSON, and seen all the same */
                (void) snprintf(text, sizeof text, "NaN");
        add(o, key, json_object_new_double_s(value, text));
}

static void add_metrics(json_object *o, const Metrics *m) {
        add_number(o, "train_loss", m->train_loss);
        add_number(o, "train_mean_token_accuracy", m->train_accuracy);
        add_number(o, "valid_loss", m->valid_loss);
        add_number(o, "valid_mean_token_accuracy", m->valid_accuracy);
        add_number(o, "full_valid_loss", m->full_valid_loss);
        add_number(o, "full_valid_mean_token_accuracy", m->full_valid_accuracy);
        add_number(o, "reward", m->reward);
}

static char *render_event_now(const World *w, const Event *e, size_t *ret_size) {
        json_object *o = json_object_new_object();

        if (!w->settings.specification && !w->settings.no_event_ids)
                add_string(o, "id", e->id);
        add(o, "created_at", json_object_new_int64(e->stamp));
        bool warn = w->settings.openai_spelling && e->level && strcmp(e->level, "warning") == 0;
        add_string(o, "level", warn ? "warn" : e->level);
        add_string(o, "message", e->message);
        if (w->settings.specification)
                return json_to_text(o, ret_size);
        add_string(o, "object", "fine_tuning.job.event");
        if (e->step > 0) {
                json_object *data = json_object_new_object();
                add(data, "step", json_object_new_int64(e->step));
                add_metrics(data, &e->metrics);
                add(o, "data", data);
        } else if (w->settings.nulls == NULLS_EMPTY)
                add(o, "data", json_object_new_object());
        else if (w->settings.nulls == NULLS_NULL)
                add(o, "data", NULL);
        add_string(o, "type", e->step > 0 ? "metrics" : "message");
        return json_to_text(o, ret_size);
}

const char *render_event(const World *w, Event *e, size_t *ret_size) {
        if (!e->row)
                e->row = render_event_now(w, e, &e->row_size);
        *ret_size = e->row_size;
        return e->row;
}

char *render_checkpoint(const Job *job, const Checkpoint *c) {
        json_object *o = json_object_new_object(), *metrics = json_object_new_object();
        _cleanup_(string_freep) char *model = c->final ? must_strdup(job->fine_tuned_model)
                : must_printf("%s:ckpt-step-%lld", job->fine_tuned_model, (long long) c->step);

        add_string(o, "id", c->id);
        add(o, "created_at", json_object_new_int64(c->stamp));
        add_string(o, "fine_tuned_model_checkpoint", model);
        add_string(o, "fine_tuning_job_id", job->id);
        add(metrics, "step", json_object_new_double((double) c->step));
        add_metrics(metrics, &c->metrics);
        if (job->world->settings.openai_spelling)
                add_string(metrics, "type", "supervised");      /* a string among the numbers: recorded */
        add(o, "metrics", metrics);
        add_string(o, "object", "fine_tuning.job.checkpoint");
        add(o, "step_number", json_object_new_int64(c->step));
        return json_to_text(o, NULL);
}
