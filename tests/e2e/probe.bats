#!/usr/bin/env bats
# ftwatchd --probe: what it says where all is well, and for each fault that it can tell from the others. The
# texts are golden files, tests/e2e/probe/NAME.txt; FTWATCH_UPDATE_GOLDEN=1 writes them. Durations, ports and
# request ids are replaced.

bats_require_minimum_version 1.5.0
load daemon

JOBS='*/fine_tuning/jobs'

setup() {
        unset CREDENTIALS_DIRECTORY STATE_DIRECTORY NOTIFY_SOCKET
        unset http_proxy https_proxy HTTPS_PROXY ALL_PROXY
}

teardown() {
        stop_all
}

# start_sim [SETTINGS]: a finished job with results, and one that runs
start_sim() {
        start_ftsim - <<-CONF
		${1:-}
		jobs = (
		  { id = "ftjob-done"; training = { steps = 40; };
		    timeline = ( { at = -2000.0; status = "running"; },
		                 { at = -100.0; status = "succeeded"; } ); },
		  { id = "ftjob-new"; timeline = ( { at = -10.0; status = "running"; } ); } );
	CONF
}

# source_is NAME ENDPOINT [OPTION..]: the only one in $T/ftwatchd.conf
source_is() {
        local name=$1 endpoint=$2
        shift 2
        printf 'state_dir = "%s/state";\nsources = ( { name = "%s"; endpoint = "%s"; %s } );\n' \
                "$T" "$name" "$endpoint" "$*" >"$T/ftwatchd.conf"
        chmod 600 "$T/ftwatchd.conf"
}

# Long lines are joined: where they are broken depends on durations.
normal() {
        awk 'substr($0, 1, 33) ~ /^ +$/ && substr($0, 34, 2) != "->" {
                        sub(/^ +/, " "); printf "%s", $0; next
                }
                NR > 1 { print "" } { printf "%s", $0 } END { print "" }' |
                sed -E -e 's/^(  .{11}  (ok    |FAILED))  [ 0-9]{5} ms/\1      N ms/' \
                -e 's/after [0-9]+ (ms|milliseconds)/after N \1/g' \
                -e 's/(127\.0\.0\.1:|port )[0-9]+/\1PORT/g' -e 's/[0-9a-f]{32}/ID/' \
                -e 's/OpenSSL\/[0-9.a-z]+/OpenSSL\/V/'
}

# says STATUS GOLDEN [ARGUMENT..]: how a probe ends and what it prints
says() {
        local expected=$1 file=$HELPERS_DIR/probe/$2.txt
        shift 2
        run --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --probe "$@"
        normal <<<"$output" >"$T/said"
        if [[ -n ${FTWATCH_UPDATE_GOLDEN:-} ]]; then
                cp "$T/said" "$file"
        fi
        diff -u "$file" "$T/said"
        # shellcheck disable=SC2154  # run sets them
        assert_equal "$status $stderr" "$expected "
}

KEY='api_key = "ftsim-key";'

fault() {
        sim POST /_sim/fault -d "{ \"path\": \"$1\", $2 }" | grep -q result
}

# --- what works -----------------------------------------------------------------------------------------

@test "each dialect: every endpoint is asked once and shown" {
        start_sim
        source_is contoso "$FTSIM_URL/openai" "$KEY"
        says 0 azure
        source_is contoso "$FTSIM_URL/openai/v1/" "$KEY" 'dialect = "azure-v1";'
        says 0 azure-v1
        source_is contoso "$FTSIM_URL/api/projects/p/" "$KEY" 'dialect = "foundry";'
        says 0 foundry
        source_is contoso "$FTSIM_URL/v1" "$KEY" 'dialect = "openai";'
        says 0 openai
        # Five requests each, and nothing was written.
        assert_equal "$(sim GET /_sim/count | jq .requests)" 20
        [[ ! -e $T/state ]]
}

@test "without jobs, and without a finished one, there is less to look at" {
        start_ftsim - <<<''
        source_is contoso "$FTSIM_URL" "$KEY"
        says 0 no-jobs
        run_job ftjob-only
        says 0 no-finished-job
}

@test "a server without checkpoints, and results that are not there yet, are no fault" {
        start_sim
        source_is contoso "$FTSIM_URL" "$KEY"
        fault '*/checkpoints' '"status": 404'
        fault '*/content' '"status": 404, "body": "{\"error\":{\"code\":\"notFound\"}}"'
        says 0 absent
}

@test "it works beside a running daemon, of several sources each is told, one can be chosen" {
        start_sim
        cat >"$T/ftwatchd.conf" <<-CONF
		state_dir = "$T/state";
		sources = ( { name = "good"; endpoint = "$FTSIM_URL"; $KEY },
		            { name = "bad"; endpoint = "$FTSIM_URL"; api_key = "of-yesterday"; } );
	CONF
        chmod 600 "$T/ftwatchd.conf"
        start_daemon
        await_log 'polled: '
        says 1 several
        says 0 azure-named good
        run -2 --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --probe godo
        assert_equal "$stderr" "ftwatchd: no source is called 'godo'; did you mean 'good'?"
        run -2 --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --probe good bad
        [[ $stderr = "ftwatchd: takes no more arguments, but got 'bad'"* ]]
        run -2 --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --json
        [[ $stderr = *"'--json' goes with --probe"* ]]
        stop_daemon
}

