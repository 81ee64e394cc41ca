-- What two resources may look like after a while, for the tests of ftwatchctl. Times hang on clock.now, Unix seconds.
CREATE TEMP TABLE IF NOT EXISTS clock AS SELECT CAST(strftime('%s', 'now') AS INTEGER) AS now;
CREATE TEMP VIEW t AS SELECT now, now * 1000000 AS us FROM clock;
BEGIN;

INSERT INTO sources (id, name, endpoint, baseline_at, baseline_done) VALUES
        (1, 'contoso-eastus', 'https://contoso.openai.azure.com', 1700000000, 1),
        (2, 'fabrikam', 'https://fabrikam.openai.azure.com', 1700000000, 1);

-- id, source, job_id, status, terminal, silent, age of creation and change in seconds, body beyond the usual
CREATE TEMP TABLE seed_jobs (id, source, job_id, status, terminal, silent, created, changed, body);
INSERT INTO seed_jobs VALUES
        (1, 1, 'ftjob-5f1c0e9a2b3c4d5e6f708192a3b4c5d6', 'running', 0, 0, 5400, 3000,
         '{"model":"gpt-4.1-mini-2025-04-14","suffix":"support-triage","training_file":"file-aa01",
           "validation_file":"file-aa02","method":"supervised","trained_tokens":-1,
           "hyperparameters":{"n_epochs":3,"batch_size":1,"learning_rate_multiplier":1.5},
           "metadata":{"owner":"ml-team","ticket":"ML-412"}}'),
        (2, 1, 'ftjob-a1b2c3d4e5f60718293a4b5c6d7e8f90', 'succeeded', 1, 0, 93600, 86400,
         '{"model":"gpt-4o-2024-08-06","suffix":"contract-review","training_file":"file-bb01",
           "result_files":["file-bb09"],"method":"supervised","trained_tokens":7223000,
           "fine_tuned_model":"gpt-4o-2024-08-06.ft-0123456789abcdef0123456789abcdef-contract-review",
           "hyperparameters":{"n_epochs":2,"batch_size":8},"finished":86410}'),
        (3, 2, 'ftjob-00ff11ee22dd33cc44bb55aa66997788', 'failed', 1, 0, 10800, 7200,
         '{"model":"gpt-4.1-2025-04-14","suffix":"summaries","training_file":"file-cc01","method":"dpo",
           "error":{"code":"invalid_training_file","param":"training_file","message":
           "The job failed due to an invalid training file. Line 17 is not a JSON object with a list of messages."}}'),
        (4, 2, 'ftjob-9d8c7b6a5f4e3d2c1b0a998877665544', 'paused', 0, 0, 172800, 36000,
         '{"model":"o4-mini-2025-04-16","suffix":"grader-rft","method":"reinforcement"}'),
        (5, 1, 'ftjob-1234123412341234abcdabcdabcdabcd', 'cancelled', 1, 0, 260000, 259500,
         '{"model":"gpt-4o-mini-2024-07-18"}'),
        (6, 1, 'ftjob-a1b2c3d4ffffffffffffffffffffffff', 'succeeded', 1, 1, 2592000, 864000,
         '{"model":"gpt-4o-2024-08-06","suffix":"contract-review","finished":2588000,
           "fine_tuned_model":"gpt-4o-2024-08-06.ft-ffff-contract-review"}'),
        (7, 2, 'ftjob-deadbeef00000000000000000000beef', 'quantum_flux', 0, 0, 600, 500,
         '{"model":"gpt-4.1-nano-2025-04-14","suffix":"\u001b[31mred\u001b]0;owned\u0007 \u202egnp\u009b2J \u6f22\u5b57"}'),
        (8, 1, 'ftjob-77777777777777777777777777777777', 'running', 0, 0, 400000, 390000,
         '{"model":"gpt-4o-mini-2024-07-18","suffix":"gone"}');

INSERT INTO jobs (id, source, job_id, status, terminal, silent, created_at, body, first_walk, first_seen_usec,
                  changed_usec, removed_usec)
SELECT id, source, job_id, status, terminal, silent, now - created,
       json_patch(json_object('id', job_id, 'status', status, 'created_at', now - created,
                              'finished_at', now - json_extract(body, '$.finished')), body),
       1, us - iif(silent, changed, created) * 1000000, us - changed * 1000000,
       iif(id = 8, us - 350000 * 1000000, NULL)
