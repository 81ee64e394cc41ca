#!/usr/bin/env bats
# The shipped ftwatchd with tokens: they expire and are revoked, token servers fail, and nobody notices; what
# a person must mend is told in words.

bats_require_minimum_version 1.5.0
load daemon
load auth

teardown() {
        stop_all
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

@test "every credential: a token that expires is renewed in time, a revoked one is replaced at once" {
        local kind
        start_issuer quiet
        for kind in client-secret client-certificate workload-identity imds app-service arc; do
                sim POST /_sim/reset
                sim POST '/_sim/token?lifetime=3'
                rm -rf "$T/state"
                watch_with "$kind"
                start_daemon
                await_poll
                wait_for 20 issued 3
                sim DELETE /_sim/token
                await_poll 3
                stop_daemon
                run ! grep -E 'poll failed|cannot be renewed' "$DAEMON_LOG"
                assert_equal "$(told .type)" ''
        done
}

@test "a federated token that was rotated is read again" {
        start_issuer quiet
        watch_with workload-identity
        start_daemon
        await_poll
        echo 'eyJhbGciOiJSUzI1NiJ9.federated.the-next-one' >"$T/identity/federated"
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
