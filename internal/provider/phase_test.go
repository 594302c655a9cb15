package provider

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-testing/config"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// following is the contract: to where a project goes from each phase, written out by hand. A paused project was
// paused in its development.
var following = map[lifecycle.Phase][]lifecycle.Phase{
	lifecycle.Created:     {lifecycle.Planning, lifecycle.Development, lifecycle.Testing, lifecycle.Deployment, lifecycle.Paused, lifecycle.Failed},
	lifecycle.Planning:    {lifecycle.Development, lifecycle.Testing, lifecycle.Deployment, lifecycle.Paused, lifecycle.Failed},
	lifecycle.Development: {lifecycle.Planning, lifecycle.Testing, lifecycle.Deployment, lifecycle.Paused, lifecycle.Failed},
	lifecycle.Testing:     {lifecycle.Planning, lifecycle.Development, lifecycle.Deployment, lifecycle.Paused, lifecycle.Failed},
	lifecycle.Deployment:  {lifecycle.Planning, lifecycle.Development, lifecycle.Testing, lifecycle.Paused, lifecycle.Failed},
	lifecycle.Paused:      {lifecycle.Planning, lifecycle.Development, lifecycle.Testing, lifecycle.Deployment, lifecycle.Failed},
	lifecycle.Failed:      {lifecycle.Planning, lifecycle.Paused},
}

// entered is the history of a project that was brought to a phase.
func entered(phase lifecycle.Phase) types.List {
	steps, _ := lifecycle.WalkNew(phase)
	if phase == lifecycle.Paused {
		steps = []lifecycle.Phase{lifecycle.Created, lifecycle.Planning, lifecycle.Development, lifecycle.Paused}
	}
	entries := make([]attr.Value, len(steps))
	for i, step := range steps {
		entries[i] = types.ObjectValueMust(historyType.AttrTypes, map[string]attr.Value{
			"phase": types.StringValue(string(step)), "entered_at": types.StringValue("2026-01-31T12:00:00Z"),
		})
	}
	return types.ListValueMust(historyType, entries)
}

// TestPlanOfEveryTransition plans each phase after each.
func TestPlanOfEveryTransition(t *testing.T) {
	projects := &projectResource{configured{fourCPUs()}}
	for _, from := range lifecycle.Phases() {
		for _, to := range lifecycle.Phases() {
			configured := nothing[projectModel](t, projects)
			configured.Name, configured.Phase = types.StringValue("shop"), types.StringValue(string(to))
			configured.Labels, configured.DataPolicy = emptyStringMap, types.StringValue("retain")
			state := configured
			state.Phase, state.History = types.StringValue(string(from)), entered(from)
			state.ID, state.Namespace, state.Network = configured.Name, configured.Name, types.StringValue(naming.Network("shop"))
			state.Revision, state.AllLabels, state.Drift = types.Int64Value(3), emptyStringMap, stringListValue(nil)
			plan, diags := modifyPlan(t, projects, configured, configured, &state)
			allowed := from == to || slices.Contains(following[from], to)
			if allowed {
				if diags.HasError() || plan.Phase.ValueString() != string(to) || plan.History.IsUnknown() != (from != to) {
					t.Errorf("%s to %s: planned %v with history %v, %v", from, to, plan.Phase, plan.History, diags)
				}
				continue
			}
			if diags.ErrorsCount() != 1 || !strings.Contains(diags.Errors()[0].Detail(), listOf(following[from])) {
				t.Errorf("%s to %s: got %v, want the list %s", from, to, diags, listOf(following[from]))
				continue
			}
			if at, ok := diags.Errors()[0].(interface{ Path() path.Path }); !ok || !at.Path().Equal(path.Root("phase")) {
				t.Errorf("%s to %s: not on the attribute phase", from, to)
			}
		}
	}
}

func listOf(phases []lifecycle.Phase) string {
	names := make([]string, len(phases))
	for i, phase := range phases {
		names[i] = string(phase)
	}
	return strings.Join(names, ", ")
}

// TestAccEveryTransition makes every transition on the engine: for each phase, one project per phase to go to.
func TestAccEveryTransition(t *testing.T) {
	for _, from := range lifecycle.Phases() {
		t.Run(string(from), func(t *testing.T) {
			b := onEngine(t)
			goes := func(allowed bool) []lifecycle.Phase {
				return slices.DeleteFunc(lifecycle.Phases(), func(to lifecycle.Phase) bool {
					return to == from || slices.Contains(following[from], to) != allowed
				})
			}
			step := func(phases map[lifecycle.Phase]lifecycle.Phase, more ...string) resource.TestStep {
				var text strings.Builder
				for _, to := range lifecycle.Phases() {
					if to == from {
						continue
					}
					fmt.Fprintf(&text, "resource \"isolab_project\" %q {\n  name = \"PREFIX-%[1]s\"\n  phase = %q\n  data_policy = \"delete\"\n}\n", to, phases[to])
				}
				return b.applied(text.String() + strings.Join(more, "\n"))
			}
			all := func(of func(to lifecycle.Phase) lifecycle.Phase) map[lifecycle.Phase]lifecycle.Phase {
				chosen := map[lifecycle.Phase]lifecycle.Phase{}
				for _, to := range lifecycle.Phases() {
					chosen[to] = of(to)
				}
				return chosen
			}
			origin := from
			if from == lifecycle.Paused {
				origin = lifecycle.Development
			}
			steps := []resource.TestStep{
				step(all(func(lifecycle.Phase) lifecycle.Phase { return origin })),
				step(all(func(lifecycle.Phase) lifecycle.Phase { return from })),
			}
			refused := goes(false)
			for _, to := range refused {
				attempt := step(all(func(of lifecycle.Phase) lifecycle.Phase {
					if of == to {
						return to
					}
					return from
				}))
				attempt.ExpectError = regexp.MustCompile(fmt.Sprintf(`(?s)cannot\s+go\s+from\s+"%s"\s+to\s+"%s"`, from, to))
				steps = append(steps, attempt)
			}
			moved := step(all(func(to lifecycle.Phase) lifecycle.Phase {
				if slices.Contains(refused, to) {
					return from
				}
				return to
			}))
			moved.Check = func(*terraform.State) error {
				var failures error
				for _, to := range lifecycle.Phases() {
					want := to
					if slices.Contains(refused, to) {
						want = from
					}
					if to != from {
						failures = errors.Join(failures, b.recorded(b.name(string(to)), want))
					}
				}
				return failures
			}
			b.test(append(steps, moved)...)
		})
	}
}

