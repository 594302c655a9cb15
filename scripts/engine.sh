#!/usr/bin/env bash
# Makes sure that a Docker engine answers: engine.sh [start] uses the one that Docker's CLI talks to and starts a local
# one where none answers (Debian, root); engine.sh stop stops it if it was started that way.
set -euo pipefail

here=$(dirname "$0")
pidfile=/run/isolab-engine.pid
log=/var/log/isolab-engine.log
socket=/var/run/docker.sock

answers() { docker version >/dev/null 2>&1; }

fail() {
	echo "==> $*" >&2
	exit 1
}

# wait_ready returns when the local engine answers. Starting takes seconds; a minute means that it never will.
wait_ready() {
	curl --silent --output /dev/null --retry 60 --retry-delay 1 --retry-max-time 60 --retry-all-errors \
		--unix-socket "$socket" http://engine/_ping
}

# forget_networks removes what an engine that was killed has left of bridge networks in the kernel and an emptied engine
# does not know: bridges, and rules that still translate the addresses of whichever network gets the subnet next. The
# engine makes those of the networks it knows again when it starts.
forget_networks() {
	local name rule table
	for name in $(ip -brief link show type bridge | awk '$1 ~ /^br-[0-9a-f]{12}$/ { print $1 }'); do
		ip link delete "$name"
	done
	for table in filter nat; do
		iptables --table "$table" --list-rules | grep -E -- ' br-[0-9a-f]{12}( |$)' | sed 's/^-A/-D/' | while read -r rule; do
			# shellcheck disable=SC2086 # a rule is several words
			iptables --table "$table" $rule
		done || true # none
	done
}

start() {
	"$here/require.sh" docker=docker.io curl=curl
	"$here/require.sh" docker=docker-cli # a package of its own since Debian 13
	if answers; then
		echo "==> Docker engine $(docker version --format '{{.Server.Version}}') answers"
		return
	fi

	[ -z "${DOCKER_HOST:-}" ] || fail "No Docker engine answers at DOCKER_HOST=$DOCKER_HOST. Start it, or unset DOCKER_HOST to use one on this machine"
	local context
	context=$(docker context inspect --format '{{.Name}}')
	[ "$context" = default ] ||
		fail "No Docker engine answers in the Docker context $context. Start it, or choose another: docker context use default"
	[ "$(id -u)" -eq 0 ] || fail "No Docker engine answers at $socket, or $(id -un) may not use it. Start one, join the group docker, or run this as root"
	"$here/require.sh" dockerd=docker.io iptables=iptables ip=iproute2
	forget_networks

	echo "==> Starting a Docker engine; its log is $log"
	if [ -d /run/systemd/system ]; then
		systemctl start docker
		systemctl show --property MainPID --value docker >"$pidfile"
	else
		# A session of its own, so that the engine outlives the terminal and no Ctrl-C reaches it. It holds a lock
		# for as long as it lives; stop waits for that.
		nohup setsid flock --no-fork "$pidfile" dockerd </dev/null >"$log" 2>&1 &
		echo $! >"$pidfile"
	fi
	if ! wait_ready; then
		tail -n 20 "$log" >&2 || true
		rm -f "$pidfile"
		fail "The Docker engine did not start; the end of $log is above. Starting one needs a machine or container with CAP_SYS_ADMIN and CAP_NET_ADMIN"
	fi
	echo "==> Docker engine $(docker version --format '{{.Server.Version}}') started; scripts/engine.sh stop ends it"
}

stop() {
	if [ ! -f "$pidfile" ]; then
		echo "==> The Docker engine was not started by scripts/engine.sh; it stays as it is"
		return
	fi
	if [ -d /run/systemd/system ]; then
		systemctl stop docker.socket docker
	elif ! flock --nonblock "$pidfile" true; then
		kill "$(<"$pidfile")"
		flock --timeout 60 "$pidfile" true || fail "The Docker engine (process $(<"$pidfile")) is still running after 60 s"
	fi
	rm -f "$pidfile"
	echo "==> The Docker engine that scripts/engine.sh started is stopped"
}

case "${1:-start}" in
start) start ;;
stop) stop ;;
*) fail "usage: $0 [start|stop]" ;;
esac
