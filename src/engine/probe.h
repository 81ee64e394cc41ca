#pragma once
/* One look at a source, for a person: each kind of request that polling makes is made once with the
 * configured credential, and it is said in plain words what works and what to change. Knows no store, waits
 * for no poll, tells nobody; several may run at once, beside an engine or without one. */

#include <stdbool.h>

#include <json-c/json.h>
#include <systemd/sd-event.h>

#include "api/source.h"
#include "base/buf.h"
#include "base/macro.h"
#include "base/time.h"
#include "io/http.h"
#include "model/outcome.h"

typedef enum ProbeCheck {
        PROBE_LIST,
        PROBE_JOB,
        PROBE_EVENTS,
        PROBE_CHECKPOINTS,
        PROBE_RESULTS,
        PROBE_CLOCK,
        _PROBE_CHECK_MAX,
} ProbeCheck;

typedef enum ProbeVerdict {
        PROBE_SKIPPED,                  /* there is nothing to ask for, or no use in asking */
        PROBE_OK,
        PROBE_FAILED,
} ProbeVerdict;

typedef struct ProbeFinding {
        ProbeVerdict verdict;
        usec_t took_usec;               /* 0 when nothing was asked */
        Outcome outcome;
        char *words;                    /* what was found, or why nothing was; clean, NULL: nothing to say */
        char *advice;                   /* what to change; NULL */
} ProbeFinding;

typedef struct ProbeReport {
        const SourceSettings *settings;
        ProbeFinding findings[_PROBE_CHECK_MAX];
        bool works;                     /* nothing failed */
} ProbeReport;

typedef struct Probe Probe;
/* Runs once, never before probe_new() returned; the report lives as long as the probe, which may be freed
 * in it. */
typedef void (*probe_done_t)(const ProbeReport *report, void *userdata);

/* Begins. settings, event and http outlive the probe. At most ten requests, each with the source's
 * own timeout, all of them together with `limit` (0: none): what was not answered by then has failed. */
int probe_new(Probe **ret, const SourceSettings *settings, sd_event *event, Http *http, usec_t limit_usec,
              probe_done_t done, void *userdata);
/* Takes NULL; the callback does not run any more. */
Probe *probe_free(Probe *p);
DEFINE_CLEANUP(Probe, probe_free)

/* engine/probe_report.c */
/* A headline and an aligned line for each check, advice below it. */
int probe_report_to_text(const ProbeReport *report, Buf *ret);
int probe_report_to_json(const ProbeReport *report, json_object **ret);
