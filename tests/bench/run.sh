#!/usr/bin/env bash
# What ftwatchd costs, beside other ways to do the same, measured in one run against ftsim on loopback:
#
#   tests/bench/run.sh               about two minutes (make bench builds what it needs)
#   tests/bench/run.sh --quick       under 40 seconds, less exact
#
# A cycle is a look at the list of 100 jobs and at the events of the three active ones. All clients keep
# their connection and pause between cycles, as a daemon does: caches are cold. They are started once, warmed
# up, and run in turns (SIGCONT, SIGSTOP); the kernel's account of their run time is divided by the cycles
# that the simulator counted. Shown are medians over the turns; a ratio is the median of the ratios of each
# turn, which repeat better than times do. The targets are for reading: the exit status does not depend on
# them. The table is also written to build/bench/README-table.md.
set -u
cd "$(dirname "$0")/../.." || exit 1

build=${FTWATCH_BUILD:-build}
interval_ms=20                  # from the start of a cycle to the next
news_interval_ms=40             # the same where something happens in between
turns=7 turn_sec=2 news_turns=5 news_sec=4 shell_cycles=5
once_runs=20 wakeup_cycles=3 few_cycles=20 many_cycles=220
case ${1-} in
        "") ;;
        --quick)
                turns=3 turn_sec=0.7 news_turns=3 news_sec=1.2 shell_cycles=2
                once_runs=7 wakeup_cycles=1 few_cycles=5 many_cycles=45
                ;;
        *)
                sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'
                [ "$1" = --help ] || exit 2
                exit 0
                ;;
esac

for program in ftwatchd ftsim bench/bare bench/news; do
        [ -x "$build/$program" ] || { echo "bench: no $build/$program; make bench builds it" >&2; exit 1; }
done
for tool in curl jq awk; do
        command -v $tool >/dev/null || { echo "bench: $tool is not installed" >&2; exit 1; }
done
[ -r /proc/self/schedstat ] || { echo "bench: this kernel has no /proc/PID/schedstat" >&2; exit 1; }

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

