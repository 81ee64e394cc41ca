#!/usr/bin/env bats
# What README.md and src/README.md name is there, and their tables are those of the source.

# shellcheck disable=SC2016  # backticks are Markdown's
bats_require_minimum_version 1.5.0
load readme

MAP=$TOP/src/README.md
KINDS=(slack teams webhook email journal)

# --- links --------------------------------------------------------------------------------------------

# As in links.
sections() {
        sed -n 's/^##* //p' "$README" | tr 'A-Z ' 'a-z-'
}

@test "README: every file and every section it links to is there" {
        local target n=0
        while read -r target; do
                n=$((n + 1))
                case $target in
                        https://*) ;;
                        \#*) sections | grep -qxF -e "${target#\#}" || {
                                echo "no section for $target"
                                return 1
                        } ;;
                        *) [[ -s $TOP/$target ]] || {
                                echo "no file $target"
                                return 1
                        } ;;
                esac
        done < <(grep -oE '\]\([^)]+\)' "$README" | sed 's/^](//; s/)$//')
        ((n >= 15))
}

@test "README: the picture of the first screen is a picture, and text says what is on it" {
        local picture
        picture=$(grep -oE '^!\[.{30,}\]\([^)]+\)$' "$README" | sed 's/.*(//; s/)$//')
        [[ $(head -c 8 "$TOP/$picture" | od -An -tx1 | tr -d ' ') = 89504e470d0a1a0a ]]
}

# --- options ------------------------------------------------------------------------------------------

# A configuration with every kind of receiver, made of the options that the tables call required.
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
        done < <(table "$1")
}

