#include "engine/plan.h"

#include "base/log.h"
#include "engine/engine_internal.h"
#include "engine/watch.h"

#define RANK_MAX 2000U                  /* jobs deeper than this are asked for one by one */
#define PAGE_SIZE 100U

static const unsigned limits[] = { 10, 20, 50, PAGE_SIZE };

/* Only when a watched job was not seen where it was looked for, or the plan is larger than it needs to be,
 * is it made anew: the count walks an index. */
void plan_pages(Source *s) {
        unsigned n_unseen = 0, n_watches = 0, rank = 0;
        const Watch *oldest = NULL;

        for (const Watch *w = s->watches; w; w = w->hh.next) {
                n_watches++;
                n_unseen += !w->seen;
                if (!oldest || w->created_at < oldest->created_at)
                        oldest = w;
        }
        bool larger = s->list_limit > limits[0] || s->cover_pages > 1;
        if (n_unseen == 0 && !(larger && n_watches == 0))
                return;
        if (s->stored.walk.order == WALK_ORDER_OLDEST_FIRST ||
            (oldest && s->planned_unseen == n_unseen && s->planned_oldest == oldest->row))
                return;
        s->planned_unseen = n_unseen;
        s->planned_oldest = oldest ? oldest->row : 0;
        /* Jobs of the same second may be before it; itself is one of them. */
        if (oldest && store_job_rank(s->engine->ports.store, s->stored.id, oldest->created_at - 1,
                                     RANK_MAX + 1, &rank) < 0)
                return;                         /* the plan only saves requests */
        rank = rank > 0 ? rank - 1 : 0;
        unsigned n_pages = rank / PAGE_SIZE + 1;
        size_t i = 0;
        while (i + 1 < ARRAY_SIZE(limits) && rank >= limits[i])
                i++;
        bool by_pages = n_pages == 1 || (rank < RANK_MAX && n_pages - 1 < n_unseen);
        /* Deep jobs are asked for one by one: the first page then serves the newer ones. */
        s->list_limit = limits[by_pages || n_watches > 1 ? i : 0];
        s->cover_pages = by_pages ? n_pages : 1;
        log_context(SOURCE_LOG(s), LOG_DEBUG,
                    "the oldest unfinished job has %u newer ones: asking for %u rows, %u pages", rank,
                    s->list_limit, s->cover_pages);
}
