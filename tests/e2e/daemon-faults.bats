#!/usr/bin/env bats
# The shipped ftwatchd while the server misbehaves in every way that ftsim knows: it lives, says why, tells
# people once that it is blind and once that this is over, and has lost nothing.

bats_require_minimum_version 1.5.0
load daemon
load warp

JOBS='*/fine_tuning/jobs'
ONE_JOB='*/fine_tuning/jobs/ftjob-f'
EVENTS='*/events'
FILES='*/content'

teardown() {
        stop_all
}

# A running job that the daemon knows, and has told of.
start_with_job() {
        start_ftsim - <<<''
        watch_all 'checkpoints = false;' "$@"
        start_daemon
        await_poll
        post_job '{ "id": "ftjob-f", "training": { "steps": 40, "from": -2.0, "to": -1.0 },
                "timeline": [ { "at": -3.0, "status": "running" } ] }'
        await_told job.running
}

no_faults() {
        sim DELETE /_sim/fault >/dev/null
}

# blind FAULT PATH REASON TYPE [SOURCE_OPTION..]: the whole story of one trouble.
blind() {
        local members=$1 path=$2 reason=$3 type=$4
        shift 4
        start_with_job "$@"
        fault "$path" "$members"
        await_log "poll failed \\($reason\\)"
        await_told "$type"
        sim POST '/_sim/event/ftjob-f?message=while%20blind&level=warning' >/dev/null
        await_log "poll failed \\($reason\\)" 5
        assert_equal "$(count_told "$type")" 1
        assert_equal "$(count_told source.recovered)" 0
        told "select(.type == \"$type\") | .data" | jq -e ".source == \"sim\" and .reason == \"$reason\""
        told "select(.type == \"$type\") | .data" | jq -e '.advice | length > 10'
        no_faults
        await_told source.recovered
        await_told job.event
        set_status ftjob-f succeeded
        await_told job.succeeded
        settled
        in_order_of_job job.created job.running job.event job.succeeded
        assert_equal "$(count_told "$type")" 1
        assert_equal "$(count_told source.recovered)" 1
        kill -0 "$DAEMON_PID"
}

in_order_of_job() {
        assert_equal "$(types | tr ' ' '\n' | grep '^job[.]' | xargs)" "$*"
}

# --- the list -----------------------------------------------------------------------------------------

@test "list: 500 is told as unreachable" {
        blind '"status": 500' "$JOBS" server_error source.unreachable
}

@test "list: 401 is told as unauthorized" {
        blind '"status": 401' "$JOBS" unauthorized source.unauthorized
}

@test "list: 404 of routing is told as misconfigured" {
        blind '"status": 404,
                "body": "{\"error\":{\"code\":\"404\",\"message\":\"Resource not found\"}}"' \
                "$JOBS" misconfigured source.misconfigured
}

@test "list: 429 is told as throttled" {
        blind '"status": 429, "retry_after_ms": 30' "$JOBS" throttled source.throttled
}

@test "list: slower than the timeout is told as unreachable" {
        blind '"kind": "slow", "delay_ms": 5000' "$JOBS" timeout source.unreachable 'timeout = "100ms";'
}

@test "list: broken off in the middle is told as unreachable" {
        blind '"kind": "truncate"' "$JOBS" reset source.unreachable
}

@test "list: a reset is told as unreachable" {
        blind '"kind": "reset"' "$JOBS" reset source.unreachable
}

@test "list: random bytes are told as misconfigured" {
        blind '"kind": "garbage"' "$JOBS" bad_reply source.misconfigured
}

@test "list: a web page is told as misconfigured" {
        blind '"kind": "html"' "$JOBS" bad_reply source.misconfigured
}

@test "list: null is told as misconfigured" {
        blind '"kind": "null"' "$JOBS" bad_reply source.misconfigured
}

@test "list: nothing at all is told as misconfigured" {
        blind '"kind": "empty"' "$JOBS" bad_reply source.misconfigured
}

@test "list: nested 100,000 levels deep is told as misconfigured" {
        blind '"kind": "deep"' "$JOBS" bad_reply source.misconfigured
}

@test "list: a redirect is told as misconfigured and not followed" {
        start_ftsim - <<<''
        local elsewhere=$FTSIM_URL/openai/files/elsewhere/content
        stop_all
        blind "\"kind\": \"redirect\", \"location\": \"$elsewhere\"" "$JOBS" redirect source.misconfigured
        assert_equal "$(sim GET /_sim/requests |
                jq '[.[] | select(.path | contains("elsewhere"))] | length')" 0
}

