#!/usr/bin/env bats
# The RPM package, built here by rpmbuild without the packages of a distribution of its kind.

bats_require_minimum_version 1.5.0
load lib

setup_file() {
        needs rpmbuild
        make -s -C "$TOP" BUILD="${BUILD#"$TOP/"}" rpm RPM_FLAGS=--nodeps >"$BATS_FILE_TMPDIR/log" 2>&1 || {
                tail -n 40 "$BATS_FILE_TMPDIR/log"
                return 1
        }
        RPM=$(echo "$BUILD"/packages/ftwatchd-*.rpm)
        export RPM
}

# Links from a build id to its program are rpm's own, and no two builds of different sources have the same.
contents() {
        rpm -qp --qf '[%{FILEMODES:octal} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]' "$RPM" |
                awk '/\.build-id/ || $1 ~ /^0?4/ { next }
                        $2 != "root:root" { print "not of root: " $0 }
                        { sub(/licenses\/ftwatchd-[0-9.]+\//, "licenses/ftwatchd-VERSION/") }
                        { print substr($1, length($1) - 2), $3 }' | LC_ALL=C sort -k 2
}

@test "rpm: it holds these files, with these modes, of root" {
        contents | diff "$TOP/tests/packages/rpm.contents" -
}

@test "rpm: make install puts the same by hand" {
        contents | sed 's|/usr/share/licenses/ftwatchd-VERSION/|/usr/share/doc/ftwatchd/|' |
                LC_ALL=C sort -k 2 >"$T/package"
        installed PREFIX=/usr | diff "$T/package" -
}

@test "rpm: a configuration that was changed is kept" {
        run -0 rpm -qp --qf '[%{FILENAMES} %{FILEFLAGS:fflags}\n]' "$RPM"
        grep -qxF '/etc/ftwatchd/ftwatchd.conf cn' <<<"$output"
}

@test "rpm: rpmlint has no errors" {
        needs rpmlint
        run rpmlint -c "$TOP/packaging/rpm/rpmlint.toml" "$RPM" "$TOP/packaging/rpm/ftwatchd.spec"
        echo "$output"
        ((status == 0))
        [[ $output =~ \ 0\ errors ]]
}

@test "rpm: built again elsewhere, it is the same bytes" {
        build_elsewhere rpm "$BUILD"/packages/rpm/stage/ftwatchd-*/ RPM_FLAGS=--nodeps
        same_bytes "$RPM" "$ELSEWHERE/$(basename "$RPM")"
}
