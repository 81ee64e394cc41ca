#pragma once
/* The few words every file uses: cleanup attributes, hand-over of pointers, array sizes. Not a place for
 * code. */

#include <stddef.h>
#include <stdlib.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(ptr_free)
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* The structure that has *p as its member. */
#define CONTAINER_OF(p, type, member) ((type *) ((char *) (p) - offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Hands the pointer over: evaluates to its value and leaves NULL behind, so that no cleanup frees it. */
#define TAKE_PTR(p)                     \
        ({                              \
                typeof(p) _taken = (p); \
                (p) = NULL;             \
                _taken;                 \
        })

static inline void ptr_free(void *p) {
        free(*(void **) p);
}

/* Defines x_freep() for _cleanup_(), from an x_free() that takes NULL and returns NULL. */
#define DEFINE_CLEANUP(type, func)                              \
        static inline _unused_ void func##p(type **p) {         \
                if (*p)                                         \
                        *p = func(*p);                          \
        }
