#include "training.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define SPANS_MAX 64
#define OPEN_END_SEC 60

/* The stretches in which the job runs and trains. Training goes on over pauses: progress counts running
 * time. */
typedef struct Spans {
        double from[SPANS_MAX], to[SPANS_MAX];
        size_t n;
        double total;
} Spans;

static void spans_add(Spans *s, double from, double to) {
        if (!isfinite(to))              /* runs until further notice */
                to = from + OPEN_END_SEC;
        if (to <= from || s->n >= SPANS_MAX)
                return;
        s->from[s->n] = from;
        s->to[s->n++] = to;
        s->total += to - from;
}

static void spans_collect(Spans *s, const Job *job) {
        const Training *t = &job->training;
        const Change *success = job_find_change(job, "succeeded");
        double first = isnan(t->from) ? -INFINITY : t->from;
        double last = !isnan(t->to) ? t->to : success ? success->at - 2 * job->lead : INFINITY;

        *s = (Spans) {};
        for (size_t i = 0; i < job->n_changes; i++) {
                if (strcmp(job->changes[i].status, "running") != 0)
                        continue;
                double end = i + 1 < job->n_changes ? job->changes[i + 1].at : last;
                spans_add(s, fmax(job->changes[i].at, first), fmin(end, last));
        }
        if (s->n == 0 && isfinite(first) && isfinite(last))
                spans_add(s, first, last);
}

/* When the share x (0..1) of the steps that will be done is done. */
static double spans_time(const Spans *s, double x) {
        double left = x * s->total;

        for (size_t i = 0; i < s->n; i++) {
                double length = s->to[i] - s->from[i];
                if (left <= length || i + 1 == s->n)
                        return s->from[i] + fmin(left, length);
                left -= length;
        }
        return NAN;
}

static double training_noise(const Job *job, int64_t step, uint64_t which) {
        uint64_t bits = random_hash(job->world->settings.seed + which, job->id, (uint64_t) step);
        return (random_unit(bits) * 2 - 1) * job->training.noise;
}

/* Rounded to single precision: the services print the double nearest to a float. */
static double training_value(double value, double low, double high) {
        return (double) (float) fmax(low, fmin(high, value));
}

static Metrics training_metrics(const Job *job, int64_t step) {
        const Training *t = &job->training;
        double x = t->steps > 0 ? (double) step / (double) t->steps : 1;
        double span = t->loss_from - t->loss_to, curve = t->loss_to + span * exp(-5 * x);
        /* Validation follows, a little above, and rises again towards the end: its best step is not the
         * last. */
        double valid = curve + span * (0.06 + 0.2 * fmax(0, x - 0.7));
        double accuracy = 1 - 0.3 * curve / fmax(t->loss_from, 1e-9), limit = t->loss_from * 4 + 1;
        bool epoch_end = t->epochs > 0 && t->steps / t->epochs > 0 && step % (t->steps / t->epochs) == 0;
        Metrics m = { NAN, NAN, NAN, NAN, NAN, NAN, NAN };

        m.train_loss = training_value(curve + training_noise(job, step, 10), 1e-6, limit);
        m.train_accuracy = training_value(accuracy + training_noise(job, step, 11) / 4, 0, 1);
        if (t->reward)
                m.reward =
                        training_value(1 - curve / fmax(t->loss_from, 1e-9) + training_noise(job, step, 16),
                                       -1, 1);
        if (t->nan_from > 0 && step >= t->nan_from)
                m.train_loss = INFINITY;
        if (!t->validation)
                return m;
        m.valid_loss = training_value(valid + training_noise(job, step, 12), 1e-6, limit);
        m.valid_accuracy = training_value(accuracy - 0.05 + training_noise(job, step, 13) / 4, 0, 1);
        if (!epoch_end)
                return m;
        m.full_valid_loss = training_value(valid + training_noise(job, step, 14) / 3, 1e-6, limit);
        m.full_valid_accuracy = training_value(accuracy - 0.05 + training_noise(job, step, 15) / 8, 0, 1);
        return m;
}

/* Real ids of metric events: the .NET ticks of the stamp's second, once cut by four bits and once whole. */
static void event_set_tick_id(Event *e) {
        uint64_t ticks = ((uint64_t) e->stamp + UINT64_C(62135596800)) * UINT64_C(10000000);
        (void) snprintf(e->id, sizeof e->id, "ftevent-%016" PRIx64 "%016" PRIx64, ticks >> 4, ticks);
}

