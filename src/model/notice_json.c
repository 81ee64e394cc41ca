/* A notice must fit into a webhook of 20 kB (standard-webhooks.md, "payload size") whatever the API sent.
 * Most do as they are. The others are made again with the next row of limits, from fewer points of the
 * curves to shorter texts, until they fit. What is read back fits at once, as it is, so that a notice that
 * went through the store is rendered the same. */
#include "model/notice.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/text.h"
#include "model/clip.h"
#include "model/job_json.h"
#include "model/metrics_json.h"

#define NOTICE_DATA_MAX 19000U          /* bytes, which leaves the envelope a thousand */
#define NOTICE_NAME_CHARS 128U
#define NOTICE_URL_MAX 2000U            /* bytes */

typedef struct NoticeLimits {
        size_t curve_points;
        size_t metrics_bytes;
        size_t text_chars;              /* of detail and advice */
        EventJsonLimits events;
        JobJsonLimits job;
} NoticeLimits;

#define HYPERPARAMETERS(chars, bytes)                                                                       \
        { .n_members = 32, .key_chars = 64, .value_chars = (chars), .n_bytes = (bytes) }
#define METADATA(keys, chars, bytes)                                                                        \
        { .n_members = 32, .key_chars = (keys), .value_chars = (chars), .n_bytes = (bytes) }
#define EVENTS(chars, bytes)                                                                                \
        {                                                                                                   \
                .message_chars = (chars), .data = {                                                         \
                        .n_members = 64,                                                                    \
                        .key_chars = 64,                                                                    \
                        .value_chars = 64,                                                                  \
                        .n_bytes = (bytes)                                                                  \
                }                                                                                           \
        }

static const NoticeLimits levels[] = {
        { NOTICE_CURVE_POINTS, SIZE_MAX, 1000, EVENTS(1000, 600),
          { JOB_NAME_CHARS, 2000, HYPERPARAMETERS(128, 2000), METADATA(64, 512, 16384) } },
        { 20, SIZE_MAX, 1000, EVENTS(1000, 600),
          { JOB_NAME_CHARS, 2000, HYPERPARAMETERS(128, 2000), METADATA(64, 512, 16384) } },
        { 10, SIZE_MAX, 1000, EVENTS(1000, 600),
          { JOB_NAME_CHARS, 2000, HYPERPARAMETERS(128, 2000), METADATA(64, 512, 16384) } },
        { 10, 6000, 500, EVENTS(300, 300),
          { JOB_NAME_CHARS, 1000, HYPERPARAMETERS(128, 2000), METADATA(64, 512, 16384) } },
        { 4, 3000, 300, EVENTS(200, 200),
          { JOB_NAME_CHARS, 500, HYPERPARAMETERS(64, 1000), METADATA(64, 512, 16384) } },
        { 4, 2500, 200, EVENTS(100, 150),
          { 100, 300, HYPERPARAMETERS(64, 800), METADATA(64, 128, 6000) } },
        { 4, 1800, 100, EVENTS(60, 100),
          { 60, 200, HYPERPARAMETERS(32, 500), METADATA(32, 24, 3000) } },
};

