package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
)

// ModifyPlan fills in the defaults and says what will become of the containers, exactly: only what the engine alone can
// decide, and will decide anew, is left unknown.
func (r *environmentResource) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse) {
	if request.Plan.Raw.IsNull() {
		r.planDestroy(ctx, request, response)
		return
	}
	var config, plan environmentModel
	var state *environmentModel
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	if !request.State.Raw.IsNull() {
		state = &environmentModel{}
		response.Diagnostics.Append(request.State.Get(ctx, state)...)
	}
	if response.Diagnostics.HasError() {
		return
	}
	plan.plan(ctx, config, state, r.data, &response.Diagnostics)
	response.Diagnostics.Append(response.Plan.Set(ctx, plan)...)
}

// plan completes a plan out of the configuration and of the state, which is nil for what is to be made.
func (m *environmentModel) plan(ctx context.Context, config environmentModel, state *environmentModel, data *Data, diags *diag.Diagnostics) {
	project := projectOf(ctx, config.Project, diags)
	from := originOf(config, project)
	m.fill(ctx, config, from, data, diags)
	m.SecretsWO = config.SecretsWO
	m.check(from, diags)
	m.SecretsWO = types.MapNull(types.StringType) // never in a plan
	data.warnUnenforced(diags)
	m.AllLabels = data.allLabels(m.Labels)
	m.planStatus(project, state)
	m.planBindings(ctx, project, data, diags)
	m.checkQuota(ctx, project, data, diags)
	m.planOutputs(ctx, state, project, diags)
}

// check refuses what only several attributes together get wrong.
func (m *environmentModel) check(from origin, diags *diag.Diagnostics) {
	if from.stacked() && from.stack.FixedPort && !m.Port.IsUnknown() && int(m.Port.ValueInt64()) != from.stack.Port {
		diags.AddAttributeError(path.Root("port"), "The stack has a fixed port",
			fmt.Sprintf("The %s stack listens on port %d, which stands in a file of its workspace. Leave port out, or set image and command to run it in another way.", from.stack.Name, from.stack.Port))
	}
	m.checkPaths(diags)
	m.checkVariables(diags)
	if len(m.Publish.Elements()) > 0 && !m.Egress.IsUnknown() && !m.Egress.ValueBool() {
		diags.AddAttributeError(path.Root("publish"), "Nothing to publish from",
			"The environment is on the project's internal network alone, from which an engine publishes no port. Set egress = true, or reach it through a route instead.")
	}
}

// checkPaths refuses two things at one path of the container.
func (m *environmentModel) checkPaths(diags *diag.Diagnostics) {
	used := map[string]string{"/tmp": "the container's own /tmp"}
	if workspace := m.Workspace.ValueString(); workspace != "" {
		used[workspace] = "the workspace"
	}
	take := func(at path.Path, mountPath, what string) {
		if other, taken := used[mountPath]; taken && mountPath != "" {
			diags.AddAttributeError(at, "Two things at one path", fmt.Sprintf("%s is mounted at %q already, so %s cannot be. Give one of them another path.", sentence(other), mountPath, what))
			return
		}
		used[mountPath] = what
	}
	for _, name := range slices.Sorted(maps.Keys(m.Volumes.Elements())) {
		if volume, ok := m.Volumes.Elements()[name].(types.Object); ok {
			mountPath, _ := volume.Attributes()["path"].(types.String)
			take(path.Root("volumes").AtMapKey(name).AtName("path"), mountPath.ValueString(), "volume "+name)
		}
	}
	delete(used, "/tmp") // its size may be asked for
	for _, mountPath := range slices.Sorted(maps.Keys(m.Tmpfs.Elements())) {
		take(path.Root("tmpfs").AtMapKey(mountPath), mountPath, "the tmpfs")
	}
}

