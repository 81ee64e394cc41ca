#pragma once
/* One watched job in one poll: asked for by its id when it was not on the list, then its events from the
 * top. At most two requests unless whole pages are news. */

#include "engine/source.h"

struct JobPoll {
        Source *source;
        char *job_id;                   /* the watch may go away under way */
        unsigned n_requests;
        unsigned n_pages;
        bool resumed;                   /* the walk goes on where an earlier one ended */
        bool trusted;                   /* no gap is open: the cached top page is known ground */
        bool restarted;
        SourceCall *call;
        JobPoll *prev, *next;
};

/* Ends by poller_job_done(), perhaps before it returns when nothing could be asked. */
int job_poll_start(Source *s, Watch *w);
void job_poll_free(JobPoll *p);
