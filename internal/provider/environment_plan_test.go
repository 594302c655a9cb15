package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/quota"
)

func environments() *environmentResource {
	made := &environmentResource{residents{model: func() resident { return &environmentModel{} }}}
	made.data = fourCPUs()
	return made
}

// shopReference is the project as environments get it.
func shopReference(phase lifecycle.Phase) types.Object {
	return types.ObjectValueMust(projectReferenceTypes, map[string]attr.Value{
		"namespace": types.StringValue("shop"), "phase": types.StringValue(string(phase)), "stack": types.StringValue("node"),
		"quota": types.ObjectNull(quotaTypes),
	})
}

func written(t *testing.T, kind lifecycle.Kind, phase lifecycle.Phase) environmentModel {
	model := nothing[environmentModel](t, environments())
	model.Project, model.Kind = shopReference(phase), types.StringValue(string(kind))
	return model
}

// proposedFor adds the schema's defaults to what is written.
func proposedFor(configured environmentModel) environmentModel {
	proposed := configured
	proposed.Replicas = types.Int64Value(1)
	proposed.Labels, proposed.Variables, proposed.Bindings = emptyStringMap, emptyStringMap, emptyStringMap
	proposed.Entrypoint = stringListValue(nil)
	proposed.Volumes = types.MapValueMust(types.ObjectType{AttrTypes: volumeTypes}, nil)
	proposed.Tmpfs = types.MapValueMust(sizeType{}, nil)
	if configured.Publish.IsNull() {
		proposed.Publish = types.MapValueMust(types.ObjectType{AttrTypes: publishTypes}, nil)
	}
	proposed.User, proposed.ReadOnly = types.StringValue("1000:1000"), types.BoolValue(true)
	proposed.Capabilities = stringSetValue(nil)
	proposed.Hibernation, proposed.PullPolicy = types.StringValue(string(lifecycle.Stop)), types.StringValue(string(engine.PullMissing))
	return proposed
}

func planEnvironment(t *testing.T, configured environmentModel, state *environmentModel) (environmentModel, diag.Diagnostics) {
	t.Helper()
	return modifyPlan(t, environments(), configured, proposedFor(configured), state)
}

// applied is the state after a plan was applied: what was planned, and what the engine decided.
func applied(t *testing.T, configured environmentModel) environmentModel {
	t.Helper()
	state, diags := planEnvironment(t, configured, nil)
	if diags.HasError() {
		t.Fatal(diags)
	}
	found := environment.Environment{Status: lifecycle.Status(state.Status.ValueString())}
	found.Namespace, found.Name, found.ImageDigest = "shop", state.Name.ValueString(), "sha256:1"
	if found.Status != lifecycle.Absent {
		found.Containers = []environment.Container{{ID: "id", Name: "isolab_shop_development_1", Address: "10.96.0.2"}}
	}
	state.readOutputs(found)
	return state
}

func TestPlanDefaults(t *testing.T) {
	for kind, want := range map[lifecycle.Kind]struct {
		cpus           float64
		memory         string
		pids           int64
		egress, status string
	}{
		lifecycle.KindDevelopment: {2, "2GiB", 512, "true", "running"},
		lifecycle.KindTesting:     {1, "1GiB", 256, "false", "stopped"},
		lifecycle.KindDeployment:  {1, "1GiB", 256, "false", "absent"},
	} {
		plan, diags := planEnvironment(t, written(t, kind, lifecycle.Development), nil)
		if len(diags) > 0 {
			t.Errorf("%s: %v", kind, diags)
		}
		limits := plan.Limits.Attributes()
		if !limits["cpus"].Equal(types.Float64Value(want.cpus)) || !limits["memory"].Equal(sized(want.memory)) || !limits["pids"].Equal(types.Int64Value(want.pids)) {
			t.Errorf("%s: limits %s", kind, plan.Limits)
		}
		if plan.Egress.String() != want.egress || plan.Status.ValueString() != want.status || plan.Name.ValueString() != string(kind) || plan.ID.ValueString() != "shop/"+string(kind) {
			t.Errorf("%s: egress %s, status %s, id %s", kind, plan.Egress, plan.Status, plan.ID)
		}
		for name, value := range map[string]attr.Value{
			"image": plan.Image, "command": plan.Command, "port": plan.Port, "health_check": plan.HealthCheck, "workspace": plan.Workspace,
			"working_dir": plan.WorkingDir, "log": plan.Log, "update": plan.Update, "all_labels": plan.AllLabels,
		} {
			if value.IsNull() || value.IsUnknown() {
				t.Errorf("%s: the stack's default of %s is %s", kind, name, value)
			}
		}
	}
}

