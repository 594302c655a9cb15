package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
)

type agentResource struct{ residents }

func newAgentResource() kind {
	return &agentResource{residents{
		noun: "agent", kinds: []lifecycle.Kind{lifecycle.KindAgent}, model: func() resident { return &agentModel{} },
	}}
}

// agentModel is an environment with one container that serves nobody and has a role.
type agentModel struct {
	containerModel
	Role types.String `tfsdk:"role"`
}

// environment is what the agent is to everything that concerns environments of any kind.
func (m *agentModel) environment() *environmentModel {
	return &environmentModel{
		containerModel: m.containerModel,
		Kind:           types.StringValue(string(lifecycle.KindAgent)), Replicas: types.Int64Value(1), Port: types.Int64Null(),
		Publish:        types.MapValueMust(types.ObjectType{AttrTypes: publishTypes}, map[string]attr.Value{}),
		PublishedPorts: types.MapValueMust(types.Int64Type, map[string]attr.Value{}),
	}
}

func (r *agentResource) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	attributes := containerAttributes()
	attributes["name"] = schema.StringAttribute{
		Required:            true,
		MarkdownDescription: "Name within the project, such as `reviewer`." + nameRule + " Changing it forces a new agent. Other containers of the project find it as `<name>.<namespace>.isolab`.",
		PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
		Validators:          []validator.String{validName{}},
	}
	attributes["role"] = schema.StringAttribute{
		Optional:            true,
		MarkdownDescription: "What the agent is for, such as `code review`, in its variable `ISOLAB_ROLE`. Default none.",
		Validators:          []validator.String{stringvalidator.LengthBetween(1, 200)},
	}
	response.Schema = schema.Schema{
		MarkdownDescription: "An agent of a project: one hardened, limited container that works on the project's sources. " +
			"It is absent while the project is `created`, runs from `planning` on, sleeps while the project is `paused` and goes when it is `failed`: nobody has to start it. " +
			"It is kept to the same rules as an environment, reaches the outside by default, and restarts when it ends.",
		Attributes: attributes,
	}
}

// ModifyPlan plans the agent as the environment that it is.
func (r *agentResource) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse) {
	if request.Plan.Raw.IsNull() {
		r.planDestroy(ctx, request, response)
		return
	}
	var config, plan agentModel
	var state *environmentModel
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	sameRole := true
	if !request.State.Raw.IsNull() {
		var before agentModel
		response.Diagnostics.Append(request.State.Get(ctx, &before)...)
		state, sameRole = before.environment(), before.Role.Equal(plan.Role)
	}
	if response.Diagnostics.HasError() {
		return
	}
	planned := plan.environment()
	planned.plan(ctx, *config.environment(), state, r.data, &response.Diagnostics)
	if project := projectOf(ctx, config.Project, &response.Diagnostics); !project.Stack.IsUnknown() && config.Image.IsNull() && config.Command.IsNull() && !project.Stack.IsNull() {
		response.Diagnostics.AddAttributeError(path.Root("command"), "Nothing for the agent to do",
			"The image is the stack's, which says nothing about agents. Set command, or set image to one that brings its own.")
	}
	plan.containerModel = planned.containerModel
	if !sameRole && !plan.Containers.IsNull() && len(plan.Containers.Elements()) > 0 {
		plan.Containers = types.ListUnknown(types.ObjectType{AttrTypes: containerTypes})
	}
	response.Diagnostics.Append(response.Plan.Set(ctx, plan)...)
}

func (m *agentModel) wanted(ctx context.Context, diags *diag.Diagnostics) environment.Wanted {
	wanted := m.environment().wanted(ctx, diags)
	wanted.Role = m.Role.ValueString()
	return wanted
}

func (m *agentModel) read(ctx context.Context, found environment.Environment, diags *diag.Diagnostics) {
	as := m.environment()
	as.read(ctx, found, diags)
	m.containerModel = as.containerModel
	if found.Status != lifecycle.Absent {
		m.Role = optionalString(found.Role)
	}
}

func (m *agentModel) imported(ctx context.Context, found environment.Environment, project types.Object, own types.Map, diags *diag.Diagnostics) {
	as := m.environment()
	as.imported(ctx, found, project, own, diags)
	m.containerModel, m.Role = as.containerModel, optionalString(found.Role)
}
