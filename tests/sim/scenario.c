#include "scenario.h"

#include <errno.h>
#include <libconfig.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jsonread.h"
#include "util.h"

#define DEFAULT_KEY "ftsim-key"
#define DEFAULT_MODEL "gpt-4.1-mini-2025-04-14"

typedef struct Word {
        const char *name;
        int value;
} Word;

static int read_word(json_object *o, const char *key, const Word *words, int fallback, int *ret) {
        const char *name = json_string(o, key, NULL);

        if (!name) {
                *ret = fallback;
                return 0;
        }
        for (const Word *w = words; w->name; w++)
                if (strcmp(w->name, name) == 0) {
                        *ret = w->value;
                        return 0;
                }
        (void) fprintf(stderr, "ftsim: %s: unknown word \"%s\"\n", key, name);
        return -EINVAL;
}

static int read_training(json_object *o, const char *where, double base, Training *t) {
        static const char *const keys[] = {
                "from", "to",         "steps",     "steps_done", "every", "epochs",         "batch",
                "lag",  "validation", "loss_from", "loss_to",    "noise", "stamp_per_step",
                "reward", "nan_from", NULL,
        };
        if (!json_check_keys(o, where, keys))
                return -EINVAL;
        t->enabled = true;
        t->reward = json_flag(o, "reward", false);
        t->nan_from = json_int(o, "nan_from", 0);
        t->validation = json_flag(o, "validation", false);
        t->from = json_double(o, "from", NAN) + base;
        t->to = json_double(o, "to", NAN) + base;
        t->steps = json_int(o, "steps", t->steps);
        t->steps_done = json_int(o, "steps_done", t->steps);
        t->every = json_int(o, "every", t->every);
        t->epochs = json_int(o, "epochs", t->epochs);
        t->batch = json_int(o, "batch", t->batch);
        t->lag = json_double(o, "lag", t->lag);
        t->loss_from = json_double(o, "loss_from", t->loss_from);
        t->loss_to = json_double(o, "loss_to", t->loss_to);
        t->noise = json_double(o, "noise", t->noise);
        t->stamp_per_step = json_double(o, "stamp_per_step", t->stamp_per_step);
        if (t->steps < 1 || t->every < 1 || t->epochs < 1 || t->batch < 1 || t->steps_done > t->steps) {
                (void) fprintf(stderr, "ftsim: %s: steps, every, epochs and batch must be above 0, "
                               "steps_done at most steps\n", where);
                return -EINVAL;
        }
        return 0;
}

static int read_timeline_entry(Job *job, json_object *o, const char *where, double base) {
        static const char *const keys[] = { "at", "status", "error", "event", "level", "created_at", NULL };
        const char *status = json_string(o, "status", NULL), *event = json_string(o, "event", NULL);
        double at = base + json_double(o, "at", 0);

        if (!json_check_keys(o, where, keys))
                return -EINVAL;
        if (!status && !event) {
                (void) fprintf(stderr, "ftsim: %s: neither status nor event\n", where);
                return -EINVAL;
        }
        json_object *error = json_get(o, "error", json_type_object);
        if (status)
                job_add_change(job, at, status, json_string(error, "code", NULL),
                               json_string(error, "message", NULL), json_string(error, "param", NULL));
        if (event)
                (void) job_add_event(job, at, json_int(o, "created_at", world_stamp(job->world, at)),
                                     json_string(o, "level", "info"), event);
        return 0;
}

static int read_timeline(Job *job, json_object *o, const char *where, double base) {
        json_object *timeline = json_get(o, "timeline", json_type_array);
        size_t n = timeline ? json_object_array_length(timeline) : 0;

        for (size_t i = 0; i < n; i++) {
                _cleanup_(string_freep) char *place = must_printf("%s.timeline[%zu]", where, i);
                int r = read_timeline_entry(job, json_object_array_get_idx(timeline, i), place, base);
                if (r < 0)
                        return r;
        }
        if (job->n_changes == 0)
                job_add_change(job, base, json_string(o, "status", "pending"), NULL, NULL, NULL);
        return 0;
}

static void read_names(Job *job, json_object *o) {
        const char *method = json_string(o, "method", "supervised"),
                   *name = json_string(o, "fine_tuned_model", NULL);
        char hex[33];

        job->model = must_strdup(json_string(o, "model", DEFAULT_MODEL));
        job->suffix = must_strdup(json_string(o, "suffix", NULL));
        job->method = strcmp(method, "none") == 0 ? NULL : must_strdup(method);
        job->metadata = json_object_get(json_get(o, "metadata", json_type_object));
        job->hyperparameters = json_object_get(json_get(o, "hyperparameters", json_type_object));
        random_hex32(job->world->settings.seed, job->id, 5, hex);
        job->fine_tuned_model = name ? must_strdup(name)
                                     : must_printf("%s.ft-%s%s%s", job->model, hex, job->suffix ? "-" : "",
                                                   job->suffix ? job->suffix : "");
}

