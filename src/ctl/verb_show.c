/* ftwatchctl show JOB: one page about one job, in the order in which people ask: what is it and how is
 * it, what went wrong or what came out, how did it go, who was told. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/format.h"
#include "ctl/parts.h"
#include "ctl/plot.h"
#include "ctl/table.h"
#include "receiver/message_fact.h"

#define EVENTS_SHOWN 8
#define NOTICES_SHOWN 20
#define CURVE_HEIGHT 12U
#define OTHER_SERIES_MAX 6
#define LABEL_WIDTH 15

typedef struct JobView {
        const JobRow *row;
        const Job *job;
        StatusRows statuses;
        EventRows events;
        Metrics *metrics;
        NoticeRows notices;
} JobView;

static void job_view_done(JobView *v) {
        status_rows_done(&v->statuses);
        event_rows_done(&v->events);
        (void) metrics_free(v->metrics);
        notice_rows_done(&v->notices);
}

static int load(Ctl *c, const JobRow *row, JobView *v) {
        EventQuery events = { .no_metrics = true, .limit = EVENTS_SHOWN };
        NoticeQuery notices = { .job = row->row, .limit = NOTICES_SHOWN };

        *v = (JobView) { .row = row, .job = row->job };
        int r = query_statuses(c->store, row->row, &v->statuses);
        if (r >= 0)
                r = query_events(c->store, row->row, &events, &v->events);
        if (r >= 0)
                r = query_metrics(c->store, row->row, NULL, &v->metrics);
        return r >= 0 ? query_notices(c->store, &notices, &v->notices) : r;
}

/* --- facts ----------------------------------------------------------------------------------------- */

_printf_(4, 5)
static int fact(const Ctl *c, const char *label, Style style, const char *format, ...) {
        char *text = NULL;
        va_list ap;

        va_start(ap, format);
        int n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        int r = 0;
        if (*text) {
                term_printf(&c->out, "%*s: ", LABEL_WIDTH, label);
                r = term_put_wrapped(&c->out, style, text, LABEL_WIDTH + 2);
                term_put(&c->out, STYLE_NONE, "\n");
        }
        free(text);
        return r;
}

static int print_title(const Ctl *c, const JobView *v) {
        Style style = status_style(v->row->status);

        term_put(&c->out, style, term_symbol(&c->out, SYMBOL_DOT));
        term_put(&c->out, STYLE_NONE, " ");
        int r = term_put_foreign(&c->out, STYLE_STRONG, job_title(v->job));
        if (r >= 0 && v->job->suffix) {
                term_put(&c->out, STYLE_NONE, "  ");
                r = term_put_foreign(&c->out, STYLE_DIM, v->job->id);
        }
        term_put(&c->out, STYLE_NONE, "\n");
        return r;
}

static int print_status(const Ctl *c, const JobView *v) {
        char when[WHEN_MAX];
        /* What was there at first contact had its status before that. */
        bool exact = !v->row->silent || v->row->changed_usec > v->row->first_seen_usec;

        term_printf(&c->out, "%*s: ", LABEL_WIDTH, "Status");
        int r = term_put_foreign(&c->out, status_style(v->row->status), v->row->status);
        term_printf(&c->out, "%s %s\n", exact ? " since" : ", first seen",
                    format_when(c->now_usec, exact ? v->row->changed_usec : v->row->first_seen_usec, when));
        if (r >= 0 && !v->row->terminal && v->row->progress_usec > 0)
                r = fact(c, "Last news", v->row->lasts ? STYLE_WARNING : STYLE_NONE, "%s%s%s",
                         format_when(c->now_usec, v->row->progress_usec, when), v->row->lasts ? "; " : "",
                         strempty(v->row->lasts));
        if (r < 0 || v->row->removed_usec == 0)
                return r;
        return fact(c, "Removed", STYLE_WARNING, "from the service, %s",
                    format_when(c->now_usec, v->row->removed_usec, when));
}

