#!/usr/bin/env bats
# Calls over D-Bus that take time: the probe, and that each one that is open is answered whatever happens, in
# words, long before a client would give up.

# shellcheck disable=SC2030,SC2031  # a test exports for itself
bats_require_minimum_version 1.5.0
load bus
load warp

setup() {
        start_ftsim - <<<''
}

teardown() {
        stop_all
        rm -rf "$BUS_DIR"
}

# Polls seldom: what happens soon was asked for.
controlled() {
        # shellcheck disable=SC2034  # for watch_all
        POLL=1h
        start_bus
        watch_all
        start_daemon
        await_bus
        await_log ' polled: '
}

# ask ARGUMENT..: ftwatchctl in the background; sets ASKED
ask() {
        start asked "$CTL" --config "$T/ftwatchd.conf" "$@"
        ASKED=$STARTED_PID
}

# answered STATUS WORDS: how that ended, soon
answered() {
        local got=0
        wait_for "${3:-15}" is_gone "$ASKED"
        wait "$ASKED" || got=$?
        if [[ $got != "$1" ]] || ! grep -qF -e "$2" "$T/asked.log"; then
                echo "$got, not $1 with: $2"
                cat "$T/asked.log"
                return 1
        fi
}

# hold PATH: requests there are not answered
hold() {
        HELD=$(sim GET /_sim/count | jq .requests)
        sim POST /_sim/fault -d "{ \"path\": \"$1\", \"kind\": \"slow\", \"delay_ms\": 600000 }" |
                grep -q result
}

# The server has got one more request than when it was told to hold them.
is_held() {
        (($(sim GET /_sim/count | jq .requests) > HELD))
}

is_polling() {
        ctl status --json | jq -e '.sources[0].polling'
}

# A delivery is on its way.
in_flight() {
        ctl deliveries --state inflight --json | jq -e 'length > 0'
}

# --- probe ------------------------------------------------------------------------------------------------

@test "probe: one request of each kind, and what ftwatchd --probe says" {
        controlled
        run_job ftjob-one
        run -0 ctl probe sim
        sed -E 's/ +[0-9]+ ms/ N ms/' <<<"$output" >"$T/asked"
        run -0 "$FTWATCHD" --config "$T/ftwatchd.conf" --probe sim
        sed -E 's/ +[0-9]+ ms/ N ms/' <<<"$output" | diff - "$T/asked"
        run -0 ctl probe sim --json
        jq -e '.source == "sim" and .works and (.checks | length == 6)' <<<"$output"
        # Nothing was told.
        assert_equal "$(types)" ''
        sim POST /_sim/key/api-key -d other >/dev/null
        run -1 ctl probe sim
        [[ $output = *'jobs         FAILED'*'HTTP 401'*'-> Check the api key'* ]]
        run -1 ctl probe smi
        [[ $output = *"there is no source 'smi'; did you mean 'sim'?" ]]
        run -2 ctl probe
}

@test "probe: without a daemon it says who asks without it; who may not, may not" {
        make_bus_dir
        export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$BUS_DIR/bus
        watch_all
        run -1 ctl probe sim
        [[ $output = *'there is no system bus here'*'without it: ftwatchd --probe sim' ]]
        controlled
        stop_daemon
        run -1 ctl probe sim
        [[ $output = *'ftwatchd is not running'*'without it: ftwatchd --probe sim' ]]
        [[ $(id -u) = 0 ]] || return 0
        start_daemon
        await_bus
        chmod 711 "$T"
        cp "$CTL" "$BUS_DIR/ftwatchctl"
        run -1 as_nobody "$BUS_DIR/ftwatchctl" --state-dir "$T" probe sim
        [[ $output = *'not permitted'* && $output != *'without it'* ]]
}

@test "probe: one at a time of a source; polls go on" {
        controlled
        hold '*/fine_tuning/jobs'
        ask probe sim
        wait_for 10 is_held
        run -1 ctl probe sim
        [[ $output = *"'sim' is being probed already" ]]
        sim DELETE /_sim/fault >/dev/null
        run -0 ctl poll sim
        stop_daemon
        answered 1 'ftwatchd is stopping'
}

@test "probe: a reload asks again, with the source as it is now" {
        controlled
        hold '*/fine_tuning/jobs'
        ask probe sim
        wait_for 10 is_held
        sim DELETE /_sim/fault >/dev/null
        run -0 ctl reload
        answered 0 'sim: '
        hold '*/fine_tuning/jobs'
        ask probe sim
        wait_for 10 is_held
        sed -i 's/name = "sim"/name = "other"/' "$T/ftwatchd.conf"
        run -0 ctl reload
        answered 1 'the source was removed by a reload'
}

