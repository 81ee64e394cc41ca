#!/usr/bin/env bats
# Every dialect with every way in which a service says no: one daemon with a source for each pair. What a
# person is told of each, and what to do, is golden/errors.txt; FTWATCH_UPDATE_GOLDEN=1 writes it anew.

# shellcheck disable=SC2034,SC2154  # bats'
bats_require_minimum_version 1.5.0
load daemon
load errors

DIALECTS=(azure azure-v1 foundry openai)
FIXTURES=${FTWATCH_FIXTURES:-$TOP/../shared/fixtures}

teardown() {
        stop_all
}

# sources NAME PATH [OPTION..]: one of each dialect, "NAME DIALECT", below this path of the server
sources() {
        local name=$1 path=$2 dialect key="api_key = \"$FTSIM_KEY\";"
        shift 2
        [[ $* != *api_key* ]] || key=
        for dialect in "${DIALECTS[@]}"; do
                # These two have no versions.
                [[ $* != *api_version* || $dialect != @(azure-v1|openai) ]] || continue
                printf '%s  { name = "%s"; dialect = "%s"; endpoint = "%s%s%s"; %s\n' "$SEPARATOR" \
                        "$name.$dialect" "$dialect" "$FTSIM_URL" "$path" \
                        "$([[ $dialect != foundry ]] || echo /api/projects/p)" "$key"
                printf '    poll_interval = "20ms"; idle_interval = "20ms"; trouble_after = 2;'
                printf ' checkpoints = false; %s }' "$*"
                SEPARATOR=$',\n'
        done
}

# As many sources have told a notice whose type fits.
sources_told() {
        local n
        n=$(told "select(.type | test(\"$1\")) | .data.source" | sort -u | wc -l)
        ((n == $2)) || {
                echo "$n of $2 sources told $1"
                tail -n 5 "$DAEMON_LOG"
                return 1
        }
}

# name|words|status|members of the fault that answers so
faults() {
        local private='Public access is disabled. Please configure private endpoint.'
        cat <<-END
		expired|401, the token is not valid any more|401|$(expired_body)
		principal|401, no role|401|$(body PermissionDenied 'Principal does not have access to API/Operation.')
		action|403, a role that allows other things|403|$(body PermissionDenied "$LACKS")
		firewall|403, firewall|403|$(body 403 'Access denied due to Virtual Network/Firewall rules.')
		private|403, private endpoint|403|$(body 403 "$private")
		wordless|401, without words|401|"body": ""
		version|400, api-version|400|$(body BadRequest 'API version not supported')
		routing|404, of the gateway|404|$(body 404 'Resource not found')
		typed|404, typed, for the whole list|404|$(body notFound 'The specified resource was not found.')
		page|200, a page of HTML|200|"kind": "html"
		page404|404, a page of HTML|404|"kind": "html"
		page503|503, a page of HTML|503|"kind": "html"
		empty|200, empty|200|"kind": "empty"
		garbage|200, garbage|200|"kind": "garbage"
		after|429, Retry-After|429|"retry_after": "0.2", $(body 429 'Rate limit is exceeded.')
		after-ms|429, retry-after-ms|429|"retry_after_ms": 200, $(body 429 'Rate limit is exceeded.')
		after-text|429, in words alone|429|$(body 429 'Rate limit is exceeded. Try again in 0.2 seconds.')
		throttled|429, without any|429|"body": ""
		500|500|500|$(body internalFailure 'Something broke.')
		502|502|502|"body": "<html>Bad Gateway</html>"
		503|503, Retry-After|503|"retry_after": "0.2", "body": ""
		reset|a connection that breaks|200|"kind": "reset"
	END
}

