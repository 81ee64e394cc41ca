/* Replies of the API, and what the store kept of them: any bytes are read as a job, an event, a notice and
 * metrics. What is taken must come back the same when it is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/macro.h"
#include "base/strings.h"
#include "base/text.h"
#include "model/job.h"
#include "model/notice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOTICE_MAX 19500U

/* Takes o, which is there when r says so. */
static char *write_text(int r, json_object **o) {
        char *text;

        if (r < 0 || json_to_text(*o, &text) < 0)
                abort();
        json_putp(o);
        if (!utf8_is_valid(text, strlen(text)))
                abort();
        return text;
}

static void compare(char *a, char *b) {
        if (!streq(a, b))
                abort();
        free(a);
        free(b);
}

static json_object *parse(const char *text) {
        json_object *o = NULL;

        if (json_parse_bounded(text, strlen(text), &o, NULL) < 0)
                abort();
        return o;
}

static void try_job(json_object *o) {
        _cleanup_(job_freep) Job *j = NULL, *back = NULL;
        json_object *a = NULL, *b = NULL;

        if (job_from_json(o, &j) < 0)
                return;
        char *text = write_text(job_to_json(j, &a), &a);
        _cleanup_json_ json_object *parsed = parse(text);
        if (job_from_json(parsed, &back) < 0)
                abort();
        compare(text, write_text(job_to_json(back, &b), &b));
        (void) job_duration_sec(j);
        (void) notice_type_for_status(j->status);
}

static void try_event(json_object *o) {
        _cleanup_(event_freep) Event *e = NULL, *back = NULL;
        uint8_t key[EVENT_KEY_SIZE];
        json_object *a = NULL, *b = NULL;

        if (event_from_json(o, &e) < 0)
                return;
        char *text = write_text(event_to_json(e, &a), &a);
        _cleanup_json_ json_object *parsed = parse(text);
        if (event_from_json(parsed, &back) < 0 || event_key(e, 0, key) < 0)
                abort();
        compare(text, write_text(event_to_json(back, &b), &b));
}

static void try_notice(json_object *o) {
        _cleanup_(notice_freep) Notice *n = NULL, *back = NULL;
        json_object *a = NULL, *b = NULL;

        if (notice_from_json(o, &n) < 0)
                return;
        char *text = write_text(notice_to_json(n, &a), &a);
        if (strlen(text) > NOTICE_MAX)
                abort();
        _cleanup_json_ json_object *parsed = parse(text);
        if (notice_from_json(parsed, &back) < 0)
                abort();
        compare(text, write_text(notice_to_json(back, &b), &b));
}

static void try_metrics(json_object *o) {
        _cleanup_(metrics_freep) Metrics *m = NULL;
        _cleanup_json_ json_object *thin = NULL;

        if (metrics_from_json(o, &m) < 0)
                return;
        for (size_t i = 0; i < m->n_series; i++) {
                _cleanup_free_ char *line = NULL;
                if (metric_series_sparkline(&m->series[i], SPARKLINE_WIDTH, &line) < 0)
                        abort();
        }
        if (metrics_to_json(m, 7, &thin) < 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_json_ json_object *o = NULL;

        if (json_parse_bounded((const char *) data, size, &o, NULL) < 0)
                return 0;
        try_job(o);
        try_event(o);
        try_notice(o);
        try_metrics(o);
        json_object *rows = json_member_array(o, "data");
        for (size_t i = 0; rows && i < json_object_array_length(rows); i++) {
                try_job(json_object_array_get_idx(rows, i));
                try_event(json_object_array_get_idx(rows, i));
        }
        return 0;
}
