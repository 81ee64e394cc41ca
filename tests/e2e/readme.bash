# shellcheck shell=bash
# shellcheck disable=SC2016  # backticks are Markdown's
# What the tests of README.md share: its blocks and tables, and the secrets that its examples name.

load helpers

README=$TOP/README.md
FTWATCHD=${FTWATCHD:-$BUILD/ftwatchd}
HOOK_SECRET=whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=

setup() {
        export TZ=UTC LC_ALL=C.UTF-8
        unset STATE_DIRECTORY CREDENTIALS_DIRECTORY
}

teardown() {
        stop_all
}

# blocks LANGUAGE: one file each, $T/LANGUAGE-1 and on; sets n_blocks. There must be some.
blocks() {
        awk -v language="$1" -v to="$T/$1" '
                !inside && $0 == "```" language { inside = 1; n++; next }
                /^```$/ { inside = 0 }
                inside { print > (to "-" n) }
                END { print n + 0 }' "$README" >"$T/n"
        n_blocks=$(<"$T/n")
        ((n_blocks > 0)) || {
                echo "README.md has no block of $1"
                return 1
        }
}

# table HEADING: the rows of the table whose first heading this is, as "KEY<TAB>SECOND CELL"
table() {
        awk -v heading="| $1 |" -F ' *[|] *' '
                index($0, heading) == 1 { inside = 1; next }
                !/^\|/ { inside = 0 }
                inside && $2 ~ /^`.*`$/ { gsub(/`/, ""); print $2 "\t" $3 }' "$README"
}

# Where the examples find their secrets.
make_credentials() {
        local sinks=${FTSIM_URL:-https://hooks.example}/sink
        export CREDENTIALS_DIRECTORY=$T/credentials
        mkdir -p "$T/credentials"
        printf '%s\n' "$FTSIM_KEY" >"$T/credentials/azure-key"
        printf '%s\n' "$sinks/slack/ops-slack" >"$T/credentials/slack-url"
        printf '%s\n' "$sinks/teams/ml-teams" >"$T/credentials/teams-url"
        printf '%s\n' "$HOOK_SECRET" >"$T/credentials/hook-secret"
        printf 'of the mail\n' >"$T/credentials/mail-password"
        printf '%s\n' "$sinks/webhook/hook" >"$T/credentials/hook-url"
}
