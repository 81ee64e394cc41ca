#include "unit/notice_samples.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"

#define JOB_ID "ftjob-900fcfc7ea1d4360a9f0cb1697b4eaa6"
#define MODEL "gpt-4o-mini-2024-07-18"
#define TUNED "gpt-4o-mini-2024-07-18.ft-900fcfc7ea1d4360a9f0cb1697b4eaa6-support-bot-v3"

/* Pings, markup of every place, header injection, terminal sequences, overrides of direction, broken UTF-8.
 */
#define HOSTILE                                                                                             \
        "<!channel> @here <@U123> *bold* _it_ ~s~ `code` ```fence``` [x](https://evil.example) ](  "        \
        "<at>everyone</at> {{DATE(2026-01-01T00:00:00Z, SHORT)}} <script>alert(1)</script> &lt;b&gt; "      \
        "&amp; "                                                                                            \
        "\"quoted\" 'single' \\ \x1b[31mred\x1b]0;title\x07 \xe2\x80\xae"                                   \
        "evil\xe2\x80\xac \xff\xfe \xc0\xaf "                                                               \
        "\xed\xa0\x80 \xe2\x80\xa8line\r\nBcc: victim@example.org\r\n\r\n.\r\nMESSAGE=forged\nPRIORITY=0\n" \
        "# heading\n- list\n1. one\n> quote =?UTF-8?Q?x?= ${x} @{y} --=_" NOTICE_SAMPLE_ID "--"

typedef struct Sample {
        const char *name;
        NoticeType type;
        const char *status, *previous_status;
        bool has_job, has_model, has_metrics, has_events, is_hostile;
        int64_t finished_sec;                   /* after creation; 0: unknown */
        JobError error;
        const char *source, *receiver, *reason, *detail;
        int64_t blind_sec, lasting_sec, reminder;
        bool has_checkpoint;
        const char *event;                      /* one event of level warning */
} Sample;

static char job_error_code[] = "invalid_training_data";
static char job_error_message[] =
        "The provided training data failed RAI checks for harm types: [hate_fairness, self_harm, violence]. "
        "Please fix the data and try again.";
static char job_error_param[] = "training_file";

