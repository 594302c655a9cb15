package provider

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/project"
)

// fourCPUs is a provider that is configured, for an engine that enforces everything.
func fourCPUs() *Data {
	info := engine.Info{CPUs: 4, MemoryLimit: true, SwapLimit: true, CPULimit: true, PidsLimit: true}
	return &Data{info: func() (engine.Info, error) { return info, nil }}
}

// nothing is a resource's model with every attribute null.
func nothing[M any](t *testing.T, of kind) M {
	t.Helper()
	state := emptyState(t.Context(), of)
	object, ok := state.Schema.Type().TerraformType(t.Context()).(tftypes.Object)
	if !ok {
		t.Fatalf("the schema is a %T", state.Schema.Type())
	}
	attributes := map[string]tftypes.Value{}
	for name, kind := range object.AttributeTypes {
		attributes[name] = tftypes.NewValue(kind, nil)
	}
	state.Raw = tftypes.NewValue(object, attributes)
	var model M
	if diags := state.Get(t.Context(), &model); diags.HasError() {
		t.Fatal(diags)
	}
	return model
}

func emptyState(ctx context.Context, of kind) tfsdk.State {
	var response resource.SchemaResponse
	managed{kind: of}.Schema(ctx, resource.SchemaRequest{}, &response)
	return tfsdk.State{Schema: response.Schema, Raw: tftypes.NewValue(response.Schema.Type().TerraformType(ctx), nil)}
}

// modifyPlan calls ModifyPlan as Terraform does: configured is what is written, proposed has the schema's defaults and
// what the state remembers, state is nil for something new.
func modifyPlan[M any](t *testing.T, of kind, configured, proposed M, state *M) (M, diag.Diagnostics) {
	t.Helper()
	raw := func(model any) tfsdk.State {
		written := emptyState(t.Context(), of)
		if diags := written.Set(t.Context(), model); diags.HasError() {
			t.Fatal(diags)
		}
		return written
	}
	config, plan, prior := raw(configured), raw(proposed), emptyState(t.Context(), of)
	if state != nil {
		prior = raw(*state)
	}
	request := resource.ModifyPlanRequest{
		Config: tfsdk.Config(config), Plan: tfsdk.Plan(plan), State: prior,
	}
	response := resource.ModifyPlanResponse{Plan: tfsdk.Plan(plan)}
	of.ModifyPlan(t.Context(), request, &response)
	var result M
	if diags := response.Plan.Get(t.Context(), &result); diags.HasError() {
		t.Fatal(diags)
	}
	return result, response.Diagnostics
}

func projects() *projectResource { return &projectResource{configured{fourCPUs()}} }

// shopIn is a project as configured in a phase, with the schema's defaults.
func shopIn(t *testing.T, phase lifecycle.Phase) projectModel {
	model := nothing[projectModel](t, projects())
	model.Name, model.Stack = types.StringValue("shop"), types.StringValue("node")
	model.Phase, model.DataPolicy = types.StringValue(string(phase)), types.StringValue(string(project.Retain))
	model.Labels = emptyStringMap
	return model
}

// inState is a project that the engine holds after these phases.
func inState(t *testing.T, phases ...lifecycle.Phase) projectModel {
	model := shopIn(t, phases[len(phases)-1])
	found := project.Project{Network: "isolab_shop", Workspace: "isolab_shop_workspace"}
	found.Namespace, found.Stack, found.DataPolicy, found.Revision = "shop", "node", project.Retain, 3
	for _, phase := range phases {
		found.History = append(found.History, lifecycle.Entry{Phase: phase, At: 1})
	}
	model.read(found)
	return model
}

