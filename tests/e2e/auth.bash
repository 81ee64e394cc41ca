# shellcheck shell=bash
# The credentials that ftsim's token servers know, as groups `auth` of a source.
#
#   start_issuer SCENARIO [OPTION..]  start_ftsim with --identity-dir; the certificate, the federated token
#   auth_of KIND [OPTION..]           the group, for a kind of AUTH_KINDS
#   tokens FILTER                     of what the token servers count: tokens .issued

CLIENT_ID=11111111-2222-3333-4444-555555555555
OBJECT_ID=99999999-2222-3333-4444-555555555555
RESOURCE_ID=/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i
CLIENT_SECRET=ftsim-client-secret
# shellcheck disable=SC2034  # for the tests
AUTH_KINDS=(client-secret client-certificate workload-identity imds imds-client imds-object imds-resource
        app-service app-service-resource arc)

start_issuer() {
        mkdir -p "$T/identity/arc"
        openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/identity/key.pem" \
                -out "$T/identity/certificate.pem" -days 2 -subj /CN=ftwatchd 2>/dev/null
        cat "$T/identity/key.pem" "$T/identity/certificate.pem" >"$T/identity/both.pem"
        printf 'eyJhbGciOiJSUzI1NiJ9.federated.token-of-the-cluster\n' >"$T/identity/federated"
        local scenario=$1
        shift
        start_ftsim "$scenario" --identity-dir "$T/identity" "$@"
}

auth_of() {
        local kind=$1 options=
        local entra="tenant = \"contoso.example\"; client_id = \"$CLIENT_ID\"; authority = \"$FTSIM_URL\";"
        local machine='kind = "managed-identity"; platform = "imds";'
        local imds="$machine endpoint = \"$FTSIM_URL\";"
        shift
        case $kind in
                client-secret) options="$entra client_secret = \"$CLIENT_SECRET\";" ;;
                client-certificate) options="$entra certificate = \"file:$T/identity/both.pem\";" ;;
                workload-identity) options="$entra token_file = \"$T/identity/federated\";" ;;
                imds) options="$imds" ;;
                imds-client) options="$imds client_id = \"$CLIENT_ID\";" ;;
                imds-object) options="$imds object_id = \"$OBJECT_ID\";" ;;
                imds-resource) options="$imds resource_id = \"$RESOURCE_ID\";" ;;
                app-service*)
                        options="${machine/imds/app-service} endpoint = \"$FTSIM_URL/msi/token\";"
                        options+=' identity_header = "ftsim-identity-header";'
                        [[ $kind != *-resource ]] || options+=" resource_id = \"$RESOURCE_ID\";"
                        ;;
                arc)
                        options="${machine/imds/arc} key_directory = \"$T/identity/arc\";"
                        options+=" endpoint = \"$FTSIM_URL/metadata/identity/oauth2/token\";"
                        ;;
        esac
        [[ $options = *kind* ]] || options="kind = \"$kind\"; $options"
        printf 'auth = { %s %s };' "$options" "$*"
}

tokens() {
        sim GET /_sim/token | jq -r "$1"
}
