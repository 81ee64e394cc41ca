#!/usr/bin/env bats
# What README.md and src/README.md name is there.

# shellcheck disable=SC2016  # backticks are Markdown's
bats_require_minimum_version 1.5.0
load readme

MAP=$TOP/src/README.md

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

# --- words --------------------------------------------------------------------------------------------

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
                cat "$TOP/Makefile" "$TOP/packaging/packages.mk" | grep -qE "^$target:" || {
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

@test "src/README: every file of src/ has its place, and no other" {
        local folder name
        sed -n '/^## Every file/,/^## To add/p' "$MAP" >"$T/places"
        for folder in "$TOP"/src/*/; do
                folder=$(basename "$folder")
                # A file a verb, and a file a group of methods.
                for name in "$TOP/src/$folder"/*.[ch]; do
                        name=$(basename "${name%.*}")
                        echo "${name%_internal}"
                done | sed 's/^\(verb\|control\)_.*/\1_*/' | sort -u >"$T/files"
                grep "^| \`$folder/\` |" "$T/places" | cut -d '|' -f 3 | grep -oE '`[^`]+`' | tr -d '`' |
                        sort -u | diff "$T/files" - || {
                        echo "$folder/: < is in the folder only, > in the table only"
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
        done < <(sed '/^## Every file/,/^## To add/d' "$MAP" |
                grep -oE '`[a-zA-Z]+_[a-zA-Z_]+(\(\))?`' | tr -d '`()' | sort -u)
        ((n >= 15))
}