# start_ftsim SCENARIO: sets url and pid.
start_ftsim() {
        local file=$T/url
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
sources = ( { name = "bench"; endpoint = "$2"; api_key = "env:BENCH_KEY"; poll_interval = "$3"; } );
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

# median_of FILE, ratio_of FILE FILE: of the turns' figures, line by line.
median_of() {
        median <"$1"
}

ratio_of() {
        paste "$1" "$2" | awk '{ print $1 / $2 }' | median
}

# --- turns ----------------------------------------------------------------------------
# turn FILE PID SECONDS UNITS-COMMAND...: lets the client run and appends microseconds for each unit to FILE;
# the command prints units counted so far.
turn() {
        local file=$1 client=$2 sec=$3 cpu units
        shift 3
        cpu=$(cpu_ns "$client") units=$("$@")
        kill -CONT "$client"
        sleep "$sec"
        pause "$client"
        awk -v c0="$cpu" -v c1="$(cpu_ns "$client")" -v u0="$units" -v u1="$("$@")" \
                'BEGIN { if (u1 > u0) print (c1 - c0) / 1000 / (u1 - u0) }' >>"$file"
}

unchanged_cycles() {
        ratio "$(requests "$1")" 4
}

# What news.c did: one cycle each.
news_seconds() {
        curl -sS --max-time 10 "$1/_sim/time" | jq .seconds
}

has_sdk() {
        command -v node >/dev/null && [ -d tests/verify/node_modules/openai ]
}

# warm_up PID URL: some cycles, then stopped.
warm_up() {
        wait_until 20 has_requests "$2" $(($(requests "$2") + 40))
        pause "$1"
}

bench_unchanged() {
        local daemon bare sdk="" i before
        start_ftsim tests/sim/scenarios/quiet.conf
        configure quiet "$url" "${interval_ms}ms"
        start "$build/ftwatchd" --config "$conf"
        daemon=$pid
        warm_up "$daemon" "$url"
        start "$build/bench/bare" "$url" "$interval_ms"
        bare=$pid
        warm_up "$bare" "$url"
        if has_sdk; then
                start node tests/bench/sdk.cjs "$url" "$interval_ms"
                sdk=$pid
                warm_up "$sdk" "$url"
        fi
        before=$(state_of "$T/quiet")
        wrote_before=$(field "/proc/$daemon/io" wchar) disk_before=$(field "/proc/$daemon/io" write_bytes)
        for ((i = 0; i < turns; i++)); do
                turn "$T/daemon" "$daemon" "$turn_sec" unchanged_cycles "$url"
                turn "$T/bare" "$bare" "$turn_sec" unchanged_cycles "$url"
                [ -z "$sdk" ] || turn "$T/sdk" "$sdk" "$turn_sec" unchanged_cycles "$url"
                TIMEFORMAT='%U %S'
                { time tests/bench/shell.sh "$url" "$shell_cycles" >/dev/null 2>>"$T/log"; } 2>&1 |
                        awk -v n="$shell_cycles" '{ print ($1 + $2) * 1e6 / n }' >>"$T/shell"
        done
        wrote=$(($(field "/proc/$daemon/io" wchar) - wrote_before))
        disk=$(($(field "/proc/$daemon/io" write_bytes) - disk_before))
        state_changed=no
        [ "$before" = "$(state_of "$T/quiet")" ] || state_changed=yes
        anon_kb=$(field "/proc/$daemon/smaps_rollup" Anonymous)
        pss_kb=$(field "/proc/$daemon/smaps_rollup" Pss)
        [ -z "$sdk" ] || sdk_anon_kb=$(field "/proc/$sdk/smaps_rollup" Anonymous)
        stop_all
}

stop_all() {
        local each
        for each in "${pids[@]}"; do
                stop "$each"
        done
        pids=()
}

# bench_changed NAME SCENARIO
bench_changed() {
        local name=$1 daemon bare i asked seconds
        start_ftsim "$2"
        start "$build/bench/news" "$url" 1000
        configure "$name" "$url" "${news_interval_ms}ms"
        start "$build/ftwatchd" --config "$conf"
        daemon=$pid
        warm_up "$daemon" "$url"
        start "$build/bench/bare" "$url" "$news_interval_ms"
        bare=$pid
        warm_up "$bare" "$url"
        for ((i = 0; i < news_turns; i++)); do
                asked=$(requests "$url") seconds=$(news_seconds "$url")
                turn "$T/$name-daemon" "$daemon" "$news_sec" news_seconds "$url"
                ratio $(($(requests "$url") - asked)) \
                        "$(awk -v a="$(news_seconds "$url")" -v b="$seconds" 'BEGIN { print a - b }')" \
                        >>"$T/$name-requests"
                echo >>"$T/$name-requests"
                turn "$T/$name-bare" "$bare" "$news_sec" news_seconds "$url"
        done
        stop_all
}

# --- one by one -----------------------------------------------------------------------
# Requests of each cycle from one look at the list to the next, and voluntary switches between polls.
bench_wakeups() {
        local daemon i n before
        start_ftsim "$T/recorded.conf"
        configure slow "$url" 2s
        start "$build/ftwatchd" --config "$conf"
        daemon=$pid
        wait_until 20 has_requests "$url" 4
        wakeups=0
        for ((i = 0; i < wakeup_cycles; i++)); do
                n=$(requests "$url")
                wait_until 20 has_requests "$url" $((n + 4))
                sleep 0.2
                before=$(field "/proc/$daemon/status" voluntary_ctxt_switches)
                sleep 1.3
                [ "$(requests "$url")" = $((n + 4)) ] || fail "a poll came too soon"
                wakeups=$((wakeups + $(field "/proc/$daemon/status" voluntary_ctxt_switches) - before))
        done
        wakeups=$(ratio "$wakeups" "$wakeup_cycles")
        stop_all
}

# instructions CYCLES: of a whole run under callgrind with so many cycles; prints "instructions cycles".
instructions() {
        local out=$T/callgrind.$1
        start_ftsim "$T/recorded.conf"
        configure "callgrind-$1" "$url" "${interval_ms}ms"
        start valgrind -q --tool=callgrind --callgrind-out-file="$out" "$build/ftwatchd" --config "$conf"
        wait_until 120 has_cycles "$url" "$1"
        stop "$pid"
        curl -sS --max-time 10 "$url/_sim/requests" >"$T/requests"
        has_text "$out" || fail "callgrind wrote nothing"
        counted=$(awk '/^(totals|summary):/ { n = $2 } END { print n }' "$out")
        cycled=$(jq 'length / 4' "$T/requests")
        stop_all
}

# The fewest and the most requests of one cycle, first contact and the last one left out.
requests_of_cycles() {
        jq -r '[.[] | .path | endswith("/jobs")] | [indices(true)[2:] as $i | range(1; $i | length) |
                $i[.] - $i[. - 1]] | "\(min) \(max)"' "$T/requests"
}

bench_instructions() {
        local few few_cycled
        instr_per_cycle=""
        if command -v valgrind >/dev/null; then
                instructions "$few_cycles"
                few=$counted few_cycled=$cycled
                instructions "$many_cycles"
                instr_per_cycle=$(awk -v a="$few" -v b="$counted" -v n="$few_cycled" -v m="$cycled" \
                        'BEGIN { printf "%.9g", (b - a) / (m - n) }')
                read -r requests_min requests_max < <(requests_of_cycles)
        fi
}

