# shellcheck shell=bash
# Sources that are told no, for the tables of what a person reads then.
#
#   watch_sources                     reads sources, writes the configuration: one hook for everything
#   fault PATH STATUS [MEMBERS]       how the simulator answers below that path
#   body CODE MESSAGE                 an error as most spell it, as the member `body` of a fault
#   expired_body                      that of an audience or token that is not valid, with the status 401
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
