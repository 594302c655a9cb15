package provider

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

const shop = `
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  stack       = "node"
  phase       = "development"
  data_policy = "delete"
}
`

func TestAccProject(t *testing.T) {
	b := onEngine(t)
	const address = "isolab_project.shop"
	sameSubnet := statecheck.CompareValue(compare.ValuesSame())
	phase, drift := tfjsonpath.New("phase"), tfjsonpath.New("drift")
	b.test(
		resource.TestStep{
			Config: b.config(shop),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue(address, tfjsonpath.New("namespace"), knownvalue.StringExact(b.name("shop"))),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				sameSubnet.AddStateValue(address, tfjsonpath.New("subnet")),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("history").AtSliceIndex(2).AtMapKey("phase"), knownvalue.StringExact("development")),
				statecheck.ExpectKnownValue(address, drift, knownvalue.ListSizeExact(0)),
			},
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: b.name("shop"), ImportStateVerify: true},
		b.planned(`
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  stack       = "node"
  phase       = "testing"
  data_policy = "delete"
  labels      = { team = "web" }
}
`, plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate), plancheck.ExpectKnownValue(address, phase, knownvalue.StringExact("testing"))),
		b.applied(shop, sameSubnet.AddStateValue(address, tfjsonpath.New("subnet"))),
		b.repaired(func() { b.docker("network", "rm", "isolab_PREFIX-shop") }, shop,
			plancheck.ExpectUnknownValue(address, tfjsonpath.New("subnet"))),
		b.repaired(func() { b.docker("volume", "rm", "isolab_PREFIX-shop_workspace") }, shop),
		b.repaired(func() {
			b.docker("volume", "rm", b.docker("volume", "ls", "-q", "--filter", "label=isolab.role=record", "--filter", "label=isolab.project=PREFIX-shop"))
		}, shop),
		b.repaired(func() {
			b.docker("run", "-d", "--name", "PREFIX-intruder", "--network", "isolab_PREFIX-shop", busybox, "sleep", "600")
		}, shop, plancheck.ExpectKnownValue(address, drift, knownvalue.ListSizeExact(0))),
		resource.TestStep{
			PreConfig: func() {
				if _, attached := b.attempt("network", "disconnect", "isolab_PREFIX-shop", "PREFIX-intruder"); attached {
					b.Error("the apply left the intruder in the project's network")
				}
				b.docker("network", "connect", "isolab_PREFIX-shop", "PREFIX-intruder")
			},
			Config: b.config(shop), Destroy: true, PlanOnly: false,
			ExpectError: regexp.MustCompile(`(?s)foreign container.+intruder`),
		},
		resource.TestStep{PreConfig: func() { b.docker("rm", "-f", "PREFIX-intruder") }, Config: b.config(shop), Destroy: true},
	)
}

func TestAccProjectRefusesAtPlan(t *testing.T) {
	b := onEngine(t)
	refused := func(configuration, message string) resource.TestStep {
		return resource.TestStep{Config: b.config(configuration), PlanOnly: true, ExpectError: regexp.MustCompile(message)}
	}
	b.test(
		refused(`resource "isolab_project" "p" { name = "Shop" }`, `(?s)"Shop" is not a name`),
		refused(`resource "isolab_project" "p" { name = "a--b" }`, `is not a name`),
		refused(`resource "isolab_project" "p" {}`, `(?s)name.+name_prefix`),
		refused("resource \"isolab_project\" \"p\" {\n  name = \"a\"\n  name_prefix = \"b\"\n}", `(?s)name.+name_prefix`),
		refused("resource \"isolab_project\" \"p\" {\n  name = \"a\"\n  phase = \"done\"\n}", `(?s)phase`),
		refused("resource \"isolab_project\" \"p\" {\n  name = \"a\"\n  stack = \"cobol\"\n}", `(?s)stack`),
		refused("resource \"isolab_project\" \"p\" {\n  name = \"a\"\n  labels = { \"isolab.role\" = \"x\" }\n}", `(?s)isolab\.`),
		b.applied(shop),
		refused(`
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  stack       = "node"
  phase       = "created"
  data_policy = "delete"
}`, `(?s)cannot go from "development" to "created".+planning, testing, deployment, paused,\s+failed`),
	)
}
