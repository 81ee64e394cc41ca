# shellcheck shell=bash disable=SC2154,SC2034  # variables of run.sh
# What every part of the benchmark needs: programs, how much of the processor they had, the table.

export BENCH_KEY=ftsim-key no_proxy=127.0.0.1 NO_PROXY=127.0.0.1
T=$(mktemp -d /tmp/ftw-bench.XXXXXX) || exit 1
pids=()
# shellcheck disable=SC2317  # called by the trap
clean_up() {
        local pid
        for pid in "${pids[@]}"; do
                kill -TERM "$pid" 2>/dev/null
                kill -CONT "$pid" 2>/dev/null
        done
        wait
        rm -rf "$T"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

fail() {
        echo "bench: $*" >&2
        [ ! -s "$T/log" ] || tail -n 20 "$T/log" >&2
        exit 1
}

# --- programs -------------------------------------------------------------------------
# Sets pid.
start() {
        "$@" >>"$T/log" 2>&1 &
        pid=$!
        pids+=("$pid")
}

stop() {
        kill -TERM "$1" 2>/dev/null
        kill -CONT "$1" 2>/dev/null
        wait "$1" 2>/dev/null
}

stop_all() {
        local each
        for each in "${pids[@]}"; do
                stop "$each"
        done
        pids=()
}

# wait_until SECONDS COMMAND...
wait_until() {
        local deadline=$((SECONDS + $1))
        shift
        until "$@"; do
                [ "$SECONDS" -le "$deadline" ] || fail "gave up waiting: $*"
                sleep 0.02
        done
}

has_text() {
        [ -s "$1" ]
}

# start_ftsim SCENARIO [FILE]: sets url and pid; FILE where another may start one meanwhile.
start_ftsim() {
        local file=$T/${2-url}
        rm -f "$file"
        start "$build/ftsim" --scenario "$1" --port-file "$file"
        wait_until 10 has_text "$file"
        url=$(<"$file")
}

# configure NAME URL POLL-INTERVAL: sets conf.
configure() {
        conf=$T/$1.conf
        (umask 077 && cat >"$conf") <<CONF
state_dir = "$T/$1";
log_level = "warning";
sources = ( { name = "bench"; endpoint = "$2"; api_key = "env:BENCH_KEY"; poll_interval = "$3";
             requests_per_minute = 100000; } );
receivers = ( { name = "hook"; kind = "webhook"; url = "$2/sink/webhook/x"; secret = "env:BENCH_SECRET"; } );
CONF
}
export BENCH_SECRET=whsec_YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gt

# --- what is read ---------------------------------------------------------------------
# Nanoseconds of processor that all threads have had; exact while the process does not run.
cpu_ns() {
        awk '{ sum += $1 } END { printf "%.0f", sum }' "/proc/$1/task/"*/schedstat
}

requests() {
        curl -sS --max-time 10 "$1/_sim/count" 2>>"$T/log" | jq .requests | grep . || echo 0
}

has_requests() {
        [ "$(requests "$1")" -ge "$2" ]
}

# Of recorded requests: how many, how many of them were for the list.
cycles() {
        curl -sS --max-time 10 "$1/_sim/requests" | jq '[.[] | select(.path | endswith("/jobs"))] | length'
}

has_cycles() {
        [ "$(cycles "$1")" -ge "$2" ]
}

is_stopped() {
        local stat
        stat=$(<"/proc/$1/stat") || fail "a client died"
        [[ ${stat##*) } == T* ]]
}

pause() {
        kill -STOP "$1"
        wait_until 10 is_stopped "$1"
}

field() {
        awk -v name="$2:" '$1 == name { print $2 }' "$1"
}

state_of() {
        stat -c '%n %s %y' "$1"/*
}

median() {
        sort -g | awk '{ v[NR] = $1 }
                END { printf "%.9g", (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2 }'
}

ratio() {
        awk -v a="$1" -v b="$2" 'BEGIN { printf "%.9g", a / b }'
}

# note_ratio FILE A B: appends A / B.
note_ratio() {
        ratio "$2" "$3" >>"$1"
        echo >>"$1"
}

# note_wall FILE STARTED: appends the milliseconds since then ($EPOCHREALTIME without its point).
note_wall() {
        note_ratio "$1" $((${EPOCHREALTIME/[.,]/} - $2)) 1000
}

# median_of FILE, ratio_of FILE FILE: of the turns' figures, line by line.
median_of() {
        median <"$1"
}

ratio_of() {
        paste "$1" "$2" | awk '{ print $1 / $2 }' | median
}

# --- the table ------------------------------------------------------------------------
rows=()
n_missed=0

# row WHAT FIGURE FORMAT [COMPARISON TARGET UNIT]: a figure that is "" was not measured.
row() {
        local what=$1 figure=$2 format=$3 compare=${4-} target=${5-} text goal="" verdict=""
        text=$(awk -v v="$figure" -v f="$format" 'BEGIN { printf f, v }')
        if [ -n "$compare" ]; then
                goal="$compare $target"
                verdict=$(awk -v v="$figure" -v t="$target" -v c="$compare" 'BEGIN {
                        ok = c == "<=" ? v <= t : c == ">=" ? v >= t : v == t
                        print ok ? "ok" : "MISSED" }')
        fi
        [ "$verdict" != MISSED ] || n_missed=$((n_missed + 1))
        if [ -z "$figure" ]; then
                text="not measured" verdict=""
        fi
        rows+=("$what|$text|$goal|$verdict")
}

print_table() {
        printf '%s\n' "${rows[@]}" | awk -F '|' '{ printf "%-60s %14s   %-9s %s\n", $1, $2, $3, $4 }'
}

print_markdown() {
        echo "| | measured | target | |"
        echo "|---|---:|---|---|"
        printf '%s\n' "${rows[@]}" | sed -e 's/|/ | /g' -e 's/.*/| & |/'
}

say() {
        printf '%4d s  %s\n' "$SECONDS" "$1" >&2
}
