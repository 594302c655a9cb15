# What demo.sh and clean-demo.sh share: the demo's folder, its terraform, and how it fails. Sourced, never run.
# shellcheck shell=bash

demo=$PWD/.cache/demo

# The file that names the provider just built is the demo's own, so that nobody's terraform configuration is touched.
export TF_CLI_CONFIG_FILE=$demo/terraform.tfrc
export CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 TF_CLI_ARGS=-no-color

say() { echo "==> $*"; }

fail() {
	echo "==> $*" >&2
	exit 1
}

# build_provider builds the provider and points the demo's terraform to it.
build_provider() {
	say "Building the provider into bin/"
	go build -o bin/terraform-provider-isolab .
	cat >"$TF_CLI_CONFIG_FILE" <<-CONFIG
		provider_installation {
		  dev_overrides {
		    "isolab/isolab" = "$PWD/bin"
		  }
		  direct {}
		}
	CONFIG
}

# in_demo COMMAND… runs terraform in the demo's folder.
in_demo() { terraform -chdir="$demo" "$@"; }

# demo_objects KIND prints the ids of the demo's containers, networks or volumes, whatever terraform's state knows.
demo_objects() {
	local label list=(docker "$1" ls --quiet)
	[ "$1" != container ] || list+=(--all)
	for label in isolab.project=shop isolab.project=blog isolab.gateway=edge; do
		"${list[@]}" --filter "label=$label"
	done | sort -u
}
