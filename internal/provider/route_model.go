package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
)

type routeModel struct {
	ID              types.String         `tfsdk:"id"`
	Gateway         types.String         `tfsdk:"gateway"`
	Project         types.Object         `tfsdk:"project"`
	Environment     types.String         `tfsdk:"environment"`
	Name            types.String         `tfsdk:"name"`
	Path            types.String         `tfsdk:"path"`
	Port            types.Int64          `tfsdk:"port"`
	StripPrefix     types.Bool           `tfsdk:"strip_prefix"`
	WebSocket       types.Bool           `tfsdk:"websocket"`
	SecurityHeaders types.Bool           `tfsdk:"security_headers"`
	RateLimit       types.Object         `tfsdk:"rate_limit"`
	LoadBalancing   types.String         `tfsdk:"load_balancing"`
	ReadTimeout     timetypes.GoDuration `tfsdk:"read_timeout"`
	MaxBodySize     sizeValue            `tfsdk:"max_body_size"`
	Buffering       types.Bool           `tfsdk:"buffering"`
	Serving         types.Bool           `tfsdk:"serving"`
	Drift           types.List           `tfsdk:"drift"`
	Timeouts        timeouts.Value       `tfsdk:"timeouts"`
}

type rateLimitModel struct {
	Project      types.Int64 `tfsdk:"project"`
	ProjectBurst types.Int64 `tfsdk:"project_burst"`
	Client       types.Int64 `tfsdk:"client"`
	ClientBurst  types.Int64 `tfsdk:"client_burst"`
}

var rateLimitTypes = map[string]attr.Type{
	"project": types.Int64Type, "project_burst": types.Int64Type, "client": types.Int64Type, "client_burst": types.Int64Type,
}

// defaultRateLimit lets a page with hundreds of modules load at once and stops a client that keeps on.
var defaultRateLimit = gateway.RateLimit{ProjectRate: 500, ProjectBurst: 1000, ClientRate: 100, ClientBurst: 400}

func (r *routeResource) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	rate := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{
			Optional: true, Computed: true, MarkdownDescription: description,
			Validators: []validator.Int64{int64validator.Between(0, 100000)},
		}
	}
	response.Schema = schema.Schema{
		MarkdownDescription: "A route: leads a path of a gateway to the containers of one environment. Routes that are applied together share nginx's reloads; one that nginx refuses is taken back and named. " +
			"While the project does not serve, the route answers 503 with `Retry-After` and a page that names the phase.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "`<gateway>/<namespace>/<name>`, such as `edge/shop/development`."},
			"gateway": schema.StringAttribute{
				Required: true, MarkdownDescription: "Name of the gateway: `isolab_gateway.edge.name`. Changing it forces a new route.",
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}, Validators: []validator.String{validName{}},
			},
			"project": projectReferenceAttribute(),
			"environment": schema.StringAttribute{
				Required: true, MarkdownDescription: "Name of the project's environment to lead to: `isolab_environment.dev.name`.",
				Validators: []validator.String{validName{}},
			},
			"name": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Name of the route within the project." + nameRule + " Default: the environment's name when the route is made. Changing it forces a new route.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown(), stringplanmodifier.RequiresReplace()}, Validators: []validator.String{validName{}},
			},
			"path": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Path on the gateway, with a slash at both ends, inside the project's own: `/projects/<namespace>/`, which is the default, or one below it such as `/projects/shop/api/`.",
			},
			"port": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Port of the containers. Default: the environment's `port`.",
				Validators:          []validator.Int64{int64validator.Between(1, 65535)},
			},
			"strip_prefix": schema.BoolAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Whether the program sees paths without the route's, which it then finds in `X-Forwarded-Prefix`. Default by the project's stack: `false` for `react`, whose dev servers need the full path, `true` otherwise.",
			},
			"websocket": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether connections may be upgraded to websockets. Default `true`.",
			},
			"security_headers": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether the gateway sets safe values for `X-Content-Type-Options`, `X-Frame-Options`, `Referrer-Policy` and the like in place of the program's. Default `true`.",
			},
			"rate_limit": schema.SingleNestedAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Requests per second that pass; more of them wait for nothing and get 429. 0 is unlimited.",
				Attributes: map[string]schema.Attribute{
					"project":       rate("Requests per second for the route's project, of all clients together. Default 500."),
					"project_burst": rate("Requests above `project` that pass at once. Default 1000."),
					"client":        rate("Requests per second of one client address. Default 100."),
					"client_burst":  rate("Requests above `client` that pass at once. Default 400."),
				},
			},
			"load_balancing": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(string(gateway.RoundRobin)),
				MarkdownDescription: "Which replica gets a request: `round_robin`, one after the other; `least_conn`, the one with the fewest connections; `ip_hash`, always the same for a client address. Default `round_robin`.",
				Validators:          []validator.String{oneOf(gateway.LoadBalancings())},
			},
			"read_timeout": schema.StringAttribute{
				CustomType: timetypes.GoDurationType{}, Optional: true, Computed: true,
				MarkdownDescription: "How long the program may be silent before the gateway gives up, such as `\"30s\"`. It holds for websockets too. Default `\"1h\"` with `websocket`, `\"1m\"` without.",
				Validators:          []validator.String{validDuration},
			},
			"max_body_size": schema.StringAttribute{
				CustomType: sizeType{}, Optional: true, Computed: true, Default: stringdefault.StaticString("100MiB"),
				MarkdownDescription: "The largest body of a request, such as `\"1GiB\"`; larger ones get 413. Default `\"100MiB\"`.",
				Validators:          []validator.String{validBodySize},
			},
			"buffering": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether the gateway takes an answer off the program before the visitor has read it, which frees the program of slow visitors but holds back streams such as server-sent events. Default `false`.",
			},
			"serving": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the route leads to a running container, rather than to the 503 page."},
			"drift":   driftAttribute(),
		},
	}
}

