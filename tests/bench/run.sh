#!/usr/bin/env bash
# What ftwatchd costs, beside other ways to do the same, measured in one run against ftsim on loopback:
#
#   tests/bench/run.sh               under five minutes (make bench builds what it needs)
#   tests/bench/run.sh --quick       the cycle in under 40 seconds, less exact
#   tests/bench/run.sh --scale       many sources, many jobs, a long history; nothing else
#
# A cycle is a look at the list of 100 jobs and at the events of the three active ones. All clients keep
# their connection and pause between cycles, as a daemon does: caches are cold (with a tenth of the pause all
# are cheaper, the SDK most). They are started once, warmed up, and run in turns (SIGCONT, SIGSTOP); the
# kernel's account of their run time is divided by the cycles that the simulator counted. Shown are medians
# over the turns; a ratio is the median of the ratios of each turn, which repeat better than times do. The
# targets are for reading: the exit status does not depend on them. The table is also written to
# build/bench/README-table.md.
set -u
cd "$(dirname "$0")/../.." || exit 1

build=${FTWATCH_BUILD:-build}
interval_ms=250                 # from the start of a cycle to the next
counted_interval_ms=20          # where instructions are counted, which do not depend on it
turns=5 turn_sec=3 news_turns=4 news_sec=4 shell_cycles=5
once_runs=20 wakeup_cycles=3 few_cycles=20 many_cycles=220
scale_settle_sec=75 scale_sec=45 only=""
case ${1-} in
        "") ;;
        --scale) only=scale ;;
        --quick)
                turns=3 turn_sec=2 news_turns=2 news_sec=3 shell_cycles=2
                once_runs=7 wakeup_cycles=1 few_cycles=5 many_cycles=45
                only=cycle
                ;;
        *)
                sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'
                [ "$1" = --help ] || exit 2
                exit 0
                ;;
esac

for program in ftwatchd ftsim bench/bare; do
        [ -x "$build/$program" ] || { echo "bench: no $build/$program; make bench builds it" >&2; exit 1; }
done
for tool in curl jq awk openssl; do
        command -v $tool >/dev/null || { echo "bench: $tool is not installed" >&2; exit 1; }
done
[ -r /proc/self/schedstat ] || { echo "bench: this kernel has no /proc/PID/schedstat" >&2; exit 1; }

# shellcheck source=tests/bench/lib.sh
. tests/bench/lib.sh
# shellcheck source=tests/bench/cycle.sh
. tests/bench/cycle.sh
# shellcheck source=tests/bench/scale.sh
. tests/bench/scale.sh

if [ "$only" != scale ]; then
        bench_cycle
        cycle_rows
fi
if [ "$only" != cycle ]; then
        bench_scale
        scale_rows
fi

mkdir -p "$build/bench"
print_markdown >"$build/bench/README-table.md"
echo
print_table
echo
echo "$n_missed targets missed, $SECONDS s; also in $build/bench/README-table.md"
