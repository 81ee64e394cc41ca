#!/usr/bin/env bats
# The shipped ftwatchd as a service: signals, and the service manager's protocol.

bats_require_minimum_version 1.5.0
load daemon

teardown() {
        stop_all
}

# --- stop ---------------------------------------------------------------------------------------------

@test "SIGTERM and SIGINT end it with 0 at once" {
        local signal from
        for signal in TERM INT; do
                start_watching
                from=$(date +%s%N)
                kill "-$signal" "$DAEMON_PID"
                wait_for 5 is_gone "$DAEMON_PID"
                wait "$DAEMON_PID"
                (($(date +%s%N) - from < 2000000000))
                # Nothing is left that a start would have to repair.
                run -0 query 'PRAGMA integrity_check'
                assert_equal "$output" ok
                stop_all
                rm -rf "$T/state"
        done
}

@test "SIGTERM waits for a delivery in flight, and it is not sent again" {
        start_watching
        fault /sink/webhook/hook '"kind": "slow", "delay_ms": 1000, "times": 1'
        run_job ftjob-1
        wait_for 10 delivery_in_flight
        stop_daemon
        assert_equal "$(query 'SELECT count(*) FROM deliveries WHERE state = 1')" 0
        start_daemon
        await_told job.running
        assert_equal "$(received hook '[.[] | select(.repeats > 0)] | length')" 0
}

delivery_in_flight() {
        [[ $(query 'SELECT count(*) FROM deliveries WHERE state = 1') != 0 ]]
}

@test "SIGTERM does not wait for ever for a receiver that does not answer" {
        start_watching
        fault /sink/webhook/hook '"kind": "slow", "delay_ms": 60000'
        run_job ftjob-1
        wait_for 10 delivery_in_flight
        kill -TERM "$DAEMON_PID"
        wait_for 9 is_gone "$DAEMON_PID"
        wait "$DAEMON_PID"
}

@test "SIGTERM while the server does not answer ends it at once" {
        start_watching
        fault '*/jobs' '"kind": "slow", "delay_ms": 60000'
        wait_for 10 poll_is_stuck
        local from
        from=$(date +%s%N)
        stop_daemon
        (($(date +%s%N) - from < 2000000000))
}

# The last request has no answer yet: nothing more is asked for a while.
poll_is_stuck() {
        local n
        n=$(sim GET /_sim/count | jq .requests)
        await_quiet "$n"
}

await_quiet() {
        local deadline=$(($(date +%s%N) + 300000000))
        while (($(date +%s%N) < deadline)); do
                [[ $(sim GET /_sim/count | jq .requests) = "$1" ]] || return 1
        done
}

# --- reload -------------------------------------------------------------------------------------------

@test "SIGHUP applies a new configuration: the new receiver is used and nothing is lost" {
        start_watching
        run_job ftjob-1
        await_told job.running
        # Whatever is owed at that moment is owed afterwards.
        fault /sink/webhook/hook '"status": 500, "times": 3'
        set_status ftjob-1 paused
        configure <<-CONF
		receivers = ( $(hook hook), $(hook second) );
		rules = ( { types = ["*"]; to = ["hook", "second"]; } );
	CONF
        kill -HUP "$DAEMON_PID"
        await_log 'configuration reloaded: sources 1, receivers 2'
        await_told job.paused
        set_status ftjob-1 succeeded
        await_told job.succeeded
        wait_for 20 second_was_told fine_tuning.job.succeeded
        settled
        in_order job.created job.running job.paused job.succeeded
        kill -0 "$DAEMON_PID"
}

@test "SIGHUP while a reload waits for what is under way: the files as they are by then apply, too" {
        start_watching
        fault /sink/webhook/hook '"kind": "slow", "delay_ms": 3000, "times": 1'
        run_job ftjob-1
        wait_for 20 delivery_in_flight
        configure <<-CONF
		receivers = ( $(hook hook), $(hook second) );
		rules = ( { types = ["*"]; to = ["hook", "second"]; } );
	CONF
        kill -HUP "$DAEMON_PID"
        delivery_in_flight
        configure <<-CONF
		receivers = ( $(hook hook), $(hook second), $(hook third) );
		rules = ( { types = ["*"]; to = ["hook", "second", "third"]; } );
	CONF
        kill -HUP "$DAEMON_PID"
        await_log 'configuration reloaded: sources 1, receivers 3'
        settled
}