int scenario_read_job(World *w, json_object *o, const char *where, double base, Job **ret) {
        static const char *const keys[] = {
                "id",
                "model",
                "suffix",
                "metadata",
                "method",
                "hyperparameters",
                "fine_tuned_model",
                "created",
                "removed",
                "estimate",
                "trained_tokens",
                "billed_hours",
                "lead",
                "tail",
                "auto_events",
                "early_results",
                "training",
                "timeline",
                "status",
                NULL,
        };
        if (!json_check_keys(o, where, keys))
                return -EINVAL;
        _cleanup_(job_freep) Job *job = job_new(w, json_string(o, "id", NULL));
        read_names(job, o);
        json_object *training = json_get(o, "training", json_type_object);
        _cleanup_(string_freep) char *place = must_printf("%s.training", where);
        int r = training ? read_training(training, place, base, &job->training) : 0;
        if (r < 0)
                return r;
        job->lead = json_double(o, "lead", job->lead);
        job->tail = json_double(o, "tail", job->tail);
        job->billed_hours = json_double(o, "billed_hours", job->billed_hours);
        job->trained_tokens =
                json_int(o, "trained_tokens", job->training.enabled ? job->training.steps * 104 : 0);
        job->no_auto_events = !json_flag(o, "auto_events", true);
        job->no_early_results = !json_flag(o, "early_results", true);
        r = read_timeline(job, o, where, base);
        if (r < 0)
                return r;
        job->created = json_double(o, "created", job->changes[0].at - base) + base;
        job->removed = json_double(o, "removed", INFINITY) + base;
        job->estimate = json_double(o, "estimate", NAN) + base;
        *ret = TAKE_PTR(job);
        return 0;
}

static int read_switches(json_object *o, Settings *s) {
        static const Word shapes[] = { { "azure", 0 }, { "specification", 1 }, {} };
        static const Word orders[] = { { "newest", 0 }, { "oldest", 1 }, {} };
        static const Word sorts[] = { { "stamp", 0 }, { "arrival", 1 }, {} };
        static const Word nulls[] = {
                { "null", NULLS_NULL }, { "absent", NULLS_ABSENT }, { "empty", NULLS_EMPTY }, {}
        };
        static const Word encodings[] = {
                { "auto", ENCODING_AUTO }, { "plain", ENCODING_PLAIN }, { "base64", ENCODING_BASE64 }, {},
        };
        static const Word missing[] = { { "empty", 0 }, { "minus-one", 1 }, {} };
        static const Word estimates[] = {
                { "wild", ESTIMATE_WILD }, { "fixed", ESTIMATE_FIXED }, { "none", ESTIMATE_NONE }, {},
        };
        static const Word spellings[] = { { "azure", 0 }, { "openai", 1 }, {} };
        static const Word stamps[] = {
                { "integer", STAMPS_INTEGER }, { "float", STAMPS_FLOAT }, { "digits", STAMPS_DIGITS },
                { "iso", STAMPS_ISO }, {},
        };
        int shape, order, sort, null, encoding, minus, estimate, spelling, stamp;

        if (read_word(o, "shape", shapes, s->specification, &shape) < 0)
                return -EINVAL;
        /* The specification's examples are oldest first and have no nulls in lists. */
        if (read_word(o, "order", orders, shape, &order) < 0 ||
            read_word(o, "event_sort", sorts, 0, &sort) < 0 ||
            read_word(o, "nulls", nulls, shape ? NULLS_ABSENT : NULLS_NULL, &null) < 0 ||
            read_word(o, "encoding", encodings, ENCODING_AUTO, &encoding) < 0 ||
            read_word(o, "missing", missing, 0, &minus) < 0 ||
            read_word(o, "estimate", estimates, ESTIMATE_WILD, &estimate) < 0 ||
            read_word(o, "spelling", spellings, 0, &spelling) < 0 ||
            read_word(o, "stamps", stamps, STAMPS_INTEGER, &stamp) < 0)
                return -EINVAL;
        s->openai_spelling = spelling;
        s->stamps = (Stamps) stamp;
        s->specification = shape;
        s->oldest_first = order;
        s->sort_by_arrival = sort;
        s->nulls = (Nulls) null;
        s->encoding = (Encoding) encoding;
        s->metrics_minus_one = minus;
        s->estimate = (Estimate) estimate;
        return 0;
}