static double training_step_time(const Training *t, const Spans *spans, int64_t step) {
        return spans_time(spans, (double) step / (double) t->steps_done);
}

void training_add_events(Job *job) {
        const Training *t = &job->training;
        Spans spans;

        if (!t->enabled || t->steps_done < 1)
                return;
        spans_collect(&spans, job);
        if (spans.n == 0)
                return;
        for (int64_t step = t->every; step <= t->steps_done; step += t->every) {
                Metrics m = training_metrics(job, step);
                /* Events that come in batches appear when the last of their batch is measured. */
                int64_t group = t->every * t->batch, shown = (step + group - 1) / group * group;
                double at = training_step_time(t, &spans, shown < t->steps_done ? shown : t->steps_done) +
                            t->lag;
                int64_t stamp = world_stamp(job->world, spans.from[0]) +
                                (int64_t) floor((double) step * t->stamp_per_step);
                char number[40] = "NaN";
                if (isfinite(m.train_loss))
                        number_print(m.train_loss, number, sizeof number);
                _cleanup_(string_freep) char *message =
                        must_printf("Step %" PRId64 ": training loss=%s", step, number);
                Event *e = job_add_event(job, at, stamp, "info", message);
                if (!e)
                        return;
                e->step = step;
                e->metrics = m;
                event_set_tick_id(e);
        }
}

size_t training_checkpoints(const Job *job, double now, Checkpoint ret[CHECKPOINTS_KEPT]) {
        const Training *t = &job->training;
        Spans spans;
        size_t n = 0;

        if (!t->enabled || t->steps_done < 1 || t->epochs < 1)
                return 0;
        spans_collect(&spans, job);
        for (int64_t epoch = t->epochs; spans.n > 0 && epoch >= 1 && n < CHECKPOINTS_KEPT; epoch--) {
                int64_t step = t->steps * epoch / t->epochs;
                double at = training_step_time(t, &spans, step);
                char hex[33];
                if (step < 1 || step > t->steps_done || at > now)
                        continue;
                random_hex32(job->world->settings.seed ^ 0x63, job->id, (uint64_t) step, hex);
                ret[n] = (Checkpoint) {
                        .step = step, .epoch = epoch, .final = epoch == t->epochs,
                        .stamp = world_stamp(job->world, at), .metrics = training_metrics(job, step),
                };
                (void) snprintf(ret[n].id, sizeof ret[n].id, "ftchkpt-%s", hex);
                n++;
        }
        return n;
}

static void csv_print_value(FILE *f, double value, bool minus_one) {
        char number[40];

        if (isnan(value)) {
                (void) fputs(minus_one ? ",-1" : ",", f);
                return;
        }
        number_print(value, number, sizeof number);
        (void) fprintf(f, ",%s", isinf(value) ? "nan" : number);
}

const char *training_csv(Job *job) {
        const Training *t = &job->training;
        bool minus_one = job->world->settings.metrics_minus_one;
        size_t size = 0;

        if (job->csv || !t->enabled)
                return job->csv;
        FILE *f = open_memstream(&job->csv, &size);
        if (!f)
                return NULL;
        (void) fprintf(f, "step,train_loss,%s,valid_loss,valid_mean_token_accuracy"
                       ",full_valid_loss,full_valid_mean_token_accuracy%s\n",
                       job->world->settings.openai_spelling ? "train_accuracy" : "train_mean_token_accuracy",
                       t->reward ? ",reward" : "");
        for (int64_t step = 1; step <= t->steps_done;
             step += step == 1 && t->every > 1 ? t->every - 1 : t->every) {
                Metrics m = training_metrics(job, step);
                (void) fprintf(f, "%" PRId64, step);
                csv_print_value(f, m.train_loss, minus_one);
                csv_print_value(f, m.train_accuracy, minus_one);
                csv_print_value(f, m.valid_loss, minus_one);
                csv_print_value(f, m.valid_accuracy, minus_one);
                csv_print_value(f, m.full_valid_loss, minus_one);
                csv_print_value(f, m.full_valid_accuracy, minus_one);
                if (t->reward)
                        csv_print_value(f, m.reward, minus_one);
                (void) fputc('\n', f);
        }
        (void) fclose(f);
        return job->csv;
}
