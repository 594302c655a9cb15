package project

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/service"
)

// ErrNotOffered means that a project lists a shared service that is not there, or not for it.
var ErrNotOffered = errors.New("no such shared service is offered to the project")

// reaches are the shared services that the project's containers reach in its phase.
func (r Record) reaches() []string {
	if len(r.History) > 0 && r.Phase() == lifecycle.Failed {
		return nil
	}
	return r.Services
}

// offered reports [ErrNotOffered] when the project lists a shared service that is not there, or not for it.
func (p *Projects) offered(ctx context.Context, record Record) error {
	if len(record.reaches()) == 0 {
		return nil
	}
	snapshot, err := p.engine.Snapshot(ctx)
	if err != nil {
		return err
	}
	services, _ := providers(snapshot, engine.Network{})
	for _, name := range record.reaches() {
		if _, there := services[name]; !there {
			return fmt.Errorf("shared service %s: %w: the engine does not hold it", name, ErrNotOffered)
		}
		offer, err := service.OfferOf(name, snapshot.Volumes)
		if err != nil {
			return err
		}
		if !offer.To(record.Namespace, record.Labels) {
			return fmt.Errorf("shared service %s: %w: its offered_to leaves the project out", name, ErrNotOffered)
		}
	}
	return nil
}

// serve joins the shared services that a project lists to its internal network, each under its own name, and takes out
// those that it does not list. No container of the project is touched.
func (p *Projects) serve(ctx context.Context, record Record) error {
	snapshot, err := p.engine.Snapshot(ctx)
	if err != nil {
		return err
	}
	network, err := p.Network(ctx, record.Namespace)
	if err != nil {
		return err
	}
	services, present := providers(snapshot, network)
	for _, name := range record.reaches() {
		if present[name] {
			continue
		}
		if err := p.engine.Connect(ctx, network.ID, services[name].ID, service.Endpoint(network.ID, name)); err != nil && !errors.Is(err, engine.ErrConflict) {
			return err
		}
	}
	for name := range present {
		if slices.Contains(record.reaches(), name) {
			continue
		}
		if err := p.engine.Disconnect(ctx, network.ID, services[name].ID); err != nil {
			return err
		}
	}
	return nil
}

// providers are the containers of the shared services, by name, and which of them are on a network.
func providers(snapshot engine.Snapshot, network engine.Network) (services map[string]engine.ContainerSummary, present map[string]bool) {
	services, present = map[string]engine.ContainerSummary{}, map[string]bool{}
	for _, container := range snapshot.Containers {
		if container.Labels[naming.LabelRole] != naming.RoleService {
			continue
		}
		name := container.Labels[naming.LabelService]
		services[name] = container
		if slices.ContainsFunc(container.Endpoints, func(one engine.Endpoint) bool { return one.Network == network.Name }) {
			present[name] = true
		}
	}
	return services, present
}

// Listing answers with the internal networks of the projects that list a shared service, by namespace.
func (p *Projects) Listing(ctx context.Context, name string) (map[string]engine.Network, error) {
	snapshot, err := p.engine.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	volumes := map[string][]engine.Volume{}
	for _, volume := range snapshot.Volumes {
		if volume.Labels[naming.LabelRole] == naming.RoleRecord {
			namespace := volume.Labels[naming.LabelProject]
			volumes[namespace] = append(volumes[namespace], volume)
		}
	}
	listing := map[string]engine.Network{}
	for _, network := range snapshot.Networks {
		namespace := network.Labels[naming.LabelProject]
		if network.Labels[naming.LabelRole] != naming.RoleNetwork {
			continue
		}
		record, recorded, err := newest(volumes[namespace])
		if err != nil {
			return nil, err
		}
		if recorded && slices.Contains(record.reaches(), name) {
			listing[namespace] = network
		}
	}
	return listing, nil
}
