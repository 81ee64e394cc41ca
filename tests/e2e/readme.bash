# shellcheck shell=bash
# shellcheck disable=SC2016  # backticks are Markdown's
# What the tests of README.md and of the manual pages share: their blocks, and the secrets that the examples
# name.

load helpers

README=$TOP/README.md
MAN=$TOP/packaging/man
CONF_PAGE=$MAN/ftwatchd.conf.5
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

# page_blocks PAGE SECTION: its literal displays, one file each, $T/PAGE-SECTION-1 and on; sets n_blocks
page_blocks() {
        awk -v section="$2" -v to="$T/${1##*/}-$2" '
                /^\.S[hs] / { wanted = substr($0, 5) == section }
                wanted && /^\.Bd -literal/ { inside = 1; n++; next }
                /^\.Ed/ { inside = 0 }
                inside { gsub(/\\e/, "\\"); print > (to "-" n) }
                END { print n + 0 }' "$1" >"$T/n"
        n_blocks=$(<"$T/n")
        ((n_blocks > 0)) || {
                echo "$1 has no display in $2"
                return 1
        }
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

# check_piece PIECE FIRST: a configuration, when the lists that it lacks are those of another
check_piece() {
        local list
        cp "$1" "$T/whole.conf"
        for list in sources receivers; do
                grep -q "^$list = " "$1" || awk -v list="$list = " '
                        /^[a-z]+ = / { show = index($0, list) == 1 } show' "$2" >>"$T/whole.conf"
        done
        "$FTWATCHD" --config "$T/whole.conf" --check-config
}
