#!/usr/bin/env bats
# The unit on a real systemd: start, sandbox, mail, reload, restart, watchdog, a full disk, instances.

bats_require_minimum_version 1.5.0
load lib

setup_file() {
        boot_setup
        inside useradd -m ops
        inside useradd -G ftwatchd member
        inside useradd stranger
        watch_all RestartSec=200ms WatchdogSec=3s '[Unit]' StartLimitIntervalSec=0
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

# A pattern, and of which unit.
status_is() {
        # shellcheck disable=SC2053
        [[ $(unit StatusText "${2:-ftwatchd}") = $1 ]] || {
                unit StatusText "${2:-ftwatchd}"
                return 1
        }
}

@test "it starts, is ready after the first poll, and says in its status what it does" {
        assert_equal "$(unit ActiveState)" active
        wait_for 10 status_is '1 of 1 sources answer, 0 unfinished jobs, 0 deliveries owed'
        assert_equal "$(unit User)" ftwatchd
        assert_equal "$(inside stat -c '%U %G %a' /var/lib/ftwatchd)" 'ftwatchd ftwatchd 700'
}

@test "systemd gives the running service an exposure of 1.1 or less, and finds nothing to complain of" {
        inside systemd-analyze security --threshold=11 ftwatchd.service
        run -0 inside systemd-analyze verify --man=no ftwatchd.service ftwatchd@team.service
        assert_equal "$output" ''
        run ! logged 'ftwatchd.*(Unknown|ignoring)'
}

@test "in its sandbox nothing can be executed, and nothing but the state written" {
        local pid
        pid=$(unit MainPID)
        run -126 inside nsenter -t "$pid" -m /usr/bin/id
        [[ $output = *'Permission denied'* ]]
        # shellcheck disable=SC2016
        run -0 inside awk '$5 == "/" { print $6 }' "/proc/$pid/mountinfo"
        [[ ,$output, = *,ro,* && ,$output, = *,noexec,* ]]
        run -0 inside grep -E '^(Seccomp|NoNewPrivs|CapBnd|CapEff):' "/proc/$pid/status"
        assert_equal "$(tr -s '\t\n' '  ' <<<"$output" | xargs)" \
                'CapEff: 0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1 Seccomp: 2'
}

@test "a job that succeeds and one that fails are told, also by mail through a real MTA" {
        write_config ', { name = "mail"; kind = "email"; server = "smtp://127.0.0.1";
                from = "ftwatchd@example.org"; to = ["ops@example.org"]; }' \
                ', { types = ["job.failed", "job.succeeded"]; to = ["mail"]; }' | configure
        inside systemctl reload ftwatchd
        await_log 'configuration reloaded: sources 1, receivers 2'
        run_job ftjob-good
        run_job ftjob-bad
        await_told ftjob-bad running
        set_status ftjob-good succeeded
        sim POST '/_sim/job/ftjob-bad?status=failed&code=no_such_thing&message=it%20broke'
        await_told ftjob-good succeeded
        await_told ftjob-bad failed
        wait_for 40 mails_came 2
        inside cat /var/mail/ops >"$T/mails"
        grep -q '^From: .*ftwatchd@example.org' "$T/mails"
        grep -qi '^X-Ftwatch-Type: job.failed' "$T/mails"
        grep -q 'it broke' "$T/mails"
}

mails_came() {
        local n
        n=$(inside grep -c '^From ' /var/mail/ops)
        ((n >= $1))
}

@test "names and TLS work in the sandbox" {
        openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" -days 2 \
                -subj /CN=api.example -addext subjectAltName=DNS:api.example 2>/dev/null
        put /etc/ftwatchd/ca.pem <"$T/cert.pem"
        put /etc/ftsim-key.pem <"$T/key.pem"
        inside chmod 644 /etc/ftwatchd/ca.pem
        inside systemd-run -q --unit=ftsim-tls /usr/local/bin/ftsim --port 8081 --port-file /run/tls.url \
                --scenario /etc/ftsim.conf --tls-port 8443 --tls-cert /etc/ftwatchd/ca.pem \
                --tls-key /etc/ftsim-key.pem
        put /etc/ftwatchd/conf.d/tls.conf <<-'CONF'
		sources = ( { name = "tls"; endpoint = "https://api.example:8443"; api_key = "credential:azure-key";
		  dialect = "azure"; ca_file = "/etc/ftwatchd/ca.pem"; } );
	CONF
        inside chmod -R a+rX /etc/ftwatchd/conf.d
        inside systemctl reload ftwatchd
        wait_for 30 status_is '2 of 2 sources answer*'
        inside rm /etc/ftwatchd/conf.d/tls.conf
        inside systemctl reload ftwatchd
        wait_for 30 status_is '1 of 1 sources answer*'
}

