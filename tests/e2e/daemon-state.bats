#!/usr/bin/env bats
# The shipped ftwatchd and its state: damaged, newer, full or not to be written.

bats_require_minimum_version 1.5.0
load daemon

teardown() {
        stop_all
        ! mountpoint -q "$T/small" 2>/dev/null || umount "$T/small"
        chmod -R u+rwX "$T" 2>/dev/null || true
}

@test "a damaged state at the start is kept aside, said loudly, and it goes on from a silent baseline" {
        start_watching
        run_job ftjob-1
        await_told job.running
        stop_daemon
        # Everything behind the header's page: found by the check at the start.
        dd if=/dev/urandom of="$T/state/state.db" bs=4096 seek=1 count=6 conv=notrunc status=none
        start_daemon
        await_poll
        logged 'ftwatchd\[err[a-z]*\]: .*kept as .*state[.]db[.]corrupt-[0-9]+'
        compgen -G "$T/state/state.db.corrupt-*"
        settled
        in_order job.created job.running
        set_status ftjob-1 succeeded
        await_told job.succeeded
}

@test "so is one whose damage no check finds, but who reads it: at the start, and at a reload" {
        start_watching
        run_job ftjob-1
        await_told job.running
        stop_daemon
        sqlite3 "$T/state/state.db" "UPDATE jobs SET events_walk = 'damaged'"
        start_daemon
        await_poll
        logged 'ftwatchd\[err[a-z]*\]: .*kept as .*state[.]db[.]corrupt-[0-9]+'
        settled
        set_status ftjob-1 paused
        await_told job.paused
        sqlite3 "$T/state/state.db" "UPDATE jobs SET events_walk = 'damaged'"
        kill -HUP "$DAEMON_PID"
        await_log 'configuration reloaded'
        assert_equal "$(compgen -G "$T/state/state.db.corrupt-*" | grep -cvE -e '-(wal|shm)$')" 2
        set_status ftjob-1 succeeded
        await_told job.succeeded
}

@test "a file that is no database is kept aside" {
        mkdir "$T/state"
        printf 'this is no database, %0200d\n' 0 >"$T/state/state.db"
        start_watching
        logged 'corrupt-'
        assert_equal "$(head -c 7 "$T"/state/state.db.corrupt-*)" 'this is'
        run_job ftjob-1
        await_told job.running
}

@test "a state that is damaged while in use is kept aside, said loudly, and it goes on" {
        # More than SQLite keeps in memory.
        start_ftsim - <<<'generate = { finished = 3000; active = 3; };'
        watch_all
        start_daemon
        await_poll
        # So that all of it is in the file, and nothing in its log.
        stop_daemon
        start_daemon
        await_poll
        local pages
        pages=$(($(stat -c %s "$T/state/state.db") / 4096 - 1))
        ((pages > 300))
        dd if=/dev/urandom of="$T/state/state.db" bs=4096 seek=1 count=$pages conv=notrunc status=none
        local i
        for i in 1 2 3 4 5 6; do
                run_job "ftjob-$i"
        done
        await_log 'kept as .*state[.]db[.]corrupt-[0-9]+'
        await_poll 2
        run_job ftjob-new
        wait_for 20 has_told_job ftjob-new running
        kill -0 "$DAEMON_PID"
        compgen -G "$T/state/state.db.corrupt-*"
}

@test "a state of a newer version is refused, and left as it is" {
        start_watching
        stop_daemon
        sqlite3 "$T/state/state.db" 'PRAGMA user_version = 9999'
        local before
        before=$(sha256sum <"$T/state/state.db")
        run -78 "$FTWATCHD" --config "$T/ftwatchd.conf"
        [[ $output = *'newer version of ftwatchd'* ]]
        assert_equal "$(sha256sum <"$T/state/state.db")" "$before"
}

