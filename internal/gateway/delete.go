package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/interrupt"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// RoutesRemainError says that a gateway cannot go because routes still lead through it.
type RoutesRemainError struct {
	Gateway string
	Routes  []string // "namespace/name"
}

func (e *RoutesRemainError) Error() string {
	return fmt.Sprintf("gateway %s still has %d routes: %s; remove them first", e.Gateway, len(e.Routes), strings.Join(e.Routes, ", "))
}

// Delete removes a gateway: its container, its volume and its network, or what is left of them. It refuses with a
// [*RoutesRemainError] while routes lead through it.
func (g *Gateways) Delete(ctx context.Context, name string) error {
	ctx, done := interrupt.Shield(ctx)
	defer done()
	err := g.locked(ctx, name, func(ctx context.Context) error { return g.remove(ctx, name) })
	g.routes.drop(name)
	if err != nil {
		return fmt.Errorf("delete gateway %s: %w", name, err)
	}
	return nil
}

func (g *Gateways) remove(ctx context.Context, name string) error {
	at, err := g.find(ctx, name)
	switch {
	case errors.Is(err, ErrAbsent): // No volume, no routes; but perhaps the rest.
	case err != nil:
		return err
	default:
		stored, err := g.read(ctx, at)
		if err != nil {
			return err
		}
		if len(stored.routes) > 0 {
			remaining := &RoutesRemainError{Gateway: name}
			for _, key := range slices.SortedFunc(maps.Keys(stored.routes), compareKeys) {
				remaining.Routes = append(remaining.Routes, key.namespace+"/"+key.name)
			}
			return remaining
		}
	}
	for _, container := range []string{at.container.ID, at.next.ID} {
		if container == "" {
			continue
		}
		if err := g.on.RemoveContainer(ctx, container); err != nil {
			return err
		}
	}
	volumes, err := g.on.Volumes(ctx, labels(name))
	if err != nil {
		return err
	}
	if len(volumes) > 0 {
		if err := volume.Remove(ctx, g.on, naming.Gateway(name)); err != nil {
			return err
		}
	}
	networks, err := g.on.Networks(ctx, labels(name))
	if err != nil {
		return err
	}
	for _, network := range networks {
		if err := g.on.RemoveNetwork(ctx, network.ID); err != nil {
			return err
		}
	}
	return nil
}
