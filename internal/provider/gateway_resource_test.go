package provider

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// edge is a gateway on a port, with further arguments.
func edge(port int, arguments string) string {
	return fmt.Sprintf("resource \"isolab_gateway\" \"edge\" {\n  name = \"PREFIX-edge\"\n  http_port = %d\n%s\n}\n", port, arguments)
}

// shopServed is a project whose page the gateway serves.
const shopServed = shop + `
resource "isolab_environment" "shop" {
  project = isolab_project.shop
  kind    = "development"
}

resource "isolab_route" "shop" {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.shop
  environment = isolab_environment.shop.name
}
`

// at is the URL of a path on the test's gateway at a port.
func (b *bench) at(port int, path string) string {
	return fmt.Sprintf("http://%s:%d/projects/%s%s", b.host(), port, b.prefix, path)
}

func TestAccGateway(t *testing.T) {
	b := onEngine(t)
	const address, container = "isolab_gateway.edge", "isolab-gateway_PREFIX-edge"
	id, status, drift := tfjsonpath.New("container_id"), tfjsonpath.New("status"), tfjsonpath.New("drift")
	first, second := b.port(), b.port()
	made, limited, moved := edge(first, "")+shopServed, edge(first, `limits = { memory = "128MiB", cpus = 0.5 }`)+shopServed, edge(second, "")+shopServed
	live, anew := statecheck.CompareValue(compare.ValuesSame()), statecheck.CompareValue(compare.ValuesDiffer())
	serves := answers(b.at(second, "-shop/"), 200, b.name("shop"))
	replaced := []plancheck.PlanCheck{
		plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
		plancheck.ExpectResourceAction("isolab_route.shop", plancheck.ResourceActionNoop),
		plancheck.ExpectUnknownValue(address, id), plancheck.ExpectKnownValue(address, status, knownvalue.StringExact("running")),
	}
	repaired := func(behind func(), checks ...plancheck.PlanCheck) resource.TestStep {
		step := b.repaired(behind, moved, checks...)
		step.ConfigStateChecks = []statecheck.StateCheck{serves, statecheck.ExpectKnownValue(address, drift, knownvalue.ListSizeExact(0))}
		return step
	}
	b.test(
		b.applied(made,
			live.AddStateValue(address, id),
			statecheck.ExpectKnownValue(address, status, knownvalue.StringExact("running")),
			answers(b.at(first, "-shop/"), 200, b.name("shop"))),
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: b.name("edge"), ImportStateVerify: true},
		resource.TestStep{
			Config: b.config(limited),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				live.AddStateValue(address, id), anew.AddStateValue(address, id),
				b.inspects(container, "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}", fmt.Sprint(128*mebibyte, 500_000_000)),
			},
		},
		resource.TestStep{
			Config:            b.config(moved),
			ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: replaced},
			ConfigStateChecks: []statecheck.StateCheck{anew.AddStateValue(address, id), serves},
		},
		repaired(func() { b.docker("stop", container) },
			plancheck.ExpectKnownValue(address, status, knownvalue.StringExact("running")),
			plancheck.ExpectKnownValue(address, id, knownvalue.NotNull())),
		repaired(func() { b.docker("rm", "-f", container) }, replaced...),
		repaired(func() {
			b.docker("network", "create", "PREFIX-foreign")
			b.docker("network", "connect", "PREFIX-foreign", container)
		}, plancheck.ExpectKnownValue(address, drift, knownvalue.ListSizeExact(0))),
		resource.TestStep{
			PreConfig: func() { b.docker("network", "rm", "PREFIX-foreign") }, // which it refuses while anything is attached
			Config:    b.config(moved), PlanOnly: true,
		},
		repaired(func() { b.weaken(naming.Gateway(b.name("edge"))) },
			plancheck.ExpectResourceAction("isolab_route.shop", plancheck.ResourceActionUpdate), // cut off from its project
			plancheck.ExpectUnknownValue(address, id), undoes(address, "user is .* instead of 1000:1000")),
		b.applied(moved, b.inspects(container, "{{.HostConfig.ReadonlyRootfs}} {{.Config.User}} {{.HostConfig.CapDrop}}", "true 1000:1000 [ALL]")),
	)
}

