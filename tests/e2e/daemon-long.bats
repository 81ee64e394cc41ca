#!/usr/bin/env bats
# Jobs that take too long or go wrong on their way, as ftsim plays them: what is told of them, once, and what
# ftwatchctl says.

bats_require_minimum_version 1.5.0
load daemon

SPANS='stall_after = "1s"; wait_after = "1s"; overdue_grace = 0; checkpoints = true;'

teardown() {
        stop_all
}

ctl() {
        "$BUILD/ftwatchctl" --config "$T/ftwatchd.conf" "$@"
}

# count_of SUFFIX TYPE
count_of() {
        told "select(.data.suffix == \"$1\" and .type == \"fine_tuning.$2\") | .id" | wc -l
}

has_checkpoints() {
        (($(count_of diverges job.checkpoint) >= 2))
}

watch_long() {
        start_ftsim "$TOP/tests/sim/scenarios/long.conf"
        configure "$SPANS" <<-CONF
		receivers = ( $(hook hook) );
		rules = ( { types = ["*"]; to = "hook"; },
			{ metrics = ["train_loss is nan", "train_loss>100", "reward > 2"]; to = "hook"; } );
	CONF
        start_daemon
}

@test "long jobs: stalled, waiting, paused, diverging; each once, over a restart" {
        watch_long
        await_told job.stalled
        await_told job.waiting
        await_told job.paused
        await_told job.succeeded
        wait_for 30 has_checkpoints
        stop_daemon
        start_daemon
        await_poll 3
        settled
        assert_equal "$(count_of waits job.waiting)" 1
        assert_equal "$(count_of stalls job.stalled)" 1
        assert_equal "$(count_told job.paused)" 1
        assert_equal "$(count_told job.metric)" 1
        told 'select(.type == "fine_tuning.job.metric") | .data' |
                jq -e '.reason == "train_loss is nan" and .detail == "train_loss is NaN at step 50."'
        told 'select(.type == "fine_tuning.job.stalled" and .data.suffix == "stalls") | .data' |
                jq -e '.lasting_seconds >= 1 and (.detail | contains("its last step was 50"))'
        # Two on the way; the third one is the model itself.
        assert_equal "$(count_of diverges job.checkpoint)" 2
        told 'select(.type == "fine_tuning.job.checkpoint" and .data.suffix == "diverges") |
                .data.checkpoint' | jq -es 'map(.step_number) == [30, 60]'
}

@test "long jobs: ftwatchctl has the marks, the checkpoints and the reward" {
        watch_long
        await_told job.stalled
        await_told job.waiting
        await_told job.paused
        await_told job.succeeded
        wait_for 30 has_checkpoints
        ctl jobs | grep -E 'stalls .* running, stalled '
        ctl jobs | grep -E 'waits .* pending, waiting '
        ctl jobs --json | jq -e 'map(select(.lasts)) | length == 2'
        ctl show stalls | grep -E 'Last news: .*; stalled'
        ctl show pauses | grep -E 'reward: '
        ctl metrics pauses | head -n 1 | grep reward
        ctl checkpoints diverges --json | jq -e 'map(.step_number) == [30, 60, 90]'
        ctl checkpoints diverges | grep -E '^ +60 .* NaN '
}

@test "long jobs: a restart in the middle makes no silence up" {
        start_ftsim - <<<''
        watch_all 'stall_after = "1h"; remind = "daily";'
        start_daemon
        await_poll
        run_job ftjob-quiet
        await_told job.running
        kill_daemon
        start_daemon
        await_poll 5
        settled
        assert_equal "$(count_told job.stalled)" 0
}

@test "long jobs: a server without checkpoints is asked once, and is no trouble" {
        start_ftsim - <<<''
        watch_all 'checkpoints = true;'
        sim POST /_sim/fault -d '{ "path": "*/checkpoints", "status": 404 }' >/dev/null
        start_daemon
        await_poll
        run_job ftjob-c
        await_told job.running
        for i in 1 2 3; do
                sim POST "/_sim/event/ftjob-c?message=Checkpoint%20$i" >/dev/null
                await_poll 3
        done
        assert_equal "$(sim GET /_sim/requests |
                jq '[.[] | select(.path | endswith("/checkpoints"))] | length')" 1
        assert_equal "$(count_told source.misconfigured)" 0
}