// planStatus looks the status up in the table of phases.
func (m *environmentModel) planStatus(project projectReference, state *environmentModel) {
	m.ID, m.Status = types.StringUnknown(), types.StringUnknown()
	if !project.Namespace.IsUnknown() && !m.Name.IsUnknown() {
		m.ID = types.StringValue(project.Namespace.ValueString() + "/" + m.Name.ValueString())
	}
	if project.Phase.IsUnknown() || m.Kind.IsUnknown() || m.Hibernation.IsUnknown() || !known(m.ActivePhases) {
		return
	}
	life := lifecycle.Life{
		Kind: lifecycle.Kind(m.Kind.ValueString()), Hibernation: lifecycle.Hibernation(m.Hibernation.ValueString()),
		Active: phaseSlice(m.ActivePhases),
	}
	status := life.Status(project.phase())
	if status == lifecycle.Frozen && state.asleep() {
		status = lifecycle.Stopped
	}
	m.Status = types.StringValue(string(status))
}

// asleep reports whether the containers sleep already without being frozen, as after a restart of the engine, which ends
// what is frozen. To start them only to freeze them again would wake them up.
func (m *environmentModel) asleep() bool {
	if m == nil || m.Status.ValueString() != string(lifecycle.Stopped) || m.Hibernation.ValueString() != string(lifecycle.Freeze) {
		return false
	}
	phase, _ := m.Project.Attributes()["phase"].(types.String)
	return phase.ValueString() == string(lifecycle.Paused)
}

// planOutputs keeps what the engine decided before wherever it will not decide it again.
func (m *environmentModel) planOutputs(ctx context.Context, state *environmentModel, project projectReference, diags *diag.Diagnostics) {
	containers, ports := types.ObjectType{AttrTypes: containerTypes}, types.Int64Type
	m.Drift = stringListValue(nil)
	m.Containers, m.PublishedPorts, m.ImageDigest = types.ListUnknown(containers), types.MapUnknown(ports), types.StringUnknown()
	status := lifecycle.Status(m.Status.ValueString())
	up := m.Status.IsUnknown() || status == lifecycle.Running || status == lifecycle.Frozen
	if status == lifecycle.Absent {
		m.Containers = types.ListValueMust(containers, nil)
		m.ImageDigest = types.StringNull()
	}
	if !up || (!m.Publish.IsUnknown() && len(m.Publish.Elements()) == 0) {
		m.PublishedPorts = types.MapValueMust(ports, map[string]attr.Value{})
	}
	if state == nil || status == lifecycle.Absent || state.Status.ValueString() == string(lifecycle.Absent) ||
		len(state.Drift.Elements()) > 0 || !m.sameContainers(*state, project, projectOf(ctx, state.Project, diags)) {
		return
	}
	m.ImageDigest = state.ImageDigest
	if m.Replicas.Equal(state.Replicas) {
		m.Containers = state.Containers
		if m.Status.Equal(state.Status) {
			m.PublishedPorts = state.PublishedPorts
		}
	}
}

// sameContainers reports whether the containers that exist can stay: nothing differs that a container keeps for life.
func (m environmentModel) sameContainers(state environmentModel, project, before projectReference) bool {
	return unchanged([][2]attr.Value{
		{project.Stack, before.Stack},
		{m.Kind, state.Kind},
		{m.Image, state.Image},
		{m.Entrypoint, state.Entrypoint},
		{m.Command, state.Command},
		{m.WorkingDir, state.WorkingDir},
		{m.Port, state.Port},
		{m.Variables, state.Variables},
		{m.SecretsWOVersion, state.SecretsWOVersion},
		{m.Bindings, state.Bindings},
		{m.BindingVersions, state.BindingVersions},
		{m.HealthCheck, state.HealthCheck},
		{m.Volumes, state.Volumes},
		{m.Tmpfs, state.Tmpfs},
		{m.User, state.User},
		{m.ReadOnly, state.ReadOnly},
		{m.Capabilities, state.Capabilities},
		{m.Egress, state.Egress},
		{m.Publish, state.Publish},
		{m.Workspace, state.Workspace},
		{m.Log, state.Log},
		{m.AllLabels, state.AllLabels},
		{m.Limits.Attributes()["shm"], state.Limits.Attributes()["shm"]},
	})
}

// unchanged reports whether the two values of every pair are the same. What an object does not have is not.
func unchanged(pairs [][2]attr.Value) bool {
	for _, pair := range pairs {
		if pair[0] == nil || pair[1] == nil || !pair[0].Equal(pair[1]) {
			return false
		}
	}
	return true
}