// TestPlanOwnImage leaves to an image of the user's how it starts, also when the state still has the stack's.
func TestPlanOwnImage(t *testing.T) {
	configured := written(t, lifecycle.KindDeployment, lifecycle.Deployment)
	configured.Image = types.StringValue("app:1")
	plan, diags := planEnvironment(t, configured, nil)
	if diags.HasError() || plan.Image.ValueString() != "app:1" || len(plan.Command.Elements()) > 0 || !plan.HealthCheck.IsNull() ||
		plan.WorkingDir.ValueString() != "" || plan.Workspace.ValueString() != "" {
		t.Errorf("planned %+v, %v", plan, diags)
	}
}

func TestPlanRefusals(t *testing.T) {
	without := types.ObjectValueMust(projectReferenceTypes, map[string]attr.Value{
		"namespace": types.StringValue("shop"), "phase": types.StringValue("development"), "stack": types.StringNull(), "quota": types.ObjectNull(quotaTypes),
	})
	for at, change := range map[string]func(*environmentModel){
		"image": func(m *environmentModel) { m.Project = without },
		"publish": func(m *environmentModel) {
			m.Egress = types.BoolValue(false)
			m.Publish = types.MapValueMust(types.ObjectType{AttrTypes: publishTypes}, map[string]attr.Value{
				"web": types.ObjectValueMust(publishTypes, map[string]attr.Value{"port": types.Int64Value(80), "address": types.StringValue("127.0.0.1")}),
			})
		},
		"limits.cpus": func(m *environmentModel) {
			m.Limits = types.ObjectValueMust(limitsTypes, map[string]attr.Value{
				"cpus": types.Float64Value(5), "memory": sizeValue{types.StringNull()}, "pids": types.Int64Null(), "shm": sizeValue{types.StringNull()},
			})
		},
	} {
		configured := written(t, lifecycle.KindDevelopment, lifecycle.Development)
		change(&configured)
		_, diags := planEnvironment(t, configured, nil)
		if diags.ErrorsCount() != 1 {
			t.Errorf("%s: %v", at, diags)
			continue
		}
		if failure, ok := diags.Errors()[0].(diag.DiagnosticWithPath); !ok || failure.Path().String() != at {
			t.Errorf("%s: %v", at, diags)
		}
	}
}

// TestPlanStatus plans every phase from a running environment: exactly, and without replacing its container.
func TestPlanStatus(t *testing.T) {
	state := applied(t, written(t, lifecycle.KindDevelopment, lifecycle.Development))
	for _, phase := range lifecycle.Phases() {
		plan, diags := planEnvironment(t, written(t, lifecycle.KindDevelopment, phase), &state)
		want := (lifecycle.Life{Kind: lifecycle.KindDevelopment}).Status(phase)
		if len(diags) > 0 || plan.Status.ValueString() != string(want) {
			t.Errorf("%s: %s, %v; want %s", phase, plan.Status, diags, want)
		}
		if absent := want == lifecycle.Absent; absent && len(plan.Containers.Elements()) != 0 || !absent && !plan.Containers.Equal(state.Containers) {
			t.Errorf("%s: containers %s", phase, plan.Containers)
		}
		for name, value := range map[string]attr.Value{"containers": plan.Containers, "ports": plan.PublishedPorts, "digest": plan.ImageDigest} {
			if value.IsUnknown() {
				t.Errorf("%s: %s is unknown without need", phase, name)
			}
		}
	}
}

// TestPlanContainers says which changes keep the containers, and which leave to the engine what they will be.
func TestPlanContainers(t *testing.T) {
	state := applied(t, written(t, lifecycle.KindDevelopment, lifecycle.Development))
	drifted := state
	drifted.Drift = stringListValue([]string{"on a foreign network"})
	memory := types.ObjectValueMust(limitsTypes, map[string]attr.Value{
		"cpus": types.Float64Null(), "memory": sized("512MiB"), "pids": types.Int64Null(), "shm": sizeValue{types.StringNull()},
	})
	for name, test := range map[string]struct {
		state  environmentModel
		change func(*environmentModel)
		kept   bool
	}{
		"nothing": {state, func(*environmentModel) {}, true},
		"memory":  {state, func(m *environmentModel) { m.Limits = memory }, true},
		"image":   {state, func(m *environmentModel) { m.Image = types.StringValue("app:2") }, false},
		"command": {state, func(m *environmentModel) { m.Command = stringListValue([]string{"serve"}) }, false},
		"egress":  {state, func(m *environmentModel) { m.Egress = types.BoolValue(false) }, false},
		"drift":   {drifted, func(*environmentModel) {}, false},
	} {
		configured := written(t, lifecycle.KindDevelopment, lifecycle.Development)
		test.change(&configured)
		plan, diags := planEnvironment(t, configured, &test.state)
		if kept := plan.Containers.Equal(state.Containers); len(diags) > 0 || kept != test.kept || plan.Containers.IsUnknown() == kept {
			t.Errorf("%s: containers %s, %v", name, plan.Containers, diags)
		}
		if len(plan.Drift.Elements()) > 0 {
			t.Errorf("%s: drift is planned", name)
		}
	}
}

