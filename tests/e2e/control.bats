#!/usr/bin/env bats
# Control over D-Bus: a bus of the test's own with the policy that is shipped, busctl as a client that does
# not know us, and ftwatchctl.

# shellcheck disable=SC2030,SC2031  # a test exports for itself
bats_require_minimum_version 1.5.0
load bus

setup() {
        start_ftsim - <<<''
}

teardown() {
        stop_all
        rm -rf "$BUS_DIR"
}

# A daemon on a bus, polling seldom: what happens soon was asked for.
controlled() {
        POLL=${1:-1h}
        start_bus
        watch_all
        start_daemon
        await_bus
        await_log ' polled: '
}

# run_ctl STATUS ARGUMENT..: $output is both streams
run_ctl() {
        local expected=$1
        shift
        run ctl "$@"
        [[ $status = "$expected" ]] || {
                echo "ftwatchctl $*: $status, not $expected: $output"
                return 1
        }
}

is_polling() {
        [[ $(ctl status --json | jq '.sources[0].polling') = true ]]
}

says() {
        [[ $output = *"$1"* ]] || {
                printf 'lacks:  %s\nin:     %s\n' "$1" "$output"
                return 1
        }
}

# --- the bus ------------------------------------------------------------------------------------------

@test "bus: what it offers is described" {
        controlled
        busctl --system introspect org.ftwatchd1 /org/ftwatchd1 org.ftwatchd1.Manager |
                sed "s/\"[0-9.][0-9.]*\"/\"VERSION\"/" |
                awk 'NR > 1 { print $1, $2, $3, $4 }' >"$T/described"
        diff "$TOP/tests/e2e/golden/manager.txt" "$T/described"
        busctl --system introspect org.ftwatchd1 "${LOG_CONTROL[@]}" | grep -q LogLevel
}

@test "bus: without one it works, and takes the one that comes" {
        # shellcheck disable=SC2034  # for watch_all
        POLL=20ms
        make_bus_dir
        export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$BUS_DIR/bus
        watch_all
        start_daemon
        await_poll 2
        assert_equal "$(grep -c 'no control by D-Bus' "$DAEMON_LOG")" 1
        run_ctl 1 poll
        says 'there is no system bus here'
        start_bus
        await_bus
        run_ctl 0 poll sim
        says 'nothing new'
        stop_daemon
}

@test "bus: it dies and comes back" {
        controlled 20ms
        stop_bus
        await_log 'no control by D-Bus'
        await_poll 2
        run_job ftjob-meanwhile
        await_told job.running
        start_bus
        await_bus
        run_ctl 0 status
        stop_daemon
}

@test "bus: another daemon of the same name waits for its turn" {
        controlled
        local first=$DAEMON_PID
        sed "s,$T/state,$T/state-2," "$T/ftwatchd.conf" >"$T/second.conf"
        chmod 600 "$T/second.conf"
        start second "$FTWATCHD" --config "$T/second.conf" --verbose
        wait_for 10 grep -q 'owned by another ftwatchd' "$T/second.log"
        run_ctl 0 poll
        kill -TERM "$first"
        wait_for 10 is_gone "$first"
        await_bus
        run_ctl 0 poll
}

@test "bus: an instance has a name of its own" {
        start_bus
        watch_all
        start_daemon --instance ml-team
        await_bus org.ftwatchd1.ml-team
        run_ctl 0 --instance ml-team poll
        run_ctl 1 poll
        says 'ftwatchd is not running: nobody is org.ftwatchd1 on the bus'
        stop_daemon
        start_daemon --instance 1team
        await_log "'1team' cannot be part of a name on the bus"
        await_poll
        stop_daemon
}

@test "bus: who is not in the group may neither ask nor listen" {
        [[ $(id -u) = 0 ]] || skip "wants root, to be somebody else"
        controlled
        chmod 711 "$T"
        cp "$CTL" "$BUS_DIR/ftwatchctl"
        run as_nobody "$BUS_DIR/ftwatchctl" --state-dir "$T" status
        assert_equal "$status" 1
        says "not permitted: root and the group 'ftwatchd' may"
        run as_nobody busctl --system set-property org.ftwatchd1 "${LOG_CONTROL[@]}" LogLevel s debug
        [[ $status != 0 ]]
        says denied
        # Not the signals either: he hears what others tell, and nothing of ours.
        start listener setpriv --reuid=nobody --regid=nogroup --clear-groups \
                dbus-monitor --address "$DBUS_SYSTEM_BUS_ADDRESS" "type='signal'"
        wait_for 10 grep -q NameAcquired "$T/listener.log"
        run_job ftjob-secret
        run_ctl 0 poll
        says job.running
        await_told job.running
        run ! grep -q ftjob-secret "$T/listener.log"
}

