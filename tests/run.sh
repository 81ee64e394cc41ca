#!/usr/bin/env bash
# Installs what the tests need, builds, and runs all of them:
#
#   tests/run.sh                       everything
#   tests/run.sh --quick               without sanitizers, valgrind and the second compiler
#   tests/run.sh SUITE...              these only; --list names them
#   tests/run.sh --no-install ...      with what is installed
#
# Two suites run side by side: what waits leaves room for what computes. Shown is what failed, and how long
# each took; everything is in build/logs/. The last line is the sum over everything, "N passed, N failed, N
# skipped": unit tests, bats tests and checks. A suite that cannot run is skipped; with CI=true that is a
# failure. Exit status 1 on any failure.
set -u
cd "$(dirname "$0")/.." || exit 1

# --- suites: name | in --quick | what -------------------------------------------------
# In the order in which they begin: long ones early, and what computes beside what waits.
suites() {
        sed -e 's/ *| */|/g' -e 's/^ *//' <<'TABLE'
        unit          | quick | unit tests and the fuzzers' corpus
        tools         | quick | the checkers themselves
        clang         | full  | clang builds everything without a warning
        e2e           | quick | the programs against ftsim, real SMTP and the official verifiers
        lint          | quick | clang-tidy, cppcheck, shellcheck, house rules
        e2e-san       | full  | end to end under ASan and UBSan
        unit-valgrind | full  | unit tests and corpus under valgrind
        headers       | quick | every header compiles alone, gcc and clang
        layers        | quick | who may include whom
        packages      | full  | the .deb and the .rpm: contents, flags, lintian, rpmlint, reproducible
        boot          | full  | the package in a Debian with a real systemd (systemd-nspawn)
        unit-san      | full  | unit tests and corpus under ASan and UBSan
TABLE
}

jobs=$(nproc)
bats_jobs=$((2 * jobs)) # they wait more than they compute
wanted=() quick=false install=true
while [ "$#" != 0 ]; do
        case $1 in
                --quick) quick=true ;;
                --no-install) install=false ;;
                --list)
                        suites | awk -F '|' '{ printf "%-14s %-6s %s\n", $1, $2, $3 }'
                        exit 0
                        ;;
                -h | --help)
                        sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'
                        exit 0
                        ;;
                *)
                        if ! suites | cut -d '|' -f 1 | grep -qx -e "$1"; then
                                echo "run.sh: no suite $1, only: $(suites | cut -d '|' -f 1 | xargs)" >&2
                                exit 2
                        fi
                        wanted+=("$1")
                        ;;
        esac
        shift
done
if [ "${#wanted[@]}" = 0 ]; then
        mapfile -t wanted < <(suites | awk -F '|' -v q=$quick 'q == "false" || $2 == "quick" { print $1 }')
fi

logs=$PWD/build/logs
mkdir -p "$logs"
scratch=$(mktemp -d /tmp/ftw-run.XXXXXX) || exit 1 # short: Unix socket paths have 108 bytes
chmod 711 "$scratch" || exit 1 # some tests go on as another user

# Everything below a process, the deepest first: what timeout starts is in a process group of its own.
descendants() {
        local child
        for child in $(pgrep -P "$1"); do
                descendants "$child"
                echo "$child"
        done
}

stop_suites() {
        # shellcheck disable=SC2046  # many
        kill -TERM $(descendants $$) 2>/dev/null
        wait
}
trap 'rm -rf "$scratch"' EXIT
trap 'stop_suites; exit 130' INT TERM HUP
mkdir "$scratch/tmp" "$scratch/parallel" "$scratch/built" "$scratch/sums"
export TMPDIR=$scratch/tmp PARALLEL_HOME=$scratch/parallel
touch "$PARALLEL_HOME/will-cite"
# What the caller exported must not choose another build.
unset BUILD CC CFLAGS CPPFLAGS LDFLAGS SANITIZE COVERAGE WERROR DESTDIR PREFIX MAKEFLAGS

