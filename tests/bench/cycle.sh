# shellcheck shell=bash disable=SC2154,SC2034  # variables of run.sh and lib.sh
# One source with three active jobs: what a cycle costs, beside other ways to do it.

sed 's/^record_requests = false/record_requests = true/' tests/sim/scenarios/quiet.conf >"$T/recorded.conf"
sdk_cycles=500                  # at once, for V8 to compile what the SDK's loop needs
sdk_anon_kb=""

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

sim_seconds() {
        curl -sS --max-time 10 "$1/_sim/time" | jq .seconds
}

has_sdk() {
        command -v node >/dev/null && [ -d tests/verify/node_modules/openai ]
}

# warm_up PID URL REQUESTS: until it has made so many, then stopped.
warm_up() {
        wait_until 30 has_requests "$2" $(($(requests "$2") + $3))
        pause "$1"
}

bench_unchanged() {
        local daemon bare sdk="" i before
        start_ftsim tests/sim/scenarios/quiet.conf
        configure quiet "$url" "${interval_ms}ms"
        start "$build/ftwatchd" --config "$conf"
        daemon=$pid
        warm_up "$daemon" "$url" 40
        start "$build/bench/bare" "$url" "$interval_ms"
        bare=$pid
        warm_up "$bare" "$url" 40
        if has_sdk; then
                start node tests/bench/sdk.cjs "$url" "$interval_ms" "$sdk_cycles"
                sdk=$pid
                warm_up "$sdk" "$url" $(((sdk_cycles + 10) * 4))
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

# catch_up PID: over what has happened while it stood still, which is no part of a usual cycle.
catch_up() {
        kill -CONT "$1"
        sleep 0.3
        pause "$1"
}

# bench_changed NAME SCENARIO
bench_changed() {
        local name=$1 daemon bare i asked cycled
        start_ftsim "$2"
        configure "$name" "$url" "${interval_ms}ms"
        start "$build/ftwatchd" --config "$conf"
        daemon=$pid
        warm_up "$daemon" "$url" 40
        start "$build/bench/bare" "$url" "$interval_ms"
        bare=$pid
        warm_up "$bare" "$url" 40
        for ((i = 0; i < news_turns; i++)); do
                catch_up "$daemon"
                asked=$(requests "$url") cycled=$(cycles "$url")
                turn "$T/$name-daemon" "$daemon" "$news_sec" cycles "$url"
                note_ratio "$T/$name-requests" $(($(requests "$url") - asked)) $(($(cycles "$url") - cycled))
                catch_up "$bare"
                turn "$T/$name-bare" "$bare" "$news_sec" cycles "$url"
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
        configure "callgrind-$1" "$url" "${counted_interval_ms}ms"
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
                note_wall "$T/once-wall" "$started"
                awk '{ print ($1 + $2) * 1000 }' "$T/time" >>"$T/once-cpu"
                started=${EPOCHREALTIME/[.,]/}
                "$build/ftwatchd" --version >/dev/null
                note_wall "$T/start-wall" "$started"
                started=${EPOCHREALTIME/[.,]/}
                curl --version >/dev/null
                note_wall "$T/curl-wall" "$started"
        done
        stop_all
}

bench_cycle() {
        say "unchanged cycles, $turns turns: ftwatchd, libcurl + json-c, $(has_sdk && echo "SDK, ")curl + jq"
        bench_unchanged
        say "changed cycles: ftwatchd, libcurl + json-c, in $news_turns turns"
        # Of the three jobs that train, two have done their steps and wait for their end.
        sed '/suffix = "t/{n;s/steps =.*/steps = 40; every = 1; epochs = 3; from = -50.0; to = -10.0; };/}' \
                tests/bench/news.conf >"$T/news-one.conf"
        bench_changed one "$T/news-one.conf"
        bench_changed all tests/bench/news.conf
        say "ftwatchd --once, $once_runs times"
        bench_once
        say "wake-ups between polls"
        bench_wakeups
        say "instructions under callgrind"
        bench_instructions
}

cycle_rows() {
        local sdk_us="" sdk_ratio=""
        if [ -s "$T/sdk" ]; then
                sdk_us=$(median_of "$T/sdk") sdk_ratio=$(ratio_of "$T/sdk" "$T/daemon")
        fi
        row "unchanged cycle, CPU: ftwatchd" "$(median_of "$T/daemon")" "%.0f us"
        row "  libcurl + json-c, everything parsed" "$(median_of "$T/bare")" "%.0f us"
        row "  official SDK in a loop, Node${sdk_us:+ $(node --version)}" "$sdk_us" "%.0f us"
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
        row "  files of the state touched (0 no, 1 yes)" \
                "$([ "$state_changed" = no ] && echo 0 || echo 1)" "%d" "=" 0
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
        row "  of it to load the program and its libraries (--version), ms" \
                "$(median_of "$T/start-wall")" "%.1f"
        row "  ftwatchd --once : curl --version" "$(ratio_of "$T/once-wall" "$T/curl-wall")" "%.1f"
        row "  CPU, ms" "$(median_of "$T/once-cpu")" "%.0f"
}
