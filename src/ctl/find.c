#include <string.h>

#include "base/strings.h"
#include "ctl/ctl.h"
#include "ctl/format.h"
#include "ctl/table.h"

#define CANDIDATES_MAX 20

static const Column columns[] = {
        { .title = "ID" },
        { .title = "SUFFIX", .width_min = 12 },
        { .title = "SOURCE", .width_min = 8 },
        { .title = "STATUS" },
        { .title = "CREATED" },
};

static int print_candidates(const Ctl *c, const JobRows *jobs) {
        _cleanup_(table_freep) Table *table = NULL;
        size_t n = MIN(jobs->n, (size_t) CANDIDATES_MAX);

        int r = table_new(&c->err, columns, ARRAY_SIZE(columns), &table);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                const JobRow *j = &jobs->list[i];
                char age[AGE_MAX];
                table_add(table, STYLE_NONE, j->job->id);
                table_add(table, STYLE_NONE, j->job->suffix);
                table_add(table, STYLE_NONE, j->source);
                table_add(table, status_style(j->status), j->status);
                table_add(table, STYLE_NONE, format_age(c->now_usec, stamp_usec(j->job->created_at), age));
        }
        return table_print(table, 2, true);
}

int ctl_find_job(Ctl *c, const char *name, JobRows *ret) {
        _cleanup_(job_rows_done) JobRows jobs = {};

        int r = query_jobs_named(c->store, c->options.source, name, CANDIDATES_MAX, &jobs);
        if (r < 0)
                return ctl_fail_errno(c, r, "look for the job");
        if (jobs.n == 0)
                return ctl_fail(c, "no job '%s'%s; ftwatchctl jobs lists them", name,
                                c->options.source ? " in these sources" : "");
        if (jobs.n > 1) {
                int status = ctl_fail(c, "'%s' could be any of these%s; say more of the id, or --source",
                                      name, jobs.more ? " and more" : "");
                (void) print_candidates(c, &jobs);
                return status;
        }
        *ret = jobs;
        jobs = (JobRows) {};
        return CTL_OK;
}