// inspects sees what Docker itself says of a container.
func (b *bench) inspects(container, format, want string) seen {
	return func() error {
		if have := b.docker("inspect", "--format", format, container); have != want {
			return fmt.Errorf("container %s has %s = %s instead of %s", container, format, have, want)
		}
		return nil
	}
}

// weaken makes a gateway's container anew by hand, with its labels and its volume but none of its hardening.
func (b *bench) weaken(name string) {
	b.Helper()
	container, err := b.engine.Container(context.Background(), name)
	if err != nil {
		b.Fatal(err)
	}
	run := []string{"run", "-d", "--name", name, "--network", name, "--volume", name + ":/volume"}
	for label, value := range container.Spec.Labels {
		run = append(run, "--label", label+"="+value)
	}
	run = append(run, "--entrypoint", "nginx", container.Spec.Image)
	b.docker("rm", "-f", name)
	b.docker(slices.Concat(run, container.Spec.Command)...)
}

// A gateway with routes that this state does not know stays, and names them.
func TestAccGatewayKeepsForeignRoutes(t *testing.T) {
	b := onEngine(t)
	served := edge(b.port(), "") + shopServed
	b.test(
		b.applied(served),
		resource.TestStep{
			Config: b.config(shop + `
removed {
  from = isolab_route.shop
  lifecycle { destroy = false }
}`),
			ExpectError: regexp.MustCompile(`(?s)Unable to remove gateway.+still has 1 routes?:\s+` + b.name("shop") + `/development`),
		},
		b.planned(served+`
import {
  to = isolab_route.shop
  id = "PREFIX-edge/PREFIX-shop/development"
}`, plancheck.ExpectResourceAction("isolab_gateway.edge", plancheck.ResourceActionNoop),
			plancheck.ExpectResourceAction("isolab_route.shop", plancheck.ResourceActionNoop)),
	)
}

// A port that somebody else has fails on the attribute, and what was made by then is known to the state.
func TestAccGatewayPortInUse(t *testing.T) {
	b := onEngine(t)
	port := b.port()
	b.test(
		resource.TestStep{
			PreConfig: func() {
				b.docker("run", "-d", "--name", "PREFIX-holder", "--publish", fmt.Sprintf("%d:80", port), busybox, "sleep", "600")
			},
			Config:      b.config(edge(port, "")),
			ExpectError: regexp.MustCompile(fmt.Sprintf(`(?s)Unable to create gateway.+http_port = .+port %d of\s+0\.0\.0\.0:\s+the\s+port\s+is\s+in\s+use`, port)),
		},
		resource.TestStep{
			PreConfig:         func() { b.docker("rm", "-f", "PREFIX-holder") },
			Config:            b.config(edge(port, "")),
			ConfigStateChecks: []statecheck.StateCheck{answers(fmt.Sprintf("http://%s:%d/healthz", b.host(), port), 200, "ok")},
		},
	)
}

func TestAccGatewayRefusesAtPlan(t *testing.T) {
	b := onEngine(t)
	refused := func(arguments, message string) resource.TestStep {
		return resource.TestStep{
			Config:   b.config("resource \"isolab_gateway\" \"edge\" {\n" + arguments + "\n}"),
			PlanOnly: true, ExpectError: regexp.MustCompile(message),
		}
	}
	b.test(
		refused(`name = "Edge"`, `"Edge" is not a name`),
		refused("name = \"edge\"\n http_port = 70000", `(?s)http_port.+65535`),
		refused("name = \"edge\"\n bind_address = \"localhost\"", `(?s)bind_address.+is not an IP\s+address`),
		refused("name = \"edge\"\n limits = { memory = \"1MiB\" }", `(?s)less than the\s+6\s+MiB`),
		refused("name = \"edge\"\n image = \"Not An Image\"", `(?s)image = .+image\s+reference`),
	)
}