static const Sample samples[] = {
        { .name = "succeeded",
          .type = NOTICE_JOB_SUCCEEDED,
          .status = "succeeded",
          .previous_status = "running",
          .has_job = true,
          .has_model = true,
          .has_metrics = true,
          .has_events = true,
          .finished_sec = 4983,
          .source = "contoso-eastus" },
        { .name = "failed",
          .type = NOTICE_JOB_FAILED,
          .status = "failed",
          .previous_status = "running",
          .has_job = true,
          .has_events = true,
          .source = "contoso-eastus",
          .error = { job_error_code, job_error_message, job_error_param } },
        { .name = "paused",
          .type = NOTICE_JOB_PAUSED,
          .status = "paused",
          .previous_status = "running",
          .has_job = true,
          .source = "contoso-eastus" },
        { .name = "cancelled",
          .type = NOTICE_JOB_CANCELLED,
          .status = "cancelled",
          .previous_status = "running",
          .has_job = true,
          .has_metrics = true,
          .finished_sec = 912,
          .source = "contoso-eastus" },
        { .name = "status_changed",
          .type = NOTICE_JOB_STATUS_CHANGED,
          .status = "evaluating_safety",
          .previous_status = "running",
          .has_job = true,
          .source = "contoso-eastus" },
        { .name = "created",
          .type = NOTICE_JOB_CREATED,
          .status = "pending",
          .has_job = true,
          .source = "contoso-eastus" },
        { .name = "event",
          .type = NOTICE_JOB_EVENT,
          .status = "running",
          .has_job = true,
          .source = "contoso-eastus",
          .event = "Training is slower than usual; 12 examples were skipped." },
        { .name = "results",
          .type = NOTICE_JOB_RESULTS,
          .status = "succeeded",
          .has_job = true,
          .has_model = true,
          .has_metrics = true,
          .finished_sec = 4983,
          .source = "contoso-eastus" },
        { .name = "stalled",
          .type = NOTICE_JOB_STALLED,
          .status = "running",
          .has_job = true,
          .has_metrics = true,
          .source = "contoso-eastus",
          .lasting_sec = 4320,
          .detail = "No new event or metric was seen since 2026-11-19 13:51:09 CET, for 1h 12min; its last "
                    "step was 800." },
        { .name = "waiting",
          .type = NOTICE_JOB_WAITING,
          .status = "pending",
          .has_job = true,
          .source = "contoso-eastus",
          .lasting_sec = 5040,
          .detail = "It has been pending since 2026-11-19 13:39:09 CET, for 1h 24min. Its last event: "
                    "\xe2\x80\x9cJob enqueued. Waiting for jobs ahead to complete.\xe2\x80\x9d. Of this "
                    "source 2 other jobs are running." },
        { .name = "overdue",
          .type = NOTICE_JOB_OVERDUE,
          .status = "running",
          .has_job = true,
          .has_metrics = true,
          .source = "contoso-eastus",
          .lasting_sec = 1860,
          .detail = "The service expected its end 2026-11-19 14:32:09 CET, 31min ago." },
        { .name = "paused_again",
          .type = NOTICE_JOB_PAUSED,
          .status = "paused",
          .has_job = true,
          .source = "contoso-eastus",
          .lasting_sec = 86460,
          .reminder = 1,
          .event = "The job was paused: it reached its spending limit." },
        { .name = "checkpoint",
          .type = NOTICE_JOB_CHECKPOINT,
          .status = "running",
          .has_job = true,
          .has_checkpoint = true,
          .source = "contoso-eastus" },
        { .name = "metric",
          .type = NOTICE_JOB_METRIC,
          .status = "running",
          .has_job = true,
          .has_metrics = true,
          .source = "contoso-eastus",
          .reason = "valid_loss rising for 3",
          .detail = "valid_loss is 0.7381 at step 800." },
        { .name = "source_unauthorized",
          .type = NOTICE_SOURCE_UNAUTHORIZED,
          .source = "contoso-eastus",
          .reason = "unauthorized",
          .detail = "HTTP 401: Access denied due to invalid subscription key or wrong API endpoint." },
        { .name = "source_recovered",
          .type = NOTICE_SOURCE_RECOVERED,
          .source = "contoso-eastus",
          .reason = "unauthorized",
          .blind_sec = 8040 },
        { .name = "receiver_failing",
          .type = NOTICE_RECEIVER_FAILING,
          .receiver = "ml-teams",
          .reason = "not_found",
          .detail = "HTTP 404: the flow does not exist" },
        { .name = "test",
          .type = NOTICE_TEST,
          .detail = "If you can read this, ftwatchd reaches you here." },
        { .name = "hostile",
          .type = NOTICE_JOB_FAILED,
          .status = "failed",
          .previous_status = HOSTILE,
          .has_job = true,
          .has_model = true,
          .has_metrics = true,
          .has_events = true,
          .is_hostile = true,
          .source = HOSTILE,
          .reason = HOSTILE,
          .detail = HOSTILE },
};

const char *const notice_sample_names[] = {
        "succeeded", "failed", "paused", "cancelled", "status_changed", "created", "event", "results",
        "stalled", "waiting", "overdue", "paused_again", "checkpoint", "metric",
        "source_unauthorized", "source_recovered", "receiver_failing", "test", "hostile", NULL,
};

static char *copy(const char *s) {
        char *c = s ? strdup(s) : NULL;

        assert_true(!s || c);
        return c;
}

/* 100 kB of it. */
static char *long_hostile(void) {
        size_t n = strlen(HOSTILE), times = 100000 / n + 1;
        char *s = malloc(n * times + 1);

        assert_non_null(s);
        for (size_t i = 0; i < times; i++)
                memcpy(s + i * n, HOSTILE, n);
        s[n * times] = '\0';
        return s;
}

/* A value of `digits` ten-thousandths: the same on every machine. */
static void add_point(Metrics *m, const char *name, int64_t step, int64_t ten_thousandths) {
        assert_int_equal(metrics_add(m, name, step, (double) ten_thousandths / 10000.0), 0);
}

