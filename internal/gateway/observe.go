package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/lock"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Observed is a gateway as the engine holds it.
type Observed struct {
	// Spec is what the gateway was made from, with the limits and settings it has now, private key included. Of one without a container it holds the name
	// alone.
	Spec        Spec
	ContainerID string
	Status      lifecycle.Status
	Drift       []string // what is not as it was asked for, in sentences; missing and stopped are a Status instead
}

// Read looks at a gateway. [engine.ErrNotFound] means that it has neither a container nor a volume, and that nobody was
// stopped while removing it.
func (g *Gateways) Read(ctx context.Context, name string) (Observed, error) {
	snapshot, err := g.on.Snapshot(ctx)
	if err != nil {
		return Observed{}, fmt.Errorf("read gateway %s: %w", name, err)
	}
	at, err := locate(name, snapshot.Containers, snapshot.Volumes)
	gone := errors.Is(err, ErrAbsent)
	inspected := engine.ErrNotFound
	var container engine.Container
	if at.container.ID != "" {
		container, inspected = g.on.Container(ctx, at.container.ID)
	}
	switch {
	case inspected == nil:
	case !errors.Is(inspected, engine.ErrNotFound):
		return Observed{}, fmt.Errorf("read gateway %s: %w", name, inspected)
	case gone && !lock.Held(lockName(name), snapshot.Containers): // Where it was removed halfway, what is left is to be removed too.
		return Observed{}, fmt.Errorf("gateway %s: %w", name, engine.ErrNotFound)
	default:
		return Observed{Spec: Spec{Name: name}, Status: lifecycle.Absent}, nil
	}
	stored, err := g.routes.get(ctx, name, func(ctx context.Context) (state, error) { return g.read(ctx, at) })
	if err != nil {
		return Observed{}, err
	}
	observed := Observed{ContainerID: container.ID, Status: status(container.State)}
	spec, err := specOf(container)
	if err != nil {
		observed.Spec = Spec{Name: name}
		observed.Drift = []string{fmt.Sprintf("The container does not say what it was made from: %v.", err)}
		return observed, nil
	}
	spec.Settings = stored.settings
	observed.Spec = spec
	observed.Drift = append(weakened(spec.container(nil), container), misplaced(name, container, stored.routes, snapshot.Networks)...)
	if at.next.ID != "" {
		observed.Drift = append(observed.Drift, fmt.Sprintf("The container %s is left of an update that was interrupted.", at.next.Name))
	}
	return observed, nil
}

// specOf reads what a container was made from. Its limits are those it has.
func specOf(container engine.Container) (Spec, error) {
	var spec Spec
	if err := json.Unmarshal([]byte(container.Spec.Labels[naming.LabelSpec]), &spec); err != nil {
		return Spec{}, fmt.Errorf("read the label %s: %w", naming.LabelSpec, err)
	}
	have := container.Spec.Limits
	spec.Limits = engine.Limits{CPUs: have.CPUs, Memory: have.Memory, Pids: have.Pids}
	return spec, nil
}

func status(state engine.State) lifecycle.Status {
	switch state {
	case engine.StateRunning:
		return lifecycle.Running
	case engine.StatePaused:
		return lifecycle.Frozen
	}
	return lifecycle.Stopped
}

// misplaced says on which networks a gateway's container is and should not be, and the other way round.
func misplaced(name string, container engine.Container, routes map[key]Route, networks []engine.Network) []string {
	wanted := map[string]string{} // names of networks, with what they are for
	for _, network := range networks {
		if owns(name, network.Labels) {
			wanted[network.Name] = "its own network"
		}
	}
	projects := byNamespace(networks)
	for key := range routes {
		if network, ok := projects[key.namespace]; ok {
			wanted[network.Name] = "the network of project " + key.namespace
		}
	}
	have := attached(container.Spec.Networks)
	var found []string
	for _, network := range slices.Sorted(maps.Keys(have)) {
		if _, ok := wanted[network]; !ok {
			found = append(found, fmt.Sprintf("The container is attached to network %s, which no route needs.", network))
		}
	}
	for _, network := range slices.Sorted(maps.Keys(wanted)) {
		if !have[network] {
			found = append(found, fmt.Sprintf("The container is not attached to %s (%s).", wanted[network], network))
		}
	}
	return found
}
