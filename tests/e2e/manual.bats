#!/usr/bin/env bats
# The manual pages, etc/ftwatchd.conf, --help and the tables of the source say the same: who adds an option,
# a verb or a notice type is told here where else it belongs.

bats_require_minimum_version 1.5.0
load readme

CTL=${FTWATCHCTL:-$BUILD/ftwatchctl}

# items PAGE SECTION: "KEY<TAB>DEFAULT" of "It Ic KEY Pq DEFAULT" and "It Ic KEY No = Cm DEFAULT" there
items() {
        awk -v section="$2" '
                /^\.S[hs] / { inside = substr($0, 5) == section }
                inside && /^\.It Ic / {
                        value = $0
                        sub(/^\.It Ic [^ ]+ ?(Pq |No = Cm )?/, "", value)
                        print $3 "\t" value
                }' "$1"
}

# same WHAT FILE-OF-THE-SOURCE FILE-OF-THE-PAGE
same() {
        diff "$2" "$3" >"$T/difference" || {
                echo "$1: < is in the source only, > in the page only"
                grep '^[<>]' "$T/difference"
                return 1
        }
}

kinds() {
        sed -n 's/^\.Ss Receivers of kind //p' "$CONF_PAGE"
}

@test "manual: mandoc finds nothing wrong in a page" {
        command -v mandoc >/dev/null || {
                [[ ${CI:-} != true ]] && skip "mandoc is not installed"
        }
        # Its index of the pages of this machine may be old or lack those of packages that are not here.
        mandoc -T lint -W warning "$MAN"/* 2>&1 | grep -v 'mandoc.db' >"$T/lint" || true
        cat "$T/lint"
        [[ ! -s $T/lint ]]
}

# --- ftwatchd.conf(5) ---------------------------------------------------------------------------------

# A configuration with every kind of receiver, made of the options that the page calls required.
required_of() {
        local -A values=(
                [name]=NAME [endpoint]=https://contoso.openai.azure.com [api_key]=credential:azure-key
                [url]=credential:slack-url [secret]=credential:hook-secret [server]=smtps://mail.example.org
                [from]=ftwatchd@example.org [to]=TO
        )
        local key second
        while IFS=$'\t' read -r key second; do
                [[ $second = required && $key != kind && $key != "${LEFT_OUT:-}" ]] || continue
                printf '%s = "%s"; ' "$key" "${values[$key]}"
        done < <(items "$CONF_PAGE" "$1")
}

write_all_kinds() {
        local kind separator=
        {
                printf 'sources = ( { %s } );\nreceivers = (' "$(required_of 'Each of sources')"
                for kind in $(kinds); do
                        printf '%s\n  { kind = "%s"; %s' "$separator" "$kind" \
                                "$(required_of 'Each of receivers' | sed "s/NAME/$kind/")"
                        printf '%s }' "$(required_of "Receivers of kind $kind" | sed 's/TO/ml@example.org/')"
                        separator=,
                done
                printf ' );\nrules = ( { %s } );\n' "$(required_of 'Each of rules' | sed 's/TO/slack/')"
        } >"$1"
}

# What --dump-config prints, as "SCOPE KEY<TAB>VALUE" with "none" for what is not set.
dumped() {
        "$FTWATCHD" --config "$1" --dump-config | awk '
                /^(sources|receivers|rules) = / { scope = $1; next }
                /^ *auth = \{/, /^    \};/ { next }
                /^ *kind = / { kind = $3; gsub(/[";]/, "", kind); next }
                / = |is not set$/ {
                        key = $1 == "#" ? $2 : $1
                        value = $0
                        sub(/^[^=]*= */, "", value)
                        gsub(/[";]/, "", value)
                        if (/is not set$/)
                                value = "none"
                        print (scope == "receivers" ? kind : scope ? scope : "top") " " key "\t" value
                }' | sort
}

# The page in the same form; the value of a required option is not its to say.
paged() {
        local kind
        {
                items "$CONF_PAGE" 'Top level' | sed 's/^/top /'
                items "$CONF_PAGE" 'Each of sources' | sed 's/^/sources /'
                items "$CONF_PAGE" 'Each of rules' | sed 's/^/rules /'
                for kind in $(kinds); do
                        items "$CONF_PAGE" 'Each of receivers' | sed "/^kind\t/d; s/^/$kind /"
                        items "$CONF_PAGE" "Receivers of kind $kind" | sed "s/^/$kind /"
                done
        } | sort
}

