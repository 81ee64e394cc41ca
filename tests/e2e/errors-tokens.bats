#!/usr/bin/env bats
# Every kind of token with every way in which the API or the server of tokens says no, in virtual time: the
# metadata service is asked for a minute before it has failed. What a person is told of each, and what to do,
# is golden/errors-tokens.txt and golden/errors-api-tokens.txt; FTWATCH_UPDATE_GOLDEN=1 writes them anew.

bats_require_minimum_version 1.5.0
load daemon
load auth
load errors
load warp

MOMENT='150 exit' # two minutes and a half of the daemon's own
KINDS=(client-secret client-certificate workload-identity imds app-service arc)

teardown() {
        stop_all
}

# source_with NAME KIND PATH [SED]: the credential of that kind, changed
source_with() {
        local auth
        auth=$(auth_of "$2" | sed -e "${4:-}")
        printf '%s  { name = "%s"; endpoint = "%s%s"; trouble_after = 1; checkpoints = false;\n' \
                "$SEPARATOR" "$1.$2" "$FTSIM_URL" "$3"
        printf '    timeout = "2s"; requests_per_minute = 100; retry_after_max = "1min"; %s }' "$auth"
        SEPARATOR=$',\n'
}

start_clock() {
        clock_at "$(date +%s)" # now: the certificate has a time of its own
        start_issuer - --clock-file "$T/clock" <<<''
}

# flat CODE TEXT: an error as servers of tokens spell it, as the member `body` of a fault
flat() {
        jq -nr --arg code "$1" --arg text "$2" \
                '"\"body\": \({ error: $code, error_description: $text } | tostring | tojson)"'
}

# name|words|status|members of the fault with which the API answers
api_faults() {
        cat <<-END
		expired|401, the token is not valid|401|$(expired_body)
		principal|401, no role|401|$(body PermissionDenied 'Principal does not have access to API/Operation.')
		wordless|401, without words|401|"body": ""
		action|403, a role that allows other things|403|$(body PermissionDenied "$LACKS")
		firewall|403, firewall|403|$(body 403 'Access denied due to Virtual Network/Firewall rules.')
		routing|404, of the gateway|404|$(body 404 'Resource not found')
		typed|404, typed, for the whole list|404|$(body notFound 'The specified resource was not found.')
		throttled|429|429|$(body 429 'Rate limit is exceeded.')
		500|500|500|$(body internalFailure 'Something broke.')
		503|503, a page of HTML|503|"kind": "html"
	END
}

@test "each kind of token with each refusal of the API: what is told, and what to do" {
        local name words code more kind
        start_clock
        {
                SEPARATOR=
                while IFS='|' read -r name words code more; do
                        fault "/e/$name/*" "$code" "$more"
                        for kind in "${KINDS[@]}"; do
                                source_with "$name" "$kind" "/e/$name"
                        done
                done < <(api_faults)
        } | watch_sources
        play <<<"$MOMENT"
        api_faults | compare_with errors-api-tokens.txt "${KINDS[@]}"
}

# Reads lines "code|status|error|words"; as Entra says it: name|words|status|members
entra_says() {
        local code words error status
        while IFS='|' read -r code status error words; do
                printf '%s|%s: %s|%s|%s\n' "$code" "$code" "$words" "$status" \
                        "$(flat "$error" "$code: $words. Trace ID: 0000 Timestamp: 2026-01-01 00:00:00Z")"
        done
}

entra_faults() {
        entra_says <<-'END'
		AADSTS7000215|401|invalid_client|Invalid client secret provided
		AADSTS7000222|401|invalid_client|The provided client secret keys are expired
		AADSTS700016|400|unauthorized_client|Application was not found in the directory
		AADSTS7000112|401|unauthorized_client|Application is disabled
		AADSTS7000229|401|unauthorized_client|The client application is missing a service principal
		AADSTS700027|401|invalid_client|The certificate with identifier used to sign is not registered
		AADSTS700024|401|invalid_client|Client assertion is not within its valid time range
		AADSTS700211|400|invalid_client|No matching federated identity record found for issuer
		AADSTS700213|400|invalid_client|No matching federated identity record found for subject
		AADSTS90002|400|invalid_request|Tenant not found
		AADSTS900023|400|invalid_request|The tenant identifier is neither a DNS name nor a domain
		AADSTS500011|400|invalid_resource|The resource principal was not found in the tenant
		AADSTS1002012|400|invalid_scope|The provided value for scope is not valid
		AADSTS90033|503|temporarily_unavailable|A transient error has occurred
		AADSTS90055|400|invalid_request|There are too many requests
		AADSTS53003|400|access_denied|Access has been blocked by conditional access policies
	END
}

