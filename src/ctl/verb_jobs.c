/* ftwatchctl jobs */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/ctl.h"
#include "ctl/format.h"
#include "ctl/table.h"

#define LIMIT_FOR_PEOPLE 50
#define CURVE_WIDTH 16U

enum {
        COLUMN_JOB,
        COLUMN_ID,
        COLUMN_SOURCE,
        COLUMN_STATUS,
        COLUMN_MODEL,
        COLUMN_CREATED,
        COLUMN_CHANGED,
        COLUMN_LOSS,
        COLUMN_CURVE,
};

static const Column columns[] = {
        [COLUMN_JOB] = { .title = "JOB", .width_min = 12 },
        [COLUMN_ID] = { .title = "ID", .width_min = 16 },
        [COLUMN_SOURCE] = { .title = "SOURCE", .width_min = 8, .drop = 1 },
        [COLUMN_STATUS] = { .title = "STATUS" },
        [COLUMN_MODEL] = { .title = "MODEL", .width_min = 10, .drop = 2 },
        [COLUMN_CREATED] = { .title = "CREATED", .drop = 4 },
        [COLUMN_CHANGED] = { .title = "CHANGED" },
        [COLUMN_LOSS] = { .title = "LOSS", .right = true, .drop = 3 },
        [COLUMN_CURVE] = { .title = "", .drop = 5 },
};

static int add_loss(Ctl *c, Table *table, const JobRow *j, bool with_curve) {
        _cleanup_(metrics_freep) Metrics *m = NULL;
        _cleanup_free_ char *curve = NULL;
        char value[VALUE_MAX];
        MetricSummary summary;

        int r = query_metrics(c->store, j->row, "train_loss", &m);
        if (r < 0)
                return r;
        const MetricSeries *s = metrics_find(m, "train_loss");
        if (!metric_series_summarize(s, &summary)) {
                table_add(table, STYLE_NONE, NULL);
                table_add(table, STYLE_NONE, " ");
                return 0;
        }
        if (with_curve) {
                r = metric_series_sparkline(s, CURVE_WIDTH, &curve);
                if (r < 0)
                        return r;
        }
        table_add(table, STYLE_NONE, format_value(s->points[s->n_points - 1].value, value));
        table_add(table, STYLE_DIM, isempty(curve) ? " " : curve);
        return 0;
}

static int add_job(Ctl *c, Table *table, const JobRow *j, bool with_curve) {
        bool removed = j->removed_usec > 0;
        char age[AGE_MAX];

        table_add(table, STYLE_STRONG, j->job->suffix);
        table_add(table, STYLE_NONE, j->job->id);
        table_add(table, STYLE_NONE, j->source);
        if (j->lasts && !removed)
                table_addf(table, STYLE_WARNING, "%s, %s", j->status, j->lasts);
        else
                table_add(table, removed ? STYLE_DIM : status_style(j->status),
                          removed ? "removed" : j->status);
        table_add(table, STYLE_NONE, j->job->model);
        table_add(table, STYLE_NONE, format_age(c->now_usec, stamp_usec(j->job->created_at), age));
        table_add(table, STYLE_NONE, format_age(c->now_usec, j->changed_usec, age));
        return add_loss(c, table, j, with_curve);
}

static int print_table(Ctl *c, const JobRows *jobs) {
        _cleanup_(table_freep) Table *table = NULL;
        bool with_curve = c->out.is_tty && c->out.utf8;
        /* Scripts find every column in its place. */
        bool has_suffix = !c->out.is_tty, has_sources = !c->out.is_tty;

        int r = table_new(&c->out, columns, ARRAY_SIZE(columns), &table);
        for (size_t i = 0; r >= 0 && i < jobs->n; i++) {
                has_suffix = has_suffix || jobs->list[i].job->suffix;
                has_sources = has_sources || !streq(jobs->list[i].source, jobs->list[0].source);
                r = add_job(c, table, &jobs->list[i], with_curve);
        }
        if (r < 0)
                return r;
        if (!with_curve)
                table_hide(table, COLUMN_CURVE);
        if (!has_sources)
                table_hide(table, COLUMN_SOURCE);
        if (!has_suffix)
                table_hide(table, COLUMN_JOB);
        return table_print(table, 0, false);
}

/* What keeps the table from being the truth: sources and receivers in trouble. */
static int print_troubles(Ctl *c) {
        _cleanup_(trouble_rows_done) TroubleRows troubles = {};

        int r = query_troubles(c->store, &troubles);
        if (r < 0)
                return r;
        for (size_t i = 0; i < troubles.n; i++) {
                const TroubleRow *t = &troubles.list[i];
                char length[SPAN_MAX], *colon = strchr(t->subject, ':');
                if (colon)
                        *colon = ' ';
                ctl_note(c, "%s: %s for %s", t->subject, t->reason,
                         format_length(usec_sub(c->now_usec, t->since_usec), length));
        }
        return 0;
}

static int print_json(Ctl *c, const JobRows *jobs) {
        _cleanup_json_ json_object *list = json_object_new_array();

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < jobs->n; i++) {
                _cleanup_json_ json_object *o = NULL;
                int r = ctl_json_job(&jobs->list[i], &o);
                if (r < 0)
                        return r;
                if (json_object_array_add(list, o) < 0)
                        return -ENOMEM;
                TAKE_PTR(o);
        }
        return ctl_print_json(c, TAKE_PTR(list));
}

int verb_jobs(Ctl *c, const char *argument _unused_) {
        _cleanup_(job_rows_done) JobRows jobs = {};
        JobQuery q = {
                .source = c->options.source,
                .statuses = c->options.statuses,
                .active = c->options.active,
                .finished = c->options.finished,
                .since_usec = c->since_usec,
                .limit = ctl_limit(c, LIMIT_FOR_PEOPLE),
        };

        int r = query_jobs(c->store, &q, &jobs);
        if (r >= 0 && c->options.json)
                r = print_json(c, &jobs);
        else if (r >= 0 && jobs.n > 0)
                r = print_table(c, &jobs);
        if (r >= 0 && !c->options.json) {
                if (jobs.n == 0)
                        ctl_note(c, c->options.given ? "no such job" : "no job seen yet");
                r = print_troubles(c);
        }
        if (r < 0)
                return ctl_fail_errno(c, r, "list the jobs");
        ctl_note_more(c, jobs.more, jobs.n, "jobs");
        return CTL_OK;
}
