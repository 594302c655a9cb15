package provider

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
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
	ID          types.String         `tfsdk:"id"`
	Name        types.String         `tfsdk:"name"`
	HTTPPort    types.Int64          `tfsdk:"http_port"`
	HTTPSPort   types.Int64          `tfsdk:"https_port"`
	TLS         types.Object         `tfsdk:"tls"`
	BindAddress types.String         `tfsdk:"bind_address"`
	Hosts       types.List           `tfsdk:"hosts"`
	Domain      types.String         `tfsdk:"domain"`
	CustomHosts types.Map            `tfsdk:"custom_hosts"`
	Trusted     types.List           `tfsdk:"trusted_proxies"`
	ClientLimit types.Object         `tfsdk:"client_limit"`
	AccessLog   types.Bool           `tfsdk:"access_log"`
	Drain       timetypes.GoDuration `tfsdk:"drain_timeout"`
	Image       types.String         `tfsdk:"image"`
	PullPolicy  types.String         `tfsdk:"pull_policy"`
	Limits      types.Object         `tfsdk:"limits"`
	Labels      types.Map            `tfsdk:"labels"`
	AllLabels   types.Map            `tfsdk:"all_labels"`
	Status      types.String         `tfsdk:"status"`
	ContainerID types.String         `tfsdk:"container_id"`
	Drift       types.List           `tfsdk:"drift"`
	Timeouts    timeouts.Value       `tfsdk:"timeouts"`
}

type gatewayTLSModel struct {
	Certificate             types.String         `tfsdk:"certificate"`
	PrivateKey              types.String         `tfsdk:"private_key_wo"`
	Version                 types.Int64          `tfsdk:"private_key_wo_version"`
	Redirect                types.Bool           `tfsdk:"redirect"`
	StrictTransportSecurity timetypes.GoDuration `tfsdk:"strict_transport_security"`
}

var gatewayTLSAttributes = map[string]schema.Attribute{
	"certificate": schema.StringAttribute{
		Required: true, MarkdownDescription: "Certificate in PEM, followed by those that vouch for it: `file(\"gateway.pem\")`.",
		Validators: []validator.String{validBy("a certificate in PEM", func(value string) error {
			_, err := gateway.ValidateCertificate(value)
			return err
		})},
	},
	"private_key_wo": schema.StringAttribute{
		Optional: true, WriteOnly: true, Sensitive: true,
		MarkdownDescription: "The certificate's private key in PEM. It is never in the plan or the state; it lies on the gateway's volume. Needs Terraform 1.11. Changes count with the certificate, or with `private_key_wo_version`.",
	},
	"private_key_wo_version": schema.Int64Attribute{Optional: true, MarkdownDescription: "A number to change when the key changes and the certificate does not."},
	"redirect": schema.BoolAttribute{
		Optional: true, Computed: true, Default: booldefault.StaticBool(true),
		MarkdownDescription: "Whether requests over HTTP to routes are redirected to HTTPS. Default `true`.",
	},
	"strict_transport_security": schema.StringAttribute{
		CustomType: timetypes.GoDurationType{}, Optional: true,
		MarkdownDescription: "For how long browsers shall come over HTTPS only, such as `\"8760h\"`, for the gateway's own names. Default: no such rule.",
		Validators:          []validator.String{validHSTS},
	},
}

type clientLimitModel struct {
	Requests    types.Int64 `tfsdk:"requests"`
	Burst       types.Int64 `tfsdk:"burst"`
	Connections types.Int64 `tfsdk:"connections"`
}

var clientLimitAttributes = map[string]schema.Attribute{
	"requests":    bounded(0, 100000, 0, "Requests per second."),
	"burst":       bounded(0, 100000, 0, "Requests above `requests` that pass at once."),
	"connections": bounded(0, 100000, 0, "Requests that may be under way at the same time."),
}

