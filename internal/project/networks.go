package project

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// egress makes sure that the environments of one project that start side by side make its egress network once.
type egress struct {
	lock  sync.Mutex
	locks map[string]*sync.Mutex
}

func (e *egress) of(namespace string) *sync.Mutex {
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.locks == nil {
		e.locks = map[string]*sync.Mutex{}
	}
	if e.locks[namespace] == nil {
		e.locks[namespace] = &sync.Mutex{}
	}
	return e.locks[namespace]
}

// internalNetwork makes the network that everything of the project joins and that leads nowhere else.
func (p *Projects) internalNetwork(ctx context.Context, record Record, preferred netip.Prefix) (engine.Network, error) {
	return p.networks.Create(ctx, engine.NetworkSpec{
		Name: naming.Network(record.Namespace), Internal: true, Subnet: preferred,
		Labels: naming.Labels(record.Labels, map[string]string{naming.LabelRole: naming.RoleNetwork, naming.LabelProject: record.Namespace}),
	})
}

// Network finds the project's internal network; [engine.ErrNotFound] when it is gone.
func (p *Projects) Network(ctx context.Context, namespace string) (engine.Network, error) {
	networks, err := p.engine.Networks(ctx, map[string]string{naming.LabelProject: namespace, naming.LabelRole: naming.RoleNetwork})
	if err != nil {
		return engine.Network{}, err
	}
	if len(networks) == 0 {
		return engine.Network{}, fmt.Errorf("internal network of project %s: %w", namespace, engine.ErrNotFound)
	}
	return networks[0], nil
}

// Egress finds, or makes, the network through which the project's containers reach the outside.
func (p *Projects) Egress(ctx context.Context, namespace string) (engine.Network, error) {
	lock := p.egress.of(namespace)
	lock.Lock()
	defer lock.Unlock()
	labels := map[string]string{naming.LabelProject: namespace, naming.LabelRole: naming.RoleEgress}
	networks, err := p.engine.Networks(ctx, labels)
	if err != nil || len(networks) > 0 {
		return first(networks), err
	}
	made, err := p.networks.Create(ctx, engine.NetworkSpec{Name: naming.EgressNetwork(namespace), Labels: labels})
	if err != nil {
		return engine.Network{}, fmt.Errorf("create the egress network of project %s: %w", namespace, err)
	}
	return made, nil
}

func first(networks []engine.Network) engine.Network {
	if len(networks) == 0 {
		return engine.Network{}
	}
	return networks[0]
}
