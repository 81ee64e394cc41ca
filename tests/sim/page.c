#include "page.h"

#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "render.h"
#include "training.h"
#include "util.h"

#define LIMIT_DEFAULT 20
#define LIMIT_DEFAULT_CHECKPOINTS 10

/* A list as the walk sees it: row i of n in the order stored (oldest first), some of them not visible. */
typedef struct List {
        World *world;
        Job *job;                       /* of events */
        size_t n;
        bool oldest_first;
        bool (*is_visible)(const struct List *list, size_t i);
        const char *(*id)(const struct List *list, size_t i);
        const char *(*row)(const struct List *list, size_t i, size_t *ret_size);
} List;

static bool jobs_is_visible(const List *l, size_t i) {
        return job_is_visible(l->world->jobs[i], l->world->now);
}

static const char *jobs_id(const List *l, size_t i) {
        return l->world->jobs[i]->id;
}

static const char *jobs_row(const List *l, size_t i, size_t *ret_size) {
        return render_job(l->world->jobs[i], l->world->settings.specification, ret_size);
}

static bool events_is_visible(const List *l, size_t i) {
        return l->job->events[i]->at <= l->world->now;
}

static const char *events_id(const List *l, size_t i) {
        return l->world->settings.no_event_ids || l->world->settings.specification ? ""
                                                                                   : l->job->events[i]->id;
}

static const char *events_row(const List *l, size_t i, size_t *ret_size) {
        return render_event(l->world, l->job->events[i], ret_size);
}

static bool list_read_limit(const World *w, const Request *req, int64_t fallback, int64_t *ret) {
        const char *text = request_argument(req, "limit");
        int64_t limit = fallback;

        if (text && (!integer_parse(text, &limit) || limit < 1))
                return false;
        if (w->settings.max_limit > 0 && limit > w->settings.max_limit) {
                if (w->settings.max_limit_refuses)
                        return false;
                limit = w->settings.max_limit;
        }
        *ret = limit;
        return true;
}

/* The k-th row in the order served. */
static size_t list_index(const List *l, size_t k) {
        return l->oldest_first ? k : l->n - 1 - k;
}

static bool list_skip(const List *l, const char *after, size_t *ret_k) {
        for (size_t k = 0; k < l->n; k++) {
                size_t i = list_index(l, k);
                if (l->is_visible(l, i) && strcmp(l->id(l, i), after) == 0) {
                        *ret_k = k + 1;
                        return true;
                }
        }
        return false;
}

/* ids: more members, each with its comma in front; NULL: none. */
static void page_write(const World *w, Reply *reply, const char *const *rows, const size_t *sizes, size_t n,
                       const char *ids, bool has_more) {
        static const char head[] = "{\"object\":\"list\",\"data\":[", short_head[] = "{\"data\":[";
        const char *start = w->settings.specification ? short_head : head;
        _cleanup_(string_freep) char *end = must_printf(
                "]%s%s}", ids ? ids : "", w->settings.no_has_more ? "" :
                                         has_more ? ",\"has_more\":true" : ",\"has_more\":false");
        size_t size = strlen(start) + strlen(end) + n;

        for (size_t i = 0; i < n; i++)
                size += sizes[i];
        char *body = must_calloc(size + 1, 1), *p = body;
        p = mempcpy(p, start, strlen(start));
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        *p++ = ',';
                p = mempcpy(p, rows[i], sizes[i]);
        }
        p = mempcpy(p, end, strlen(end));
        reply_take(reply, 200, "application/json", body, (size_t) (p - body));
}

static PageResult list_answer(const List *l, const Request *req, bool paged, Reply *reply) {
        const char *after = request_argument(req, "after");
        int64_t limit = 0;
        size_t k = 0, n = 0;
        bool has_more = false;

        if (!paged)
                limit = (int64_t) l->n;
        else if (!list_read_limit(l->world, req, LIMIT_DEFAULT, &limit))
                return PAGE_BAD_LIMIT;
        if (after && *after && paged && !l->world->settings.ignore_after && !list_skip(l, after, &k))
                return PAGE_UNKNOWN_AFTER;
        size_t room = (uint64_t) limit < l->n ? (size_t) limit : l->n;
        const char **rows = must_calloc(room, sizeof *rows);
        size_t *sizes = must_calloc(room, sizeof *sizes);
        for (; k < l->n; k++) {
                size_t i = list_index(l, k);
                if (!l->is_visible(l, i))
                        continue;
                if (n == room) {
                        has_more = true;
                        break;
                }
                rows[n] = l->row(l, i, &sizes[n]);
                n++;
        }
        page_write(l->world, reply, rows, sizes, n, NULL, has_more);
        free(rows);
        free(sizes);
        return PAGE_OK;
}

PageResult page_jobs(World *w, const Request *req, Reply *reply) {
        List list = {
                .world = w, .n = w->n_jobs, .oldest_first = w->settings.oldest_first,
                .is_visible = jobs_is_visible, .id = jobs_id, .row = jobs_row,
        };
        /* The specification knows no paging of jobs. */
        return list_answer(&list, req, !w->settings.specification, reply);
}

PageResult page_events(World *w, Job *job, const Request *req, Reply *reply) {
        job_fill(job);
        List list = {
                .world = w, .job = job, .n = job->n_events, .oldest_first = w->settings.oldest_first,
                .is_visible = events_is_visible, .id = events_id, .row = events_row,
        };
        return list_answer(&list, req, true, reply);
}

PageResult page_checkpoints(World *w, Job *job, const Request *req, Reply *reply) {
        Checkpoint checkpoints[CHECKPOINTS_KEPT];
        char *rows[CHECKPOINTS_KEPT] = {};
        size_t sizes[CHECKPOINTS_KEPT] = {}, n = training_checkpoints(job, w->now, checkpoints), first = 0,
               shown = 0;
        const char *after = request_argument(req, "after");
        int64_t limit = 0;

        if (!list_read_limit(w, req, LIMIT_DEFAULT_CHECKPOINTS, &limit))
                return PAGE_BAD_LIMIT;
        if (after && *after && !w->settings.ignore_after) {
                while (first < n && strcmp(checkpoints[first].id, after) != 0)
                        first++;
                if (first == n)
                        return PAGE_UNKNOWN_AFTER;
                first++;
        }
        for (size_t i = first; i < n && shown < (size_t) limit; i++, shown++) {
                rows[shown] = render_checkpoint(job, &checkpoints[i]);
                sizes[shown] = strlen(rows[shown]);
        }
        _cleanup_(string_freep) char *ids = w->settings.openai_spelling && shown > 0 ?
                must_printf(",\"first_id\":\"%s\",\"last_id\":\"%s\"", checkpoints[first].id,
                            checkpoints[first + shown - 1].id) : NULL;
        page_write(w, reply, (const char *const *) rows, sizes, shown, ids, first + shown < n);
        for (size_t i = 0; i < shown; i++)
                free(rows[i]);
        return PAGE_OK;
}