// ModifyPlan fills in the defaults and refuses a path outside the project's own.
func (r *routeResource) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse) {
	if request.Plan.Raw.IsNull() {
		return
	}
	var config, plan routeModel
	var state *routeModel
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	if !request.State.Raw.IsNull() {
		state = &routeModel{}
		response.Diagnostics.Append(request.State.Get(ctx, state)...)
	}
	if response.Diagnostics.HasError() {
		return
	}
	project := projectOf(ctx, config.Project, &response.Diagnostics)
	plan.fill(ctx, config, project, &response.Diagnostics)
	if plan.Name.IsUnknown() && state == nil {
		plan.Name = config.Environment
	}
	plan.planOutputs(state, project)
	response.Diagnostics.Append(response.Plan.Set(ctx, plan)...)
}

func (m *routeModel) fill(ctx context.Context, config routeModel, project projectReference, diags *diag.Diagnostics) {
	fillString(&m.Path, config.Path, !project.Namespace.IsUnknown(), naming.RoutePath(project.Namespace.ValueString()))
	if !config.Path.IsNull() && !config.Path.IsUnknown() && !project.Namespace.IsUnknown() {
		if err := gateway.ValidatePath(project.Namespace.ValueString(), "", config.Path.ValueString()); err != nil {
			diags.AddAttributeError(path.Root("path"), "Invalid path", sentence(err.Error())+".")
		}
	}
	if config.StripPrefix.IsNull() {
		m.StripPrefix = types.BoolUnknown()
		if !project.Stack.IsUnknown() {
			chosen, _ := stack.Get(project.Stack.ValueString())
			m.StripPrefix = types.BoolValue(!chosen.KeepPrefix)
		}
	}
	if config.ReadTimeout.IsNull() {
		m.ReadTimeout = timetypes.NewGoDurationUnknown()
		if !m.WebSocket.IsUnknown() {
			m.ReadTimeout = timetypes.NewGoDurationValue(gateway.DefaultReadTimeout(m.WebSocket.ValueBool()))
		}
	}
	if config.RateLimit.IsUnknown() {
		return
	}
	var limit rateLimitModel
	if !config.RateLimit.IsNull() {
		diags.Append(config.RateLimit.As(ctx, &limit, basetypes.ObjectAsOptions{})...)
	}
	for target, value := range map[*types.Int64]int{
		&limit.Project: defaultRateLimit.ProjectRate, &limit.ProjectBurst: defaultRateLimit.ProjectBurst,
		&limit.Client: defaultRateLimit.ClientRate, &limit.ClientBurst: defaultRateLimit.ClientBurst,
	} {
		if target.IsNull() {
			*target = types.Int64Value(int64(value))
		}
	}
	filled, d := types.ObjectValueFrom(ctx, rateLimitTypes, limit)
	diags.Append(d...)
	m.RateLimit = filled
}

