package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
)

type gatewayModel struct {
	ID          types.String   `tfsdk:"id"`
	Name        types.String   `tfsdk:"name"`
	HTTPPort    types.Int64    `tfsdk:"http_port"`
	BindAddress types.String   `tfsdk:"bind_address"`
	Image       types.String   `tfsdk:"image"`
	PullPolicy  types.String   `tfsdk:"pull_policy"`
	Limits      types.Object   `tfsdk:"limits"`
	Labels      types.Map      `tfsdk:"labels"`
	AllLabels   types.Map      `tfsdk:"all_labels"`
	Status      types.String   `tfsdk:"status"`
	ContainerID types.String   `tfsdk:"container_id"`
	Drift       types.List     `tfsdk:"drift"`
	Timeouts    timeouts.Value `tfsdk:"timeouts"`
}

type gatewayLimitsModel struct {
	CPUs   types.Float64 `tfsdk:"cpus"`
	Memory sizeValue     `tfsdk:"memory"`
	Pids   types.Int64   `tfsdk:"pids"`
}

var gatewayLimitsTypes = map[string]attr.Type{"cpus": types.Float64Type, "memory": sizeType{}, "pids": types.Int64Type}

// gatewayLimits are the limits of a gateway that asks for none.
var gatewayLimits = engine.Limits{CPUs: 1, Memory: 256 * mebibyte, Pids: 256}

func (r *gatewayResource) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "The shared way in: one nginx container that joins the internal network of every project with a route on it. It runs unprivileged on a read-only root; " +
			"its configuration lives on a volume of its own, so that a re-created gateway has all its routes.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "The name."},
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the gateway, such as `edge`." + nameRule + " Changing it forces a new gateway.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators:          []validator.String{validName{}},
			},
			"http_port": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(8080),
				MarkdownDescription: "Port of the host on which the gateway answers HTTP. Default 8080. Changing it re-creates the container; the routes stay.",
				Validators:          []validator.Int64{int64validator.Between(1, 65535)},
			},
			"bind_address": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("0.0.0.0"),
				MarkdownDescription: "Address of the host on which the gateway answers, such as `127.0.0.1`. Default `0.0.0.0`, all of them.",
				Validators:          []validator.String{validAddress},
			},
			"image": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Image with nginx 1.22 or newer. Default `" + defaultGatewayImage + "`, or what the provider's `images` give for `gateway`.",
				Validators:          []validator.String{validImage},
			},
			"pull_policy": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(string(engine.PullMissing)),
				MarkdownDescription: "When the image is pulled: `missing`, `always` or `never`. Default `missing`.",
				Validators:          []validator.String{oneOf([]engine.PullPolicy{engine.PullMissing, engine.PullAlways, engine.PullNever})},
			},
			"limits": schema.SingleNestedAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "What the container may use at most. Limits change on the running container.",
				Attributes: map[string]schema.Attribute{
					"cpus": schema.Float64Attribute{Optional: true, Computed: true, MarkdownDescription: "CPUs. Default 1.", Validators: []validator.Float64{float64validator.AtLeast(0.01), validCPUs{}}},
					"memory": schema.StringAttribute{
						Optional: true, Computed: true, CustomType: sizeType{}, MarkdownDescription: "Memory, without swap. Default `\"256MiB\"`.",
						Validators: []validator.String{validMemory},
					},
					"pids": schema.Int64Attribute{Optional: true, Computed: true, MarkdownDescription: "Processes and threads. Default 256.", Validators: []validator.Int64{int64validator.AtLeast(16)}},
				},
			},
			"labels":       labelsAttribute(),
			"all_labels":   allLabelsAttribute(),
			"status":       schema.StringAttribute{Computed: true, MarkdownDescription: "What the container does: `absent`, `stopped`, `frozen` or `running`. The plan always says `running`: a gateway has no phases."},
			"container_id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the container on the engine."},
			"drift":        driftAttribute(),
		},
	}
}

