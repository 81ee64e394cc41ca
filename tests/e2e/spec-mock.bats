#!/usr/bin/env bats
# The shipped ftwatchd against a mock server that Prism makes of the service's own OpenAPI description:
# whatever is asked must be what the description allows. The file is not part of this repository;
# FTWATCH_SPEC names it.

bats_require_minimum_version 1.5.0
load daemon

PRISM=$TOP/tests/verify/node_modules/.bin/prism
SPEC=${FTWATCH_SPEC:-$TOP/../shared/api/azure-fine-tuning.yaml}

setup() {
        [[ -e $SPEC ]] || skip "the description is not there ($SPEC)"
        if [[ ! -x $PRISM ]]; then
                [[ ${CI:-} != true ]] || return 1
                skip "prism is not installed (npm ci --prefix tests/verify)"
        fi
}

teardown() {
        stop_all
}

start_mock() {
        start prism "$PRISM" mock --errors --host 127.0.0.1 --port 0 "$SPEC"
        wait_for 60 mock_url || {
                cat "$T/prism.log"
                return 1
        }
        FTSIM_URL=$(mock_url)
}

mock_url() {
        grep -oE 'Prism is listening on http://127[.]0[.]0[.]1:[0-9]+' "$T/prism.log" | grep -oE 'http.*'
}

# How many requests of a path Prism has seen.
n_asked() {
        grep -cE "\\[HTTP SERVER\\] get $1 .*Request received" "$T/prism.log"
}

# Prism says of each request whether it keeps to the description, and answers what does not with 4xx.
every_request_was_good() {
        local n
        n=$(n_asked '[^ ]+')
        ((n > 0))
        assert_equal "$(grep -c 'The request passed the validation rules' "$T/prism.log")" "$n"
        assert_equal "$(grep -c '> Responding with "200"' "$T/prism.log")" "$n"
}

once() {
        run -0 timeout 60 "$FTWATCHD" --config "$T/ftwatchd.conf" --once --verbose
        [[ $output != *'poll failed'* ]]
}

query() {
        sqlite3 "$T/state/state.db" "$1"
}

@test "no request violates the service's own description, and its example jobs land in the store" {
        start_mock
        configure 'api_version = "2024-02-01";' <<-CONF
		receivers = ( { name = "journal"; kind = "journal"; socket = "$T/none"; } );
	CONF
        once
        every_request_was_good
        # Its example does not say has_more: the second time it proves to ignore `after`.
        assert_equal "$(n_asked /openai/fine_tuning/jobs)" 2
        run -0 query "SELECT job_id, status FROM jobs WHERE job_id <> '' AND status <> ''"
        local n_jobs=${#lines[@]}
        ((n_jobs >= 1))
        # Of those that are not finished the events are asked for.
        assert_equal "$(n_asked '/openai/fine_tuning/jobs/[^ /]+/events')" \
                "$(query 'SELECT count(*) FROM jobs WHERE NOT terminal')"

        # Had a finished one been running before, everything is asked that is asked at an end.
        query "UPDATE jobs SET status = 'running', terminal = 0, silent = 0,
                body = json_set(body, '\$.status', 'running') WHERE status = 'succeeded'"
        once
        every_request_was_good
        (($(n_asked '/openai/fine_tuning/jobs/[^ /]+') >= 1))
        assert_equal "$(query "SELECT count(*) FROM notices WHERE type = 'job.succeeded'")" 1

        # And then it is all known ground.
        once
        every_request_was_good
        assert_equal "$(query 'SELECT count(*) FROM jobs')" "$n_jobs"
        assert_equal "$(query 'SELECT count(*) FROM notices')" 1
}
