# What others say to our messages: the golden files of the unit tests, which are what the daemon sends,
# before the official verifiers and parsers.


bats_require_minimum_version 1.5.0
load helpers

teardown() {
        stop_all
}

VERIFY=$TOP/tests/verify
GOLDEN=$TOP/tests/unit/golden/receiver

needs_npm() {
        if [[ ! -d $VERIFY/node_modules/$1 ]]; then
                [[ ${CI:-} != true ]] || return 1
                skip "$1 is not installed (npm ci --prefix tests/verify)"
        fi
}

@test "standardwebhooks and the openai SDK accept every webhook, and no forged one" {
        needs_npm standardwebhooks
        needs_npm openai
        run -0 node "$VERIFY/webhook.mjs"
        [[ $output = *"samples accepted"* ]]
}

@test "adaptivecards reads every Teams card without a complaint" {
        needs_npm adaptivecards
        run -0 node "$VERIFY/teams.mjs"
        [[ $output = *"cards accepted"* ]]
}

@test "every Slack message keeps to the limits of Block Kit and pings nobody" {
        command -v node || { [[ ${CI:-} != true ]] && skip "node is not installed"; }
        run -0 node "$VERIFY/slack.mjs"
        [[ $output = *"messages accepted"* ]]
}

@test "Python's mail parser finds no defect in any mail" {
        command -v python3 || { [[ ${CI:-} != true ]] && skip "python3 is not installed"; }
        run -0 python3 "$VERIFY/mail.py" "$GOLDEN"/email/*.eml
        [[ $output = *"mails accepted"* ]]
}

@test "the checkers of mail and Slack messages see what is wrong" {
        sed 's/^Subject: /Bcc: victim@example.org\r\n&/' "$GOLDEN/email/failed.eml" >"$T/injected.eml"
        run -1 python3 "$VERIFY/mail.py" "$T/injected.eml"
        [[ $output = *injected* ]]
        sed 's/"\*Error\*/"<!channel>/' "$GOLDEN/slack/failed.json" >"$T/ping.json"
        run -1 node "$VERIFY/slack.mjs" "$T/ping.json"
}

# post SINK FILE
post() {
        curl -sS --max-time 20 -H 'Content-Type: application/json' --data-binary "@$2" -w ' %{http_code}' \
                "$FTSIM_URL/sink/$1"
}

@test "the simulated Slack and Teams take every message" {
        [[ -x $FTSIM ]]
        local file
        start_ftsim - < <(echo)
        for file in "$GOLDEN"/slack/*.json; do
                assert_equal "$(basename "$file") $(post slack/ops "$file")" "$(basename "$file") ok 200"
        done
        for file in "$GOLDEN"/teams/*.json; do
                assert_equal "$(basename "$file") $(post teams/ml "$file")" "$(basename "$file")  202"
        done
}
