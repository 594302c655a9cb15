package enginetest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// Networks lists what carries the labels.
func (e *Engine) Networks(ctx context.Context, labels map[string]string) ([]engine.Network, error) {
	if err := e.begin(ctx, "Networks", ""); err != nil {
		return nil, err
	}
	defer e.lock.Unlock()
	return e.listNetworks(labels), nil
}

func (e *Engine) listNetworks(labels map[string]string) []engine.Network {
	return slices.DeleteFunc(sorted(e.networks), func(n engine.Network) bool { return !carries(n.Labels, labels) })
}

// CreateNetwork judges overlaps atomically. A second network of one name is no failure.
func (e *Engine) CreateNetwork(ctx context.Context, spec engine.NetworkSpec) (string, error) {
	if err := e.begin(ctx, "CreateNetwork", spec.Name); err != nil {
		return "", err
	}
	defer e.lock.Unlock()
	for _, other := range e.networks {
		for _, taken := range other.Subnets {
			if spec.Subnet.Overlaps(taken) {
				return "", fmt.Errorf("create network %s with subnet %s: %w", spec.Name, spec.Subnet, engine.ErrSubnetTaken)
			}
		}
	}
	id := newID()
	e.networks[id] = engine.Network{
		ID: id, Name: spec.Name, Subnets: []netip.Prefix{spec.Subnet}, Internal: spec.Internal, Labels: spec.Labels,
		Created: time.Now(),
	}
	return id, nil
}

// RemoveNetwork refuses while something that runs is attached.
func (e *Engine) RemoveNetwork(ctx context.Context, id string) error {
	if err := e.begin(ctx, "RemoveNetwork", id); err != nil {
		return err
	}
	defer e.lock.Unlock()
	name := e.networks[id].Name
	for _, container := range e.containers {
		if up(container.State) && attached(container, name) {
			return fmt.Errorf("remove network %s: %w: has active endpoints", name, engine.ErrConflict)
		}
	}
	delete(e.networks, id)
	return nil
}

// Connect joins a container to a network.
func (e *Engine) Connect(ctx context.Context, networkID, containerID string, endpoint engine.Endpoint) error {
	if err := e.begin(ctx, "Connect", containerID); err != nil {
		return err
	}
	defer e.lock.Unlock()
	container, err := e.find(containerID)
	if err != nil {
		return err
	}
	if endpoint.Network, err = e.networkName(networkID); err != nil {
		return err
	}
	if attached(container, endpoint.Network) {
		return fmt.Errorf("join container %s to network %s: %w", containerID, endpoint.Network, engine.ErrConflict)
	}
	container.Spec.Networks = append(container.Spec.Networks, endpoint)
	return nil
}

// Disconnect is no failure when nothing is connected.
func (e *Engine) Disconnect(ctx context.Context, networkID, containerID string) error {
	if err := e.begin(ctx, "Disconnect", containerID); err != nil {
		return err
	}
	defer e.lock.Unlock()
	container, err := e.find(containerID)
	name, missing := e.networkName(networkID)
	if err != nil || missing != nil {
		return nil
	}
	container.Spec.Networks = slices.DeleteFunc(slices.Clone(container.Spec.Networks), func(e engine.Endpoint) bool { return e.Network == name })
	return nil
}

// networkName finds a network by id or name.
func (e *Engine) networkName(ref string) (string, error) {
	for id, network := range e.networks {
		if ref == id || ref == network.Name {
			return network.Name, nil
		}
	}
	return "", fmt.Errorf("network %s: %w", ref, engine.ErrNotFound)
}

func (e *Engine) namesakes(name string) (count int) {
	for _, network := range e.networks {
		if network.Name == name {
			count++
		}
	}
	return count
}

func attached(container *engine.Container, network string) bool {
	return slices.ContainsFunc(container.Spec.Networks, func(e engine.Endpoint) bool { return e.Network == network })
}