FROM seed_jobs, t;

INSERT INTO statuses (job, status, n, entered_usec)
SELECT job, status, n, us - age * 1000000 FROM t, (
        SELECT 1 AS job, 'pending' AS status, 1 AS n, 5400 AS age UNION ALL SELECT 1, 'running', 1, 3000
        UNION ALL SELECT 2, 'pending', 1, 93600 UNION ALL SELECT 2, 'running', 1, 90000
        UNION ALL SELECT 2, 'paused', 1, 89000 UNION ALL SELECT 2, 'running', 2, 88000
        UNION ALL SELECT 2, 'succeeded', 1, 86400
        UNION ALL SELECT 3, 'pending', 1, 10800 UNION ALL SELECT 3, 'failed', 1, 7200
        UNION ALL SELECT 4, 'running', 1, 100000 UNION ALL SELECT 4, 'paused', 1, 36000
        UNION ALL SELECT 6, 'succeeded', 1, 864000);

-- Losses that fall; validation every tenth step; job 2 over three decades, with a hole
WITH RECURSIVE steps (step) AS (SELECT 1 UNION ALL SELECT step + 1 FROM steps WHERE step < 400)
INSERT INTO metrics (job, name, step, value)
SELECT 1, 'train_loss', step, 0.35 + 2.4 / (1 + step / 30.0) + ((step * 7919) % 100) / 600.0 FROM steps UNION ALL
SELECT 1, 'valid_loss', step, 0.55 + 2.2 / (1 + step / 30.0) FROM steps WHERE step % 20 = 0 UNION ALL
SELECT 1, 'train_mean_token_accuracy', step, 1 - 0.6 / (1 + step / 50.0) FROM steps UNION ALL
SELECT 2, 'train_loss', step, iif(step BETWEEN 150 AND 160, NULL, 40.0 / (step * step)) FROM steps WHERE step <= 300;

INSERT INTO metrics (job, name, step, value)
SELECT 4, 'reward', column1, column2 FROM (VALUES (1, -1.0), (2, 0.25), (3, 0.5));

CREATE TEMP TABLE seed_events (job, age, level, type, message);
INSERT INTO seed_events VALUES
        (1, 5395, 0, 'message', 'Job enqueued. Waiting for jobs ahead to complete.'),
        (1, 3000, 0, 'message', 'Job started.'),
        (2, 93590, 0, 'message', 'Job enqueued. Waiting for jobs ahead to complete.'),
        (2, 86440, 0, 'message', 'Job succeeded.'),
        (2, 86430, 0, 'message', 'Completed results file: file-bb09'),
        (2, 86420, 0, 'message', 'Training tokens billed: 7223000'),
        (3, 10795, 0, 'message', 'Validating training file: file-cc01'),
        (3, 7210, 1, 'message', 'Line 17 of the training file has no messages; 3 more lines like it.'),
        (3, 7201, 2, 'message', 'The job failed due to an invalid training file.'),
        (7, 590, 2, 'message', char(27) || '[2J' || char(7) || 'clear' || char(10) || 'line two ' || char(155) || '31m');
WITH RECURSIVE steps (step) AS (SELECT 10 UNION ALL SELECT step + 10 FROM steps WHERE step < 400)
INSERT INTO seed_events
SELECT 1, 2900 - step, 0, 'metrics', printf('Step %d: training loss=%.4f', step, 0.35 + 2.4 / (1 + step / 30.0)) FROM steps;
INSERT INTO events (job, key, walk, created_at, level, body)
SELECT job, CAST(printf('%016d', seed_events.rowid) AS BLOB), 1, now - age, level,
       json_object('id', printf('ftevent-%d', seed_events.rowid), 'created_at', now - age, 'type', type, 'message', message,
                   'level', CASE level WHEN 0 THEN 'info' WHEN 1 THEN 'warning' ELSE 'error' END)
FROM seed_events, t;

