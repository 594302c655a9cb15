package provider

import (
	"context"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
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
	Canaries        types.Map            `tfsdk:"canaries"`
	Name            types.String         `tfsdk:"name"`
	Host            types.String         `tfsdk:"host"`
	Path            types.String         `tfsdk:"path"`
	Port            types.Int64          `tfsdk:"port"`
	StripPrefix     types.Bool           `tfsdk:"strip_prefix"`
	WebSocket       types.Bool           `tfsdk:"websocket"`
	SecurityHeaders types.Object         `tfsdk:"security_headers"`
	Allow           types.List           `tfsdk:"allow"`
	BasicAuth       types.Object         `tfsdk:"basic_auth"`
	RateLimit       types.Object         `tfsdk:"rate_limit"`
	ConnectionLimit types.Object         `tfsdk:"connection_limit"`
	LoadBalancing   types.String         `tfsdk:"load_balancing"`
	MaxFails        types.Int64          `tfsdk:"max_fails"`
	FailTimeout     timetypes.GoDuration `tfsdk:"fail_timeout"`
	ReadTimeout     timetypes.GoDuration `tfsdk:"read_timeout"`
	MaxBodySize     sizeValue            `tfsdk:"max_body_size"`
	Buffering       types.Bool           `tfsdk:"buffering"`
	Maintenance     types.Bool           `tfsdk:"maintenance"`
	UnavailablePage types.String         `tfsdk:"unavailable_page"`
	Serving         types.Bool           `tfsdk:"serving"`
	Drift           types.List           `tfsdk:"drift"`
	Timeouts        timeouts.Value       `tfsdk:"timeouts"`
}

type rateLimitModel struct {
	Project      types.Int64  `tfsdk:"project"`
	ProjectBurst types.Int64  `tfsdk:"project_burst"`
	Client       types.Int64  `tfsdk:"client"`
	ClientBurst  types.Int64  `tfsdk:"client_burst"`
	ClientKey    types.String `tfsdk:"client_key"`
}

type connectionLimitModel struct {
	Project types.Int64 `tfsdk:"project"`
	Client  types.Int64 `tfsdk:"client"`
}

type securityHeadersModel struct {
	ContentTypeOptions      types.Bool           `tfsdk:"content_type_options"`
	FrameOptions            types.String         `tfsdk:"frame_options"`
	ReferrerPolicy          types.String         `tfsdk:"referrer_policy"`
	PermissionsPolicy       types.String         `tfsdk:"permissions_policy"`
	ContentSecurityPolicy   types.String         `tfsdk:"content_security_policy"`
	StrictTransportSecurity timetypes.GoDuration `tfsdk:"strict_transport_security"`
}

type basicAuthModel struct {
	Username types.String `tfsdk:"username"`
	Password types.String `tfsdk:"password_wo"`
	Version  types.Int64  `tfsdk:"password_wo_version"`
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
	plan.fill(config, project)
	config.check(ctx, state, project, &response.Diagnostics)
	if plan.Name.IsUnknown() && state == nil {
		plan.Name = config.Environment
	}
	plan.planOutputs(state, project)
	response.Diagnostics.Append(response.Plan.Set(ctx, plan)...)
}

// fill sets the defaults that depend on something.
func (m *routeModel) fill(config routeModel, project projectReference) {
	root, known := naming.RoutePath(project.Namespace.ValueString()), !project.Namespace.IsUnknown() && !config.Host.IsUnknown()
	if !config.Host.IsNull() {
		root = "/"
	}
	fillString(&m.Path, config.Path, known, root)
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
}

// check refuses what attributes cannot be together.
func (m *routeModel) check(ctx context.Context, state *routeModel, project projectReference, diags *diag.Diagnostics) {
	known := !project.Namespace.IsUnknown() && !m.Host.IsUnknown()
	if known && !m.Path.IsNull() && !m.Path.IsUnknown() {
		if err := gateway.ValidatePath(project.Namespace.ValueString(), m.Host.ValueString(), m.Path.ValueString()); err != nil {
			diags.AddAttributeError(path.Root("path"), "Invalid path", sentence(err.Error())+".")
		}
	}
	if !m.Environment.IsUnknown() && !m.Canaries.IsUnknown() {
		if err := gateway.ValidateCanaries(m.Environment.ValueString(), m.canaries()); err != nil && !unknownElement(m.Canaries.Elements()) {
			diags.AddAttributeError(path.Root("canaries"), "Invalid canaries", sentence(err.Error())+".")
		}
	}
	if !m.SecurityHeaders.IsNull() && !m.SecurityHeaders.IsUnknown() && m.Host.IsNull() {
		var headers securityHeadersModel
		diags.Append(m.SecurityHeaders.As(ctx, &headers, basetypes.ObjectAsOptions{})...)
		if !headers.StrictTransportSecurity.IsNull() {
			diags.AddAttributeError(path.Root("security_headers").AtName("strict_transport_security"), "Strict transport security without a host", sentence(gateway.ErrHSTSNeedsHost.Error())+".")
		}
	}
	if !m.BasicAuth.IsNull() && !m.BasicAuth.IsUnknown() && (state == nil || state.BasicAuth.IsNull()) {
		var auth basicAuthModel
		diags.Append(m.BasicAuth.As(ctx, &auth, basetypes.ObjectAsOptions{})...)
		if auth.Password.IsNull() {
			diags.AddAttributeError(path.Root("basic_auth").AtName("password_wo"), "Missing password", sentence(gateway.ErrNoPassword.Error())+". Set password_wo, which needs Terraform 1.11.")
		}
	}
}

