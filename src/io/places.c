#include "io/places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

/* Those who are remembered without a place: as many as come within PLACE_AT_ONCE_USEC, up to a rate at which
 * it does not matter any more. */
#define VISITORS_MAX 256U

typedef struct Place {
        UT_hash_handle hh;
        usec_t used_usec;
        char key[];
} Place;

/* Both in the order of use, which is the one of uthash: the head was unused for the longest. */
struct Places {
        Place *holders;
        Place *visitors;
};

static void drop_first(Place **list) {
        Place *e = *list;

        HASH_DEL(*list, e);
        free(e);
}

static void drop_unused(Place **list, usec_t since_usec) {
        while (*list && (*list)->used_usec <= since_usec)
                drop_first(list);
}

static void drop_beyond(Place **list, unsigned max) {
        while (HASH_COUNT(*list) > max)
                drop_first(list);
}

/* No more in the list; NULL: it was not. */
static Place *take_out(Place **list, const char *key) {
        Place *e;

        HASH_FIND_STR(*list, key, e);
        if (e)
                HASH_DEL(*list, e);
        return e;
}

static Place *place_new(const char *key) {
        size_t size = strlen(key) + 1;
        Place *e = calloc(1, sizeof *e + size);

        return e ? memcpy(e->key, key, size), e : NULL;
}

bool places_take(Places *p, const char *key, unsigned max, usec_t now_usec) {
        drop_unused(&p->holders, usec_sub(now_usec, PLACE_UNUSED_USEC));
        drop_unused(&p->visitors, usec_sub(now_usec, PLACE_AT_ONCE_USEC));
        Place *e = take_out(&p->holders, key);
        if (!e)
                e = take_out(&p->visitors, key);
        bool has = e || HASH_COUNT(p->holders) < max;
        if (!e)
                e = place_new(key);
        if (!e)                         /* what libcurl does then is good enough */
                return true;
        e->used_usec = now_usec;
        if (has)
                HASH_ADD_STR(p->holders, key, e);
        else
                HASH_ADD_STR(p->visitors, key, e);
        drop_beyond(&p->holders, max);
        drop_beyond(&p->visitors, VISITORS_MAX);
        return has;
}

int places_new(Places **ret) {
        *ret = calloc(1, sizeof **ret);
        return *ret ? 0 : -ENOMEM;
}

Places *places_free(Places *p) {
        if (!p)
                return NULL;
        drop_beyond(&p->holders, 0);
        drop_beyond(&p->visitors, 0);
        free(p);
        return NULL;
}
