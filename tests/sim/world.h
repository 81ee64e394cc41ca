#pragma once
/* What exists in the simulated resource at a given time: jobs, and how the answers are to look. Times here
 * are scenario seconds since the start; stamps are what the API shows (seconds since 1970). Nothing runs on
 * timers: world_update() brings the statuses to the present, and what is visible follows from comparing
 * times. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"

typedef struct Job Job;

typedef enum Nulls {
        NULLS_NULL,                     /* "error": null */
        NULLS_ABSENT,                   /* no such key */
        NULLS_EMPTY,                    /* "error": {}, "result_files": [] */
} Nulls;

typedef enum Encoding {
        ENCODING_AUTO,                  /* base64 under /v1/, plain elsewhere */
        ENCODING_PLAIN,
        ENCODING_BASE64,
} Encoding;

typedef enum Estimate {
        ESTIMATE_WILD,                  /* weeks ahead and moving, as the real service */
        ESTIMATE_FIXED,
        ESTIMATE_NONE,
} Estimate;

typedef enum Stamps {
        STAMPS_INTEGER,
        STAMPS_FLOAT,                   /* 1700000000.0 */
        STAMPS_DIGITS,                  /* "1700000000" */
        STAMPS_ISO,                     /* "2023-11-14T22:13:20Z" */
} Stamps;

typedef struct Settings {
        char *api_key;
        char *token;                    /* what an Entra bearer token must be; NULL: none is accepted */
        json_object *api_versions;      /* array; NULL: any value that is not empty */
        bool oldest_first;
        bool sort_by_arrival;           /* events: by time of appearance instead of by created_at */
        bool ignore_after;
        bool no_event_ids;
        bool specification;             /* shape of the specification's examples */
        bool openai_spelling;           /* user_provided_suffix, warn, first_id, train_accuracy */
        bool no_has_more;               /* pages do not tell whether there are more */
        bool metrics_minus_one;         /* missing values of the result file are -1 instead of empty */
        bool no_date;
        bool no_request_log;
        bool max_limit_refuses;         /* limit above max_limit: 400 instead of a smaller page */
        int64_t max_limit;
        Nulls nulls;
        Encoding encoding;
        Estimate estimate;
        Stamps stamps;                  /* of jobs */
        double date_skew;
        double time_scale;              /* real seconds per scenario second */
        double stamp_scale;             /* stamp seconds per real second */
        double stamp_offset;
        int64_t stamp_base;             /* 0: the time of the start */
        uint64_t seed;
} Settings;

typedef struct World {
        Settings settings;
        Clock *clock;
        double now;                     /* scenario seconds, set by world_update() */
        double next_change;             /* nothing in the job list changes before */
        Job **jobs;                     /* sorted by creation, oldest first */
        size_t n_jobs;
        size_t n_jobs_ever;
} World;

void world_init(World *w, Clock *clock);
void world_done(World *w);
void world_update(World *w);
/* Takes job. */
void world_add_job(World *w, Job *job);
Job *world_find_job(World *w, const char *id);         /* NULL unless it exists now */
Job *world_find_file(World *w, const char *file_id);

int64_t world_stamp(const World *w, double at);
/* What a timeline says: at plus this many seconds of stamps. */
double world_stamp_span(const World *w, double stamp_seconds);