@test "list: more than reply_limit is told as misconfigured, and is not kept in memory" {
        blind '"kind": "huge"' "$JOBS" too_large source.misconfigured
        local peak
        peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$DAEMON_PID/status")
        echo "peak: $peak kB"
        # The default limit is 8 MiB of a reply; sanitizers need more than the program.
        is_sanitized || ((peak < 40000))
}

is_sanitized() {
        grep -qa __asan_init "$FTWATCHD"
}

@test "list: reply_limit is configurable" {
        blind '"kind": "huge", "bytes": 200000' "$JOBS" too_large source.misconfigured \
                'reply_limit = "100K";'
}

@test "list: a job that ends while nobody can see it is told when it can be seen again" {
        start_with_job
        fault "$JOBS" '"status": 502'
        await_told source.unreachable
        sim POST '/_sim/event/ftjob-f?message=while%20blind&level=warning' >/dev/null
        sim POST '/_sim/job/ftjob-f?status=failed&code=blind&message=unseen'
        no_faults
        await_told source.recovered
        await_told job.failed
        settled
        # What was warned of together with the end stands in the notice of the end.
        in_order_of_job job.created job.running job.failed
        run -0 told 'select(.type == "fine_tuning.job.failed") | .data |
                [.error.code, any(.events[]; .message == "while blind")]'
        assert_equal "$output" '["blind",true]'
}

# While a part of the reply that is of no use is broken the rest may be believed; nothing false may come of
# it.
harmless() {
        start_with_job
        fault "$JOBS" "$1"
        await_asked 40
        no_faults
        sim POST '/_sim/event/ftjob-f?message=meanwhile&level=warning' >/dev/null
        await_told job.event
        set_status ftjob-f succeeded
        await_told job.succeeded
        settled
        in_order_of_job job.created job.running job.event job.succeeded
        kill -0 "$DAEMON_PID"
}

@test "list: a value of a wrong type neither ends the daemon nor loses or invents news" {
        harmless '"kind": "wrong-type"'
}

@test "list: broken UTF-8 neither ends the daemon nor loses or invents news" {
        harmless '"kind": "bad-utf8"'
}

await_asked() {
        local n
        n=$(sim GET /_sim/count | jq .requests)
        wait_for 30 has_asked $((n + $1))
}

has_asked() {
        (($(sim GET /_sim/count | jq .requests) >= $1))
}