total_passed=0 total_failed=0 total_skipped=0
bad_suites=()

# count SUITE PASSED FAILED SKIPPED
count() {
        total_passed=$((total_passed + $2))
        total_failed=$((total_failed + $3))
        total_skipped=$((total_skipped + $4))
        [ "$3" = 0 ] || bad_suites+=("$1")
}

skip() {
        echo "-- $1: cannot run: $2"
        if [ "${CI-}" = true ]; then count "$1" 0 1 0; else count "$1" 0 0 1; fi
}

has() {
        local tool
        for tool in "$@"; do
                command -v "$tool" >/dev/null || return 1
        done
}

# --- builds: each in a directory of its own, made when the first suite asks for it ----
build_flags() {
        case $1 in
                build) echo "BUILD=build WERROR=1" ;;
                build-clang) echo "BUILD=build-clang CC=clang WERROR=1" ;;
                build-san) echo "BUILD=build-san CC=clang WERROR=1 SANITIZE=address,undefined" ;;
        esac
}

# make_in DIRECTORY TARGET...
make_in() {
        local dir=$1 flags
        shift
        read -ra flags < <(build_flags "$dir")
        make -s --no-print-directory -j "$jobs" "${flags[@]}" "$@"
}

# once NAME COMMAND...: runs it unless another suite has, which is waited for; fails as it did.
once() {
        local name=$1 rc
        shift
        {
                flock 9
                if [ ! -e "$scratch/built/$name" ]; then
                        "$@" >"$logs/make-$name.log" 2>&1 9>&-
                        echo $? >"$scratch/built/$name"
                fi
        } 9>"$scratch/$name.lock"
        rc=$(<"$scratch/built/$name")
        [ "$rc" = 0 ] || cat "$logs/make-$name.log"
        return "$rc"
}

build() {
        once "$1" make_in "$1" all test-programs
}

# make_built DIRECTORY TARGET...: not while another suite builds there. What does not compile is said again.
make_built() {
        build "$1" >/dev/null
        make_in "$@"
}

# --- ways to run ----------------------------------------------------------------------
# sums SUITE COMMAND...: the command's own "N passed, N failed, N skipped" is taken over, the rest is shown.
sums() {
        local suite=$1 log=$logs/$1.log rc=0 sum p f s
        shift
        "$@" >"$log" 2>&1 || rc=$?
        sum=$(grep -xE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$log" | tail -n 1)
        read -r p f s < <(tr -cs '0-9\n' ' ' <<<"${sum:-0 0 0}")
        if [ "$rc" = 0 ] && [ "$((p + f + s))" = 0 ]; then
                skip "$suite" "it has no tests"
                return
        fi
        if [ -z "$sum" ] || { [ "$rc" != 0 ] && [ "$f" = 0 ]; }; then
                f=$((f + 1))
        fi
        if [ "$f" != 0 ]; then
                grep -vxE -e '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' -e '(ok|  [A-Z]+) .*' "$log"
        elif [ "$s" != 0 ]; then
                grep -iE '# *skip|not installed' "$log" | sed 's/^/   /'
        fi
        count "$suite" "$p" "$f" "$s"
}

# one SUITE COMMAND...: passes or fails as a whole, and so does this function.
one() {
        local suite=$1 log=$logs/$1.log
        shift
        if "$@" >"$log" 2>&1; then
                count "$suite" 1 0 0
        else
                cat "$log"
                count "$suite" 0 1 0
                return 1
        fi
}

# Reports of sanitizers, also from programs whose exit status nobody looked at.
san_on() {
        reports=$scratch/$1
        mkdir "$reports"
        export ASAN_OPTIONS="log_path=$reports/report:detect_leaks=1:detect_stack_use_after_return=1"
        ASAN_OPTIONS+=":verify_asan_link_order=0" # the tests preload virtual time
        export UBSAN_OPTIONS="log_path=$reports/report:print_stacktrace=1:halt_on_error=1"
        ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer)
        export ASAN_SYMBOLIZER_PATH
}

