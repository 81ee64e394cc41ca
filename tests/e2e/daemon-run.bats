#!/usr/bin/env bats
# The shipped ftwatchd against a simulated resource: what becomes news, in which order, and how often it
# asks.

bats_require_minimum_version 1.5.0
load daemon

teardown() {
        stop_all
}

# ftsim with no jobs yet, and a daemon that has its baseline.
start_empty() {
        start_ftsim - <<<"$1"
        shift
        watch_all "$@"
        start_daemon
        await_poll
}

data_of() {
        told "select(.type == \"fine_tuning.$1\") | .data | $2"
}

# What a column of the result file holds, empty cells left out.
column() {
        awk -F , -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next }
                $c != "" { print $c }' "$T/results.csv"
}

# --- what a run tells ---------------------------------------------------------------------------------

@test "a real-shaped run gives one notice per status, and job.succeeded with model, tokens and metrics" {
        start_empty 'time_scale = 0.0005; stamp_scale = 2000.0; stamp_offset = -14100.0;'
        post_job '{ "id": "ftjob-372c72db22c34e6f9ccb62c26ee0fbd9",
                "model": "gpt-4o-mini-2024-07-18", "suffix": "run",
                "fine_tuned_model": "gpt-4o-mini-2024-07-18.ft-0e208cf33a6a466994aff31a08aba678",
                "hyperparameters": { "n_epochs": 10, "batch_size": 1, "learning_rate_multiplier": 1.0 },
                "trained_tokens": 10440, "billed_hours": 0.5, "lead": 34.0, "tail": 9.0,
                "training": { "from": 2400.0, "to": 12200.0, "steps": 8000, "every": 10, "epochs": 10,
                              "validation": true },
                "timeline": [ { "at": 0.0, "status": "pending" }, { "at": 500.0, "status": "running" },
                              { "at": 14035.0, "status": "succeeded" },
                              { "at": 14044.0, "event": "Training tokens billed: 8000" } ] }'
        await_told job.succeeded 1 40
        settled
        in_order job.created job.pending job.running job.succeeded

        assert_equal "$(data_of job.succeeded '[.source, .status, .previous_status, .suffix, .error]')" \
                '["sim","succeeded","running","run",null]'
        assert_equal "$(data_of job.succeeded '[.model, .fine_tuned_model]')" \
                '["gpt-4o-mini-2024-07-18","gpt-4o-mini-2024-07-18.ft-0e208cf33a6a466994aff31a08aba678"]'
        assert_equal "$(data_of job.succeeded '[.trained_tokens, .hyperparameters.n_epochs]')" '[10440,10]'
        # The series are those of the result file.
        local file
        file=$(api '/openai/fine_tuning/jobs?limit=10' | jq -r '[.data[].result_files | arrays][0][0]')
        api "/openai/files/$file/content" >"$T/results.csv"
        assert_equal "$(data_of job.succeeded '.metrics.train_loss | [.first, .last, .last_step]')" \
                "[$(column train_loss | head -n 1),$(column train_loss | tail -n 1),8000]"
        assert_equal "$(data_of job.succeeded '.metrics.valid_loss.best')" \
                "$(column valid_loss | sort -g | head -n 1)"
        run -0 data_of job.succeeded '.events | map(.message) | join("|")'
        [[ $output = *'Completed results file'* ]]
        run -0 data_of job.succeeded '.duration_seconds > 10000 and .duration_seconds < 16000'
        assert_equal "$output" true
}

@test "Job succeeded. among the events is no success while the status says running" {
        start_empty ''
        post_job '{ "id": "ftjob-a", "auto_events": false,
                "timeline": [ { "at": 0.0, "status": "running" } ] }'
        await_told job.running
        sim POST '/_sim/event/ftjob-a?message=Job%20succeeded.'
        await_poll 3
        settled
        in_order job.created job.running
        set_status ftjob-a succeeded
        await_told job.succeeded
        settled
        in_order job.created job.running job.succeeded
}

