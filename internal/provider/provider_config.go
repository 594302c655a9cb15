package provider

import (
	"context"
	"errors"
	"net/netip"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/isolab/terraform-provider-isolab/internal/docker"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

// providerModel is the provider's block.
type providerModel struct {
	Host          types.String `tfsdk:"host"`
	Context       types.String `tfsdk:"context"`
	CertPath      types.String `tfsdk:"cert_path"`
	TLS           types.Object `tfsdk:"tls"`
	SSH           types.Object `tfsdk:"ssh"`
	AddressPool   types.Object `tfsdk:"address_pool"`
	Images        types.Map    `tfsdk:"images"`
	RegistryAuth  types.Map    `tfsdk:"registry_auth"`
	DefaultLabels types.Map    `tfsdk:"default_labels"`
}

type tlsModel struct {
	CA          types.String `tfsdk:"ca"`
	Certificate types.String `tfsdk:"certificate"`
	Key         types.String `tfsdk:"key"`
}

type sshModel struct {
	PrivateKey types.String `tfsdk:"private_key"`
	KnownHosts types.String `tfsdk:"known_hosts"`
	Options    types.List   `tfsdk:"options"`
}

type addressPoolModel struct {
	CIDR         types.String `tfsdk:"cidr"`
	PrefixLength types.Int64  `tfsdk:"prefix_length"`
}

type registryAuthModel struct {
	Username types.String `tfsdk:"username"`
	Password types.String `tfsdk:"password"`
}

// connectable reports whether everything is known that a connection to the engine depends on.
func (m providerModel) connectable() bool {
	for _, value := range []attr.Value{m.Host, m.Context, m.CertPath, m.TLS, m.SSH, m.RegistryAuth} {
		if !known(value) {
			return false
		}
	}
	return true
}

// options are the connection's options, without those that are not wholly known yet.
func (m providerModel) options(ctx context.Context, log hclog.Logger, diags *diag.Diagnostics) docker.Options {
	options := docker.Options{
		Host: m.Host.ValueString(), Context: m.Context.ValueString(), CertPath: m.CertPath.ValueString(), Log: log,
	}
	if !m.TLS.IsNull() && known(m.TLS) {
		var model tlsModel
		diags.Append(m.TLS.As(ctx, &model, basetypes.ObjectAsOptions{})...)
		options.TLS = &docker.TLS{CA: model.CA.ValueString(), Certificate: model.Certificate.ValueString(), Key: model.Key.ValueString()}
	}
	if !m.SSH.IsNull() && known(m.SSH) {
		var model sshModel
		diags.Append(m.SSH.As(ctx, &model, basetypes.ObjectAsOptions{})...)
		options.SSH = &docker.SSH{
			PrivateKey: model.PrivateKey.ValueString(), KnownHosts: model.KnownHosts.ValueString(),
			Options: stringSlice(model.Options.Elements()),
		}
	}
	if !m.RegistryAuth.IsNull() && known(m.RegistryAuth) {
		var models map[string]registryAuthModel
		diags.Append(m.RegistryAuth.ElementsAs(ctx, &models, false)...)
		options.Auth = map[string]docker.Credentials{}
		for registry, model := range models {
			options.Auth[registry] = docker.Credentials{Username: model.Username.ValueString(), Password: model.Password.ValueString()}
		}
	}
	return options
}

// secrets are the values that no log line may hold.
func secrets(options docker.Options) []string {
	var found []string
	add := func(values ...string) {
		for _, value := range values {
			if value != "" {
				found = append(found, value)
			}
		}
	}
	if options.TLS != nil {
		add(options.TLS.Key)
	}
	if options.SSH != nil {
		add(options.SSH.PrivateKey)
	}
	for _, credentials := range options.Auth {
		add(credentials.Password)
	}
	return found
}

// pool is the address pool with its defaults filled in; the zero pool while it is not known.
func (m providerModel) pool(ctx context.Context, diags *diag.Diagnostics) subnet.Pool {
	if !known(m.AddressPool) {
		return subnet.Pool{}
	}
	pool := subnet.DefaultPool
	if m.AddressPool.IsNull() {
		return pool
	}
	var model addressPoolModel
	diags.Append(m.AddressPool.As(ctx, &model, basetypes.ObjectAsOptions{})...)
	if !model.CIDR.IsNull() {
		cidr, err := netip.ParsePrefix(model.CIDR.ValueString())
		if err != nil {
			fail(diags, path.Root("address_pool"), "Invalid address pool",
				errors.New("the pool must be an IPv4 range in CIDR notation such as 10.96.0.0/12"))
			return subnet.Pool{}
		}
		pool.CIDR = cidr
	}
	if !model.PrefixLength.IsNull() {
		pool.PrefixLength = int(model.PrefixLength.ValueInt64())
	}
	if err := pool.Validate(); err != nil {
		fail(diags, path.Root("address_pool"), "Invalid address pool", err)
		return subnet.Pool{}
	}
	return pool
}

// known reports whether a value is known with everything in it.
func known(value attr.Value) bool {
	terraform, err := value.ToTerraformValue(context.Background())
	return err == nil && terraform.IsFullyKnown()
}
