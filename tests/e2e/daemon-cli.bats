#!/usr/bin/env bats
# The command line of the shipped ftwatchd, its configuration's checks, and --once.

bats_require_minimum_version 1.5.0
load daemon

setup() {
        unset CREDENTIALS_DIRECTORY STATE_DIRECTORY NOTIFY_SOCKET
}

teardown() {
        stop_all
        chmod -R u+rwX "$T" 2>/dev/null || true
}

good_config() {
        FTSIM_URL=http://127.0.0.1:1
        watch_all
}

# --- options ------------------------------------------------------------------------------------------

@test "--version prints its own version and those of the libraries at run time" {
        run -0 "$FTWATCHD" --version
        [[ ${lines[0]} =~ ^ftwatchd\ [0-9]+[.][0-9]+[.][0-9]+$ ]]
        local library
        for library in libcurl/ 'OpenSSL ' 'json-c ' 'libconfig ' 'sqlite '; do
                [[ $output =~ "$library"[0-9.]+ ]]
        done
}

@test "--help names every option and signal" {
        run -0 "$FTWATCHD" --help
        local word
        for word in --config --check-config --dump-config --is-configured --probe --json --once \
                --verbose --version --help SIGHUP SIGUSR2 SIGTERM; do
                [[ $output = *"$word"* ]]
        done
        # For people's eyes: no line is wider than a wide terminal.
        (($(awk '{ print length($0) }' <<<"$output" | sort -n | tail -n 1) <= 120))
}

@test "an unknown option, a missing argument and an operand are wrong usage: 2, with a hint" {
        run -2 --separate-stderr "$FTWATCHD" --bogus
        [[ $stderr = "ftwatchd: unknown option '--bogus'"*--help* && -z $output ]]
        run -2 --separate-stderr "$FTWATCHD" --chek-config
        [[ $stderr = "ftwatchd: unknown option '--chek-config'; did you mean '--check-config'?"* ]]
        run -2 --separate-stderr "$FTWATCHD" --once -xv
        [[ $stderr = "ftwatchd: unknown option '-x'"* ]]
        run -2 --separate-stderr "$FTWATCHD" --help=me
        [[ $stderr = "ftwatchd: option '--help' takes no value"* ]]
        run -2 --separate-stderr "$FTWATCHD" --config
        [[ $stderr = *config* && -z $output ]]
        run -2 --separate-stderr "$FTWATCHD" jobs
        [[ $stderr = *ftwatchctl* && -z $output ]]
}

@test "a full device under --version and --help is a failure" {
        run -1 to_full_device --version
        run -1 to_full_device --help
}

to_full_device() {
        "$FTWATCHD" "$1" >/dev/full
}

# --- configuration ------------------------------------------------------------------------------------

@test "--is-configured: 1 and what to do for the shipped example, 0 for anything else" {
        run -1 --separate-stderr "$FTWATCHD" --config "$TOP/etc/ftwatchd.conf" --is-configured
        [[ -z $output && $stderr = "not configured yet: write the endpoint"*"$TOP/etc/ftwatchd.conf"* ]]
        sed 's|https://contoso.openai|https://fabrikam.openai|' "$TOP/etc/ftwatchd.conf" >"$T/own.conf"
        run -0 "$FTWATCHD" --config "$T/own.conf" --is-configured
        assert_equal "$output" ''
        # Mistakes are for the start to report, and to fail by.
        echo 'sources = 7;' >"$T/own.conf"
        run -0 "$FTWATCHD" --config "$T/own.conf" --is-configured
        run -0 "$FTWATCHD" --config "$T/none.conf" --is-configured
}