@test "each dialect with each error: what is told, and what to do" {
        local name words code more n=0
        start_ftsim - <<<'api_versions = [ "2024-10-21", "2025-11-15-preview" ];'
        {
                SEPARATOR=
                sources key '' 'api_key = "of-yesterday";'
                sources nothing /gateway
                sources old '' 'api_version = "2019-01-01";'
                while IFS='|' read -r name words code more; do
                        fault "/e/$name/*" "$code" "$more"
                        sources "$name" "/e/$name"
                done < <(faults)
        } | watch_sources
        n=$(grep -c dialect "$T/ftwatchd.conf")
        start_daemon
        wait_for 60 sources_told "$TROUBLES" "$n"
        stop_daemon
        # However it was asked for, the pause was kept.
        local pauses='^ftwatchd.warning.: after(-ms|-text)?\..* next poll in 200ms$'
        assert_equal "$(grep -cE "$pauses" "$DAEMON_LOG")" 12
        {
                echo 'key|a wrong key'
                echo 'nothing|a path where nothing is'
                echo 'old|an api_version of yesterday'
                faults
        } | compare_with errors.txt "${DIALECTS[@]}"
}

@test "the bodies that real servers sent are of the right class, for each dialect" {
        local i n code classes='{ "400": "misconfigured", "401": "unauthorized", "404": "misconfigured",
                "429": "throttled" }'
        [[ -e $FIXTURES/error-bodies.json ]] || skip "no fixtures at hand: FTWATCH_FIXTURES"
        start_ftsim quiet
        # The metadata service is no source.
        jq '[.[] | select(.who != "imds")]' "$FIXTURES/error-bodies.json" >"$T/bodies"
        n=$(jq length "$T/bodies")
        ((n > 5))
        {
                SEPARATOR=
                for ((i = 0; i < n; i++)); do
                        code=$(jq ".[$i].status" "$T/bodies")
                        fault "/e/$i/*" "$code" "\"body\": $(jq ".[$i].body | tostring" "$T/bodies")"
                        # Where a server asks for more, as much is not waited for here.
                        sources "$i" "/e/$i" 'retry_after_max = "1s";'
                done
        } | watch_sources
        start_daemon
        wait_for 60 sources_told "$TROUBLES" $((n * ${#DIALECTS[@]}))
        stop_daemon
        told "select(.type | test(\"$TROUBLES\")) | [.data.source, .type]" | jq -r 'join(" ")' |
                sed 's/source[.]//' | sort -u >"$T/got"
        jq -r --argjson classes "$classes" 'to_entries | .[] | .key as $i | .value.status as $s |
                ("azure", "azure-v1", "foundry", "openai") | "\($i).\(.) \($classes[$s | tostring])"' \
                "$T/bodies" | sort -u >"$T/expected"
        diff -u "$T/expected" "$T/got"
}

# on_each METHOD PATH [DATA]: of the control of every server
on_each() {
        local url
        for url in "${SERVERS[@]}"; do
                FTSIM_URL=$url sim "$1" "$2" ${3:+-d "$3"} >/dev/null
        done
}

@test "each dialect: a job that is gone while the list works, an outage, and its end" {
        local all=("${DIALECTS[@]}") dialect
        SERVERS=()
        # Each its own: the same job at the same endpoint is told once.
        for dialect in "${all[@]}"; do
                start_ftsim - <<<''
                SERVERS+=("$FTSIM_URL")
                DIALECTS=("$dialect")
                SEPARATOR=${SERVERS[1]:+$',\n'}
                sources all '' >>"$T/sources"
        done
        watch_sources <"$T/sources"
        start_daemon
        for dialect in "${all[@]}"; do
                await_log "all.$dialect: polled: "
        done
        on_each POST /_sim/job '{ "id": "ftjob-gone", "timeline": [ { "at": 0.0, "status": "running" } ] }'
        wait_for 30 sources_told 'job.running$' 4
        on_each DELETE /_sim/job/ftjob-gone
        wait_for 30 sources_told 'job.removed$' 4
        assert_equal "$(told "select(.type | test(\"$TROUBLES\")) | .type")" ''
        on_each POST /_sim/fault '{ "path": "*/fine_tuning/jobs", "status": 503 }'
        wait_for 30 sources_told '^source.unreachable$' 4
        on_each DELETE /_sim/fault
        wait_for 30 sources_told '^source.recovered$' 4
        stop_daemon
}
