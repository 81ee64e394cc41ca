-- A state as version 1 of the schema left it: a job that is known, a notice that is owed.
PRAGMA application_id = 1179932484;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
CREATE TABLE sources (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  endpoint TEXT NOT NULL,
  baseline_at INTEGER,
  baseline_done INTEGER NOT NULL DEFAULT 0,
  walk TEXT);
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  source INTEGER NOT NULL REFERENCES sources (id),
  job_id TEXT NOT NULL,
  status TEXT NOT NULL,
  terminal INTEGER NOT NULL,
  silent INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  body TEXT NOT NULL,
  first_walk INTEGER NOT NULL,
  events_walk TEXT,
  first_seen_usec INTEGER NOT NULL,
  changed_usec INTEGER NOT NULL,
  removed_usec INTEGER,
  tail_usec INTEGER,
  UNIQUE (source, job_id));
CREATE INDEX jobs_unfinished ON jobs (source) WHERE terminal = 0 AND removed_usec IS NULL;
CREATE INDEX jobs_with_tail ON jobs (tail_usec) WHERE tail_usec IS NOT NULL;
CREATE INDEX jobs_by_age ON jobs (source, created_at);
CREATE TABLE statuses (
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  status TEXT NOT NULL,
  n INTEGER NOT NULL,
  entered_usec INTEGER NOT NULL,
  PRIMARY KEY (job, status, n)) WITHOUT ROWID;
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  key BLOB NOT NULL,
  walk INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  level INTEGER NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (job, key));
CREATE TABLE metrics (
  job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  step INTEGER NOT NULL,
  value REAL,
  PRIMARY KEY (job, step, name)) WITHOUT ROWID;
CREATE TABLE notices (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  source INTEGER REFERENCES sources (id),
  job INTEGER REFERENCES jobs (id) ON DELETE CASCADE,
  created_usec INTEGER NOT NULL,
  enrich INTEGER NOT NULL DEFAULT 0,
  body TEXT NOT NULL);
CREATE INDEX notices_by_job ON notices (job, seq);
CREATE INDEX notices_to_enrich ON notices (seq) WHERE enrich = 1;
CREATE TABLE deliveries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  notice INTEGER NOT NULL REFERENCES notices (seq) ON DELETE CASCADE,
  receiver TEXT NOT NULL,
  line INTEGER,
  state INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  created_usec INTEGER NOT NULL,
  due_usec INTEGER NOT NULL,
  settled_usec INTEGER,
  reason TEXT,
  detail TEXT,
  degraded INTEGER NOT NULL DEFAULT 0,
  body BLOB,
  UNIQUE (notice, receiver));
CREATE INDEX deliveries_owed ON deliveries (receiver, due_usec) WHERE state IN (0, 1);
CREATE INDEX deliveries_in_line ON deliveries (receiver, line, seq) WHERE state IN (0, 1);
CREATE TABLE troubles (
  subject TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  reason TEXT NOT NULL,
  since_usec INTEGER NOT NULL,
  told_usec INTEGER NOT NULL);
INSERT INTO sources VALUES (1, 'sim', 'http://127.0.0.1:8080', 1700000000, 1, NULL);
INSERT INTO jobs VALUES (1, 1, 'ftjob-old', 'running', 0, 0, 1790000000,
  '{"id":"ftjob-old","status":"running","model":"gpt-4o-mini-2024-07-18","created_at":1790000000}',
  1, NULL, 1790000000000000, 1790000000000000, NULL, NULL);
INSERT INTO statuses VALUES (1, 'running', 1, 1790000000000000);
INSERT INTO notices VALUES (1, 'evt_owedowedowedowedowedowedow', 'job.created', 1, 1,
  CAST(strftime('%s', 'now') AS INTEGER) * 1000000, 0,
  '{"id":"ftjob-old","source":"sim","status":"pending","model":"gpt-4o-mini-2024-07-18"}');
INSERT INTO deliveries (notice, receiver, line, state, created_usec, due_usec)
  VALUES (1, 'hook', 1, 0, CAST(strftime('%s', 'now') AS INTEGER) * 1000000, 0);