// recorded sees which phase the engine's record of a project says.
func (b *bench) recorded(namespace string, phase lifecycle.Phase) error {
	volumes, err := b.engine.Volumes(b.Context(), map[string]string{naming.LabelProject: namespace, naming.LabelRole: naming.RoleRecord})
	if err != nil || len(volumes) != 1 {
		return fmt.Errorf("project %s has %d records: %w", namespace, len(volumes), err)
	}
	if want := regexp.MustCompile(fmt.Sprintf(`"phase":"%s","at":\d+}\]`, phase)); !want.MatchString(volumes[0].Labels[naming.LabelRecord]) {
		return fmt.Errorf("the record of project %s should end in %s: %s", namespace, phase, volumes[0].Labels[naming.LabelRecord])
	}
	return nil
}

// active is a development environment with the phases in which it runs.
const active = `
variable "phase" { type = string }

resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  phase       = var.phase
  data_policy = "delete"
}

resource "isolab_environment" "dev" {
  project       = isolab_project.shop
  kind          = "development"
  image         = "BUSYBOX"
  command       = ["sleep", "3600"]
ACTIVE
}
`

// TestAccActivePhases runs an environment in other phases than those of its kind.
func TestAccActivePhases(t *testing.T) {
	b := onEngine(t)
	container := "isolab_" + b.prefix + "-shop_development_1"
	var made string
	step := func(list, phase, status string, same bool) resource.TestStep {
		line := ""
		if list != "" {
			line = "  active_phases = " + list
		}
		return resource.TestStep{
			Config:          b.config(strings.NewReplacer("BUSYBOX", busybox, "ACTIVE", line).Replace(active)),
			ConfigVariables: config.Variables{"phase": config.StringVariable(phase)},
			Check: func(*terraform.State) error {
				found, err := b.engine.Container(b.Context(), container)
				if err != nil && !errors.Is(err, engine.ErrNotFound) {
					return err
				}
				if same && found.ID != made {
					err = fmt.Errorf("container %s became %s", made, found.ID)
				}
				made = found.ID
				return errors.Join(err, b.stands(container, status))
			},
		}
	}
	wrong := step(`["paused"]`, "planning", "", false)
	wrong.Check, wrong.ExpectError = nil, regexp.MustCompile(`(?s)active_phases`)
	b.test(
		wrong,
		step(`["planning", "testing"]`, "planning", "running", false),
		step(`["planning", "testing"]`, "development", "stopped", true),
		step(`["planning", "testing"]`, "testing", "running", true),
		step("", "testing", "running", true),
		step("[]", "testing", "stopped", true),
		step(`["testing"]`, "paused", "stopped", true),
	)
}

// TestAccPhaseChangedElsewhere lets a second workspace change a project's phase: the first one sees it as drift, and what
// it had planned before is refused.
func TestAccPhaseChangedElsewhere(t *testing.T) {
	b := onEngine(t)
	settings := program(t)
	configured := func(phase string) string {
		return b.config(required + fmt.Sprintf(`
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  phase       = %q
  data_policy = "delete"
}
`, phase))
	}
	first, second := workspace{folder: t.TempDir(), settings: settings}, workspace{folder: t.TempDir(), settings: settings}
	must := func(w workspace, args ...string) string {
		t.Helper()
		said, err := w.run(args...)
		if err != nil {
			t.Fatal(err)
		}
		return said
	}
	write := func(w workspace, phase string) {
		t.Helper()
		if err := w.write("main.tf", configured(phase)); err != nil {
			t.Fatal(err)
		}
	}
	write(first, "development")
	must(first, "apply", "-auto-approve")
	write(first, "testing")
	must(first, "plan", "-out=early")
	write(second, "paused")
	must(second, "import", "isolab_project.shop", b.name("shop"))
	must(second, "apply", "-auto-approve")

	said, err := first.run("apply", "early")
	if err == nil || !strings.Contains(strings.Join(strings.Fields(said), " "), "plan again") {
		t.Errorf("an apply of what was planned before: %v", err)
	}
	if err := b.recorded(b.name("shop"), lifecycle.Paused); err != nil {
		t.Error(err)
	}
	if said = must(first, "plan"); !strings.Contains(said, `"paused" -> "testing"`) {
		t.Errorf("the plan does not show what has changed:\n%s", said)
	}
	must(first, "apply", "-auto-approve")
	if err := b.recorded(b.name("shop"), lifecycle.Testing); err != nil {
		t.Error(err)
	}
	write(second, "testing")
	must(second, "plan", "-detailed-exitcode")
	must(first, "destroy", "-auto-approve")
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("left on the engine: %v", left)
	}
}
