#!/usr/bin/env bats
# Every dialect with every credential and every variant of what token servers reply: one source each, and one
# daemon that looks once.

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

teardown() {
        stop_all
}

# sources KIND..: of each dialect with each of these credentials
sources() {
        local dialect path scope kind separator=
        for kind in "$@"; do
                for dialect in "${DIALECTS[@]}"; do
                        IFS='|' read -r dialect path scope <<<"$dialect"
                        printf '%s\n  { name = "%s.%s"; dialect = "%s"; endpoint = "%s%s"; ' "$separator" \
                                "$dialect" "$kind" "$dialect" "$FTSIM_URL" "$path"
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
                printf 'receivers = ( %s );\n' "$(hook hook)"
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

@test "sources with the same credential share one token" {
        start_issuer quiet
        write_config 0 client-secret
        run_once "${#DIALECTS[@]}"
        # foundry's is for another scope
        assert_equal "$(tokens .issued)" 2
}
