package provider

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

// seen is a state check that looks at the engine instead, right after an apply.
type seen func() error

func (look seen) CheckState(_ context.Context, _ statecheck.CheckStateRequest, response *statecheck.CheckStateResponse) {
	response.Error = look()
}

// change is a plan check on what one resource was found to be and what it is planned to become.
type change struct {
	address string
	verify  func(before, after map[string]any) error
}

func (c change) CheckPlan(_ context.Context, request plancheck.CheckPlanRequest, response *plancheck.CheckPlanResponse) {
	for _, planned := range request.Plan.ResourceChanges {
		if planned.Address != c.address {
			continue
		}
		before, _ := planned.Change.Before.(map[string]any)
		after, _ := planned.Change.After.(map[string]any)
		if err := c.verify(before, after); err != nil {
			response.Error = fmt.Errorf("plan of %s: %w", c.address, err)
		}
		return
	}
	response.Error = fmt.Errorf("the plan does not mention %s", c.address)
}

// turns sees a status planned from one value to another.
func turns(address, from, to string) plancheck.PlanCheck {
	return change{address, func(before, after map[string]any) error {
		if before["status"] != from || after["status"] != to {
			return fmt.Errorf("status is planned %v -> %v instead of %s -> %s", before["status"], after["status"], from, to)
		}
		return nil
	}}
}

// undoes sees one sentence of drift that matches, and a plan to have none.
func undoes(address, pattern string) plancheck.PlanCheck {
	return change{address, func(before, after map[string]any) error {
		drift, planned := fmt.Sprint(before["drift"]), fmt.Sprint(after["drift"])
		if !regexp.MustCompile(pattern).MatchString(drift) || planned != "[]" {
			return fmt.Errorf("drift is planned %s -> %s; it should say %q first and nothing then", drift, planned, pattern)
		}
		return nil
	}}
}

// container is the name on the engine of the first container of one of the test's environments.
func (b *bench) container(project, environment string) string {
	return "isolab_" + b.name(project) + "_" + environment + "_1"
}

// inside runs a shell line in a container and answers with what it printed and whether it succeeded.
func (b *bench) inside(container, line string) (string, bool) {
	b.Helper()
	return b.attempt("exec", container, "sh", "-c", line)
}

// succeeds is inside for lines that have to succeed.
func (b *bench) succeeds(container, line string) string {
	b.Helper()
	output, ok := b.inside(container, line)
	if !ok {
		b.Errorf("in %s: %q failed: %s", container, line, output)
	}
	return output
}

// fails is inside for lines that have to fail, for the reason given.
func (b *bench) fails(container, line, reason string) {
	b.Helper()
	if output, ok := b.inside(container, line); ok || !strings.Contains(output, reason) {
		b.Errorf("in %s: %q should have failed with %q, succeeded: %t, output: %s", container, line, reason, ok, output)
	}
}
