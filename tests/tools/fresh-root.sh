#!/usr/bin/env bash
# A machine on which nothing has been done yet: runs a command in a fresh Debian 12 root that holds nothing
# but a minimal system, git, CA certificates and a clone of what is committed here. For the promises made:
#
#   tests/tools/fresh-root.sh ./contrib/demo.sh
#   tests/tools/fresh-root.sh 'contrib/bootstrap.sh && make && make check'
#   tests/tools/fresh-root.sh --clean            forget the cached root
#   tests/tools/fresh-root.sh --user COMMAND     as a user with sudo, not as root
#   tests/tools/fresh-root.sh --keep COMMAND     leave the used root where it is, and say where
#   tests/tools/fresh-root.sh --chroot COMMAND   below a chroot, as people make one by hand
#
# The pristine root is made once, by debootstrap, in
# ${XDG_CACHE_HOME:-~/.cache}/ftwatchd-fresh-root; every run works on a copy
# and removes it. Packages come from where this machine's apt gets them, and are kept beside the root for
# the next run. Needs root and debootstrap.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/ftwatchd-fresh-root
pristine=$cache/pristine
top=$(cd "$(dirname "$0")/../.." && pwd)
user=root keep=false enter=pivot

die() {
        echo "fresh-root: $*" >&2
        exit 1
}

while [[ ${1-} == --* ]]; do
        case $1 in
                --clean)
                        rm -rf --one-file-system "$cache"
                        exit 0
                        ;;
                --user) user=tester ;;
                --keep) keep=true ;;
                --chroot) enter=chroot ;;
                *) die "unknown option $1" ;;
        esac
        shift
done
[ "$#" != 0 ] || die "which command?"
[ "$(id -u)" = 0 ] || die "needs root"
command -v debootstrap >/dev/null || die "needs debootstrap (apt-get install debootstrap)"

# --- the pristine root ----------------------------------------------------------------
# shellcheck source=tests/tools/debian.bash
. "$top/tests/tools/debian.bash"
if [ ! -d "$pristine" ]; then
        echo "fresh-root: debootstrap $DEBIAN_SUITE into $pristine"
        debian_make "$pristine" git,ca-certificates || die "no pristine root"
fi

# --- a copy of it, with what is committed ---------------------------------------------
run=$(mktemp -d "$cache/run.XXXXXX")
root=$run/root
# shellcheck disable=SC2317  # called by the trap
cleanup() {
        # Every mount was made in a namespace that is gone by now; --one-file-system for the day it is not.
        if $keep; then
                echo "fresh-root: kept $root"
        else
                rm -rf --one-file-system "$run"
        fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$cache/archives/partial"
cp -a --reflink=auto "$pristine" "$root"
cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
# Authorities that this machine trusts besides Debian's: the network it is on may need them.
mkdir -p "$root/usr/local/share/ca-certificates"
for ca in /usr/local/share/ca-certificates/*.crt; do
        [ ! -e "$ca" ] || cp -L "$ca" "$root/usr/local/share/ca-certificates/"
done
chroot "$root" update-ca-certificates >/dev/null 2>&1 || die "update-ca-certificates failed in the root"

home=/root
[ "$user" = root ] || home=/home/$user
mkdir -p "$root$home"
[ -z "$(git -C "$top" status --porcelain)" ] || echo "fresh-root: not committed here, so not in there:" \
        "$(git -C "$top" status --porcelain | wc -l) files"
git clone -q --no-local "$top" "$root$home/ftwatchd"

# --- inside ---------------------------------------------------------------------------
environment=(HOME="$home" USER="$user" LOGNAME="$user" TERM="${TERM:-dumb}" LANG=C.UTF-8
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
[ -z "${CI-}" ] || environment+=(CI="$CI")
[ -z "${NODE_EXTRA_CA_CERTS-}" ] || environment+=(NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt)

# Mounts and processes live in namespaces of their own and end with them, whatever happens here. In there
# the root is that of its namespace, as on a machine: a chroot has no mount at /, which some programs want.
inside() {
        # shellcheck disable=SC2016  # the inner shell's
        unshare --mount --propagation private --pid --fork --kill-child --ipc bash -euc '
                root=$1 archives=$2 enter=$3
                shift 3
                [ "$enter" = chroot ] || mount --bind "$root" "$root"
                mount -t proc proc "$root/proc"
                mount --rbind /sys "$root/sys"
                mount --rbind /dev "$root/dev"
                mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
                mount -t tmpfs -o mode=755 tmpfs "$root/run"
                mount --bind "$archives" "$root/var/cache/apt/archives"
                [ "$enter" = pivot ] || exec chroot "$root" /usr/bin/env -i "$@"
                cd "$root"
                pivot_root . mnt
                umount -l mnt
                exec /usr/bin/env -i "$@"
        ' fresh-root "$root" "$cache/archives" "$enter" "${environment[@]}" "$@"
}

command=$*
if [ "$user" = root ]; then
        as=(bash -c "cd ~/ftwatchd && $command")
else
        # shellcheck disable=SC2016  # the inner shell's
        inside bash -euc '
                export DEBIAN_FRONTEND=noninteractive
                apt-get -qq update
                apt-get -qq install --no-install-recommends sudo >/dev/null 2>&1
                useradd --shell /bin/bash "$1"
                chown -R "$1": "/home/$1"
                echo "$1 ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/tester
        ' prepare "$user"
        as=(setpriv --reuid="$user" --regid="$user" --init-groups bash -c "cd ~/ftwatchd && $command")
fi

echo "fresh-root: as $user: $command"
started=$SECONDS
rc=0
inside "${as[@]}" || rc=$?
echo "fresh-root: exit status $rc after $((SECONDS - started)) s"
exit "$rc"
