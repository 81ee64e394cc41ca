# shellcheck shell=bash disable=SC2154,SC2034  # variables of run.sh and lib.sh
# Many sources, many jobs, a long history. All sources are polled at 30 s, one in a hundred has an active
# job, and each is at a host of its own (by `resolve`), so that no two can share a connection. It takes two
# minutes of waiting: what is measured in instructions is done meanwhile.

declare -A scale_pid=() scale_cpu=() scale_pss=() scale_late=() scale_open=()
# Of each daemon, the numbers of its sources: first, behind the last.
scale_numbers=(http 0 2000 https 2000 4000 single 9000 9001)

# Lists are short: what a first contact costs is no part of a cycle.
scale_sims() {
        local world
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/key.pem" \
                -out "$T/cert.pem" -days 2 -subj /CN=bench \
                -addext 'subjectAltName=DNS:*.bench.example' 2>>"$T/log" ||
                fail "openssl made no certificate"
        for world in "idle 0" "active 1" "single 500"; do
                printf 'estimate = "fixed"; generate = { finished = 20; active = %d; events = 20; };\n' \
                        "${world#* }" >"$T/${world% *}.world"
        done
        for world in idle active single; do
                start "$build/ftsim" --scenario "$T/$world.world" --port-file "$T/$world.http" \
                        --tls-cert "$T/cert.pem" --tls-key "$T/key.pem" --tls-port-file "$T/$world.https"
        done
        for world in idle active single; do
                wait_until 20 has_text "$T/$world.https"
        done
}

