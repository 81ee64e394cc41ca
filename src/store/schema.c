#include "store/schema.h"

/* Times: *_usec are microseconds by our own realtime clock, *_at are Unix seconds by the server's.
 * Rowid tables with a unique index: WITHOUT ROWID makes batches of 1 kB rows five times dearer (measured).
 */
static const char version_1[] =
        "CREATE TABLE sources ("
        "  id INTEGER PRIMARY KEY,"
        "  name TEXT NOT NULL UNIQUE,"
        "  endpoint TEXT NOT NULL,"
        "  baseline_at INTEGER," /* when first contact began; NULL before it */
        "  baseline_done INTEGER NOT NULL DEFAULT 0,"
        "  walk TEXT" /* walk_to_text() of the job list */
        ");"
        "CREATE TABLE jobs ("
        "  id INTEGER PRIMARY KEY,"
        "  source INTEGER NOT NULL REFERENCES sources (id),"
        "  job_id TEXT NOT NULL,"
        "  status TEXT NOT NULL," /* canonical */
        "  terminal INTEGER NOT NULL,"
        "  silent INTEGER NOT NULL," /* seen at first contact: its past is not news */
        "  created_at INTEGER NOT NULL,"
        "  body TEXT NOT NULL," /* job_to_json() */
        "  first_walk INTEGER NOT NULL,"
        "  events_walk TEXT," /* walk_to_text() of the event list */
        "  first_seen_usec INTEGER NOT NULL,"
        "  changed_usec INTEGER NOT NULL," /* when the status last changed, as far as we saw */
        "  removed_usec INTEGER,"
        "  tail_usec INTEGER," /* when a finished job is looked at again for late lines */
        "  UNIQUE (source, job_id)"
        ");"
        "CREATE INDEX jobs_unfinished ON jobs (source) WHERE terminal = 0 AND removed_usec IS NULL;"
        "CREATE INDEX jobs_with_tail ON jobs (tail_usec) WHERE tail_usec IS NOT NULL;"
        "CREATE INDEX jobs_by_age ON jobs (source, created_at);"
        /* Every entry of a job into a status; n counts from 1. */
        "CREATE TABLE statuses ("
        "  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,"
        "  status TEXT NOT NULL,"
        "  n INTEGER NOT NULL,"
        "  entered_usec INTEGER NOT NULL,"
        "  PRIMARY KEY (job, status, n)"
        ") WITHOUT ROWID;"
        "CREATE TABLE events ("
        "  id INTEGER PRIMARY KEY,"
        "  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,"
        "  key BLOB NOT NULL," /* event_key() */
        "  walk INTEGER NOT NULL,"
        "  created_at INTEGER NOT NULL,"
        "  level INTEGER NOT NULL," /* EventLevel */
        "  body TEXT NOT NULL," /* event_to_json() */
        "  UNIQUE (job, key)"
        ");"
        /* A value of NULL is NaN (SQLite stores none). */
        "CREATE TABLE metrics ("
        "  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,"
        "  name TEXT NOT NULL,"
        "  step INTEGER NOT NULL,"
        "  value REAL,"
        "  PRIMARY KEY (job, step, name)"
        ") WITHOUT ROWID;"
        "CREATE TABLE notices ("
        "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
        "  id TEXT NOT NULL UNIQUE,"
        "  type TEXT NOT NULL,"
        "  source INTEGER REFERENCES sources (id),"
        "  job INTEGER REFERENCES jobs (id) ON DELETE CASCADE,"
        "  created_usec INTEGER NOT NULL,"
        "  enrich INTEGER NOT NULL DEFAULT 0," /* 1: details are still being fetched */
        "  body TEXT NOT NULL" /* notice_to_json() */
        ");"
        "CREATE INDEX notices_by_job ON notices (job, seq);"
        "CREATE INDEX notices_to_enrich ON notices (seq) WHERE enrich = 1;"
        "CREATE TABLE deliveries ("
        "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
        "  notice INTEGER NOT NULL REFERENCES notices (seq) ON DELETE CASCADE,"
        "  receiver TEXT NOT NULL,"
        "  line INTEGER," /* the job: its deliveries go in order; NULL stands in no line */
        "  state INTEGER NOT NULL," /* DeliveryState */
        "  attempts INTEGER NOT NULL DEFAULT 0,"
        "  created_usec INTEGER NOT NULL,"
        "  due_usec INTEGER NOT NULL,"
        "  settled_usec INTEGER,"
        "  reason TEXT," /* of the last attempt that failed */
        "  detail TEXT,"
        "  degraded INTEGER NOT NULL DEFAULT 0,"
        "  body BLOB," /* rendered once, before the first attempt; dropped when settled */
        "  UNIQUE (notice, receiver)"
        ");"
        "CREATE INDEX deliveries_owed ON deliveries (receiver, due_usec) WHERE state IN (0, 1);"
        "CREATE INDEX deliveries_in_line ON deliveries (receiver, line, seq) WHERE state IN (0, 1);"
        /* What is wrong now with a source or a receiver, so that it is told once, also over restarts. */
        "CREATE TABLE troubles ("
        "  subject TEXT PRIMARY KEY," /* "source:NAME", "receiver:NAME" */
        "  type TEXT NOT NULL,"
        "  reason TEXT NOT NULL,"
        "  since_usec INTEGER NOT NULL,"
        "  told_usec INTEGER NOT NULL"
        ");";