@test "a reload with mistakes: the old configuration stays, journal and status say why" {
        local pid
        pid=$(unit MainPID)
        inside cp /etc/ftwatchd/ftwatchd.conf /etc/ftwatchd/good
        inside sed -i '1i histroy = "3d";' /etc/ftwatchd/ftwatchd.conf
        inside systemctl reload ftwatchd
        await_log 'the old one stays in force'
        logged "ftwatchd.conf:1: unknown key 'histroy'.*did you mean 'history'"
        wait_for 10 status_is 'configuration not reloaded, it has mistakes; 1 of 1 sources answer*'
        run_job ftjob-old
        await_told ftjob-old running
        inside cp /etc/ftwatchd/good /etc/ftwatchd/ftwatchd.conf
        inside systemctl reload ftwatchd
        wait_for 10 status_is '1 of 1 sources answer*'
        assert_equal "$(unit MainPID)" "$pid"
        assert_equal "$(unit ActiveState)" active
}

restarted() {
        (($(unit NRestarts) > $1)) && [[ $(unit ActiveState) = active ]]
}

@test "kill -9: it starts again, nothing is lost and nothing has another id" {
        local n
        run_job ftjob-killed
        await_told ftjob-killed running
        told 'select(.data.id == "ftjob-killed") | .id' >"$T/before"
        n=$(unit NRestarts)
        sim POST /_sim/fault -d '{ "path": "/sink/webhook/hook", "kind": "slow", "delay_ms": 1500,
                "times": 1 }'
        set_status ftjob-killed succeeded
        wait_for 20 in_flight
        inside systemctl kill --kill-who=main -s KILL ftwatchd
        wait_for 30 restarted "$n"
        await_told ftjob-killed succeeded
        told 'select(.data.id == "ftjob-killed") | .id' >"$T/after"
        head -n "$(wc -l <"$T/before")" "$T/after" | diff "$T/before" -
        assert_equal "$(told 'select(.data.id == "ftjob-killed") | .type' | sort | uniq -d)" ''
}

# Of the service, or of -INSTANCE.
in_flight() {
        [[ $(inside sqlite3 -readonly -cmd '.timeout 2000' "/var/lib/ftwatchd${1:-}/state.db" \
                'SELECT count(*) FROM deliveries WHERE state = 1') != 0 ]]
}

@test "SIGSTOP: the watchdog ends it, and it starts again" {
        local n
        n=$(unit NRestarts)
        inside systemctl kill --kill-who=main -s STOP ftwatchd
        set_status ftjob-old succeeded
        wait_for 40 restarted "$n"
        logged 'Watchdog timeout'
        await_told ftjob-old succeeded
}

@test "what a person must mend is not tried again: 78 and one start" {
        put /etc/ftwatchd/broken/ftwatchd.conf <<<'sources = 7;'
        inside chmod -R a+rX /etc/ftwatchd/broken
        run ! inside systemctl start ftwatchd@broken
        assert_equal "$(unit ExecMainStatus ftwatchd@broken) $(unit NRestarts ftwatchd@broken)" '78 0'
        inside systemctl reset-failed ftwatchd@broken
}

# Said with the first write after a while of calm.
back_again() {
        run_job "ftjob-again-$SECONDS" || true
        logged 'the state can be written again'
}

@test "an instance has its own configuration and state, sees no other's, and survives a full disk" {
        local pid i
        inside mkdir -p /var/lib/ftwatchd-small
        inside mount -t tmpfs -o size=8m small /var/lib/ftwatchd-small
        write_config "" "" | configure small
        drop_in_credentials | drop_in ftwatchd@small
        inside systemctl start ftwatchd@small
        pid=$(unit MainPID ftwatchd@small)
        assert_equal "$(inside ls "/proc/$pid/root/var/lib")" ftwatchd-small
        inside ls /var/lib/ftwatchd/state.db
        inside systemctl stop ftwatchd
        inside sh -c 'head -c 9M /dev/zero >/var/lib/ftwatchd-small/ballast' || true
        for i in 1 2 3 4 5 6 7 8 9; do
                run_job "ftjob-full-$i"
        done
        wait_for 30 logged 'the disk is full: make room'
        wait_for 10 status_is '*in trouble: the state cannot be written: the disk is full; sim*' \
                ftwatchd@small
        run inside ftwatchctl -i small silence --source sim --for 1h
        [[ $output = *'the state cannot be written: the disk is full'* ]]
        set_status ftjob-full-1 succeeded
        assert_equal "$(unit MainPID ftwatchd@small)" "$pid"
        inside rm /var/lib/ftwatchd-small/ballast
        wait_for 60 has_told ftjob-full-1 succeeded
        for i in 2 3 4 5 6 7 8 9; do
                await_told "ftjob-full-$i" running
        done
        assert_equal "$(journal --after-cursor="$CURSOR" -o cat | grep -c 'the disk is full: make room')" 1
        wait_for 40 back_again
        assert_equal "$(unit MainPID ftwatchd@small)" "$pid"
        inside systemctl stop ftwatchd@small
        inside umount /var/lib/ftwatchd-small
        inside systemctl start ftwatchd
}

