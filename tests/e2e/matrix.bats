#!/usr/bin/env bats
# Every dialect with every credential, and every variant of what servers of tokens and of jobs reply: one
# source each, and one daemon that looks once.

bats_require_minimum_version 1.5.0
load daemon
load auth

# To add a dialect: a row "NAME ENDPOINT OPTIONS", the endpoint as the server sees it.
DIALECTS=(
        'azure|'
        'azure-v1|'
        'foundry|/api/projects/p|'
        'openai||scope = "https://cognitiveservices.azure.com/.default";'
)
FORMS=('' seconds number us iso rfc3339)

# How servers of jobs may spell the same: scenarios of ftsim.
VARIANTS=(
        'nulls = "null"; encoding = "base64";'
        'nulls = "absent"; has_more = false; stamps = "iso";'
        'nulls = "empty"; spelling = "openai"; stamps = "digits";'
        'order = "oldest"; event_ids = false; stamps = "float"; missing = "minus-one";'
        'ignore_after = true; event_sort = "arrival"; max_limit = 3; estimate = "none";'
)

teardown() {
        stop_all
}

# sources KIND..: of each dialect with each of these credentials; with APART each at an address of its own,
# as the same fact of the same server is told once
sources() {
        local dialect path scope kind n=1 url=$FTSIM_URL separator=
        for kind in "$@"; do
                for dialect in "${DIALECTS[@]}"; do
                        IFS='|' read -r dialect path scope <<<"$dialect"
                        [[ -z ${APART:-} ]] || url=http://127.0.0.$((++n)):${FTSIM_URL##*:}
                        printf '%s\n  { name = "%s.%s"; dialect = "%s"; endpoint = "%s%s"; ' \
                                "$separator" "$dialect" "$kind" "$dialect" "$url" "$path"
                        [[ -z ${APART:-} ]] || printf 'resolve = "%s:127.0.0.1"; ' "${url#http://}"
                        if [[ $kind = key ]]; then
                                printf 'api_key = "%s"; }' "$FTSIM_KEY"
                        else
                                printf '%s }' "$(auth_of "$kind" "$scope")"
                        fi
                        separator=,
                done
        done
}

write_config() {
        {
                printf 'state_dir = "%s/state-%s";\nsources = (%s\n);\n' "$T" "$1" "$(sources "${@:2}")"
                printf 'receivers = ( %s );\n%s\n' "$(hook hook)" "$(everything_to hook)"
        } >"$T/ftwatchd.conf"
        chmod 600 "$T/ftwatchd.conf"
}

# Every source was polled, and well.
run_once() {
        local n=$1
        run "$FTWATCHD" --config "$T/ftwatchd.conf" --verbose --once
        if [[ $status != 0 ]] || grep -q 'poll failed' <<<"$output"; then
                echo "$output"
                return 1
        fi
        assert_equal "$(grep -c ' polled: ' <<<"$output")" "$n"
}

@test "each dialect with each credential, and each form in which an expiry is told" {
        local form n=0
        start_issuer quiet
        for form in "${FORMS[@]}"; do
                sim POST "/_sim/token?expires=$form"
                write_config "$((n++))" key "${AUTH_KINDS[@]}"
                run_once $((${#DIALECTS[@]} * (${#AUTH_KINDS[@]} + 1)))
        done
}

# The same is told of every source about a job that ran at the first look and had succeeded at the second.
@test "each dialect with each credential, and each variant of what the API replies: one story" {
        local variant n=0 all=$((${#DIALECTS[@]} * (${#AUTH_KINDS[@]} + 1))) APART=yes
        for variant in "${VARIANTS[@]}"; do
                start_issuer - <<<"$variant"
                write_config "$((n++))" key "${AUTH_KINDS[@]}"
                post_job '{ "id": "ftjob-m", "suffix": "matrix", "auto_events": false, "tail": 0.0,
                        "training": { "steps": 30, "from": -9.0, "to": -2.0, "validation": true },
                        "lead": 0.0, "timeline": [ { "at": -10.0, "status": "running" } ] }'
                run_once "$all"
                assert_equal "$(told .type)" ''
                sim POST '/_sim/event/ftjob-m?message=careful&level=warning' >/dev/null
                set_status ftjob-m succeeded
                run_once "$all"
                told '[.type, (.data | .suffix, .status, .fine_tuned_model, (.metrics | keys),
                        .metrics.train_loss.last_step, (.events | map(.message)), .checkpoint.id)]' |
                        sort | uniq -c | tee "$T/story"
                # Of each source, in the same words.
                awk -v all="$all" '$1 != all { exit 1 }' "$T/story"
                grep 'job.succeeded.*"matrix","succeeded",.*,30,\["careful"\]' "$T/story"
                stop "$FTSIM_PID"
        done
}

@test "sources with the same credential share one token" {
        start_issuer quiet
        write_config 0 client-secret
        run_once "${#DIALECTS[@]}"
        # foundry's is for another scope
        assert_equal "$(tokens .issued)" 2
}
