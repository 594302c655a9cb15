#!/usr/bin/env bash
# Runs a Docker Engine 26 in a container, with the fixture images, to test against more than the engine at hand:
# engine26.sh start|stop|host. start and host print the value for DOCKER_HOST; all else goes to standard error.
set -euo pipefail
cd "$(dirname "$0")/.."

name=isolab-engine26
address=10.250.0.11
host=tcp://$address:2375
images=(isolab-fixture/{node,python,nginx,busybox,registry}:1)

# What an engine needs, one by one: not every machine can grant --privileged.
capabilities=(SYS_ADMIN NET_ADMIN SYS_PTRACE MKNOD SYS_CHROOT SETPCAP DAC_READ_SEARCH SYS_MODULE NET_RAW SYSLOG IPC_LOCK SYS_NICE)

fail() {
	echo "==> $*" >&2
	exit 1
}

# engine26 runs Docker's CLI against the engine in the container.
engine26() { docker --host "$host" "$@"; }

run() {
	docker network inspect "$name" >/dev/null 2>&1 ||
		docker network create --subnet 10.250.0.0/24 "$name" >/dev/null
	docker run --detach --name "$name" --hostname "$name" --network "$name" --ip "$address" \
		"${capabilities[@]/#/--cap-add=}" \
		--security-opt systempaths=unconfined --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
		--device-cgroup-rule 'a *:* rwm' --volume /sys/fs/cgroup:/sys/fs/cgroup:rw \
		isolab-fixture/engine26:1 >/dev/null
}

# load_images brings over the fixture images that the engine does not hold yet in this very build.
load_images() {
	local image missing=()
	for image in "${images[@]}"; do
		[ "$(docker image inspect --format '{{.Id}}' "$image")" = "$(engine26 image inspect --format '{{.Id}}' "$image" 2>/dev/null)" ] ||
			missing+=("$image")
	done
	[ ${#missing[@]} -eq 0 ] || docker save "${missing[@]}" | engine26 load --quiet >/dev/null
}

start() {
	scripts/fixtures.sh >&2
	if [ "$(docker container inspect --format '{{.State.Running}}' "$name" 2>/dev/null)" != true ]; then
		echo "==> Starting Docker Engine 26 in the container $name" >&2
		docker rm --force --volumes "$name" >/dev/null 2>&1 || true
		run
	fi
	if ! curl --silent --output /dev/null --retry 60 --retry-delay 1 --retry-max-time 60 --retry-all-errors "http://$address:2375/_ping"; then
		docker logs --tail 20 "$name" >&2
		fail "Docker Engine 26 does not answer at $host; its log is above. The address is reachable only from the machine that runs the outer engine"
	fi
	load_images
	echo "==> Docker Engine $(engine26 version --format '{{.Server.Version}}') answers at $host" >&2
	echo "$host"
}

stop() {
	docker rm --force --volumes "$name" >/dev/null 2>&1 || true
	docker network rm "$name" >/dev/null 2>&1 || true
	echo "==> The container $name and its network are gone" >&2
}

case "${1:-}" in
start) start ;;
stop) stop ;;
host) echo "$host" ;;
*) fail "usage: $0 start|stop|host" ;;
esac
