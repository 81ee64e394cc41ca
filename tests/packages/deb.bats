#!/usr/bin/env bats
# The Debian package: what is in it, how it is built, and what lintian says. FTWATCH_DEB names it.

bats_require_minimum_version 1.5.0
load lib

setup_file() {
        needs dpkg-deb dpkg-buildpackage dh
        [[ -n ${FTWATCH_DEB:-} ]] || {
                echo "no package: make deb, then FTWATCH_DEB=FILE"
                [[ ${CI:-} != true ]] && skip "no package: make deb, then FTWATCH_DEB=FILE"
        }
        build_elsewhere deb "$BUILD"/packages/deb/ftwatchd-*/
        export ELSEWHERE
}

# Files as "MODE PATH".
contents() {
        dpkg-deb --fsys-tarfile "$FTWATCH_DEB" | tar -tv --numeric-owner |
                awk '$1 !~ /^d/ {
                        if ($2 != "0/0") { print "not of root: " $0 }
                        mode = 0
                        for (i = 2; i <= 10; i++) { mode = mode * 2 + (substr($1, i, 1) != "-") }
                        printf "%o %s\n", mode, substr($6, 2)
                }' | LC_ALL=C sort -k 2
}

@test "deb: it holds these files, with these modes, of root" {
        contents | diff "$TOP/tests/packages/deb.contents" -
}

@test "deb: the commented configuration is the one conffile" {
        assert_equal "$(dpkg-deb --ctrl-tarfile "$FTWATCH_DEB" | tar -x -O ./conffiles)" \
                /etc/ftwatchd/ftwatchd.conf
        dpkg-deb --fsys-tarfile "$FTWATCH_DEB" | tar -x -O ./etc/ftwatchd/ftwatchd.conf |
                diff "$TOP/etc/ftwatchd.conf" -
}

@test "deb: it is built without what only the tests need" {
        grep -qx ' DEB_BUILD_PROFILES="nocheck"' "${FTWATCH_DEB%.deb}.buildinfo"
}

@test "deb: lintian has no error and no warning" {
        needs lintian
        lintian --allow-root --fail-on warning "${FTWATCH_DEB%.deb}.changes"
}

# By hand it is the same, but for what is Debian's: paths of units and of completions of zsh, compression,
# the licence as copyright, and files that only a package has.
@test "deb: make install puts the same by hand" {
        contents | sed -e 's|/lib/systemd/system/|/usr&|; s|/usr/usr/|/usr/|' \
                -e 's|/zsh/vendor-completions/|/zsh/site-functions/|; s|\.gz$||' \
                -e '/\/doc\/ftwatchd\/\(README.Debian\|changelog\)$/d; /\/lintian\//d' \
                -e 's|/doc/ftwatchd/copyright$|/doc/ftwatchd/LICENSE|' | LC_ALL=C sort -k 2 >"$T/package"
        installed PREFIX=/usr | diff "$T/package" -
}

@test "deb: the programs are position-independent, read-only after relocation, bound at start, fortified" {
        local program
        needs readelf
        dpkg-deb -x "$FTWATCH_DEB" "$T/root"
        for program in "$T/root/usr/sbin/ftwatchd" "$T/root/usr/bin/ftwatchctl"; do
                readelf -W -h -l -d --dyn-syms "$program" >"$T/elf"
                grep -qE 'Type: +DYN' "$T/elf"
                grep -q 'GNU_RELRO' "$T/elf"
                grep -qE '\(FLAGS_1\).*NOW.*PIE' "$T/elf"
                grep -qE 'GNU_STACK .* RW +0x' "$T/elf"
                grep -q '__stack_chk_fail' "$T/elf"
                (($(grep -cE '__[a-z]+_chk' "$T/elf") >= 3))
                run ! grep -qE 'R(UN)?PATH' "$T/elf"
        done
}

@test "deb: every file of it was compiled with the flags of Debian" {
        local flag
        grep -E '^[a-z0-9_-]*cc .* -c ' "$ELSEWHERE/log" >"$T/compiled"
        (($(wc -l <"$T/compiled") >= $(find "$TOP/src" -name '*.c' | wc -l)))
        for flag in -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Werror=format-security -fPIE -O2; do
                run ! grep -vFe " $flag" "$T/compiled"
        done
}

@test "deb: built again elsewhere, it is the same bytes" {
        same_bytes "$FTWATCH_DEB" "$ELSEWHERE/$(basename "$FTWATCH_DEB")"
}
