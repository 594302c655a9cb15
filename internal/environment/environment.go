package environment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/hardening"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/lock"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/quota"
	"github.com/isolab/terraform-provider-isolab/internal/rolling"
)

// Engine is what this package needs of one.
type Engine interface {
	lock.Engine
	Snapshot(ctx context.Context) (engine.Snapshot, error)
	Containers(ctx context.Context, labels map[string]string) ([]engine.ContainerSummary, error)
	StartContainer(ctx context.Context, id string) error
	StopContainer(ctx context.Context, id string, grace time.Duration) error
	PauseContainer(ctx context.Context, id string) error
	UnpauseContainer(ctx context.Context, id string) error
	UpdateLimits(ctx context.Context, id string, limits engine.Limits) error
	Logs(ctx context.Context, id string, lines int) (string, error)
	Events(ctx context.Context, containerID string) (<-chan engine.Event, <-chan error)
	SetRestart(ctx context.Context, id, policy string) error
	RenameContainer(ctx context.Context, id, name string) error
	MemoryUse(ctx context.Context, id string) (int64, error)
	Disconnect(ctx context.Context, networkID, containerID string) error
	Volumes(ctx context.Context, labels map[string]string) ([]engine.Volume, error)
	CreateVolume(ctx context.Context, name string, labels map[string]string) (engine.Volume, error)
	RemoveVolume(ctx context.Context, name string) error
	EnsureImage(ctx context.Context, ref string, policy engine.PullPolicy) (engine.Image, error)
}

// Projects gives a project's networks.
type Projects interface {
	// Network is the internal network; [engine.ErrNotFound] when the project is not on the engine.
	Network(ctx context.Context, namespace string) (engine.Network, error)
	// Egress is the network that leads outside; it is made when it is first asked for.
	Egress(ctx context.Context, namespace string) (engine.Network, error)
	// Quota bounds what the project's environments may ask for together.
	Quota(ctx context.Context, namespace string) (quota.Quota, error)
}

// Routes lead visitors to an environment's containers: to those that stand for it (see package rolling).
type Routes interface {
	// Follow leads the visitors to the containers that stand for the environment now.
	Follow(ctx context.Context, namespace, environment string) error
	// Move does the same and returns when no request is under way to another container any more, or a while later.
	Move(ctx context.Context, namespace, environment string) error
}

// ErrExists means that the engine already runs an environment of this name that was asked for in other words.
var ErrExists = errors.New("the environment exists already")

// Environment is an environment as the engine holds it.
type Environment struct {
	Spec
	Status     lifecycle.Status
	Containers []Container    // by replica
	Published  map[string]int // name of the publication to the first replica's port on the host
	// Drift says in sentences what on the engine is not as it was asked for.
	Drift []string
}

// Container is one replica.
type Container struct {
	ID      string
	Name    string
	Address string // on the internal network; fixed for the container's life
}

// Environments are the environments of one engine.
type Environments struct {
	engine    Engine
	projects  Projects
	routes    Routes
	locks     *lock.Locker
	log       hclog.Logger
	addresses addresses
}

// New manages the environments of an engine.
func New(on Engine, projects Projects, routes Routes, log hclog.Logger) *Environments {
	return &Environments{engine: on, projects: projects, routes: routes, locks: lock.New(on), log: log.Named("environment")}
}

// Read tells what the engine holds of an environment; [engine.ErrNotFound] when it holds no container of it.
func (e *Environments) Read(ctx context.Context, namespace, name string) (Environment, error) {
	snapshot, err := e.engine.Snapshot(ctx)
	if err != nil {
		return Environment{}, fmt.Errorf("read environment %s/%s: %w", namespace, name, err)
	}
	neighbours := slices.DeleteFunc(slices.Clone(snapshot.Containers), func(container engine.ContainerSummary) bool {
		return container.Labels[naming.LabelProject] != namespace
	})
	return e.inspect(ctx, namespace, name, ours(neighbours, name))
}

// inspect looks at every container of an environment closely.
func (e *Environments) inspect(ctx context.Context, namespace, name string, summaries []engine.ContainerSummary) (Environment, error) {
	byReplica := rolling.Replicas(summaries)
	var found Environment
	for i, number := range slices.Sorted(maps.Keys(byReplica)) {
		replica := byReplica[number]
		if number != i+1 {
			found.Drift = append(found.Drift, fmt.Sprintf("replica %d is missing, while replica %d exists", i+1, number))
		}
		found.Drift = append(found.Drift, leftOver(replica)...)
		if replica.Current == nil {
			continue
		}
		container, err := e.engine.Container(ctx, replica.Current.ID)
		if errors.Is(err, engine.ErrNotFound) {
			continue // It went between the listing and now.
		}
		if err != nil {
			return Environment{}, fmt.Errorf("read environment %s/%s: %w", namespace, name, err)
		}
		if err := found.add(number, container); err != nil {
			return Environment{}, err
		}
	}
	if len(found.Containers) == 0 {
		return Environment{}, fmt.Errorf("environment %s/%s: %w", namespace, name, engine.ErrNotFound)
	}
	return found, nil
}

