#!/usr/bin/env bash
# See ftwatchd work, without an account: installs what is missing, builds, and watches a simulated Azure
# OpenAI resource whose jobs succeed, fail, pause and are cancelled within half a minute. What arrives in
# Slack, in Teams, by e-mail, at a webhook and in the journal is shown as it comes. Only the build stays.
#
#   contrib/demo.sh                  needs Debian 12 or later, and root or sudo if something is missing
#   contrib/demo.sh --no-install     with what is installed
#   contrib/demo.sh --no-build       with what is built
set -euo pipefail
cd "$(dirname "$0")/.."

install=true compile=true
for option in "$@"; do
        case $option in
                --no-install) install=false ;;
                --no-build) compile=false ;;
                -h | --help)
                        sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
                        exit 0
                        ;;
                *)
                        echo "demo.sh: unknown option $option; see --help" >&2
                        exit 2
                        ;;
        esac
done

# What is shown has arrows and curves in it.
[ "$(locale charmap 2>/dev/null)" = UTF-8 ] || export LC_ALL=C.UTF-8
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1 PYTHONDONTWRITEBYTECODE=1
build=${FTWATCH_BUILD:-build}
build=${build#"$PWD"/}
secret=whsec_$(head -c 24 /dev/urandom | base64)

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM:-dumb}" != dumb ]; then
        bold=$'\e[1m' dim=$'\e[90m' plain=$'\e[0m'
fi
title() {
        printf '%s%s%s\n' "$bold" "$1" "$plain"
}

# --- what runs, and its end -----------------------------------------------------------
dir='' pids=() daemon=
# shellcheck disable=SC2317  # called by the trap
cleanup() {
        [ "${#pids[@]}" = 0 ] || kill "${pids[@]}" 2>/dev/null || true
        wait
        [ -z "$dir" ] || rm -rf "$dir"
}
trap cleanup EXIT
trap 'echo; exit 130' INT TERM HUP

fail() {
        echo "demo.sh: $1" >&2
        if [ -n "${2-}" ] && [ -s "$2" ]; then
                tail -n 30 "$2" | sed 's/^/  /' >&2
        fi
        exit 1
}

# start NAME COMMAND...: in the background, said in $dir/NAME.log
start() {
        local name=$1
        shift
        "$@" >"$dir/$name.log" 2>&1 &
        pids+=($!)
}

# Until FILE is there; at most ten seconds, and not if what makes it has died.
await() {
        local file=$1 name=$2 i
        for ((i = 0; i < 200; i++)); do
                [ ! -e "$file" ] || return 0
                kill -0 "${pids[-1]}" 2>/dev/null || break
                sleep 0.05
        done
        fail "$name did not start" "$dir/$name.log"
}

# --- install, build -------------------------------------------------------------------
if $install; then
        contrib/bootstrap.sh
fi
# Short: the path of a socket has at most 107 bytes.
dir=$(mktemp -d "${TMPDIR:-/tmp}/ftwatch-demo.XXXXXX")
[ "${#dir}" -lt 80 ] || { rmdir "$dir" && dir=$(mktemp -d /tmp/ftwatch-demo.XXXXXX); }
mkdir "$dir/state"

if $compile; then
        command -v make >/dev/null || fail "there is no make; contrib/bootstrap.sh installs what is needed"
        [ -x "$build/ftwatchd" ] && [ -x "$build/ftsim" ] || echo "demo: building, about a minute"
        make -s -j"$(nproc)" BUILD="$build" all "$build/ftsim" >"$dir/make.log" 2>&1 ||
                fail "make failed" "$dir/make.log"
fi
[ -x "$build/ftwatchd" ] || fail "there is no $build/ftwatchd; make builds it"
[ -x "$build/ftsim" ] || fail "there is no $build/ftsim; make $build/ftsim builds it"
python=/usr/bin/python3
"$python" -c 'import aiosmtpd' 2>/dev/null ||
        fail "python3-aiosmtpd is missing; contrib/bootstrap.sh installs it"

# --- the stage ------------------------------------------------------------------------
start smtp "$python" tests/sim/smtp_sink.py --port-file "$dir/smtp.port" --record "$dir/mail.jsonl"
await "$dir/smtp.port" smtp
start ftsim "$build/ftsim" --scenario tests/sim/scenarios/demo.conf --port-file "$dir/sim.url" \
        --record "$dir/received.jsonl"
await "$dir/sim.url" ftsim
sim=$(<"$dir/sim.url")

