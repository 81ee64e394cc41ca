# contrib/demo.sh with what is installed and built: it plays to its end, and shows what it promises.
load helpers

# shellcheck disable=SC2120  # by `run`
demo() {
        FTWATCH_BUILD=$BUILD TMPDIR=$T timeout 120 "$TOP/contrib/demo.sh" --no-install --no-build "$@" 3>&-
}

shows() {
        grep -qE -e "$1" "$T/shown" || {
                echo "not shown: $1"
                cat "$T/shown"
                return 1
        }
}

shows_not() {
        if grep -E -e "$1" "$T/shown"; then
                echo "shown: $1"
                return 1
        fi
}

@test "demo: every job ends as announced, every receiver gets its messages, nothing stays behind" {
        local left
        # shellcheck disable=SC2119
        NO_COLOR=1 demo >"$T/shown" 2>"$T/errors" || {
                cat "$T/shown" "$T/errors"
                return 1
        }
        assert_equal "$(cat "$T/errors")" ''
        # as the daemon sees it
        shows '^ +[0-9]+\.[0-9] s +contract-summaries +failed +contentFilter$'
        shows '^ +[0-9]+\.[0-9] s +claims-grader +paused$'
        shows '^ +[0-9]+\.[0-9] s +intent-small +cancelled$'
        shows '^ +[0-9]+\.[0-9] s +smoke-test +succeeded +gpt-4\.1-nano-'
        shows '^ +[0-9]+\.[0-9] s +support-triage +succeeded +gpt-4\.1-mini-'
        shows '^ +[0-9]+\.[0-9] s +claims-grader +succeeded +o4-mini-'
        shows_not ' s +faq-bot-v1'
        # as people see it
        shows '── Slack ──'
        shows '▌ The provided training data failed RAI checks'
        shows '── Teams ──'
        shows '▌ Training loss +[0-9.]+ → [0-9.]+'
        shows '── e-mail ──'
        shows '^ +Subject: \[ftwatchd\] contoso-eastus: claims-grader$'
        shows '── webhook ──'
        shows '✓ signature verified'
        shows '── journal ──'
        shows '^ +FTWATCH_TYPE=job\.succeeded$'
        # the sum
        shows '^In [0-9]+ seconds: [0-9]+ notices about 5 jobs$'
        shows '^  ops-slack +Slack +3 arrived$'
        shows '^  ml-teams +Teams +3 arrived$'
        shows '^  mail +e-mail +4 arrived$'
        shows '^  deploy-hook +webhook +[0-9]+ arrived, every signature verified$'
        for key in endpoint api_key url; do
                shows "^  line [0-9]+  .*$key = \""
        done
        shows_not $'\e'
        left=("$T"/ftwatch-demo.*)
        [[ ! -e ${left[0]} ]]
}

@test "demo: an option it does not know, and a build that is not there, are told" {
        run demo --no-such-option
        assert_equal "$status" 2
        [[ $output == *"unknown option --no-such-option"* ]]
        BUILD=$T/empty run demo
        assert_equal "$status" 1
        [[ $output == *"there is no $T/empty/ftwatchd"* ]]
        run demo --help
        assert_equal "$status" 0
        [[ $output == *--no-install* ]]
}
