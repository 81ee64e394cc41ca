#!/usr/bin/env bats
# The shipped ftwatchd with tokens: they expire and are revoked, token servers fail, and nobody notices; what
# a person must mend is told in words.

bats_require_minimum_version 1.5.0
load bus
load auth
load warp

teardown() {
        stop_all
        [[ -z ${BUS_DIR:-} ]] || rm -rf "$BUS_DIR"
}

watch_with() {
        local kind=$1
        shift
        configure "$@" <<-CONF
		receivers = ( $(hook hook) );
		$(everything_to hook)
	CONF
        sed -i "s|^  api_key = .*|  $(auth_of "$kind" | sed 's/[&|]/\\&/g')|" "$T/ftwatchd.conf"
}

issued() {
        (($(tokens .issued) >= $1))
}

# watch_each KIND..: a source for each credential
watch_each() {
        local kind separator=
        {
                printf 'state_dir = "%s/state";\nsources = (' "$T"
                for kind in "$@"; do
                        printf '%s\n  { name = "%s"; endpoint = "%s"; checkpoints = false;\n' "$separator" \
                                "$kind" "$FTSIM_URL"
                        printf '    poll_interval = "20ms"; idle_interval = "20ms";'
                        printf ' %s }' "$(auth_of "$kind")"
                        separator=,
                done
                printf '\n);\nreceivers = ( %s );\n%s' "$(hook hook)" "$(everything_to hook)"
        } >"$T/ftwatchd.conf"
        chmod 600 "$T/ftwatchd.conf"
}

probe_works() {
        ctl probe "$1" --json | jq -e .works
}