// TestPlanUnknownProject defers what depends on a project that is not known yet, and nothing else.
func TestPlanUnknownProject(t *testing.T) {
	configured := written(t, lifecycle.KindDevelopment, lifecycle.Development)
	configured.Project = types.ObjectUnknown(projectReferenceTypes)
	plan, diags := planEnvironment(t, configured, nil)
	if len(diags) > 0 || !plan.Status.IsUnknown() || !plan.ID.IsUnknown() || !plan.Image.IsUnknown() || !plan.Containers.IsUnknown() {
		t.Errorf("planned %+v, %v", plan, diags)
	}
	if plan.Name.ValueString() != "development" || !plan.Limits.Attributes()["memory"].Equal(sized("2GiB")) {
		t.Errorf("name %s, limits %s", plan.Name, plan.Limits)
	}
}

// TestPlanKeepsToTheQuota plans three environments in one run: the third is too much, whether its limits are known or
// defaults, and one that goes makes room.
func TestPlanKeepsToTheQuota(t *testing.T) {
	resource := environments()
	bound := types.ObjectValueMust(projectReferenceTypes, map[string]attr.Value{
		"namespace": types.StringValue("shop"), "phase": types.StringValue("testing"), "stack": types.StringValue("node"),
		"quota": quotaValue(quota.Quota{CPUs: 3, Memory: 3 << 30}),
	})
	plan := func(kind, name string) diag.Diagnostics {
		t.Helper()
		configured := nothing[environmentModel](t, resource)
		configured.Project, configured.Kind, configured.Name = bound, types.StringValue(kind), types.StringValue(name)
		_, diags := modifyPlan(t, resource, configured, proposedFor(configured), nil)
		return diags
	}
	for _, kind := range []string{"development", "testing"} {
		if diags := plan(kind, kind); diags.HasError() {
			t.Fatal(diags)
		}
	}
	diags := plan("testing", "more")
	if diags.ErrorsCount() != 1 || !strings.Contains(diags.Errors()[0].Detail(), "shop/more") || !strings.Contains(diags.Errors()[0].Detail(), "4 CPUs instead of 3 CPUs") {
		t.Fatalf("got %v", diags)
	}
	if at, ok := diags.Errors()[0].(diag.DiagnosticWithPath); !ok || !at.Path().Equal(path.Root("limits").AtName("cpus")) {
		t.Errorf("not on the attribute: %v", diags)
	}
	resource.data.demands.set("shop", quota.Demand{Environment: "shop/testing"}, false)
	if diags := plan("testing", "more"); diags.HasError() {
		t.Errorf("with room again: %v", diags)
	}
}

// TestPlanWarnsOfOvercommitment once.
func TestPlanWarnsOfOvercommitment(t *testing.T) {
	resource := environments()
	info := engine.Info{Name: "small", CPUs: 4, Memory: 3 << 30, MemoryLimit: true, SwapLimit: true, CPULimit: true, PidsLimit: true}
	resource.data.info = func() (engine.Info, error) { return info, nil }
	warnings := 0
	for _, name := range []string{"one", "two", "three"} {
		configured := written(t, lifecycle.KindDevelopment, lifecycle.Development)
		configured.Name = types.StringValue(name)
		_, diags := modifyPlan(t, resource, configured, proposedFor(configured), nil)
		for _, warning := range diags.Warnings() {
			warnings++
			if !strings.Contains(warning.Detail(), "4GiB") || !strings.Contains(warning.Detail(), "3GiB") {
				t.Errorf("got %v", warning)
			}
		}
	}
	if warnings != 1 {
		t.Errorf("%d warnings", warnings)
	}
}