# --- help ---------------------------------------------------------------------------------------------

@test "help: the verbs, and each with its options" {
        "$CTL" help >"$T/help"
        diff "$TOP/tests/e2e/golden/help.txt" "$T/help"
        local verb
        for verb in status poll probe test retry silence unsilence silences reload log-level; do
                echo
                "$CTL" help "$verb" | sed '/^With every verb/,$d'
        done >"$T/verbs"
        diff "$TOP/tests/e2e/golden/help-control.txt" "$T/verbs"
}

# --- what happens -------------------------------------------------------------------------------------

@test "signals: every notice, and the properties that change" {
        controlled
        start listener busctl --system monitor --json=short org.ftwatchd1
        wait_for 10 grep -q Monitoring "$T/listener.log"
        run_job ftjob-told
        run_ctl 0 poll
        await_told job.running
        wait_for 10 grep -q PropertiesChanged "$T/listener.log"
        grep '^{' "$T/listener.log" |
                jq -c 'select(.type == "signal" and .member == "Notice") | .payload.data' >"$T/signals"
        [[ $(jq '.[1, 2, 3]' "$T/signals" | xargs) = *'job.running sim ftjob-told'* ]]
        jq -r '.[4]' "$T/signals" | jq -e 'select(.id == "ftjob-told") | .status' | grep -q running
        assert_equal "$(property UnfinishedJobs)" 'u 1'
        assert_equal "$(property Version)" "s \"$("$FTWATCHD" --version | sed -n 's/^ftwatchd //p')\""
}

@test "LogControl1: level, target and identifier, by busctl" {
        controlled
        log_control get LogLevel | grep -q '"debug"'
        log_control get LogTarget | grep -q '"console"'
        log_control get SyslogIdentifier | grep -q '"ftwatchd"'
        log_control set LogLevel s warning
        log_control get LogLevel | grep -q '"warning"'
        run log_control set LogLevel s loud
        says "unknown log level 'loud'"
        run log_control set LogTarget s kmsg
        says "unknown log target 'kmsg'"
        log_control set LogTarget s null
        log_control set LogTarget s auto
}

@test "log-level: printed and changed" {
        controlled
        run_ctl 0 log-level
        assert_equal "$output" debug
        run_ctl 0 log-level notice
        run_ctl 0 log-level --json
        assert_equal "$(jq -r .log_level <<<"$output")" notice
        run_ctl 1 log-level loud
        says "unknown log level 'loud'"
}

# --- poll ---------------------------------------------------------------------------------------------

@test "poll: waits for it and says what is new" {
        controlled
        run_ctl 0 poll
        says 'sim: 1 request, 0 unfinished jobs, nothing new'
        run_job ftjob-new
        run_ctl 0 poll sim
        says 'news:'
        says 'job.running ftjob-new'
        set_status ftjob-new failed
        run_ctl 0 poll --json
        assert_equal "$(jq -r '.[0] | .source, .ok, .notices[].type' <<<"$output" | xargs)" \
                'sim true job.failed'
        run_ctl 1 poll smi
        says "there is no source 'smi'; did you mean 'sim'?"
        run_ctl 2 poll sim sim
}

@test "poll: asked during a poll, another one follows" {
        controlled
        sim POST /_sim/fault -d '{ "kind": "slow", "delay_ms": 1000, "times": 1 }'
        start first "$CTL" --config "$T/ftwatchd.conf" poll
        local first=$STARTED_PID
        wait_for 10 is_polling
        start second "$CTL" --config "$T/ftwatchd.conf" poll
        wait "$first" "$STARTED_PID"
        assert_equal "$(n_polls)" 3
        grep -q 'nothing new' "$T/first.log"
        grep -q 'nothing new' "$T/second.log"
}

@test "poll: a source that fails is a failure, with its reason" {
        controlled
        assert_equal "$(property Trouble)" 's ""'
        stop "$FTSIM_PID"
        run_ctl 1 poll
        says 'sim cannot be polled (connect)'
        assert_equal "$(property Trouble)" 's "sim (connect)"'
        run_ctl 0 status
        says 'ftwatchctl probe sim says what to change'
}

