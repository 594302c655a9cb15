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

// guarded is an environment whose program and health check are shell lines. The check has a single try, so that its
// failure is known after a second.
func guarded(program, check, extra string) string {
	return plain + fmt.Sprintf(`
resource "isolab_environment" "dev" {
  project      = isolab_project.shop
  name         = "dev"
  kind         = "development"
  image        = %q
  command      = ["sh", "-c", %q]
  health_check = { test = ["CMD-SHELL", %q], interval = "1s", start_period = "1ms", retries = 1 }
%s
}
`, busybox, program, check, extra)
}

const waits = "echo words-of-the-log; exec sleep 3600"

func TestAccEnvironmentUnhealthy(t *testing.T) {
	b := onEngine(t)
	healthy := guarded(waits, "true", "")
	fails := func(configuration, pattern string) resource.TestStep {
		return resource.TestStep{Config: b.config(configuration), ExpectError: regexp.MustCompile(pattern)}
	}
	b.test(
		// A creation that fails, mended by the next apply.
		fails(guarded(waits, "echo words-of-the-check; false", ""),
			`(?s)Unable to create environment.+health_check.+unhealthy.+words-of-the-check.+words-of-the-log`),
		b.applied(healthy, statecheck.ExpectKnownValue(dev, status, knownvalue.StringExact("running"))),
		// An update that fails leaves what was there.
		fails(guarded(waits, "echo words-of-the-check; false", ""),
			`(?s)Unable to update environment.+health_check.+unhealthy.+words-of-the-check.+words-of-the-log`),
		b.planned(healthy, plancheck.ExpectEmptyPlan()),
		// The program ends while the first check is still on its way.
		fails(guarded("echo last-words; sleep 1; exit 3", "sleep 5; false", ""), `(?s)exit\s+code\s+3.+last-words`),
		b.applied(healthy, statecheck.ExpectKnownValue(dev, status, knownvalue.StringExact("running"))),
		fails(guarded("exec dd if=/dev/zero of=/dev/null bs=128M", "sleep 2; false", `limits = { memory = "32MiB" }`), `(?s)(memory\s+limit|exit\s+code\s+137)`),
	)
}

func TestAccEnvironmentDoesNotWait(t *testing.T) {
	b := onEngine(t)
	b.test(b.applied(guarded(waits, "false", "update = { wait_for_healthy = false }"),
		statecheck.ExpectKnownValue(dev, status, knownvalue.StringExact("running")),
		seen(func() error {
			found, err := b.engine.Container(t.Context(), b.container("shop", "dev"))
			if err == nil && found.Health.Status != "starting" && found.Health.Status != "unhealthy" {
				err = fmt.Errorf("the container's health is %q", found.Health.Status)
			}
			return err
		}),
	))
}
