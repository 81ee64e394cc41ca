#!/usr/bin/env bats
# From the package to the first message in Slack by the commands of the README alone, as it says them; the
# key, the endpoint and the URL are those of the simulated resource.

bats_require_minimum_version 1.5.0
load lib

setup_file() {
        boot_setup
        sim_start
}

teardown_file() {
        boot_teardown
}

setup() {
        mark
}

teardown() {
        boot_show
}

# block LANGUAGE: the first of that language below "To the first message"
block() {
        awk -v fence="\`\`\`$1" '/^## / { on = $0 == "## To the first message" }
                on && $0 == fence { inside = 1; next } inside && /^```$/ { exit } inside' "$TOP/README.md"
}

# There is no sudo in the machine, and nobody who types into an editor.
people() {
        put /root/bin/sudo <<-'SH'
		#!/bin/sh
		case $1 in *=*) exec env "$@" ;; esac
		exec "$@"
	SH
        put /root/bin/sudoedit <<-SH
		#!/bin/sh
		exec sed -i 's|https://contoso.openai.azure.com|$FTSIM_URL|' "\$1"
	SH
        block ini | put /root/drop-in
        put /root/bin/editor <<-'SH'
		#!/bin/sh
		exec cp /root/drop-in "$1"
	SH
        inside chmod -R +x /root/bin
}

# What is pasted into a command.
pasted() {
        case $1 in
                *azure-key*) echo ftsim-key ;;
                *slack-url*) echo "$FTSIM_URL/sink/slack/ops" ;;
        esac
}

# An editor of systemctl wants a terminal, cat wants a pipe.
as_typed() {
        local in_terminal=()
        [[ $1 != *'systemctl edit'* ]] || in_terminal=(script -qec "$1" /dev/null)
        [[ ${#in_terminal[@]} != 0 ]] || in_terminal=(bash -c "$1")
        pasted "$1" | inside env PATH=/root/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                SYSTEMD_EDITOR=/root/bin/editor SYSTEMD_PAGER=cat "${in_terminal[@]}"
}

slack() {
        sim GET '/_sim/received?sink=ops' | jq -r '.[] | select(.answer == 200) | .body.text'
}

@test "the commands of the README lead to a first message in Slack, in their order" {
        local command n=0
        people
        block sh >"$T/commands"
        while IFS= read -r command; do
                echo "\$ $command"
                [[ $command != *'ftwatchctl test'* ]] || assert_equal "$(slack)" ''
                run -0 as_typed "$command" 3>&-
                echo "$output"
                n=$((n + 1))
        done <"$T/commands"
        ((n >= 8))
        [[ $(slack) = *test* ]]
        assert_equal "$(unit ActiveState) $(inside systemctl is-enabled ftwatchd)" 'active enabled'
        # Nobody but root reads the key.
        assert_equal "$(inside stat -c '%U %a' /etc/ftwatchd/secrets/azure-key)" 'root 600'
}

@test "and what happens from then on is told there" {
        [[ $(unit ActiveState) = active ]]
        run_job ftjob-first
        inside ftwatchctl poll contoso-eastus
        sim POST '/_sim/job/ftjob-first?status=failed&code=invalid_training_data&message=it%20broke'
        inside ftwatchctl poll contoso-eastus
        wait_for 30 slack_says 'it broke'
}

slack_says() {
        slack | grep -qF "$1"
}
