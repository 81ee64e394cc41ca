#!/usr/bin/env bats
# The blocks of README.md do what it says, by their language:
#
#   sh          each is run, in a sandbox: ftwatchd is the one of this build, nothing is built or installed
#   libconfig   is checked; sources or receivers that a fragment names and lacks are those of the first block
#   console     "$ ftwatchctl ..." gives what is shown, stamps, spans and widths aside
#   ini         the drop-in of the unit: has every secret that the shipped configuration names
#
# So do the displays of the manual pages: commands are run, the body of a webhook has the members of a real
# one, and the snippets beside it receive what ftwatchd sent and refuse what is forged.

# shellcheck disable=SC2016  # backticks are Markdown's
bats_require_minimum_version 1.5.0
load readme

CTL=${FTWATCHCTL:-$BUILD/ftwatchctl}

# The configuration of the first screen towards ftsim.
configure_first() {
        blocks libconfig
        sed "s|https://contoso.openai.azure.com|$FTSIM_URL|" "$T/libconfig-1" >"$T/first.conf"
        export STATE_DIRECTORY=$T/state
}

poll_once() {
        "$FTWATCHD" --config "$T/first.conf" --once >>"$T/ftwatchd.log" 2>&1 || {
                cat "$T/ftwatchd.log"
                return 1
        }
}

# To the end of every job of the scenario "demo".
poll_demo() {
        local i
        for i in 1 2 3 4 5 6; do
                poll_once
                sim POST '/_sim/advance?seconds=5' >/dev/null
        done
}

# One job that fails, one that succeeds.
post_jobs() {
        sim POST /_sim/job -d '{ "suffix": "bad-data", "timeline": [ { "at": 0.0, "status": "failed",
                "error": { "code": "invalid_training_data", "message": "no", "param": "x" } } ] }'
        sim POST /_sim/job -d '{ "suffix": "good-data",
                "timeline": [ { "at": 0.5, "status": "succeeded" } ] }'
        sim POST '/_sim/advance?seconds=1' >/dev/null
}

# --- commands -----------------------------------------------------------------------------------------

# What a command of the README becomes here: programs of this build with the configuration of the first
# screen. Nothing is installed or built, and neither the service manager nor the journal is asked. What takes
# minutes, or has a test of its own, only shows its help.
make_sandbox() {
        local name
        mkdir -p "$T/bin" "$T/work"
        cat >"$T/bin/ftwatchd" <<-SH
		#!/usr/bin/env bash
		printf 'ftwatchd %s\n' "\$*" >>"$T/ran"
		[[ " \$* " != *" --probe "* ]] || exec "$FTWATCHD" --version # probe.bats has it; ftsim's clock is another
		[[ " \$* " == *" --config "* ]] || set -- "\$@" --config "$T/first.conf"
		[[ " \$* " =~ " --"(check-config|dump-config|once)" " ]] || set -- "\$@" --once
		exec "$FTWATCHD" "\$@"
	SH
        # Verbs that ask the daemon are control.bats's.
        cat >"$T/bin/ftwatchctl" <<-SH
		#!/bin/sh
		[ "\$1" != --instance=research ] || shift
		case \$1 in
		        status | poll | probe | test | retry | silence* | unsilence | reload | log-level)
		                set -- help "\$1" ;;
		esac
		exec "$CTL" "\$@"
	SH
        cat >"$T/bin/make" <<-SH
		#!/usr/bin/env bash
		printf 'make %s\n' "\$*" >>"$T/ran"
		for word in "\$@"; do
		        [[ \$word == *=* ]] || cat "$TOP/Makefile" "$TOP/packaging/packages.mk" |
		                grep -q "^\$word:.* ## " || exit 1
		done
	SH
        # Shells of root write to /etc: tests/boot runs those.
        cat >"$T/bin/sudo" <<-'SH'
		#!/bin/sh
		while [ "${1#*=}" != "$1" ]; do shift; done # the secrets of the unit are not here
		[ "$1" = sh ] || exec "$@"
	SH
        for name in systemctl systemd-sysusers systemd-creds journalctl busctl install apt-get sudoedit \
                usermod; do
                printf '#!/bin/sh\necho "%s $*" >>"%s"\n' "$name" "$T/ran" >"$T/bin/$name"
        done
        chmod +x "$T/bin"/*
        # The trial: etc/ftwatchd.conf with its three values changed, as the text says.
        sed -e "s|https://contoso.openai.azure.com|$FTSIM_URL|" \
                -e 's|"credential:azure-key"|"env:AZURE_KEY"|; s|"credential:slack-url"|"env:SLACK_URL"|' \
                "$TOP/etc/ftwatchd.conf" >"$T/work/my.conf"
        export HOME=$T/home USER=${USER:-somebody}
        mkdir "$HOME"
}

run_block() (
        cd "$T/work" || return 1
        PATH=$T/bin:$PATH
        bash -euo pipefail "$1"
)

# run_blocks FILE..: each of them; none warns
run_blocks() {
        local block run
        for block in "$@"; do
                run=$T/run-${block##*/}
                sed -e "s|^\./contrib/demo.sh|$TOP/contrib/demo.sh --help|" \
                        -e "s|^contrib/bootstrap.sh|$TOP/contrib/bootstrap.sh --help|" \
                        -e "s|^\./tests/run.sh|$TOP/tests/run.sh --help|" \
                        -e "s|AZURE_KEY=\.\.\.|AZURE_KEY=$FTSIM_KEY|" \
                        -e "s|https://hooks.slack.com/services/\.\.\.|$FTSIM_URL/sink/slack/x|" \
                        "$block" >"$run"
                run_block "$run" >"$run.out" 2>&1 3>&- || {
                        cat "$block" "$run.out"
                        return 1
                }
                if grep -E '\[(error|warning)\]|mistake' "$run.out" | grep -v 'no mistakes '; then
                        return 1
                fi
        done
}