@test "a server that is not there is told as unreachable, and that it is back" {
        start_with_job
        local port=${FTSIM_URL##*:}
        cp "$FTSIM_RECORD" "$T/first.jsonl"
        # The sink lives in ftsim, too: a second one takes the notices, the first goes away.
        local url=$FTSIM_URL
        stop_daemon
        start_ftsim - <<<''
        sed -i "s|url = \"$url|url = \"$FTSIM_URL|" "$T/ftwatchd.conf"
        start_daemon
        await_poll
        stop "${STARTED_PIDS[0]}"
        await_told source.unreachable
        start back "$FTSIM" --scenario /dev/null --port "$port" --port-file "$T/back.url"
        await_told source.recovered
        assert_equal "$(count_told source.unreachable)" 1
}

# --- Retry-After ---------------------------------------------------------------------------------------

# Seconds until the next request of the list, in hundredths.
pause_until_asked() {
        local from before
        before=$(sim GET /_sim/count | jq .requests)
        from=$(date +%s%N)
        wait_for 20 has_asked $((before + 1)) || return 1
        echo $((($(date +%s%N) - from) / 10000000))
}

# among N [CONF]: the source "sim", and so many others of the dialect azure-v1, which may be made to hang.
among() {
        local i others=
        for ((i = 1; i <= $1; i++)); do
                others+=", { name = \"other$i\"; dialect = \"azure-v1\"; endpoint = \"$FTSIM_URL\";"
                others+=" api_key = \"$FTSIM_KEY\"; timeout = \"90s\";"
                others+=" poll_interval = \"100ms\"; idle_interval = \"100ms\"; }"
        done
        cat >"$T/ftwatchd.conf" <<-CONF
		state_dir = "$T/state"; ${2-}
		sources = ( { name = "sim"; endpoint = "$FTSIM_URL"; api_key = "$FTSIM_KEY";
		              poll_interval = "20ms"; idle_interval = "20ms"; }$others );
		receivers = ( $(hook hook) );
		$(everything_to hook)
	CONF
        chmod 600 "$T/ftwatchd.conf"
        start_daemon
}

@test "sources that hang do not hold up one that answers, nor receivers" {
        start_ftsim - <<<'jobs = ( { id = "ftjob-1"; timeline = ( { at = -9.0; status = "running"; } ); } );'
        fault '/openai/v1/*' '"kind": "slow", "delay_ms": 600000'
        among 12 'connections = 4;'
        # Three times as many hang as there are connections, and none of them has given up yet.
        await_poll 150
        set_status ftjob-1 cancelled
        await_told job.cancelled
        run ! logged 'poll failed'
        stop_daemon
}

@test "nor where there are descriptors for few connections only" {
        start_ftsim - <<<'jobs = ( { id = "ftjob-1"; timeline = ( { at = -9.0; status = "running"; } ); } );'
        fault '/openai/v1/*' '"kind": "slow", "delay_ms": 600000'
        ulimit -n 70
        among 36 'connections = 4;'
        await_poll 250
        set_status ftjob-1 cancelled
        await_told job.cancelled
        run ! logged 'poll failed'
        stop_daemon
}

@test "nor do those that have answered, and hang all at once" {
        start_ftsim - <<<'jobs = ( { id = "ftjob-1"; timeline = ( { at = -9.0; status = "running"; } ); } );'
        among 36
        await_log ' first contact: ' 37
        fault '/openai/v1/*' '"kind": "slow", "delay_ms": 600000'
        await_poll 150
        set_status ftjob-1 cancelled
        await_told job.cancelled
        run ! logged 'poll failed'
        stop_daemon
}

@test "Retry-After is honoured" {
        start_with_job
        fault "$JOBS" '"status": 429, "retry_after": "2", "times": 1'
        await_log 'poll failed \(throttled\)'
        run -0 pause_until_asked
        ((output > 130)) || {
                echo "asked again after $output hundredths of a second"
                return 1
        }
        await_poll
}

@test "retry_after_max bounds what a server may ask for" {
        start_with_job 'retry_after_max = "1s";'
        fault "$JOBS" '"status": 503, "retry_after": "86400", "times": 1'
        await_log 'poll failed \(server_error\)'
        run -0 pause_until_asked
        ((output < 1000))
        await_poll
}

# pauses: name|what the second answer is|seconds until the next request: at least|less than. In virtual time,
# the clock of the server a day ahead; without a wish it is the back-off of the first failure.
pauses() {
        local midnight=$1 date old
        date=$(LC_ALL=C TZ=UTC date -d "@$((midnight + 86400 + 400))" '+%a, %d %b %Y %H:%M:%S GMT')
        old=$(LC_ALL=C TZ=UTC date -d "@$((midnight + 86400 + 400))" '+%A, %d-%b-%y %H:%M:%S GMT')
        cat <<-END
		none|"status": 429|20|40
		seconds|"status": 429, "retry_after": "100"|100|102
		fraction|"status": 429, "retry_after": "100.5"|100|102
		date|"status": 429, "retry_after": "$date"|370|372
		old-date|"status": 429, "retry_after": "$old"|370|372
		past|"status": 429, "retry_after": "Fri, 01 Jan 2021 00:00:00 GMT"|20|40
		junk|"status": 429, "retry_after": "soon"|20|40
		negative|"status": 429, "retry_after": "-5"|20|40
		ms|"status": 429, "retry_after_ms": 100500|100|102
		ms-first|"status": 429, "retry_after_ms": 100500, "retry_after": "500"|100|102
		long|"status": 429, "retry_after": "86400"|900|902
		words|"status": 429, "body": "{\\"error\\":{\\"message\\":\\"Try again in 77 seconds.\\"}}"|77|79
		long-words|"status": 429, "body": "{\\"error\\":{\\"message\\":\\"Retry after 86400 seconds\\"}}"|900|902
		503|"status": 503, "retry_after": "100"|100|102
		no|"status": 429, "retry_after": "100", "header": "x-should-retry: false"|100|102
		yes|"status": 400, "retry_after": "100", "header": "x-should-retry: true"|100|102
		well|"kind": "slow", "delay_ms": 1, "retry_after": "100"|27|31
	END
}

@test "each way to ask for a pause, and how long the source is left alone; the others go on" {
        local midnight=1800057600 name members least most separator=
        clock_at "$midnight"
        start_ftsim - --clock-file "$T/clock" <<<'stamp_offset = 86400.0;'
        {
                printf 'state_dir = "%s/state"; receivers = ( %s );\nsources = (' "$T" "$(hook hook)"
                while IFS='|' read -r name members _; do
                        fault "/api/projects/$name/*" "$members, \"times\": 1, \"skip\": 1"
                        printf '%s\n  { name = "%s"; endpoint = "%s/api/projects/%s"; ' \
                                "$separator" "$name" "$FTSIM_URL" "$name"
                        printf 'dialect = "foundry"; api_key = "%s"; idle_interval = "30s"; }' "$FTSIM_KEY"
                        separator=,
                done < <(pauses "$midnight")
                printf '\n);\n'
        } >"$T/ftwatchd.conf"
        chmod 600 "$T/ftwatchd.conf"
        play <<<'1000 exit'
        while IFS='|' read -r name _ least most; do
                sim GET /_sim/requests | jq -e --arg p "/api/projects/$name/" --argjson least "$least" \
                        --argjson most "$most" 'map(select(.path | startswith($p)) | .time) |
                        .[2] - .[1] | . >= $least and . < $most' >/dev/null || {
                        echo "$name: not between $least and $most seconds"
                        return 1
                }
        done < <(pauses "$midnight")
}