@test "a failed job tells code, message and param of its error" {
        start_empty ''
        run_job ftjob-f
        await_told job.running
        sim POST '/_sim/job/ftjob-f?status=failed&code=invalidFile&message=Line%203&param=training_file'
        await_told job.failed
        settled
        # Its error event is news of its own where a poll comes between the list and the end of the job.
        assert_equal "$(types | sed 's/ job\.event / /')" "job.created job.running job.failed"
        run -0 data_of job.failed '[.error, .previous_status, .fine_tuned_model]'
        assert_equal "$output" \
                '[{"code":"invalidFile","message":"Line 3","param":"training_file"},"running",null]'
}

@test "cancelled is told once, and canceled is the same status" {
        start_empty ''
        for spelling in cancelled canceled; do
                run_job "ftjob-$spelling"
                wait_for 20 has_told_job "ftjob-$spelling" running
                set_status "ftjob-$spelling" "$spelling"
                wait_for 20 has_told_job "ftjob-$spelling" cancelled
        done
        # The other spelling later is no change.
        set_status ftjob-cancelled canceled
        settled
        in_order job.created job.running job.cancelled job.created job.running job.cancelled
}

@test "a job that pauses twice is told twice, with another id each time" {
        start_empty ''
        run_job ftjob-p
        await_told job.running
        set_status ftjob-p paused
        await_told job.paused
        set_status ftjob-p running
        await_told job.running 2
        set_status ftjob-p paused
        await_told job.paused 2
        set_status ftjob-p running
        await_told job.running 3
        settled
        in_order job.created job.running job.paused job.running job.paused job.running
        assert_equal "$(told .id | sort -u | wc -l)" "$(told .id | wc -l)"
}

@test "an unknown status is told as it is spelt, and the job is watched on" {
        start_empty ''
        run_job ftjob-u
        await_told job.running
        set_status ftjob-u hibernatingSoftly
        await_told job.status_changed
        run -0 data_of job.status_changed '[.status, .previous_status]'
        assert_equal "$output" '["hibernatingSoftly","running"]'
        set_status ftjob-u succeeded
        await_told job.succeeded
        settled
        in_order job.created job.running job.status_changed job.succeeded
}

@test "null, absent and empty objects for what is not there make no difference" {
        local kind
        for kind in null absent empty; do
                start_empty "nulls = \"$kind\";"
                post_job '{ "id": "ftjob-n", "timeline": [ { "at": 0.0, "status": "pending" } ] }'
                await_told job.pending
                set_status ftjob-n running
                await_told job.running
                set_status ftjob-n succeeded
                await_told job.succeeded
                settled
                in_order job.created job.pending job.running job.succeeded
                run -0 data_of job.succeeded .error
                assert_equal "$output" null
                run -0 told 'select(.type == "fine_tuning.job.pending" and .data.id == "ftjob-n") | .data |
                        [.error, .fine_tuned_model, .trained_tokens, .finished_at]'
                assert_equal "$output" '[null,null,null,null]'
                stop_all
                rm -rf "$T/state"
        done
}

@test "an event of level warning or error is told once, others are not" {
        start_empty ''
        run_job ftjob-e
        await_told job.running
        sim POST '/_sim/event/ftjob-e?message=all%20well'
        sim POST '/_sim/event/ftjob-e?message=careful&level=warning'
        sim POST '/_sim/event/ftjob-e?message=also%20careful&level=warn'
        sim POST '/_sim/event/ftjob-e?message=broken&level=error'
        await_told job.event 3
        settled
        assert_equal "$(types)" 'job.created job.running job.event job.event job.event'
        await_poll 3
        settled
        assert_equal "$(count_told job.event)" 3
}

@test "a job that the server no longer has is told as removed, and watched no longer" {
        start_empty ''
        run_job ftjob-r
        await_told job.running
        sim DELETE /_sim/job/ftjob-r
        await_told job.removed
        settled
        in_order job.created job.running job.removed
        await_log '1 unfinished jobs'
}

# --- between two looks --------------------------------------------------------------------------------