static int print_error(const Ctl *c, const JobError *e) {
        if (isempty(e->code) && isempty(e->message))
                return 0;
        const char *param = strempty(e->param);
        return fact(c, "Error", STYLE_BAD, "%s%s%s%s%s%s", strempty(e->code), *param ? " (" : "", param,
                    *param ? ")" : "", isempty(e->code) ? "" : ": ", strempty(e->message));
}

static int print_times(const Ctl *c, const JobView *v) {
        char when[WHEN_MAX], length[SPAN_MAX], count[COUNT_MAX];
        usec_t created = stamp_usec(v->job->created_at), finished = stamp_usec(v->job->finished_at);
        int64_t duration = job_duration_sec(v->job);

        int r = fact(c, "Created", STYLE_NONE, "%s", format_when(c->now_usec, created, when));
        if (r >= 0)
                r = fact(c, "Finished", STYLE_NONE, "%s", format_when(c->now_usec, finished, when));
        if (r >= 0 && duration >= 0)
                r = fact(c, "Duration", STYLE_NONE, "%s", format_length(stamp_usec(duration), length));
        if (r >= 0 && !v->row->terminal && v->row->removed_usec == 0 && v->job->estimated_finish > 0)
                r = fact(c, "Estimate", STYLE_DIM, "%s (by the service, often wrong)",
                         format_when(c->now_usec, stamp_usec(v->job->estimated_finish), when));
        if (r >= 0 && v->job->trained_tokens >= 0)
                r = fact(c, "Tokens", STYLE_NONE, "%s trained", format_count(v->job->trained_tokens, count));
        return r;
}