static Metrics *sample_metrics(bool hostile) {
        Metrics *all, *few;
        uint32_t noise = 1;

        assert_int_equal(metrics_new(&all), 0);
        assert_int_equal(metrics_new(&few), 0);
        for (int64_t step = 1; step <= 800; step++) {
                noise = noise * 1664525 + 1013904223;
                int64_t jitter = (int64_t) (noise >> 16) % 1200 - 600;
                add_point(all, "train_loss", step,
                          3800 + 20000 * 60 / (60 + step) + jitter * (1000 - step) / 1000);
                add_point(all, "train_mean_token_accuracy", step,
                          9400 - 4000 * 80 / (80 + step) + jitter / 10);
                if (step % 10 == 0)
                        add_point(all, "valid_loss", step, 5200 + 18000 * 70 / (70 + step) + jitter / 2 +
                                                                   (step > 640 ? (step - 640) * 3 : 0));
                if (step % 200 == 0)
                        add_point(all, "full_valid_loss", step, 5100 + 18000 * 70 / (70 + step) +
                                                                        (step > 640 ? 400 : 0));
        }
        for (size_t i = 0; i < all->n_series; i++) {
                MetricPoint *points;
                size_t n;
                assert_int_equal(metric_series_downsample(all->series + i, NOTICE_CURVE_POINTS, &points, &n),
                                 0);
                for (size_t k = 0; k < n; k++)
                        assert_int_equal(
                                metrics_add(few, all->series[i].name, points[k].step, points[k].value), 0);
                free(points);
        }
        if (hostile) {
                assert_int_equal(metrics_add(few, "<!here> *x* {{DATE}} <b>", 1, NAN), 0);
                assert_int_equal(metrics_add(few, "<!here> *x* {{DATE}} <b>", 2, INFINITY), 0);
                assert_int_equal(metrics_add(few, "train_loss", 801, NAN), 0);
        }
        (void) metrics_free(all);
        return few;
}

static void add_event(Notice *n, EventLevel level, int64_t created_at, const char *message) {
        n->events = reallocarray(n->events, n->n_events + 1, sizeof(Event *));
        assert_non_null(n->events);
        Event *e = calloc(1, sizeof *e);
        assert_non_null(e);
        *e = (Event) { .created_at = created_at, .level = level, .message = copy(message), .step = -1 };
        n->events[n->n_events++] = e;
}

static void add_events(Notice *n, const Sample *s) {
        static const struct {
                int64_t before;         /* seconds before the notice */
                const char *text;
        } infos[] = {
                { 4500, "Job started." },
                { 61, "Job succeeded." },
                { 58, "Postprocessing started." },
                { 30, "Completed results file: file-175c81c590074388bdb49e8e0d91bac3" },
                { 29, "Training hours billed: 1.250" },
        };

        if (s->event)
                add_event(n, EVENT_LEVEL_WARNING, NOTICE_SAMPLE_SEC - 20, s->event);
        if (!s->has_events)
                return;
        if (s->is_hostile) {
                char *text = long_hostile();
                for (size_t i = 0; i < NOTICE_EVENTS_MAX; i++)
                        add_event(n, EVENT_LEVEL_ERROR, INT64_MAX / 2, text);
                free(text);
        } else if (streq(s->name, "failed")) {
                add_event(n, EVENT_LEVEL_INFO, NOTICE_SAMPLE_SEC - 4000,
                          "Job enqueued. Waiting for jobs ahead to "
                          "complete.");
                add_event(n, EVENT_LEVEL_INFO, NOTICE_SAMPLE_SEC - 1200, "Job started.");
                add_event(n, EVENT_LEVEL_ERROR, NOTICE_SAMPLE_SEC - 30, job_error_message);
        } else
                for (size_t i = 0; i < ARRAY_SIZE(infos); i++)
                        add_event(n, EVENT_LEVEL_INFO, NOTICE_SAMPLE_SEC - infos[i].before, infos[i].text);
}