@test "--check-config reports every mistake at once, each with file:line and the nearest name, and exits 1" {
        cat >"$T/ftwatchd.conf" <<-'CONF'
		sources = (
		  { nme = "a"; endpoint = "http://example.org"; api_key = "credential:none";
		    poll_interval = "5 parsecs"; },
		  { name = "b"; endpoint = "https://b.openai.azure.com"; api_key = "key"; timeout = 5; } );
		receivers = ( { name = "r"; kind = "slak"; url = "https://example.org/"; } );
		rules = ( { types = ["job.succeded"]; to = ["nobody"]; } );
		stat_dir = "/tmp/x";
	CONF
        chmod 600 "$T/ftwatchd.conf"
        run -1 --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        local expected
        while read -r expected; do
                grep -qE -e "^$T/ftwatchd[.]conf:$expected" <<<"$stderr" || {
                        printf 'not there: %s\n%s\n' "$expected" "$stderr"
                        return 1
                }
        done <<-'TABLE'
		2: .*'nme'.*'name'
		2: .*plain http
		2: .*CREDENTIALS_DIRECTORY
		3: poll_interval
		4: timeout
		5: .*'slak'.*'slack'
		6: .*'job.succeded'.*'job.succeeded'
		6: .*'nobody'
		7: .*'stat_dir'.*'state_dir'
	TABLE
        # In the order in which a person reads the file.
        sort -c -t : -k 2,2n <<<"$stderr"
}

@test "--check-config accepts a good configuration, and touches nothing" {
        good_config
        run -0 "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        [[ $output = *'no mistakes (sources 1, receivers 1, rules 1)'* ]]
        [[ ! -e $T/state ]]
}

@test "--check-config warns where troubles reach nobody but the journal, and is content" {
        good_config
        run -0 --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        [[ $stderr != *warning* ]]
        sed -i '/^rules/,$d' "$T/ftwatchd.conf"
        echo 'rules = ( { types = "job.*"; to = "hook"; } );' >>"$T/ftwatchd.conf"
        run -0 --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        [[ $stderr = "$T/ftwatchd.conf: warning: no rule gives source."* && $output = *'no mistakes'* ]]
}

@test "mistakes in conf.d are told with the name of their file" {
        good_config
        mkdir "$T/conf.d"
        echo 'receivers = ( { name = "more"; kind = "webhok"; } );' >"$T/conf.d/10-more.conf"
        run -1 "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        [[ $output = *"$T/conf.d/10-more.conf:1: "*webhook* ]]
        printf 'receivers = ( %s );\n' "$(hook more)" >"$T/conf.d/10-more.conf"
        chmod 600 "$T/conf.d/10-more.conf"
        run -0 "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        [[ $output = *'receivers 2'* ]]
}

@test "a key that others may read is refused where it is written out" {
        good_config
        chmod 644 "$T/ftwatchd.conf"
        run -1 "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        [[ $output = *'ftwatchd.conf:3: api_key'*chmod* && $output != *"$FTSIM_KEY"* ]]
}

@test "a configuration that is missing, unreadable, a folder or no text is an error with its name" {
        local how
        for how in --check-config --dump-config --once; do
                run "$FTWATCHD" --config "$T/none.conf" "$how"
                [[ $output = *"$T/none.conf"* && $output = *'No such file'* ]]
                # 78: what the unit does not restart
                assert_equal "$status" "$([[ $how = --once ]] && echo 78 || echo 1)"
        done
        run -1 "$FTWATCHD" --config "$T" --check-config
        [[ $output = *"$T"* ]]
        head -c 3000 /dev/urandom >"$T/random.conf"
        run -1 "$FTWATCHD" --config "$T/random.conf" --check-config
        [[ $output = *random.conf* ]]
        [[ $(id -u) != 0 ]] || return 0         # nothing is unreadable for root
        good_config
        chmod 000 "$T/ftwatchd.conf"
        run -1 "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        [[ $output = *ftwatchd.conf* && $output = *'ermission denied'* ]]
}

