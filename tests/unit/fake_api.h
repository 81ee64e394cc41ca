#pragma once
/* A small server of the API, and the hooks that notices go to, as an answer function of http_script: for
 * tests of the engine. It is what real servers are, and by switch what odd ones are. Jobs and events are
 * kept oldest first. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unit/http_script.h"

#define FAKE_ENDPOINT "http://127.0.0.1:1"
#define FAKE_T0 ((int64_t) 1700000000)  /* what the server's clock shows at first */

typedef struct FakeEvent {
        char *id;                       /* NULL: none on the wire */
        char *level, *message;
        int64_t at;
        int64_t step;                   /* -1: a message */
        double loss;
} FakeEvent;

typedef struct FakeJob {
        char *id, *status;
        char *extra;                    /* more members, ",\"error\":{}"; NULL: the usual ones */
        char *checkpoints;              /* rows of their list, newest first; NULL: none */
        char *results;                  /* the result file; NULL: not there yet (404) */
        int64_t created_at;
        FakeEvent *events;
        size_t n_events;
} FakeJob;

typedef enum FakeOrder {
        FAKE_NEWEST_FIRST,
        FAKE_OLDEST_FIRST,
} FakeOrder;

typedef struct FakeHit {                /* a delivery as it came in */
        char *hook;                     /* what stands behind /hook/ */
        char *id, *type, *job, *body;
        bool taken;
} FakeHit;

typedef struct FakeApi FakeApi;

struct FakeApi {
        FakeOrder order, events_order;
        bool after_ignored;
        bool inner_ids;                 /* false: events without ids */
        bool bare; /* lists without has_more, events without id, type and data: as the specification has it
                    */
        bool has_checkpoints;           /* false: 404 for them, as where there is no such list */
        bool has_no_events;             /* 404 for them */
        bool cursor_to_top;             /* an unknown `after` is the top, else 404 */
        unsigned page_max;
        int64_t now;                    /* Date: */

        FakeJob **jobs;
        size_t n_jobs;

        /* Faults. n counts the API's requests from 1 since fake_api_forget(); false: answer as usual. */
        bool (*fault)(FakeApi *api, unsigned n, HttpStep *step);
        bool (*hook_fault)(FakeApi *api, const FakeHit *hit, HttpStep *step);
        unsigned fault_at, fault_to;    /* for the faults that are ready-made below */
        int fault_status;

        unsigned n_requests, n_lists, n_gets, n_events, n_files, n_checkpoints;
        FakeHit *hits;
        size_t n_hits;
        char *bodies[256];              /* answers under way */
        unsigned n_bodies;
};

FakeApi *fake_api_new(void);
FakeApi *fake_api_free(FakeApi *api);
/* For http_script_answer(). */
void fake_api_answer(const HttpRecord *request, HttpStep *step, void *userdata);
/* Counts from zero again. */
void fake_api_forget(FakeApi *api);
/* A `fault`: fault_status (or, when 0, a reset) for the requests fault_at to fault_to. */
bool fake_fault_range(FakeApi *api, unsigned n, HttpStep *step);

/* A job of the present (api->now goes on by a second); its id is by number. */
FakeJob *fake_job_add(FakeApi *api, const char *status);
void fake_job_set(FakeJob *j, const char *status);
void fake_job_set_extra(FakeJob *j, const char *extra);
FakeJob *fake_job_find(FakeApi *api, const char *id);
void fake_job_remove(FakeApi *api, FakeJob *j);
FakeEvent *fake_event_add(FakeApi *api, FakeJob *j, const char *level, const char *message);
void fake_metrics_add(FakeApi *api, FakeJob *j, int64_t step, double loss);

/* How many deliveries to that hook were taken; NULLs match everything. Repeats count once. */
size_t fake_api_count(const FakeApi *api, const char *hook, const char *type, const char *job);
/* The last one taken; fails the test when there is none. */
const FakeHit *fake_api_hit(const FakeApi *api, const char *hook, const char *type, const char *job);
/* Every repeat of an id has the bytes of the first; fails the test. */
void fake_api_check_repeats(const FakeApi *api);
