#!/usr/bin/env bash
# stage.sh VERSION DIRECTORY: a source tree to make packages of, with debian/ where dpkg wants it. What git
# tracks, as it is in the working tree; outside of git, everything but build directories. The same tree gives
# the same bytes: every stamp is SOURCE_DATE_EPOCH, every mode 644 or 755.
set -euo pipefail

version=$1 to=$2
cd "$(dirname "$0")/.."
umask 022

files() {
        if [ -e .git ]; then
                git ls-files -z | while IFS= read -r -d '' file; do
                        [ ! -e "$file" ] || printf '%s\0' "$file"
                done
        else
                find . -type f -not -path './build*' -not -path './dist/*' \
                        -not -path '*/node_modules/*' -print0
        fi
}

rm -rf "$to"
mkdir -p "$to"
files | tar -c --no-recursion --null -T - | tar -x -C "$to"
cp -r "$to/packaging/debian" "$to/debian"

# One place for the version, the Makefile; the changelog gets an entry for one that it does not have.
changelog=$to/debian/changelog
if [ "$(sed -n '1s/^ftwatchd (\(.*\)) .*/\1/p' "$changelog")" != "$version" ]; then
        {
                printf 'ftwatchd (%s) unstable; urgency=medium\n\n  * New version.\n\n' "$version"
                printf '%s  %s\n\n' "$(grep -m 1 '^ -- ' "$changelog" | sed 's/>.*/>/')" \
                        "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
                cat "$changelog"
        } >"$changelog.new"
        mv "$changelog.new" "$changelog"
fi

chmod -R u=rwX,go=rX "$to"
find "$to" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