-- job_status: notices about jobs carry the job as the webhook's data does
CREATE TEMP TABLE seed_notices (seq, type, source, job, age, extra);
INSERT INTO seed_notices VALUES
        (1, 'job.running', 1, 2, 90000, '{"previous_status":"pending"}'),
        (2, 'job.succeeded', 1, 2, 86400, '{"previous_status":"running"}'),
        (3, 'job.paused', 2, 4, 36000, '{"previous_status":"running"}'),
        (4, 'source.unreachable', 2, NULL, 30000, '{"reason":"timeout","detail":"no answer within 30s, 3 times in a row"}'),
        (5, 'receiver.failing', NULL, NULL, 20000, '{"receiver":"mail","reason":"tls","detail":"certificate has expired"}'),
        (6, 'job.failed', 2, 3, 7200, '{"previous_status":"pending"}'),
        (7, 'job.running', 1, 1, 3000, '{"previous_status":"pending"}');
INSERT INTO notices (seq, id, type, source, job, created_usec, enrich, body)
SELECT seq, printf('evt_%026d', seq), type, n.source, job, us - age * 1000000, 0,
       json_patch(coalesce((SELECT body FROM jobs WHERE id = job), '{}'), extra) FROM seed_notices n, t;

CREATE TEMP TABLE seed_deliveries (notice, receiver, state, attempts, age, due, settled, reason, detail);
INSERT INTO seed_deliveries VALUES
        (1, 'journal', 2, 1, 90000, 90000, 90000, NULL, NULL),
        (2, 'journal', 2, 1, 86400, 86400, 86400, NULL, NULL),
        (2, 'ml-teams', 2, 1, 86400, 86400, 86398, NULL, NULL),
        (2, 'ops-slack', 2, 3, 86400, 86400, 86300, 'throttled', '429: slow down'),
        (3, 'ops-slack', 2, 1, 36000, 36000, 35999, NULL, NULL),
        (5, 'ops-slack', 2, 1, 20000, 20000, 19990, NULL, NULL),
        (6, 'mail', 0, 5, 7200, -900, NULL, 'tls', 'certificate has expired'),
        (6, 'ml-teams', 3, 1, 7200, 7200, 7199, 'gone', '410: this workflow was deleted'),
        (6, 'ops-slack', 2, 1, 7200, 7200, 7198, NULL, NULL),
        (7, 'mail', 0, 0, 3000, 3000, NULL, NULL, NULL),
        (7, 'journal', 1, 1, 3000, 3000, NULL, NULL, NULL);
INSERT INTO deliveries (notice, receiver, line, state, attempts, created_usec, due_usec, settled_usec, reason, detail)
SELECT notice, receiver, NULL, state, attempts, us - age * 1000000, us - due * 1000000, us - settled * 1000000,
       reason, detail FROM seed_deliveries, t;

-- The running job is late by its estimate; a spell of silence before that is over.
INSERT INTO vigils (job, progress_usec)
SELECT job, us - age * 1000000 FROM t, (SELECT 1 AS job, 2500 AS age UNION ALL SELECT 4, 36000 UNION ALL SELECT 7, 500);
INSERT INTO told (job, type, spell, n, told_usec)
SELECT 1, 'job.overdue', 1, 1, us - 600 * 1000000 FROM t UNION ALL
SELECT 1, 'job.stalled', 2, 1, us - 2600 * 1000000 FROM t UNION ALL
SELECT 4, 'job.paused', 1, 1, us - 100 * 1000000 FROM t;
INSERT INTO checkpoints (job, checkpoint_id, step, created_at, model, metrics, seen_usec)
SELECT 1, printf('ftchkpt-%d', step), step, now - 2900 + step, printf('gpt-4.1-mini-2025-04-14.ft-5f1c0e9a:ckpt-step-%d', step),
       json_object('train_loss', json_array(json_array(step, 0.9 - step / 1000.0)), 'valid_loss', json_array(json_array(step, 1.25))),
       us - (2880 - step) * 1000000
FROM t, (SELECT 133 AS step UNION ALL SELECT 266)
UNION ALL SELECT 7, 'ftchkpt-x', NULL, NULL, 'evil' || char(27) || '[31m', '{"train_loss":[[0,null]]}', us FROM t;

INSERT INTO troubles (subject, type, reason, since_usec, told_usec)
SELECT 'source:fabrikam', 'source.unreachable', 'timeout', us - 30000 * 1000000, us - 30000 * 1000000 FROM t;
COMMIT;