// planOutputs says whether the route will serve where the phase alone decides it, or where nothing changes.
func (m *routeModel) planOutputs(state *routeModel, project projectReference) {
	m.ID, m.Serving, m.Drift = types.StringUnknown(), types.BoolUnknown(), stringListValue(nil)
	if !m.Gateway.IsUnknown() && !project.Namespace.IsUnknown() && !m.Name.IsUnknown() {
		m.ID = types.StringValue(m.Gateway.ValueString() + "/" + project.Namespace.ValueString() + "/" + m.Name.ValueString())
	}
	switch {
	case project.Phase.IsUnknown():
	case !project.phase().AtLeast(lifecycle.Development):
		m.Serving = types.BoolValue(false)
	case state != nil && m.unchanged(*state):
		m.Serving = state.Serving
	case state != nil && len(state.Drift.Elements()) == 0 && state.Serving.ValueBool() &&
		m.Project.Equal(state.Project) && m.Environment.Equal(state.Environment) && m.Port.Equal(state.Port):
		m.Serving = state.Serving
	}
}

// unchanged reports whether a plan asks for nothing new of a route that is as it was asked for.
func (m *routeModel) unchanged(state routeModel) bool {
	if len(state.Drift.Elements()) > 0 {
		return false
	}
	for _, pair := range [][2]attr.Value{
		{m.Gateway, state.Gateway},
		{m.Project, state.Project},
		{m.Environment, state.Environment},
		{m.Name, state.Name},
		{m.Path, state.Path},
		{m.Port, state.Port},
		{m.StripPrefix, state.StripPrefix},
		{m.WebSocket, state.WebSocket},
		{m.SecurityHeaders, state.SecurityHeaders},
		{m.RateLimit, state.RateLimit},
		{m.LoadBalancing, state.LoadBalancing},
		{m.ReadTimeout, state.ReadTimeout},
		{m.MaxBodySize, state.MaxBodySize},
		{m.Buffering, state.Buffering},
	} {
		if !pair[0].Equal(pair[1]) {
			return false
		}
	}
	return true
}

func (m routeModel) wanted(ctx context.Context, diags *diag.Diagnostics) gateway.Route {
	project := projectOf(ctx, m.Project, diags)
	var limit rateLimitModel
	diags.Append(m.RateLimit.As(ctx, &limit, basetypes.ObjectAsOptions{})...)
	silence, d := m.ReadTimeout.ValueGoDuration()
	diags.Append(d...)
	return gateway.Route{
		Name: m.Name.ValueString(), Namespace: project.Namespace.ValueString(), Environment: m.Environment.ValueString(),
		Path: m.Path.ValueString(), Port: int(m.Port.ValueInt64()), StripPrefix: m.StripPrefix.ValueBool(),
		WebSocket: m.WebSocket.ValueBool(), SecurityHeaders: m.SecurityHeaders.ValueBool(), Phase: project.phase(),
		RateLimit: gateway.RateLimit{
			ProjectRate: int(limit.Project.ValueInt64()), ProjectBurst: int(limit.ProjectBurst.ValueInt64()),
			ClientRate: int(limit.Client.ValueInt64()), ClientBurst: int(limit.ClientBurst.ValueInt64()),
		},
		LoadBalancing: gateway.LoadBalancing(m.LoadBalancing.ValueString()), ReadTimeout: silence,
		MaxBodySize: m.MaxBodySize.bytes(), Buffering: m.Buffering.ValueBool(),
	}
}

// read takes over what the gateway holds; the gateway's name and the project are the state's own.
func (m *routeModel) read(found gateway.Route, drift []string) {
	m.ID = types.StringValue(m.Gateway.ValueString() + "/" + found.Namespace + "/" + found.Name)
	m.Name, m.Environment, m.Path = types.StringValue(found.Name), types.StringValue(found.Environment), types.StringValue(found.Path)
	m.Port, m.StripPrefix = optionalInt(found.Port), types.BoolValue(found.StripPrefix)
	m.WebSocket, m.SecurityHeaders = types.BoolValue(found.WebSocket), types.BoolValue(found.SecurityHeaders)
	m.RateLimit = types.ObjectValueMust(rateLimitTypes, map[string]attr.Value{
		"project": types.Int64Value(int64(found.RateLimit.ProjectRate)), "project_burst": types.Int64Value(int64(found.RateLimit.ProjectBurst)),
		"client": types.Int64Value(int64(found.RateLimit.ClientRate)), "client_burst": types.Int64Value(int64(found.RateLimit.ClientBurst)),
	})
	m.LoadBalancing, m.ReadTimeout = types.StringValue(string(found.LoadBalancing)), timetypes.NewGoDurationValue(found.ReadTimeout)
	m.MaxBodySize, m.Buffering = size(found.MaxBodySize), types.BoolValue(found.Buffering)
	m.Serving, m.Drift = types.BoolValue(found.Serving), stringListValue(drift)
}
