#pragma once
/* The page walk: which page of a list to ask for next, and when ground is reached that was known before.
 * Pure: it sees page summaries, not items. One Walk a list (the jobs of a source, the events of a job); its
 * state is kept in the store.
 *
 * Servers list newest first and `after` leads to older items; some list oldest first; some ignore `after`;
 * items may have no id. The order is found out from stamps and remembered. Every item carries the number of
 * the walk that first saw it; "known" means: seen by a walk before this one began. A walk that ends early
 * stays open: the next one resumes it, with the same number and the same floor, before the top is trusted
 * again. */

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"

typedef enum WalkOrder {
        WALK_ORDER_UNKNOWN,             /* taken for newest first */
        WALK_ORDER_NEWEST_FIRST,
        WALK_ORDER_OLDEST_FIRST,
} WalkOrder;

typedef struct Walk {
        WalkOrder order;
        bool after_ignored;             /* this server's `after` does nothing: never sent again */
        uint64_t n;                     /* number of the walk under way, or of the last one; counts from 1 */
        uint64_t floor;                 /* items of walks below this one are known ground */
        bool open;                      /* ended early, or under way: to be resumed */
        bool dirty;                     /* not as it was stored; a higher number alone is not worth a write,
                                         * since it is at least the highest among the items */
        char *after; /* newest first: where an open walk goes on; oldest first: the last item; or NULL */
} Walk;

void walk_done(Walk *w);
int walk_copy(const Walk *w, Walk *ret);
/* Puts a copy back; takes its contents. */
void walk_restore(Walk *w, Walk *copy);
/* One line of text for the store. walk_from_text takes NULL (a walk that never was); -EBADMSG. */
int walk_to_text(const Walk *w, char **ret);
int walk_from_text(const char *s, Walk *ret);

#define WALK_GROUND_ITEMS 10U           /* so many known items at the end of a page are ground for good */

typedef struct WalkPage {
        unsigned n_items;
        unsigned n_known;               /* first seen by a walk below the floor */
        unsigned n_known_last;          /* of those: in an unbroken row down to the last item */
        unsigned n_new;                 /* never seen at all before this page */
        const char *last_id;            /* of the last item; NULL when it has none, or there is none */
        bool holds_after;               /* the page holds the very item that `after` named */
        bool has_more;
        int64_t first_at, last_at;      /* stamps of the first and the last item, 0 unknown */
} WalkPage;

typedef enum WalkStep {
        WALK_STEP_DONE,                 /* known ground, or the end */
        WALK_STEP_MORE,                 /* ask for the page after w->after */
} WalkStep;

/* Begins at the top, or resumes an open walk. After it, w->after is what to send (NULL: nothing). true when
 * it resumed: when that walk is done, the top must be walked anew. */
bool walk_begin(Walk *w);
/* Takes in a page. `thorough` goes on until WALK_GROUND_ITEMS in a row down to the end of a page, or a whole
 * page, are known (late items stand below known ones); else the first known item is ground. -ENOMEM, or a
 * WalkStep. */
int walk_take_page(Walk *w, const WalkPage *page, bool thorough);
/* The server does not know the cursor (its item was deleted): start again from the top, with the same floor.
 */
void walk_restart(Walk *w);
