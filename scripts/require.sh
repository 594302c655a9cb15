#!/usr/bin/env bash
# Makes sure that commands are there: require.sh COMMAND=PACKAGE… installs the Debian packages of those that are missing.
set -euo pipefail

# Where Debian keeps its daemons; not on every user's path.
PATH=$PATH:/usr/sbin:/sbin

commands=() packages=()
for pair in "$@"; do
	if ! command -v "${pair%%=*}" >/dev/null; then
		commands+=("${pair%%=*}")
		packages+=("${pair#*=}")
	fi
done
[ ${#packages[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "==> Missing: ${commands[*]}. Install them (on Debian, as root: apt-get install ${packages[*]}) and run this again" >&2
	exit 1
fi

echo "==> Installing ${packages[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update -q && apt-get install -q -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "==> Installing ${packages[*]} failed; the end of apt-get's output is above" >&2
	exit 1
fi
