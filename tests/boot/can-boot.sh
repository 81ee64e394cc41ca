#!/usr/bin/env bash
# Whether this place can boot a Debian by systemd-nspawn: exit status 0, or 1 and why not on stdout.
set -u

cannot() {
        echo "$*"
        exit 1
}

[ "$(id -u)" = 0 ] || cannot "not root"
for tool in systemd-nspawn debootstrap nsenter jq; do
        command -v "$tool" >/dev/null || cannot "$tool is not installed"
done
unshare --mount --propagation unchanged true 2>/dev/null || cannot "nothing may be mounted here"
# The sandbox of the unit has one, and the kernel gives none to what was chrooted.
unshare --user true 2>/dev/null || cannot "no user namespaces here; there are none below a chroot"
[ -d /sys/fs/cgroup ] || cannot "/sys is not mounted"