static int print_losses(const Ctl *c, const JobView *v) {
        const MetricSeries *series[PLOT_SERIES_MAX];
        size_t n = find_losses(v->metrics, series, PLOT_SERIES_MAX);

        for (size_t i = 0; i < n; i++) {
                char first[VALUE_MAX], last[VALUE_MAX], best[VALUE_MAX];
                MetricSummary s;
                if (!metric_series_summarize(series[i], &s))
                        continue;
                int r = fact(c, series[i]->name, STYLE_NONE, "%s %s %s", format_value(s.first.value, first),
                             term_symbol(&c->out, SYMBOL_ARROW), format_value(s.last.value, last));
                if (r < 0)
                        return r;
                if (s.has_best && s.best.step != s.last.step)
                        r = fact(c, "best", STYLE_DIM, "%s at step %lld", format_value(s.best.value, best),
                                 (long long) s.best.step);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A reward, say. Accuracies mirror the losses. */
static int print_other_series(const Ctl *c, const JobView *v) {
        size_t n_shown = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < v->metrics->n_series && n_shown < OTHER_SERIES_MAX; i++) {
                const MetricSeries *s = &v->metrics->series[i];
                char first[VALUE_MAX], last[VALUE_MAX];
                MetricSummary sum;
                if (metric_name_is_loss(s->name) || strstr(s->name, "accuracy") ||
                    !metric_series_summarize(s, &sum))
                        continue;
                n_shown++;
                r = fact(c, s->name, STYLE_NONE, "%s %s %s", format_value(sum.first.value, first),
                         term_symbol(&c->out, SYMBOL_ARROW), format_value(sum.last.value, last));
        }
        return r;
}

static int print_facts(const Ctl *c, const JobView *v) {
        _cleanup_free_ char *hyperparameters = NULL, *metadata = NULL;
        const Job *j = v->job;

        int r = format_members(j->hyperparameters, " ", &hyperparameters);
        if (r >= 0)
                r = format_members(j->metadata, "=", &metadata);
        if (r >= 0)
                r = print_status(c, v);
        if (r >= 0)
                r = print_error(c, &j->error);
        if (r >= 0)
                r = fact(c, "Result", STYLE_GOOD, "%s", strempty(j->fine_tuned_model));
        if (r >= 0)
                r = fact(c, "Source", STYLE_NONE, "%s", v->row->source);
        if (r >= 0)
                r = fact(c, "Base model", STYLE_NONE, "%s", strempty(j->model));
        if (r >= 0)
                r = fact(c, "Method", STYLE_NONE, "%s", strempty(j->method));
        if (r >= 0)
                r = print_times(c, v);
        if (r >= 0)
                r = print_losses(c, v);
        if (r >= 0)
                r = print_other_series(c, v);
        if (r >= 0)
                r = fact(c, "Parameters", STYLE_NONE, "%s", hyperparameters);
        if (r >= 0)
                r = fact(c, "Metadata", STYLE_NONE, "%s", metadata);
        if (r >= 0)
                r = fact(c, "Training file", STYLE_NONE, "%s", strempty(j->training_file));
        if (r >= 0)
                r = fact(c, "Validation file", STYLE_NONE, "%s", strempty(j->validation_file));
        return r >= 0 ? fact(c, "Result file", STYLE_NONE, "%s", strempty(j->result_file)) : r;
}

/* --- parts ----------------------------------------------------------------------------------------- */

static void print_heading(const Ctl *c, const char *title) {
        term_put(&c->out, STYLE_NONE, "\n");
        term_put(&c->out, STYLE_STRONG, title);
        term_put(&c->out, STYLE_NONE, "\n");
}

static int print_timeline(const Ctl *c, const JobView *v) {
        static const Column columns[] = { { .title = "" }, { .title = "" }, { .title = "" } };
        _cleanup_(table_freep) Table *table = NULL;

        if (v->statuses.n == 0)
                return 0;
        int r = table_new(&c->out, columns, ARRAY_SIZE(columns), &table);
        if (r < 0)
                return r;
        for (size_t i = 0; i < v->statuses.n; i++) {
                const StatusRow *s = &v->statuses.list[i];
                char stamp[STAMP_MAX], length[SPAN_MAX];
                usec_t end = i + 1 < v->statuses.n ? s[1].entered_usec : v->row->removed_usec;
                if (end == 0 && !v->row->terminal)
                        end = c->now_usec;
                table_add(table, STYLE_DIM, format_stamp(s->entered_usec, stamp));
                table_add(table, status_style(s->status), s->status);
                usec_t spent = usec_sub(end, s->entered_usec);
                table_add(table, STYLE_NONE, end > 0 ? format_length(spent, length) : " ");
        }
        print_heading(c, "Statuses");
        return table_print(table, 2, true);
}

static int print_curve(const Ctl *c, const JobView *v) {
        const MetricSeries *series[PLOT_SERIES_MAX];
        size_t n = find_losses(v->metrics, series, PLOT_SERIES_MAX);

        if (n == 0)
                return 0;
        print_heading(c, "Loss");
        return ctl_print_plot(c, series, n, CURVE_HEIGHT, 2);
}

static int print_events(const Ctl *c, const JobView *v) {
        if (v->events.n == 0)
                return 0;
        print_heading(c, "Last events");
        return ctl_print_events(c, &v->events, 2);
}

static void add_delivery(const Ctl *c, Table *table, const NoticeRow *n, const DeliveryRow *d) {
        char stamp[STAMP_MAX], age[AGE_MAX];
        bool first = !d || d == n->deliveries.list;
        const char *type = notice_type_info(n->notice->type)->name;

        table_add(table, STYLE_DIM, first ? format_stamp(n->notice->created_usec, stamp) : " ");
        table_add(table, notice_style(n->notice->type), first ? type : " ");
        table_add(table, STYLE_NONE, d ? d->receiver : n->enriching ? "fetching details" : "nobody");
        if (!d)
                table_add(table, STYLE_NONE, " ");
        else if (d->state == DELIVERY_DONE)
                table_addf(table, STYLE_GOOD, "%s %s", term_symbol(&c->out, SYMBOL_DONE),
                           format_stamp(d->settled_usec, stamp));
        else if (d->state == DELIVERY_DEAD)
                table_addf(table, STYLE_BAD, "%s %s %s", term_symbol(&c->out, SYMBOL_DEAD),
                           strempty(d->reason), strempty(d->detail));
        else if (d->state == DELIVERY_INFLIGHT)
                table_addf(table, STYLE_ACTIVE, "%s being sent", term_symbol(&c->out, SYMBOL_OWED));
        else
                table_addf(table, STYLE_WARNING, "%s try %lld %s%s%s", term_symbol(&c->out, SYMBOL_OWED),
                           (long long) d->attempts + 1,
                           d->due_usec > c->now_usec ? format_age(c->now_usec, d->due_usec, age) : "due",
                           d->waits ? ", waits for the receiver" :
                           isempty(d->reason) ? "" : ", last: ", strempty(d->reason));
}

static int print_notices(const Ctl *c, const JobView *v) {
        static const Column columns[] = {
                { .title = "" },
                { .title = "" },
                { .title = "", .width_min = 10 },
                { .title = "", .width_min = 16, .wrap = true, .list = true },
        };
        _cleanup_(table_freep) Table *table = NULL;

        if (v->notices.n == 0)
                return 0;
        int r = table_new(&c->out, columns, ARRAY_SIZE(columns), &table);
        if (r < 0)
                return r;
        for (size_t i = 0; i < v->notices.n; i++) {
                const NoticeRow *n = &v->notices.list[i];
                if (n->deliveries.n == 0)
                        add_delivery(c, table, n, NULL);
                for (size_t k = 0; k < n->deliveries.n; k++)
                        add_delivery(c, table, n, &n->deliveries.list[k]);
        }
        print_heading(c, "Who was told");
        return table_print(table, 2, true);
}

static int print_page(const Ctl *c, const JobView *v) {
        int r = print_title(c, v);
        if (r >= 0)
                r = print_facts(c, v);
        if (r >= 0)
                r = print_curve(c, v);
        if (r >= 0)
                r = print_timeline(c, v);
        if (r >= 0)
                r = print_events(c, v);
        return r >= 0 ? print_notices(c, v) : r;
}

/* --- JSON ------------------------------------------------------------------------------------------ */

static int json_statuses(const StatusRows *statuses, json_object **ret) {
        _cleanup_json_ json_object *list = json_object_new_array();

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < statuses->n; i++) {
                const StatusRow *s = &statuses->list[i];
                _cleanup_json_ json_object *o = json_object_new_object();
                int r = o ? json_add_string(o, "status", s->status) : -ENOMEM;
                if (r >= 0)
                        r = json_add_int(o, "n", s->n);
                if (r >= 0)
                        r = ctl_json_usec(o, "entered_at", s->entered_usec);
                if (r < 0)
                        return r;
                if (json_object_array_add(list, o) < 0)
                        return -ENOMEM;
                TAKE_PTR(o);
        }
        *ret = TAKE_PTR(list);
        return 0;
}

