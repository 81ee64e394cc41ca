#!/usr/bin/env bats
# The package over the life of a machine: power cut in the middle of a delivery, upgrade over an old state,
# purge.

bats_require_minimum_version 1.5.0
load lib

setup_file() {
        boot_setup
}

teardown_file() {
        boot_teardown
}

setup() {
        mark
}

teardown() {
        boot_show
}

needs_package() {
        [[ -n ${FTWATCH_DEB:-} ]] || {
                [[ ${CI:-} != true ]] && skip "no package: make deb, then FTWATCH_DEB=FILE"
        }
}

dpkg_inside() {
        inside env DEBIAN_FRONTEND=noninteractive dpkg "$@"
}

@test "the service is enabled, and until it is configured a boot skips it and says what to do" {
        needs_package
        run -0 inside systemctl is-enabled ftwatchd
        assert_equal "$output" enabled
        # It was booted with it.
        assert_equal "$(unit ActiveState) $(unit Result) $(unit NRestarts)" 'inactive exec-condition 0'
        journal -b -o cat | grep 'not configured yet: write the endpoint .*/etc/ftwatchd/ftwatchd.conf'
        run -0 inside systemctl --failed --plain --no-legend list-units 'ftwatchd*'
        assert_equal "$output" ''
        # A start by hand is no failure either, and mistakes are.
        inside systemctl start ftwatchd
        assert_equal "$(unit ActiveState)" inactive
        inside sed -i 's|https://contoso|https://fabrikam|' /etc/ftwatchd/ftwatchd.conf
        run ! inside systemctl start ftwatchd
        assert_equal "$(unit ActiveState) $(unit ExecMainStatus)" 'failed 78'
        inside systemctl reset-failed ftwatchd
        inside getent passwd ftwatchd
        inside getent group ftwatchd
        inside sh -c 'journalctl --list-catalog | grep -q "A fine-tuning job failed"'
}

in_flight() {
        [[ $(inside sqlite3 -readonly -cmd '.timeout 2000' /var/lib/ftwatchd/state.db \
                'SELECT count(*) FROM deliveries WHERE state = 1') != 0 ]]
}

@test "power is cut in the middle of a delivery: after the start it is sent, with the same id" {
        watch_all
        inside systemctl enable -q ftsim
        [[ -n ${FTWATCH_DEB:-} ]] || inside systemctl enable -q ftwatchd
        run_job ftjob-1
        await_told ftjob-1 running
        sim POST /_sim/fault -d '{ "path": "/sink/webhook/hook", "kind": "slow", "delay_ms": 60000 }'
        set_status ftjob-1 succeeded
        wait_for 20 in_flight
        inside sqlite3 -readonly /var/lib/ftwatchd/state.db \
                "SELECT id FROM notices WHERE type = 'job.succeeded'" >"$T/owed"
        # It is not asked again: the simulator has forgotten everything.
        machine_kill
        machine_start
        wait_for 30 sim_is_up
        wait_for 60 owed_came
}

# Sent anew to a server that has none of it: from the outbox.
owed_came() {
        told .id | grep -qF "$(<"$T/owed")" || {
                unit StatusText
                return 1
        }
}

@test "a machine that shuts down ends it with success, and it starts with the next one" {
        machine_stop
        machine_start
        wait_for 30 sim_is_up
        assert_equal "$(unit ActiveState)" active
        assert_equal "$(journal -u ftwatchd -b -1 -o cat | grep -c '^stopping$')" 1
}