second_was_told() {
        received second '.[].body.type' | grep -qx "$1"
}

@test "SIGHUP with mistakes keeps the old configuration and logs all of them with their lines" {
        start_watching
        cat >>"$T/ftwatchd.conf" <<-'CONF'
		histroy = "3d";
		log_level = "loud";
	CONF
        kill -HUP "$DAEMON_PID"
        await_log 'the old one stays in force'
        logged 'ftwatchd[.]conf:[0-9]+: .*histroy.*history'
        logged 'ftwatchd[.]conf:[0-9]+: .*log_level'
        run_job ftjob-1
        await_told job.running
        # And a mended one applies.
        watch_all
        kill -HUP "$DAEMON_PID"
        await_log 'configuration reloaded'
}

@test "SIGHUP while somebody else holds the state locked keeps the old configuration" {
        local second="name = \"second\"; endpoint = \"http://127.0.0.1:9\"; api_key = \"key\";"
        start_watching
        mkfifo "$T/sql"
        # For reading too: to open one end of a FIFO waits for the other.
        exec 9<>"$T/sql"
        start writer bash -c "exec sqlite3 -bail '$T/state/state.db' <'$T/sql' 9>&-"
        echo 'BEGIN IMMEDIATE;' >&9
        echo ".shell touch '$T/began'" >&9
        wait_for 10 test -e "$T/began"
        # One more source is one more row of the state.
        sed -i "s|^sources = (|& { $second },|" "$T/ftwatchd.conf"
        kill -HUP "$DAEMON_PID"
        await_log 'the old one stays in force; reload again'
        await_log 'a source that is new or renamed cannot be written to the state: another program'
        run ! grep 'Device or resource busy' "$DAEMON_LOG"
        echo 'ROLLBACK;' >&9
        run_job ftjob-1
        await_told job.running
        kill -HUP "$DAEMON_PID"
        await_log 'configuration reloaded: sources 2'
        exec 9>&-
        stop_daemon
}

@test "SIGHUP reads secrets anew" {
        start_ftsim - <<<'api_key = "old-key-old-key";'
        echo old-key-old-key >"$T/key"
        FTSIM_KEY="file:$T/key" watch_all
        chmod 600 "$T/key"
        start_daemon
        await_poll
        sim POST /_sim/key/api-key --data-binary new-key-new-key
        await_told source.unauthorized
        echo new-key-new-key >"$T/key"
        kill -HUP "$DAEMON_PID"
        await_told source.recovered
        assert_equal "$(count_told source.unauthorized)" 1
}

@test "many SIGHUPs in a row lose nothing" {
        start_watching
        local i
        for i in 1 2 3 4 5 6 7 8; do
                run_job "ftjob-$i"
                kill -HUP "$DAEMON_PID"
                set_status "ftjob-$i" paused
                kill -HUP "$DAEMON_PID"
        done
        for i in 1 2 3 4 5 6 7 8; do
                wait_for 20 has_told_job "ftjob-$i" paused
        done
        settled
        assert_equal "$(count_told job.paused)" 8
        kill -0 "$DAEMON_PID"
}

@test "SIGUSR2 writes the state of things to the log" {
        start_watching
        run_job ftjob-1
        await_told job.running
        kill -USR2 "$DAEMON_PID"
        await_log 'source sim: 1 unfinished jobs'
        await_log 'receiver hook \(webhook\): 0 in flight'
}

# --- the service manager ------------------------------------------------------------------------------

start_manager() {
        start_datagram_sink notify
        export NOTIFY_SOCKET=$T/notify.socket
}

# The messages, a line each: their fields as KEY=VALUE, joined by '|'.
messages() {
        jq -r 'to_entries | map("\(.key)=\(.value)") | join("|")' "$T/notify"
}

notified() {
        messages | grep -qE -e "$1" || {
                messages
                return 1
        }
}

