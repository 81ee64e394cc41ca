# ftsim behind `prism proxy --errors`: whatever it answers must be what tests/sim/openapi.yaml says. Prism
# turns a violation, of the request or of the reply, into a status of its own and a problem document.

bats_require_minimum_version 1.5.0
load helpers

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
