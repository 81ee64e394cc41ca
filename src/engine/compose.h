#pragma once
/* Makes notices out of what was seen: fills in who, what and where to look, and the id. Sends and stores
 * nothing. */

#include "engine/source.h"
#include "model/notice.h"
#include "model/transition.h"
#include "model/trouble.h"

/* n_entered: how often the job has entered the status, this time included (part of the id). */
int compose_transition(const Source *s, const Job *job, const Transition *t, unsigned n_entered,
                       usec_t now_real_usec, Notice **ret);
/* An event of level warning or error. */
int compose_event(const Source *s, const Job *job, const Event *event,
                  const uint8_t key[static EVENT_KEY_SIZE], usec_t now_real_usec, Notice **ret);
/* Any job.*: `unique` is what tells it from others of its type (see notice_id_make()). */
int compose_unique(const Source *s, const Job *job, NoticeType type, const char *unique,
                   usec_t now_real_usec, Notice **ret);
/* job.removed, job.results: once a job. */
int compose_once(const Source *s, const Job *job, NoticeType type, usec_t now_real_usec, Notice **ret);
/* source.*: tells t, or with news TROUBLE_RECOVERED that it is over. */
int compose_source(const Source *s, const Trouble *t, TroubleNews news, const char *detail,
                   usec_t blind_usec, usec_t now_real_usec, Notice **ret);
int compose_receiver(const char *receiver, const Trouble *t, TroubleNews news, const char *detail,
                     usec_t blind_usec, usec_t now_real_usec, Notice **ret);

/* compose_test.c: a sample of the type for this receiver; `source` is one to name, or NULL. */
int compose_test(const char *receiver, const char *source, NoticeType type, usec_t now_real_usec,
                 Notice **ret);

/* Copies what is known of the job into the notice: itself, its series, its last events. */
int compose_details(Store *store, int64_t job_row, Notice *n);
/* The same for one in the store that waits for it, which is due now. 1: done; 0: it does not wait. */
int compose_complete(Store *store, int64_t notice, int64_t job_row, usec_t now_real_usec);
/* One line for a log. */
int compose_line(const Notice *n, char **ret);
