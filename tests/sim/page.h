#pragma once
/* Lists and their paging: newest first unless the scenario says otherwise, `after` goes on behind the named
 * row. */
#include "sim.h"

typedef enum PageResult {
        PAGE_OK,
        PAGE_BAD_LIMIT,
        PAGE_UNKNOWN_AFTER,
} PageResult;

PageResult page_jobs(World *w, const Request *req, Reply *reply);
PageResult page_events(World *w, Job *job, const Request *req, Reply *reply);
PageResult page_checkpoints(World *w, Job *job, const Request *req, Reply *reply);