@test "ftwatchd.conf(5): every option, and its default" {
        make_credentials
        write_all_kinds "$T/all.conf"
        "$FTWATCHD" --config "$T/all.conf" --check-config || {
                cat "$T/all.conf"
                return 1
        }
        dumped "$T/all.conf" >"$T/dumped"
        paged >"$T/paged"
        awk -F '\t' 'NR == FNR { if ($2 == "required") required[$1] = 1; next }
                { print $1 "\t" ($1 in required ? "required" : $2) }' "$T/paged" "$T/dumped" >"$T/expected"
        same "$CONF_PAGE" "$T/expected" "$T/paged"
        (($(wc -l <"$T/expected") >= 60))
}

@test "ftwatchd.conf(5): every option of auth" {
        local required
        make_credentials
        required=$(required_of 'Each of sources' | sed 's/api_key = "[^"]*"; //')
        printf 'sources = ( { %s auth = { kind = "managed-identity"; platform = "imds"; }; } );\n' \
                "$required" >"$T/auth.conf"
        "$FTWATCHD" --config "$T/auth.conf" --dump-config | sed -n '/^    auth = {/,/^    };/p' >"$T/dumped"
        sed -n 's/^ *\(# \)\{0,1\}\([a-z_]*\) \(=\|is\) .*/\2/p' "$T/dumped" | grep -v '^auth$' |
                sort >"$T/expected"
        items "$CONF_PAGE" 'The auth of a source' | cut -f 1 | sort >"$T/paged"
        same "$CONF_PAGE" "$T/expected" "$T/paged"
        (($(wc -l <"$T/expected") >= 10))
}

@test "ftwatchd.conf(5): every kind of receiver" {
        grep -oE '&receiver_kind_[a-z]+' "$TOP/src/receiver/receiver.c" | sed 's/.*_//' | sort >"$T/kinds"
        (($(wc -l <"$T/kinds") >= 5))
        kinds | sort >"$T/paged"
        same "$CONF_PAGE" "$T/kinds" "$T/paged"
}

@test "ftwatchd.conf(5): what it calls required is refused when it is not there" {
        local key n=0
        make_credentials
        paged | awk -F '\t' '$2 == "required" { sub(/.* /, "", $1); print $1 }' | sort -u >"$T/required"
        while read -r key; do
                LEFT_OUT=$key write_all_kinds "$T/without.conf"
                run "$FTWATCHD" --config "$T/without.conf" --check-config
                assert_equal "$status" 1
                [[ $output = *"lacks $key"* ]] || {
                        echo "$key: $output"
                        return 1
                }
                n=$((n + 1))
        done <"$T/required"
        ((n >= 7))
        assert_equal "$(items "$CONF_PAGE" 'Each of receivers' | sed -n 's/^kind\t//p')" required
}

@test "ftwatchd.conf(5): its examples are configurations" {
        local i
        make_credentials
        openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=ftwatchd -keyout "$T/key.pem" \
                -out "$T/certificate.pem"
        cat "$T/key.pem" "$T/certificate.pem" >"$T/credentials/contoso-pem"
        page_blocks "$CONF_PAGE" EXAMPLES
        for ((i = 1; i <= n_blocks; i++)); do
                check_piece "$T/ftwatchd.conf.5-EXAMPLES-$i" "$T/ftwatchd.conf.5-EXAMPLES-1"
        done
        ((n_blocks >= 3))
}

@test "etc/ftwatchd.conf: its rules are rules, when they are no comment" {
        make_credentials
        sed '/^# rules = (/,/^# );/s/^# //' "$TOP/etc/ftwatchd.conf" >"$T/rules.conf"
        ! diff -q "$TOP/etc/ftwatchd.conf" "$T/rules.conf" || return 1
        "$FTWATCHD" --config "$T/rules.conf" --check-config
}

@test "ftwatchd.conf(5): every notice type, and which are told without rules" {
        "$CTL" help types | awk '$1 == "*" { print $2 "\ttold"; next } /^  +[a-z._]+$/ { print $1 "\t" }' \
                >"$T/types"
        (($(wc -l <"$T/types") >= 20))
        items "$CONF_PAGE" 'NOTICE TYPES' >"$T/paged"
        same "$CONF_PAGE" "$T/types" "$T/paged"
}

