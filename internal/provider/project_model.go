package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/project"
)

type projectModel struct {
	ID         types.String   `tfsdk:"id"`
	Name       types.String   `tfsdk:"name"`
	NamePrefix types.String   `tfsdk:"name_prefix"`
	Namespace  types.String   `tfsdk:"namespace"`
	Stack      types.String   `tfsdk:"stack"`
	Phase      types.String   `tfsdk:"phase"`
	DataPolicy types.String   `tfsdk:"data_policy"`
	Quota      types.Object   `tfsdk:"quota"`
	Services   types.Set      `tfsdk:"services"`
	Labels     types.Map      `tfsdk:"labels"`
	AllLabels  types.Map      `tfsdk:"all_labels"`
	Network    types.String   `tfsdk:"network"`
	Subnet     types.String   `tfsdk:"subnet"`
	Workspace  types.String   `tfsdk:"workspace_volume"`
	History    types.List     `tfsdk:"history"`
	Revision   types.Int64    `tfsdk:"revision"`
	Drift      types.List     `tfsdk:"drift"`
	Timeouts   timeouts.Value `tfsdk:"timeouts"`
}

var historyType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"phase":      types.StringType,
	"entered_at": types.StringType,
}}

func (m projectModel) wanted(ctx context.Context, diags *diag.Diagnostics) project.Wanted {
	return project.Wanted{
		Namespace:  m.Namespace.ValueString(),
		Stack:      m.Stack.ValueString(),
		Phase:      lifecycle.Phase(m.Phase.ValueString()),
		DataPolicy: project.DataPolicy(m.DataPolicy.ValueString()),
		Labels:     stringMap(m.AllLabels),
		Quota:      quotaOf(ctx, m.Quota, diags),
		Services:   stringSlice(m.Services.Elements()),
	}
}

// read takes over what the engine holds. How the project was named and which of its labels are its own, rather than
// the provider's default ones, only the configuration knows.
func (m *projectModel) read(found project.Project) {
	m.ID = types.StringValue(found.Namespace)
	m.Namespace = types.StringValue(found.Namespace)
	m.AllLabels = stringMapValue(found.Labels)
	m.Network = optionalString(found.Network)
	m.Subnet = types.StringNull()
	if found.Subnet.IsValid() {
		m.Subnet = types.StringValue(found.Subnet.String())
	}
	m.Workspace = optionalString(found.Workspace)
	m.Drift = stringListValue(found.Drift)
	// Without its record nothing more is known of the project than the state remembers.
	if found.Revision == 0 {
		return
	}
	m.Stack = optionalString(found.Stack)
	m.Phase = types.StringValue(string(found.Phase()))
	m.DataPolicy = types.StringValue(string(found.DataPolicy))
	// An object without bounds says the same as none.
	if bound := quotaValue(found.Quota); !bound.IsNull() || !unbounded(m.Quota) {
		m.Quota = bound
	}
	m.Services = stringSetValue(found.Services)
	m.Revision = types.Int64Value(int64(found.Revision))
	m.History = historyValue(found.History)
}

// unbounded reports whether a quota that is written out has nothing in it.
func unbounded(object types.Object) bool {
	for _, value := range object.Attributes() {
		if !value.IsNull() {
			return false
		}
	}
	return !object.IsNull() && !object.IsUnknown()
}

func importedProject(found project.Project, own types.Map) projectModel {
	model := projectModel{Name: types.StringValue(found.Namespace), Labels: own, Quota: types.ObjectNull(quotaTypes), Timeouts: noTimeouts}
	model.read(found)
	return model
}

func historyValue(history lifecycle.History) types.List {
	entries := make([]attr.Value, len(history))
	for i, entry := range history {
		entries[i] = types.ObjectValueMust(historyType.AttrTypes, map[string]attr.Value{
			"phase":      types.StringValue(string(entry.Phase)),
			"entered_at": types.StringValue(time.Unix(entry.At, 0).UTC().Format(time.RFC3339)),
		})
	}
	return types.ListValueMust(historyType, entries)
}

// history reads the phases back, for the rules of what may follow.
func (m projectModel) history() lifecycle.History {
	var history lifecycle.History
	for _, element := range m.History.Elements() {
		if entry, ok := element.(types.Object); ok {
			if phase, ok := entry.Attributes()["phase"].(types.String); ok {
				history = append(history, lifecycle.Entry{Phase: lifecycle.Phase(phase.ValueString())})
			}
		}
	}
	return history
}