// ModifyPlan fills in the defaults. The container stays unless something changes that it has for life. With
// pull_policy "always", whether the image's tag has moved is found out when the apply looks.
func (r *gatewayResource) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse) {
	if request.Plan.Raw.IsNull() {
		return
	}
	var config, plan gatewayModel
	var state *gatewayModel
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	if !request.State.Raw.IsNull() {
		state = &gatewayModel{}
		response.Diagnostics.Append(request.State.Get(ctx, state)...)
	}
	if response.Diagnostics.HasError() {
		return
	}
	fillString(&plan.Image, config.Image, !r.data.imagesUnknown(), r.data.gatewayImage())
	plan.fillLimits(ctx, config, &response.Diagnostics)
	plan.ID, plan.AllLabels = plan.Name, r.data.allLabels(plan.Labels)
	plan.Status, plan.Drift = types.StringValue(string(lifecycle.Running)), stringListValue(nil)
	plan.ContainerID = types.StringUnknown()
	if state != nil && len(state.Drift.Elements()) == 0 && state.Status.ValueString() != string(lifecycle.Absent) &&
		plan.HTTPPort.Equal(state.HTTPPort) && plan.BindAddress.Equal(state.BindAddress) && plan.Image.Equal(state.Image) && plan.AllLabels.Equal(state.AllLabels) &&
		(plan.PullPolicy.ValueString() != string(engine.PullAlways) || plan.Limits.Equal(state.Limits) && plan.Status.Equal(state.Status)) {
		plan.ContainerID = state.ContainerID
	}
	response.Diagnostics.Append(response.Plan.Set(ctx, plan)...)
}

func (m *gatewayModel) fillLimits(ctx context.Context, config gatewayModel, diags *diag.Diagnostics) {
	if config.Limits.IsUnknown() {
		return
	}
	var limits gatewayLimitsModel
	if !config.Limits.IsNull() {
		diags.Append(config.Limits.As(ctx, &limits, basetypes.ObjectAsOptions{})...)
	}
	if limits.CPUs.IsNull() {
		limits.CPUs = types.Float64Value(gatewayLimits.CPUs)
	}
	if limits.Pids.IsNull() {
		limits.Pids = types.Int64Value(gatewayLimits.Pids)
	}
	fillSize(&limits.Memory, true, gatewayLimits.Memory)
	filled, d := types.ObjectValueFrom(ctx, gatewayLimitsTypes, limits)
	diags.Append(d...)
	m.Limits = filled
}

func (m gatewayModel) wanted(ctx context.Context, diags *diag.Diagnostics) gateway.Spec {
	var limits gatewayLimitsModel
	diags.Append(m.Limits.As(ctx, &limits, basetypes.ObjectAsOptions{})...)
	return gateway.Spec{
		Name: m.Name.ValueString(), Image: m.Image.ValueString(), HTTPPort: int(m.HTTPPort.ValueInt64()), BindAddress: m.BindAddress.ValueString(),
		Limits: engine.Limits{CPUs: limits.CPUs.ValueFloat64(), Memory: limits.Memory.bytes(), Pids: limits.Pids.ValueInt64()},
		Labels: stringMap(m.AllLabels), PullPolicy: engine.PullPolicy(m.PullPolicy.ValueString()),
	}
}

// read takes over what the engine holds. A gateway without a container is known by its name alone.
func (m *gatewayModel) read(found gateway.Observed) {
	m.ID, m.Name = types.StringValue(found.Spec.Name), types.StringValue(found.Spec.Name)
	m.Status, m.Drift, m.ContainerID = types.StringValue(string(found.Status)), stringListValue(found.Drift), optionalString(found.ContainerID)
	if found.Status == lifecycle.Absent {
		return
	}
	m.HTTPPort, m.BindAddress = types.Int64Value(int64(found.Spec.HTTPPort)), types.StringValue(found.Spec.BindAddress)
	m.Image, m.AllLabels = types.StringValue(found.Spec.Image), stringMapValue(found.Spec.Labels)
	m.Limits = types.ObjectValueMust(gatewayLimitsTypes, map[string]attr.Value{
		"cpus": types.Float64Value(found.Spec.Limits.CPUs), "memory": size(found.Spec.Limits.Memory), "pids": types.Int64Value(found.Spec.Limits.Pids),
	})
}

func importedGateway(found gateway.Observed, own types.Map) gatewayModel {
	model := gatewayModel{
		Labels: own, AllLabels: stringMapValue(found.Spec.Labels),
		PullPolicy: types.StringValue(string(engine.PullMissing)), Limits: types.ObjectNull(gatewayLimitsTypes),
		Timeouts: noTimeouts,
	}
	model.read(found)
	return model
}
