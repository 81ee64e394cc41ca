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

@test "a package neither starts nor enables what is not configured" {
        needs_package
        assert_equal "$(unit ActiveState) $(unit NRestarts)" 'inactive 0'
        run inside systemctl is-enabled ftwatchd
        assert_equal "$output" disabled
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
        inside systemctl enable -q ftwatchd ftsim
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

@test "an upgrade over a state of the first schema keeps what it knew and owed" {
        needs_package
        local version
        inside systemctl stop ftwatchd
        version=$(inside sqlite3 /var/lib/ftwatchd/state.db 'PRAGMA user_version')
        # The state as the first version left it: one job that is known, one notice that is owed.
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
        # Known before: its start is no news.
        assert_equal "$(told 'select(.data.id == "ftjob-old" and (.id | startswith("evt_owed") | not)) |
                .type')" '"fine_tuning.job.succeeded"'
}

has_id() {
        [[ -n $(told "select(.id == \"$1\")") ]]
}

@test "purge leaves nothing but what the administrator wrote" {
        needs_package
        dpkg_inside --purge ftwatchd
        run ! inside systemctl cat ftwatchd.service
        run ! inside test -e /var/lib/ftwatchd
        run ! inside test -e /etc/ftwatchd/ftwatchd.conf
        run ! inside sh -c 'ls /etc/systemd/system/multi-user.target.wants/ftwatchd.service'
        run ! inside sh -c 'journalctl --list-catalog | grep -q "A fine-tuning job failed"'
        inside test -e /etc/ftwatchd/secrets/azure-key
}