@test "every credential: a token that expires is renewed in time, a revoked one is replaced at once" {
        local kinds=(client-secret client-certificate workload-identity imds app-service arc) kind
        start_issuer - <<<'' # quiet records no requests
        sim POST '/_sim/token?lifetime=3'
        watch_each "${kinds[@]}"
        start_daemon
        wait_for 30 issued $((3 * ${#kinds[@]}))
        # In time: none was shown that had expired.
        sim GET /_sim/requests | jq -e 'length > 0 and all(.[]; .credential == "right")'
        sim DELETE /_sim/token
        for kind in "${kinds[@]}"; do
                await_log "$kind: polled: " $(($(grep -c "$kind: polled: " "$DAEMON_LOG") + 3))
        done
        stop_daemon
        run ! grep -E 'poll failed|cannot be renewed' "$DAEMON_LOG"
        assert_equal "$(told .type)" ''
}

@test "with one connection for everything, tokens and requests take turns" {
        local kinds=(client-secret client-certificate workload-identity imds app-service arc) kind n
        start_issuer quiet
        sim POST '/_sim/token?lifetime=1'
        watch_each "${kinds[@]}"
        sed -i '1s/^/connections = 1; /' "$T/ftwatchd.conf"
        start_daemon
        for n in 20 40; do
                for kind in "${kinds[@]}"; do
                        await_log "$kind: polled: " "$n"
                done
                sim DELETE /_sim/token
        done
        stop_daemon
        run ! grep -E 'poll failed|cannot be renewed' "$DAEMON_LOG"
}

@test "a federated token that was rotated is read again" {
        start_issuer quiet
        watch_with workload-identity
        # A link, as Kubernetes has it.
        mv "$T/identity/federated" "$T/identity/first"
        ln -s first "$T/identity/federated"
        start_daemon
        await_poll
        echo 'eyJhbGciOiJSUzI1NiJ9.federated.the-next-one' >"$T/identity/second"
        ln -sfn second "$T/identity/federated"
        sim DELETE /_sim/token
        await_poll 2
        assert_equal "$(tokens .issued)" 2
        run ! grep 'poll failed' "$DAEMON_LOG"
}

@test "what Entra refuses is told with what to do, and that it is over" {
        start_issuer quiet
        sim POST '/_sim/token?refuse=AADSTS7000222'
        watch_with client-secret 'trouble_after = 2;'
        start_daemon
        await_told source.unauthorized
        told 'select(.type == "source.unauthorized") | tostring' | grep -q 'the client secret has expired'
        # Not asked again and again.
        (($(tokens .requests) <= 3))
        run -1 "$FTWATCHD" --config "$T/ftwatchd.conf" --probe
        [[ $output == *'-> The client secret has expired: make a new one'* ]]
        sim POST '/_sim/token?refuse='
        wait_for 30 has_told source.recovered
}

@test "an API that refuses every token gets one more, then it is told" {
        start_issuer quiet
        sim POST '/_sim/fault?path=/openai/*&status=401'
        watch_with imds
        start_daemon
        await_told source.unauthorized
        assert_equal "$(tokens .issued)" 2
}

@test "a probe of a running daemon, of each credential: refused by the API, by its server, then well" {
        local kinds=(client-secret client-certificate workload-identity imds app-service arc) kind
        start_issuer - <<<''
        start_bus
        watch_each "${kinds[@]}"
        start_daemon
        await_bus
        for kind in "${kinds[@]}"; do
                await_log "$kind: polled: "
        done
        sim POST '/_sim/fault?path=/openai/*&status=401'
        for kind in "${kinds[@]}"; do
                run -1 ctl probe "$kind"
                [[ $output = *'jobs         FAILED'*'HTTP 401'*'-> '* ]]
        done
        # The one that is held is refused, the server gives no other.
        sim DELETE /_sim/token
        sim POST '/_sim/fault?path=*/token&status=400'
        for kind in "${kinds[@]}"; do
                run -1 ctl probe "$kind"
                [[ $output = *FAILED*'HTTP 40'*'-> '* ]]
        done
        sim DELETE /_sim/fault >/dev/null
        for kind in "${kinds[@]}"; do
                wait_for 30 probe_works "$kind"
        done
        stop_daemon
}

@test "the metadata service is asked again while it is being updated, and never by a proxy" {
        start_issuer quiet
        sim POST '/_sim/fault?path=/metadata/*&status=410&times=1'
        watch_with imds 'proxy = "http://127.0.0.1:1";'
        start_daemon
        await_log ' polled: '
        run ! grep 'poll failed' "$DAEMON_LOG"
}

@test "secrets and tokens are in no log, state, dump or message, even when a token server repeats them" {
        local where
        start_issuer quiet
        sim POST "/_sim/fault?path=/contoso.example/*&status=401&times=1" --data-urlencode \
                "body={\"error\":\"invalid_client\",\"error_description\":\"$CLIENT_SECRET is wrong\"}" -G
        watch_with client-secret 'trouble_after = 2;'
        "$FTWATCHD" --config "$T/ftwatchd.conf" --dump-config >"$T/dump"
        start_daemon
        await_told source.unauthorized
        wait_for 60 has_told source.recovered
        kill -USR2 "$DAEMON_PID"
        sim POST '/_sim/fault?path=/openai/*&status=401&times=2'
        await_poll 2
        sim GET /_sim/received >"$T/received"
        tr '\0' '\n' <"/proc/$DAEMON_PID/cmdline" >"$T/cmdline"
        stop_daemon
        cat "$T"/state/* >"$T/store"
        grep -q 'repeats the credential' "$DAEMON_LOG"
        for where in dump received cmdline store "${DAEMON_LOG##*/}"; do
                run ! grep -aE "$CLIENT_SECRET|ftsim-token" "$T/$where"
        done
}

@test "--check-config warns of certificates that have expired, soon will, or are not valid yet" {
        local when says
        # Two of two days.
        start_issuer quiet
        watch_with client-certificate "client_cert = \"$T/identity/both.pem\";"
        while IFS='|' read -r when says; do
                clock_at "$(date -d "$when" +%s)"
                run -0 env WARP_CLOCK_FILE="$T/clock" WARP_SCRIPT=/dev/null LD_PRELOAD="$BUILD/warp.so" \
                        "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
                [[ $output =~ "warning: source 'sim': the certificate of client_cert "$says ]]
                [[ $output =~ "warning: source 'sim': the certificate of auth "$says ]]
        done <<-'END'
		1 hour|expires on [-0-9]+, in 1 day
		-3 days|is not valid before [-0-9]+: is the clock of this machine right
		3 days|has expired on [-0-9]+
	END
        # A key that is not the certificate's is a mistake.
        openssl genrsa -out "$T/other.pem" 2048 2>/dev/null
        sed -i "s|client_cert = [^;]*;|& client_key = \"$T/other.pem\";|" "$T/ftwatchd.conf"
        run -1 "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        [[ $output = *'client_key is not the key of client_cert'* ]]
}

# What each credential is made of, a pattern a line: tokens, assertions (a JWT begins so), the key of the
# certificate, the cluster's token, App Service's header, the files that Arc's challenges left.
secrets() {
        printf '%s\n' ftsim-token eyJ "$CLIENT_SECRET" ftsim-identity-header
        sed -n 2,4p "$T/identity/key.pem"
        awk 1 "$T"/identity/arc/* # which have no end of line
}

@test "what any credential is made of is in no log, state, dump, process list or reply on the bus" {
        local kinds=(client-secret client-certificate workload-identity imds app-service arc) kind file
        start_issuer - <<<''
        start_bus
        watch_each "${kinds[@]}"
        "$FTWATCHD" --config "$T/ftwatchd.conf" --dump-config >"$T/shown-dump"
        start_daemon
        await_bus
        for kind in "${kinds[@]}"; do
                await_log "$kind: polled: "
        done
        # Refused, asked for anew, refused again.
        sim POST /_sim/fault -d '{ "path": "/openai/*", "status": 401, "times": 60 }' | grep -q result
        await_log 'poll failed' 6
        for kind in "${kinds[@]}"; do
                ctl probe "$kind" >>"$T/shown-probe" || true
        done
        sim DELETE /_sim/fault >/dev/null
        for kind in "${kinds[@]}"; do
                ctl probe "$kind" --json >>"$T/shown-probe" || true
        done
        ctl status --json >"$T/shown-status"
        kill -USR2 "$DAEMON_PID"
        kill -HUP "$DAEMON_PID"
        await_log 'configuration reloaded'
        tr '\0' '\n' <"/proc/$DAEMON_PID/cmdline" >"$T/shown-cmdline"
        tr '\0' '\n' <"/proc/$DAEMON_PID/environ" >"$T/shown-environ"
        stop_daemon
        cat "$T"/state/* >"$T/shown-state"
        cp "$DAEMON_LOG" "$T/shown-log"
        received hook '[.[].raw] | tostring' >"$T/shown-messages"
        secrets >"$T/secrets"
        (($(wc -l <"$T/secrets") >= 8))
        for file in "$T"/shown-*; do
                if grep -aF -m 3 -f "$T/secrets" "$file"; then
                        echo "in $file"
                        return 1
                fi
        done
}
