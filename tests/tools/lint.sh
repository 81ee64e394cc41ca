#!/usr/bin/env bash
# make lint: what no compiler says. Every check runs, also after one has failed; each counts as one.
# A tool that is not installed is a skip, and a failure with CI=true. The last line is the sum:
# "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1

: "${BUILD:=build}" "${MAKE:=make}"
passed=0 failed=0 skipped=0

check() {
        local name=$1 needs=$2 said rc=0
        shift 2
        if ! command -v "$needs" >/dev/null; then
                echo "--- lint $name: $needs is not installed (contrib/bootstrap.sh --tests)"
                if [ "${CI-}" = true ]; then failed=$((failed + 1)); else skipped=$((skipped + 1)); fi
                return
        fi
        said=$("$@" 2>&1) || rc=$?
        if [ "$rc" = 0 ]; then
                passed=$((passed + 1))
                echo "ok       lint $name"
        else
                failed=$((failed + 1))
                printf '%s\n' "--- lint $name failed" "$said"
        fi
}

files() {
        # What git would take: committed, or new and not ignored. In an unpacked tarball: all there is.
        if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
                git ls-files --cached --others --exclude-standard -- "$@"
        else
                find . \( -path './build*' -o -name node_modules \) -prune -o -type f -print |
                        sed 's|^\./||' | while read -r f; do
                        for glob in "$@"; do
                                # shellcheck disable=SC2053  # a glob is meant
                                [[ $f == $glob ]] && echo "$f" && break
                        done
                done
        fi | sort -u | while read -r f; do [ -f "$f" ] && echo "$f"; done
}

list_c=$(files '*.c' '*.h')
list_bats=$(files '*.bats' '*.bash')
# Every other file that a shell runs, by its first line.
list_sh=$(files '*.sh' '.ci/*' 'contrib/*' 'tests/*' 'packaging/*' | while read -r f; do
        case $f in *.c | *.h | *.bats | *.bash | *.awk | *.json | */corpus/*) continue ;; esac
        read -r first <"$f" 2>/dev/null
        case $first in '#!'*/sh | '#!'*/bash | '#!'*'env bash' | '#!'*'env sh') echo "$f" ;; esac
done)

run_style() {
        # shellcheck disable=SC2086
        LC_ALL=C awk -f tests/tools/style.awk $list_c
}

run_widths() {
        # Characters, not bytes, so in a UTF-8 locale.
        # shellcheck disable=SC2086
        ! LC_ALL=C.UTF-8 grep -HnE '^.{110,}' $list_c $list_sh $list_bats Makefile /dev/null |
                sed 's/\(:[0-9]*:\).*/\1 more than 109 columns/' | grep .
}

run_lengths() {
        # shellcheck disable=SC2086
        wc -l $list_sh $list_bats /dev/null | awk '
                $2 != "total" && $1 > 500 { print $2 ": " $1 " lines, 500 are allowed"; bad = 1 }
                END { exit bad }'
}

run_shellcheck() {
        # shellcheck disable=SC2086
        [ -z "$list_sh" ] || shellcheck -x -P SCRIPTDIR $list_sh
}

# bats files are bash with one more word; 2030 and 2031 are about the subshell that each test is on purpose.
run_shellcheck_bats() {
        # shellcheck disable=SC2086
        [ -z "$list_bats" ] || shellcheck -x -P SCRIPTDIR -e SC2030,SC2031,SC2034,SC2154,SC2317 $list_bats
}

run_cppcheck() {
        mkdir -p "$BUILD/cppcheck"
        # It does not see __attribute__((cleanup)) (leaks are for ASan and valgrind) nor the loops of uthash.
        cppcheck --quiet -j "$(nproc)" --cppcheck-build-dir="$BUILD/cppcheck" \
                --std=c11 --language=c --library=posix \
                --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
                --suppress=missingInclude --suppress=missingIncludeSystem --suppress='*:/usr/include/*' \
                --suppress=unknownMacro --suppress=memleak --suppress=resourceLeak \
                --suppress=unmatchedSuppression \
                -D_GNU_SOURCE '-DFTWATCH_VERSION="0"' '-DFTWATCH_SYSCONFDIR="/etc"' -Isrc -Itests src tests
}

run_clang_tidy() {
        local jobs=()
        [[ ${MAKEFLAGS-} == *jobserver* ]] || jobs=(-j "$(nproc)")
        "$MAKE" -k --no-print-directory "${jobs[@]}" BUILD="$BUILD" tidy
}

check style awk run_style
check widths grep run_widths
check lengths wc run_lengths
check shellcheck shellcheck run_shellcheck
check shellcheck-bats shellcheck run_shellcheck_bats
check cppcheck cppcheck run_cppcheck
check clang-tidy clang-tidy run_clang_tidy

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
