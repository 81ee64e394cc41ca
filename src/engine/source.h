#pragma once
/* What the files of engine/ share about one source: its settings, its stored state, the jobs that are
 * watched, the poll under way. Who changes what: poller.c the poll and the plan, watch.c the watches,
 * ingest.c the stored state. */

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>
#include <uthash.h>

#include "api/dialect.h"
#include "api/source.h"
#include "engine/gate.h"
#include "engine/observation.h"
#include "engine/row_cache.h"
#include "engine/token.h"
#include "io/http.h"
#include "model/budget.h"
#include "model/trouble.h"
#include "model/vigil.h"
#include "store/store.h"

typedef struct EventPage EventPage;
typedef struct JobPoll JobPoll;
typedef struct Source Source;
typedef struct SourceCall SourceCall;
typedef struct Tail Tail;

/* A job that is not finished. */
typedef struct Watch {
        int64_t row;
        char *job_id;
        char *title;                    /* for log lines */
        bool silent;                    /* seen at first contact: its past is not news */
        int64_t created_at;
        Walk events_walk;
        RowCache events;                /* the last top page */
        bool seen;                      /* on a page of the list in this poll */
        uint64_t asked_in;              /* n_polls of the poll that asked for it last, counted from 1 */
        unsigned n_missing;             /* polls in a row in which it was a typed 404 */
        Vigil vigil;
        usec_t progress_stored_usec;    /* steady, what the store knows of vigil.progress_usec; 0: nothing */
        bool metrics_news;              /* since the conditions on them were looked at */
        bool checkpoint_hint;           /* an event spoke of one */
        usec_t checkpoints_usec;        /* steady, when last asked for; 0: never */
        usec_t vigil_next_usec;         /* steady; nothing is due before */
        usec_t vigil_changed_usec;      /* changed_usec of the stored job that the vigil knows */
        UT_hash_handle hh;
} Watch;

struct Source {
        Engine *engine;
        const SourceSettings *settings;
        StoredSource stored;
        Watch *watches;                 /* by job_id */

        sd_event_source *timer;
        usec_t next_poll_usec;          /* boottime */
        bool polling;
        bool again;                     /* somebody asked for a poll while one was under way */
        usec_t poll_started_usec;       /* boottime */
        uint64_t n_polls, n_failed;     /* since the start; failed in a row */
        Outcome outcome;                /* of the poll under way, then of the last one */
        Trouble trouble;

        usec_t checkpoints_off_usec;    /* steady; not asked for before: the server has none */
        int64_t server_ahead_usec;      /* the server's clock less engine_steady(), as of its last Date */

        Token *token;                   /* of the engine; NULL: the credential is a key */
        uint64_t refused_generation;    /* of the token that was refused although it was new; 0: none */
        Budget budget;                  /* of requests */
        GateOwner gate;                 /* silent: the last poll got no answer, or there was none yet */
        usec_t held_until_usec;         /* boottime: it asked to be left alone, also by late looks */

        SourceCall *call;               /* of the list */
        unsigned n_requests;            /* in this poll */
        bool resumed;                   /* this walk goes on where an earlier one ended */
        bool trusted;                   /* no gap is open: what the cached top page holds is known ground */
        bool restarted;                 /* the cursor was refused once in this poll */
        unsigned n_pages;
        char *cover_after;              /* walking on over known ground, to see unfinished jobs on pages */
        RowCache list;                  /* the last top page */
        unsigned list_limit; /* of the first page: enough to see every unfinished job, as a rule */
        unsigned planned_unseen;        /* what the plan was made for */
        int64_t planned_oldest;
        unsigned cover_pages;           /* pages to look at even where nothing is new */

        JobPoll *job_polls;             /* under way */
        unsigned n_job_polls;
        Watch *next_watch; /* to be asked about next: what one poll leaves the next one begins with */
        bool fanning_out;               /* it still may be in this poll */
        bool out_of_budget;             /* something was left for the next poll */
        bool in_part;                   /* the outcome is of a job; the list, and maybe others, answered */
        EventPage *waiting;             /* for one transaction with others; see ingest_waiting() */
        unsigned n_waiting;
        Tail *tails;                    /* finished jobs whose details are being fetched */
        sd_event_source *tail_timer;
};

/* For log lines. */
#define SOURCE_LOG(s) (&(LogContext) { .source = (s)->settings->name })

/* The budget has room for what can wait. */
bool source_may_ask(const Source *s);
/* It throttles, and is left alone until the next poll. */
bool source_is_held(const Source *s);

/* The outcome shows no credential, should the server repeat it. The same promises as http_done_t. */
typedef void (*source_done_t)(const Outcome *outcome, HttpReply *reply, void *userdata);

/* Asks the API; url, credential, limits and deadline come from the settings. The same promises as
 * http_submit(). */
int source_get(Source *s, DialectPath what, const char *id, const char *after, unsigned limit,
               source_done_t done, void *userdata, SourceCall **ret);
/* As http_cancel(). */
SourceCall *source_cancel(SourceCall *c);
/* The server's clock now, by what its last list said; ours where it says nothing. */
usec_t source_server_usec(const Source *s);
void source_set_server_date(Source *s, int64_t date);
