#!/usr/bin/env bash
# Takes the pictures of the README and of the documentation: the messages that the unit tests expect
# (tests/unit/golden), rendered by headless Chromium. Run by `make docs-images`.
#
#   contrib/docs-images.sh               contrib/images/*.png
#   contrib/docs-images.sh --all DIR     every message of every kind, into DIR, to look at
set -euo pipefail
cd "$(dirname "$0")/.."

output=contrib/images pictures=(messages email-succeeded)
if [ "${1-}" = --all ]; then
        output=${2:?a directory is missing} pictures=()
fi

for tool in chromium pngquant node; do
        command -v "$tool" >/dev/null || {
                echo "docs-images.sh: $tool is missing: contrib/bootstrap.sh --tests --docs installs it" >&2
                exit 1
        }
done
# Without it titles have boxes in place of symbols.
fc-list | grep -q 'Noto Color Emoji' || {
        echo "docs-images.sh: fonts-noto-color-emoji is missing: contrib/bootstrap.sh --docs installs it" >&2
        exit 1
}
[ -d tests/verify/node_modules/adaptivecards ] || npm --prefix tests/verify ci --no-audit --no-fund

scratch=$(mktemp -d /tmp/ftw-images.XXXXXX)
trap 'rm -rf "$scratch"' EXIT

node tests/verify/pictures.mjs "$scratch/pages"
if [ "${#pictures[@]}" = 0 ]; then
        for page in "$scratch"/pages/*.html; do
                pictures+=("$(basename "$page" .html)")
        done
fi
mkdir -p "$output"

# The browser reads nothing but the page: no profile of the user, no network.
browser() {
        timeout 60 chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars \
                --disable-dev-shm-usage --user-data-dir="$scratch/profile" \
                --host-resolver-rules='MAP * ~NOTFOUND' \
                --virtual-time-budget=2000 "$@" 2>/dev/null
}

for name in "${pictures[@]}"; do
        url=file://$scratch/pages/$name.html
        # The page says in its title how large it is.
        size=$(browser --dump-dom "$url" | grep -o '<title>[0-9]* [0-9]*</title>' | tr -dc '0-9 ' || true)
        [ -n "$size" ] || {
                echo "docs-images.sh: $name did not render" >&2
                exit 1
        }
        browser --force-device-scale-factor="${SCALE:-1.5}" --window-size="${size% *},${size#* }" \
                --screenshot="$output/$name.png" "$url"
        pngquant --force --skip-if-larger --quality 60-95 --strip \
                --output "$output/$name.png" "$output/$name.png"
        echo "$output/$name.png: $(stat -c %s "$output/$name.png") bytes"
done
