#!/usr/bin/env bash
# make fuzz: each libFuzzer program for so many seconds, from its corpus: run-fuzz.sh SECONDS PROGRAM...
# New inputs are kept beside the program, not in the tree; one that fails is kept there too, and named.
# Worth keeping: copy it into tests/fuzz/corpus/<name>/ and `make check` replays it for ever.
set -u

seconds=$1
shift
n_failed=0
for program in "$@"; do
        name=$(basename "$program" .libfuzzer)
        name=${name#fuzz_}
        found=$program.found
        mkdir -p "$found"
        corpus=tests/fuzz/corpus/$name
        if [ ! -d "$corpus" ]; then
                echo "--- fuzz $name: no corpus, $corpus is missing"
                n_failed=$((n_failed + 1))
                continue
        fi
        options=(-max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -print_final_stats=1)
        options+=(-artifact_prefix="$program.")
        [ -f "tests/fuzz/$name.dict" ] && options+=(-dict="tests/fuzz/$name.dict")
        if "$program" "${options[@]}" "$found" "$corpus" >"$program.log" 2>&1; then
                n_run=$(sed -n 's/^stat::number_of_executed_units: *//p' "$program.log")
                echo "ok       fuzz $name: $n_run inputs, $(find "$found" -type f | wc -l) kept in $found"
        else
                echo "--- fuzz $name failed"
                tail -n 60 "$program.log"
                n_failed=$((n_failed + 1))
        fi
done
echo "$(($# - n_failed)) passed, $n_failed failed, 0 skipped"
[ "$n_failed" = 0 ]
