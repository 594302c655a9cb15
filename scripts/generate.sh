#!/usr/bin/env bash
# Regenerates docs/ from the provider's schema, templates/ and examples/, without a network but the Go module proxy.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT

command -v terraform >/dev/null || {
	echo "terraform is needed to read the provider's schema: install it and put it on PATH" >&2
	exit 1
}

echo "==> formatting examples"
terraform fmt -recursive examples

echo "==> building the provider"
go build -o "$temp/terraform-provider-isolab" .

echo "==> reading the schema"
# The generator looks the schema up under registry.terraform.io/hashicorp/, whatever the provider's own address is.
cat >"$temp/terraform.tfrc" <<EOF
provider_installation {
  dev_overrides {
    "hashicorp/isolab" = "$temp"
  }
}
EOF
mkdir "$temp/config"
echo 'provider "isolab" {}' >"$temp/config/main.tf"
TF_CLI_CONFIG_FILE="$temp/terraform.tfrc" terraform -chdir="$temp/config" providers schema -json >"$temp/schema.json"

# A terraform older than a concept leaves it out of the schema, and the generator would delete its pages.
for concept in action list_resource; do
	if [[ -d examples/${concept//_/-}s ]] && ! grep -q "\"${concept}_schemas\"" "$temp/schema.json"; then
		echo "this terraform does not know ${concept//_/ }s and their pages would be lost: use 1.14 or newer" >&2
		exit 1
	fi
done

echo "==> writing docs"
(cd tools && go tool tfplugindocs generate --provider-dir .. --provider-name isolab \
	--providers-schema "$temp/schema.json")
