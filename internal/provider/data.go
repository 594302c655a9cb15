package provider

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/isolab/terraform-provider-isolab/internal/datanamespace"
	"github.com/isolab/terraform-provider-isolab/internal/docker"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/network"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/service"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

// Data is what every resource and data source works with.
type Data struct {
	Engine *docker.Engine // nil while the provider's configuration is unknown, which happens at plan only
	Pool   subnet.Pool    // the zero pool while unknown

	Images        map[string]string // by stack, or "gateway"
	ImagesUnknown bool

	DefaultLabels        map[string]string
	DefaultLabelsUnknown bool

	// The domain, ready to work; nil while Engine is.
	Projects     *project.Projects
	Environments *environment.Environments
	Gateways     *gateway.Gateways
	Services     *service.Services
	Namespaces   *datanamespace.Namespaces

	Log hclog.Logger

	info   func() (engine.Info, error) // asked once; nil while Engine is
	warned sync.Once

	demands  demands
	versions credentialVersions
}

// connect builds the domain's services on a connected engine.
func (d *Data) connect(connected *docker.Engine) {
	networks := network.NewAllocator(connected, d.Pool)
	d.Engine = connected
	d.Projects = project.New(connected, networks, d.Log)
	d.Gateways = gateway.New(connected, networks, d.Log)
	d.Environments = environment.New(connected, d.Projects, d.Gateways, d.Log)
	d.Services = service.New(connected, networks, d.Projects, d.Log)
	d.Namespaces = datanamespace.New(connected, d.Projects)
	d.info = sync.OnceValues(func() (engine.Info, error) { return connected.Info(context.Background()) })
}

// capacity is what the engine says of itself; nothing while it is not known.
func (d *Data) capacity() engine.Info {
	if d == nil || d.info == nil {
		return engine.Info{}
	}
	info, err := d.info()
	if err != nil {
		return engine.Info{} // The operation itself will say what is wrong with the engine.
	}
	return info
}

// engineCPUs is the number of the engine's CPUs; 0 while it is not known.
func (d *Data) engineCPUs() float64 { return float64(d.capacity().CPUs) }

// engineMemory is the engine's memory in bytes; 0 while it is not known.
func (d *Data) engineMemory() int64 { return d.capacity().Memory }

// configured is embedded by everything that works with [Data].
type configured struct{ data *Data }

// configure takes over what the provider hands out. Terraform calls it with nil before the provider is configured, for
// example to validate.
func (c *configured) configure(providerData any, diags *diag.Diagnostics) {
	if providerData == nil {
		return
	}
	data, ok := providerData.(*Data)
	if !ok {
		diags.AddError("Unexpected provider data", fmt.Sprintf("The provider handed out %T. This is a bug in the provider: please report it.", providerData))
		return
	}
	c.data = data
}

// warnUnenforced says, once in a run, which limits the engine will accept and not enforce.
func (d *Data) warnUnenforced(diags *diag.Diagnostics) {
	if d == nil || d.info == nil {
		return
	}
	info, err := d.info()
	if lacking := info.Unenforced(); err == nil && len(lacking) > 0 {
		d.warned.Do(func() {
			diags.AddWarning("The engine cannot enforce every limit",
				fmt.Sprintf("Engine %s accepts these limits, but its host cannot enforce them: %s.", info.Name, strings.Join(lacking, "; ")))
		})
	}
}

// ready reports whether there is an engine to work on, and adds an error if not: Terraform applies nothing before the
// provider's configuration is known, so that only happens to imports and to data sources.
func (c *configured) ready(diags *diag.Diagnostics) bool {
	if c.reachable() {
		return true
	}
	diags.AddError("The engine is not known yet",
		"The provider's configuration depends on values that are only known after apply. Apply what they depend on first (terraform apply -target=…), then run this again.")
	return false
}

// reachable reports whether there is an engine to ask. Without one a plan goes on with what the state remembers.
func (c *configured) reachable() bool { return c.data != nil && c.data.Engine != nil }