@test "a job created and finished between two polls is told" {
        start_empty ''
        kill -STOP "$DAEMON_PID"
        post_job '{ "id": "ftjob-q", "suffix": "quick", "timeline": [ { "at": 0.0, "status": "pending" } ] }'
        set_status ftjob-q running
        set_status ftjob-q succeeded
        kill -CONT "$DAEMON_PID"
        await_told job.succeeded
        settled
        in_order job.created job.succeeded
}

@test "what happened while the daemon was down is told after its start" {
        start_empty ''
        run_job ftjob-1
        run_job ftjob-2
        await_told job.running 2
        stop_daemon
        set_status ftjob-1 succeeded
        sim POST '/_sim/job/ftjob-2?status=failed&code=x&message=y'
        run_job ftjob-3
        set_status ftjob-3 cancelled
        start_daemon
        await_told job.succeeded
        await_told job.failed
        await_told job.cancelled
        settled
        assert_equal "$(told 'select(.data.id == "ftjob-3") | .type' | xargs)" \
                'fine_tuning.job.created fine_tuning.job.cancelled'
        assert_equal "$(types | tr ' ' '\n' | grep -c .)" 8
}

@test "a second daemon with a state of its own gives the same facts the same ids" {
        start_empty ''
        run_job ftjob-s
        await_told job.running
        kill -STOP "$DAEMON_PID"
        # The twin reaches its baseline before the fact, too.
        local first=$DAEMON_PID
        sed -e "s|$T/state|$T/twin|" -e 's|webhook/hook|webhook/twin|' "$T/ftwatchd.conf" >"$T/twin.conf"
        chmod 600 "$T/twin.conf"
        start twin "$FTWATCHD" --config "$T/twin.conf" --verbose
        DAEMON_LOG=$T/twin.log
        await_poll
        kill -CONT "$first"
        set_status ftjob-s succeeded
        await_told job.succeeded
        wait_for 20 twin_has_told
        assert_equal "$(received twin '.[] | select(.body.type == "fine_tuning.job.succeeded") | .id')" \
                "$(told 'select(.type == "fine_tuning.job.succeeded") | .id' | tr -d '"')"
}

twin_has_told() {
        received twin '.[].body.type' | grep -q succeeded
}

# --- first contact, and how much it asks --------------------------------------------------------------

# Large pages of the list that were asked for.
n_walked() {
        sim GET /_sim/requests | jq '[.[] | select(.path == "/openai/fine_tuning/jobs" and
                (.query | contains("limit=100")))] | length'
}

n_requests() {
        sim GET /_sim/count | jq .requests
}

@test "first contact with 5,000 finished jobs tells nothing, in one walk; then a cycle costs 1 + active" {
        start_ftsim history
        POLL=100ms
        watch_all
        start_daemon
        await_poll 1
        assert_equal "$(n_walked)" 51
        assert_equal "$(types)" ''
        # Between two looks at the counter: exactly the requests that the log says of the polls between.
        await_poll 3
        run -0 cycle_requests
        local n
        for n in $output; do
                ((n <= 1 + 2 * 3))
        done
        assert_equal "$(cycle_requests | tail -n 1)" 4
        settled
        assert_equal "$(types)" ''
        # And the three active ones are watched.
        local id
        id=$(api '/openai/fine_tuning/jobs?limit=50' |
                jq -r '[.data[] | select(.status == "running")][0].id')
        set_status "$id" succeeded
        await_told job.succeeded
}

# Requests of each poll but the first, by the log.
cycle_requests() {
        sed -nE 's/.* polled: ([0-9]+) requests.*/\1/p' "$DAEMON_LOG" | tail -n +2
}

@test "first contact is resumed, not begun again, after a kill in the middle of the walk" {
        start_ftsim history
        sim POST '/_sim/fault?path=*jobs&kind=slow&delay_ms=30'
        watch_all
        start_daemon
        wait_for 20 has_asked 10
        kill_daemon
        start_daemon
        await_poll
        # 51 pages, of which the one that was under way at the kill is asked for twice, and then the top.
        local walk
        walk=$(n_walked)
        ((walk >= 51 && walk <= 53)) || {
                echo "$walk pages"
                return 1
        }
        settled
        assert_equal "$(types)" ''
}