static int print_json(const Ctl *c, const JobView *v) {
        _cleanup_json_ json_object *o = NULL;
        json_object *part;

        int r = ctl_json_job(v->row, &o);
        if (r >= 0)
                r = json_statuses(&v->statuses, &part);
        if (r >= 0)
                r = json_add(o, "statuses", part);
        if (r >= 0)
                r = metrics_to_json(v->metrics, 0, &part);
        if (r >= 0)
                r = json_add(o, "metrics", part);
        if (r >= 0)
                r = ctl_json_events(&v->events, &part);
        if (r >= 0)
                r = json_add(o, "events", part);
        if (r >= 0)
                r = ctl_json_notices(&v->notices, &part);
        if (r >= 0)
                r = json_add(o, "notices", part);
        return r < 0 ? r : ctl_print_json(c, TAKE_PTR(o));
}

int verb_show(Ctl *c, const char *argument) {
        _cleanup_(job_rows_done) JobRows jobs = {};
        _cleanup_(job_view_done) JobView v = {};

        int status = ctl_find_job(c, argument, &jobs);
        if (status != CTL_OK)
                return status;
        int r = load(c, &jobs.list[0], &v);
        if (r >= 0)
                r = c->options.json ? print_json(c, &v) : print_page(c, &v);
        return r < 0 ? ctl_fail_errno(c, r, "show the job") : CTL_OK;
}