func TestPlanNewProject(t *testing.T) {
	configured := shopIn(t, lifecycle.Development)
	plan, diags := modifyPlan(t, projects(), configured, configured, nil)
	if diags.HasError() || plan.Namespace.ValueString() != "shop" || plan.ID.ValueString() != "shop" ||
		plan.Network.ValueString() != "isolab_shop" || plan.Workspace.ValueString() != "isolab_shop_workspace" {
		t.Errorf("planned %+v, %v", plan, diags)
	}
	if !plan.Subnet.IsUnknown() || !plan.Revision.IsUnknown() || !plan.History.IsUnknown() {
		t.Errorf("known before the engine has decided: %s, %s, %s", plan.Subnet, plan.Revision, plan.History)
	}
	configured.Name, configured.NamePrefix = types.StringNull(), types.StringValue("pr")
	plan, diags = modifyPlan(t, projects(), configured, configured, nil)
	if diags.HasError() || !plan.Namespace.IsUnknown() || !plan.Network.IsUnknown() || !plan.ID.IsUnknown() {
		t.Errorf("with a prefix planned %+v, %v", plan, diags)
	}
}

func TestPlanProjectWithoutAChange(t *testing.T) {
	state := inState(t, lifecycle.Created, lifecycle.Planning)
	plan, diags := modifyPlan(t, projects(), shopIn(t, lifecycle.Planning), state, &state)
	if len(diags) > 0 || !plan.Revision.Equal(state.Revision) || !plan.History.Equal(state.History) || !plan.Subnet.Equal(state.Subnet) {
		t.Errorf("planned %+v, %v", plan, diags)
	}
	state.Drift = stringListValue([]string{"network isolab_shop is not internal"})
	plan, _ = modifyPlan(t, projects(), shopIn(t, lifecycle.Planning), state, &state)
	if len(plan.Drift.Elements()) > 0 || plan.Drift.IsUnknown() || !plan.Revision.IsUnknown() {
		t.Errorf("drift is planned as %s at revision %s", plan.Drift, plan.Revision)
	}
}

func TestPlanPhaseChanges(t *testing.T) {
	for _, test := range []struct {
		from    []lifecycle.Phase
		to      lifecycle.Phase
		policy  project.DataPolicy
		refused string // text of the error
		warned  bool
	}{
		{[]lifecycle.Phase{lifecycle.Created, lifecycle.Planning}, lifecycle.Deployment, project.Retain, "", false},
		{[]lifecycle.Phase{lifecycle.Created, lifecycle.Planning}, lifecycle.Created, project.Retain, "development, testing, deployment, paused, failed", false},
		{[]lifecycle.Phase{lifecycle.Created, lifecycle.Failed}, lifecycle.Deployment, project.Retain, "planning, paused", false},
		{[]lifecycle.Phase{lifecycle.Created, lifecycle.Planning, lifecycle.Paused}, lifecycle.Planning, project.Retain, "", false},
		{[]lifecycle.Phase{lifecycle.Created, lifecycle.Planning}, lifecycle.Failed, project.Retain, "", false},
		{[]lifecycle.Phase{lifecycle.Created, lifecycle.Planning}, lifecycle.Failed, project.Delete, "", true},
	} {
		state := inState(t, test.from...)
		proposed := state
		proposed.Phase, proposed.DataPolicy = types.StringValue(string(test.to)), types.StringValue(string(test.policy))
		plan, diags := modifyPlan(t, projects(), shopIn(t, test.to), proposed, &state)
		if refused := diags.HasError(); refused != (test.refused != "") || (diags.WarningsCount() > 0) != test.warned {
			t.Errorf("%v to %s: %v", test.from, test.to, diags)
		}
		for _, failure := range diags.Errors() {
			at, ok := failure.(diag.DiagnosticWithPath)
			if !ok || at.Path().String() != "phase" || !strings.Contains(failure.Detail(), test.refused) {
				t.Errorf("%v to %s: %v", test.from, test.to, failure)
			}
		}
		if test.refused == "" && (!plan.History.IsUnknown() || !plan.Namespace.Equal(state.Namespace)) {
			t.Errorf("%v to %s: history %s", test.from, test.to, plan.History)
		}
	}
}
