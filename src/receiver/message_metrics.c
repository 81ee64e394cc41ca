#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "base/text.h"
#include "receiver/message_fact.h"

#define SERIES_SHOWN_MAX 6U

/* The API's names, in the order of interest; unknown ones (reinforcement has its own) follow as they are
 * called. */
static const struct {
        const char *name, *label;
} labels[] = {
        { "train_loss", "Training loss" },
        { "full_valid_loss", "Full validation loss" },
        { "valid_loss", "Validation loss" },
        { "train_mean_token_accuracy", "Training accuracy" },
        { "full_valid_mean_token_accuracy", "Full validation accuracy" },
        { "valid_mean_token_accuracy", "Validation accuracy" },
};

static const char *label_find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
                if (streq(labels[i].name, name))
                        return labels[i].label;
        return NULL;
}

/* "2.314 → 0.4123 (best 0.3998, step 790)" */
static int add_summary(MessageFacts *f, const char *label, const MetricSummary *s, bool with_best) {
        char first[NUMBER_MAX], last[NUMBER_MAX], best[NUMBER_MAX], step[COUNT_MAX];

        (void) format_number(s->first.value, first);
        (void) format_number(s->last.value, last);
        if (s->first.step == s->last.step)
                return facts_addf(f, label, "%s at step %s", last, format_count(s->last.step, step));
        if (!with_best || !s->has_best || s->best.step == s->last.step)
                return facts_addf(f, label, "%s \xe2\x86\x92 %s", first, last);
        return facts_addf(f, label, "%s \xe2\x86\x92 %s (best %s, step %s)", first, last,
                          format_number(s->best.value, best), format_count(s->best.step, step));
}

static int add_curve(Message *m, const MetricSeries *s) {
        MessageCurve *c = m->curves + m->n_curves;
        const char *label = label_find(s->name);
        size_t n_drawn = 0;

        for (size_t i = 0; i < s->n_points; i++)
                n_drawn += isfinite(s->points[i].value);
        if (m->n_curves == MESSAGE_CURVES_MAX || n_drawn < 2 || !metric_series_summarize(s, &c->summary))
                return 0;
        c->name = text_clean(label ? label : s->name, METRIC_NAME_MAX, false);
        if (!c->name)
                return -ENOMEM;
        m->n_curves++;          /* from here message_free() knows of it */
        int r = metric_series_downsample(s, NOTICE_CURVE_POINTS, &c->points, &c->n_points);
        if (r < 0)
                return r;
        return metric_series_sparkline(s, SPARKLINE_WIDTH, &c->sparkline);
}

static int add_curves(Message *m, const Metrics *metrics) {
        const MetricSeries *train = metrics_find(metrics, "train_loss");
        const MetricSeries *valid = metrics_find(metrics, "valid_loss");
        const MetricSeries *full = metrics_find(metrics, "full_valid_loss");
        int r;

        /* The full one is truer, but often there is but one point an epoch. */
        if (full && (!valid || full->n_points >= MIN(valid->n_points, (size_t) 8)))
                valid = full;
        if (!train && metrics->n_series > 0 && !valid)
                train = metrics->series;        /* a reward, say */
        if (train && (r = add_curve(m, train)) < 0)
                return r;
        return valid ? add_curve(m, valid) : 0;
}

static int add_series(MessageFacts *f, const char *label, const MetricSeries *s, size_t *n_shown) {
        MetricSummary summary;

        if (*n_shown == SERIES_SHOWN_MAX || !metric_series_summarize(s, &summary))
                return 0;
        (*n_shown)++;
        /* Where the loss was least is where overfitting began; of an accuracy nobody asks. */
        return add_summary(f, label, &summary, !strstr(s->name, "accuracy"));
}

int message_add_metrics(Message *m, const Metrics *metrics) {
        char step[COUNT_MAX];
        size_t n_shown = 0;
        int r;

        if (!metrics || metrics_is_empty(metrics))
                return 0;
        r = facts_addf(&m->went, "Steps", "%s", format_count(metrics_last_step(metrics), step));
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
                if ((r = add_series(&m->went, labels[i].label, metrics_find(metrics, labels[i].name),
                                    &n_shown)) < 0)
                        return r;
        for (size_t i = 0; i < metrics->n_series; i++) {
                const MetricSeries *s = metrics->series + i;
                if (!label_find(s->name) && (r = add_series(&m->went, s->name, s, &n_shown)) < 0)
                        return r;
        }
        return add_curves(m, metrics);
}
