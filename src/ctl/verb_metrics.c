/* ftwatchctl metrics JOB: every step a line, every series a column, as a spreadsheet or an eye wants it. */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/ctl.h"
#include "ctl/format.h"
#include "ctl/parts.h"
#include "ctl/plot.h"
#include "ctl/table.h"

#define PLOT_HEIGHT 20U

/* The value at this step, walking along: steps are asked for in order. */
static const MetricPoint *take_point(const MetricSeries *s, size_t *at, int64_t step) {
        if (*at < s->n_points && s->points[*at].step == step)
                return &s->points[(*at)++];
        return NULL;
}

static bool next_step(const Metrics *m, const size_t *at, int64_t *ret) {
        int64_t step = INT64_MAX;
        bool found = false;

        for (size_t i = 0; i < m->n_series; i++)
                if (at[i] < m->series[i].n_points) {
                        step = MIN(step, m->series[i].points[at[i]].step);
                        found = true;
                }
        *ret = step;
        return found;
}

static size_t count_steps(const Metrics *m) {
        size_t at[METRIC_SERIES_MAX] = {}, n = 0;
        int64_t step;

        for (; next_step(m, at, &step); n++)
                for (size_t i = 0; i < m->n_series; i++)
                        (void) take_point(&m->series[i], &at[i], step);
        return n;
}

static void add_rows(const Metrics *m, size_t skip, Table *table) {
        size_t at[METRIC_SERIES_MAX] = {};
        int64_t step;

        for (size_t n = 0; next_step(m, at, &step); n++) {
                if (n >= skip)
                        table_addf(table, STYLE_NONE, "%lld", (long long) step);
                for (size_t i = 0; i < m->n_series; i++) {
                        const MetricPoint *p = take_point(&m->series[i], &at[i], step);
                        char value[VALUE_MAX];
                        if (n >= skip)
                                table_add(table, STYLE_NONE, p ? format_value(p->value, value) : NULL);
                }
        }
}

/* The last `limit` steps. */
static int print_table(const Ctl *c, const Metrics *m, size_t limit) {
        Column columns[METRIC_SERIES_MAX + 1] = { { .title = "STEP", .right = true } };
        _cleanup_(strv_freep) char **titles = NULL;
        _cleanup_(table_freep) Table *table = NULL;
        size_t n_steps = count_steps(m);

        if (m->n_series > METRIC_SERIES_MAX)
                return -E2BIG;
        for (size_t i = 0; i < m->n_series; i++) {
                _cleanup_free_ char *title = NULL;
                int r = term_clean(&c->out, m->series[i].name, &title);
                if (r >= 0)
                        r = strv_extend(&titles, title);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < m->n_series; i++)
                columns[i + 1] = (Column) {
                        .title = titles[i],
                        .right = true,
                        .width_min = 8,
                        .drop = (unsigned) i,
                };
        int r = table_new(&c->out, columns, m->n_series + 1, &table);
        if (r < 0)
                return r;
        add_rows(m, limit > 0 && n_steps > limit ? n_steps - limit : 0, table);
        return table_print(table, 0, false);
}

static int print_plot(const Ctl *c, const Metrics *m, const char *name) {
        const MetricSeries *series[PLOT_SERIES_MAX];
        size_t n = 0;

        if (streq(name, "loss"))
                n = find_losses(m, series, PLOT_SERIES_MAX);
        else {
                const MetricSeries *s = metrics_find(m, name);
                if (s)
                        series[n++] = s;
        }
        return n > 0 ? ctl_print_plot(c, series, n, PLOT_HEIGHT, 0) : 0;
}

static int fail_no_series(const Ctl *c, const Metrics *m, const char *name) {
        const char *names[METRIC_SERIES_MAX + 2] = { "loss" };

        for (size_t i = 0; i < m->n_series && i < METRIC_SERIES_MAX; i++)
                names[i + 1] = m->series[i].name;
        const char *nearest = nearest_string(name, names);
        if (nearest)
                return ctl_fail(c, "nothing to draw of '%s'; did you mean '%s'?", name, nearest);
        return ctl_fail(c, "nothing to draw of '%s'", name);
}

/* Only the last `limit` points of each series; 0: all. */
static void keep_last(Metrics *m, size_t limit) {
        for (size_t i = 0; limit > 0 && i < m->n_series; i++) {
                MetricSeries *s = &m->series[i];
                if (s->n_points <= limit)
                        continue;
                memmove(s->points, s->points + s->n_points - limit, limit * sizeof *s->points);
                s->n_points = limit;
        }
}

static int print_json(Ctl *c, Metrics *m) {
        json_object *o = NULL;

        keep_last(m, ctl_limit(c, 0));
        int r = metrics_to_json(m, 0, &o);
        return r < 0 ? r : ctl_print_json(c, o);
}

int verb_metrics(Ctl *c, const char *argument) {
        _cleanup_(job_rows_done) JobRows jobs = {};
        _cleanup_(metrics_freep) Metrics *m = NULL;

        int status = ctl_find_job(c, argument, &jobs);
        if (status != CTL_OK)
                return status;
        int r = query_metrics(c->store, jobs.list[0].row, NULL, &m);
        if (r >= 0 && c->options.json)
                r = print_json(c, m);
        else if (r >= 0 && c->options.plot) {
                r = print_plot(c, m, c->options.plot);
                if (r == 0)
                        return fail_no_series(c, m, c->options.plot);
        } else if (r >= 0 && metrics_is_empty(m))
                ctl_note(c, "no metrics seen yet");
        else if (r >= 0)
                r = print_table(c, m, ctl_limit(c, 0));
        return r < 0 ? ctl_fail_errno(c, r, "read the metrics") : CTL_OK;
}
