#!/usr/bin/env bats
# The shipped ftwatchctl on a state made by the sqlite3 shell: what scripts and people get, on a terminal and
# in a pipe, while somebody writes and while nobody runs, and from where one may not write. The texts in full
# are held by tests/unit/test_ctl_verbs.c.

load helpers

CTL=${FTWATCHCTL:-$BUILD/ftwatchctl}

setup_file() {
        local cc=${CC:-cc}
        # The schema as the programs have it.
        cat >"$BATS_FILE_TMPDIR/schema.c" <<-'EOF'
		#include <stdio.h>
		#include "store/schema.h"
		int main(void) {
		        for (int i = 0; i < SCHEMA_VERSION; i++)
		                puts(schema_steps[i]);
		        printf("PRAGMA user_version = %d; PRAGMA application_id = %d;\n", SCHEMA_VERSION,
		               SCHEMA_APPLICATION_ID);
		}
	EOF
        $cc -I"$TOP/src" -o "$BATS_FILE_TMPDIR/schema" "$BATS_FILE_TMPDIR/schema.c" "$TOP/src/store/schema.c"
}

# Seeded for each test: its stamps are so long before now.
setup() {
        mkdir "$T/state"
        {
                echo 'PRAGMA journal_mode = WAL;'
                "$BATS_FILE_TMPDIR/schema"
                cat "$TOP/tests/e2e/ctl/seed.sql"
        } | sqlite3 -bail "$T/state/state.db" >/dev/null
        export TZ=UTC LC_ALL=C.UTF-8 TERM=xterm
        unset NO_COLOR COLUMNS STATE_DIRECTORY
}

teardown() {
        stop_all
        chmod -R u+rwX "$T" 2>/dev/null || true
}

ctl() {
        "$CTL" --state-dir "$T/state" "$@"
}

