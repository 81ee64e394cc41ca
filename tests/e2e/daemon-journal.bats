#!/usr/bin/env bats
# What the shipped ftwatchd writes to a journal: the receiver of that kind, towards a private socket.

bats_require_minimum_version 1.5.0
load daemon

teardown() {
        stop_all
}

start_with_journal() {
        start_datagram_sink journal
        start_ftsim - <<<''
        configure <<-CONF
		receivers = ( { name = "journal"; kind = "journal"; socket = "$T/journal.socket"; }, $(hook hook) );
		rules = ( { types = ["*"]; to = ["journal", "hook"]; } );
	CONF
        start_daemon
        await_poll
}

entry() {
        jq -c "select(.FTWATCH_TYPE == \"$1\") | ${2:-.}" "$T/journal"
}

priorities() {
        local type
        for type; do
                entry "$type" .PRIORITY | head -n 1
        done | xargs
}

has_entry() {
        [[ -n $(entry "$1") ]]
}

@test "entries carry every field, a MESSAGE_ID of their type and a PRIORITY that fits" {
        start_with_journal
        post_job '{ "id": "ftjob-1", "suffix": "bot", "model": "gpt-4o-mini-2024-07-18",
                "trained_tokens": 4711, "fine_tuned_model": "gpt-4o-mini.ft-1-bot",
                "timeline": [ { "at": 0.0, "status": "running" } ] }'
        wait_for 20 has_entry job.running
        set_status ftjob-1 paused
        wait_for 20 has_entry job.paused
        set_status ftjob-1 succeeded
        wait_for 20 has_entry job.succeeded
        run_job ftjob-2
        wait_for 20 has_told_job ftjob-2 running
        sim POST '/_sim/job/ftjob-2?status=failed&code=jsonlValidationFailed&message=line%201%0Aline%202'
        wait_for 20 has_entry job.failed

        assert_equal "$(jq -r 'select(.malformed) | .malformed' "$T/journal")" ''
        assert_equal "$(entry job.succeeded '[.FTWATCH_SOURCE, .FTWATCH_JOB_ID, .FTWATCH_STATUS,
                .FTWATCH_PREVIOUS_STATUS, .SYSLOG_IDENTIFIER]')" \
                '["sim","ftjob-1","succeeded","paused","ftwatchd"]'
        assert_equal "$(entry job.succeeded '[.FTWATCH_MODEL, .FTWATCH_FINE_TUNED_MODEL,
                .FTWATCH_TRAINED_TOKENS]')" '["gpt-4o-mini-2024-07-18","gpt-4o-mini.ft-1-bot","4711"]'
        entry job.succeeded |
                jq -e '(.FTWATCH_DURATION_SEC | test("^[0-9]+$")) and (.MESSAGE | contains("bot"))'
        assert_equal "$(entry job.failed '[.FTWATCH_JOB_ID, .FTWATCH_ERROR_CODE]')" \
                '["ftjob-2","jsonlValidationFailed"]'
        assert_equal "$(entry job.failed .FTWATCH_ERROR_MESSAGE)" '"line 1\nline 2"'
        assert_equal "$(priorities job.failed job.paused job.succeeded job.created)" '3 4 5 6'
        # Fixed, 128 bits, and another for each type.
        assert_equal "$(jq -r '.MESSAGE_ID' "$T/journal" | sort -u | grep -cE '^[0-9a-f]{32}$')" \
                "$(jq -r '.FTWATCH_TYPE' "$T/journal" | sort -u | wc -l)"
        # The id is that of the notice, the same for every receiver.
        wait_for 20 has_told job.failed
        assert_equal "$(entry job.failed .FTWATCH_NOTICE_ID)" \
                "$(told 'select(.type == "fine_tuning.job.failed") | .id')"
}

@test "troubles of sources and receivers are entries, too" {
        start_with_journal
        sim POST /_sim/fault -d '{ "path": "*/jobs", "status": 401, "times": 3 }'
        wait_for 20 has_entry source.unauthorized
        wait_for 20 has_entry source.recovered
        sim POST /_sim/fault -d '{ "path": "/sink/webhook/hook", "status": 410 }'
        run_job ftjob-1
        wait_for 20 has_entry receiver.failing
        assert_equal "$(entry source.unauthorized '[.FTWATCH_SOURCE, .FTWATCH_REASON]')" \
                '["sim","unauthorized"]'
        assert_equal "$(entry receiver.failing '[.FTWATCH_RECEIVER, .FTWATCH_REASON]')" '["hook","gone"]'
}

@test "nothing in a job's texts makes another field or another line" {
        start_with_journal
        post_job '{ "id": "ftjob-1", "suffix": "a\nFTWATCH_STATUS=succeeded\nPRIORITY=0",
                "model": "m\u001b[31m\nMESSAGE=x", "timeline": [ { "at": 0.0, "status": "running" } ] }'
        wait_for 20 has_entry job.running
        assert_equal "$(jq -r 'select(.malformed) | .malformed' "$T/journal")" ''
        assert_equal "$(entry job.running '[.FTWATCH_STATUS, .PRIORITY]')" '["running","6"]'
        run ! grep -F '\u001b' "$T/journal"
}

@test "a journal that is not there holds up nobody and ends nothing" {
        start_with_journal
        stop "${STARTED_PIDS[0]}"
        rm "$T/journal.socket"
        run_job ftjob-1
        await_told job.running
        settled
        kill -0 "$DAEMON_PID"
}