has_asked() {
        (($(n_requests) >= $1))
}

@test "cycles without a change ask 1 + active times, log nothing and write nothing to disk" {
        start_ftsim - <<<'estimate = "fixed"; generate = { finished = 97; active = 3; events = 20; };'
        watch_all
        start quiet "$FTWATCHD" --config "$T/ftwatchd.conf"
        wait_for 20 has_asked 300
        local before after written
        written=$(awk '/^write_bytes/ { print $2 }' "/proc/$STARTED_PID/io")
        before=$(cd "$T" && stat -c '%n %s %Y' quiet.log state/*)
        wait_for 20 has_asked $(($(n_requests) + 200))
        assert_equal "$(awk '/^write_bytes/ { print $2 }' "/proc/$STARTED_PID/io")" "$written"
        after=$(cd "$T" && stat -c '%n %s %Y' quiet.log state/*)
        assert_equal "$after" "$before"
        assert_equal "$(types)" ''
        # Between two looks at the list, each unfinished job is looked at once.
        local active
        active=$(api '/openai/fine_tuning/jobs?limit=100' |
                jq '[.data[] | select(.status | test("succeeded|failed|cancelled") | not)] | length')
        ((active > 0))
        sim GET /_sim/requests | jq -r '.[-150:][] | select(.query | contains("limit=100") | not) | .path' |
                awk -v n="$active" '/\/jobs$/ { if (seen && count != n) exit 1; seen++; count = 0; next }
                        { count++ }  END { if (seen < 5) exit 1 }'
}

# --- other servers ------------------------------------------------------------------------------------

run_of() {
        run_job "$1"
        wait_for 20 has_told_job "$1" running
        sim POST "/_sim/event/$1?message=careful%20$1&level=warning" >/dev/null
        wait_for 20 has_event "$1"
        set_status "$1" succeeded
        wait_for 20 has_told_job "$1" succeeded
}

has_event() {
        [[ -n $(told "select(.type == \"fine_tuning.job.event\" and .data.id == \"$1\") | .id") ]]
}

three_runs() {
        run_of ftjob-one
        run_of ftjob-two
        run_of ftjob-three
        settled
        in_order job.created job.running job.event job.succeeded \
                job.created job.running job.event job.succeeded \
                job.created job.running job.event job.succeeded
}

@test "a server shaped as the specification's examples is watched the same" {
        start_empty 'shape = "specification";'
        three_runs
}

@test "a server that lists oldest first is watched the same" {
        start_empty 'order = "oldest"; generate = { finished = 130; };'
        three_runs
}

@test "a server that ignores after is watched the same" {
        start_empty 'ignore_after = true; generate = { finished = 130; };'
        three_runs
}

@test "oldest first and without paging, the end of the list is still found" {
        start_empty 'order = "oldest"; ignore_after = true; generate = { finished = 30; };'
        three_runs
}

@test "a server whose events have no ids is watched the same" {
        start_empty 'event_ids = false;'
        three_runs
}

@test "a server that gives pages of three is watched the same" {
        start_empty 'max_limit = 3; generate = { finished = 20; };'
        three_runs
}

@test "result files in base64 and with -1 for what was not measured give the same metrics" {
        local setting losses=()
        for setting in 'encoding = "plain"; missing = "empty";' \
                'encoding = "base64"; missing = "minus-one";'; do
                start_empty "$setting"
                post_job '{ "id": "ftjob-m",
                        "training": { "steps": 50, "validation": true, "from": -2.0, "to": -1.0 },
                        "timeline": [ { "at": -3.0, "status": "running" } ] }'
                await_told job.running
                set_status ftjob-m succeeded
                await_told job.succeeded
                losses+=("$(data_of job.succeeded .metrics)")
                stop_all
                rm -rf "$T/state"
        done
        [[ ${losses[0]} != null && ${losses[0]} != '{}' ]]
        [[ ${losses[0]} != *'-1,'* && ${losses[0]} != *'-1]'* ]]
        assert_equal "${losses[1]}" "${losses[0]}"
}