# What concerns an application in the list of codes that Microsoft publishes, and the words of all others.
entra_rare_faults() {
        entra_says <<-'END'
		AADSTS90006|400|temporarily_unavailable|The service is temporarily unavailable
		AADSTS50196|400|invalid_request|A client loop has been detected
		AADSTS530032|400|access_denied|The tenant has a security policy that blocks this request
		AADSTS53000|400|interaction_required|The device is not compliant
		AADSTS50053|400|invalid_grant|The sign-in came from an address with malicious activity
		AADSTS50105|400|invalid_grant|The application is not assigned to a role
		AADSTS65001|400|invalid_grant|The administrator has not consented to use the application
		AADSTS650057|400|invalid_resource|The resource is not listed in the requested permissions
		AADSTS70011|400|invalid_scope|The scope requested by the app is invalid
		AADSTS50034|400|invalid_grant|The account must be added to the directory
		AADSTS50057|400|invalid_grant|The account is disabled
		AADSTS50076|400|interaction_required|Multi-factor authentication must be used
		AADSTS50079|400|interaction_required|Multi-factor authentication must be enrolled in
		AADSTS50012|401|invalid_client|Client assertion contains an invalid signature
		AADSTS700025|401|invalid_client|Client is public
		AADSTS500021|400|access_denied|Access to the tenant is denied
		AADSTS50194|400|invalid_request|Usage of the /common endpoint is not supported
		AADSTS90038|400|invalid_request|The tenant belongs to a national cloud
		AADSTS900144|400|invalid_request|The request body must contain a parameter
	END
}

# What any server of tokens may say.
any_faults() {
        cat <<-END
		400|400, without words|400|"body": ""
		401|401, without words|401|"body": ""
		403|403, without words|403|"body": ""
		404|404, without words|404|"body": ""
		410|410, without words|410|"body": ""
		429|429, without words|429|"body": ""
		500|500, without words|500|"body": ""
		503|503, a page of HTML|503|"kind": "html"
		identity|400, no such identity|400|$(flat invalid_request 'Identity not found')
		garbage|200, garbage|200|"body": "\u0001garbage"
		empty|200, nothing|200|"kind": "empty"
		page|200, a page of HTML|200|"kind": "html"
		none|200, without a token|200|"body": "{\"token_type\":\"Bearer\",\"expires_in\":\"3599\"}"
		past|200, a token that has expired|200|"body": "{\"access_token\":\"x\",\"expires_on\":\"1\"}"
		type|200, another type of token|200|"body": "{\"access_token\":\"x\",\"token_type\":\"pop\"}"
		reset|a connection that breaks|200|"kind": "reset"
	END
}

# A server of tokens of its own for each, that answers so: below /t-NAME.
own_server() {
        printf 's|contoso.example|t-%s|; s|endpoint = "%s|&/t-%s|' "$1" "$FTSIM_URL" "$1"
}

# servers_of_tokens KIND..: reads faults; for each a server that answers so, and a source of each kind.
servers_of_tokens() {
        local name code more kind
        while IFS='|' read -r name _ code more; do
                fault "/t-$name/*" "$code" "$more"
                for kind in "$@"; do
                        source_with "$name" "$kind" '' "$(own_server "$name")"
                done
        done
}

@test "each kind of token with each refusal of its server: what is told, and what to do" {
        start_clock
        {
                SEPARATOR=
                servers_of_tokens client-secret client-certificate workload-identity < <(entra_faults)
                servers_of_tokens client-secret < <(entra_rare_faults)
                servers_of_tokens "${KINDS[@]}" < <(any_faults)
        } | watch_sources
        play <<<"$MOMENT"
        {
                entra_faults
                entra_rare_faults
                any_faults
        } | compare_with errors-tokens.txt "${KINDS[@]}"
}