@test "an upgrade restarts what runs, an instance too, and starts nothing else" {
        local pid instance
        needs_package
        inside cp -r /etc/ftwatchd/ftwatchd.conf /etc/ftwatchd/good
        write_config "" "" | configure team
        drop_in_credentials | drop_in ftwatchd@team
        inside systemctl start ftwatchd@team
        pid=$(unit MainPID) instance=$(unit MainPID ftwatchd@team)
        dpkg_inside -i /root/ftwatchd.deb
        wait_for 60 new_process ftwatchd "$pid"
        wait_for 60 new_process ftwatchd@team "$instance"
        inside systemctl stop ftwatchd ftwatchd@team
        dpkg_inside -i /root/ftwatchd.deb
        assert_equal "$(unit ActiveState) $(unit ActiveState ftwatchd@team)" 'inactive inactive'
        run -0 inside systemctl is-enabled ftwatchd
        # Changed by the administrator, so kept.
        inside cmp /etc/ftwatchd/ftwatchd.conf /etc/ftwatchd/good
        inside systemctl start ftwatchd
}

new_process() {
        local pid
        pid=$(unit MainPID "$1")
        [[ $(unit ActiveState "$1") = active && $pid != 0 && $pid != "$2" ]]
}

@test "an upgrade over a state of the first schema keeps what it knew and owed" {
        needs_package
        local version
        inside systemctl stop ftwatchd
        version=$(inside sqlite3 /var/lib/ftwatchd/state.db 'PRAGMA user_version')
        # The state as the first version left it: jobs with a history, and what was owed, told and given up.
        inside sh -c 'rm -f /var/lib/ftwatchd/*'
        inside sqlite3 /var/lib/ftwatchd/state.db <"$TOP/tests/boot/schema-1.sql"
        inside sh -c 'chown ftwatchd: /var/lib/ftwatchd/* && chmod 600 /var/lib/ftwatchd/*'
        assert_equal "$(inside sqlite3 /var/lib/ftwatchd/state.db 'PRAGMA user_version')" 1
        inside systemctl restart ftsim
        wait_for 20 sim_is_up
        sim POST /_sim/job -d '{ "id": "ftjob-old", "timeline": [ { "at": -10.0, "status": "running" } ] }'
        dpkg_inside -i /root/ftwatchd.deb
        inside systemctl start ftwatchd
        assert_equal "$(inside sqlite3 /var/lib/ftwatchd/state.db 'PRAGMA user_version')" "$version"
        set_status ftjob-old succeeded
        await_told ftjob-old succeeded
        wait_for 30 has_id evt_owedowedowedowedowedowedow
        wait_for 30 has_id evt_halfhalfhalfhalfhalfhalfha
        # What was told or given up is not told again, and all of it is still there to be asked for.
        run ! has_id evt_donedonedonedonedonedonedo
        run ! has_id evt_deaddeaddeaddeaddeaddeadde
        run -0 inside ftwatchctl --json deliveries
        assert_equal "$(jq -r '[.[] | select(.notice | test("^evt_(done|dead)")) | .state] |
                sort | join(" ")' <<<"$output")" 'dead done'
        run -0 inside ftwatchctl show ftjob-done
        [[ $output = *'0.7500'* && $output = *'Job started.'* ]]
        # Known before: its start is no news.
        assert_equal "$(told 'select(.data.id == "ftjob-old" and (.id | test("^evt_(owed|half)") | not)) |
                .type')" '"fine_tuning.job.succeeded"'
}

has_id() {
        [[ -n $(told "select(.id == \"$1\")") ]]
}

@test "purge leaves nothing but what the administrator wrote" {
        local pid
        needs_package
        pid=$(unit MainPID)
        ((pid > 0))
        dpkg_inside --purge ftwatchd
        run ! inside test -e "/proc/$pid"
        run ! inside systemctl cat ftwatchd.service
        run ! inside test -e /var/lib/ftwatchd
        run ! inside test -e /etc/ftwatchd/ftwatchd.conf
        run ! inside sh -c 'ls /etc/systemd/system/multi-user.target.wants/ftwatchd.service'
        run ! inside sh -c 'journalctl --list-catalog | grep -q "A fine-tuning job failed"'
        inside test -e /etc/ftwatchd/secrets/azure-key
}