@test "an instance answers to its own name on the bus, with its own sources and its own state" {
        write_config "" "" | sed 's/name = "sim"/name = "of-team"/' | configure team
        drop_in_credentials | drop_in ftwatchd@team
        inside systemctl start ftwatchd@team
        assert_equal "$(inside ftwatchctl --instance team --json status | jq -r .sources[].name)" of-team
        assert_equal "$(inside ftwatchctl --json status | jq -r .sources[].name)" sim
        run -0 inside ftwatchctl --instance team poll of-team
        run ! inside ftwatchctl poll of-team
        inside busctl status org.ftwatchd1.team
        inside test -s /var/lib/ftwatchd-team/state.db
        inside systemctl stop ftwatchd@team
        run ! inside busctl status org.ftwatchd1.team
        inside busctl status org.ftwatchd1
}

@test "a credential that is encrypted on the disk, for this machine and this name only, is as good" {
        local cred=/etc/ftwatchd/azure-key.cred
        inside systemd-creds encrypt --with-key=host --name=azure-key /etc/ftwatchd/secrets/azure-key "$cred"
        run ! inside grep -q ftsim-key "$cred"
        write_config "" "" | configure sealed
        drop_in_credentials | sed "s|^LoadCredential=azure-key:.*|LoadCredentialEncrypted=azure-key:$cred|" |
                drop_in ftwatchd@sealed
        inside systemctl start ftwatchd@sealed
        wait_for 10 status_is '1 of 1 sources answer*' ftwatchd@sealed
        inside systemctl stop ftwatchd@sealed
        inside systemd-creds encrypt --with-key=host --name=other /etc/ftwatchd/secrets/azure-key "$cred"
        run ! inside systemctl start ftwatchd@sealed
        assert_equal "$(unit Result ftwatchd@sealed) $(unit ExecMainStatus ftwatchd@sealed)" 'exit-code 243'
        inside systemctl stop ftwatchd@sealed
}

@test "systemctl changes how much it logs, and says how much that is" {
        inside systemctl service-log-level ftwatchd.service debug
        assert_equal "$(inside systemctl service-log-level ftwatchd.service)" debug
        assert_equal "$(inside ftwatchctl log-level)" debug
        mark
        await_log '^sim: .*poll'
        inside systemctl service-log-level ftwatchd.service info
        assert_equal "$(inside systemctl service-log-level ftwatchd.service)" info
}

@test "a first contact longer than TimeoutStartSec is not cut short, it is not ready before" {
        write_config "" "" | configure slow
        drop_in_credentials TimeoutStartSec=2s | drop_in ftwatchd@slow
        inside systemctl stop ftwatchd
        sim POST /_sim/fault -d '{ "path": "*/jobs", "kind": "slow", "delay_ms": 5000, "times": 1 }'
        inside systemctl start ftwatchd@slow
        assert_equal "$(unit ActiveState ftwatchd@slow) $(unit NRestarts ftwatchd@slow)" 'active 0'
        (($(unit ActiveEnterTimestampMonotonic ftwatchd@slow) -
                $(unit InactiveExitTimestampMonotonic ftwatchd@slow) >= 4000000))
        run ! logged 'timed out'
        inside systemctl stop ftwatchd@slow
        inside systemctl start ftwatchd
}

@test "a delivery longer than TimeoutStopSec is waited for, and is not sent again" {
        write_config "" "" | configure slow
        drop_in_credentials TimeoutStopSec=1s | drop_in ftwatchd@slow
        inside systemctl stop ftwatchd
        inside systemctl start ftwatchd@slow
        sim POST /_sim/fault -d '{ "path": "/sink/webhook/hook", "kind": "slow", "delay_ms": 3000,
                "times": 1 }'
        run_job ftjob-drained
        wait_for 20 in_flight -slow
        inside systemctl stop ftwatchd@slow
        assert_equal "$(unit Result ftwatchd@slow) $(unit ExecMainStatus ftwatchd@slow)" 'success 0'
        run ! logged 'timed out'
        run ! in_flight -slow
        inside systemctl start ftwatchd
}

@test "who is in the group may control it over D-Bus, a stranger may not" {
        run -0 inside runuser -u member -- ftwatchctl test hook
        run -0 inside runuser -u member -- ftwatchctl reload
        run inside runuser -u stranger -- ftwatchctl reload
        ((status != 0))
        [[ $output =~ [Dd]enied|not\ allowed|may\ not|group ]]
}

@test "it stops in time and with success, and says that it stops" {
        inside systemctl stop ftwatchd
        assert_equal "$(unit Result) $(unit ExecMainStatus)" 'success 0'
        logged '^stopping$'
        inside systemctl start ftwatchd
}
