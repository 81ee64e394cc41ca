#!/usr/bin/env bats
# Secrets of the shipped ftwatchd are where they have to be and nowhere else: in no log, process list, state,
# dump, core or message, whatever goes wrong.

bats_require_minimum_version 1.5.0
load daemon

API_KEY=k3yOfTheApi0123456789abcdef
NEW_KEY=k3yOfTheApiSecond9876543210
MAIL_PASSWORD=pa55wordOfTheMail4242
SLACK_PART=B0SLACKPART/xoxSlackTokenPart99
TEAMS_PART=sigOfTheTeamsFlow77777777
HOOK_PART=hookPathToken5555555555

teardown() {
        stop_all
}

# Everything that is secret, as it is and as it is sent.
secrets() {
        printf '%s\n' "$API_KEY" "$NEW_KEY" "$MAIL_PASSWORD" "${SLACK_PART#*/}" "$TEAMS_PART" "$HOOK_PART" \
                "${HOOK_SECRET#whsec_}" "$(base64 -d <<<"${HOOK_SECRET#whsec_}")" \
                "$(printf '%s' "$MAIL_PASSWORD" | base64)" \
                "$(printf '\0watcher\0%s' "$MAIL_PASSWORD" | base64 -w 0)"
}

# Fails with the place where a secret is found.
assert_clean() {
        local where=$1 file=$2 secret
        while read -r secret; do
                if grep -qaF -e "$secret" "$file"; then
                        echo "$where holds $secret"
                        grep -aF -e "$secret" "$file" | head -n 3
                        return 1
                fi
        done < <(secrets)
}

configure_all() {
        mkdir -p "$T/credentials"
        printf '%s\n' "$API_KEY" >"$T/credentials/key"
        printf '%s\n' "$MAIL_PASSWORD" >"$T/credentials/mail"
        printf '%s\n' "$FTSIM_URL/sink/slack/$SLACK_PART" >"$T/credentials/slack"
        printf '%s\n' "$FTSIM_URL/sink/teams/t?sig=$TEAMS_PART" >"$T/credentials/teams"
        printf '%s\n' "$FTSIM_URL/sink/webhook/hook?token=$HOOK_PART" >"$T/credentials/hook"
        printf '%s\n' "$HOOK_SECRET" >"$T/credentials/secret"
        FTSIM_KEY=credential:key configure <<-CONF
		receivers = (
		  { name = "slack"; kind = "slack"; url = "credential:slack"; backoff_min = "10ms"; },
		  { name = "teams"; kind = "teams"; url = "credential:teams"; backoff_min = "10ms"; },
		  { name = "hook"; kind = "webhook"; url = "credential:hook"; secret = "credential:secret";
		    backoff_min = "10ms"; },
		  { name = "mail"; kind = "email"; server = "smtp://127.0.0.1:$SMTP_PORT"; from = "a@example.org";
		    to = ["b@example.org"]; user = "watcher"; password = "credential:mail"; backoff_min = "10ms"; }
		);
		rules = ( { types = ["*"]; to = ["slack", "teams", "hook", "mail"]; } );
	CONF
        export CREDENTIALS_DIRECTORY=$T/credentials
}

# Whatever a process shows of itself.
check_process() {
        cat "/proc/$DAEMON_PID/cmdline" >"$T/cmdline"
        cat "/proc/$DAEMON_PID/environ" >"$T/environ"
        assert_clean 'the command line' "$T/cmdline"
        assert_clean 'the environment' "$T/environ"
        grep -qE '^Max core file size +0 +0 ' "/proc/$DAEMON_PID/limits"
}

check_files() {
        local file
        for file in "$DAEMON_LOG" "$T"/state/*; do
                assert_clean "$file" "$file"
        done
}

@test "through success, every failure, reload and stop no secret is written or shown" {
        start_ftsim - <<<"api_key = \"$API_KEY\";"
        start_smtp_sink --auth "watcher:$MAIL_PASSWORD"
        configure_all
        start_daemon
        await_poll
        check_process
        run_job ftjob-1
        await_told job.running
        # Servers and sinks that answer with what they were sent, and break off in every way.
        local kind
        for kind in '"status": 400, "body": "'"$HOOK_PART $TEAMS_PART $SLACK_PART bad token"'"' \
                '"status": 500' '"kind": "reset"' '"kind": "garbage"' \
                '"kind": "redirect", "location": "/'"$HOOK_PART"'"'; do
                sim POST /_sim/fault -d "{ \"path\": \"/sink/*\", \"times\": 4, $kind }"
        done
        sim POST /_sim/fault -d '{ "path": "*/jobs", "status": 401, "times": 3,
                "body": "{\"error\":{\"code\":\"401\",\"message\":\"wrong key '"$API_KEY"'\"}}" }'
        await_log 'poll failed \(unauthorized\)'
        await_poll
        set_status ftjob-1 paused
        set_status ftjob-1 succeeded
        wait_for 20 store_knows source.recovered
        wait_for 20 store_knows job.succeeded
        await_log '(slack|teams|hook): .*\((bad_request|redirect|server_error|reset|bad_reply)\)' 3
        # The mail server is gone, the password is wrong.
        stop "$SMTP_PID"
        set_status ftjob-1 running
        await_log 'mail: delivery failed'
        kill -USR2 "$DAEMON_PID"
        kill -HUP "$DAEMON_PID"
        await_log 'configuration reloaded'
        printf '%s\n' "$NEW_KEY" >"$T/credentials/key"
        kill -HUP "$DAEMON_PID"
        await_log 'configuration reloaded' 2
        await_log 'poll failed \(unauthorized\)' 2
        check_process
        check_files
        stop_daemon
        check_files
}

