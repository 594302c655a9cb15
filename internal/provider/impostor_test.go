package provider

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
)

// An image is the user's own, and so are its labels, which the engine adds to the container's: none of them may make the
// container of one project, or a gateway, count as another project's.
func TestAccImageLabelsAreNoWayIn(t *testing.T) {
	b := onEngine(t)
	change := "LABEL isolab.project=" + b.name("shop") + " isolab.environment=api isolab.replica=2 isolab.address=10.96.0.9 isolab.role=environment"
	b.docker("create", "--name", "PREFIX-template", fixtures["gateway"])
	b.docker("commit", "--change", change, "PREFIX-template", "PREFIX-impostor:1")
	b.docker("rm", "PREFIX-template")
	t.Cleanup(func() { b.docker("rmi", "-f", "PREFIX-impostor:1") })
	configuration := fmt.Sprintf(`
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  phase       = "testing"
  data_policy = "delete"
}

resource "isolab_environment" "api" {
  project = isolab_project.shop
  name    = "api"
  kind    = "testing"
  image   = "isolab-fixture/busybox:1"
  command = ["sleep", "600"]
}

resource "isolab_gateway" "impostor" {
  name         = "PREFIX-edge"
  http_port    = %d
  bind_address = "127.0.0.1"
  image        = "PREFIX-impostor:1"
}
`, b.port())
	b.test(
		b.applied(configuration),
		resource.TestStep{
			Config:           b.config(configuration),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
	)
}
