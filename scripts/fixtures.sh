#!/usr/bin/env bash
# Builds the images that tests and the demo run where no registry can be reached, from Debian packages alone:
# isolab-fixture/<name>:1 for every folder of test/fixtures, or for those named as arguments.
set -euo pipefail
cd "$(dirname "$0")/.."

fixtures=test/fixtures
label=isolab-fixture.source

# source_hash NAME prints a hash of everything the image is made from; the base image's files count for all.
source_hash() {
	find "$fixtures/trixie" "$fixtures/$1" -type f -print0 | sort -zu | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

# current NAME succeeds when the engine holds the image as its folder describes it.
current() {
	[ "$(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "isolab-fixture/$1:1" 2>/dev/null)" = "$(source_hash "$1")" ]
}

import_base() {
	echo "==> Building isolab-fixture/trixie:1 with debootstrap"
	# Tagged only when both ends succeeded: an archive cut short may import as an image, too.
	local image
	image=$("$fixtures/trixie/build" 2>"$logs/trixie" | docker import --change "LABEL $label=$(source_hash trixie)" -) &&
		docker tag "$image" isolab-fixture/trixie:1
}

build() {
	echo "==> Building isolab-fixture/$1:1"
	# BuildKit is no part of the oldest engine supported.
	DOCKER_BUILDKIT=0 docker build --force-rm --label "$label=$(source_hash "$1")" --tag "isolab-fixture/$1:1" \
		"$fixtures/$1" >"$logs/$1" 2>&1
}

# fail NAME ends the script with the end of that build's log.
fail() {
	tail -n 20 "$logs/$1" >&2
	echo "==> Building isolab-fixture/$1:1 failed; its log is above" >&2
	exit 1
}

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# Two runs at once would build everything twice.
exec 9>"${TMPDIR:-/tmp}/isolab-fixtures.lock"
flock 9

names=("$@")
[ $# -gt 0 ] || for folder in "$fixtures"/*/; do names+=("$(basename "$folder")"); done

missing=()
for name in "${names[@]}"; do
	[ -d "$fixtures/$name" ] || { echo "==> There is no fixture $name in $fixtures" >&2; exit 1; }
	[ "$name" = trixie ] || current "$name" || missing+=("$name")
done

if [ ${#missing[@]} -gt 0 ] || [[ " ${names[*]} " == *" trixie "* ]]; then
	if ! current trixie; then
		scripts/require.sh debootstrap=debootstrap
		import_base || fail trixie
	fi
fi

# The builds wait for downloads as much as for the processor, so all run at once.
declare -A jobs=()
for name in "${missing[@]}"; do
	build "$name" &
	jobs[$name]=$!
done
for name in "${!jobs[@]}"; do
	wait "${jobs[$name]}" || fail "$name"
done

echo "==> Fixture images are in place: ${names[*]}"