store_knows() {
        [[ $(sqlite3 -readonly -cmd '.timeout 5000' "$T/state/state.db" \
                "SELECT count(*) FROM notices WHERE type = '$1'") != 0 ]]
}

@test "the messages themselves hold no secret" {
        start_ftsim - <<<"api_key = \"$API_KEY\";"
        start_smtp_sink --auth "watcher:$MAIL_PASSWORD"
        configure_all
        start_daemon
        await_poll
        sim POST /_sim/fault -d '{ "path": "*/jobs", "status": 401, "times": 3 }'
        sim POST /_sim/fault -d '{ "path": "/sink/teams/t", "status": 410, "times": 1 }'
        run_job ftjob-1
        await_told receiver.failing
        await_told source.recovered
        received hook '[.[].raw] | tostring' >"$T/raw"
        received t '[.[].raw] | tostring' >>"$T/raw"
        jq -r '.parts[].text' "$SMTP_RECORD" >>"$T/raw"
        [[ -s $T/raw ]]
        assert_clean 'a message' "$T/raw"
}

@test "--dump-config and --check-config show no secret, not even of a configuration with mistakes" {
        start_ftsim - <<<''
        SMTP_PORT=25
        configure_all
        "$FTWATCHD" --config "$T/ftwatchd.conf" --dump-config >"$T/out" 2>&1
        assert_clean 'the dump' "$T/out"
        sed -i "s|credential:key|$API_KEY|; s|credential:slack|ftp://$SLACK_PART|" "$T/ftwatchd.conf"
        sed -i "s|credential:mail|$MAIL_PASSWORD\\\\n|" "$T/ftwatchd.conf"
        sed -i "s|credential:secret|whsec_!!${HOOK_SECRET#whsec_}|" "$T/ftwatchd.conf"
        chmod 644 "$T/ftwatchd.conf"
        run -1 "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        printf '%s\n' "$output" >"$T/out"
        assert_clean 'the list of mistakes' "$T/out"
        chmod 600 "$T/ftwatchd.conf"
        run -1 "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        printf '%s\n' "$output" >"$T/out"
        assert_clean 'the list of mistakes' "$T/out"
}

@test "the key goes to the endpoint alone: not after a redirect, and not to a receiver" {
        start_ftsim - <<<"api_key = \"$API_KEY\";"
        start_smtp_sink
        configure_all
        # Another server, which records what it is asked.
        local url=$FTSIM_URL
        start_ftsim - <<<''
        local other=$FTSIM_URL
        FTSIM_URL=$url
        sim POST /_sim/fault -d "{ \"path\": \"*/jobs\", \"kind\": \"redirect\", \"times\": 3,
                \"location\": \"$other/openai/fine_tuning/jobs?api-version=2024-10-21\" }"
        start_daemon
        await_log 'poll failed \(redirect\)' 3
        await_poll
        run_job ftjob-1
        await_told job.running
        assert_equal "$(curl -s "$other/_sim/requests" | jq length)" 0
        received '' '[.[].headers] | tostring' >"$T/headers"
        assert_clean 'a header of a notice' "$T/headers"
}