# --- receivers ----------------------------------------------------------------------------------------

@test "test: really sends, marked as a test, and shows the answer" {
        controlled
        run_ctl 0 test hook
        says 'hook took it (204)'
        run_ctl 0 test hook --type job.failed
        assert_equal "$(told '[.type, .data.test, .data.suffix, .data.error.code]' | tail -n 1)" \
                '["fine_tuning.job.failed",true,"ftwatchctl-test","invalid_training_file"]'
        run_ctl 0 test hook --type source.unauthorized --json
        assert_equal "$(jq -r '.delivered, .status' <<<"$output" | xargs)" 'true 204'
        run_ctl 1 test hoook
        says "there is no receiver 'hoook'; did you mean 'hook'?"
        run_ctl 1 test nobody
        says "there is no receiver 'nobody'; ftwatchctl status lists them"
        run_ctl 1 test hook --type job.filed
        says "there is no notice type 'job.filed'"
        run_ctl 2 test
}

@test "test: a refusal is told to who asks, once, and to nobody else" {
        controlled
        sim POST /_sim/fault -d '{ "path": "/sink/webhook/hook", "status": 500 }'
        run_ctl 1 test hook
        says 'hook did not take it (server_error): HTTP 500'
        says "  -> Check the receiver's address"
        sim DELETE /_sim/fault
        run_ctl 0 status
        [[ $output =~ hook\ +webhook\ +ok ]]
        run_ctl 0 test hook
        assert_equal "$(received hook '[.[] | .answer] | join(" ")')" '500 204'
        run_ctl 0 deliveries --state dead --json
        assert_equal "$(jq length <<<"$output")" 1
        run_ctl 0 retry --all-dead
        says 'nothing was given up'
}

@test "retry: what was given up is owed again" {
        controlled
        sim POST /_sim/fault -d '{ "path": "/sink/webhook/hook", "status": 404 }'
        run_job ftjob-lost
        run_ctl 0 poll
        await_log 'gave up a notice'
        # Nothing waits for another try, and yet it is no receiver that works.
        run_ctl 0 status
        [[ $output =~ hook\ +webhook\ +failing\ +-\ +not_found ]]
        assert_equal "$(property Trouble)" 's "not delivered to hook (not_found)"'
        sim DELETE /_sim/fault
        run_ctl 0 deliveries --state dead --json
        local id
        id=$(jq -r '.[-1].notice' <<<"$output")
        run_ctl 1 retry evt_nothing
        says "there is no notice 'evt_nothing'"
        run_ctl 1 retry evt_
        says 'more than one notice begins with'
        run_ctl 0 retry "${id:0:16}"
        says '1 delivery is owed again'
        wait_for 10 has_told_job ftjob-lost "$(told '.data.status' | tail -n 1 | tr -d '"')"
        run_ctl 0 retry --all-dead --since 1d --receiver 'h*'
        run_ctl 0 retry --all-dead
        says 'nothing was given up'
        run_ctl 2 retry
        run_ctl 2 retry "$id" --all-dead
}

# --- silences -----------------------------------------------------------------------------------------

@test "silence: kept back and marked, seen in status, over in time" {
        controlled
        run_ctl 0 silence --job 'ftjob-qui*' --for 1h --comment 'known to fail'
        says 'silence 1: job ftjob-qui* for 1h'
        await_log 'silence 1 begins: job ftjob-qui\* is not told for 1h: known to fail'
        run_job ftjob-quiet
        run_job ftjob-loud
        run_ctl 0 poll
        says 'job.running ftjob-quiet'
        wait_for 10 has_told_job ftjob-loud running
        assert_equal "$(told '.data.id' | sort -u | tr -d '"' | xargs)" ftjob-loud
        run_ctl 0 deliveries --state silenced
        says 'silence 1: job ftjob-qui*'
        run_ctl 0 notices
        says 'hook silenced'
        run_ctl 0 status
        [[ $output =~ 1\ +job\ +ftjob-qui\*\ +in\ 59min.*known\ to\ fail ]]
        # A restart does not end it, and its time does.
        stop_daemon
        run_ctl 0 silences
        says 'ftjob-qui*'
        sqlite3 "$T/state/state.db" "UPDATE silences SET until_usec = (unixepoch() + 2) * 1000000"
        start_daemon
        await_log 'silence 1 is over .job ftjob-qui\*.: [1-9][0-9]* deliver'
        await_bus
        run_ctl 0 silences
        says 'nothing is silenced'
        set_status ftjob-quiet succeeded
        run_ctl 0 poll
        wait_for 10 has_told_job ftjob-quiet succeeded
}