@test "README: every command runs" {
        start_ftsim demo
        make_credentials
        configure_first
        make_sandbox
        blocks sh
        ((n_blocks >= 6))
        run_blocks "$T"/sh-*
        grep -qxF 'make deb' "$T/ran"
        grep -qxF 'ftwatchd --config my.conf' "$T/ran"
        [[ -s $HOME/.ftwatchd/state.db ]]
}

@test "manual: every command of the examples runs" {
        start_ftsim demo
        make_credentials
        configure_first
        make_sandbox
        poll_demo
        page_blocks "$MAN/ftwatchctl.1" EXAMPLES
        run_blocks "$T"/ftwatchctl.1-EXAMPLES-*
        awk '$2 !~ /^-/ { print $2 }' "$T"/ftwatchctl.1-EXAMPLES-* | sort -u >"$T/verbs"
        "$CTL" help | sed -nE 's/^  ([a-z][a-z-]*) .*/\1/p' | grep -vxE 'ftwatchctl|help' | sort |
                diff - "$T/verbs"
        export AZURE_KEY=$FTSIM_KEY SLACK_URL=$FTSIM_URL/sink/slack/x STATE_DIRECTORY=$T/trial
        page_blocks "$MAN/ftwatchd.8" EXAMPLES
        page_blocks "$MAN/ftwatchd.8" D-BUS
        page_blocks "$MAN/ftwatchd.8" SYSTEMD
        blocks ini
        diff "$T/ini-1" "$T/ftwatchd.8-SYSTEMD-1"
        run_blocks "$T"/ftwatchd.8-EXAMPLES-* "$T"/ftwatchd.8-D-BUS-* "$T"/ftwatchd.8-SYSTEMD-[2-9]
        grep -qxF 'ftwatchd --config my.conf --verbose' "$T/ran"
}

@test "README: the drop-in hands over every secret that the shipped configuration names" {
        local name
        blocks ini
        assert_equal "$n_blocks" 1
        grep -v '^ *#' "$TOP/etc/ftwatchd.conf" | grep -oE 'credential:[a-z-]+' | cut -d : -f 2 >"$T/names"
        (($(wc -l <"$T/names") >= 2))
        while read -r name; do
                grep -qxF "LoadCredential=$name:/etc/ftwatchd/secrets/$name" "$T/ini-1"
        done <"$T/names"
}

# --- configuration ------------------------------------------------------------------------------------