# --- the events ---------------------------------------------------------------------------------------

@test "events: every fault is survived and told, the list is polled on, and nothing is lost" {
        local fault reason
        while IFS='|' read -r reason fault; do
                echo "# $reason: $fault"
                blind "$fault" "$EVENTS" "$reason" "$(type_of "$reason")" 'timeout = "200ms";'
                stop_all
                rm -rf "$T/state"
        done <<-'TABLE'
		server_error|"status": 500
		timeout|"kind": "slow", "delay_ms": 3000
		reset|"kind": "truncate"
		bad_reply|"kind": "garbage"
		bad_reply|"kind": "html"
		bad_reply|"kind": "null"
		bad_reply|"kind": "deep"
		bad_reply|"kind": "empty"
		too_large|"kind": "huge"
		redirect|"kind": "redirect", "location": "http://127.0.0.1:1/"
	TABLE
}

type_of() {
        case $1 in
                server_error | timeout | reset) echo source.unreachable ;;
                *) echo source.misconfigured ;;
        esac
}

@test "events: while they cannot be read a change of status is told all the same" {
        start_with_job
        fault "$EVENTS" '"status": 500'
        await_log 'poll failed' 2
        set_status ftjob-f paused
        await_told job.paused
}

# --- what is asked when a job ends --------------------------------------------------------------------

@test "job, events and results: whatever they answer at the end, the end is told once" {
        local path fault
        for path in "$ONE_JOB" "$FILES"; do
                while read -r fault; do
                        echo "# $path $fault"
                        start_with_job 'timeout = "300ms"; enrich_timeout = "1s";'
                        fault "$path" "$fault"
                        set_status ftjob-f succeeded
                        await_told job.succeeded
                        settled
                        in_order_of_job job.created job.running job.succeeded
                        kill -0 "$DAEMON_PID"
                        assert_equal "$(told 'select(.type == "fine_tuning.job.succeeded") |
                                .data.fine_tuned_model != null')" true
                        stop_all
                        rm -rf "$T/state"
                done <<-'TABLE'
			"status": 500
			"status": 404
			"status": 429, "retry_after": "60"
			"kind": "slow", "delay_ms": 5000
			"kind": "truncate"
			"kind": "reset"
			"kind": "garbage"
			"kind": "html"
			"kind": "null"
			"kind": "empty"
			"kind": "huge"
			"kind": "deep"
			"kind": "wrong-type"
			"kind": "bad-utf8"
			"kind": "redirect", "location": "http://127.0.0.1:1/"
		TABLE
        done
}

@test "a terminal notice waits no longer than enrich_timeout for a result file that does not come" {
        start_with_job 'enrich_timeout = "200ms";'
        fault "$FILES" '"kind": "slow", "delay_ms": 20000'
        set_status ftjob-f succeeded
        await_told job.succeeded 1 10
        run -0 told 'select(.type == "fine_tuning.job.succeeded") | .data.status'
        assert_equal "$output" '"succeeded"'
}
