# shellcheck shell=bash
# What the tests of the packages share.
#
#   needs TOOL..                     or the test is skipped; a failure with CI=true
#   build_elsewhere TARGET STAGED [VAR=..]   make deb or rpm of a copy of the tree, in another place, with
#                                    another umask and time zone, and the stamp of what is staged for the
#                                    first; sets ELSEWHERE, where the package is, and the log
#   same_bytes FILE FILE             else shows in which contents
#   installed VAR=..                 what make install puts below a DESTDIR, as "MODE PATH"; it is built

load ../e2e/helpers

needs() {
        local tool
        for tool in "$@"; do
                command -v "$tool" >/dev/null || {
                        echo "$tool is not installed"
                        [[ ${CI:-} != true ]] && skip "$tool is not installed"
                        return 1
                }
        done
}

# What git tracks, as it is now; without git, all but build directories.
copy_tree() {
        mkdir -p "$1"
        if [[ -e $TOP/.git ]]; then
                (cd "$TOP" && git ls-files -z | xargs -0 ls -d 2>/dev/null | tar -c -T -) | tar -x -C "$1"
        else
                tar -c -C "$TOP" --exclude='./build*' --exclude=./dist --exclude=node_modules . |
                        tar -x -C "$1"
        fi
}

build_elsewhere() {
        local target=$1 staged=$2 tree=$BATS_FILE_TMPDIR/quite-another-place
        shift 2
        copy_tree "$tree"
        ELSEWHERE=$tree/out/packages
        mkdir -p "$ELSEWHERE"
        # Everything staged bears the stamp.
        (
                umask 077
                TZ=Asia/Tokyo LC_ALL=C HOME=$tree SOURCE_DATE_EPOCH=$(stat -c %Y "$staged/README.md") \
                        make -s -C "$tree" BUILD=out "$target" "$@"
        ) >"$ELSEWHERE/log" 2>&1 || {
                tail -n 40 "$ELSEWHERE/log"
                return 1
        }
}

same_bytes() {
        cmp "$1" "$2" || {
                [[ $1 != *.deb ]] || diff <(dpkg-deb -c "$1") <(dpkg-deb -c "$2")
                [[ $1 != *.rpm ]] || diff <(rpm -qpl --dump "$1") <(rpm -qpl --dump "$2")
                return 1
        }
}

installed() {
        local root=$T/installed
        rm -rf "$root"
        make -s -C "$TOP" -o all BUILD="${BUILD#"$TOP/"}" DESTDIR="$root" "$@" install
        find "$root" -mindepth 1 ! -type d -printf '%m /%P\n' | LC_ALL=C sort -k 2
}
