package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/project"
)

// ModifyPlan decides everything about a project that can be decided before the apply.
func (r *projectResource) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse) {
	if request.Plan.Raw.IsNull() {
		return
	}
	var plan projectModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	if response.Diagnostics.HasError() {
		return
	}
	plan.AllLabels = r.data.allLabels(plan.Labels)
	if request.State.Raw.IsNull() {
		plan.planCreate()
	} else {
		var state projectModel
		response.Diagnostics.Append(request.State.Get(ctx, &state)...)
		if response.Diagnostics.HasError() {
			return
		}
		plan.planUpdate(state, &response.Diagnostics)
	}
	response.Diagnostics.Append(response.Plan.Set(ctx, plan)...)
}

// planCreate knows every name of a project that names itself; one with a prefix gets its name when it is made.
func (m *projectModel) planCreate() {
	m.Namespace = m.Name
	if m.Name.IsNull() {
		m.Namespace = types.StringUnknown()
	}
	m.ID, m.Network, m.Workspace = m.Namespace, types.StringUnknown(), types.StringUnknown()
	if !m.Namespace.IsUnknown() {
		m.Network = types.StringValue(naming.Network(m.Namespace.ValueString()))
		m.Workspace = types.StringValue(naming.Workspace(m.Namespace.ValueString()))
	}
	m.Subnet, m.History, m.Revision = types.StringUnknown(), types.ListUnknown(historyType), types.Int64Unknown()
	m.Drift = stringListValue(nil)
}

func (m *projectModel) planUpdate(state projectModel, diags *diag.Diagnostics) {
	m.ID, m.Namespace, m.Subnet = state.ID, state.Namespace, state.Subnet
	m.Network = types.StringValue(naming.Network(state.ID.ValueString()))
	m.Workspace = types.StringValue(naming.Workspace(state.ID.ValueString()))
	m.History, m.Revision, m.Drift = state.History, state.Revision, stringListValue(nil)
	if state.Network.IsNull() {
		m.Subnet = types.StringUnknown()
	}
	if !m.Phase.Equal(state.Phase) {
		m.planPhase(state, diags)
	}
	if !m.Stack.IsUnknown() && !m.Stack.Equal(state.Stack) && !state.Stack.IsNull() {
		diags.AddAttributeWarning(path.Root("stack"), "The workspace keeps the files of the former stack",
			"Environments of project "+state.ID.ValueString()+" will start as the new stack has it, which needs its files in the workspace. Put them there first, or give the environments an image and a command of their own.")
	}
	recorded := m.Phase.Equal(state.Phase) && m.Stack.Equal(state.Stack) && m.DataPolicy.Equal(state.DataPolicy) && m.AllLabels.Equal(state.AllLabels) && m.Quota.Equal(state.Quota) && m.Services.Equal(state.Services)
	if !recorded || len(state.Drift.Elements()) > 0 {
		m.Revision, m.History = types.Int64Unknown(), types.ListUnknown(historyType)
	}
}

// planPhase refuses a transition that is not allowed and says what a destructive one takes.
func (m *projectModel) planPhase(state projectModel, diags *diag.Diagnostics) {
	if m.Phase.IsUnknown() {
		return
	}
	to := lifecycle.Phase(m.Phase.ValueString())
	if _, err := state.history().Walk(to); err != nil {
		diags.AddAttributeError(path.Root("phase"), "Phase change not allowed", sentence(err.Error())+".")
		return
	}
	if to == lifecycle.Failed && m.DataPolicy.ValueString() == string(project.Delete) {
		diags.AddAttributeWarning(path.Root("phase"), "The project's data will be deleted",
			"Entering \"failed\" with data_policy = \"delete\" empties the workspace and removes the volumes of project "+
				state.ID.ValueString()+". Set data_policy = \"retain\" to keep them.")
	}
}
