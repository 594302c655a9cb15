package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
)

// matrix is a project of every stack, each with an environment of every kind, in one phase. Environments of the kind
// deployment keep the stack's own health check; the others look every second, for engines that know no start interval.
const matrix = `
variable "phase" { type = string }
variable "hibernation" { type = string }

locals {
  stacks = merge({ for name in STACKS : name => name }, { none = null })
  checks = CHECKS
  environments = merge([for stack in keys(local.stacks) : {
    for kind in ["development", "testing", "deployment"] : "${stack}-${kind}" => { stack = stack, kind = kind }
  }]...)
}

resource "isolab_project" "each" {
  for_each    = local.stacks
  name        = "PREFIX-${each.key}"
  stack       = each.value
  phase       = var.phase
  data_policy = "delete"
}

resource "isolab_environment" "each" {
  for_each     = local.environments
  project      = isolab_project.each[each.value.stack]
  kind         = each.value.kind
  image        = each.value.stack == "none" ? "BUSYBOX" : null
  command      = each.value.stack == "none" ? ["httpd", "-f", "-p", "8080", "-h", "/"] : null
  health_check = each.value.kind == "deployment" ? null : { test = local.checks[each.value.stack], interval = "1s" }
  hibernation  = var.hibernation
}
`

var matrixKinds = []string{"development", "testing", "deployment"}

// phases are the steps of the matrix test with what each kind of environment does there: the contract's own table.
var phases = []struct {
	phase, hibernation               string
	development, testing, deployment string
}{
	{"created", "stop", "absent", "absent", "absent"},
	{"planning", "stop", "absent", "absent", "absent"},
	{"development", "stop", "running", "stopped", "absent"},
	{"testing", "stop", "running", "running", "stopped"},
	{"deployment", "stop", "stopped", "stopped", "running"},
	{"paused", "stop", "stopped", "stopped", "stopped"},
	{"testing", "freeze", "running", "running", "stopped"},
	{"paused", "freeze", "frozen", "frozen", "frozen"},
	{"development", "freeze", "running", "stopped", "absent"},
	{"failed", "stop", "absent", "absent", "absent"},
}

// After every step the framework itself sees that the second plan is empty, with and without a refresh.
func TestAccEnvironmentMatrix(t *testing.T) {
	b := onEngine(t)
	checks := map[string][]string{"none": {"CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/etc/passwd"}}
	for _, name := range stack.Names() {
		chosen, _ := stack.Get(name)
		checks[name] = chosen.Health.Test
	}
	encoded, err := json.Marshal(checks)
	if err != nil {
		t.Fatal(err)
	}
	// In Terraform's language "${" would begin an expression.
	text := strings.NewReplacer("BUSYBOX", busybox, "STACKS", `["`+strings.Join(stack.Names(), `", "`)+`"]`, "CHECKS", strings.ReplaceAll(string(encoded), "${", "$${")).Replace(matrix)

	var steps []resource.TestStep
	for _, at := range phases {
		want := map[string]string{"development": at.development, "testing": at.testing, "deployment": at.deployment}
		step := resource.TestStep{
			Config:          b.config(text),
			ConfigVariables: config.Variables{"phase": config.StringVariable(at.phase), "hibernation": config.StringVariable(at.hibernation)},
		}
		for _, name := range append(stack.Names(), "none") {
			for _, kind := range matrixKinds {
				address := fmt.Sprintf("isolab_environment.each[%q]", name+"-"+kind)
				exactly := knownvalue.StringExact(want[kind])
				step.ConfigPlanChecks.PreApply = append(step.ConfigPlanChecks.PreApply, plancheck.ExpectKnownValue(address, status, exactly))
				step.ConfigStateChecks = append(step.ConfigStateChecks, statecheck.ExpectKnownValue(address, status, exactly),
					seen(func() error { return b.stands(b.container(name, kind), want[kind]) }))
			}
		}
		steps = append(steps, step)
	}
	// The framework destroys by itself only what has no for_each.
	last := steps[len(steps)-1]
	steps = append(steps, resource.TestStep{Config: last.Config, ConfigVariables: last.ConfigVariables, Destroy: true})
	b.test(steps...)
}

// states are how the engine itself calls what a status means.
var states = map[string][]engine.State{
	"stopped": {engine.StateCreated, engine.StateExited},
	"frozen":  {engine.StatePaused},
	"running": {engine.StateRunning},
}

// stands reports whether the engine sees a container as a status says.
func (b *bench) stands(container, status string) error {
	found, err := b.engine.Container(b.Context(), container)
	if status == "absent" {
		if !errors.Is(err, engine.ErrNotFound) {
			return fmt.Errorf("container %s should be gone, the engine says: %s, %w", container, found.State, err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	for _, state := range states[status] {
		if found.State == state {
			return nil
		}
	}
	return fmt.Errorf("container %s should be %s, the engine says: %s", container, status, found.State)
}
