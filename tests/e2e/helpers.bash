# shellcheck shell=bash
# Helpers of the end-to-end tests. Every test has its own directory ($T, removed by bats), its own processes
# on ephemeral ports, and waits by polling with a deadline; nothing sleeps for a fixed time.
#
#   load helpers                     at the top of a .bats file
#   start_ftsim SCENARIO [OPTION..]  SCENARIO is a file, or the name of one of tests/sim/scenarios, or - for
#                                    the standard input; sets FTSIM_URL, FTSIM_PID, FTSIM_RECORD
#   start_smtp_sink [OPTION..]       sets SMTP_PORT, SMTP_PID, SMTP_RECORD
#   assert_equal GOT EXPECTED
#   wait_for SECONDS COMMAND..       until the command succeeds; shows its last output if it never does
#   stop PID | stop_all              SIGTERM, then SIGKILL after five seconds; stop_all in teardown()
#   api PATH [CURL OPTION..]         GET with the key (FTSIM_KEY) and api-version added; the body on stdout
#   api_status PATH [CURL OPTION..]  the same, the HTTP status on stdout
#   sim METHOD PATH [CURL OPTION..]  a control endpoint, e.g. sim POST '/_sim/advance?seconds=5'
#   make_certificate                 $T/cert.pem and $T/key.pem for 127.0.0.1
#   received [SINK] [JQ FILTER]      what came to a sink

HELPERS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$HELPERS_DIR/../.." && pwd)
export PYTHONDONTWRITEBYTECODE=1
BUILD=${FTWATCH_BUILD:-$TOP/build}
[[ $BUILD = /* ]] || BUILD=$TOP/$BUILD
FTSIM=${FTSIM:-$BUILD/ftsim}
FTSIM_KEY=${FTSIM_KEY-ftsim-key}
T=${BATS_TEST_TMPDIR:-}
STARTED_PIDS=()
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1

assert_equal() {
        if [[ $1 != "$2" ]]; then
                printf 'got:      %s\nexpected: %s\n' "$1" "$2"
                return 1
        fi
}

# Asks again after 20 ms, then ever less often, to every 100 ms: asking costs what is waited for time.
wait_for() {
        local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000)) output pause=20 seconds
        shift
        until output=$("$@" 2>&1); do
                if ((${EPOCHREALTIME/[.,]/} >= deadline)); then
                        printf 'gave up waiting for: %s\n%s\n' "$*" "$output" >&2
                        return 1
                fi
                printf -v seconds 0.%03d "$pause"
                sleep "$seconds"
                pause=$((pause < 70 ? pause * 3 / 2 : 100))
        done
}

# Runs a command in the background with its output in $T/NAME.log; sets STARTED_PID.
start() {
        local name=$1
        shift
        "$@" >"$T/$name.log" 2>&1 3>&- &
        STARTED_PID=$!
        STARTED_PIDS+=("$STARTED_PID")
}

is_gone() {
        ! kill -0 "$1" 2>/dev/null
}

stop() {
        local pid=$1
        kill -TERM "$pid" 2>/dev/null || true
        wait_for 5 is_gone "$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
}

stop_all() {
        local pid
        for pid in "${STARTED_PIDS[@]}"; do
                stop "$pid"
        done
        STARTED_PIDS=()
}

# A started program has written FILE, or has died: then its log is shown.
wait_for_file() {
        local file=$1 pid=$2 log=$3
        if wait_for 20 has_file_or_is_gone "$file" "$pid" && [[ -s $file ]]; then
                return 0
        fi
        cat "$log" >&2
        return 1
}

has_file_or_is_gone() {
        [[ -s $1 ]] || is_gone "$2"
}

start_ftsim() {
        local scenario=$1 n=${#STARTED_PIDS[@]}
        shift
        if [[ $scenario = - ]]; then
                scenario=$T/scenario-$n.conf
                cat >"$scenario"
        elif [[ ! -e $scenario ]]; then
                scenario=$TOP/tests/sim/scenarios/$scenario.conf
        fi
        FTSIM_RECORD=$T/ftsim-$n.jsonl
        rm -f "$T/ftsim-$n.url" # of one that was stopped by stop_all
        start "ftsim-$n" "$FTSIM" --scenario "$scenario" --port-file "$T/ftsim-$n.url" \
                --record "$FTSIM_RECORD" "$@"
        FTSIM_PID=$STARTED_PID
        wait_for_file "$T/ftsim-$n.url" "$FTSIM_PID" "$T/ftsim-$n.log" || return 1
        FTSIM_URL=$(<"$T/ftsim-$n.url")
}

start_smtp_sink() {
        local n=${#STARTED_PIDS[@]}
        SMTP_RECORD=$T/smtp-$n.jsonl
        rm -f "$T/smtp-$n.port"
        start "smtp-$n" /usr/bin/python3 "$TOP/tests/sim/smtp_sink.py" --port-file "$T/smtp-$n.port" \
                --record "$SMTP_RECORD" "$@"
        SMTP_PID=$STARTED_PID
        wait_for_file "$T/smtp-$n.port" "$SMTP_PID" "$T/smtp-$n.log" || return 1
        # shellcheck disable=SC2034  # for the tests
        SMTP_PORT=$(<"$T/smtp-$n.port")
}

api_url() {
        local separator='?'
        [[ $1 = *\?* ]] && separator='&'
        printf '%s%s%sapi-version=2024-10-21' "$FTSIM_URL" "$1" "$separator"
}

api() {
        local path=$1 key=()
        shift
        [[ -z $FTSIM_KEY ]] || key=(-H "api-key: $FTSIM_KEY")
        curl -sS --max-time 20 "${key[@]}" "$@" "$(api_url "$path")"
}

api_status() {
        local path=$1
        shift
        api "$path" -o /dev/null -w '%{http_code}' "$@"
}

sim() {
        local method=$1 path=$2
        shift 2
        curl -sS --max-time 20 -X "$method" "$@" "$FTSIM_URL$path"
}

received() {
        local query=
        [[ -n ${1:-} ]] && query="?sink=$1"
        sim GET "/_sim/received$query" | jq -r "${2:-.}"
}

# A key and a certificate for 127.0.0.1 that signs itself: $T/key.pem, $T/cert.pem
make_certificate() {
        openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" -days 2 \
                -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null
}