@test "README: the configuration of the first screen has ten lines, and sends what it says" {
        local texts
        start_ftsim - <<<''
        make_credentials
        configure_first
        (($(wc -l <"$T/libconfig-1") <= 10))
        poll_once
        post_jobs
        poll_once
        texts=$(received ops-slack '.[] | select(.answer == 200) | .body.text')
        [[ $texts = *"bad-data failed"* && $texts = *"good-data succeeded"* ]]
        assert_equal "$(received ml-teams '[.[] | select(.answer == 202)] | length')" 1
}

@test "README: every other piece of configuration is one" {
        local i
        make_credentials
        blocks libconfig
        ((n_blocks >= 2))
        for ((i = 1; i <= n_blocks; i++)); do
                check_piece "$T/libconfig-$i" "$T/libconfig-1"
        done
}

# --- ftwatchctl ---------------------------------------------------------------------------------------

# Stamps, spans and the widths that depend on them.
timeless() {
        sed -E -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC/STAMP/g' \
                -e 's/[0-9]+(ms|s|min|h|d)( [0-9]+(ms|s|min|h))?( ago)?|just now/SPAN/g' \
                -e 's/ +/ /g; s/ $//'
}

@test "README: ftwatchctl prints what is shown" {
        local i command
        start_ftsim demo
        make_credentials
        configure_first
        poll_demo
        blocks console
        for ((i = 1; i <= n_blocks; i++)); do
                while read -r command; do
                        printf '$ ftwatchctl %s\n' "$command"
                        eval "\"$CTL\" --state-dir \"$T/state\" $command" 2>/dev/null
                        echo
                done < <(sed -n 's/^\$ ftwatchctl //p' "$T/console-$i") | sed '$d' | timeless >"$T/real"
                timeless <"$T/console-$i" | diff - "$T/real"
        done
        sed -n 's/^\$ ftwatchctl \([a-z]*\).*/\1/p' "$T"/console-* | sort -u | xargs >"$T/verbs"
        assert_equal "$(<"$T/verbs")" 'events jobs'
}

# --- webhook ------------------------------------------------------------------------------------------

# Paths of members, but for those below hyperparameters and the like.
MEMBERS='[paths(type != "array") | select(all(.[]; type == "string")) |
        select(length < 3 or .[1] == "error")]'

@test "manual: a webhook has the members that are shown, and the snippets verify it" {
        local i
        start_ftsim - <<<''
        make_credentials
        configure_first
        cat >"$T/first.conf" <<-CONF
		sources = ( { name = "sim"; endpoint = "$FTSIM_URL"; api_key = "credential:azure-key"; } );
		receivers = ( { name = "hook"; kind = "webhook"; url = "credential:hook-url";
		                secret = "credential:hook-secret"; } );
	CONF
        poll_once
        post_jobs
        poll_once
        received hook 'map(select(.body.data.suffix == "bad-data" and
                (.body.type | endswith("failed"))))[0] | {headers, raw}' >"$T/webhook.json"
        page_blocks "$CONF_PAGE" WEBHOOKS
        assert_equal "$n_blocks" 3
        jq -S "$MEMBERS" <"$T/ftwatchd.conf.5-WEBHOOKS-1" >"$T/shown"
        jq -r .raw "$T/webhook.json" | jq -S "$MEMBERS" | diff "$T/shown" -

        [[ -d $TOP/tests/verify/node_modules/openai ]] || {
                [[ ${CI:-} != true ]] && skip "openai is not installed (npm ci --prefix tests/verify)"
        }
        ln -s "$TOP/tests/verify/node_modules" "$T/node_modules"
        cat >"$T/try.mjs" <<-'JS'
		import assert from "node:assert/strict";
		import fs from "node:fs";
		const { receive } = await import(process.argv[2]);
		const { headers, raw } = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));
		const lower = Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v]));
		const event = await receive(raw, lower);
		assert.equal(event.type, "fine_tuning.job.failed");
		await assert.rejects(async () => receive(raw.replace("failed", "FAILED"), lower));
		console.log("accepted", event.data.suffix);
	JS
        for i in 2 3; do
                cp "$T/ftwatchd.conf.5-WEBHOOKS-$i" "$T/receive-$i.mjs"
                HOOK_SECRET=$HOOK_SECRET run -0 node --require "$TOP/tests/verify/node18.cjs" "$T/try.mjs" \
                        "$T/receive-$i.mjs" "$T/webhook.json"
                assert_equal "$output" 'accepted bad-data'
        done
}
