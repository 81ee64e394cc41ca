#!/usr/bin/env bats
# Every dialect with every variant of what servers reply: one daemon, one job from its first status to the
# last, and what is told of it.

bats_require_minimum_version 1.5.0
load daemon

# name|path of the endpoint as people paste it|options
DIALECTS=(
        'azure|/openai/|'
        'azure-v1|/openai/v1/|'
        'azure-v1|/openai/v1|api_version = "preview";'
        'foundry|/api/projects/p/|'
        'openai|/v1|organization = "org-1"; project = "proj_1";'
)

teardown() {
        stop_all
}

# story SCENARIO: for each dialect; the notices, and what the one of the end says
story() {
        local row name path options
        for row in "${DIALECTS[@]}"; do
                IFS='|' read -r name path options <<<"$row"
                echo "# $name $options"
                start_ftsim - <<<"$1"
                local server=$FTSIM_URL
                FTSIM_URL=$server$path watch_all "dialect = \"$name\"; checkpoints = true; $options"
                sed -i "s|$path/sink|/sink|; s|$path\\(sink\\)|/\\1|" "$T/ftwatchd.conf"
                rm -rf "$T/state"
                start_daemon
                await_poll
                post_job '{ "id": "ftjob-s", "suffix": "story", "auto_events": false,
                        "tail": 0.0, "lead": 0.0,
                        "training": { "steps": 30, "from": -5.0, "to": -1.0, "validation": true },
                        "timeline": [ { "at": -6.0, "status": "running" } ] }'
                await_told job.running
                sim POST '/_sim/event/ftjob-s?message=careful&level=warning' >/dev/null
                await_told job.event
                set_status ftjob-s succeeded
                await_told job.succeeded
                settled
                # Checkpoints are asked for beside the events: only their number is sure.
                assert_equal "$(types | sed 's/job.checkpoint //g')" \
                        'job.created job.running job.event job.succeeded'
                assert_equal "$(told 'select(.type == "fine_tuning.job.checkpoint") |
                        .data.checkpoint.step_number' | sort -n | xargs)" '10 20 30'
                told 'select(.type == "fine_tuning.job.succeeded") | .data |
                        [.suffix, .status, (.metrics | keys | sort), .metrics.train_loss.last_step,
                        (.created_at > 1000000000), .duration_seconds >= 0]' >"$T/end"
                assert_equal "$(cat "$T/end")" "$EXPECTED"
                ! grep -qE 'poll failed|cannot' "$DAEMON_LOG"
                stop_daemon
                stop "$FTSIM_PID"
        done
}

EXPECTED='["story","succeeded",["full_valid_loss","full_valid_mean_token_accuracy","train_loss",'
EXPECTED+='"train_mean_token_accuracy","valid_loss","valid_mean_token_accuracy"],30,true,true]'

@test "as Azure spells it, with nulls" {
        story 'nulls = "null";'
}

@test "as OpenAI spells it, with empty objects and arrays" {
        story 'spelling = "openai"; nulls = "empty";'
}

@test "without what is not there, without has_more, times as ISO 8601" {
        story 'nulls = "absent"; has_more = false; stamps = "iso";'
}

@test "times as floats and as strings of digits; -1 where nothing was measured" {
        story 'stamps = "float"; missing = "minus-one";'
        story 'stamps = "digits"; spelling = "openai";'
}

@test "oldest first, without ids of events, base64 everywhere" {
        story 'order = "oldest"; event_ids = false; encoding = "base64";'
}

@test "openai: whose key it is goes along, the key as bearer; azure-v1 has no version" {
        start_ftsim - <<<''
        FTSIM_URL=$FTSIM_URL watch_all 'dialect = "openai"; organization = "org-1"; project = "proj_1";'
        run -0 "$FTWATCHD" --config "$T/ftwatchd.conf" --once
        sim GET /_sim/requests | jq -e 'all(.[]; .credential == "right" and
                ([.headers[] | ascii_downcase] | contains(["openai-organization", "openai-project"])))'
        rm -rf "$T/state"
        watch_all 'dialect = "azure-v1";'
        run -0 "$FTWATCHD" --config "$T/ftwatchd.conf" --once
        sim GET /_sim/requests | jq -e '.[-1] | .path == "/openai/v1/fine_tuning/jobs" and
                (.query | contains("api-version") | not)'
}

@test "validating_files and canceled are statuses like others" {
        start_ftsim - <<<'spelling = "openai";'
        watch_all 'dialect = "openai";'
        start_daemon
        await_poll
        post_job '{ "id": "ftjob-v", "timeline": [ { "at": 0.0, "status": "validating_files" } ] }'
        await_told job.validating_files
        set_status ftjob-v canceled
        await_told job.cancelled
        settled
        in_order job.created job.validating_files job.cancelled
}
