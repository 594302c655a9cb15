package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/interrupt"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// Apply makes a gateway what spec asks for: creates what is missing, adopts what is half made, repairs what has been
// changed by hand. A container that cannot be changed in place has a successor made, with all its networks and routes, and
// goes on serving if that one does not come up. It returns
// when nginx serves. When it fails half-way, the answer still tells what is there; nothing if it has no name. [ErrPortTaken]
// when somebody else listens on the port.
func (g *Gateways) Apply(ctx context.Context, spec Spec) (Observed, error) {
	spec = spec.withDefaults()
	if err := spec.validate(); err != nil {
		return Observed{}, err
	}
	// The image first: without it, nothing that serves now is touched.
	image, err := g.on.EnsureImage(ctx, spec.Image, spec.PullPolicy)
	if err != nil {
		return Observed{}, fmt.Errorf("gateway %s: %w", spec.Name, err)
	}
	ctx, done := interrupt.Shield(ctx)
	defer done()
	err = g.raise(ctx, spec, image)
	g.routes.drop(spec.Name)
	// What became of it must be known even when the time is up.
	now, unread := g.Read(context.WithoutCancel(ctx), spec.Name)
	if err != nil {
		return now, fmt.Errorf("make gateway %s: %w", spec.Name, err)
	}
	return now, unread
}

// raise makes what is missing or wrong, and has nginx serve.
func (g *Gateways) raise(ctx context.Context, spec Spec, image engine.Image) error {
	err := g.locked(ctx, spec.Name, func(ctx context.Context) error {
		if err := g.build(ctx, spec, image); err != nil {
			return err
		}
		return g.succeed(ctx, spec)
	})
	if err != nil {
		return err
	}
	return g.serve(ctx, spec)
}

// ErrPortTaken means that something else listens on the port that a gateway shall publish.
var ErrPortTaken = errors.New("the port is in use")

// build makes the network, the volume and the container, which it does not start.
func (g *Gateways) build(ctx context.Context, spec Spec, image engine.Image) error {
	network, err := g.ownNetwork(ctx, spec.Name)
	if err != nil {
		return err
	}
	files, err := g.on.CreateVolume(ctx, naming.Gateway(spec.Name), labels(spec.Name))
	if err != nil {
		return err
	}
	if !owns(spec.Name, files.Labels) {
		return fmt.Errorf("the volume %s exists and is not this gateway's; remove or rename it", files.Name)
	}
	at, err := g.find(ctx, spec.Name)
	if err != nil {
		return err
	}
	if at.files == "" {
		labels := map[string]string{naming.LabelGateway: spec.Name}
		if at.files, err = volume.Keep(ctx, g.on, naming.GatewayFiles(spec.Name), files.Name, labels); err != nil {
			return err
		}
	}
	stored, err := g.read(ctx, at)
	if err != nil {
		return err
	}
	networks, err := g.on.Networks(ctx, map[string]string{naming.LabelRole: naming.RoleNetwork})
	if err != nil {
		return err
	}
	wanted := map[string]engine.Network{network.Name: network}
	projects := byNamespace(networks)
	for key := range stored.routes {
		if project, ok := projects[key.namespace]; ok {
			wanted[project.Name] = project
		}
	}
	return g.repair(ctx, spec, image, at, network, wanted)
}

// ownNetwork is the gateway's way to the host's published port, made when missing.
func (g *Gateways) ownNetwork(ctx context.Context, name string) (engine.Network, error) {
	return g.networks.Ensure(ctx, engine.NetworkSpec{Name: naming.Gateway(name), Labels: labels(name)}, labels(name))
}

// repair leaves a container that is as asked for, on the wanted networks and on no others.
func (g *Gateways) repair(ctx context.Context, spec Spec, image engine.Image, at place, own engine.Network, wanted map[string]engine.Network) error {
	if at.next.ID != "" { // of an update that was interrupted
		if err := g.on.RemoveContainer(ctx, at.next.ID); err != nil {
			return err
		}
	}
	request := spec.container(nil)
	if at.container.ID != "" {
		container, err := g.on.Container(ctx, at.container.ID)
		if err != nil {
			return err
		}
		reason := unfit(spec, image, container)
		if reason == "" {
			return g.adjust(ctx, spec, container, wanted)
		}
		g.log.Info("making the container anew", "gateway", spec.Name, "reason", reason)
		request.Name = naming.Successor(request.Name)
	}
	request.Networks = []engine.Endpoint{{Network: own.ID}}
	for name, network := range wanted {
		if name != own.Name {
			request.Networks = append(request.Networks, engine.Endpoint{Network: network.ID})
		}
	}
	_, err := g.on.CreateContainer(ctx, request)
	return err
}

// unfit says why a container has to be made anew, or nothing. A tag that has moved to another image is followed only by
// who pulls always.
func unfit(spec Spec, image engine.Image, container engine.Container) string {
	wanted := spec.container(nil)
	if spec.PullPolicy == engine.PullAlways && container.ImageID != image.ID {
		return "its image is another one"
	}
	if container.Spec.Labels[naming.LabelSpec] != wanted.Labels[naming.LabelSpec] {
		return "it was made from another specification"
	}
	if found := weakened(wanted, container); len(found) > 0 {
		return found[0]
	}
	return ""
}

// adjust changes in place what can be: limits and networks.
func (g *Gateways) adjust(ctx context.Context, spec Spec, container engine.Container, wanted map[string]engine.Network) error {
	if name := naming.Gateway(spec.Name); container.Spec.Name != name {
		if err := g.on.RenameContainer(ctx, container.ID, name); err != nil {
			return err
		}
	}
	have := container.Spec.Limits
	if want := spec.Limits; have.CPUs != want.CPUs || have.Memory != want.Memory || have.Pids != want.Pids {
		if err := g.on.UpdateLimits(ctx, container.ID, want); err != nil {
			return err
		}
	}
	joined := attached(container.Spec.Networks)
	for name, network := range wanted {
		if joined[name] {
			continue
		}
		if err := g.on.Connect(ctx, network.ID, container.ID, engine.Endpoint{Network: network.ID}); err != nil {
			return err
		}
	}
	maps.DeleteFunc(joined, func(name string, _ bool) bool { _, ok := wanted[name]; return ok })
	for name := range joined {
		if err := g.on.Disconnect(ctx, name, container.ID); err != nil {
			return err
		}
	}
	if container.State == engine.StatePaused {
		return g.on.UnpauseContainer(ctx, container.ID)
	}
	return nil
}

// serve commits all routes anew and starts nginx if it does not run.
func (g *Gateways) serve(ctx context.Context, spec Spec) error {
	name := spec.Name
	at, err := g.find(ctx, name)
	if err != nil {
		return err
	}
	// A start is recognised in the log by its generation, so it needs one that no earlier start had.
	wish := &change{reread: true, force: !at.running(), settings: &spec.Settings}
	if err := g.submit(ctx, name, wish); err != nil {
		return err
	}
	if at.running() {
		return nil
	}
	if at.container.ID == "" {
		return errors.New("its container has been removed meanwhile")
	}
	return g.start(ctx, spec, at.container.ID, wish.generation)
}

// start returns when nginx serves a generation.
func (g *Gateways) start(ctx context.Context, spec Spec, container, generation string) error {
	err := g.on.StartContainer(ctx, container)
	if errors.Is(err, engine.ErrConflict) {
		return fmt.Errorf("%s of %s: %w: %w", spec.ports(), spec.BindAddress, ErrPortTaken, err)
	}
	if err != nil {
		return err
	}
	return g.watch(ctx, spec.Name, container, generation, 0)
}