// leftOver says which containers an interrupted update of a replica left.
func leftOver(replica rolling.Replica) []string {
	var drift []string
	for _, container := range replica.Retired {
		drift = append(drift, fmt.Sprintf("container %s: was replaced and not removed yet", container.Name))
	}
	if replica.Next != nil {
		drift = append(drift, fmt.Sprintf("container %s: was made to replace another, which it has not yet", replica.Next.Name))
	}
	return drift
}

// add takes a container into the picture. The first one speaks for the environment, the others are compared with it.
func (e *Environment) add(replica int, container engine.Container) error {
	spec, err := specOf(container)
	if err != nil {
		return err
	}
	status := statusOf(container.State)
	if len(e.Containers) == 0 {
		e.Spec, e.Status, e.Published = spec, status, published(spec, container)
	} else {
		first, _ := e.Spec.label()
		if other, _ := spec.label(); other != first {
			e.Drift = append(e.Drift, fmt.Sprintf("container %s: has another configuration than replica 1", container.Spec.Name))
		}
		if spec.Limits != e.Spec.Limits {
			e.Drift = append(e.Drift, fmt.Sprintf("container %s: has other limits than replica 1", container.Spec.Name))
		}
		e.Status = weaker(e.Status, status)
	}
	address := container.Spec.Labels[naming.LabelAddress]
	e.Containers = append(e.Containers, Container{ID: container.ID, Name: container.Spec.Name, Address: address})
	drift, err := driftOf(spec, replica, container)
	e.Drift = append(e.Drift, drift...)
	return err
}

// driftOf says in sentences where a container is not what its own spec asks for.
func driftOf(spec Spec, replica int, container engine.Container) ([]string, error) {
	wanted, err := spec.container(replica, container.Spec.Labels[naming.LabelAddress], networkNames(spec)...)
	if err != nil {
		return nil, err
	}
	if container.State != engine.StateRunning && container.Spec.Restart == asleep {
		wanted.Restart = asleep
	}
	drift := hardening.Weakened(wanted, container)
	missing, foreign := misplaced(spec, container.Spec)
	for _, network := range missing {
		drift = append(drift, fmt.Sprintf("container %s: is not on network %s at its address", container.Spec.Name, network))
	}
	for _, network := range foreign {
		drift = append(drift, fmt.Sprintf("container %s: is on network %s, where it does not belong", container.Spec.Name, network))
	}
	for _, alias := range aliased(spec, container) {
		drift = append(drift, fmt.Sprintf("container %s: answers to the name %s", container.Spec.Name, alias))
	}
	if wanted.Name != container.Spec.Name {
		drift = append(drift, fmt.Sprintf("container %s: should be called %s", container.Spec.Name, wanted.Name))
	}
	return drift, nil
}

// specOf reads the spec that a container was made from; its limits are what the engine enforces now.
func specOf(container engine.Container) (Spec, error) {
	var spec Spec
	if err := json.Unmarshal([]byte(container.Spec.Labels[naming.LabelSpec]), &spec); err != nil {
		return Spec{}, fmt.Errorf("read the specification in label %s of container %s: %w", naming.LabelSpec, container.Spec.Name, err)
	}
	spec.ImageDigest = container.Spec.Labels[labelDigest]
	storage := spec.Limits.Storage
	spec.Limits = container.Spec.Limits
	spec.Limits.Storage = storage
	return spec, nil
}

func statusOf(state engine.State) lifecycle.Status {
	switch state {
	case engine.StateRunning:
		return lifecycle.Running
	case engine.StatePaused:
		return lifecycle.Frozen
	default:
		return lifecycle.Stopped
	}
}

// weaker is the status of an environment whose replicas are not of one mind.
func weaker(a, b lifecycle.Status) lifecycle.Status {
	if a == b {
		return a
	}
	if a == lifecycle.Stopped || b == lifecycle.Stopped {
		return lifecycle.Stopped
	}
	return lifecycle.Frozen
}

func published(spec Spec, container engine.Container) map[string]int {
	ports := map[string]int{}
	for name, publication := range spec.Publish {
		for _, binding := range container.Spec.Publish {
			if binding.ContainerPort == publication.Port && binding.HostPort > 0 {
				ports[name] = binding.HostPort
			}
		}
	}
	return ports
}
