#!/bin/bash
# The loop that people leave running, in shell: all jobs, then the last events of those that are unfinished.
#
#   BENCH_KEY=... shell.sh BASE-URL CYCLES
set -eu

get() {
        curl -sS --fail --max-time 10 -H "api-key: $BENCH_KEY" \
                "$base/openai/fine_tuning/jobs$1?api-version=2024-10-21&limit=$2"
}

base=$1 cycles=$2
unfinished='.data[] | select(.status | IN("succeeded", "failed", "cancelled") | not) | .id'
for ((i = 0; i < cycles; i++)); do
        for job in $(get "" 100 | jq -r "$unfinished"); do
                get "/$job/events" 20 | jq -r '.data[] | [.created_at, .level, .message] | @tsv' >/dev/null
        done
done