/* { "first", "last", "best", "best_step", "last_step", "curve" } */
static int series_to_json(const MetricSeries *s, size_t max_points, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        json_object *curve;
        MetricSummary sum;
        int r;

        if (!o)
                return -ENOMEM;
        if (!metric_series_summarize(s, &sum))
                return -ENODATA;
        if ((r = json_add_double(o, "first", sum.first.value)) < 0 ||
            (r = json_add_double(o, "last", sum.last.value)) < 0 ||
            (r = json_add_double(o, "best", sum.has_best ? sum.best.value : NAN)) < 0 ||
            (r = sum.has_best ? json_add_int(o, "best_step", sum.best.step)
                              : json_add(o, "best_step", NULL)) < 0 ||
            (r = json_add_int(o, "last_step", sum.last.step)) < 0 ||
            (r = metric_series_to_json(s, max_points, &curve)) < 0 || (r = json_add(o, "curve", curve)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

static int add_metrics(json_object *o, const Metrics *m, const NoticeLimits *limits) {
        _cleanup_json_ json_object *all = json_object_new_object();
        size_t n_bytes = 0;

        if (!all)
                return -ENOMEM;
        for (size_t i = 0; m && i < m->n_series; i++) {
                json_object *series = NULL;
                int r = series_to_json(&m->series[i], limits->curve_points, &series);
                if (r == -ENODATA)
                        continue;
                if (r < 0)
                        return r;
                size_t size;
                r = clip_measure(series, &size);
                n_bytes += r < 0 ? 0 : size + 2 * strlen(m->series[i].name) + 4;
                if (r < 0 || n_bytes > limits->metrics_bytes) {
                        json_object_put(series);
                        if (r < 0)
                                return r;
                        break;
                }
                r = json_add(all, m->series[i].name, series);
                if (r < 0)
                        return r;
        }
        return json_add(o, "metrics", TAKE_PTR(all));
}

static int add_events(json_object *o, const Notice *n, const NoticeLimits *limits) {
        _cleanup_json_ json_object *all = json_object_new_array();
        size_t first = n->n_events > NOTICE_EVENTS_MAX ? n->n_events - NOTICE_EVENTS_MAX : 0;

        if (!all)
                return -ENOMEM;
        for (size_t i = first; i < n->n_events; i++) {
                json_object *event;
                int r = event_make_json(n->events[i], &limits->events, &event);
                if (r < 0)
                        return r;
                if (json_object_array_add(all, event) < 0) {
                        json_object_put(event);
                        return -ENOMEM;
                }
        }
        return json_add(o, "events", TAKE_PTR(all));
}

static int add_if_set(json_object *o, const char *key, const char *s, size_t max_chars) {
        int r = clip_add(o, key, s, max_chars);

        if (r >= 0 && !json_member(o, key))
                json_object_object_del(o, key);
        return r;
}

/* A link that is cut leads nowhere: whole or not at all. */
static int add_url(json_object *o, const char *url) {
        return json_add_string(o, "url", url && strlen(url) <= NOTICE_URL_MAX ? url : NULL);
}

/* Only where they say something: most notices are of one moment. */
static int add_lasting(json_object *o, const Notice *n) {
        int r = n->lasting_sec > 0 ? json_add_int(o, "lasting_seconds", n->lasting_sec) : 0;

        if (r >= 0 && n->reminder > 0)
                r = json_add_int(o, "reminder", n->reminder);
        return r;
}

static int add_checkpoint(json_object *o, const Checkpoint *c, const NoticeLimits *limits) {
        json_object *checkpoint = NULL;

        if (!c)
                return 0;
        int r = checkpoint_to_json(c, limits->job.name_chars, &checkpoint);
        return r < 0 ? r : json_add(o, "checkpoint", checkpoint);
}

static int job_notice_to_json(const Notice *n, const NoticeLimits *limits, json_object *o) {
        int r;

        if ((r = json_add_string(o, "id", n->job->id)) < 0 ||
            (r = clip_add(o, "source", n->source, NOTICE_NAME_CHARS)) < 0 ||
            (r = clip_add(o, "status", n->status ? n->status : status_canonical(n->job->status),
                          JOB_STATUS_CHARS)) < 0 ||
            (r = clip_add(o, "previous_status", n->previous_status, JOB_STATUS_CHARS)) < 0 ||
            (r = job_add_json(o, n->job, &limits->job)) < 0 ||
            (r = add_metrics(o, n->metrics, limits)) < 0 || (r = add_events(o, n, limits)) < 0 ||
            (r = add_if_set(o, "reason", n->reason, JOB_STATUS_CHARS)) < 0 ||
            (r = add_if_set(o, "detail", n->detail, limits->text_chars)) < 0 ||
            (r = add_if_set(o, "advice", n->advice, limits->text_chars)) < 0 ||
            (r = add_lasting(o, n)) < 0 || (r = add_checkpoint(o, n->checkpoint, limits)) < 0)
                return r;
        return add_url(o, n->url);
}

static int other_notice_to_json(const Notice *n, const NoticeLimits *limits, json_object *o) {
        int r;

        if ((r = clip_add(o, "source", n->source, NOTICE_NAME_CHARS)) < 0 ||
            (r = clip_add(o, "receiver", n->receiver, NOTICE_NAME_CHARS)) < 0 ||
            (r = clip_add(o, "reason", n->reason, JOB_STATUS_CHARS)) < 0 ||
            (r = clip_add(o, "detail", n->detail, limits->text_chars)) < 0 ||
            (r = clip_add(o, "advice", n->advice, limits->text_chars)) < 0 ||
            (r = n->blind_sec > 0 ? json_add_int(o, "blind_seconds", n->blind_sec) :
                                    json_add(o, "blind_seconds", NULL)) < 0)
                return r;
        return add_url(o, n->url);
}

int notice_to_json(const Notice *n, json_object **ret) {
        for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
                _cleanup_json_ json_object *o = json_object_new_object();
                if (!o)
                        return -ENOMEM;
                int r = n->job ? job_notice_to_json(n, &levels[i], o)
                               : other_notice_to_json(n, &levels[i], o);
                if (r >= 0 && n->test)
                        r = json_add_bool(o, "test", true);
                if (r < 0)
                        return r;
                size_t size;
                r = clip_measure(o, &size);
                if (r < 0)
                        return r;
                if (size <= NOTICE_DATA_MAX || i + 1 == ARRAY_SIZE(levels)) {
                        *ret = TAKE_PTR(o);
                        return 0;
                }
        }
        return -EFBIG;                          /* not reached: the last row is taken as it is */
}

static int read_text(json_object *o, const char *key, char **to) {
        const char *s = json_member_string(o, key);

        return s ? free_and_strdup(to, s) : 0;
}

static int read_metrics(json_object *o, Metrics **ret) {
        json_object *all = json_member_object(o, "metrics");
        _cleanup_(metrics_freep) Metrics *m = NULL;

        if (!all)
                return 0;
        int r = metrics_new(&m);
        if (r < 0)
                return r;
        json_object_object_foreach(all, name, series) {
                r = metric_series_from_json(name, json_member(series, "curve"), m);
                if (r < 0)
                        return r;
        }
        if (!metrics_is_empty(m))
                *ret = TAKE_PTR(m);
        return 0;
}

static int read_events(json_object *o, Notice *n) {
        json_object *all = json_member_array(o, "events");
        size_t n_all = all ? MIN(json_object_array_length(all), (size_t) NOTICE_EVENTS_MAX) : 0;

        if (n_all == 0)
                return 0;
        n->events = calloc(n_all, sizeof *n->events);
        if (!n->events)
                return -ENOMEM;
        for (size_t i = 0; i < n_all; i++) {
                int r = event_from_json(json_object_array_get_idx(all, i), &n->events[n->n_events]);
                if (r == -EBADMSG)
                        continue;
                if (r < 0)
                        return r;
                n->n_events++;
        }
        return 0;
}

static int read_checkpoint(json_object *o, Notice *n) {
        json_object *checkpoint = json_member_object(o, "checkpoint");
        int r = checkpoint ? checkpoint_from_json(checkpoint, &n->checkpoint) : 0;

        return r == -EBADMSG ? 0 : r;
}

int notice_from_json(json_object *o, Notice **ret) {
        if (!json_object_is_type(o, json_type_object))
                return -EBADMSG;
        _cleanup_(notice_freep) Notice *n = calloc(1, sizeof *n);
        if (!n)
                return -ENOMEM;
        const struct {
                const char *key;
                char **to;
        } texts[] = {
                { "source", &n->source },
                { "status", &n->status },
                { "previous_status", &n->previous_status },
                { "receiver", &n->receiver },
                { "reason", &n->reason },
                { "detail", &n->detail },
                { "advice", &n->advice },
                { "url", &n->url },
        };

        n->type = _NOTICE_TYPE_INVALID;
        n->blind_sec = json_member_int(o, "blind_seconds", 0);
        n->test = json_member_bool(o, "test", false);
        n->lasting_sec = json_member_int(o, "lasting_seconds", 0);
        n->reminder = json_member_int(o, "reminder", 0);
        int r = json_member(o, "id") ? job_from_json(o, &n->job) : 0;
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(texts); i++)
                r = read_text(o, texts[i].key, texts[i].to);
        if (r >= 0)
                r = read_metrics(o, &n->metrics);
        if (r >= 0)
                r = read_events(o, n);
        if (r >= 0)
                r = read_checkpoint(o, n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(n);
        return 0;
}
