# shellcheck shell=bash
# Sources that are told no, for the tables of what a person reads then.
#
#   watch_sources                     reads sources, writes the configuration: one hook for everything
#   fault PATH STATUS [MEMBERS]       how the simulator answers below that path
#   body CODE MESSAGE                 an error as most spell it, as the member `body` of a fault
#   expired_body                      that of an audience or token that is not valid, with the status 401
#   compare_with GOLDEN KIND..        reads lines "name|words": what each source "name.KIND" told first is as
#                                     in golden/GOLDEN, kinds that were told the same on one line;
#                                     FTWATCH_UPDATE_GOLDEN=1 writes it anew
#   LACKS                             what is said of a role that allows other things

# shellcheck disable=SC2034  # for the tests
TROUBLES='^source.(unauthorized|misconfigured|unreachable|throttled)$'
LACKS='The principal lacks the required data action Microsoft.CognitiveServices/accounts'
LACKS+='/OpenAI/fine-tunes/read.'

watch_sources() {
        {
                printf 'state_dir = "%s/state";\nsources = (\n' "$T"
                cat
                printf '\n);\nreceivers = ( %s );\n%s' "$(hook hook)" "$(everything_to hook)"
        } >"$T/ftwatchd.conf"
        chmod 600 "$T/ftwatchd.conf"
}

fault() {
        sim POST /_sim/fault -d "{ \"path\": \"$1\", \"status\": $2${3:+, $3} }" | grep -q result
}

body() {
        jq -nr --arg code "$1" --arg message "$2" \
                '"\"body\": \({ error: { code: $code, message: $message } } | tostring | tojson)"'
}

expired_body() {
        local expired='Unauthorized. Access token is missing, invalid, audience is incorrect'
        printf '"body": '
        jq -n --arg m "$expired (https://cognitiveservices.azure.com), or have expired." \
                '{ statusCode: 401, message: $m } | tostring'
}

compare_with() {
        local golden=$TOP/tests/e2e/golden/$1 name words kinds
        kinds=$(printf '%s\n' "${@:2}" | jq -Rnc '[inputs]')
        told "select(.type | test(\"$TROUBLES\")) | .data + { type }" >"$T/notices"
        while IFS='|' read -r name words _; do
                echo "$words"
                jq -rs --arg name "$name" --argjson kinds "$kinds" '
                        map(select(.source | startswith($name + "."))) | group_by(.source) | map(first) |
                        map({ kind: (.source | sub(".*[.]"; "")), says: ("\(.type) (\(.reason)): " +
                                (.detail | sub(" [(]request [^)]*[)]"; "")) + "\n    -> \(.advice)") }) |
                        group_by(.says) | map({ says: .[0].says, kinds: ($kinds - ($kinds - map(.kind))) }) |
                        sort_by(.kinds[0] as $k | $kinds | index($k)) | .[] |
                        "  \(.kinds | join(", ")): \(.says)"' "$T/notices"
        done >"$T/troubles"
        [[ -z ${FTWATCH_UPDATE_GOLDEN:-} ]] || cp "$T/troubles" "$golden"
        diff -u "$golden" "$T/troubles"
}