/* Bytes rendered for one kind mean nothing to another. */
static const char deliveries_kind[] = "ALTER TABLE deliveries ADD COLUMN kind TEXT;"; /* that body is for */

/* What lasts too long, checkpoints, conditions on metrics. Of jobs that were watched by an older version
 * nobody knows when there last was news: now, so that no silence is made up. */
static const char long_jobs[] =
        "CREATE TABLE vigils ("
        "  job INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,"
        "  progress_usec INTEGER NOT NULL," /* news of it was seen */
        "  estimate_wild INTEGER NOT NULL DEFAULT 0" /* its estimated end jumped */
        ");"
        "INSERT INTO vigils (job, progress_usec)"
        "  SELECT id, CAST(strftime('%s', 'now') AS INTEGER) * 1000000 FROM jobs WHERE terminal = 0;"
        "CREATE TABLE told ("
        "  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,"
        "  type TEXT NOT NULL," /* job.stalled, job.waiting, job.overdue, job.paused */
        "  spell INTEGER NOT NULL," /* the how manieth time */
        "  n INTEGER NOT NULL," /* how often told in it */
        "  told_usec INTEGER NOT NULL,"
        "  PRIMARY KEY (job, type)"
        ") WITHOUT ROWID;"
        "CREATE TABLE checkpoints ("
        "  id INTEGER PRIMARY KEY,"
        "  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,"
        "  checkpoint_id TEXT NOT NULL,"
        "  step INTEGER," /* NULL unknown */
        "  created_at INTEGER,"
        "  model TEXT,"
        "  metrics TEXT NOT NULL," /* metrics_to_json() */
        "  seen_usec INTEGER NOT NULL,"
        "  UNIQUE (job, checkpoint_id)"
        ");"
        /* How far the condition of a rule has looked at the job's metrics. */
        "CREATE TABLE conditions ("
        "  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,"
        "  condition TEXT NOT NULL," /* condition_to_text() */
        "  step INTEGER NOT NULL," /* the last one looked at, -1 none */
        "  value REAL," /* there; NULL is NaN or none */
        "  n INTEGER NOT NULL," /* how often in a row it rose, or fell */
        "  met INTEGER NOT NULL,"
        "  PRIMARY KEY (job, condition)"
        ") WITHOUT ROWID;";

/* What is not delivered for a while; a row goes when it is over. */
static const char silences[] =
        "CREATE TABLE silences ("
        "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
        "  kind TEXT NOT NULL," /* silence_kind_to_string() */
        "  pattern TEXT NOT NULL,"
        "  comment TEXT,"
        "  since_usec INTEGER NOT NULL,"
        "  until_usec INTEGER NOT NULL,"
        "  n_silenced INTEGER NOT NULL DEFAULT 0" /* deliveries */
        ");";

const char *const schema_steps[SCHEMA_VERSION] = { version_1, deliveries_kind, long_jobs, silences };
