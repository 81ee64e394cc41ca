#!/usr/bin/env bats
# The way to a server: proxies, authorities of one's own, client certificates, addresses of private
# endpoints, IPv6. The shipped ftwatchd against ftsim behind tests/e2e/tls_front.py and forward_proxy.py.

bats_require_minimum_version 1.5.0
load daemon
load pki
load warp

KEY='api_key = "ftsim-key";'

setup() {
        unset CREDENTIALS_DIRECTORY STATE_DIRECTORY NOTIFY_SOCKET
        unset http_proxy https_proxy HTTPS_PROXY ALL_PROXY
        make_pki
        start_ftsim - <<<''
}

teardown() {
        stop_all
}

has_ipv6() {
        grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null
}

# start_front NAME CERTIFICATE [OPTION..]: TLS in front of ftsim; its port is in FRONT, its log $T/NAME.jsonl
start_front() {
        local name=$1 certificate=$2
        shift 2
        start "$name" "$HELPERS_DIR/tls_front.py" --port-file "$T/$name.port" --log "$T/$name.jsonl" \
                --to "${FTSIM_URL##*:}" --cert "$T/$certificate.pem" --key "$T/$certificate.key" "$@"
        wait_for 20 test -s "$T/$name.port"
        FRONT=$(cat "$T/$name.port")
}

# start_proxy [OPTION..]: its URL is in PROXY, its log $T/proxy.jsonl
start_proxy() {
        start proxy "$HELPERS_DIR/forward_proxy.py" --port-file "$T/proxy.port" --log "$T/proxy.jsonl" "$@"
        wait_for 20 test -s "$T/proxy.port"
        PROXY=http://127.0.0.1:$(cat "$T/proxy.port")
}

source_is() {
        local endpoint=$1
        shift
        printf 'state_dir = "%s/state";\nsources = ( { name = "sim"; endpoint = "%s"; %s %s } );\n' "$T" \
                "$endpoint" "$KEY" "$*" >"$T/ftwatchd.conf"
        chmod 600 "$T/ftwatchd.conf"
}

probe() {
        "$FTWATCHD" --config "$T/ftwatchd.conf" --probe --json
}

# fails_with REASON WORDS ADVICE: parts of what the probe says about the list of jobs
fails_with() {
        run -1 --separate-stderr probe
        jq -e --arg r "$1" --arg w "$2" --arg a "$3" '.[0].checks[0] |
                .verdict == "failed" and .reason == $r and
                (.words | contains($w)) and (.advice | contains($a))' <<<"$output" >/dev/null || {
                jq '.[0].checks[0]' <<<"$output"
                return 1
        }
}

works() {
        run -0 --separate-stderr probe
}

# shellcheck disable=SC2154  # run sets stderr
refused() {
        run -1 --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        [[ $stderr = *"$1"* ]] || {
                echo "$stderr"
                return 1
        }
}

# --- proxies ------------------------------------------------------------------------------------------

@test "proxy: the tunnel leads to the host by its name, and no credential is shown to it" {
        start_front front server
        start_proxy --to "$FRONT"
        source_is https://sim.example "ca_file = \"$T/ca.pem\"; proxy = \"$PROXY\";"
        works
        assert_equal "$(jq -r .target "$T/proxy.jsonl" | sort -u)" sim.example:443
        assert_equal "$(jq -r .sni "$T/front.jsonl" | sort -u)" sim.example
}

@test "proxy with a login: the right one, none, a wrong one; never in the URL" {
        start_front front server
        start_proxy --to "$FRONT" --auth "ada:p:w"
        source_is https://sim.example "ca_file = \"$T/ca.pem\"; proxy = \"$PROXY\";
                proxy_user = \"ada\"; proxy_password = \"p:w\";"
        works
        assert_equal "$(jq -r .user "$T/proxy.jsonl" | sort -u)" ada
        source_is https://sim.example "ca_file = \"$T/ca.pem\"; proxy = \"$PROXY\";"
        fails_with proxy 'answered 407' proxy_password
        source_is https://sim.example "ca_file = \"$T/ca.pem\"; proxy = \"$PROXY\";
                proxy_user = \"ada\"; proxy_password = \"wrong\";"
        fails_with proxy 'answered 407' proxy_password
        source_is https://sim.example "proxy = \"${PROXY/http:\/\//http://ada:pw@}\";"
        refused 'they belong into proxy_user and proxy_password'
        source_is https://sim.example "proxy = \"$PROXY\"; proxy_user = \"ada\";"
        refused 'proxy_user needs proxy_password'
}