san_off() {
        local suite=$1 report n=0
        unset ASAN_OPTIONS UBSAN_OPTIONS ASAN_SYMBOLIZER_PATH
        for report in "$reports"/*; do
                [ -s "$report" ] || continue
                n=$((n + 1))
                [ "$n" -gt 5 ] || head -n 80 "$report"
        done
        if [ "$n" != 0 ]; then
                echo "--- $suite: $n sanitizer reports"
                cat "$reports"/* >"$logs/$suite-sanitizer.log"
                count "$suite" 0 1 0
        fi
}

# The failing tests with what they said, then the sum.
bats_run() {
        local tap=$logs/$1.tap rc=0 limit=${E2E_TIMEOUT:-1800}
        shift
        timeout -k 10 "$limit" bats --formatter tap --jobs "$bats_jobs" "$@" >"$tap" 2>&1 || rc=$?
        awk '/^not ok / { show = 1 } /^ok / { show = 0 } /^ok .*# skip/ || show || !/^(ok |#|1\.\.)/' "$tap"
        [ "$rc" != 124 ] || echo "bats took longer than $limit s"
        read -r p f s < <(awk -f tests/tools/tap-sum.awk "$tap")
        echo "$p passed, $f failed, $s skipped"
        return "$rc"
}

# bats_suite SUITE BUILD FOLDER [NAME|NAME..]: these files of it left out
bats_suite() {
        local suite=$1 files
        export FTWATCH_BUILD=$PWD/$2
        mapfile -t files < <(compgen -G "$3/*.bats" | grep -vE "/(${4-})\.bats$")
        if [ "${#files[@]}" = 0 ]; then
                skip "$suite" "no $3/*.bats"
        elif ! has bats parallel; then
                skip "$suite" "bats or parallel is not installed"
        else
                sums "$suite" bats_run "$suite" "${files[@]}"
        fi
        unset FTWATCH_BUILD
}

unit() {
        sums "$1" make_built "$2" check
}

# The Debian package, where one can be made, once for all suites; what is booted without one has what make
# install does.
deb_build() {
        build build || return 1
        has dpkg-buildpackage dh || return 0
        once deb make_in build deb || return 1
        FTWATCH_DEB=$(echo "$PWD"/build/packages/ftwatchd_*.deb)
        export FTWATCH_DEB
}

run_suite() {
        # shellcheck disable=SC2317  # which of them run is known at run time
        case $1 in
                unit) one gcc build build && unit unit build ;;
                clang) if has clang; then one clang build build-clang; else skip clang "no clang"; fi ;;
                headers)
                        if ! has clang; then skip headers "no clang"; return; fi
                        sums headers make_built build check-headers
                        ;;
                tools) bats_suite tools build tests/tools ;;
                layers) one layers make_built build check-layers ;;
                lint) sums lint make_built build lint ;;
                unit-san)
                        if ! has clang; then skip unit-san "no clang"; return; fi
                        san_on unit-san
                        unit unit-san build-san
                        san_off unit-san
                        ;;
                unit-valgrind)
                        if ! has valgrind; then skip unit-valgrind "no valgrind"; return; fi
                        export TEST_TIMEOUT=600 TEST_SAMPLE=4
                        TEST_WRAPPER="valgrind -q --error-exitcode=99 --leak-check=full --num-callers=30"
                        TEST_WRAPPER+=" --errors-for-leak-kinds=definite,indirect"
                        TEST_WRAPPER+=" --child-silent-after-fork=yes"
                        export TEST_WRAPPER
                        unit unit-valgrind build
                        unset TEST_WRAPPER TEST_TIMEOUT TEST_SAMPLE
                        ;;
                e2e) one e2e-build build build && bats_suite e2e build tests/e2e ;;
                e2e-san)
                        if ! has clang; then skip e2e-san "no clang"; return; fi
                        san_on e2e-san
                        # What holds documents runs the programs in no other way.
                        one e2e-san-build build build-san && bats_suite e2e-san build-san tests/e2e \
                                'completions|demo|manual|readme|readme-words|units'
                        san_off e2e-san
                        ;;
                packages)
                        one packages-build deb_build || return
                        bats_suite packages build tests/packages
                        unset FTWATCH_DEB
                        ;;
                boot)
                        local why
                        why=$(tests/boot/can-boot.sh) || { skip boot "$why"; return; }
                        one boot-build deb_build || return
                        # One machine at a time, and its tests in their order.
                        local bats_jobs=1
                        bats_suite boot build tests/boot
                        unset FTWATCH_DEB
                        ;;
        esac
}

# --- what is needed -------------------------------------------------------------------
prepare_npm() {
        local dir=tests/verify stamp
        [ -f $dir/package-lock.json ] || return 0
        has node npm || { echo "node or npm is not installed"; return 1; }
        stamp=$(sha256sum <$dir/package-lock.json)
        [ "$stamp" = "$(cat $dir/node_modules/.installed 2>/dev/null)" ] && return 0
        echo "== npm ci in $dir"
        if ! npm_config_cache=$PWD/build/npm-cache npm ci --prefix $dir --ignore-scripts --no-audit \
                --no-fund --loglevel=error >"$logs/npm.log" 2>&1; then
                tail -n 20 "$logs/npm.log"
                return 1
        fi
        echo "$stamp" >$dir/node_modules/.installed
}

if $install; then
        contrib/bootstrap.sh --tests || skip install "contrib/bootstrap.sh --tests failed"
fi
case " ${wanted[*]} " in
        *" e2e"*) prepare_npm || skip npm "the official verifiers could not be installed" ;;
esac

# --- all of them ----------------------------------------------------------------------
# beside SUITE: in a process of its own; what it said, and its line, in one piece when it ends.
beside() {
        local suite=$1 started=$SECONDS
        total_passed=0 total_failed=0 total_skipped=0 bad_suites=()
        run_suite "$suite" >"$scratch/sums/$suite.said" 2>&1
        echo "$total_passed $total_failed $total_skipped ${bad_suites[*]}" >"$scratch/sums/$suite"
        {
                flock 9
                cat "$scratch/sums/$suite.said"
                echo "   $suite: $total_passed ok, $total_failed not ok, $total_skipped left out," \
                        "$((SECONDS - started)) s"
        } 9>"$scratch/print.lock"
}

before=$(git status --porcelain 2>/dev/null)
began=$SECONDS
for suite in "${wanted[@]}"; do
        [ "$(jobs -pr | wc -l)" -lt 2 ] || wait -n
        echo "== $suite: $(suites | awk -F '|' -v name="$suite" '$1 == name { print $3 }')"
        beside "$suite" &
done
wait
echo "   all: $((SECONDS - began)) s"
for suite in "${wanted[@]}"; do
        read -r p f s bad <"$scratch/sums/$suite" 2>/dev/null || p=0 f=1 s=0 bad=$suite # killed
        count "${bad:-$suite}" "$p" "$f" "$s"
done

# A test that writes into the tree or leaves its programs running spoils the next one. Looked at where nobody
# else works in the tree.
if [ "${CI-}" = true ]; then
        left=$(diff <(echo "$before") <(git status --porcelain 2>/dev/null) | sed -n 's/^> /file: /p')
        for exe in /proc/[0-9]*/exe; do
                [[ $(readlink "$exe" 2>/dev/null) == "$PWD"/build* ]] || continue
                left+=$'\n'"process: $(tr '\0' ' ' 2>/dev/null <"${exe%exe}cmdline")"
        done
        if [ -n "$left" ]; then
                printf '%s\n' "--- left behind:" "$left"
                count left-behind 0 1 0
        else
                count left-behind 1 0 0
        fi
fi

[ "${#bad_suites[@]}" = 0 ] || echo "failed: ${bad_suites[*]} (everything said is in build/logs/)"
echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
[ "$total_failed" = 0 ]
