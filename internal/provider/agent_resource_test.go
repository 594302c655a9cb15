package provider

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

const reviewer = "isolab_agent.reviewer"

// TestAccAgent takes an agent through its project's phases: nobody starts it.
func TestAccAgent(t *testing.T) {
	b := onEngine(t)
	in := func(phase, extra string) string {
		return fmt.Sprintf(`
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  phase       = %q
  data_policy = "delete"
}

resource "isolab_agent" "reviewer" {
  project = isolab_project.shop
  name    = "reviewer"
  role    = "code review"
  image   = %q
  command = ["sh", "-c", "echo $ISOLAB_ROLE >>/workspace/reviews; exec sleep 1000"]
%s
}
`, phase, busybox, extra)
	}
	reviews := func(want string) seen {
		return func() error {
			if got := b.docker("exec", b.container("shop", "reviewer"), "cat", "/workspace/reviews"); got != want {
				return fmt.Errorf("the workspace holds %q instead of %q", got, want)
			}
			return nil
		}
	}
	b.test(
		resource.TestStep{Config: b.config(in("created", "")), ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(reviewer, status, knownvalue.StringExact("absent"))}},
		resource.TestStep{
			Config:           b.config(in("planning", "")),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{turns(reviewer, "absent", "running")}},
			ConfigStateChecks: []statecheck.StateCheck{reviews("code review"), seen(func() error {
				found, err := b.engine.Container(t.Context(), b.container("shop", "reviewer"))
				if err == nil && (len(found.Spec.Networks) != 2 || found.Spec.Restart != "unless-stopped" || found.Spec.Limits.Memory != 1<<30) {
					err = fmt.Errorf("the agent is %+v", found.Spec)
				}
				return err
			})},
		},
		resource.TestStep{ResourceName: reviewer, ImportState: true, ImportStateId: b.name("shop/reviewer"), ImportStateVerify: true},
		b.planned(in("paused", ""), turns(reviewer, "running", "stopped")),
		b.applied(in("testing", ""), reviews("code review\ncode review")),
		b.repaired(func() { b.docker("rm", "--force", b.container("shop", "reviewer")) }, in("testing", ""), turns(reviewer, "absent", "running")),
		b.planned(in("failed", ""), turns(reviewer, "running", "absent")),
		resource.TestStep{
			Config: b.config(`
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  stack       = "node"
  phase       = "planning"
  data_policy = "delete"
}
resource "isolab_agent" "reviewer" {
  project = isolab_project.shop
  name    = "reviewer"
}
`), ExpectError: regexp.MustCompile(`(?s)Nothing for the agent to do.+Set\s+command`),
		},
	)
}
