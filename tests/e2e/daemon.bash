# shellcheck shell=bash
# shellcheck disable=SC2119,SC2120  # arguments that may be left out
# What the suites of the daemon share: the shipped ftwatchd with one source, "sim", which is ftsim.
#
#   configure [OPTION..] <<CONF      $T/ftwatchd.conf: the source with these options added, and the standard
#                                    input behind it; polls every $POLL (20ms)
#   hook NAME [OPTION..]             one webhook receiver for that, towards ftsim's sink of that name
#   everything_to NAME               rules: one that sends all there is to NAME
#   watch_all [SOURCE OPTION..]      configure with the receiver "hook" that gets everything
#   start_watching                   ftsim and the daemon on that, until the first poll is over
#   fault PATH MEMBERS               ftsim: what is asked for there from now on fails so
#   query SQL                        of the state, while the daemon runs
#   start_daemon [OPTION..]          sets DAEMON_PID, DAEMON_LOG; logs at debug
#   stop_daemon                      SIGTERM; the daemon must end with 0
#   await_poll [N]                   until N (1) more polls have ended well
#   await_told TYPE [N]              until N (1) notices of a type (job.succeeded) have come to "hook"
#   told [JQ FILTER]                 what has come to "hook", repeats left out: FILTER of each body
#   types                            their types in order, one line
#   in_order TYPE..                  assert that exactly these have come, in this order
#   post_job JSON                    one more job on the server, in ftsim's grammar
#   run_job JOB                      one that is running
#   set_status JOB STATUS            its status now
#   start_datagram_sink NAME         a socket $T/NAME.socket; what comes there, as JSON lines, in $T/NAME
#   settled                          every fact before this call has been told: waits for a fact made now

load helpers

FTWATCHD=${FTWATCHD:-$BUILD/ftwatchd}
HOOK_SECRET=whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
POLL=${POLL:-20ms}

configure() {
        {
                printf 'state_dir = "%s/state";\n' "$T"
                printf 'sources = ( { name = "sim"; endpoint = "%s";\n' "$FTSIM_URL"
                printf '  api_key = "%s";\n' "$FTSIM_KEY"
                printf '  poll_interval = "%s"; idle_interval = "%s";\n' "$POLL" "$POLL"
                # $POLL asks for more than an API would be asked to bear.
                [[ $* = *requests_per_minute* ]] || printf '  requests_per_minute = 100000;\n'
                # Who does not ask for checkpoints is not to trip over them.
                [[ $* = *checkpoints* ]] || printf '  checkpoints = false;\n'
                printf '  %s } );\n' "$*"
                cat
        } >"$T/ftwatchd.conf"
        chmod 600 "$T/ftwatchd.conf"
}

hook() {
        local name=$1
        shift
        printf '{ name = "%s"; kind = "webhook"; url = "%s"; secret = "%s"; ' "$name" \
                "$FTSIM_URL/sink/webhook/$name" "$HOOK_SECRET"
        printf 'backoff_min = "10ms"; backoff_max = "50ms"; %s }' "$*"
}

everything_to() {
        printf 'rules = ( { types = ["*"]; to = ["%s"]; } );\n' "$1"
}

watch_all() {
        configure "$@" <<-CONF
		receivers = ( $(hook hook) );
		$(everything_to hook)
	CONF
}

start_daemon() {
        local n=${#STARTED_PIDS[@]}
        start "daemon-$n" "$FTWATCHD" --config "$T/ftwatchd.conf" --verbose "$@"
        DAEMON_PID=$STARTED_PID
        DAEMON_LOG=$T/daemon-$n.log
}

stop_daemon() {
        local status=0
        kill -TERM "$DAEMON_PID"
        wait_for 10 is_gone "$DAEMON_PID" || return 1
        wait "$DAEMON_PID" || status=$?
        assert_equal "$status" 0 || {
                cat "$DAEMON_LOG"
                return 1
        }
}

kill_daemon() {
        kill -KILL "$DAEMON_PID"
        { wait "$DAEMON_PID" || true; } 2>/dev/null
}

# Has the line PATTERN at least N times.
logged() {
        local n
        n=$(grep -cE -e "$1" "$DAEMON_LOG")
        ((n >= ${2:-1})) || {
                tail -n 15 "$DAEMON_LOG"
                return 1
        }
}

await_log() {
        wait_for "${3:-60}" logged "$1" "${2:-1}"
}

n_polls() {
        grep -c ' polled: ' "$DAEMON_LOG"
}

await_poll() {
        await_log ' polled: ' $(($(n_polls) + ${1:-1}))
}

told() {
        sim GET '/_sim/received?sink=hook' | jq -c "[.[] | select(.answer == 204)] |
                reduce .[] as \$d ([]; if any(.[]; .id == \$d.id) then . else . + [\$d] end) |
                .[] | .body | ${1:-.}"
}

count_told() {
        told "select(.type | ltrimstr(\"fine_tuning.\") == \"$1\") | .id" | wc -l
}

has_told() {
        local n
        n=$(count_told "$1")
        ((n >= ${2:-1})) || {
                echo "$n of $1; all: $(types)"
                tail -n 5 "$DAEMON_LOG"
                return 1
        }
}

await_told() {
        wait_for "${3:-30}" has_told "$1" "${2:-1}"
}

types() {
        told 'select((.data.id // "") | startswith("ftjob-settled") | not) |
                .type | ltrimstr("fine_tuning.")' | tr -d '"' | xargs
}

in_order() {
        assert_equal "$(types)" "$*"
}

# Also proves that what is not to be told was not: polls, outbox and receiver have worked since. `types`
# leaves out the job that this makes.
settled() {
        SETTLED=$((${SETTLED:-0} + 1))
        post_job "{ \"id\": \"ftjob-settled-$SETTLED\",
                \"timeline\": [ { \"at\": 0.0, \"status\": \"pending\" } ] }" || return 1
        wait_for 30 has_told_job "ftjob-settled-$SETTLED" pending
}

has_told_job() {
        [[ -n $(told "select(.data.id == \"$1\" and .data.status == \"$2\") | .id") ]] || {
                told '[.type, .data.id]'
                tail -n 5 "$DAEMON_LOG"
                return 1
        }
}

post_job() {
        local answer
        answer=$(sim POST /_sim/job -d "$1")
        [[ $answer = *result* ]] || {
                echo "$answer"
                return 1
        }
}

run_job() {
        post_job "{ \"id\": \"$1\", \"suffix\": \"$1\",
                \"timeline\": [ { \"at\": 0.0, \"status\": \"running\" } ] }"
}

set_status() {
        sim POST "/_sim/job/$1?status=$2" | grep -q '"ok"'
}

start_datagram_sink() {
        start "$1" /usr/bin/python3 "$TOP/tests/e2e/datagram_sink.py" "$T/$1.socket" "$T/$1"
        wait_for 20 test -e "$T/$1"
}

start_watching() {
        start_ftsim - <<<''
        watch_all
        start_daemon
        await_poll
}

fault() {
        sim POST /_sim/fault -d "{ \"path\": \"$1\", $2 }" | grep -q result
}

query() {
        sqlite3 -readonly -cmd '.timeout 5000' "$T/state/state.db" "$1"
}
