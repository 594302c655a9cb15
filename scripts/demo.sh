#!/usr/bin/env bash
# Shows on this machine what isolab does: applies examples/quickstart with the provider built from this tree, and looks
# at the result from outside. Needs root on Debian where no Docker engine runs yet. HTTP_PORT chooses the gateway's port.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/demo.sh

port=${HTTP_PORT:-8080}

# Everything that was there before the demo stays when clean-demo removes the rest; hence noted once, at the first run.
prepare() {
	local tool
	for tool in go terraform; do
		command -v "$tool" >/dev/null || fail "$tool is not on PATH. Install it (go.mod names the version of Go; terraform 1.11 or newer) and run this again"
	done
	mkdir -p "$demo"
	docker version >/dev/null 2>&1 || touch "$demo/engine-started"
	scripts/engine.sh
	[ -f "$demo/images-before" ] || docker images --quiet --no-trunc >"$demo/images-before"
	cp examples/quickstart/*.tf "$demo"
}

# choose_images uses the public images where a registry answers, and images built from Debian packages elsewhere.
choose_images() {
	say "Looking for docker.io"
	if timeout 10 docker manifest inspect docker.io/library/busybox:latest >/dev/null 2>&1; then
		say "docker.io answers: using the public images"
		rm -f "$demo/images.auto.tfvars"
		return
	fi
	say "docker.io does not answer: using images built from Debian packages"
	scripts/fixtures.sh node nginx
	cat >"$demo/images.auto.tfvars" <<-'TFVARS'
		images = {
		  node    = "isolab-fixture/node:1"
		  static  = "isolab-fixture/nginx:1"
		  gateway = "isolab-fixture/nginx:1"
		}
	TFVARS
}

# The gateway's port is published on the engine's host, which need not be this machine.
gateway_url() {
	local host=${DOCKER_HOST:-}
	case $host in
	tcp://* | ssh://*)
		host=${host#*://}
		host=${host#*@}
		host=${host%%/*}
		host=${host%:*}
		;;
	*) host=localhost ;;
	esac
	echo "http://$host:$port"
}

# expect_status PROJECT STATUS requests a project's path, shows the first line of the answer, and insists on its status.
expect_status() {
	local url headers=$demo/headers body=$demo/body status
	url=$(gateway_url)/projects/$1/
	status=$(curl --silent --show-error --max-time 10 --dump-header "$headers" --output "$body" --write-out '%{http_code}' "$url") ||
		fail "$url does not answer"
	echo "    $url -> $status $(grep --ignore-case '^retry-after' "$headers" | tr -d '\r' || true)"
	echo "    $(grep --max-count=1 '[^[:space:]]' "$body" | cut -c1-100)"
	[ "$status" = "$2" ] || fail "$url answered $status instead of $2"
	if [ "$2" = 503 ]; then
		grep --quiet --ignore-case '^retry-after' "$headers" || fail "$url answered 503 without Retry-After"
	fi
}

# container PROJECT prints the id of the project's container.
container() {
	local id
	id=$(docker ps --quiet --filter "label=isolab.project=$1" --filter label=isolab.environment=development)
	[ -n "$id" ] || fail "The project $1 has no running container"
	echo "$id"
}

label() { docker inspect --format "{{index .Config.Labels \"$2\"}}" "$1"; }

# title PROJECT prints the title of the project's page, by which its answers are told from those of anybody else.
title() { curl --silent --show-error --max-time 10 "$(gateway_url)/projects/$1/" | sed -n 's:.*<title>\(.*\)</title>.*:\1:p'; }

# reach CONTAINER URL TITLE requests the URL from inside the Node.js container and prints what came of it. It succeeds
# when the page with the title came. Somebody else may answer: an address of the pool means something else beyond the host,
# where a container with egress gets to.
reach() {
	docker exec "$1" node --eval '
		fetch(process.argv[1], { signal: AbortSignal.timeout(3000) }).then(
			async (response) => {
				const reached = (await response.text()).includes(`<title>${process.argv[2]}</title>`);
				console.log(`HTTP ${response.status}` + (reached ? "" : ", from somebody else beyond this host"));
				process.exit(reached ? 0 : 1);
			},
			(error) => { console.log(error.cause?.code ?? error.name); process.exit(1); },
		)' "$2" "$3"
}

# show_isolation tries to go from one project into the other, after showing that the same way leads to itself.
show_isolation() {
	say "From inside shop: shop answers, blog does not"
	local shop blog project result url page
	shop=$(container shop)
	blog=$(container blog)
	for project in shop blog; do
		local target=$shop
		[ $project = shop ] || target=$blog
		local name
		name=$(docker inspect --format '{{.Name}}' "$target")
		page=$(title $project)
		[ -n "$page" ] || fail "The page of $project has no title to tell it by"
		for host in "$(label "$target" isolab.address)" "development.$project.isolab" "${name#/}"; do
			url=http://$host:$(label "$target" isolab.port)/
			if result=$(reach "$shop" "$url" "$page"); then
				echo "    $url -> $result"
				[ $project = shop ] || fail "shop reached blog at $url: the two are not isolated"
			else
				echo "    $url -> not reached ($result)"
				[ $project = blog ] || fail "shop did not reach itself at $url, so that nothing is shown about blog"
			fi
		done
	done
}

# show_pause changes the phase of both projects and back.
show_pause() {
	say "terraform plan -var phase=paused"
	in_demo plan -var phase=paused -out=paused.tfplan >"$demo/plan.txt" || { cat "$demo/plan.txt" >&2; fail "The plan to pause failed"; }
	grep -E '^ +# isolab_|phase +=|"running" -> "stopped"|^Plan:' "$demo/plan.txt" || true
	[ "$(grep -c '"running" -> "stopped"' "$demo/plan.txt")" -ge 2 ] || fail "The plan does not stop the two environments; it is in $demo/plan.txt"

	say "terraform apply: the routes answer 503 while the projects are paused"
	in_demo apply paused.tfplan >"$demo/apply.txt" 2>&1 || { cat "$demo/apply.txt" >&2; fail "Pausing failed"; }
	expect_status shop 503
	expect_status blog 503

	say "terraform apply: back to development"
	in_demo apply -auto-approve >"$demo/apply.txt" 2>&1 || { cat "$demo/apply.txt" >&2; fail "Resuming failed"; }
	expect_status shop 200
	expect_status blog 200
}

prepare
choose_images
build_provider
echo "http_port = $port" >"$demo/port.auto.tfvars"

say "terraform apply: a gateway, two projects, their environments and routes"
in_demo apply -auto-approve || fail "The apply failed; mend what it says above and run make demo again"

say "Each project answers under its path"
expect_status shop 200
expect_status blog 200

show_isolation
show_pause

say "terraform plan: nothing left to do"
in_demo plan -detailed-exitcode >"$demo/plan.txt" || { cat "$demo/plan.txt" >&2; fail "A plan right after the apply is not empty"; }

cat <<EOF2
==> Done. Look at:
    curl $(gateway_url)/projects/shop/
    curl -i $(gateway_url)/projects/blog/
    docker ps --filter label=isolab.role
    terraform -chdir=.cache/demo state list
    TF_CLI_CONFIG_FILE=$TF_CLI_CONFIG_FILE terraform -chdir=.cache/demo plan -var phase=paused
    examples/quickstart/main.tf
    make clean-demo    # leaves the engine as it was
EOF2
