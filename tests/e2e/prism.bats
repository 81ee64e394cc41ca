# ftsim behind `prism proxy --errors`: whatever it answers must be what tests/sim/openapi.yaml says. Prism
# turns a violation, of the request or of the reply, into a status of its own and a problem document.

bats_require_minimum_version 1.5.0
load daemon
load auth

PRISM=$TOP/tests/verify/node_modules/.bin/prism

setup() {
        if [[ ! -x $PRISM ]]; then
                [[ ${CI:-} != true ]] || return 1
                skip "prism is not installed (npm ci --prefix tests/verify)"
        fi
}

teardown() {
        stop_all
}

scenario() {
        cat <<CONF
$1
jobs = (
  { id = "ftjob-done"; suffix = "fine"; metadata = { team = "a"; };
    training = { steps = 60; validation = true; };
    timeline = ( { at = -60.0; status = "pending"; }, { at = -50.0; status = "running"; },
                 { at = -10.0; status = "succeeded"; } ); },
  { id = "ftjob-failed"; method = "none";
    timeline = ( { at = -40.0; status = "running"; },
                 { at = -30.0; status = "failed";
                   error = { code = "jsonlValidationFailed"; message = "Line 3";
                             param = "training_file"; }; } ); },
  { id = "ftjob-gone"; removed = -1.0; timeline = ( { at = -20.0; status = "pending"; } ); },
  { id = "ftjob-paused"; timeline = ( { at = -30.0; status = "running"; },
                                         { at = -20.0; status = "paused"; } ); },
  { id = "ftjob-waits"; method = "dpo"; timeline = ( { at = -5.0; status = "pending"; } ); },
  { id = "ftjob-odd"; timeline = ( { at = -4.0; status = "somethingNew"; },
                                   { at = -3.0; event = "Careful."; level = "warning"; } ); }
);
CONF
}

prism_url() {
        grep -oE 'Prism is listening on http://127[.]0[.]0[.]1:[0-9]+' "$T/prism.log" | grep -oE 'http.*'
}

start_prism() {
        start prism "$PRISM" proxy --errors --host 127.0.0.1 --port 0 "$TOP/tests/sim/openapi.yaml" \
                "$FTSIM_URL"
        if ! wait_for 60 prism_url; then
                cat "$T/prism.log"
                return 1
        fi
        FTSIM_URL=$(prism_url)
}

# expect STATUS PATH [CURL OPTION..]
expect() {
        local wanted=$1 path=$2 status
        shift 2
        status=$(api "$path" -o "$T/body" -D "$T/head" -w '%{http_code}' "$@")
        if [[ $status != "$wanted" ]] || grep -qi -e 'sl-violations' "$T/head" ||
                grep -q 'stoplight' "$T/body"; then
                printf '%s: %s instead of %s\n' "$path" "$status" "$wanted"
                cat "$T/head" "$T/body"
                return 1
        fi
}

every_endpoint() {
        local jobs=/openai/fine_tuning/jobs id
        expect 200 "$jobs"
        expect 200 "$jobs?limit=2"
        expect 200 "$jobs?limit=2&after=ftjob-paused"
        for id in "done" failed paused waits odd; do
                expect 200 "$jobs/ftjob-$id"
                expect 200 "$jobs/ftjob-$id/events?limit=100"
                expect 200 "$jobs/ftjob-$id/checkpoints"
        done
        expect 200 "/openai/files/$(sim_file ftjob-done)/content"
        expect 404 "$jobs/ftjob-gone"
        expect 404 "$jobs/ftjob-nobody"
        expect 404 "$jobs/ftjob-nobody/events"
        expect 404 "$jobs?after=ftjob-nobody"
        expect 404 "$jobs/ftjob-done/events?after=ftevent-nobody"
        expect 404 "/openai/files/file-nobody/content"
        expect 400 "$jobs?limit=0"
        FTSIM_KEY=wrong expect 401 "$jobs"
        FTSIM_KEY=wrong expect 401 "$jobs/ftjob-done/events"
}

sim_file() {
        api "/openai/fine_tuning/jobs/$1" | jq -r '.result_files[0]'
}

@test "prism: every endpoint and error, nulls as null" {
        start_ftsim - < <(scenario 'nulls = "null";')
        start_prism
        every_endpoint
}

