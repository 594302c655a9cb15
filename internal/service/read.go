package service

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/hardening"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// find looks closely at the service's container; [engine.ErrNotFound] when there is none.
func (s *Services) find(ctx context.Context, name string) (engine.Container, error) {
	containers, err := s.on.Containers(ctx, labels(name))
	if err != nil {
		return engine.Container{}, err
	}
	if len(containers) == 0 {
		return engine.Container{}, fmt.Errorf("container of shared service %s: %w", name, engine.ErrNotFound)
	}
	return s.on.Container(ctx, containers[0].ID)
}

// Read tells what the engine holds of a service; [engine.ErrNotFound] when it has no container.
func (s *Services) Read(ctx context.Context, name string) (Service, error) {
	found, err := s.find(ctx, name)
	if err != nil {
		return Service{}, fmt.Errorf("read shared service %s: %w", name, err)
	}
	now := Service{ContainerID: found.ID, ImageID: found.ImageID, Running: found.State == engine.StateRunning}
	if err := json.Unmarshal([]byte(found.Spec.Labels[naming.LabelSpec]), &now.Spec); err != nil {
		return Service{}, fmt.Errorf("read the specification in the label of container %s: %w", found.Spec.Name, err)
	}
	now.Limits = found.Spec.Limits
	volumes, err := s.on.Volumes(ctx, offerLabels(name))
	if err != nil {
		return Service{}, err
	}
	if now.Offer, err = OfferOf(name, volumes); err != nil {
		return Service{}, err
	}
	listing, err := s.projects.Listing(ctx, name)
	if err != nil {
		return Service{}, err
	}
	now.Drift = hardening.Weakened(now.container(), found)
	present := joined(found)
	if !present[naming.Service(name)] {
		now.drifted("container %s: is not on its own network", found.Spec.Name)
	}
	for _, namespace := range slices.Sorted(maps.Keys(listing)) {
		if present[listing[namespace].Name] {
			now.Projects = append(now.Projects, namespace)
		} else {
			now.drifted("container %s: is not on the network of project %s, which lists it", found.Spec.Name, namespace)
		}
	}
	for _, network := range foreign(found, naming.Service(name), listing) {
		now.drifted("container %s: is on network %s, where it does not belong", found.Spec.Name, network)
	}
	if len(volumes) == 0 {
		now.drifted("the volume that says to whom the service is offered is missing")
	}
	return now, nil
}

func (s *Service) drifted(format string, args ...any) {
	s.Drift = append(s.Drift, fmt.Sprintf(format, args...))
}
