#!/usr/bin/env bash
# Does a tarball stand alone? distcheck.sh TARBALL: unpack, build with WERROR, check, install below a
# DESTDIR, look at what is there, uninstall, and see that only the configuration is left.
set -eu

tarball=$(realpath "$1")
work=$(mktemp -d "${TMPDIR:-/tmp}/ftw-dist.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
unset BUILD DESTDIR PREFIX MAKEFLAGS MAKELEVEL

tar -xzf "$tarball" -C "$work"
cd "$work"/*/
make -j "$(nproc)" WERROR=1
make -j "$(nproc)" WERROR=1 check

root=$work/root
make install DESTDIR="$root" PREFIX=/usr WERROR=1 >/dev/null
[ -x "$root/usr/sbin/ftwatchd" ]
[ -x "$root/usr/bin/ftwatchctl" ]
[ -s "$root/etc/ftwatchd/ftwatchd.conf" ]
[ -d "$root/etc/ftwatchd/conf.d" ]
[ -s "$root/usr/share/doc/ftwatchd/LICENSE" ]
[ -s "$root/usr/share/man/man5/ftwatchd.conf.5" ]
[ -s "$root/usr/share/dbus-1/system.d/org.ftwatchd1.conf" ]
"$root/usr/sbin/ftwatchd" --version
"$root/usr/bin/ftwatchctl" --version

make uninstall DESTDIR="$root" PREFIX=/usr >/dev/null
left=$(find "$root" -type f ! -path "$root/etc/*")
[ -z "$left" ] || { printf 'uninstall leaves\n%s\n' "$left"; exit 1; }
echo "distcheck: $(basename "$tarball") builds, passes, installs and uninstalls"