# scale_start NAME SCHEME ACTIVE-WORLD FIRST END
scale_start() {
        local idle active
        idle=$(<"$T/idle.$2") active=$(<"$T/$3.$2")
        (umask 077 && awk -v name="$1" -v scheme="$2" -v idle="${idle##*:}" \
                -v active="${active##*:}" -v first="$4" -v end="$5" -v dir="$T" \
                -v hook="$(<"$T/idle.http")" '
                BEGIN {
                        printf "state_dir = \"%s/%s\"; log_level = \"warning\"; ", dir, name
                        print "sources = ("
                        for (i = first; i < end; i++) {
                                host = scheme == "https" ? "s" i ".bench.example" : \
                                       "127.1." int(i / 250) "." i % 250 + 1
                                port = i % 100 ? idle : active
                                printf "%s{ name = \"s%d\"; ", (i > first ? "," : ""), i
                                printf "dialect = \"foundry\"; "
                                printf "endpoint = \"%s://%s:%d/api/projects/s%d\"; ", scheme, host, port, i
                                printf "resolve = [ \"%s:%d:127.0.0.1\" ]; ca_file = \"%s/cert.pem\"; ", \
                                       host, port, dir
                                print "api_key = \"env:BENCH_KEY\"; poll_interval = \"30s\"; " \
                                      "idle_interval = \"30s\"; }"
                        }
                        printf "); receivers = ( { name = \"hook\"; kind = \"webhook\"; "
                        printf "url = \"%s/sink/webhook/x\"; secret = \"env:BENCH_SECRET\"; } );\n", hook
                }' >"$T/$1.conf")
        start "$build/ftwatchd" --config "$T/$1.conf"
        scale_pid[$1]=$pid
}

# Looks at the list: "source seconds", of all three worlds, as the simulators recorded them.
scale_looks() {
        local world
        for world in idle active single; do
                curl -sS --max-time 30 "$(<"$T/$world.http")/_sim/requests" |
                        jq -r --argjson now "$(sim_seconds "$(<"$T/$world.http")")" '.[] |
                                select(.path | endswith("/jobs")) |
                                "\(.path | split("/")[3][1:]) \($now - .time)"'
        done
}

# scale_lateness FIRST END SECONDS <looks: the longest time from one look of a source to its next (or to now)
# in the last SECONDS, less the interval. Looks come up to a tenth early, never late by intent.
scale_lateness() {
        awk -v first="$1" -v end="$2" -v span="$3" '
                $1 >= first && $1 < end {
                        if ($1 in last && $2 < span && last[$1] - $2 > most)
                                most = last[$1] - $2
                        last[$1] = $2
                }
                END {
                        for (s in last)
                                if (last[s] > most)
                                        most = last[s]
                        for (i = first; i < end; i++)
                                if (!(i in last))
                                        most = 1e9
                        printf "%.2f", (most > 30 ? most - 30 : 0)
                }'
}

scale_begin() {
        scale_sims
        scale_start http http active 0 2000
        scale_start https https active 2000 4000
        scale_start single http single 9000 9001
        scale_begun=$SECONDS
}

scale_measure() {
        local name from n
        local -A cpu=()
        wait_until 120 is_late $((scale_begun + scale_settle_sec))
        for name in http https single; do
                cpu[$name]=$(cpu_ns "${scale_pid[$name]}")
        done
        from=${EPOCHREALTIME/[.,]/}
        sleep "$scale_sec"
        for name in http https single; do
                scale_cpu[$name]=$(awk -v a="${cpu[$name]}" -v b="$(cpu_ns "${scale_pid[$name]}")" \
                        -v t=$((${EPOCHREALTIME/[.,]/} - from)) 'BEGIN { print (b - a) / t / 10 }')
                scale_pss[$name]=$(ratio "$(field "/proc/${scale_pid[$name]}/smaps_rollup" Pss)" 1024)
                scale_open[$name]=$(find "/proc/${scale_pid[$name]}/fd" -lname 'socket:*' 2>/dev/null |
                        wc -l)
        done
        scale_looks >"$T/looks"
        for ((n = 0; n < ${#scale_numbers[@]}; n += 3)); do
                scale_late[${scale_numbers[n]}]=$(scale_lateness "${scale_numbers[n + 1]}" \
                        "${scale_numbers[n + 2]}" "$scale_sec" <"$T/looks")
        done
        stop_all
}

is_late() {
        [ "$SECONDS" -ge "$1" ]
}

# --- a long history -------------------------------------------------------------------
# callgrind_calls FILE FUNCTION: how often it was called.
callgrind_calls() {
        awk -v wanted="$2" '
                /^c?fn=\(/ {
                        id = $1
                        sub(/^c?fn=/, "", id)
                        if (NF > 1)
                                name[id] = $2
                        called = /^cfn/ ? id : ""
                }
                /^calls=/ && called != "" { n[called] += substr($1, 7) }
                END {
                        for (id in n)
                                if (name[id] == wanted)
                                        sum += n[id]
                        print sum + 0
                }' "$1"
}

# history FINISHED: a state and a server with so many finished jobs and three active ones; then a few and
# many cycles under callgrind. Prints "instructions texts-given-to-json-c" of one. Runs beside others.
history() {
        local i n out before=0 few=() many=()
        pids=()
        printf 'estimate = "fixed"; generate = { finished = %d; active = 3; events = 20; };\n' "$1" \
                >"$T/$1.sim"
        start_ftsim "$T/$1.sim" "$1.url"
        configure "history-$1" "$url" "${counted_interval_ms}ms"
        for ((i = 0; i <= $1 / 20000 + 1; i++)); do             # 200 pages each
                "$build/ftwatchd" --config "$conf" --once >>"$T/log" 2>&1 || fail "ftwatchd --once failed"
        done
        for n in "$few_cycles" "$many_cycles"; do
                out=$T/history.$1.$n before=$(cycles "$url")
                start valgrind -q --tool=callgrind --callgrind-out-file="$out" \
                        "$build/ftwatchd" --config "$conf"
                wait_until 120 has_cycles "$url" $((before + n))
                stop "$pid"
                has_text "$out" || fail "callgrind wrote nothing"
                few=("${many[@]}")
                many=($(($(cycles "$url") - before))
                      "$(awk '/^(totals|summary):/ { n = $2 } END { print n }' "$out")"
                      "$(callgrind_calls "$out" json_tokener_parse_ex)")
        done
        awk -v n="${few[*]}" -v m="${many[*]}" 'BEGIN {
                split(n, a); split(m, b)
                printf "%.0f %.3f\n", (b[2] - a[2]) / (b[1] - a[1]), (b[3] - a[3]) / (b[1] - a[1]) }'
        stop_all
}

bench_history() {
        history_short="" history_long="" texts_short="" texts_long=""
        command -v valgrind >/dev/null || return
        read -r history_short texts_short < <(history 100)
        read -r history_long texts_long < <(history 100000)
}

# --- all of it ------------------------------------------------------------------------
bench_scale() {
        say "2 x 2,000 sources, and 500 jobs, at 30 s; meanwhile cycles with 100 and 100,000 finished jobs"
        scale_begin
        bench_history
        say "$scale_sec s of it are measured"
        scale_measure
}

# scale_rows_of NAME TITLE
scale_rows_of() {
        row "$2, CPU: % of a core" "${scale_cpu[$1]}" "%.1f" "<=" 5
        row "  memory (PSS), MiB" "${scale_pss[$1]}" "%.1f" "<=" 32
        row "  the latest look at a list, s late" "${scale_late[$1]}" "%.1f" "<=" 3
        row "  open sockets" "${scale_open[$1]}" "%d"
}

scale_rows() {
        scale_rows_of http "2,000 hosts, 20 active jobs, at 30 s"
        scale_rows_of https "the same with TLS: a handshake a poll, resumed"
        scale_rows_of single "a source with 500 active jobs, at 30 s"
        row "cycle with 100,000 finished jobs : with 100, instructions" \
                "${history_long:+$(ratio "$history_long" "$history_short")}" "%.3f" "<=" 1.05
        row "  texts parsed in an unchanged cycle" "$texts_long" "%.2f" "=" 0
}
