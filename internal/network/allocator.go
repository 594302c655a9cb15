// Package network makes the networks: it gives each one a subnet of its own out of the provider's address pool.
package network

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

// Engine is what this package needs of one.
type Engine interface {
	Networks(ctx context.Context, labels map[string]string) ([]engine.Network, error)
	CreateNetwork(ctx context.Context, spec engine.NetworkSpec) (string, error)
	RemoveNetwork(ctx context.Context, id string) error
}

// Allocator creates networks with subnets out of one pool. Within a process it hands every subnet out once; between
// processes the engine is the judge, since it refuses a subnet that overlaps with an existing one.
type Allocator struct {
	engine Engine
	pool   subnet.Pool

	lock   sync.Mutex
	listed bool
	taken  []netip.Prefix
}

// NewAllocator allocates out of pool.
func NewAllocator(on Engine, pool subnet.Pool) *Allocator {
	return &Allocator{engine: on, pool: pool}
}

// Pool is the pool out of which subnets are taken.
func (a *Allocator) Pool() subnet.Pool { return a.pool }

// Create makes a network with the first free subnet of the pool, or with spec.Subnet when that is given and free.
// [*subnet.ExhaustedError] when no subnet is left.
func (a *Allocator) Create(ctx context.Context, spec engine.NetworkSpec) (engine.Network, error) {
	preferred := spec.Subnet
	for {
		candidate, err := a.reserve(ctx, preferred)
		if err != nil {
			return engine.Network{}, err
		}
		preferred = netip.Prefix{}
		spec.Subnet, spec.IPRange = candidate, subnet.Dynamic(candidate)
		id, err := a.engine.CreateNetwork(ctx, spec)
		switch {
		case errors.Is(err, engine.ErrSubnetTaken):
			continue // Somebody else was faster. The candidate stays reserved, so this ends.
		case err != nil:
			a.release(candidate)
			return engine.Network{}, err
		}
		return engine.Network{ID: id, Name: spec.Name, Subnets: []netip.Prefix{candidate}, Internal: spec.Internal, Labels: spec.Labels}, nil
	}
}

// reserve picks a subnet that nobody else in this process will pick. The engine is asked once, and again before the
// pool is called exhausted, since networks may have gone meanwhile.
func (a *Allocator) reserve(ctx context.Context, preferred netip.Prefix) (netip.Prefix, error) {
	a.lock.Lock()
	defer a.lock.Unlock()
	relisted := false
	if !a.listed {
		if err := a.list(ctx); err != nil {
			return netip.Prefix{}, err
		}
		relisted = true
	}
	if preferred.IsValid() && !overlapsAny(preferred, a.taken) {
		a.taken = append(a.taken, preferred)
		return preferred, nil
	}
	candidate, err := a.pool.Next(a.taken)
	if err != nil && !relisted {
		if err := a.list(ctx); err != nil {
			return netip.Prefix{}, err
		}
		candidate, err = a.pool.Next(a.taken)
	}
	if err != nil {
		return netip.Prefix{}, err
	}
	a.taken = append(a.taken, candidate)
	return candidate, nil
}

func (a *Allocator) list(ctx context.Context) error {
	networks, err := a.engine.Networks(ctx, nil)
	if err != nil {
		return err
	}
	a.listed, a.taken = true, nil
	for _, network := range networks {
		a.taken = append(a.taken, network.Subnets...)
	}
	return nil
}

func (a *Allocator) release(prefix netip.Prefix) {
	a.lock.Lock()
	defer a.lock.Unlock()
	for i, taken := range a.taken {
		if taken == prefix {
			a.taken = append(a.taken[:i], a.taken[i+1:]...)
			return
		}
	}
}

func overlapsAny(prefix netip.Prefix, others []netip.Prefix) bool {
	for _, other := range others {
		if prefix.Overlaps(other) {
			return true
		}
	}
	return false
}