static json_object *parse(const char *text) {
        json_object *o = json_tokener_parse(text);

        assert_non_null(o);
        return o;
}

static Job *sample_job(const Sample *s) {
        Job *j = calloc(1, sizeof *j);

        assert_non_null(j);
        *j = (Job) {
                .id = copy(s->is_hostile ? HOSTILE : JOB_ID),
                .status = copy(s->status),
                .model = copy(s->is_hostile ? HOSTILE : MODEL),
                .fine_tuned_model = copy(s->is_hostile ? HOSTILE : s->has_model ? TUNED : NULL),
                .suffix = copy(s->is_hostile ? HOSTILE : "support-bot-v3"),
                .method = copy("supervised"),
                .created_at = NOTICE_SAMPLE_SEC - 5040,
                .finished_at = s->finished_sec > 0 ? NOTICE_SAMPLE_SEC - 5040 + s->finished_sec : 0,
                .trained_tokens = s->has_model ? 1234567 : -1,
        };
        j->error.code = copy(s->is_hostile ? HOSTILE : s->error.code);
        j->error.message = s->is_hostile ? long_hostile() : copy(s->error.message);
        j->error.param = copy(s->is_hostile ? HOSTILE : s->error.param);
        j->hyperparameters = parse(
                s->has_model ? "{\"n_epochs\":3,\"batch_size\":4,\"learning_rate_multiplier\":0.1}"
                             : "{\"n_epochs\":-1,\"batch_size\":\"auto\"}");
        if (s->is_hostile) {
                j->metadata = json_object_new_object();
                json_object_object_add(j->metadata, HOSTILE, json_object_new_string(HOSTILE));
                json_object_object_add(j->metadata, "owner", json_object_new_string("@here"));
        } else
                j->metadata = parse("{\"owner\":\"alice@example.org\",\"ticket\":\"ML-1423\"}");
        return j;
}

static void add_checkpoint(Notice *n, const Sample *s) {
        Checkpoint *c = calloc(1, sizeof *c);

        assert_non_null(c);
        *c = (Checkpoint) {
                .id = copy("ftchkpt-5f1b3d9c0a7e4c2d"),
                .model = copy(s->is_hostile ? HOSTILE : TUNED ":ckpt-step-400"),
                .created_at = NOTICE_SAMPLE_SEC - 12,
                .step = 400,
                .metrics = parse("{\"step\":400.0,\"train_loss\":0.5217,\"valid_loss\":0.6106,"
                                 "\"full_valid_loss\":-1,\"type\":\"supervised\"}"),
        };
        n->checkpoint = c;
        if (!n->metrics)
                assert_int_equal(checkpoint_metrics(c, &n->metrics), 0);
}

Notice *notice_sample_new(const char *name) {
        const Sample *s = samples;

        while (s < samples + ARRAY_SIZE(samples) && !streq(s->name, name))
                s++;
        assert_true(s < samples + ARRAY_SIZE(samples));
        Notice *n = calloc(1, sizeof *n);
        assert_non_null(n);
        *n = (Notice) {
                .type = s->type,
                .created_usec = (usec_t) NOTICE_SAMPLE_SEC * USEC_PER_SEC,
                .source = copy(s->source),
                .status = copy(s->status),
                .previous_status = copy(s->previous_status),
                .receiver = copy(s->receiver),
                .reason = copy(s->reason),
                .detail = s->is_hostile ? long_hostile() : copy(s->detail),
                .blind_sec = s->blind_sec,
                .lasting_sec = s->lasting_sec,
                .reminder = s->reminder,
        };
        (void) snprintf(n->id, sizeof n->id, "%s", NOTICE_SAMPLE_ID);
        if (s->has_job) {
                n->job = sample_job(s);
                n->url = copy(s->is_hostile ? "javascript:alert(1)//" HOSTILE
                                            : "https://ai.azure.com/build/fine-tune?job=" JOB_ID "&tab=1");
        }
        if (s->has_metrics)
                n->metrics = sample_metrics(s->is_hostile);
        if (s->has_checkpoint || s->is_hostile)
                add_checkpoint(n, s);
        add_events(n, s);
        return n;
}
