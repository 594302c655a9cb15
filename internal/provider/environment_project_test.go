package provider

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

// of is an environment "dev" of whatever expression gives the project.
func of(project string) string {
	return fmt.Sprintf(`
resource "isolab_environment" "dev" {
  project = %s
  kind    = "development"
  image   = %q
  command = ["sleep", "3600"]
}
`, project, busybox)
}

// Every form in which a project can be passed plans, applies, and then plans nothing.
func TestAccEnvironmentOfProject(t *testing.T) {
	const source = `
data "isolab_project" "shop" {
  namespace = isolab_project.shop.namespace
}
`
	const later = `
data "isolab_project" "shop" {
  namespace  = "PREFIX-shop"
  depends_on = [isolab_project.shop]
}
`
	const unnamed = `
resource "isolab_project" "shop" {
  name_prefix = "PREFIX"
  phase       = "development"
  data_policy = "delete"
}
`
	for name, configuration := range map[string]string{
		"data source":                     plain + source + of("data.isolab_project.shop"),
		"data source unknown at plan":     plain + later + of("data.isolab_project.shop"),
		"object":                          plain + of(`{ namespace = isolab_project.shop.namespace, phase = "development" }`),
		"namespace that is only a prefix": unnamed + of("isolab_project.shop"),
	} {
		t.Run(name, func(t *testing.T) {
			b := onEngine(t)
			b.test(b.applied(configuration, statecheck.ExpectKnownValue(dev, status, knownvalue.StringExact("running"))))
		})
	}
}

// One environment for each of several projects, by each.value.
func TestAccEnvironmentForEachProject(t *testing.T) {
	b := onEngine(t)
	configuration := b.config(fmt.Sprintf(`
resource "isolab_project" "all" {
  for_each    = { shop = "development", bank = "paused" }
  name        = "PREFIX-${each.key}"
  phase       = each.value
  data_policy = "delete"
}

resource "isolab_environment" "each" {
  for_each = isolab_project.all
  project  = each.value
  name     = "dev"
  kind     = "development"
  image    = %q
  command  = ["sleep", "3600"]
}
`, busybox))
	b.test(
		resource.TestStep{
			Config: configuration,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue(`isolab_environment.each["shop"]`, status, knownvalue.StringExact("running")),
				plancheck.ExpectKnownValue(`isolab_environment.each["bank"]`, status, knownvalue.StringExact("stopped")),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				seen(func() error { return b.stands(b.container("shop", "dev"), "running") }),
				seen(func() error { return b.stands(b.container("bank", "dev"), "stopped") }),
			},
		},
		// The framework destroys by itself only what has no for_each.
		resource.TestStep{Config: configuration, Destroy: true},
	)
}
