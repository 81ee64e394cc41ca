#!/usr/bin/env bats
# The package over the life of a machine: power cut in the middle of a delivery, upgrades from older
# packages, purge.

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

# The package with a lower version, installed: the same programs, and what the sed script makes of its
# configuration.
older_package() {
        local version=$1 script=${2:-}
        rm -rf "$BOOT/older"
        dpkg-deb -R "$FTWATCH_DEB" "$BOOT/older"
        sed -i "s/^Version: .*/Version: $version/" "$BOOT/older/DEBIAN/control"
        sed -i "$script" "$BOOT/older/etc/ftwatchd/ftwatchd.conf"
        dpkg-deb --root-owner-group -b "$BOOT/older" "$BOOT/older.deb"
        install_inside "$BOOT/older.deb"
}

# install_inside DEB [OPTION..]: nobody is there to be asked; what dpkg calls is in $output.
install_inside() {
        local deb=$1
        shift
        cp "$deb" "$ROOT/root/this.deb"
        run -0 dpkg_inside -D2 "$@" -i /root/this.deb </dev/null
        echo "$output"
}

version_inside() {
        inside dpkg-query -Wf "\${Version}" ftwatchd
}

# From that version to the package.
upgrade_from() {
        local from=$1 to
        shift
        to=$(dpkg-deb -f "$FTWATCH_DEB" Version)
        assert_equal "$(version_inside)" "$from"
        dpkg --compare-versions "$from" lt "$to"
        install_inside "$FTWATCH_DEB" "$@"
        assert_equal "$(version_inside)" "$to"
        [[ $output = *"prerm ( upgrade $to )"* && $output = *"postinst ( configure $from )"* ]]
        [[ $output != *dpkg:\ warning* && $output != *rror* ]]
}

pristine() {
        inside cmp /etc/ftwatchd/ftwatchd.conf - <"$TOP/etc/ftwatchd.conf"
}

@test "an upgrade restarts what runs, an instance too, and starts nothing else" {
        local pid instance
        needs_package
        inside cp /etc/ftwatchd/ftwatchd.conf /etc/ftwatchd/good
        older_package 0.0.1
        write_config "" "" | configure team
        drop_in_credentials | drop_in ftwatchd@team
        inside systemctl restart ftwatchd
        inside systemctl start ftwatchd@team
        pid=$(unit MainPID) instance=$(unit MainPID ftwatchd@team)
        upgrade_from 0.0.1
        wait_for 60 new_process ftwatchd "$pid"
        wait_for 60 new_process ftwatchd@team "$instance"
        inside systemctl stop ftwatchd ftwatchd@team
        older_package 0.0.2
        upgrade_from 0.0.2
        assert_equal "$(unit ActiveState) $(unit ActiveState ftwatchd@team)" 'inactive inactive'
        run -0 inside systemctl is-enabled ftwatchd
        # Changed by the administrator, so kept, without a question.
        inside cmp /etc/ftwatchd/ftwatchd.conf /etc/ftwatchd/good
        inside systemctl start ftwatchd
}

new_process() {
        local pid
        pid=$(unit MainPID "$1")
        [[ $(unit ActiveState "$1") = active && $pid != 0 && $pid != "$2" ]]
}

@test "a configuration that nobody changed is that of the new package after an upgrade, without a question" {
        needs_package
        inside systemctl stop ftwatchd
        put /etc/ftwatchd/ftwatchd.conf <"$TOP/etc/ftwatchd.conf"
        older_package 0.0.3 '1i# as it was then'
        run -0 inside head -n 1 /etc/ftwatchd/ftwatchd.conf
        assert_equal "$output" '# as it was then'
        upgrade_from 0.0.3
        pristine
        inside cp /etc/ftwatchd/good /etc/ftwatchd/ftwatchd.conf
        inside systemctl start ftwatchd
}

schema_inside() {
        inside sqlite3 -readonly -cmd '.timeout 2000' /var/lib/ftwatchd/state.db 'PRAGMA user_version'
}

