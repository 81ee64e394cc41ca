#pragma once
/* The base URL of a source, taken apart and put together again in one form. It knows URLs, not services. */

#include <stdbool.h>

typedef struct Endpoint {
        char *url;                      /* scheme://host[:port][path], host in lower case, no slash behind */
        char *host;                     /* without brackets and port */
        char *path;                     /* "" or "/prefix": what a gateway puts before the API's own paths */
        bool loopback;
} Endpoint;

void endpoint_done(Endpoint *e);

/* What is cut off a path. */
typedef struct EndpointShape {
        const char *root;               /* "/openai": it and everything behind it; NULL: nothing */
        const char *keep;               /* "/api/projects/": everything behind the segment that follows it,
                                         * and it must be there; NULL: nothing */
} EndpointShape;

/* A query, a fragment, doubled slashes and those at the end, and what the shape says, are dropped: people
 * paste whole URLs. 0, or -EINVAL with a sentence without its subject, malloc'ed, that repeats no
 * password; -ENOMEM. */
int endpoint_parse(const char *text, const EndpointShape *shape, Endpoint *ret, char **ret_message);
