#!/usr/bin/env bash
# Runs test programs side by side and sums them up: tests/tools/run-unit.sh PROGRAM...
# A program that speaks TAP (every cmocka one) counts test by test, any other (the fuzzers' replays) as one.
# Of what passes nothing is shown, of what is skipped its name, of what fails everything. The last line:
# "N passed, N failed, N skipped".
#
# TEST_WRAPPER  a command to put before each program ("valgrind -q --error-exitcode=99")
# TEST_SAMPLE   what is tried at every point or many times is tried at every Nth, and fewer times (1)
# TEST_TIMEOUT  seconds a program may take (120)
# TEST_JOBS     programs at a time (the number of processors)
set -u

here=$(cd "$(dirname "$0")" && pwd)

# Recorded bodies, where they lie beside the tree; tests that want them skip otherwise.
if [ -z "${FTWATCH_FIXTURES-}" ] && [ -d "$here/../../../shared/fixtures" ]; then
        FTWATCH_FIXTURES=$(cd "$here/../../../shared/fixtures" && pwd)
        export FTWATCH_FIXTURES
fi

# Runs one program in a TMPDIR of its own, leaves "NAME.out" and "NAME.sum" in $RUN_DIR.
run_one() {
        local program=$1 name out rc=0 left passed failed skipped limit=${TEST_TIMEOUT:-120}
        name=$(basename "$program")
        out=$RUN_DIR/$name.out
        mkdir "$RUN_DIR/$name.tmp" || return 1

        # shellcheck disable=SC2086  # the wrapper is a command line
        TMPDIR=$RUN_DIR/$name.tmp CMOCKA_MESSAGE_OUTPUT=TAP \
                timeout -k 5 "$limit" ${TEST_WRAPPER-} "$program" >"$out" 2>&1 </dev/null || rc=$?

        read -r passed failed skipped < <(awk -f "$here/tap-sum.awk" "$out")
        if [ "$((passed + failed + skipped))" = 0 ]; then
                [ "$rc" = 0 ] && passed=1
        fi
        case $rc in
                0) ;;
                124 | 137)
                        echo "# $program: took longer than $limit s" >>"$out"
                        [ "$failed" != 0 ] || failed=1
                        ;;
                *)
                        echo "# $program: exit status $rc" >>"$out"
                        [ "$failed" != 0 ] || failed=1
                        ;;
        esac
        left=$(find "$RUN_DIR/$name.tmp" -mindepth 1 2>/dev/null | sed "s|^$RUN_DIR/$name.tmp/|#   |")
        if [ -n "$left" ]; then
                printf '# %s: left behind in TMPDIR:\n%s\n' "$program" "$left" >>"$out"
                failed=$((failed + 1))
        fi
        echo "$passed $failed $skipped" >"$RUN_DIR/$name.sum"
        if [ "$failed" != 0 ]; then
                # One write, so that the output of two failing programs does not mix.
                printf '%s\n' "--- $program: $failed failed" "$(grep -v "^ok " "$out")" ""
        fi
        [ "$skipped" = 0 ] || grep -iE '^(not )?ok .*# *skip' "$out" | sed "s/^/$name: /"
}

if [ "${1-}" = --one ]; then
        run_one "$2" 2>/dev/null # the shell's own "Aborted" line; the program's words are in its .out
        exit
fi

RUN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/ftw-unit.XXXXXX") || exit 1
export RUN_DIR
trap 'rm -rf "$RUN_DIR"' EXIT
trap 'exit 130' INT TERM HUP

[ "$#" = 0 ] || printf '%s\0' "$@" | xargs -0 -n 1 -P "${TEST_JOBS:-$(nproc)}" "$0" --one

passed=0 failed=0 skipped=0
for program in "$@"; do
        sum=$RUN_DIR/$(basename "$program").sum
        if [ -s "$sum" ]; then
                read -r p f s <"$sum"
        else
                echo "--- $program: did not report"
                p=0 f=1 s=0
        fi
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
if [ "$skipped" != 0 ] && [ -z "${FTWATCH_FIXTURES-}" ]; then
        echo "# skipped: recorded bodies are not beside the tree, and FTWATCH_FIXTURES names none"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