write_all_kinds() {
        local kind separator=
        {
                printf 'sources = ( { %s } );\nreceivers = (' "$(required_of 'Each of `sources`')"
                for kind in "${KINDS[@]}"; do
                        printf '%s\n  { kind = "%s"; %s' "$separator" "$kind" \
                                "$(required_of 'Each of `receivers`' | sed "s/NAME/$kind/")"
                        printf '%s }' "$(required_of "\`kind = \"$kind\"\`" | sed 's/TO/ml@example.org/')"
                        separator=,
                done
                printf ' );\nrules = ( { %s } );\n' "$(required_of 'Each of `rules`' | sed 's/TO/slack/')"
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

# The tables in the same form; the value of a required option is not theirs to say.
tabled() {
        local kind
        {
                table 'Top level' | sed 's/^/top /'
                table 'Each of `sources`' | sed 's/^/sources /'
                table 'Each of `rules`' | sed 's/^/rules /'
                for kind in "${KINDS[@]}"; do
                        table 'Each of `receivers`' | sed "/^kind\t/d; s/^/$kind /"
                        table "\`kind = \"$kind\"\`" | sed "s/^/$kind /"
                done
        } | sort
}

@test "README: the tables have every option, and its default" {
        make_credentials
        write_all_kinds "$T/all.conf"
        "$FTWATCHD" --config "$T/all.conf" --check-config || {
                cat "$T/all.conf"
                return 1
        }
        dumped "$T/all.conf" >"$T/dumped"
        tabled >"$T/tabled"
        awk -F '\t' 'NR == FNR { if ($2 == "required") required[$1] = 1; next }
                { print $1 "\t" ($1 in required ? "required" : $2) }' "$T/tabled" "$T/dumped" >"$T/expected"
        diff "$T/expected" "$T/tabled"
        (($(wc -l <"$T/expected") >= 60))
}

@test "README: the table of auth has every option" {
        make_credentials
        local required
        required=$(required_of 'Each of `sources`' | sed 's/api_key = "[^"]*"; //')
        printf 'sources = ( { %s auth = { kind = "managed-identity"; platform = "imds"; }; } );\n' "$required" \
                >"$T/auth.conf"
        "$FTWATCHD" --config "$T/auth.conf" --dump-config | sed -n '/^    auth = {/,/^    };/p' >"$T/dumped"
        sed -n 's/^ *\(# \)\{0,1\}\([a-z_]*\) \(=\|is\) .*/\2/p' "$T/dumped" | grep -v '^auth$' >"$T/expected"
        diff "$T/expected" <(table 'Each `auth`' | cut -f 1)
}

@test "README: what the tables call required is refused when it is not there" {
        local key n=0
        make_credentials
        tabled | awk -F '\t' '$2 == "required" { sub(/.* /, "", $1); print $1 }' | sort -u >"$T/required"
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
        assert_equal "$(table 'Each of `receivers`' | sed -n 's/^kind\t//p')" required
}

# --- words --------------------------------------------------------------------------------------------

@test "README: every notice type, and which are told without rules" {
        # name, ..., by_default of the rows of the table
        awk '/^static const NoticeTypeInfo types/ { inside = 1 } /^};/ { inside = 0 }
                inside && /^ +"[a-z._]+", "/ { split($0, part, "\""); name = part[2] }
                inside && /(true|false),$/ { print name "\t" (/true,$/ ? "told" : "") }' \
                "$TOP/src/model/notice.c" >"$T/types"
        (($(wc -l <"$T/types") >= 20))
        table Type | diff "$T/types" -
}

@test "README: every field of the journal, and no other" {
        grep -ohE 'FTWATCH_[A-Z_]+' "$TOP/src/receiver/journal.c" | sort -u |
                diff - <(grep -E '^`FTWATCH_' "$README" | grep -oE 'FTWATCH_[A-Z_]+' | sort)
}

@test "README: what it says is logged when things go wrong is in the source" {
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
        done < <(awk -F '|' '/^\| What happens / { inside = 1; next }
                !/^\|/ { inside = 0 }
                inside { print $3 }' "$README" | grep -oE '`[^`]+`' | tr -d '`')
        ((n >= 15))
}

@test "README: the measured numbers of the first screen are in the table of costs" {
        local number n=0
        table_of_costs() {
                awk '/^\| One run of / { inside = 1; next } !/^\|/ { inside = 0 } inside' "$README"
        }
        while read -r number; do
                number=${number% bytes} number=${number% MiB}
                table_of_costs | grep -qF "| $number |" || {
                        echo "not in the table: $number"
                        return 1
                }
                n=$((n + 1))
        done < <(sed -n '/^Measured by/,/^$/p' "$README" | tr '\n' ' ' |
                grep -oE '[0-9]+ us|0\.[0-9]+|[0-9]+ x|[0-9.]+ MiB|[0-9]+ bytes')
        ((n >= 6))
}

@test "README: every package that the build needs, and every make target it names" {
        local package target
        while read -r package; do
                grep -qF "\`$package\`" "$README" || {
                        echo "README.md does not name $package"
                        return 1
                }
        done < <(sed -n '/<<.TABLE/,/^TABLE/p' "$TOP/contrib/bootstrap.sh" |
                awk -F ' *[|] *' '$2 == "build" || $2 == "demo" { sub(/^ */, "", $1); print $1 }')
        while read -r target; do
                grep -qE "^$target:" "$TOP/Makefile" || {
                        echo "the Makefile has no $target"
                        return 1
                }
        done < <(grep -oE '(^|`)make( [a-z-]+)+' "$README" | sed 's/.*make *//' | tr ' ' '\n' | grep .)
}

# --- the code map -------------------------------------------------------------------------------------

@test "src/README: every file and folder it names is there" {
        local name n=0
        while read -r name; do
                n=$((n + 1))
                compgen -G "$TOP/src/$name" >/dev/null || compgen -G "$TOP/$name" >/dev/null || {
                        echo "there is no $name"
                        return 1
                }
        done < <(grep -oE '`[A-Za-z0-9_.*-]+/[A-Za-z0-9_./*-]*`' "$MAP" | tr -d '`' |
                sed 's/LAYER_MODULE/*/; s/NAME/*/' | sort -u)
        ((n >= 40))
}

@test "src/README: every folder of src/ is named with its rank" {
        local folder name rank
        for folder in "$TOP"/src/*/; do
                name=$(basename "$folder")
                rank=$(grep -oE "[\" ]$name:[0-9]" "$TOP/tests/tools/layers.awk" | tail -c 2)
                grep -qE "^\| $rank \| \`$name/\` \|" "$MAP" || {
                        echo "$name/ (rank $rank) is missing, or has another rank"
                        return 1
                }
        done
}

@test "src/README: every function, table and type it names is in the source" {
        local name n=0
        while read -r name; do
                n=$((n + 1))
                grep -qrwF -e "$name" --include='*.[chk]' --include='*.bash' "$TOP/src" "$TOP/tests" || {
                        echo "there is no $name"
                        return 1
                }
        done < <(grep -oE '`[a-zA-Z]+_[a-zA-Z_]+(\(\))?`' "$MAP" | tr -d '`()' | sort -u)
        ((n >= 15))
}