static int read_settings(json_object *o, Settings *s) {
        int r = read_switches(o, s);
        if (r < 0)
                return r;
        free(s->api_key);
        s->api_key = must_strdup(json_string(o, "api_key", DEFAULT_KEY));
        s->token = must_strdup(json_string(o, "token", NULL));
        s->api_versions = json_object_get(json_get(o, "api_versions", json_type_array));
        s->ignore_after = json_flag(o, "ignore_after", false);
        s->no_event_ids = !json_flag(o, "event_ids", true);
        s->no_has_more = !json_flag(o, "has_more", true);
        s->max_limit = json_int(o, "max_limit", 0);
        s->max_limit_refuses = json_flag(o, "max_limit_refuses", false);
        s->no_date = !json_flag(o, "date_header", true);
        s->date_skew = json_double(o, "date_skew", 0);
        s->no_request_log = !json_flag(o, "record_requests", true);
        s->time_scale = json_double(o, "time_scale", 1);
        s->stamp_scale = json_double(o, "stamp_scale", 1);
        s->stamp_offset = json_double(o, "stamp_offset", 0);
        s->stamp_base = json_int(o, "stamp_base", 0);
        if (!(s->time_scale > 0) || !(s->stamp_scale > 0)) {
                (void) fprintf(stderr, "ftsim: time_scale and stamp_scale must be above 0\n");
                return -EINVAL;
        }
        return 0;
}

typedef int (*read_item_t)(Sim *sim, json_object *item, const char *where);

static int read_job_item(Sim *sim, json_object *item, const char *where) {
        Job *job;
        int r = scenario_read_job(&sim->world, item, where, 0, &job);
        if (r >= 0)
                world_add_job(&sim->world, job);
        return r;
}

static int read_fault_item(Sim *sim, json_object *item, const char *where) {
        return fault_list_add(&sim->faults, item, where);
}

static int read_sink_item(Sim *sim, json_object *item, const char *where) {
        return sink_table_add(&sim->sinks, item, where);
}

static int read_list(Sim *sim, json_object *o, const char *key, read_item_t read) {
        json_object *list = json_get(o, key, json_type_array);

        for (size_t i = 0; list && i < json_object_array_length(list); i++) {
                _cleanup_(string_freep) char *where = must_printf("%s[%zu]", key, i);
                int r = read(sim, json_object_array_get_idx(list, i), where);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int scenario_apply(Sim *sim, json_object *o) {
        static const char *const keys[] = {
                "api_key",
                "token",
                "api_versions",
                "shape",
                "order",
                "event_sort",
                "ignore_after",
                "event_ids",
                "max_limit",
                "max_limit_refuses",
                "nulls",
                "encoding",
                "missing",
                "estimate",
                "spelling",
                "stamps",
                "has_more",
                "date_header",
                "date_skew",
                "record_requests",
                "time_scale",
                "stamp_scale",
                "stamp_offset",
                "stamp_base",
                "seed",
                "jobs",
                "generate",
                "faults",
                "sinks",
                NULL,
        };
        Settings *s = &sim->world.settings;
        int r;

        if (!json_check_keys(o, "scenario", keys))
                return -EINVAL;
        if (sim->force_shape)
                (void) json_object_object_add(o, "shape", json_object_new_string(sim->force_specification ?
                                                                                 "specification" : "azure"));
        s->seed = sim->force_seed ? sim->seed : (uint64_t) json_int(o, "seed", 1);
        if ((r = read_settings(o, s)) < 0 ||
            (r = read_list(sim, o, "jobs", read_job_item)) < 0 ||
            (r = read_list(sim, o, "faults", read_fault_item)) < 0 ||
            (r = read_list(sim, o, "sinks", read_sink_item)) < 0)
                return r;
        json_object *generate = json_get(o, "generate", json_type_object);
        return generate ? generate_jobs(&sim->world, generate) : 0;
}

int scenario_load(Sim *sim, const char *file) {
        config_t config;
        int r = -EINVAL;

        config_init(&config);
        if (!config_read_file(&config, file))
                (void) fprintf(stderr, "ftsim: %s:%d: %s\n",
                               config_error_file(&config) ? config_error_file(&config) : file,
                               config_error_line(&config), config_error_text(&config));
        else {
                json_object *o = json_from_setting(config_root_setting(&config));
                r = scenario_apply(sim, o);
                (void) json_object_put(o);
        }
        config_destroy(&config);
        return r;
}