@test "an upgrade over a state of the first schema keeps what it knew and owed" {
        needs_package
        local version
        older_package 0.0.4
        inside systemctl stop ftwatchd
        version=$(schema_inside)
        # The state as the first version left it: jobs with a history, and what was owed, told and given up.
        inside sh -c 'rm -f /var/lib/ftwatchd/*'
        inside sqlite3 /var/lib/ftwatchd/state.db <"$TOP/tests/boot/schema-1.sql"
        inside sh -c 'chown ftwatchd: /var/lib/ftwatchd/* && chmod 600 /var/lib/ftwatchd/*'
        assert_equal "$(schema_inside)" 1
        inside systemctl restart ftsim
        wait_for 20 sim_is_up
        sim POST /_sim/job -d '{ "id": "ftjob-old", "timeline": [ { "at": -10.0, "status": "running" } ] }'
        upgrade_from 0.0.4
        inside systemctl start ftwatchd
        assert_equal "$(schema_inside)" "$version"
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

# Sets PREVIOUS: the package of the last commit before the schema became what it is, built from the history
# once. Fails where that is not to be had: no git, a shallow clone.
previous_package() {
        local schema change commit
        schema=$(sed -n 's/^#define SCHEMA_VERSION //p' "$TOP/src/store/schema.h")
        change=$(git -C "$TOP" log -1 --format=%H -S"SCHEMA_VERSION $schema" -- src/store/schema.h) ||
                return 1
        commit=$(git -C "$TOP" rev-parse -q --verify "${change:-HEAD}${change:+^}^{commit}") || return 1
        git -C "$TOP" cat-file -e "$commit:packaging/packages.mk" || return 1
        PREVIOUS=$BOOT_CACHE/previous-$commit.deb
        [[ ! -s $PREVIOUS ]] || return 0
        mkdir "$BOOT/previous"
        git -C "$TOP" archive "$commit" | tar -x -C "$BOOT/previous"
        env -u BUILD -u MAKEFLAGS -u MAKELEVEL make -s -C "$BOOT/previous" VERSION=0.0.5 deb \
                >"$BOOT/previous.log" 2>&1 || {
                tail -n 20 "$BOOT/previous.log"
                return 1
        }
        mkdir -p "$BOOT_CACHE"
        mv "$BOOT"/previous/build/packages/ftwatchd_0.0.5_*.deb "$PREVIOUS"
}

@test "an upgrade from the last build with an older schema, at work: nothing lost, nothing told twice" {
        local pid version
        needs_package
        previous_package || skip "the history of the tree does not have the build before"
        version=$(schema_inside)
        dpkg_inside --purge ftwatchd
        install_inside "$PREVIOUS"
        watch_all
        run_job ftjob-done
        run_job ftjob-owed
        await_told ftjob-done running
        await_told ftjob-owed running
        set_status ftjob-done succeeded
        await_told ftjob-done succeeded
        (($(schema_inside) < version))
        # Two that are owed: one on its way, one behind it.
        sim POST /_sim/fault -d '{ "path": "/sink/webhook/hook", "kind": "slow", "delay_ms": 60000,
                "times": 1 }'
        set_status ftjob-owed paused
        wait_for 20 in_flight
        set_status ftjob-owed succeeded
        wait_for 20 owes_two
        inside sqlite3 -readonly /var/lib/ftwatchd/state.db 'SELECT id FROM notices ORDER BY id' >"$T/before"
        pid=$(unit MainPID)
        # Both the administrator and the package changed the configuration: what unattended upgrades say.
        upgrade_from 0.0.5 --force-confold
        wait_for 60 new_process ftwatchd "$pid"
        assert_equal "$(schema_inside)" "$version"
        inside grep -q hook-secret /etc/ftwatchd/ftwatchd.conf
        await_told ftjob-owed paused
        await_told ftjob-owed succeeded
        run -0 inside ftwatchctl --json notices
        jq -r '.[].id' <<<"$output" | sort >"$T/after"
        comm -23 "$T/before" "$T/after" | diff /dev/null -
        assert_equal "$(told '[.type, .data.id]' | sort | uniq -d)" ''
        assert_equal "$(told '.data.id' | sort | uniq -c | xargs)" '3 ftjob-done 4 ftjob-owed'
        run -0 inside ftwatchctl --json jobs
        assert_equal "$(jq -r '[.[] | .id + " " + .status] | sort | join(" ")' <<<"$output")" \
                'ftjob-done succeeded ftjob-owed succeeded'
        assert_equal "$(journal --after-cursor="$CURSOR" -o json |
                jq -r 'select(.FTWATCH_TYPE == "job.running") | .FTWATCH_JOB_ID' | sort | xargs)" \
                'ftjob-done ftjob-owed'
        logged '^ftwatchd .*: sources 1, receivers 1'
}

owes_two() {
        [[ $(inside sqlite3 -readonly -cmd '.timeout 2000' /var/lib/ftwatchd/state.db \
                "SELECT count(*) FROM deliveries WHERE state IN (0, 1) AND receiver = 'hook'") = 2 ]]
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