# On a terminal of so many columns: what it would show, colours and all; sets $status.
on_terminal() {
        local columns=$1 quoted
        shift
        printf -v quoted '%q ' "$CTL" --state-dir "$T/state" "$@"
        run script -qec "stty cols $columns rows 50; $quoted" /dev/null
        output=${output//$'\r'/}
}

without_colors() {
        sed 's/\x1b\[[0-9;]*m//g'
}

# --- exit status and usage --------------------------------------------------------------------------

@test "0 done, 1 failed or not found, 2 wrong usage" {
        local -A expected=(
                [jobs]=0 [notices]=0 [deliveries]=0 [show summaries]=0 [events summaries]=0
                [metrics support-triage]=0 [jobs --json]=0 [--help]=0 [help]=0 [help show]=0 [--version]=0
                [show --help]=0 [jobs --status nothing-like-it]=0
                [show nobody]=1 [events nobody]=1 [metrics nobody]=1 [show contract-review]=1
                [metrics support-triage --plot nothing]=1
                [jbos]=2 [show]=2 [jobs extra]=2 [show a b]=2 [jobs --bogus]=2 [jobs -x]=2 [jobs --limit]=2
                [jobs --limit=x]=2 [jobs --json=1]=2 [jobs --since soon]=2 [show summaries --status active]=2
                [deliveries --state bogus]=2 [jobs --color sometimes]=2 [help bogus]=2
        )
        local line
        for line in "${!expected[@]}"; do
                # shellcheck disable=SC2086  # words
                run ctl $line
                assert_equal "$line: $status" "$line: ${expected[$line]}"
        done
}

@test "a slip of the finger gets the nearest word" {
        run ctl jbos
        [[ $output == *"unknown verb 'jbos'; did you mean 'jobs'?"* ]]
        run ctl jobs --statsu active
        [[ $output == *"unknown option '--statsu'; did you mean '--status'?"* ]]
        run ctl deliveries --state ded
        [[ $output == *"did you mean 'dead'?"* ]]
}

@test "help names every verb, a verb's help every option it takes" {
        run ctl --help
        for verb in jobs show events metrics notices deliveries; do
                [[ $output == *"$verb"* ]]
        done
        run ctl help deliveries
        [[ $output == *--state* && $output == *--receiver* && $output != *--status=* ]]
        run ctl
        [[ $status = 0 && $output == *"Exit status"* ]]
}

@test "--version says which libraries it runs with" {
        run ctl --version
        [[ $output == "ftwatchctl "* && $output == *"sqlite 3."* && $output == *"json-c 0."* ]]
}

# --- where the state is ------------------------------------------------------------------------------

@test "no state: says where it looked" {
        run "$CTL" --state-dir "$T/nowhere" jobs
        [[ $status = 1 && $output == *"no state at $T/nowhere/state.db: has ftwatchd run yet?"* ]]
}

@test "\$STATE_DIRECTORY, and a configuration's state_dir" {
        STATE_DIRECTORY=$T/state run "$CTL" show summaries
        [[ $status = 0 ]]
        cat >"$T/ftwatchd.conf" <<-EOF
		state_dir = "$T/state";
		sources = (
		  { name = "a"; dialect = "azure"; endpoint = "http://127.0.0.1:1"; api_key = "credential:not-for-us"; }
		);
	EOF
        chmod 600 "$T/ftwatchd.conf"
        run "$CTL" --config "$T/ftwatchd.conf" show summaries
        [[ $status = 0 && $output == *invalid_training_file* ]]
}

@test "a configuration with errors stops only who has no --state-dir" {
        echo 'sources = ' >"$T/broken.conf"
        run "$CTL" --config "$T/broken.conf" jobs
        [[ $status = 1 && $output == *"broken.conf:"* ]]
        run ctl --config "$T/broken.conf" jobs
        [[ $status = 0 ]]
        run "$CTL" --config "$T/not-there.conf" jobs
        [[ $status = 1 && $output == *not-there.conf* ]]
}

@test "another program's database, a newer one, and rubbish are refused with a reason" {
        sqlite3 "$T/state/state.db" 'PRAGMA user_version = 99'
        run ctl jobs
        [[ $status = 1 && $output == *newer* ]]
        sqlite3 "$T/state/state.db" 'PRAGMA application_id = 1'
        run ctl jobs
        [[ $status = 1 && $output == *"another program"* ]]
        head -c 20000 /dev/urandom >"$T/state/state.db"
        run ctl jobs
        [[ $status = 1 && $output == *"damaged"* ]]
        # Reading puts nothing aside.
        run ls "$T/state"
        [[ $output == *state.db* && $output != *corrupt* ]]
}

# --- beside the daemon -------------------------------------------------------------------------------

@test "reads while somebody writes, and sees what was committed" {
        mkfifo "$T/sql"
        # For reading too: to open one end of a FIFO waits for the other.
        exec 9<>"$T/sql"
        start writer bash -c "exec sqlite3 -bail '$T/state/state.db' <'$T/sql' 9>&-"
        echo "BEGIN IMMEDIATE; UPDATE jobs SET status = 'failed', terminal = 1 WHERE id = 1;" >&9
        echo ".shell touch '$T/began'" >&9
        wait_for 10 test -e "$T/began"
        run ctl jobs --status running --json
        [[ $status = 0 ]]
        assert_equal "$(jq length <<<"$output")" 2
        echo "COMMIT;" >&9
        echo ".shell touch '$T/done'" >&9
        wait_for 10 test -e "$T/done"
        run ctl jobs --status running --json
        assert_equal "$(jq length <<<"$output")" 1
        exec 9>&-
}

@test "a pager that waits keeps nothing of the state: the log of who writes does not grow for it" {
        local byte
        sqlite3 "$T/state/state.db" "INSERT INTO jobs (source, job_id, status, terminal, silent, created_at,
                body, first_walk, first_seen_usec, changed_usec) WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL
                SELECT n + 1 FROM c LIMIT 500) SELECT source, job_id || '-' || n, status, terminal, silent,
                created_at, body, first_walk, first_seen_usec, changed_usec FROM jobs, c"
        mkfifo "$T/pipe"
        exec 9<>"$T/pipe"
        ctl jobs --json >"$T/pipe" 3>&- 9>&- &
        STARTED_PIDS+=("$!")
        # It is at it, and more comes than a pipe holds.
        IFS= read -r -N 1 -u 9 byte
        assert_equal "$byte" '['
        run sqlite3 -cmd '.timeout 2000' "$T/state/state.db" 'UPDATE sources SET name = name;
                PRAGMA wal_checkpoint(TRUNCATE)'
        assert_equal "$output" '0|0|0'
        assert_equal "$(cat <&9 | head -c 100000 | wc -c)" 100000
        exec 9>&-
}

