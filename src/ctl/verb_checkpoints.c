/* ftwatchctl checkpoints JOB */

#include <errno.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/ctl.h"
#include "ctl/format.h"
#include "ctl/table.h"

#define LIMIT_FOR_PEOPLE 50

static const Column columns[] = {
        { .title = "STEP", .right = true },
        { .title = "CREATED" },
        { .title = "LOSS", .right = true },
        { .title = "VALIDATION", .right = true },
        { .title = "MODEL", .width_min = 16, .wrap = true },
};

static void add_value(Table *table, const Metrics *m, const char *const *names) {
        const MetricSeries *s = NULL;
        char value[VALUE_MAX];

        for (; *names && !s; names++)
                s = metrics_find(m, *names);
        table_add(table, STYLE_NONE, s && s->n_points > 0 ? format_value(s->points[0].value, value) : NULL);
}

static int print_table(const Ctl *c, const CheckpointRows *rows) {
        static const char *const train[] = { "train_loss", NULL };
        static const char *const valid[] = { "full_valid_loss", "valid_loss", NULL };
        _cleanup_(table_freep) Table *table = NULL;

        int r = table_new(&c->out, columns, ARRAY_SIZE(columns), &table);
        for (size_t i = 0; r >= 0 && i < rows->n; i++) {
                const Checkpoint *k = rows->list[i].checkpoint;
                char stamp[STAMP_MAX];
                if (k->step >= 0)
                        table_addf(table, STYLE_STRONG, "%lld", (long long) k->step);
                else
                        table_add(table, STYLE_NONE, NULL);
                table_add(table, STYLE_DIM,
                          k->created_at > 0 ? format_stamp(stamp_usec(k->created_at), stamp) : NULL);
                add_value(table, rows->list[i].metrics, train);
                add_value(table, rows->list[i].metrics, valid);
                table_add(table, STYLE_NONE, k->model);
        }
        return r < 0 ? r : table_print(table, 0, false);
}

static int json_values(const Metrics *m, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        int r = o ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < m->n_series; i++)
                if (m->series[i].n_points > 0)
                        r = json_add_double(o, m->series[i].name, m->series[i].points[0].value);
        if (r >= 0)
                *ret = TAKE_PTR(o);
        return r;
}

static int json_checkpoint(const CheckpointRow *row, json_object **ret) {
        _cleanup_json_ json_object *o = NULL;
        json_object *values = NULL;

        int r = checkpoint_to_json(row->checkpoint, SIZE_MAX, &o);
        if (r >= 0)
                r = json_values(row->metrics, &values);
        if (r >= 0)
                r = json_add(o, "metrics", values);
        if (r >= 0)
                r = ctl_json_usec(o, "seen_at", row->seen_usec);
        if (r >= 0)
                *ret = TAKE_PTR(o);
        return r;
}

static int print_json(Ctl *c, const CheckpointRows *rows) {
        _cleanup_json_ json_object *list = json_object_new_array();

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < rows->n; i++) {
                json_object *o = NULL;
                int r = json_checkpoint(&rows->list[i], &o);
                if (r < 0)
                        return r;
                if (json_object_array_add(list, o) < 0) {
                        json_object_put(o);
                        return -ENOMEM;
                }
        }
        return ctl_print_json(c, TAKE_PTR(list));
}

int verb_checkpoints(Ctl *c, const char *argument) {
        _cleanup_(job_rows_done) JobRows jobs = {};
        _cleanup_(checkpoint_rows_done) CheckpointRows rows = {};

        int status = ctl_find_job(c, argument, &jobs);
        if (status != CTL_OK)
                return status;
        int r = query_checkpoints(c->store, jobs.list[0].row, ctl_limit(c, LIMIT_FOR_PEOPLE), &rows);
        if (r >= 0 && c->options.json)
                r = print_json(c, &rows);
        else if (r >= 0 && rows.n > 0)
                r = print_table(c, &rows);
        if (r < 0)
                return ctl_fail_errno(c, r, "list the checkpoints");
        if (rows.n == 0 && !c->options.json)
                ctl_note(c, "no checkpoint seen");
        ctl_note_more(c, rows.more, rows.n, "checkpoints");
        return CTL_OK;
}
