#!/usr/bin/env bats
# contrib/completions: what bash offers where, with a state made by the daemon; that zsh reads its files and
# offers the same.

bats_require_minimum_version 1.5.0
load readme

CTL=${FTWATCHCTL:-$BUILD/ftwatchctl}
COMPLETIONS=$TOP/contrib/completions

setup() {
        export TZ=UTC LC_ALL=C.UTF-8
        unset STATE_DIRECTORY CREDENTIALS_DIRECTORY
        mkdir "$T/bin"
        ln -s "$CTL" "$T/bin/ftwatchctl"
        ln -s "$FTWATCHD" "$T/bin/ftwatchd"
        PATH=$T/bin:$PATH
}

# complete_words PROGRAM WORD..: what TAB offers for the last word, one a line
complete_words() {
        bash --norc -c '
                source "$1"
                shift
                COMP_WORDS=("$@")
                COMP_CWORD=$(($# - 1))
                "_$1"
                printf "%s\n" "${COMPREPLY[@]}"' bash "$COMPLETIONS/bash/$1" "$@"
}

# offers "WORD.." LIST: LIST is part of what is offered behind WORD..
offers() {
        local words word
        read -ra words <<<"$1"
        [[ $1 != *' ' ]] || words+=('')
        complete_words "${words[@]}" >"$T/offered"
        for word in $2; do
                grep -qxF -e "$word" "$T/offered" || {
                        printf '"%s" does not offer %s, but:\n' "$1" "$word"
                        cat "$T/offered"
                        return 1
                }
        done
}

make_state() {
        start_ftsim demo
        make_credentials
        cat >"$T/demo.conf" <<-CONF
		sources = ( { name = "contoso-eastus"; endpoint = "$FTSIM_URL"; api_key = "credential:azure-key"; } );
		receivers = ( { name = "ops-slack"; kind = "slack"; url = "credential:slack-url"; } );
		rules = ( { types = ["*"]; to = ["ops-slack"]; } );
	CONF
        for _ in 1 2; do
                "$FTWATCHD" --config "$T/demo.conf" --once >"$T/once.log" 2>&1
                sim POST '/_sim/advance?seconds=5' >/dev/null
        done
}

@test "completion, bash: verbs, options, types and levels are those of the program" {
        local verb
        offers 'ftwatchctl ' 'jobs show events metrics notices deliveries help'
        offers 'ftwatchctl de' deliveries
        assert_equal "$(<"$T/offered")" deliveries
        # The manual's list, not the one that completions read: they must not miss a verb with a long name.
        sed -nE '/^\.Sh VERBS/,/^\.Sh OPTIONS/s/^\.It Ic ([a-z-]+).*/\1/p' \
                "$TOP/packaging/man/ftwatchctl.1" >"$T/verbs"
        (($(wc -l <"$T/verbs") >= 18))
        complete_words ftwatchctl '' | sort | diff - <(sort "$T/verbs")
        while read -r verb; do
                [[ $verb != help ]] || continue
                "$CTL" help "$verb" | sed -nE 's/^ +(-., )?(--[a-z-]+=?).*/\2/p' | sort -u >"$T/options"
                complete_words ftwatchctl "$verb" -- | sort -u | diff "$T/options" -
        done <"$T/verbs"
        "$CTL" help types | grep -oE '(job|source|receiver)\.[a-z_]+|test' | sort >"$T/types"
        (($(wc -l <"$T/types") >= 20))
        complete_words ftwatchctl notices --type '' | sort | diff "$T/types" -
        complete_words ftwatchctl notices --type = '' | sort | diff "$T/types" -
        offers 'ftwatchctl help ' 'jobs types'
        offers 'ftwatchctl events x --level ' 'info warning error'
        offers 'ftwatchctl deliveries --state = pending,de' pending,dead
        "$CTL" help deliveries | sed -n 's/.*only these: //p' | tr -d ',' | tr ' ' '\n' | sort >"$T/states"
        (($(wc -l <"$T/states") == 5))
        complete_words ftwatchctl deliveries --state '' | sort | diff "$T/states" -
        offers 'ftwatchctl --color n' never
        offers 'ftwatchd --ch' --check-config
}

@test "completion, bash: jobs, sources and receivers are those of the state" {
        local where="--state-dir $T/state" id
        export STATE_DIRECTORY=$T/state
        make_state
        unset STATE_DIRECTORY
        id=$("$CTL" --state-dir "$T/state" jobs --json | jq -r '.[0].id')
        [[ $id = ftjob-* ]]
        offers "ftwatchctl $where show " "$id support-triage"
        offers "ftwatchctl $where show support-tri" support-triage
        assert_equal "$(<"$T/offered")" support-triage
        offers "ftwatchctl show $where supp" support-triage
        offers "ftwatchctl $where jobs --source = " contoso-eastus
        offers "ftwatchctl $where jobs --status active,ru" active,running
        offers "ftwatchctl $where deliveries --receiver " ops-slack
        # One job is enough; nothing to offer is not an error.
        complete_words ftwatchctl --state-dir "$T/state" show "$id" '' >"$T/offered"
        assert_equal "$(<"$T/offered")" ''
        complete_words ftwatchctl --state-dir "$T/nowhere" show '' >"$T/offered" 2>&1
        assert_equal "$(<"$T/offered")" ''
}

@test "completion, zsh: reads its files, and offers verbs, options and values" {
        command -v zsh >/dev/null || {
                [[ ${CI:-} != true ]] && skip "zsh is not installed"
        }
        zsh -n "$COMPLETIONS/zsh/_ftwatchctl"
        zsh -n "$COMPLETIONS/zsh/_ftwatchd"
        # A terminal that asks: TAB lists, Ctrl-U clears.
        cat >"$T/ask.zsh" <<-'ZSH'
		zmodload zsh/zpty
		zpty shell zsh -f -i
		say() { zpty -w -n shell "$1"; }
		until_seen() {
		        local chunk all=''
		        repeat 400; do
		                if zpty -r -t shell chunk; then all+=$chunk; else sleep 0.02; fi
		                [[ $all != *$1* ]] || { print -r -- "seen $1"; return 0 }
		        done
		        print -r -- "not seen: $1"; print -r -- $all; return 1
		}
		say $'PS1=; fpath=('$1$' $fpath); autoload -Uz compinit; compinit -u -d '$2$'/zcompdump; '
		say $'LISTMAX=1000; setopt no_beep; stty columns 200; print rea""dy\n'
		until_seen ready || exit 1
		say $'ftwatchctl \t\t'; until_seen deliveries || exit 1
		say $'\x15ftwatchctl jobs --\t\t'; until_seen --status || exit 1
		say $'\x15ftwatchctl notices --type=job.succ\t'; until_seen job.succeeded || exit 1
		say $'\x15ftwatchctl events x --level \t\t'; until_seen warning || exit 1
		say $'\x15ftwatchd --che\t'; until_seen check-config || exit 1
		zpty -d shell
	ZSH
        TERM=xterm timeout 60 zsh -f "$T/ask.zsh" "$COMPLETIONS/zsh" "$T"
}