@test "proxy of the environment, no_proxy of the environment and of the source, none by an empty option" {
        start_front front server
        start_proxy --to "$FRONT"
        export https_proxy=$PROXY
        source_is https://sim.example "ca_file = \"$T/ca.pem\";"
        works
        local n
        n=$(wc -l <"$T/proxy.jsonl")
        ((n > 0))
        # The direct way works by an address, and the proxy hears nothing of it.
        local direct="ca_file = \"$T/ca.pem\"; resolve = \"sim.example:$FRONT:127.0.0.1\";"
        source_is "https://sim.example:$FRONT" "$direct proxy = \"\";"
        works
        source_is "https://sim.example:$FRONT" "$direct no_proxy = \".example\";"
        works
        source_is "https://sim.example:$FRONT" "$direct"
        no_proxy=sim.example NO_PROXY=sim.example works
        assert_equal "$(wc -l <"$T/proxy.jsonl")" "$n"
}

@test "a proxy that is not there is told from a server that is not there" {
        source_is https://sim.example 'proxy = "http://127.0.0.1:1";'
        fails_with proxy 'the proxy does not work' 'option proxy'
        source_is https://127.0.0.1:1 ''
        fails_with connect 'no connection' firewall
        source_is https://sim.example:1 'resolve = "sim.example:1:127.0.0.1";'
        fails_with connect 'no connection' firewall
}

# --- authorities and certificates -----------------------------------------------------------------------

@test "ca_file: an authority of one's own; without it, with a name that is not its, out of its time" {
        start_front front server
        local to="resolve = \"sim.example:$FRONT:127.0.0.1\";"
        source_is "https://sim.example:$FRONT" "$to"
        fails_with tls 'not trusted' ca_file
        source_is "https://sim.example:$FRONT" "$to ca_file = \"$T/ca.pem\";"
        works
        start_front other other
        source_is "https://127.0.0.1:$FRONT" "ca_file = \"$T/ca.pem\";"
        fails_with tls 'subject name' 'host name'
        start_front expired expired
        source_is "https://127.0.0.1:$FRONT" "ca_file = \"$T/ca.pem\";"
        fails_with tls 'has expired' clock
        start_front early early
        source_is "https://127.0.0.1:$FRONT" "ca_file = \"$T/ca.pem\";"
        fails_with tls 'not yet valid' clock
        source_is "https://127.0.0.1:$FRONT" "ca_file = \"$T/server.key\";"
        refused 'no certificate in it'
}

@test "client certificate: shown, with its key apart, encrypted or in one file; its lack is told" {
        start_front front server --client-ca "$T/ca.pem"
        local ca="ca_file = \"$T/ca.pem\";"
        local alice="$ca client_cert = \"$T/alice.pem\";"
        source_is "https://127.0.0.1:$FRONT" "$alice client_key = \"$T/alice.key\";"
        works
        assert_equal "$(jq -r .client "$T/front.jsonl" | sort -u)" alice
        cat "$T/bob.pem" "$T/bob.key" >"$T/both.pem"
        source_is "https://127.0.0.1:$FRONT" "$ca client_cert = \"$T/both.pem\";"
        works
        openssl pkcs8 -topk8 -v2 aes-256-cbc -in "$T/alice.key" -out "$T/locked.key" -passout pass:open
        source_is "https://127.0.0.1:$FRONT" "$alice client_key = \"$T/locked.key\";
                client_key_password = \"open\";"
        works
        source_is "https://127.0.0.1:$FRONT" "$ca"
        run -1 --separate-stderr probe
        jq -e '.[0].checks[0] | .verdict == "failed" and (.words | contains("alert") or contains("broke"))' \
                <<<"$output"
}

@test "client certificate: --check-config reads the files and whether the key fits" {
        source_is https://sim.example "client_cert = \"$T/alice.pem\"; client_key = \"$T/bob.key\";"
        refused 'client_key is not the key of client_cert'
        source_is https://sim.example "client_key = \"$T/bob.key\";"
        refused 'client_key needs client_cert'
        source_is https://sim.example "client_cert = \"$T/nowhere.pem\"; client_key = \"$T/bob.key\";"
        refused 'No such file'
        openssl pkcs8 -topk8 -v2 aes-256-cbc -in "$T/alice.key" -out "$T/locked.key" -passout pass:open
        source_is https://sim.example "client_cert = \"$T/alice.pem\"; client_key = \"$T/locked.key\";"
        refused 'client_key_password is missing'
        source_is https://sim.example 'resolve = "sim.example:443:nowhere";'
        refused 'has no valid address'
}