// canaries are those of a configuration, or a plan.
func (m *routeModel) canaries() map[string]int {
	if len(m.Canaries.Elements()) == 0 {
		return nil
	}
	result := map[string]int{}
	for name, percent := range m.Canaries.Elements() {
		if number, ok := percent.(types.Int64); ok {
			result[name] = int(number.ValueInt64())
		}
	}
	return result
}

func unknownElement(elements map[string]attr.Value) bool {
	for _, element := range elements {
		if element.IsUnknown() {
			return true
		}
	}
	return false
}

// planOutputs says whether the route will serve where the phase alone decides it, or where nothing changes.
func (m *routeModel) planOutputs(state *routeModel, project projectReference) {
	m.ID, m.Serving, m.Drift = types.StringUnknown(), types.BoolUnknown(), stringListValue(nil)
	if !m.Gateway.IsUnknown() && !project.Namespace.IsUnknown() && !m.Name.IsUnknown() {
		m.ID = types.StringValue(m.Gateway.ValueString() + "/" + project.Namespace.ValueString() + "/" + m.Name.ValueString())
	}
	switch {
	case project.Phase.IsUnknown():
	case !project.phase().AtLeast(lifecycle.Development), m.Maintenance.ValueBool():
		m.Serving = types.BoolValue(false)
	case state != nil && m.unchanged(*state):
		m.Serving = state.Serving
	case state != nil && len(state.Drift.Elements()) == 0 && state.Serving.ValueBool() &&
		m.Project.Equal(state.Project) && m.Environment.Equal(state.Environment) && m.Canaries.Equal(state.Canaries) && m.Port.Equal(state.Port) && m.Maintenance.Equal(state.Maintenance):
		m.Serving = state.Serving
	}
}

// unchanged reports whether a plan asks for nothing new of a route that is as it was asked for.
func (m *routeModel) unchanged(state routeModel) bool {
	if len(state.Drift.Elements()) > 0 {
		return false
	}
	asked := *m
	asked.ID, asked.Serving, asked.Drift, asked.Timeouts = state.ID, state.Serving, state.Drift, state.Timeouts
	have, want := reflect.ValueOf(state), reflect.ValueOf(asked)
	for i := range have.NumField() {
		is, isValue := have.Field(i).Interface().(attr.Value)
		shall, shallValue := want.Field(i).Interface().(attr.Value)
		if !isValue || !shallValue || !is.Equal(shall) {
			return false
		}
	}
	return true
}

// wanted is what a plan asks for. The password is in the configuration alone.
func (m routeModel) wanted(ctx context.Context, config routeModel, diags *diag.Diagnostics) gateway.Route {
	project := projectOf(ctx, m.Project, diags)
	var limit rateLimitModel
	var connections connectionLimitModel
	var headers securityHeadersModel
	var auth basicAuthModel
	diags.Append(m.RateLimit.As(ctx, &limit, basetypes.ObjectAsOptions{})...)
	diags.Append(m.ConnectionLimit.As(ctx, &connections, basetypes.ObjectAsOptions{})...)
	diags.Append(m.SecurityHeaders.As(ctx, &headers, basetypes.ObjectAsOptions{})...)
	if !config.BasicAuth.IsNull() {
		diags.Append(config.BasicAuth.As(ctx, &auth, basetypes.ObjectAsOptions{})...)
	}
	return gateway.Route{
		Name: m.Name.ValueString(), Namespace: project.Namespace.ValueString(), Environment: m.Environment.ValueString(), Canaries: m.canaries(),
		Host: m.Host.ValueString(), Path: m.Path.ValueString(), Port: int(m.Port.ValueInt64()), StripPrefix: m.StripPrefix.ValueBool(),
		WebSocket: m.WebSocket.ValueBool(), Phase: project.phase(),
		Headers: gateway.SecurityHeaders{
			NoSniff: headers.ContentTypeOptions.ValueBool(), FrameOptions: headers.FrameOptions.ValueString(), ReferrerPolicy: headers.ReferrerPolicy.ValueString(),
			PermissionsPolicy: headers.PermissionsPolicy.ValueString(), ContentSecurityPolicy: headers.ContentSecurityPolicy.ValueString(),
			StrictTransportSecurity: durationOf(headers.StrictTransportSecurity, diags),
		},
		Allow:     stringSlice(m.Allow.Elements()),
		BasicAuth: gateway.BasicAuth{Username: auth.Username.ValueString(), Password: auth.Password.ValueString()},
		RateLimit: gateway.RateLimit{
			ProjectRate: int(limit.Project.ValueInt64()), ProjectBurst: int(limit.ProjectBurst.ValueInt64()),
			ClientRate: int(limit.Client.ValueInt64()), ClientBurst: int(limit.ClientBurst.ValueInt64()), ClientKey: limit.ClientKey.ValueString(),
		},
		Connections: gateway.ConnectionLimit{Project: int(connections.Project.ValueInt64()), Client: int(connections.Client.ValueInt64())},
		Balance: gateway.Balance{
			LoadBalancing: gateway.LoadBalancing(m.LoadBalancing.ValueString()), MaxFails: int(m.MaxFails.ValueInt64()), FailTimeout: durationOf(m.FailTimeout, diags),
		},
		ReadTimeout: durationOf(m.ReadTimeout, diags), MaxBodySize: m.MaxBodySize.bytes(), Buffering: m.Buffering.ValueBool(),
		Maintenance: m.Maintenance.ValueBool(), Page: m.UnavailablePage.ValueString(),
	}
}

