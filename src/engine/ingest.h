#pragma once
/* From what a server shows to what is stored and owed: one page, or one job, in one transaction. */

#include "api/page.h"
#include "engine/source.h"

/* A page of the job list. infos (one a row, *ret_infos, of the same length) say what each row is; rows that
 * are in the cache (NULL: none; only ever the last top page, of an earlier walk) are known ground and not
 * parsed. `cover`: the page is looked at for the jobs on it but is no part of the walk. Returns a WalkStep,
 * or a negative errno: -EBADMSG for rows that are none, with a reason (static); failures of the store are
 * logged. */
int ingest_job_page(Source *s, const Page *page, const RowCache *cache, int64_t server_date, bool cover,
                    RowInfo **ret_infos, const char **ret_reason);

/* One job asked for by its id. -EBADMSG. */
int ingest_job(Source *s, Job *job);

/* A page of a watched job's events, like ingest_job_page. `thorough`: see walk_take_page(). A page that owes
 * nobody anything and ends the walk does not need a transaction of its own: it is taken (then *ret_infos
 * stays as it was) and waits for others of this poll. */
int ingest_event_page(Source *s, Watch *w, Page *page, const RowCache *cache, bool thorough,
                      RowInfo **ret_infos, const char **ret_reason);
/* Writes those that wait, in one transaction; at the latest at the end of the poll. When it fails all of
 * them are forgotten: the server shows the same again. */
int ingest_waiting(Source *s);
/* The watch goes. */
void ingest_forget_waiting(Source *s, const Watch *w);
/* The same for a finished job, whose walk is the caller's: in_notice says that its warnings go with the
 * terminal notice. */
int ingest_tail_page(Source *s, const StoredJob *stored, Walk *walk, Page *page, bool in_notice,
                     const char **ret_reason);

/* The job is gone from the server. */
int ingest_removal(Source *s, Watch *w);
int ingest_metrics(Source *s, int64_t job_row, const Metrics *m);