@test "reads where it may not write, and leaves nothing behind" {
        local as=()
        chmod 555 "$T/state"
        chmod 444 "$T/state/state.db"
        if [[ $(id -u) = 0 ]]; then
                chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$T" "$(dirname "$T")"
                as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        fi
        cp "$CTL" "$T/ftwatchctl" # where anybody may go
        run "${as[@]}" "$T/ftwatchctl" --state-dir "$T/state" show summaries
        [[ $status = 0 && $output == *invalid_training_file* ]]
        assert_equal "$(ls "$T/state")" state.db
}

@test "root's look leaves nothing that locks the owner out" {
        [[ $(id -u) = 0 ]] || skip "needs root"
        local file
        chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$T" "$(dirname "$T")"
        chown -R 65534:65534 "$T/state"
        ctl show summaries >/dev/null
        for file in "$T"/state/*; do
                assert_equal "$(stat -c '%n %u' "$file")" "$file 65534"
        done
        setpriv --reuid=65534 --regid=65534 --clear-groups sqlite3 "$T/state/state.db" \
                "INSERT INTO troubles VALUES ('source:x', 'source.unreachable', 'dns', 1, 1)"
}

# --- what comes out ----------------------------------------------------------------------------------

@test "a pipe gets whole texts in aligned columns, no colour, notes apart on stderr" {
        ctl jobs >"$T/out" 2>"$T/err"
        assert_equal "$(head -n 1 "$T/out" | tr -s ' ')" "JOB ID SOURCE STATUS MODEL CREATED CHANGED LOSS"
        assert_equal "$(wc -l <"$T/out")" 9
        grep -q '^support-triage .* ftjob-5f1c0e9a2b3c4d5e6f708192a3b4c5d6  contoso-eastus  running' "$T/out"
        grep -q '  1h 30min ago  50min ago ' "$T/out"
        assert_equal "$(cat "$T/err")" "ftwatchctl: source fabrikam: timeout for 8h 20min"
        run grep -c $'\x1b' "$T/out"
        assert_equal "$output" 0
}

@test "a terminal gets colours and no line wider than it is" {
        local columns verb
        for columns in 80 100 140; do
                for verb in jobs notices deliveries; do
                        on_terminal "$columns" "$verb"
                        assert_equal "$verb $status" "$verb 0"
                        [[ $output == *$'\x1b['* ]]
                        run wc -L < <(without_colors <<<"$output" | grep -v '^ftwatchctl: ')
                        ((output <= columns && output > columns - 30))
                done
        done
}

@test "NO_COLOR, TERM=dumb and --color" {
        NO_COLOR=1 on_terminal 80 jobs
        [[ $output != *$'\x1b'* ]]
        TERM=dumb on_terminal 80 jobs
        [[ $output != *$'\x1b'* ]]
        on_terminal 80 jobs --color=never
        [[ $output != *$'\x1b'* ]]
        NO_COLOR=1 on_terminal 80 jobs --color always
        [[ $output == *$'\x1b[33mrunning, overdue'* ]]
        run ctl --color always jobs
        [[ $output == *$'\x1b[33mrunning, overdue'* ]]
}

@test "no name or message moves the cursor or sets the title" {
        local verb
        for verb in jobs "show deadbeef" "events deadbeef" "show deadbeef --json" "jobs --json"; do
                # shellcheck disable=SC2086  # words
                on_terminal 100 $verb
                assert_equal "$verb $status" "$verb 0"
                # Nothing but colours (SGR) begins with ESC; no bell, no C1 control.
                run grep -aPc '\x1b(?!\[[0-9;]*m)|\x07|\x{80}|\x{9b}|\x{202e}' <<<"$output"
                assert_equal "$verb $output" "$verb 0"
        done
}

@test "a terminal that knows ASCII only gets ASCII only" {
        LC_ALL=C on_terminal 80 show support-triage
        [[ $status = 0 && $output == *"step 1"* ]]
        run env LC_ALL=C grep -c '[^ -~]' <(without_colors <<<"$output")
        assert_equal "$output" 0
}

@test "a curve in braille, with its axis" {
        run ctl show support-triage
        [[ $output == *"⣿ train_loss   ○ valid_loss"* ]]
        [[ $output == *"┤"* && $output == *"└──"* ]]
        [[ $output == *"step 1 "* && $output == *" 400"* ]]
        run ctl metrics a1b2c3d4e --plot loss
        [[ $output == *"log scale"* && $output == *"(11 not finite)"* ]]
}

@test "JSON: one document each, in the API's words" {
        ctl jobs --json | jq -e 'type == "array" and length == 8
                and all(.[]; .id and .status and .source and .created_at)'
        ctl jobs --json --source fabrikam | jq -e 'map(.source) | unique == ["fabrikam"]'
        ctl show summaries --json | jq -e '.status == "failed" and .error.code == "invalid_training_file"
                and (.statuses | map(.status)) == ["pending", "failed"] and (.events | length) == 3
                and (.notices[0].deliveries | map(.state)) == ["pending", "dead", "done"]'
        ctl events summaries --json | jq -e 'map(.level) == ["info", "warning", "error"]'
        ctl metrics support-triage --json | jq -e '(.train_loss | length) == 400 and .valid_loss[0][0] == 20'
        ctl notices --json | jq -e 'length == 7 and .[5].type == "job.failed"
                and .[5].data.error.param == "training_file"'
        ctl deliveries --json --state dead | jq -e '.[0] | .receiver == "ml-teams" and .reason == "gone"
                and .due_at == null'
        ctl jobs --json --status nothing | jq -e '. == []'
        ctl show deadbeef --json | jq -e '.suffix | contains("[31mred") and contains("\u6f22\u5b57")'
}

@test "filters" {
        ids() { ctl jobs --json "$@" | jq -r '[.[].id[6:10]] | join(" ")'; }
        assert_equal "$(ids --status active)" "dead 5f1c 9d8c"
        assert_equal "$(ids --status finished --source 'contoso-*')" "a1b2 1234 a1b2"
        assert_equal "$(ids --status canceled,paused)" "9d8c 1234"
        assert_equal "$(ids --since 3h)" "dead 5f1c 00ff"
        assert_equal "$(ids --since "$(date -u -d '-3 hours' '+%Y-%m-%dT%H:%M:%SZ')")" "dead 5f1c 00ff"
        assert_equal "$(ids -n 2)" "dead 5f1c"
        assert_equal "$(ctl events support-triage --no-metrics | wc -l)" 2
        assert_equal "$(ctl events summaries --level warning | wc -l)" 2
        assert_equal "$(ctl notices --type 'job.*' --json | jq length)" 5
        assert_equal "$(ctl deliveries --receiver 'ops-*' --json | jq length)" 4
}

@test "times in the zone asked for" {
        TZ=Europe/Berlin run ctl show summaries
        [[ $output == *" CET"* || $output == *" CEST"* ]]
        TZ=Europe/Berlin run ctl --utc show summaries
        [[ $output == *" UTC"* && $output != *CE*T* ]]
}

@test "output that cannot be written is a failure" {
        [[ -w /dev/full ]] || skip "no /dev/full"
        run bash -c "'$CTL' --state-dir '$T/state' jobs >/dev/full"
        [[ $status = 1 && $output == *"cannot write"* ]]
}
