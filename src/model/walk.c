#include "model/walk.h"

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/strings.h"

void walk_done(Walk *w) {
        free(w->after);
        *w = (Walk) {};
}

int walk_copy(const Walk *w, Walk *ret) {
        Walk copy = *w;

        copy.after = NULL;
        int r = free_and_strdup(&copy.after, w->after);
        if (r >= 0)
                *ret = copy;
        return r;
}

void walk_restore(Walk *w, Walk *copy) {
        walk_done(w);
        *w = *copy;
        *copy = (Walk) {};
}

int walk_to_text(const Walk *w, char **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();

        if (!o || json_add_int(o, "order", w->order) < 0 ||
            json_add_bool(o, "after_ignored", w->after_ignored) < 0 ||
            json_add_int(o, "n", (int64_t) w->n) < 0 || json_add_int(o, "floor", (int64_t) w->floor) < 0 ||
            json_add_bool(o, "open", w->open) < 0 || json_add_string(o, "after", w->after) < 0)
                return -ENOMEM;
        return json_to_text(o, ret);
}

int walk_from_text(const char *s, Walk *ret) {
        _cleanup_json_ json_object *o = NULL;
        Walk w = {};

        if (!s) {
                *ret = w;
                return 0;
        }
        int r = json_parse_bounded(s, strlen(s), &o, NULL);
        if (r < 0)
                return r;
        int64_t order = json_member_int(o, "order", -1), n = json_member_int(o, "n", -1);
        int64_t floor = json_member_int(o, "floor", -1);
        if (order < WALK_ORDER_UNKNOWN || order > WALK_ORDER_OLDEST_FIRST || n < 0 || floor < 0 || floor > n)
                return -EBADMSG;
        w.order = (WalkOrder) order;
        w.after_ignored = json_member_bool(o, "after_ignored", false);
        w.n = (uint64_t) n;
        w.floor = (uint64_t) floor;
        w.open = json_member_bool(o, "open", false);
        r = free_and_strdup(&w.after, json_member_string(o, "after"));
        if (r < 0)
                return r;
        *ret = w;
        return 0;
}

bool walk_begin(Walk *w) {
        if (w->open)    /* oldest first has no top: news is behind `after` */
                return w->after && w->order != WALK_ORDER_OLDEST_FIRST;
        w->n++;
        w->floor = w->n;
        w->open = true;
        if (w->order != WALK_ORDER_OLDEST_FIRST || w->after_ignored)
                free(TAKE_PTR(w->after));
        return false;
}

static int walk_set_after(Walk *w, const char *id) {
        w->dirty = w->dirty || !streq_null(w->after, id);
        return free_and_strdup(&w->after, id);
}

void walk_restart(Walk *w) {
        (void) walk_set_after(w, NULL);                 /* frees only */
}

/* Only a page with two different stamps shows an order. */
static void walk_learn_order(Walk *w, const WalkPage *p) {
        if (w->order != WALK_ORDER_UNKNOWN || p->first_at == 0 || p->last_at == 0 ||
            p->first_at == p->last_at)
                return;
        w->order = p->first_at > p->last_at ? WALK_ORDER_NEWEST_FIRST : WALK_ORDER_OLDEST_FIRST;
        w->dirty = true;
}

static int walk_finish(Walk *w, bool keep_after) {
        w->open = false;
        if (!keep_after)
                walk_restart(w);
        return WALK_STEP_DONE;
}

int walk_take_page(Walk *w, const WalkPage *p, bool thorough) {
        walk_learn_order(w, p);
        bool oldest_first = w->order == WALK_ORDER_OLDEST_FIRST;
        if (w->after && p->holds_after && !w->after_ignored)
                w->after_ignored = w->dirty = true;
        /* An empty page, or one that repeats itself: nothing lies behind it that could be reached. */
        if (p->n_items == 0 || w->after_ignored)
                return walk_finish(w, oldest_first && !w->after_ignored);
        if (oldest_first) {
                int r = walk_set_after(w, p->last_id);
                if (r < 0)
                        return r;
                return p->has_more && p->last_id ? WALK_STEP_MORE : walk_finish(w, true);
        }
        bool ground = thorough ? p->n_known == p->n_items || p->n_known_last >= WALK_GROUND_ITEMS
                               : p->n_known > 0;
        if (ground || !p->has_more || !p->last_id || streq_null(w->after, p->last_id))
                return walk_finish(w, false);
        int r = walk_set_after(w, p->last_id);
        return r < 0 ? r : WALK_STEP_MORE;
}