// read takes over what the gateway holds; the gateway's name, the project and the password's version are the state's own.
func (m *routeModel) read(found gateway.Route, drift []string) {
	m.ID = types.StringValue(m.Gateway.ValueString() + "/" + found.Namespace + "/" + found.Name)
	m.Name, m.Environment, m.Path = types.StringValue(found.Name), types.StringValue(found.Environment), types.StringValue(found.Path)
	m.Canaries, m.Host = types.MapNull(types.Int64Type), optionalString(found.Host)
	if len(found.Canaries) > 0 {
		canaries := map[string]attr.Value{}
		for name, percent := range found.Canaries {
			canaries[name] = types.Int64Value(int64(percent))
		}
		m.Canaries = types.MapValueMust(types.Int64Type, canaries)
	}
	m.Port, m.StripPrefix, m.WebSocket = optionalInt(found.Port), types.BoolValue(found.StripPrefix), types.BoolValue(found.WebSocket)
	m.SecurityHeaders = types.ObjectValueMust(typesOf(securityHeadersAttributes), map[string]attr.Value{
		"content_type_options": types.BoolValue(found.Headers.NoSniff), "frame_options": types.StringValue(found.Headers.FrameOptions),
		"referrer_policy": types.StringValue(found.Headers.ReferrerPolicy), "permissions_policy": types.StringValue(found.Headers.PermissionsPolicy),
		"content_security_policy": types.StringValue(found.Headers.ContentSecurityPolicy), "strict_transport_security": optionalDuration(found.Headers.StrictTransportSecurity),
	})
	m.Allow = optionalList(found.Allow)
	m.BasicAuth = readBasicAuth(m.BasicAuth, found.BasicAuth)
	m.RateLimit = types.ObjectValueMust(typesOf(rateLimitAttributes), map[string]attr.Value{
		"project": types.Int64Value(int64(found.RateLimit.ProjectRate)), "project_burst": types.Int64Value(int64(found.RateLimit.ProjectBurst)),
		"client": types.Int64Value(int64(found.RateLimit.ClientRate)), "client_burst": types.Int64Value(int64(found.RateLimit.ClientBurst)),
		"client_key": types.StringValue(found.RateLimit.ClientKey),
	})
	m.ConnectionLimit = types.ObjectValueMust(typesOf(connectionLimitAttributes), map[string]attr.Value{
		"project": types.Int64Value(int64(found.Connections.Project)), "client": types.Int64Value(int64(found.Connections.Client)),
	})
	m.LoadBalancing, m.MaxFails, m.FailTimeout = types.StringValue(string(found.LoadBalancing)), types.Int64Value(int64(found.MaxFails)), timetypes.NewGoDurationValue(found.FailTimeout)
	m.ReadTimeout, m.MaxBodySize, m.Buffering = timetypes.NewGoDurationValue(found.ReadTimeout), size(found.MaxBodySize), types.BoolValue(found.Buffering)
	m.Maintenance, m.UnavailablePage = types.BoolValue(found.Maintenance), optionalString(found.Page)
	m.Serving, m.Drift = types.BoolValue(found.Serving), stringListValue(drift)
}

// readBasicAuth keeps the version, which only the state knows.
func readBasicAuth(known types.Object, found gateway.BasicAuth) types.Object {
	kinds := typesOf(basicAuthAttributes)
	if found.Username == "" {
		return types.ObjectNull(kinds)
	}
	version, ok := known.Attributes()["password_wo_version"]
	if !ok {
		version = types.Int64Null()
	}
	return types.ObjectValueMust(kinds, map[string]attr.Value{"username": types.StringValue(found.Username), "password_wo": types.StringNull(), "password_wo_version": version})
}