umask 077 # ftwatchd takes secrets only from a file that nobody else can read
cat >"$dir/ftwatchd.conf" <<CONF
state_dir = "$dir/state";
sources = (
  { name = "contoso-eastus"; endpoint = "$sim"; api_key = "ftsim-key"; poll_interval = "5s"; }
);
receivers = (
  { name = "ops-slack"; kind = "slack"; url = "$sim/sink/slack/ops-slack"; },
  { name = "ml-teams"; kind = "teams"; url = "$sim/sink/teams/ml-teams"; },
  { name = "deploy-hook"; kind = "webhook"; url = "$sim/sink/webhook/deploy-hook"; secret = "$secret"; },
  { name = "mail"; kind = "email"; server = "smtp://127.0.0.1:$(<"$dir/smtp.port")";
    from = "ftwatchd <ftwatchd@contoso.example>"; to = ["ml@contoso.example"]; },
  { name = "journal"; kind = "journal"; socket = "$dir/journal"; }
);
rules = (
  { types = ["job.failed", "job.paused", "job.cancelled"]; to = ["ops-slack"]; },
  { types = ["job.succeeded"]; to = ["ml-teams"]; },
  { types = ["job.succeeded", "job.failed"]; to = ["mail"]; },
  { to = ["deploy-hook", "journal"]; }
);
CONF
"$build/ftwatchd" --check-config --config "$dir/ftwatchd.conf" >"$dir/check.log" 2>&1 ||
        fail "the configuration of the demonstration is wrong" "$dir/check.log"

cat <<TEXT

${bold}ftwatchd watches fine-tuning jobs and tells people what happens to them.${plain}

Here it watches a simulated Azure OpenAI resource on loopback, looking every five
seconds. One second stands for ten minutes. What will happen, and who wants to know:

  faq-bot-v1          was over long ago               ${dim}nobody${plain}
  support-triage      succeeds                        ${dim}Teams, e-mail${plain}
  contract-summaries  fails                           ${dim}Slack, e-mail${plain}
  claims-grader       pauses, resumes, succeeds       ${dim}Slack; Teams, e-mail${plain}
  intent-small        is cancelled                    ${dim}Slack${plain}
  smoke-test          starts and ends between looks   ${dim}Teams, e-mail${plain}

A webhook and the journal get everything. Each line is a notice; some messages are
shown whole, as they arrive:

TEXT

# --- the play -------------------------------------------------------------------------
"$python" -B contrib/demo/show.py --sim "$sim" --record "$dir/received.jsonl" --mail "$dir/mail.jsonl" \
        --journal "$dir/journal" --secret "$secret" 2>"$dir/show.log" &
pids+=($!)
show=$!
await "$dir/journal" show
start ftwatchd "$build/ftwatchd" --config "$dir/ftwatchd.conf"
daemon=$!

rc=0
{ wait -n "$show" "$daemon"; } 2>/dev/null || rc=$? # bash would tell of a signal
if kill -0 "$show" 2>/dev/null; then
        fail "ftwatchd ended with exit status $rc" "$dir/ftwatchd.log"
fi
if [ "$rc" != 0 ]; then
        sed 's/^/  /' "$dir/show.log" >&2
        fail "this is not how it should have gone; ftwatchd said:" "$dir/ftwatchd.log"
fi
rc=0
kill -TERM "$daemon"
wait "$daemon" || rc=$?
[ "$rc" = 0 ] || fail "ftwatchd did not stop cleanly: exit status $rc" "$dir/ftwatchd.log"

# --- afterwards -----------------------------------------------------------------------
if [ -x "$build/ftwatchctl" ]; then
        colour=never
        [ -z "$bold" ] || colour=always
        for words in jobs "show support-triage"; do
                echo
                title "$ ftwatchctl $words"
                # shellcheck disable=SC2086  # words
                "$build/ftwatchctl" --state-dir "$dir/state" --color "$colour" $words
        done
fi

echo
title "For your own resource: copy etc/ftwatchd.conf to my.conf and change three values,"
echo
grep -nE '^[^#]*(endpoint|api_key|url) = ' etc/ftwatchd.conf | sed 's/ *#.*//; s/^\([0-9]*\): */  line \1  /'
cat <<TEXT

the last two to "env:AZURE_KEY" and "env:SLACK_URL" for a trial in a terminal:

  export AZURE_KEY=... SLACK_URL=https://hooks.slack.com/services/... STATE_DIRECTORY=~/.ftwatchd
  $build/ftwatchd --config my.conf
TEXT