# In virtual time, a second of it in two while a request is open; suspended, the machine is ahead at once.
@test "probe: its limit counts from when it was asked, also over a reload" {
        start_bus
        watch_all
        sed -i 's/poll_interval/timeout = "10min"; poll_interval/' "$T/ftwatchd.conf"
        hold '*/fine_tuning/jobs'
        clock_at 1800057600
        cat >"$T/script" <<-SCRIPT
		1 "$CTL" --config "$T/ftwatchd.conf" --timeout 10min probe sim >"$T/asked.log" 2>&1 &
		4 suspend 94
		98 kill -HUP \$PPID
	SCRIPT
        start warped env LD_PRELOAD="$BUILD/warp.so" WARP_CLOCK_FILE="$T/clock" WARP_SCRIPT="$T/script" \
                "$FTWATCHD" --config "$T/ftwatchd.conf" --verbose
        wait_for 60 grep -q 'configuration reloaded' "$T/warped.log"
        wait_for 30 grep -q 'of the whole probe' "$T/asked.log"
}

# --- who asked has gone -----------------------------------------------------------------------------------

@test "who was killed while it waited makes nobody else wait" {
        local i
        controlled
        hold '*/fine_tuning/jobs'
        ask probe sim
        wait_for 10 is_held
        kill -KILL "$ASKED"
        wait_for 10 logged 'what it asked needs no answer'
        HELD=$(sim GET /_sim/count | jq .requests)
        ask probe sim
        wait_for 10 is_held
        kill -KILL "$ASKED"
        sim DELETE /_sim/fault >/dev/null
        wait_for 10 ctl probe sim
        # Gone before anybody looked, more of them than may wait at once.
        hold '*/fine_tuning/jobs'
        for ((i = 0; i < 70; i++)); do
                busctl --system --expect-reply=no call org.ftwatchd1 /org/ftwatchd1 org.ftwatchd1.Manager \
                        Poll s ''
        done
        wait_for 10 is_polling
        wait_for 10 ctl test hook
}

# --- each is answered -------------------------------------------------------------------------------------

@test "a test is answered when a reload removes its receiver" {
        controlled
        hold '/sink/*'
        ask test hook
        wait_for 10 in_flight
        sed -i 's/name = "hook"/name = "other"/; s/to = \["hook"\]/to = ["other"]/' "$T/ftwatchd.conf"
        run -0 ctl reload
        answered 1 'the receiver was removed by a reload'
}

@test "a test is answered when the daemon stops" {
        controlled
        hold '/sink/*'
        ask test hook
        wait_for 10 in_flight
        kill -TERM "$DAEMON_PID"
        answered 1 'ftwatchd is stopping'
}

@test "a test and a poll are answered when the state proves damaged" {
        # More than SQLite keeps in memory; and started twice, so that all of it is in the file.
        start_ftsim - <<<'generate = { finished = 3000; active = 3; };'
        controlled
        stop_daemon
        start_daemon
        await_bus
        await_log ' polled: '
        hold '/sink/*'
        ask test hook
        wait_for 10 in_flight
        dd if=/dev/urandom of="$T/state/state.db" bs=4096 seek=1 conv=notrunc status=none \
                count=$(($(stat -c %s "$T/state/state.db") / 4096 - 1))
        run_job ftjob-1
        run ctl poll
        [[ $status = [01] && $output = *sim* ]]
        answered 1 'the state was lost, the test notice with it'
        wait_for 10 logged 'kept as .*state[.]db[.]corrupt-[0-9]+'
}

@test "a state that is deleted, or replaced, while in use is said loudly, and it goes on" {
        local way
        controlled
        cp -a "$T/state" "$T/before"
        for way in deleted replaced; do
                run_job "ftjob-$way"
                run -0 ctl poll
                has_told_job "ftjob-$way" running || wait_for 10 has_told_job "ftjob-$way" running
                hold '/sink/*'
                ask test hook
                wait_for 10 in_flight
                if [[ $way = deleted ]]; then
                        rm "$T"/state/state.db*
                else
                        cp "$T/before/state.db" "$T/new"
                        mv "$T/new" "$T/state/state.db"
                fi
                set_status "ftjob-$way" succeeded
                run ctl poll
                await_log 'state[.]db was deleted or replaced while it was in use' \
                        "$([[ $way = deleted ]] && echo 1 || echo 2)"
                answered 1 'the state was lost, the test notice with it'
                sim DELETE /_sim/fault >/dev/null
                wait_for 10 ctl poll
                run_job "ftjob-after-$way"
                run -0 ctl poll
                wait_for 10 has_told_job "ftjob-after-$way" running
                assert_equal "$(sqlite3 -readonly "$T/state/state.db" 'PRAGMA quick_check')" ok
        done
        stop_daemon
}

@test "a state directory that is replaced while in use is locked anew: no other daemon writes there" {
        controlled
        mv "$T/state" "$T/elsewhere"
        mkdir -m 700 "$T/state"
        run ctl poll
        await_log 'state[.]db was deleted or replaced while it was in use'
        wait_for 10 ctl poll
        run ! timeout 20 "$FTWATCHD" --config "$T/ftwatchd.conf" --once
        [[ $output = *"$T/state is in use by another ftwatchd"* ]]
        # And the old one is free, for whoever has moved it there.
        run -0 flock --nonblock "$T/elsewhere" true
        run_job ftjob-after
        run -0 ctl poll
        wait_for 10 has_told_job ftjob-after running
        stop_daemon
}