@test "a database of another program is refused, and left as it is" {
        start_watching
        stop_daemon
        rm "$T"/state/*
        sqlite3 "$T/state/state.db" 'PRAGMA application_id = 42; CREATE TABLE other (a)'
        run -78 "$FTWATCHD" --config "$T/ftwatchd.conf"
        [[ $output = *'another program'* ]]
        assert_equal "$(sqlite3 "$T/state/state.db" .tables | xargs)" other
}

@test "two daemons do not share a state" {
        start_watching
        run -1 timeout 20 "$FTWATCHD" --config "$T/ftwatchd.conf"
        [[ $output = *'in use by another ftwatchd'* ]]
        kill -0 "$DAEMON_PID"
        # However the first one ends, its lock goes with it.
        kill_daemon
        start_daemon
        await_poll
}

@test "a full disk is said once, survived, and nothing is lost when there is room again" {
        [[ $(id -u) = 0 ]] || skip 'needs root to mount a small file system'
        mkdir -p "$T/small"
        mount -t tmpfs -o size=1m none "$T/small" 2>/dev/null || skip 'cannot mount here'
        start_ftsim - <<<''
        watch_all
        sed -i "s|$T/state|$T/small/state|" "$T/ftwatchd.conf"
        start_daemon
        await_poll
        run_job ftjob-1
        await_told job.running
        # Fills what is left.
        head -c 2M /dev/zero >"$T/small/ballast" 2>/dev/null || true
        local i
        for i in 1 2 3 4 5 6 7 8 9; do
                post_job "{ \"id\": \"ftjob-f$i\", \"metadata\": { \"text\": \"$(printf '%0400d' 0)\" },
                        \"timeline\": [ { \"at\": 0.0, \"status\": \"running\" } ] }"
        done
        await_log 'disk is full: make room'
        await_log 'poll failed .internal.: the state cannot be written: the disk is full'
        kill -0 "$DAEMON_PID"
        assert_equal "$(grep -c 'disk is full: make room' "$DAEMON_LOG")" 1
        # No room for a new source, either.
        printf 'sources = ( { name = "%s"; endpoint = "http://127.0.0.1:1"; api_key = "k"; } );\n' \
                "$(printf '%060d' 0)" | install -D -m 600 /dev/stdin "$T/conf.d/new.conf"
        kill -HUP "$DAEMON_PID"
        await_log 'the new configuration could not be started: the old one stays in force'
        rm "$T/conf.d/new.conf"
        set_status ftjob-1 succeeded
        rm "$T/small/ballast"
        await_told job.succeeded
        for i in 1 2 3 4 5 6 7 8 9; do
                wait_for 20 has_told_job "ftjob-f$i" running
        done
        assert_equal "$(count_told job.running)" 10
        assert_equal "$(told 'select(.data.id == "ftjob-1") | .type' | xargs)" \
                'fine_tuning.job.created fine_tuning.job.running fine_tuning.job.succeeded'
        stop_daemon
}

@test "a state directory that cannot be written is an error with its name" {
        [[ $(id -u) != 0 ]] || skip_unless_mountable
        start_ftsim - <<<''
        watch_all
        if [[ $(id -u) = 0 ]]; then
                mkdir -p "$T/small"
                mount -t tmpfs -o ro,size=1m none "$T/small"
                sed -i "s|$T/state|$T/small|" "$T/ftwatchd.conf"
        else
                mkdir -m 500 "$T/state"
        fi
        run -1 timeout 20 "$FTWATCHD" --config "$T/ftwatchd.conf"
        [[ $output = *"$T/s"* ]]
        [[ $output = *[Rr]ead-only*ReadWritePaths=* || $output = *denied*'must belong to'* ]]
}

skip_unless_mountable() {
        mkdir -p "$T/small"
        mount -t tmpfs -o size=1m none "$T/small" 2>/dev/null || skip 'cannot mount here'
        umount "$T/small"
}

@test "the state is for its owner alone" {
        start_watching
        run_job ftjob-1
        await_told job.running
        assert_equal "$(stat -c %a "$T/state")" 700
        assert_equal "$(stat -c %a "$T"/state/* | sort -u)" 600
}