@test "silence: sources, receivers, and what is wrong" {
        controlled
        run_ctl 0 silence --source sim --for 1h --json
        assert_equal "$(jq .silence <<<"$output")" 1
        run_ctl 0 silence --receiver 'h*' --for 2h
        assert_equal "$(manager ListSilences | cut -c -40 | grep -o '1 "source" "sim"')" '1 "source" "sim"'
        run_ctl 0 test hook
        says 'hook took it'
        run_ctl 0 unsilence 1
        says '1 silence ended'
        run_ctl 1 unsilence 1
        says 'there is no silence 1'
        run_job ftjob-kept
        run_ctl 0 poll
        run_ctl 0 deliveries --state silenced --json
        assert_equal "$(jq -r '.[-1] | .state, .detail' <<<"$output" | xargs)" \
                'silenced silence 2: receiver h*'
        run_ctl 0 unsilence --all
        run_ctl 0 retry "$(ctl deliveries --state silenced --json | jq -r '.[-1].notice')"
        says '1 delivery is owed again'
        wait_for 10 has_told_job ftjob-kept running
        run_ctl 2 silence --for 2h
        run_ctl 2 silence --source sim --job x --for 2h
        run_ctl 2 silence --source sim
        run_ctl 1 silence --source sim --for 20000h
        says 'at most a year'
        run_ctl 2 unsilence
        run_ctl 2 unsilence first
}

# --- reload, status -----------------------------------------------------------------------------------

@test "reload: waits, and says what is wrong with file and line" {
        controlled
        run_ctl 0 reload
        says 'the new configuration is in force'
        assert_equal "$(grep -c 'configuration reloaded' "$DAEMON_LOG")" 1
        sed -i 's/poll_interval/poll_intervall/' "$T/ftwatchd.conf"
        run ctl --state-dir "$T/state" reload
        assert_equal "$status" 1
        says "$T/ftwatchd.conf:4: "
        says 'poll_interval'
        # The old one is in force.
        run ctl --state-dir "$T/state" poll
        assert_equal "$status" 0
}

@test "reload: the bus and what is asked meanwhile survive it" {
        controlled
        local owner
        owner=$(bus_owner)
        for _ in 1 2 3; do
                start poll "$CTL" --config "$T/ftwatchd.conf" poll
                run_ctl 0 reload
                wait "$STARTED_PID" || {
                        cat "$T/poll.log"
                        return 1
                }
        done
        assert_equal "$(bus_owner)" "$owner"
}

@test "status: from the daemon, and from the state when it is down" {
        controlled
        run_job ftjob-one
        run_ctl 0 poll
        await_told job.running
        run_ctl 0 status
        says 'is running: 1 unfinished job, 0 deliveries owed'
        says 'hook'
        [[ $output =~ sim\ +ok\ +1\ +.*\ in\  ]]
        [[ $output != *'what to change'* ]]
        run_ctl 0 status --json
        assert_equal "$(jq -r '.running, .sources[0].unfinished_jobs, .receivers[0].name' <<<"$output" |
                xargs)" 'true 1 hook'
        stop_daemon
        run_ctl 1 status
        says 'ftwatchd is not running'
        says 'ftwatchd does not answer: 1 unfinished job'
        run ctl status --json --state-dir "$T/state"
        assert_equal "$status" 1
        run --separate-stderr ctl status --json
        assert_equal "$(jq -r '.running, .sources[0].name' <<<"$output" | xargs)" 'false sim'
}

@test "a daemon that stops answers what is asked" {
        controlled
        kill -STOP "$FTSIM_PID"
        start poll "$CTL" --config "$T/ftwatchd.conf" poll
        local poll=$STARTED_PID
        wait_for 10 is_polling
        stop_daemon
        kill -CONT "$FTSIM_PID"
        local status=0
        wait "$poll" || status=$?
        assert_equal "$status" 1
        grep -q 'ftwatchd is stopping' "$T/poll.log"
}