@test "--json: the same for programs" {
        start_sim
        source_is contoso "$FTSIM_URL" 'api_key = "of-yesterday";'
        run -1 --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --probe --json
        jq -e '.[0] | .source == "contoso" and .dialect == "azure" and .works == false' <<<"$output"
        jq -e '.[0].checks | map(.check) ==
                ["jobs", "details", "events", "checkpoints", "result file", "clock"]' <<<"$output"
        jq -e '.[0].checks[0] | .verdict == "failed" and .reason == "unauthorized" and .status == 401 and
                (.advice | startswith("Check the api key"))' <<<"$output"
        source_is contoso "$FTSIM_URL" "$KEY"
        run -0 --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --probe --json
        jq -e '.[0].works and all(.[0].checks[]; .verdict == "ok" and .reason == null)' <<<"$output"
}

@test "a configuration with mistakes is not probed" {
        source_is contoso "https://ai.azure.com/" "$KEY"
        run -1 --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --probe
        [[ $stderr = *'is the address of a portal'* && -z $output ]]
}

# --- what does not --------------------------------------------------------------------------------------

@test "wrong key" {
        start_sim
        source_is contoso "$FTSIM_URL" 'api_key = "of-yesterday";'
        says 1 wrong-key
        source_is contoso "$FTSIM_URL" 'api_key = "sk-yesterday";' 'dialect = "openai";'
        says 1 wrong-key-openai
}

@test "role missing, firewall, private endpoint, wrong audience: by the words of the service" {
        start_sim
        source_is contoso "$FTSIM_URL" "$KEY"
        local name status code words error
        while IFS='|' read -r name status code words; do
                sim DELETE /_sim/fault >/dev/null
                error=$(jq -cn --arg code "$code" --arg words "$words" \
                        '{ error: { code: $code, message: $words } } | tojson')
                fault "$JOBS" "\"status\": $status, \"body\": $error"
                says 1 "$name"
        done <<-END
		role-missing|401|PermissionDenied|Principal does not have access to API/Operation.
		firewall|403|403|Access denied due to Virtual Network/Firewall rules.
		private-endpoint|403|403|Public access is disabled. Please configure private endpoint.
	END
}

@test "wrong host: no such name, nothing there, another service, a redirect" {
        start_sim
        source_is contoso https://contoso.invalid "$KEY"
        says 1 dns
        source_is contoso https://127.0.0.1:1 "$KEY"
        says 1 refused
        source_is contoso "$FTSIM_URL" "$KEY"
        fault "$JOBS" '"kind": "html"'
        says 1 html
        sim DELETE /_sim/fault >/dev/null
        fault "$JOBS" '"kind": "redirect", "location": "https://login.example/"'
        says 1 redirect
}

@test "wrong api-version, wrong dialect, wrong path: it is tried what would be right" {
        start_sim 'api_versions = [ "2024-10-21" ];'
        source_is contoso "$FTSIM_URL" "$KEY" 'api_version = "2019-01-01";'
        says 1 wrong-version
        sim POST /_sim/reset >/dev/null
        fault '/openai/fine_tuning/jobs' '"status": 404'
        source_is contoso "$FTSIM_URL" "$KEY"
        says 1 wrong-dialect
        source_is contoso "$FTSIM_URL/gateway" "$KEY"
        says 1 wrong-path
}

@test "proxy that is not there, proxy that refuses" {
        start_sim
        source_is contoso https://contoso.invalid "$KEY" 'proxy = "http://127.0.0.1:1";'
        says 1 no-proxy-there
        start forward-proxy "$HELPERS_DIR/forward_proxy.py" --port-file "$T/proxy" --log "$T/proxy.log" \
                --refuse 403
        wait_for 20 test -s "$T/proxy"
        source_is contoso https://contoso.invalid "$KEY" "proxy = \"http://127.0.0.1:$(cat "$T/proxy")\";"
        says 1 proxy-refuses
}

@test "TLS: an authority of one's own, no TLS at all" {
        make_certificate
        start_ftsim - --tls-cert "$T/cert.pem" --tls-key "$T/key.pem" --tls-port-file "$T/tls" <<<''
        source_is contoso "$(cat "$T/tls")" "$KEY"
        says 1 tls-self-signed
        source_is contoso "$(cat "$T/tls")" "$KEY" "ca_file = \"$T/cert.pem\";"
        says 0 tls-own-ca
        # What TLS makes of an answer without it depends on who is faster.
        source_is contoso "${FTSIM_URL/http:/https:}" "$KEY"
        run -1 --separate-stderr "$FTWATCHD" --config "$T/ftwatchd.conf" --probe
        [[ $output = *'FAILED'*'TLS handshake failed'*'-> '* ]]
}

@test "a clock that is wrong, a service that throttles, errors of its own" {
        start_sim 'date_skew = 7200.0;'
        source_is contoso "$FTSIM_URL" "$KEY"
        says 1 clock
        fault "$JOBS" '"status": 429'
        says 1 throttled
        sim DELETE /_sim/fault >/dev/null
        fault "$JOBS" '"status": 503'
        says 1 server-error
        sim DELETE /_sim/fault >/dev/null
        fault '*/events' '"status": 500'
        says 1 events-fail
}

@test "a server that is too slow" {
        start_sim
        source_is contoso "$FTSIM_URL" "$KEY" 'timeout = "200ms";'
        fault "$JOBS" '"kind": "slow", "delay_ms": 60000'
        says 1 timeout
}
