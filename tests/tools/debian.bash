# shellcheck shell=bash
# A minimal Debian 12 in a folder, made by debootstrap. Packages come from where this machine's apt gets
# them. Sourced; needs root.

DEBIAN_SUITE=bookworm

# The URI that this machine's apt uses for a suite.
mirror_of() {
        # shellcheck disable=SC2016  # apt's own variables
        apt-get indextargets --format '$(CREATED_BY) $(SITE) $(RELEASE)' 2>/dev/null |
                awk -v suite="$1" '$1 == "Packages" && $3 == suite { print $2; exit }'
}

# debian_make ROOT PACKAGE,PACKAGE..: ROOT is there when it is whole. What went wrong is on stderr.
debian_make() {
        local root=$1 include=$2 new=$1.new.$$ mirror extra uri rc=0
        mirror=$(mirror_of "$DEBIAN_SUITE")
        [ -n "$mirror" ] || {
                echo "apt on this machine has no source for $DEBIAN_SUITE" >&2
                return 1
        }
        mkdir -p "$(dirname "$root")"
        debootstrap --variant=minbase --include="$include" "$DEBIAN_SUITE" "$new" "$mirror" \
                >"$root.log" 2>&1 || rc=$?
        if [ "$rc" != 0 ]; then
                tail -n 20 "$root.log" >&2
                echo "debootstrap failed" >&2
                rm -rf --one-file-system "$new"
                return 1
        fi
        echo "deb $mirror $DEBIAN_SUITE main" >"$new/etc/apt/sources.list"
        for extra in "$DEBIAN_SUITE-updates" "$DEBIAN_SUITE-security"; do
                uri=$(mirror_of "$extra")
                [ -z "$uri" ] || echo "deb $uri $extra main" >>"$new/etc/apt/sources.list"
        done
        # What apt on this machine was told about proxies is true for the root as well.
        apt-config dump 2>/dev/null | grep -E '^Acquire::https?::' >"$new/etc/apt/apt.conf.d/01proxy" || true
        mv "$new" "$root"
}