@test "the manager is told READY after the first poll, STATUS as it changes, RELOADING, STOPPING" {
        start_manager
        start_watching
        wait_for 10 notified '^READY=1'
        wait_for 10 notified 'STATUS=1 of 1 sources answer, 0 unfinished jobs'
        run_job ftjob-1
        wait_for 10 notified 'STATUS=1 of 1 sources answer, 1 unfinished jobs'
        fault '*/jobs' '"status": 500'
        wait_for 10 notified 'STATUS=0 of 1 sources answer, 1 unf.* in trouble: sim [(]server_error[)]$'
        sim DELETE /_sim/fault
        kill -HUP "$DAEMON_PID"
        wait_for 10 notified '^RELOADING=1[|]MONOTONIC_USEC=[0-9]+'
        wait_for 10 ready_again
        echo 'histroy = "3d";' >>"$T/ftwatchd.conf"
        kill -HUP "$DAEMON_PID"
        wait_for 10 notified 'STATUS=configuration not reloaded, it has mistakes; 1 of 1'
        sed -i /histroy/d "$T/ftwatchd.conf"
        kill -HUP "$DAEMON_PID"
        wait_for 10 notified_after 'not reloaded' 'STATUS=1 of 1 sources answer'
        stop_daemon
        wait_for 10 notified 'STOPPING=1'
        # What was last said would stay beside "inactive (dead)".
        wait_for 10 notified '^STATUS=$'
        assert_equal "$(messages | grep -oE '^(READY|RELOADING|STOPPING)' | xargs)" \
                'READY RELOADING READY RELOADING READY RELOADING READY STOPPING'
}

# What came after the last message of a pattern.
notified_after() {
        messages | tac | sed "/$1/q" | grep -qE -e "$2"
}

ready_again() {
        (($(messages | grep -c '^READY=1') == 2))
}

@test "STATUS names the receivers that fail, and why, and forgets them when they work" {
        start_manager
        start_watching
        fault '*/jobs' '"status": 401'
        wait_for 10 notified 'STATUS=0 of 1 .*; in trouble: sim [(]unauthorized[)]$'
        sim DELETE /_sim/fault
        fault /sink/webhook/hook '"status": 503'
        run_job ftjob-1
        wait_for 10 notified 'STATUS=1 of 1 .*; in trouble: not delivered to hook [(]server_error[)]$'
        sim DELETE /_sim/fault
        wait_for 10 notified_after 'not delivered to hook' 'STATUS=1 of 1 .*, 0 deliveries owed$'
}

@test "STATUS stays one line, however many fail" {
        local name
        start_manager
        start_ftsim - <<<''
        watch_all
        for name in a b c d e; do
                install -D -m 600 /dev/stdin "$T/conf.d/$name.conf" <<-CONF
			sources = ( { name = "$name"; endpoint = "http://127.0.0.1:1"; api_key = "k"; } );
		CONF
        done
        start_daemon
        wait_for 20 notified 'STATUS=1 of 6 .*: a .connect., b .connect., c .connect. and 2 more$'
}

@test "the first request may take longer than the start: more time is asked for before it ends" {
        start_manager
        start_ftsim - <<<''
        fault '*/jobs' '"kind": "slow", "delay_ms": 60000'
        watch_all
        start_daemon
        wait_for 10 notified '^EXTEND_TIMEOUT_USEC=[0-9]{8,}$'
        # Nor is a reload in the middle of the start its end.
        kill -HUP "$DAEMON_PID"
        await_log 'configuration reloaded'
        echo 'histroy = "3d";' >>"$T/ftwatchd.conf"
        kill -HUP "$DAEMON_PID"
        await_log 'the old one stays in force'
        wait_for 10 notified 'STATUS=configuration not reloaded'
        run ! notified '^(READY|RELOADING)=1'
}

@test "READY does not wait for a server that does not answer" {
        start_manager
        start_ftsim - <<<''
        fault '*/jobs' '"status": 503'
        watch_all
        start_daemon
        wait_for 10 notified '^READY=1'
        wait_for 10 notified 'STATUS=0 of 1 sources answer'
}

@test "the watchdog is fed while it works" {
        start_manager
        start_ftsim - <<<''
        watch_all
        WATCHDOG_USEC=300000 start_daemon
        wait_for 10 fed 5
        kill -0 "$DAEMON_PID"
}

fed() {
        (($(messages | grep -c '^WATCHDOG=1') >= $1))
}

@test "the watchdog's variables are of no meaning for another process" {
        start_manager
        start_ftsim - <<<''
        watch_all
        WATCHDOG_USEC=100000 WATCHDOG_PID=1 start_daemon
        await_poll 10
        run ! notified WATCHDOG
}
