#!/usr/bin/env bash
# Installs what ftwatchd needs on Debian 12 or later, and says what and why. Does nothing when all is there.
#
#   contrib/bootstrap.sh             what building and contrib/demo.sh need
#   contrib/bootstrap.sh --tests     and what tests/run.sh needs
#   contrib/bootstrap.sh --docs      and what `make docs-images` needs
#   contrib/bootstrap.sh --check     installs nothing, exits 1 if something is missing
set -euo pipefail

# package | group | a command that is as good, from wherever it comes, or - | reason
packages() {
        sed -e '/^ *$/d' -e 's/ *| */|/g' -e 's/^ *//' <<'TABLE'
        gcc                    | build | -        | the compiler
        libc6-dev              | build | -        | headers of the C library
        make                   | build | make     | runs the Makefile
        pkg-config             | build | pkg-config | finds the libraries
        libcurl4-openssl-dev   | build | -        | HTTP, TLS, proxies and SMTP
        libjson-c-dev          | build | -        | JSON of the API and of the messages
        libconfig-dev          | build | -        | reads ftwatchd.conf
        libsystemd-dev         | build | -        | event loop, readiness, journal, D-Bus
        libsqlite3-dev         | build | -        | the store: jobs, notices, what is owed
        libssl-dev             | build | -        | SHA-256, HMAC and base64; TLS sessions are resumed
        uthash-dev             | build | -        | hash tables and lists
        libcsv-dev             | build | -        | reads result files

        libmicrohttpd-dev      | demo  | -        | ftsim, the simulated Azure resource and its sinks
        python3                | demo  | -        | shows what arrives as people would see it
        python3-aiosmtpd       | demo  | -        | a real SMTP server to send mail to

        libcmocka-dev          | test  | -        | unit tests
        bats                   | test  | bats     | end-to-end tests
        parallel               | test  | parallel | runs bats files side by side
        clang                  | test  | clang    | second compiler, sanitizers, fuzzing
        clang-tidy             | test  | clang-tidy | static analysis
        libclang-rt-dev        | test  | -        | run-time library of the sanitizers
        llvm                   | test  | llvm-symbolizer | names and lines in sanitizer reports
        cppcheck               | test  | cppcheck | static analysis
        shellcheck             | test  | shellcheck | static analysis of the scripts
        valgrind               | test  | valgrind | memory errors and instruction counts
        libc6-dbg              | test  | -        | valgrind needs the symbols of the loader
        curl                   | test  | curl     | asks ftsim in tests, is the rival in `make bench`
        jq                     | test  | jq       | reads JSON in tests, is the rival in `make bench`
        sqlite3                | test  | sqlite3  | looks into the store, and damages it
        openssl                | test  | openssl  | certificates for the TLS tests
        debhelper              | test  | dh       | builds the Debian package
        build-essential        | test  | -        | what every Debian package is built with
        lintian                | test  | lintian  | checks the Debian package
        rpm                    | test  | rpmbuild | builds the RPM package
        rpmlint                | test  | rpmlint  | checks the RPM package
        binutils               | test  | readelf  | looks for the hardening of the programs
        zsh                    | test  | zsh      | reads its completion
        mandoc                 | test  | mandoc   | checks the manual pages
        procps                 | test  | ps       | memory and processes of what is tested
        systemd                | test  | systemd-analyze | checks the units and the catalog
        dbus                   | test  | dbus-daemon | a bus for the control of the daemon
        systemd-container      | test  | systemd-nspawn | boots a Debian for tests/boot
        debootstrap            | test  | debootstrap | makes that Debian
        nodejs                 | test  | node     | runs the official verifiers and SDK
        npm                    | test  | npm      | installs them

        chromium               | docs  | chromium | renders the messages as pictures
        fonts-dejavu-core      | docs  | -        | a font to render them with
        fonts-lato             | docs  | -        | the font of Slack
        fonts-open-sans        | docs  | -        | a font like that of Teams and Outlook
        fonts-noto-color-emoji | docs  | -        | the symbols in titles
        pngquant               | docs  | pngquant | makes the pictures small
TABLE
}

usage() {
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
}

groups=" build demo "
check_only=false
for option in "$@"; do
        case $option in
                --tests) groups+="test " ;;
                --docs) groups+="docs " ;;
                --check) check_only=true ;;
                -h | --help)
                        usage
                        exit 0
                        ;;
                *)
                        usage >&2
                        exit 2
                        ;;
        esac
done

is_installed() {
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
n_wanted=0
while IFS='|' read -r package group command reason; do
        [[ $groups == *" $group "* ]] || continue
        n_wanted=$((n_wanted + 1))
        [ "$command" != - ] && command -v "$command" >/dev/null && continue
        is_installed "$package" && continue
        [ "${#missing[@]}" != 0 ] || echo "bootstrap: missing"
        printf '  %-22s %-6s %s\n' "$package" "$group" "$reason"
        missing+=("$package")
done < <(packages)

if [ "${#missing[@]}" = 0 ]; then
        names=$(xargs <<<"$groups")
        echo "bootstrap: all $n_wanted packages for ${names// /, } are there, nothing to do"
        exit 0
fi
if $check_only; then
        exit 1
fi

if ! command -v apt-get >/dev/null; then
        echo "bootstrap: no apt-get here; install what this system calls the above" >&2
        exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null; then
                echo "bootstrap: not root and no sudo; as root: apt-get install ${missing[*]}" >&2
                exit 1
        fi
        echo "bootstrap: not root, using sudo"
        as_root=(sudo)
fi

apt() {
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
                apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
        "$@" >"$log" 2>&1 || {
                cat "$log" >&2
                echo "bootstrap: failed: $*" >&2
                exit 1
        }
}

echo "bootstrap: apt-get update"
quietly apt update
echo "bootstrap: apt-get install, ${#missing[@]} packages and what they need"
quietly apt install --no-install-recommends "${missing[@]}"
echo "bootstrap: done"
