// Package provider is the glue between Terraform and the domain: schemas, plans, state and diagnostics. It is the only
// importer of Terraform's plugin libraries.
package provider

import (
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/isolab/terraform-provider-isolab/internal/docker"
)

// Address is the provider's place in the registry.
const Address = "registry.terraform.io/isolab/isolab"

type isolabProvider struct {
	version string
	engines *engines
}

var (
	_ provider.ProviderWithConfigValidators = (*isolabProvider)(nil)
	_ provider.ProviderWithValidateConfig   = (*isolabProvider)(nil)
)

// New makes a factory of providers. Engines that they connect to stay connected until the process ends; [Serve] takes
// leave of them.
func New(version string) func() provider.Provider {
	return newFactory(version, &engines{})
}

func newFactory(version string, connected *engines) func() provider.Provider {
	return func() provider.Provider { return &isolabProvider{version: version, engines: connected} }
}

// Serve serves the provider to Terraform until Terraform lets it go, and closes the connections to engines then. With
// debug, it waits for a Terraform that is told of it by TF_REATTACH_PROVIDERS.
func Serve(ctx context.Context, version string, debug bool) error {
	connected := &engines{}
	defer connected.close()
	return providerserver.Serve(ctx, newFactory(version, connected), providerserver.ServeOpts{Address: Address, Debug: debug})
}

func (p *isolabProvider) Metadata(_ context.Context, _ provider.MetadataRequest, response *provider.MetadataResponse) {
	response.TypeName = "isolab"
	response.Version = p.version
}

// ValidateConfig reports every mistake that shows in what is known already, each on its attribute.
func (p *isolabProvider) ValidateConfig(ctx context.Context, request provider.ValidateConfigRequest, response *provider.ValidateConfigResponse) {
	var model providerModel
	response.Diagnostics.Append(request.Config.Get(ctx, &model)...)
	if response.Diagnostics.HasError() {
		return
	}
	model.pool(ctx, &response.Diagnostics)
	for _, mistake := range model.options(ctx, nil, &response.Diagnostics).Check() {
		fail(&response.Diagnostics, path.Root(mistake.Option), "Invalid engine connection", mistake)
	}
}

// Configure connects to the engine. As long as the configuration is not known, it does not, and plans go ahead without.
func (p *isolabProvider) Configure(ctx context.Context, request provider.ConfigureRequest, response *provider.ConfigureResponse) {
	var model providerModel
	response.Diagnostics.Append(request.Config.Get(ctx, &model)...)
	if response.Diagnostics.HasError() {
		return
	}
	data := &Data{
		Pool:   model.pool(ctx, &response.Diagnostics),
		Images: stringMap(model.Images), ImagesUnknown: !known(model.Images),
		DefaultLabels: stringMap(model.DefaultLabels), DefaultLabelsUnknown: !known(model.DefaultLabels),
	}
	options := model.options(ctx, nil, &response.Diagnostics)
	data.Log = bridge(ctx, secrets(options))
	if response.Diagnostics.HasError() {
		return
	}
	response.ResourceData, response.DataSourceData, response.EphemeralResourceData = data, data, data
	if !model.connectable() {
		data.Log.Info("the provider's configuration is not known yet; planning goes ahead without the engine")
		if request.ClientCapabilities.DeferralAllowed {
			response.Deferred = &provider.Deferred{Reason: provider.DeferredReasonProviderConfigUnknown}
		}
		return
	}
	options.Log = data.Log
	connected, err := docker.Connect(ctx, options)
	if err != nil {
		at := path.Empty()
		var blamed *docker.OptionError
		if errors.As(err, &blamed) {
			at = path.Root(blamed.Option)
		}
		response.Diagnostics.AddAttributeError(at, "Unable to connect to the engine", sentence(err.Error())+".")
		return
	}
	p.engines.add(connected)
	data.connect(connected)
}

// Resources lists the resource types, one line each.
func (p *isolabProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		manage(newProjectResource, "namespace"),
		manage(newEnvironmentResource, "project", "name"),
		manage(newAgentResource, "project", "name"),
		manage(newDatabaseResource, "project", "name"),
		manage(newDataNamespaceResource, "project", "name"),
		manage(newGatewayResource, "name"),
		manage(newSharedServiceResource, "name"),
		manage(newRouteResource, "gateway", "project", "name"),
	}
}

// EphemeralResources lists the ephemeral resource types, one line each.
func (p *isolabProvider) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{
		newCredentialsEphemeral,
	}
}

// DataSources lists the data source types, one line each.
func (p *isolabProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		newProjectDataSource,
		newProjectsDataSource,
		newEngineDataSource,
	}
}

// engines are the connections of one process.
type engines struct {
	mutex sync.Mutex
	open  []*docker.Engine
}

func (e *engines) add(connected *docker.Engine) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.open = append(e.open, connected)
}

func (e *engines) close() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for _, connected := range e.open {
		connected.Close()
	}
	e.open = nil
}
