package project

import (
	"context"
	"fmt"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// firstNetwork is the internal network of a project that is being made. Whoever wrote the first revision of its record is
// the first to make one, and need not look whether there is another.
func (p *Projects) firstNetwork(ctx context.Context, record Record) (engine.Network, error) {
	if record.Revision > 1 {
		return p.internalNetwork(ctx, record)
	}
	return p.networks.Create(ctx, internalSpec(record))
}

// internalNetwork makes sure of the network that everything of the project joins and that leads nowhere else.
func (p *Projects) internalNetwork(ctx context.Context, record Record) (engine.Network, error) {
	return p.networks.Ensure(ctx, internalSpec(record), internalLabels(record.Namespace))
}

func internalSpec(record Record) engine.NetworkSpec {
	return engine.NetworkSpec{
		Name: naming.Network(record.Namespace), Internal: true, Labels: naming.Labels(record.Labels, internalLabels(record.Namespace)),
	}
}

// Network finds the project's internal network; [engine.ErrNotFound] when it is gone.
func (p *Projects) Network(ctx context.Context, namespace string) (engine.Network, error) {
	found, err := p.networks.Find(ctx, internalLabels(namespace))
	if err != nil {
		return engine.Network{}, fmt.Errorf("internal network of project %s: %w", namespace, err)
	}
	return found, nil
}

// Egress finds, or makes, the network through which the project's containers reach the outside.
func (p *Projects) Egress(ctx context.Context, namespace string) (engine.Network, error) {
	lock := p.egress.of(namespace)
	lock.Lock()
	defer lock.Unlock()
	labels := egressLabels(namespace)
	made, err := p.networks.Ensure(ctx, engine.NetworkSpec{Name: naming.EgressNetwork(namespace), Labels: labels}, labels)
	if err != nil {
		return engine.Network{}, fmt.Errorf("egress network of project %s: %w", namespace, err)
	}
	return made, nil
}

func internalLabels(namespace string) map[string]string {
	return map[string]string{naming.LabelProject: namespace, naming.LabelRole: naming.RoleNetwork}
}

func egressLabels(namespace string) map[string]string {
	return map[string]string{naming.LabelProject: namespace, naming.LabelRole: naming.RoleEgress}
}
