#!/usr/bin/env bats
# What the real journal has: entries of notices and lines of the log, with their fields and explanations, and
# every query of the README.

bats_require_minimum_version 1.5.0
load lib

setup_file() {
        boot_setup
        watch_all
        run_job ftjob-good 1200
        run_job ftjob-bad
        await_told ftjob-bad running
        sim POST '/_sim/job/ftjob-bad?status=failed&code=invalid_training_data&message=line%201%0Aline%202'
        set_status ftjob-good succeeded
        await_told ftjob-good succeeded
        await_told ftjob-bad failed
        sim POST /_sim/fault -d '{ "path": "*/jobs", "status": 401, "times": 3 }'
        wait_for 30 has_entry source.recovered
        sim POST /_sim/fault -d '{ "path": "/sink/webhook/hook", "status": 410, "times": 1 }'
        run_job ftjob-lost
        wait_for 30 has_entry receiver.failing
        inside journalctl --sync
}

teardown_file() {
        boot_teardown
}

teardown() {
        boot_show
}

entry() {
        journal -o json --all FTWATCH_TYPE="$1" | jq -c "${2:-.}"
}

has_entry() {
        [[ -n $(entry "$1") ]]
}

@test "a notice is an entry with every field" {
        assert_equal "$(entry job.failed '[.FTWATCH_JOB_ID, .FTWATCH_SOURCE, .FTWATCH_STATUS,
                .FTWATCH_PREVIOUS_STATUS, .FTWATCH_ERROR_CODE, .FTWATCH_ERROR_MESSAGE]')" \
                '["ftjob-bad","sim","failed","running","invalid_training_data","line 1\nline 2"]'
        assert_equal "$(entry job.failed '[.FTWATCH_MODEL, .PRIORITY, .SYSLOG_IDENTIFIER,
                ._SYSTEMD_UNIT]')" \
                '["gpt-4.1-mini-2025-04-14","3","ftwatchd","ftwatchd.service"]'
        assert_equal "$(entry job.succeeded '[.FTWATCH_TRAINED_TOKENS, .PRIORITY,
                (.FTWATCH_FINE_TUNED_MODEL | length > 10), (.FTWATCH_DURATION_SEC | test("^[0-9]+$"))]')" \
                '["1200","5",true,true]'
        assert_equal "$(entry job.failed .FTWATCH_NOTICE_ID)" \
                "$(told 'select(.type == "fine_tuning.job.failed") | .id')"
}

@test "journalctl -x explains it, with its own values" {
        run -0 journal -x FTWATCH_TYPE=job.failed
        [[ $output = *'Subject: A fine-tuning job failed'* ]]
        [[ $output = *'Job ftjob-bad of source sim failed with invalid_training_data'* ]]
        [[ $output = *'start a new job'* ]]
        run -0 journal -x FTWATCH_TYPE=receiver.failing
        [[ $output = *'ftwatchctl deliveries --receiver hook'* ]]
}

# Every line of the log that names a thing has that thing's field, and so a query for it finds the line.
@test "a line about a thing carries its field" {
        journal -o json -u ftwatchd |
                jq -c 'select(.FTWATCH_TYPE == null and ._PID != "1" and .MESSAGE != null)' >"$T/lines"
        jq -r 'select((.MESSAGE | test("(^|[^a-z])sim[:,]")) and .FTWATCH_SOURCE != "sim" or
                (.MESSAGE | test("ftjob-")) and (.FTWATCH_JOB_ID // "" | startswith("ftjob-") | not) or
                (.MESSAGE | test("(^|[^a-z])hook[:,]")) and .FTWATCH_RECEIVER != "hook") |
                .MESSAGE' "$T/lines" >"$T/without"
        assert_equal "$(<"$T/without")" ''
        (($(jq -r 'select(.FTWATCH_SOURCE == "sim") | .MESSAGE' "$T/lines" | wc -l) >= 2))
        (($(jq -r 'select(.FTWATCH_RECEIVER == "hook") | .MESSAGE' "$T/lines" | wc -l) >= 1))
}

# The commands below "Journal", a line each. The jobs and names of the README are those of this test; what
# follows for ever is cut off.
@test "every query of the README finds something" {
        local command n=0
        awk '/^### Journal/ { on = 1; next } /^##/ { on = 0 } on && $0 == "```sh" { inside = 1; next }
                /^```$/ { inside = 0 } inside' "$TOP/README.md" >"$T/queries"
        while read -r command; do
                [[ -n $command ]] || continue
                n=$((n + 1))
                command=${command%%  #*}
                command=$(sed -e 's/ftjob-[0-9a-f]\{32\}/ftjob-bad/' \
                        -e 's/contoso-eastus/sim/; s/ops-slack/hook/' \
                        -e 's/^sudo //' -e 's/ -f\b/ -n 5/' <<<"$command")
                echo "$command"
                run -0 inside bash -c "set -o pipefail; $command" </dev/null
                echo "$output"
                [[ -n $output && $output != *'-- No entries --'* ]]
        done <"$T/queries"
        ((n >= 9))
}
