-- A state as version 1 of the schema left it: a job that runs, one that ended with its events and metrics;
-- notices that are owed, in flight, told and given up; a trouble.
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
CREATE TEMP TABLE clock AS SELECT CAST(strftime('%s', 'now') AS INTEGER) AS at;
INSERT INTO sources VALUES (1, 'sim', 'http://127.0.0.1:8080', 1700000000, 1, NULL);
INSERT INTO jobs SELECT 1, 1, 'ftjob-old', 'running', 0, 0, 1790000000,
  '{"id":"ftjob-old","status":"running","model":"gpt-4o-mini-2024-07-18","created_at":1790000000}',
  1, NULL, 1790000000000000, 1790000000000000, NULL, NULL FROM clock;
INSERT INTO jobs SELECT 2, 1, 'ftjob-done', 'succeeded', 1, 0, at - 7200,
  '{"id":"ftjob-done","status":"succeeded","model":"gpt-4o-mini-2024-07-18","created_at":' || (at - 7200) ||
  ',"finished_at":' || (at - 3600) || ',"fine_tuned_model":"ft-done"}',
  1, NULL, (at - 7200) * 1000000, (at - 3600) * 1000000, NULL, NULL FROM clock;
INSERT INTO statuses VALUES (1, 'running', 1, 1790000000000000);
INSERT INTO statuses SELECT 2, 'running', 1, (at - 7000) * 1000000 FROM clock;
INSERT INTO statuses SELECT 2, 'succeeded', 1, (at - 3600) * 1000000 FROM clock;
INSERT INTO events SELECT 1, 2, x'000102030405060708090a0b0c0d0e0f', 1, at - 7000, 0,
  '{"id":"ftevent-1","created_at":' || (at - 7000) || ',"level":"info","message":"Job started."}' FROM clock;
INSERT INTO events SELECT 2, 2, x'100102030405060708090a0b0c0d0e0f', 1, at - 3600, 0,
  '{"id":"ftevent-2","created_at":' || (at - 3600) || ',"level":"info","message":"Job succeeded."}' FROM clock;
INSERT INTO metrics VALUES (2, 'train_loss', 1, 2.5), (2, 'train_loss', 2, 0.75);
INSERT INTO notices SELECT column1, column2, column3, 1, column4, at * 1000000, 0, '{"id":"' || column5 ||
  '","source":"sim","status":"' || column6 || '","model":"gpt-4o-mini-2024-07-18"}' FROM clock, (VALUES
  (1, 'evt_donedonedonedonedonedonedo', 'job.running', 2, 'ftjob-done', 'running'),
  (2, 'evt_deaddeaddeaddeaddeaddeadde', 'job.succeeded', 2, 'ftjob-done', 'succeeded'),
  (3, 'evt_halfhalfhalfhalfhalfhalfha', 'job.created', 1, 'ftjob-old', 'pending'),
  (4, 'evt_owedowedowedowedowedowedow', 'job.running', 1, 'ftjob-old', 'running'));
INSERT INTO deliveries (notice, receiver, line, state, attempts, created_usec, due_usec, settled_usec, reason)
  SELECT column1, 'hook', column2, column3, column4, at * 1000000, 0, column5 * at * 1000000, column6
  FROM clock, (VALUES (1, 2, 2, 1, 1, NULL), (2, 2, 3, 1, 1, 'gone'), (3, 1, 1, 1, NULL, NULL),
  (4, 1, 0, 0, NULL, NULL));
INSERT INTO troubles SELECT 'source:sim', 'source.unreachable', 'connect', (at - 60) * 1000000,
  (at - 60) * 1000000 FROM clock;
