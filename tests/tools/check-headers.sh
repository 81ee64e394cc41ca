#!/usr/bin/env bash
# Does each header compile alone? check-headers.sh "gcc clang" "FLAGS" HEADER..., paths below src/ or tests/.
# Each header counts once a compiler. The last line is "N passed, N failed, N skipped".
set -u

compilers=$1
flags=$2
shift 2

# shellcheck disable=SC2016  # $0 to $2 belong to the inner shell
try='
        name=${2#src/}
        name=${name#tests/}
        if said=$(printf "#include \"%s\"\n" "$name" | $0 $1 -Werror -x c -fsyntax-only - 2>&1); then
                echo ok
        else
                printf "%s\n" "--- $2 does not compile alone ($0)" "$said"
                echo bad
        fi'

result=$(
        for cc in $compilers; do
                [ "$#" != 0 ] || break
                printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" bash -c "$try" "$cc" "$flags"
        done
)
passed=$(grep -cx ok <<<"$result")
failed=$(grep -cx bad <<<"$result")
grep -vx -e ok -e bad <<<"$result" | sed '/^$/d'
n_expected=$(($# * $(wc -w <<<"$compilers")))
if [ $((passed + failed)) != "$n_expected" ]; then
        echo "check-headers: $((passed + failed)) of $n_expected compilations reported"
        failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
