#!/usr/bin/env bats
# The unit on a real systemd: start, reload, restart, watchdog, instances.

bats_require_minimum_version 1.5.0
load lib

setup_file() {
        boot_setup
        watch_all
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

@test "it starts, is ready after the first poll, and says in its status what it does" {
        unit_is ActiveState active
        unit_is StatusText '1 of 1 sources answer, 0 unfinished jobs, 0 deliveries owed'
        assert_equal "$(unit User)" ftwatchd
        assert_equal "$(inside stat -c '%U %G %a' /var/lib/ftwatchd)" 'ftwatchd ftwatchd 700'
}

@test "systemd-analyze security gives the running service 1.1 or less" {
        inside systemd-analyze security --threshold=11 ftwatchd.service
}
