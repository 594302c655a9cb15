package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// Ensure finds the one network that carries labels, or makes it with spec, whose labels include them.
func (a *Allocator) Ensure(ctx context.Context, spec engine.NetworkSpec, labels map[string]string) (engine.Network, error) {
	found, err := a.Find(ctx, labels)
	if !errors.Is(err, engine.ErrNotFound) {
		return found, err
	}
	_, failed := a.Create(ctx, spec)
	if failed != nil && !errors.Is(failed, engine.ErrConflict) {
		return engine.Network{}, failed
	}
	found, err = a.Find(ctx, labels)
	if errors.Is(err, engine.ErrNotFound) && failed != nil {
		return engine.Network{}, fmt.Errorf("%w; it is not this provider's (docker network rm %s frees the name)", failed, spec.Name)
	}
	return found, err
}

// Find finds the one network that carries labels; [engine.ErrNotFound] when there is none. The engine goes on with what
// a killed apply asked of it, while the next apply asks for the same, and engines before 25 let two networks have one
// name, which containers then cannot join. The older one stays.
func (a *Allocator) Find(ctx context.Context, labels map[string]string) (engine.Network, error) {
	networks, err := a.engine.Networks(ctx, labels)
	if err != nil {
		return engine.Network{}, err
	}
	if len(networks) == 0 {
		return engine.Network{}, engine.ErrNotFound
	}
	slices.SortFunc(networks, func(a, b engine.Network) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	for _, surplus := range networks[1:] {
		if err := a.engine.RemoveNetwork(ctx, surplus.ID); err != nil {
			return engine.Network{}, fmt.Errorf("remove the second of two networks of one name: %w", err)
		}
	}
	return networks[0], nil
}