// defaultHTTPSPort is that of a gateway with a certificate.
const defaultHTTPSPort = 8443

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
			"https_port": schema.Int64Attribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Port of the host on which the gateway answers HTTPS, with `tls` only. Default 8443 with `tls`, none without. Changing it re-creates the container; the routes stay.",
				Validators:          []validator.Int64{int64validator.Between(1, 65535)},
			},
			"tls": schema.SingleNestedAttribute{
				Optional: true, Attributes: gatewayTLSAttributes,
				MarkdownDescription: "Answers HTTPS (TLS 1.2 and 1.3, HTTP/2) with a certificate, which has to be good for all host names of the routes. A new one is taken over by a reload. Needs nginx 1.26.",
			},
			"hosts": schema.ListAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Host names, or IPv4 addresses, under which the projects' paths answer, such as `[\"gateway.example.com\"]`; other names get 404. Default: all.",
				Validators:          []validator.List{listvalidator.SizeAtLeast(1), listvalidator.ValueStringsAre(validBy("a host name or an IPv4 address", gateway.ValidateOwnHost))},
			},
			"domain": schema.StringAttribute{
				Optional: true, Validators: []validator.String{validHost},
				MarkdownDescription: "Domain below which every project may have host names: `<namespace>.<domain>` and what is below that, such as `api.shop.apps.example.com` for project `shop` with the domain `apps.example.com`. Point a wildcard record at the gateway. Default: none.",
			},
			"custom_hosts": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Further host names with the namespace that may have it, such as `{ \"shop.example.com\" = \"shop\" }`. A project cannot take a name by itself. Default: none.",
				Validators:          []validator.Map{mapvalidator.SizeAtLeast(1), mapvalidator.KeysAre(validHost), mapvalidator.ValueStringsAre(validName{})},
			},
			"trusted_proxies": schema.ListAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Networks of proxies in front of the gateway, in CIDR notation, or `host` for a proxy on the host itself: their `X-Forwarded-For` and `X-Forwarded-Proto` are believed, nobody else's. Projects' own addresses are refused. Without it, a proxy counts as one visitor for limits and allow-lists. Default: none.",
				Validators:          []validator.List{listvalidator.SizeAtLeast(1), listvalidator.ValueStringsAre(validBy("a network in CIDR notation or `host`", gateway.ValidateProxy))},
			},
			"client_limit": defaulted(clientLimitAttributes, "What one client address may do on the whole gateway, in addition to the limits of routes; more gets 429. 0 is unlimited."),
			"access_log": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether every request is written to the container's log, as a line of JSON with the namespace, the route and the time it took, and without the query. The log is at most 20 MiB. Default `true`.",
			},
			"drain_timeout": schema.StringAttribute{
				CustomType: timetypes.GoDurationType{}, Optional: true, Computed: true, Default: stringdefault.StaticString(gateway.DefaultDrainTimeout.String()),
				MarkdownDescription: "How long open connections, such as websockets, go on with the configuration that they began with after it has changed, before they are closed. Default `\"10m\"`.",
				Validators:          []validator.String{validDuration},
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
	plan.fillPort(config)
	config.checkTLS(ctx, state, &response.Diagnostics)
	if r.data != nil && r.data.Pool.CIDR.IsValid() {
		config.checkProxies(r.data.Pool.CIDR, &response.Diagnostics)
	}
	plan.ID, plan.AllLabels = plan.Name, r.data.allLabels(plan.Labels)
	plan.Status, plan.Drift = types.StringValue(string(lifecycle.Running)), stringListValue(nil)
	plan.ContainerID = types.StringUnknown()
	if state != nil && len(state.Drift.Elements()) == 0 && state.Status.ValueString() != string(lifecycle.Absent) &&
		plan.HTTPPort.Equal(state.HTTPPort) && plan.HTTPSPort.Equal(state.HTTPSPort) && plan.BindAddress.Equal(state.BindAddress) && plan.Image.Equal(state.Image) && plan.AllLabels.Equal(state.AllLabels) &&
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

// fillPort gives a gateway with a certificate a port for it.
func (m *gatewayModel) fillPort(config gatewayModel) {
	switch {
	case !config.HTTPSPort.IsNull():
	case config.TLS.IsUnknown():
		m.HTTPSPort = types.Int64Unknown()
	case config.TLS.IsNull():
		m.HTTPSPort = types.Int64Null()
	default:
		m.HTTPSPort = types.Int64Value(defaultHTTPSPort)
	}
}

// checkTLS refuses a configuration that nginx would refuse.
func (m *gatewayModel) checkTLS(ctx context.Context, state *gatewayModel, diags *diag.Diagnostics) {
	at := path.Root("tls")
	if !m.HTTPSPort.IsNull() && m.TLS.IsNull() {
		diags.AddAttributeError(path.Root("https_port"), "HTTPS without a certificate", "The gateway cannot answer HTTPS without tls. Set tls, or leave https_port out.")
	}
	if !m.HTTPSPort.IsUnknown() && !m.HTTPSPort.IsNull() && m.HTTPSPort.Equal(m.HTTPPort) {
		diags.AddAttributeError(path.Root("https_port"), "One port for both", fmt.Sprintf("The gateway cannot answer both HTTP and HTTPS on port %d. Choose another one for https_port.", m.HTTPSPort.ValueInt64()))
	}
	if m.TLS.IsNull() || m.TLS.IsUnknown() {
		return
	}
	var tls gatewayTLSModel
	diags.Append(m.TLS.As(ctx, &tls, basetypes.ObjectAsOptions{})...)
	if tls.PrivateKey.IsNull() && (state == nil || state.TLS.IsNull()) {
		diags.AddAttributeError(at.AtName("private_key_wo"), "Missing private key", "The certificate is of no use without its private key. Set private_key_wo, which needs Terraform 1.11.")
	}
	if tls.Certificate.IsUnknown() {
		return
	}
	certificate, err := gateway.ValidateCertificate(tls.Certificate.ValueString())
	if err != nil {
		return // its validator has said so
	}
	if now := time.Now(); now.After(certificate.NotAfter) || now.Before(certificate.NotBefore) {
		diags.AddAttributeWarning(at.AtName("certificate"), "Certificate not valid now", fmt.Sprintf("Browsers will not accept the certificate: it is valid from %s to %s.", certificate.NotBefore.Format(time.RFC3339), certificate.NotAfter.Format(time.RFC3339)))
	}
	if tls.PrivateKey.IsNull() || tls.PrivateKey.IsUnknown() {
		return
	}
	if err := gateway.ValidateKeyPair(tls.Certificate.ValueString(), tls.PrivateKey.ValueString()); err != nil {
		diags.AddAttributeError(at.AtName("private_key_wo"), "Private key of another certificate", sentence(err.Error())+".")
	}
}

// checkProxies refuses to believe whoever gets an address out of the provider's pool.
func (m *gatewayModel) checkProxies(pool netip.Prefix, diags *diag.Diagnostics) {
	for i, proxy := range stringSlice(m.Trusted.Elements()) {
		if err := gateway.TrustsProjects(proxy, pool); err != nil {
			diags.AddAttributeError(path.Root("trusted_proxies").AtListIndex(i), "Projects would be trusted", sentence(err.Error())+".")
		}
	}
}

// settings are what a plan asks for beyond the container. The private key is in the configuration alone.
func (m gatewayModel) settings(ctx context.Context, config gatewayModel, diags *diag.Diagnostics) gateway.Settings {
	var limit clientLimitModel
	var tls, configured gatewayTLSModel
	diags.Append(m.ClientLimit.As(ctx, &limit, basetypes.ObjectAsOptions{})...)
	if !m.TLS.IsNull() {
		diags.Append(m.TLS.As(ctx, &tls, basetypes.ObjectAsOptions{})...)
		diags.Append(config.TLS.As(ctx, &configured, basetypes.ObjectAsOptions{})...)
	}
	settings := gateway.Settings{
		Hosts: stringSlice(m.Hosts.Elements()), Domain: m.Domain.ValueString(), TrustedProxies: stringSlice(m.Trusted.Elements()),
		Client:    gateway.ClientLimit{Rate: int(limit.Requests.ValueInt64()), Burst: int(limit.Burst.ValueInt64()), Connections: int(limit.Connections.ValueInt64())},
		AccessLog: m.AccessLog.ValueBool(), DrainTimeout: durationOf(m.Drain, diags),
		TLS: gateway.TLS{
			Certificate: tls.Certificate.ValueString(), PrivateKey: configured.PrivateKey.ValueString(), Redirect: tls.Redirect.ValueBool(),
			StrictTransportSecurity: durationOf(tls.StrictTransportSecurity, diags),
		},
	}
	if len(m.CustomHosts.Elements()) > 0 {
		settings.CustomHosts = stringMap(m.CustomHosts)
	}
	return settings
}

// readSettings takes over what lies on the gateway's volume. The key's version is the state's own.
func (m *gatewayModel) readSettings(found gateway.Settings) {
	m.Hosts, m.Domain, m.CustomHosts, m.Trusted = optionalList(found.Hosts), optionalString(found.Domain), types.MapNull(types.StringType), optionalList(found.TrustedProxies)
	if len(found.CustomHosts) > 0 {
		m.CustomHosts = stringMapValue(found.CustomHosts)
	}
	m.AccessLog, m.Drain = types.BoolValue(found.AccessLog), timetypes.NewGoDurationValue(found.DrainTimeout)
	m.ClientLimit = types.ObjectValueMust(typesOf(clientLimitAttributes), map[string]attr.Value{
		"requests": types.Int64Value(int64(found.Client.Rate)), "burst": types.Int64Value(int64(found.Client.Burst)), "connections": types.Int64Value(int64(found.Client.Connections)),
	})
	version, known := m.TLS.Attributes()["private_key_wo_version"]
	if !known {
		version = types.Int64Null()
	}
	m.TLS = types.ObjectNull(typesOf(gatewayTLSAttributes))
	if found.TLS.Enabled() {
		m.TLS = types.ObjectValueMust(typesOf(gatewayTLSAttributes), map[string]attr.Value{
			"certificate": types.StringValue(found.TLS.Certificate), "private_key_wo": types.StringNull(), "private_key_wo_version": version,
			"redirect": types.BoolValue(found.TLS.Redirect), "strict_transport_security": optionalDuration(found.TLS.StrictTransportSecurity),
		})
	}
}

func (m gatewayModel) wanted(ctx context.Context, config gatewayModel, diags *diag.Diagnostics) gateway.Spec {
	var limits gatewayLimitsModel
	diags.Append(m.Limits.As(ctx, &limits, basetypes.ObjectAsOptions{})...)
	return gateway.Spec{
		Name: m.Name.ValueString(), Image: m.Image.ValueString(), HTTPPort: int(m.HTTPPort.ValueInt64()), HTTPSPort: int(m.HTTPSPort.ValueInt64()),
		Settings: m.settings(ctx, config, diags), BindAddress: m.BindAddress.ValueString(),
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
	m.readSettings(found.Spec.Settings)
	m.HTTPSPort = optionalInt(found.Spec.HTTPSPort)
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
		TLS: types.ObjectNull(typesOf(gatewayTLSAttributes)), ClientLimit: types.ObjectNull(typesOf(clientLimitAttributes)),
		Hosts: optionalList(nil), Trusted: optionalList(nil), CustomHosts: types.MapNull(types.StringType),
		Timeouts: noTimeouts,
	}
	model.read(found)
	return model
}