@test "prism: every endpoint and error, nulls absent" {
        start_ftsim - < <(scenario 'nulls = "absent"; estimate = "none"; event_ids = true;')
        start_prism
        every_endpoint
}

@test "prism: every endpoint and error, empty values, base64 results, oldest first" {
        start_ftsim - < <(scenario 'nulls = "empty"; encoding = "base64"; order = "oldest";')
        start_prism
        every_endpoint
}

@test "prism: a violation is noticed" {
        start_ftsim - < <(scenario '')
        sim POST /_sim/fault -d '{"path":"*/jobs","status":200,"body":"{\"object\":\"list\"}"}'
        start_prism
        run expect 200 /openai/fine_tuning/jobs
        [ "$status" -ne 0 ]
}

# name|path of the endpoint|options
WATCHED=(
        'azure|/|'
        'azure-v1|/openai/v1|'
        'azure-v1|/openai/v1|api_version = "preview";'
        'foundry|/api/projects/p|'
        'openai|/v1|organization = "org-1"; project = "proj_1";'
)

# A source for each dialect with its key, and for each kind of token; all through Prism.
sources() {
        local row name path options kind separator='' n=0
        for row in "${WATCHED[@]}"; do
                IFS='|' read -r name path options <<<"$row"
                printf '%s  { name = "s%d"; dialect = "%s"; endpoint = "%s%s"; api_key = "%s"; %s %s }' \
                        "$separator" $((n++)) "$name" "$FTSIM_URL" "$path" "$FTSIM_KEY" "$options" "$PACE"
                separator=$',\n'
        done
        for kind in "${AUTH_KINDS[@]}"; do
                printf '%s  { name = "s%d"; endpoint = "%s"; %s %s }' "$separator" $((n++)) "$FTSIM_URL" \
                        "$(auth_of "$kind")" "$PACE"
        done
}

N_SOURCES=$((${#WATCHED[@]} + ${#AUTH_KINDS[@]}))
PACE='poll_interval = "1s"; idle_interval = "1s"; requests_per_minute = 100000;'

n_lines_of() {
        (($(grep -c "$1" "$DAEMON_LOG") >= $2))
}

all_is_asked() {
        local prefix path
        for prefix in /openai /openai/v1 /api/projects/p /v1; do
                for path in fine_tuning/jobs fine_tuning/jobs/ftjob-s/events \
                        fine_tuning/jobs/ftjob-s/checkpoints 'files/[^/ ]+/content'; do
                        (($(seen "get $prefix/$path") > 0)) || return 1
                done
        done
}

explain() {
        grep -i violation "$T/prism.log" | sort | uniq -c
        grep -v ' polled: ' "$DAEMON_LOG"
        return 1
}

# How often a request was seen whose method and path match.
seen() {
        grep -cE "\\[HTTP SERVER\\] $1 .*Request received" "$T/prism.log"
}

@test "prism: what the daemon asks for, in each dialect and with each kind of token" {
        start_issuer - <<<'jobs = ( { id = "ftjob-s"; tail = 0.0; lead = 0.0;
                training = { steps = 30; from = -5.0; to = -1.0; };
                timeline = ( { at = -6.0; status = "running"; } ); } );'
        local server=$FTSIM_URL
        start_prism
        {
                printf 'state_dir = "%s/state";\nsources = (\n' "$T"
                sources
                printf '\n);\nreceivers = ();\n'
        } >"$T/ftwatchd.conf"
        chmod 600 "$T/ftwatchd.conf"
        "$FTWATCHD" --config "$T/ftwatchd.conf" --check-config
        start_daemon
        wait_for 60 n_lines_of 'first contact: 1 unfinished job' "$N_SOURCES" || explain
        FTSIM_URL=$server set_status ftjob-s succeeded
        wait_for 60 all_is_asked || explain
        stop_daemon
        run ! grep -iE 'violation|poll failed' "$T/prism.log" "$DAEMON_LOG"
        (($(seen 'post /contoso.example/oauth2/v2.0/token') >= 3))
        (($(seen 'get /metadata/identity/oauth2/token') >= 6))
        (($(seen 'get /msi/token') >= 2))
}
