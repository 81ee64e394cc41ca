#!/usr/bin/env bats
# The shipped units, as far as they can be judged without starting them; tests/boot starts them.

bats_require_minimum_version 1.5.0
load helpers

UNITS=$TOP/packaging/systemd

setup() {
        command -v systemd-analyze >/dev/null || {
                [[ ${CI:-} != true ]] && skip "systemd-analyze is not installed"
        }
        # As installed, but for the paths of this build, and without manual pages to look up.
        local unit
        for unit in ftwatchd.service ftwatchd@.service; do
                sed -e "s|/usr/sbin/ftwatchd|$BUILD/ftwatchd|" -e '/^Documentation=/d' \
                        "$UNITS/$unit" >"$T/$unit"
        done
        cp "$T/ftwatchd@.service" "$T/ftwatchd@team.service"
}

@test "systemd-analyze verify has nothing to say about the units" {
        run -0 systemd-analyze verify "$T/ftwatchd.service" "$T/ftwatchd@team.service"
        assert_equal "$output" ''
}

@test "systemd-analyze security: an exposure of 1.1 or less" {
        local unit
        for unit in ftwatchd.service ftwatchd@team.service; do
                systemd-analyze security --offline=yes --threshold=11 "$T/$unit" || return 1
        done
}

@test "an instance is the service but for configuration and state" {
        local keys
        keys=$(diff <(grep -vE '^(#|$)' "$UNITS/ftwatchd.service") \
                <(grep -vE '^(#|$)' "$UNITS/ftwatchd@.service") | grep -oE '^[<>] [A-Za-z]+' | cut -c 3-)
        assert_equal "$(sort -u <<<"$keys" | xargs)" \
                'BindPaths BusName Description ExecCondition ExecStart StateDirectory TemporaryFileSystem'
}

@test "what a person must mend is not tried again, and nothing is tried again at once" {
        local key
        for key in 'RestartPreventExitStatus=2 78' 'Restart=on-failure'; do
                grep -qxF "$key" "$UNITS/ftwatchd.service"
        done
        # Restarts of its own never reach the limit, a loop does.
        awk -F '[=s]' '/^RestartSec=/ { wait = $(NF - 1) } /^StartLimitIntervalSec=/ { span = $(NF - 1) }
                /^StartLimitBurst=/ { split($0, part, "="); burst = part[2] }
                END { exit !(wait >= 5 && span / wait < burst && burst < 10) }' "$UNITS/ftwatchd.service"
}

@test "systemd-sysusers makes the user and the group" {
        mkdir -p "$T/root/etc"
        systemd-sysusers --root="$T/root" "$UNITS/ftwatchd.sysusers"
        grep -q '^ftwatchd:.*:/usr/sbin/nologin$' "$T/root/etc/passwd"
        grep -q '^ftwatchd:' "$T/root/etc/group"
}

# --- the journal catalog ------------------------------------------------------------------------------

# "ID TYPE", a line each, of the table.
types() {
        awk '/^static const NoticeTypeInfo types/ { inside = 1 } /^};/ { inside = 0 }
                inside && /^ +"[a-z._]+", "/ { split($0, part, "\""); name = part[2] }
                inside && /^ +"[0-9a-f]+", "/ { split($0, part, "\""); print part[2], name }' \
                "$TOP/src/model/notice.c"
}

@test "the catalog explains every type of notice, and nothing else" {
        types | cut -d ' ' -f 1 | sort >"$T/ids"
        (($(wc -l <"$T/ids") >= 23))
        sed -n 's/^-- //p' "$UNITS/ftwatchd.catalog" | sort | diff "$T/ids" -
}

@test "an entry of the catalog says what it means and what to do, in fields that there are" {
        local field
        # Paragraphs behind the headers: what it means, what to do.
        awk '/^-- / { if (id && n < 2) { print id ": " n " paragraphs"; bad = 1 } id = $2; n = 0; blank = 0 }
                /^$/ { blank = 1; next }
                blank && !/^--/ { n++ } { blank = 0 }
                END { exit bad }' "$UNITS/ftwatchd.catalog"
        grep -oE '@[A-Z_]+@' "$UNITS/ftwatchd.catalog" | tr -d @ | sort -u >"$T/fields"
        (($(wc -l <"$T/fields") >= 8))
        while read -r field; do
                grep -qF "\"$field\"" "$TOP/src/receiver/journal.c" || {
                        echo "the journal has no $field"
                        return 1
                }
        done <"$T/fields"
}

@test "journalctl takes the catalog as it is" {
        mkdir -p "$T/root/usr/lib/systemd/catalog" "$T/root/var/lib/systemd/catalog"
        cp "$UNITS/ftwatchd.catalog" "$T/root/usr/lib/systemd/catalog/"
        run -0 journalctl --root="$T/root" --update-catalog
        assert_equal "$output" ''
        [[ -s $T/root/var/lib/systemd/catalog/database ]]
}
