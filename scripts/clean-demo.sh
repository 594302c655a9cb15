#!/usr/bin/env bash
# Takes back everything that demo.sh did: its objects, the images it brought, and the engine if it started one.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/demo.sh

# demo_images prints the ids of the images that the demo uses or built; those that others build on come last.
demo_images() {
	demo_objects container | xargs --no-run-if-empty docker inspect --format '{{.Image}}'
	docker images --quiet --no-trunc --filter 'reference=isolab-helper/*'
	if [ -f "$demo/images.auto.tfvars" ]; then
		docker images --quiet --no-trunc --filter 'reference=isolab-fixture/n*'
		docker images --quiet --no-trunc --filter 'reference=isolab-fixture/trixie'
	fi
}

# remove_images ID… removes those that were not there before the demo; one that something else uses now stays.
remove_images() {
	local image
	for image in "$@"; do
		grep --quiet --line-regexp --fixed-strings "$image" "$demo/images-before" && continue
		docker image rm "$image" >/dev/null 2>&1 || say "Keeping the image $image: something else uses it"
	done
}

# leftovers prints every object of the demo that is still on the engine, with its kind.
leftovers() {
	local kind
	for kind in container network volume; do
		demo_objects "$kind" | sed "s/^/$kind /"
	done
}

if [ ! -d "$demo" ]; then
	say "There is no demo to clean: $demo does not exist"
	exit 0
fi

# Without the engine nothing can be taken back; after a reboot it has to be started again.
scripts/engine.sh

# Listed now, because only the containers know what was pulled for them, and they are about to go.
images=()
if [ -f "$demo/images-before" ]; then
	mapfile -t images < <(demo_images | awk '!seen[$0]++')
fi

if [ -f "$demo/terraform.tfstate" ]; then
	build_provider
	say "terraform destroy"
	in_demo destroy -auto-approve || fail "The destroy failed; mend what it says above and run make clean-demo again"
fi
left=$(leftovers)
[ -z "$left" ] || fail "Still on the engine, though unknown to the state in $demo:"$'\n'"$left"

remove_images "${images[@]}"
started=false
[ ! -f "$demo/engine-started" ] || started=true
rm -rf "$demo"
[ $started = false ] || scripts/engine.sh stop
say "The engine is as it was before the demo"