@test "--dump-config shows every option in force, masks secrets, and is a configuration again" {
        good_config
        run -0 --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --dump-config
        local secret
        for secret in "$FTSIM_KEY" "$HOOK_SECRET" sink/webhook; do
                [[ $output != *"$secret"* ]]
        done
        [[ $output = *'api_key = "***"'* && $output = *'url = "***"'* && $output = *'timeout = "30s"'* ]]
        sed -e 's|api_key = "[*]*"|api_key = "key-key"|; s|url = "[*]*"|url = "http://127.0.0.1:1/x"|' \
                -e "s|secret = .*|secret = \"$HOOK_SECRET\";|" <<<"$output" >"$T/again.conf"
        chmod 600 "$T/again.conf"
        run -0 "$FTWATCHD" --config "$T/again.conf" --dump-config
        assert_equal "$("$FTWATCHD" --config "$T/ftwatchd.conf" --dump-config | sha256sum)" \
                "$(sha256sum <<<"$output")"
}

@test "the shipped configuration is good once its two credentials are there" {
        mkdir "$T/credentials"
        echo 0123456789abcdef >"$T/credentials/azure-key"
        echo https://hooks.slack.com/services/T0/B0/abcdefghijkl >"$T/credentials/slack-url"
        export CREDENTIALS_DIRECTORY=$T/credentials
        run -0 "$FTWATCHD" --config "$TOP/etc/ftwatchd.conf" --check-config
        unset CREDENTIALS_DIRECTORY
        run -1 "$FTWATCHD" --config "$TOP/etc/ftwatchd.conf" --check-config
        [[ $output = *'ftwatchd.conf:'*azure-key*'ftwatchd.conf:'*slack-url* ]]
}

# --- once ---------------------------------------------------------------------------------------------

once() {
        run -0 timeout 30 "$FTWATCHD" --config "$T/ftwatchd.conf" --once
}

@test "--once makes the state in silence at first contact; the next one tells news, and tells it once" {
        start_ftsim - <<<'generate = { finished = 30; active = 2; };'
        watch_all
        once
        [[ -s $T/state/state.db ]]
        assert_equal "$(types)" ''
        run_job ftjob-1
        sim POST '/_sim/event/ftjob-1?message=careful&level=warning'
        once
        in_order job.created job.running job.event
        set_status ftjob-1 succeeded
        once
        in_order job.created job.running job.event job.succeeded
        once
        in_order job.created job.running job.event job.succeeded
        run -0 told 'select(.type == "fine_tuning.job.succeeded") | .data.fine_tuned_model != null'
        assert_equal "$output" true
}

@test "--once delivers what a failing receiver still is owed, the next time" {
        start_ftsim - <<<''
        watch_all
        once
        run_job ftjob-1
        sim POST /_sim/fault -d '{ "path": "/sink/webhook/hook", "status": 500 }'
        once
        assert_equal "$(types)" ''
        sim DELETE /_sim/fault
        once
        in_order job.created job.running
}

@test "--once ends, and says why, when the server does not answer" {
        start_ftsim - <<<''
        watch_all 'timeout = "1s";'
        sim POST /_sim/fault -d '{ "path": "*/jobs", "kind": "slow", "delay_ms": 60000 }'
        run timeout 20 "$FTWATCHD" --config "$T/ftwatchd.conf" --once
        ((status != 124))
        [[ $output = *'poll failed (timeout)'* ]]
}

@test "--once tells failure by its exit status when a source could not be polled" {
        start_ftsim - <<<''
        watch_all
        sim POST /_sim/fault -d '{ "path": "*/jobs", "status": 401 }'
        run -1 timeout 20 "$FTWATCHD" --config "$T/ftwatchd.conf" --once
        [[ $output = *'poll failed (unauthorized)'* ]]
}

@test "two daemons on one state_dir are refused, --once included" {
        start_ftsim - <<<''
        watch_all
        start_daemon
        await_poll
        run -1 timeout 20 "$FTWATCHD" --config "$T/ftwatchd.conf" --once
        [[ $output = *"$T/state is in use by another ftwatchd"* ]]
}

@test "state_dir is the option, else \$STATE_DIRECTORY" {
        start_ftsim - <<<''
        watch_all
        sed -i '/^state_dir/d' "$T/ftwatchd.conf"
        export STATE_DIRECTORY=$T/by-unit
        once
        [[ -s $T/by-unit/state.db ]]
}