bench_once() {
        local i started
        start_ftsim tests/sim/scenarios/quiet.conf
        configure once "$url" 30s
        "$build/ftwatchd" --config "$conf" --once >>"$T/log" 2>&1 || fail "ftwatchd --once failed"
        for ((i = 0; i < once_runs; i++)); do
                started=${EPOCHREALTIME/[.,]/}
                TIMEFORMAT='%U %S'
                { time "$build/ftwatchd" --config "$conf" --once >>"$T/log" 2>&1; } 2>"$T/time" ||
                        fail "ftwatchd --once failed"
                ratio $((${EPOCHREALTIME/[.,]/} - started)) 1000 >>"$T/once-wall"
                echo >>"$T/once-wall"
                awk '{ print ($1 + $2) * 1000 }' "$T/time" >>"$T/once-cpu"
                started=${EPOCHREALTIME/[.,]/}
                "$build/ftwatchd" --version >/dev/null
                ratio $((${EPOCHREALTIME/[.,]/} - started)) 1000 >>"$T/start-wall"
                echo >>"$T/start-wall"
        done
        stop_all
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

sed 's/^record_requests = false/record_requests = true/' tests/sim/scenarios/quiet.conf >"$T/recorded.conf"
sdk_anon_kb=""
say "unchanged cycles: ftwatchd, libcurl + json-c, $(has_sdk && echo "the SDK, ")curl + jq, in $turns turns"
bench_unchanged
say "changed cycles: ftwatchd, libcurl + json-c, in $news_turns turns"
# Of the three jobs that train, two have done their steps and wait for their end.
sed '/suffix = "t/{n;s/steps = .*/steps = 40; every = 1; epochs = 3; from = -50.0; to = -10.0; };/}' \
        tests/bench/news.conf >"$T/news-one.conf"
bench_changed one "$T/news-one.conf"
bench_changed all tests/bench/news.conf
say "ftwatchd --once, $once_runs times"
bench_once
say "wake-ups between polls"
bench_wakeups
say "instructions under callgrind"
bench_instructions

sdk_us="" sdk_ratio=""
if [ -s "$T/sdk" ]; then
        sdk_us=$(median_of "$T/sdk") sdk_ratio=$(ratio_of "$T/sdk" "$T/daemon")
fi
row "unchanged cycle, CPU: ftwatchd" "$(median_of "$T/daemon")" "%.0f us"
row "  libcurl + json-c, everything parsed" "$(median_of "$T/bare")" "%.0f us"
row "  official Node SDK in a loop" "$sdk_us" "%.0f us"
row "  shell loop with curl and jq" "$(median_of "$T/shell")" "%.0f us"
row "  ftwatchd : libcurl + json-c" "$(ratio_of "$T/daemon" "$T/bare")" "%.2f" "<=" 0.35
row "  SDK loop : ftwatchd" "$sdk_ratio" "%.0f x" ">=" 15
row "  shell loop : ftwatchd" "$(ratio_of "$T/shell" "$T/daemon")" "%.0f x" ">=" 200
row "  user-space instructions, million" \
        "${instr_per_cycle:+$(ratio "$instr_per_cycle" 1000000)}" "%.2f" "<=" 0.8
row "  requests: 1 + 3 active jobs, fewest" "${requests_min-}" "%d" "=" 4
row "  requests: 1 + 3 active jobs, most" "${requests_max-}" "%d" "=" 4
row "  bytes written, all unchanged cycles together" "$wrote" "%d" "=" 0
row "  bytes to disk, all unchanged cycles together" "$disk" "%d" "=" 0
row "  files of the state touched (0 no, 1 yes)" "$([ $state_changed = no ] && echo 0 || echo 1)" "%d" "=" 0
row "cycle with a changed page (an event more of one job), CPU: ftwatchd" \
        "$(median_of "$T/one-daemon")" "%.0f us"
row "  libcurl + json-c, everything parsed" "$(median_of "$T/one-bare")" "%.0f us"
row "  ftwatchd : libcurl + json-c" "$(ratio_of "$T/one-daemon" "$T/one-bare")" "%.2f" "<=" 0.45
row "cycle in which every active job changed, CPU: ftwatchd" "$(median_of "$T/all-daemon")" "%.0f us"
row "  ftwatchd : libcurl + json-c" "$(ratio_of "$T/all-daemon" "$T/all-bare")" "%.2f" "<=" 0.45
row "  requests of such a cycle: at most 1 + 2 x 3" "$(median_of "$T/all-requests")" "%.1f" "<=" 7
row "idle: anonymous memory, MiB" "$(ratio "$anon_kb" 1024)" "%.1f" "<=" 4
row "  proportional share with libraries (PSS), MiB" "$(ratio "$pss_kb" 1024)" "%.1f"
row "  anonymous memory of the SDK loop, MiB" "${sdk_anon_kb:+$(ratio "$sdk_anon_kb" 1024)}" "%.0f"
row "  wake-ups between two polls" "$wakeups" "%.1f" "=" 0
row "ftwatchd --once with a state, wall clock, ms" "$(median_of "$T/once-wall")" "%.1f" "<=" 25
row "  of it to load the program and its libraries (--version), ms" "$(median_of "$T/start-wall")" "%.1f"
row "  CPU, ms" "$(median_of "$T/once-cpu")" "%.0f"

mkdir -p "$build/bench"
print_markdown >"$build/bench/README-table.md"
echo
print_table
echo
echo "$n_missed targets missed, $SECONDS s; also in $build/bench/README-table.md"