@test "two sources at one address keep apart: certificates, and addresses of the same name" {
        start_front front server --client-ca "$T/ca.pem"
        local port=$FRONT
        start_front second server
        cat >"$T/ftwatchd.conf" <<-CONF
		state_dir = "$T/state";
		sources = (
		  { name = "a"; endpoint = "https://127.0.0.1:$port"; $KEY ca_file = "$T/ca.pem";
		    client_cert = "$T/alice.pem"; client_key = "$T/alice.key"; poll_interval = "50ms";
		    idle_interval = "50ms"; },
		  { name = "b"; endpoint = "https://127.0.0.1:$port"; $KEY ca_file = "$T/ca.pem";
		    client_cert = "$T/bob.pem"; client_key = "$T/bob.key"; poll_interval = "50ms";
		    idle_interval = "50ms"; },
		  { name = "c"; endpoint = "https://sim.example:$FRONT"; $KEY ca_file = "$T/ca.pem";
		    resolve = "sim.example:$FRONT:127.0.0.1"; },
		  { name = "d"; endpoint = "https://sim.example:$FRONT/"; $KEY ca_file = "$T/ca.pem"; timeout = "5s";
		    resolve = "sim.example:$FRONT:127.0.0.2"; } );
	CONF
        chmod 600 "$T/ftwatchd.conf"
        start_daemon
        await_poll 8
        await_log 'd.*poll failed|poll failed.*connect'
        stop_daemon
        assert_equal "$(jq -r .client "$T/front.jsonl" | sort -u | xargs)" 'alice bob'
        # Connections are kept: no handshake a poll.
        (($(wc -l <"$T/front.jsonl") <= 6))
}

# --- addresses ------------------------------------------------------------------------------------------

# A source without jobs is polled every five minutes, by a new connection: libcurl keeps none so long.
@test "TLS sessions are resumed for an hour, then certificates are shown and verified again" {
        clock_at "$(date +%s)" # when the certificate is valid
        start_ftsim - --clock-file "$T/clock" <<<''
        start_front plain server
        source_is "https://127.0.0.1:$FRONT" "ca_file = \"$T/ca.pem\";"
        play <<<'7000 exit'
        run ! grep 'poll failed' "$T/daemon.log"
        # When each connection came, in seconds since the first one, and whether it resumed a session.
        sim GET /_sim/requests | jq -c --slurpfile came "$T/plain.jsonl" '
                [map(.time), ($came | map(.resumed))] | transpose |
                .[0][0] as $first | map(.[0] -= $first)' >"$T/connections"
        jq -e 'length >= 20 and (map(select(.[1] | not) | .[0]) |
                length == 2 and .[0] == 0 and .[1] >= 3600 and .[1] < 4000)' "$T/connections" || {
                cat "$T/connections"
                return 1
        }
}

@test "resolve: a private endpoint by its name, IPv4 and IPv6, the certificate still checked for the name" {
        start_front front server
        local ca="ca_file = \"$T/ca.pem\";"
        source_is "https://sim.example:$FRONT" "$ca resolve = \"sim.example:$FRONT:127.0.0.1\";"
        works
        assert_equal "$(jq -r .sni "$T/front.jsonl" | sort -u)" sim.example
        source_is "https://wrong.example:$FRONT" "$ca
                resolve = [ \"x.example:443:10.0.0.1\", \"wrong.example:$FRONT:127.0.0.1\" ];"
        fails_with tls 'subject name' 'host name'
        has_ipv6 || skip 'no IPv6 here'
        start_front six server --host ::1
        source_is "https://sim.example:$FRONT" "$ca resolve = \"sim.example:$FRONT:[::1]\";"
        works
}

@test "IPv6 literals as endpoints, in brackets" {
        has_ipv6 || skip 'no IPv6 here'
        start_front six server --host ::1
        source_is "https://[::1]:$FRONT/openai/" "ca_file = \"$T/ca.pem\";"
        works
        run -0 "$FTWATCHD" --config "$T/ftwatchd.conf" --dump-config
        [[ $output = *"endpoint = \"https://[::1]:$FRONT\""* ]]
        source_is 'https://[fe80::1%25nowhere0]/' ''
        run -0 "$FTWATCHD" --config "$T/ftwatchd.conf" --dump-config
        [[ $output = *'endpoint = "https://[fe80::1%25nowhere0]"'* ]]
        source_is 'https://fe80::1' ''
        refused 'endpoint'
}

@test "a webhook receiver goes its own way: certificate, authority, address" {
        start_front front server --client-ca "$T/ca.pem"
        configure <<-CONF
		receivers = ( { name = "hook"; kind = "webhook"; secret = "$HOOK_SECRET";
		                url = "https://sim.example:$FRONT/sink/webhook/hook"; ca_file = "$T/ca.pem";
		                client_cert = "$T/alice.pem"; client_key = "$T/alice.key";
		                resolve = "sim.example:$FRONT:127.0.0.1"; } );
		$(everything_to hook)
	CONF
        start_daemon
        await_poll
        run_job ftjob-a
        await_told job.running
        assert_equal "$(jq -r .client "$T/front.jsonl" | sort -u)" alice
        stop_daemon
}