# --- ftwatchd(8), ftwatchctl(1) -----------------------------------------------------------------------

# options_of_help: "-l --name=ARGUMENT", one a line, from what --help prints
options_of_help() {
        sed -nE 's/^ +((-.), )?(--[a-z-]+(=[^ ]+)?)( .*)?$/\2 \3/p' | sed 's/^ //' | sort -u
}

# options_of PAGE: the same, from "It Fl l , Fl -name Ns = Ns Ar ARGUMENT"
options_of() {
        sed -nE 's/^\.It Fl ((.) , Fl )?(-[a-z-]+)( Ns = Ns Ar (.+))?$/-\2 -\3=\5/p' "$1" |
                sed 's/^- //; s/=$//' | sort -u
}

verbs() {
        "$CTL" help | sed -nE 's/^  ([a-z][a-z-]*) .*/\1/p' | grep -v '^ftwatchctl$'
}

@test "ftwatchd(8): every option, with its letter and argument" {
        "$FTWATCHD" --help | options_of_help >"$T/options"
        (($(wc -l <"$T/options") >= 7))
        options_of "$MAN/ftwatchd.8" >"$T/paged"
        same "$MAN/ftwatchd.8" "$T/options" "$T/paged"
}

@test "ftwatchctl(1): every option, with its letter and argument" {
        local verb
        for verb in $(verbs); do
                [[ $verb = help ]] || "$CTL" help "$verb"
        done | options_of_help >"$T/options"
        (($(wc -l <"$T/options") >= 15))
        options_of "$MAN/ftwatchctl.1" >"$T/paged"
        same "$MAN/ftwatchctl.1" "$T/options" "$T/paged"
}

@test "ftwatchctl(1): every verb, and which options it takes" {
        local verb
        for verb in $(verbs); do
                printf '%s ' "$verb"
                [[ $verb = help ]] && echo && continue
                "$CTL" help "$verb" | sed '/^With every verb/,$d' | options_of_help |
                        sed 's/^-. //; s/=.*//' | sort | xargs
        done | sed 's/ $//' | sort >"$T/verbs"
        (($(wc -l <"$T/verbs") >= 7))
        awk '/^\.Sh / { inside = $2 == "VERBS" }
                inside && /^\.It Ic / { verb = $3; print verb }
                inside && /^\.Fl / {
                        gsub(/[.,]/, "")
                        for (i = 2; i <= NF; i++)
                                print verb " -" $i
                }' "$MAN/ftwatchctl.1" | sort -u | awk '
                { list[$1] = list[$1] ($2 ? " " $2 : "") }
                END { for (verb in list) print verb list[verb] }' | sort >"$T/paged"
        same "$MAN/ftwatchctl.1" "$T/verbs" "$T/paged"
}

@test "ftwatchd(8): every field of the journal, and no other" {
        grep -ohE 'FTWATCH_[A-Z_]+' "$TOP/src/receiver/journal.c" | sort -u >"$T/fields"
        sed -n 's/^\.Ev \(FTWATCH_[A-Z_]*\)$/\1/p' "$MAN/ftwatchd.8" | sort >"$T/paged"
        same "$MAN/ftwatchd.8" "$T/fields" "$T/paged"
}

@test "ftwatchd(8): what it says is logged when things go wrong is in the source" {
        local text n=0
        # Format strings are broken over lines: joined, without what lies between.
        cat "$TOP"/src/*/*.c | tr -d '\n' | sed 's/" *"//g' >"$T/source"
        while read -r text; do
                case $text in
                        source.* | receiver.*) grep -qF "\"$text\"" "$T/source" ;;
                        "poll failed ("*) grep -qF '"poll failed (%s)' "$T/source" &&
                                text=${text#*\(} && grep -qF "\"${text%)}\"" "$T/source" ;;
                        "("*) text=${text#\(} && grep -qF "\"${text%)}\"" "$T/source" ;;
                        *) grep -qF -e "$text" "$T/source" ;;
                esac || {
                        echo "not in the source: $text"
                        return 1
                }
                n=$((n + 1))
        done < <(awk '/^\.Sh / { inside = /WHEN THINGS GO WRONG/ }
                inside && sub(/^\.Ql /, "") { sub(/ [.,;]$/, ""); print }' "$MAN/ftwatchd.8")
        ((n >= 15))
}
