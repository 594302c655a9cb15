package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/interrupt"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// ListedError says that a service cannot go because projects list it.
type ListedError struct {
	Service  string
	Projects []string
}

func (e *ListedError) Error() string {
	return fmt.Sprintf("shared service %s is listed by project %s; take it out of their services first. Nothing was removed", e.Service, strings.Join(e.Projects, ", "))
}

// Delete removes a service: its container, network and files, and its data unless keep says otherwise. The volumes that
// stay are named in the answer. A [*ListedError] while projects list it.
func (s *Services) Delete(ctx context.Context, name string, keep bool) (retained []string, err error) {
	ctx, done := interrupt.Shield(ctx)
	defer done()
	err = s.locked(ctx, name, func(ctx context.Context) error {
		retained, err = s.remove(ctx, name, keep)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("remove shared service %s: %w", name, err)
	}
	return retained, nil
}

func (s *Services) remove(ctx context.Context, name string, keep bool) (retained []string, err error) {
	listing, err := s.projects.Listing(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(listing) > 0 {
		return nil, &ListedError{Service: name, Projects: slices.Sorted(maps.Keys(listing))}
	}
	found, err := s.find(ctx, name)
	if err != nil && !errors.Is(err, engine.ErrNotFound) {
		return nil, err
	}
	if err == nil {
		if err := errors.Join(s.on.StopContainer(ctx, found.ID, grace), s.on.RemoveContainer(ctx, found.ID)); err != nil {
			return nil, err
		}
	}
	networks, err := s.on.Networks(ctx, labels(name))
	if err != nil {
		return nil, err
	}
	for _, network := range networks {
		if err := s.on.RemoveNetwork(ctx, network.ID); err != nil {
			return nil, err
		}
	}
	volumes, err := s.on.Volumes(ctx, map[string]string{naming.LabelService: name})
	if err != nil {
		return nil, err
	}
	for _, one := range volumes {
		if keep && one.Labels[naming.LabelVolume] != "" {
			retained = append(retained, one.Name)
			continue
		}
		if err := volume.Remove(ctx, s.on, one.Name); err != nil {
			return nil, err
		}
	}
	return retained, nil
}
