package enginetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// Containers lists what carries the labels, in every state.
func (e *Engine) Containers(ctx context.Context, labels map[string]string) ([]engine.ContainerSummary, error) {
	if err := e.begin(ctx, "Containers", ""); err != nil {
		return nil, err
	}
	defer e.lock.Unlock()
	return e.listContainers(labels), nil
}

func (e *Engine) listContainers(labels map[string]string) []engine.ContainerSummary {
	var list []engine.ContainerSummary
	for _, container := range sorted(e.containers) {
		if spec := container.Spec; carries(spec.Labels, labels) {
			list = append(list, engine.ContainerSummary{
				ID: container.ID, Name: spec.Name, Image: spec.Image, State: container.State, Labels: spec.Labels, Endpoints: slices.Clone(spec.Networks),
			})
		}
	}
	return list
}

// Container inspects by id or name.
func (e *Engine) Container(ctx context.Context, id string) (engine.Container, error) {
	if err := e.begin(ctx, "Container", id); err != nil {
		return engine.Container{}, err
	}
	defer e.lock.Unlock()
	found, err := e.find(id)
	if err != nil {
		return engine.Container{}, err
	}
	if done, begun := e.checked[found.ID]; begun && !done && e.Check != nil && len(e.watchers[found.ID]) > 0 {
		e.checked[found.ID] = true
		go e.Check(found.ID)
	}
	observed := *found
	observed.Spec.Networks, observed.Spec.Publish = slices.Clone(observed.Spec.Networks), slices.Clone(observed.Spec.Publish)
	return observed, nil
}

// Change lets a test do by hand to a container what the domain does not do.
func (e *Engine) Change(id string, change func(*engine.Container)) {
	e.lock.Lock()
	defer e.lock.Unlock()
	change(e.containers[id])
}

// CreateContainer makes the volumes that are missing and names the container by its short id too, as engines do.
func (e *Engine) CreateContainer(ctx context.Context, spec engine.ContainerSpec) (string, error) {
	if err := e.begin(ctx, "CreateContainer", spec.Name); err != nil {
		return "", err
	}
	defer e.lock.Unlock()
	if _, ok := e.images[spec.Image]; !ok {
		return "", fmt.Errorf("create container %s: image %s: %w", spec.Name, spec.Image, engine.ErrNotFound)
	}
	if _, err := e.find(spec.Name); err == nil {
		return "", fmt.Errorf("create container %s: %w", spec.Name, engine.ErrConflict)
	}
	id := newID()
	spec.Networks, spec.Publish = slices.Clone(spec.Networks), slices.Clone(spec.Publish)
	for i := range spec.Networks {
		name, err := e.networkName(spec.Networks[i].Network)
		if err != nil {
			return "", err
		}
		spec.Networks[i].Network = name
		spec.Networks[i].Aliases = append(slices.Clone(spec.Networks[i].Aliases), id[:12])
	}
	for _, mount := range spec.Mounts {
		e.volume(mount.Volume, nil)
	}
	e.containers[id] = &engine.Container{ID: id, ImageID: e.images[spec.Image].ID, State: engine.StateCreated, Spec: spec}
	return id, nil
}

// StartContainer takes the container's addresses and, with a health check, begins to check.
func (e *Engine) StartContainer(ctx context.Context, id string) error {
	if err := e.begin(ctx, "StartContainer", id); err != nil {
		return err
	}
	defer e.lock.Unlock()
	container, err := e.find(id)
	if err != nil || container.State == engine.StateRunning {
		return err
	}
	for _, endpoint := range container.Spec.Networks {
		if _, err := e.networkName(endpoint.Network); err != nil {
			return err
		}
		if e.namesakes(endpoint.Network) > 1 {
			return fmt.Errorf("start container %s: %w: %s", id, engine.ErrAmbiguous, endpoint.Network)
		}
		for _, other := range e.containers {
			if up(other.State) && slices.ContainsFunc(other.Spec.Networks, func(taken engine.Endpoint) bool {
				return taken.Network == endpoint.Network && taken.Address != "" && taken.Address == endpoint.Address
			}) {
				return fmt.Errorf("start container %s: %w", id, engine.ErrAddressTaken)
			}
		}
	}
	container.State = engine.StateRunning
	for i := range container.Spec.Publish {
		container.Spec.Publish[i].HostPort = e.ports
		e.ports++
	}
	if container.Spec.Health != nil && len(container.Spec.Health.Test) > 0 {
		container.Health = engine.Health{Status: "starting"}
		e.checked[id] = false
		if e.Check == nil {
			container.Health.Status = "healthy"
		}
	}
	return nil
}

// StopContainer ends what is up.
func (e *Engine) StopContainer(ctx context.Context, id string, _ time.Duration) error {
	return e.move(ctx, "StopContainer", id, engine.StateExited)
}

// PauseContainer freezes what runs.
func (e *Engine) PauseContainer(ctx context.Context, id string) error {
	return e.move(ctx, "PauseContainer", id, engine.StatePaused, engine.StateRunning)
}

// UnpauseContainer resumes what is frozen.
func (e *Engine) UnpauseContainer(ctx context.Context, id string) error {
	return e.move(ctx, "UnpauseContainer", id, engine.StateRunning, engine.StatePaused)
}

// move changes a container's state; from lists where that is possible, or nothing.
func (e *Engine) move(ctx context.Context, call, id string, to engine.State, from ...engine.State) error {
	if err := e.begin(ctx, call, id); err != nil {
		return err
	}
	defer e.lock.Unlock()
	container, err := e.find(id)
	if err != nil {
		return err
	}
	if len(from) > 0 && !slices.Contains(from, container.State) {
		return fmt.Errorf("%s %s, which is %s: %w", call, id, container.State, engine.ErrConflict)
	}
	container.State = to
	return nil
}

// WaitRemoved returns when a container is gone.
func (e *Engine) WaitRemoved(ctx context.Context, id string) error {
	if err := e.begin(ctx, "WaitRemoved", id); err != nil {
		return err
	}
	gone := make(chan struct{})
	if container, err := e.find(id); err != nil {
		close(gone)
	} else if e.removed[container.ID] != nil {
		gone = e.removed[container.ID]
	} else {
		e.removed[container.ID] = gone
	}
	e.lock.Unlock()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RemoveContainer removes by force; gone is gone.
func (e *Engine) RemoveContainer(ctx context.Context, id string) error {
	if err := e.begin(ctx, "RemoveContainer", id); err != nil {
		return err
	}
	defer e.lock.Unlock()
	if container, err := e.find(id); err == nil {
		delete(e.containers, container.ID)
		if gone := e.removed[container.ID]; gone != nil {
			close(gone)
			delete(e.removed, container.ID)
		}
	}
	return nil
}

// SetRestart changes the restart policy.
func (e *Engine) SetRestart(ctx context.Context, id, policy string) error {
	if err := e.begin(ctx, "SetRestart", id); err != nil {
		return err
	}
	defer e.lock.Unlock()
	container, err := e.find(id)
	if err != nil {
		return err
	}
	container.Spec.Restart = policy
	return nil
}

// RenameContainer refuses a name that is taken.
func (e *Engine) RenameContainer(ctx context.Context, id, name string) error {
	if err := e.begin(ctx, "RenameContainer", name); err != nil {
		return err
	}
	defer e.lock.Unlock()
	container, err := e.find(id)
	if err != nil {
		return err
	}
	if _, err := e.find(name); err == nil {
		return fmt.Errorf("rename container %s to %s: %w", id, name, engine.ErrConflict)
	}
	container.Spec.Name = name
	return nil
}

// MemoryUse is what [Engine.Use] says, while a container runs.
func (e *Engine) MemoryUse(ctx context.Context, id string) (int64, error) {
	if err := e.begin(ctx, "MemoryUse", id); err != nil {
		return 0, err
	}
	defer e.lock.Unlock()
	container, err := e.find(id)
	if err != nil || !up(container.State) {
		return 0, err
	}
	return e.use[container.ID], nil
}

// Use says how much memory a container uses while it runs, in bytes.
func (e *Engine) Use(id string, bytes int64) {
	e.lock.Lock()
	defer e.lock.Unlock()
	e.use[id] = bytes
}

// UpdateLimits changes what can change on a container that exists.
func (e *Engine) UpdateLimits(ctx context.Context, id string, limits engine.Limits) error {
	if err := e.begin(ctx, "UpdateLimits", id); err != nil {
		return err
	}
	defer e.lock.Unlock()
	container, err := e.find(id)
	if err != nil {
		return err
	}
	have := &container.Spec.Limits
	have.CPUs, have.Memory, have.Pids = limits.CPUs, limits.Memory, limits.Pids
	return nil
}

func (e *Engine) find(ref string) (*engine.Container, error) {
	for id, container := range e.containers {
		if ref == id || ref == container.Spec.Name {
			return container, nil
		}
	}
	return nil, fmt.Errorf("container %s: %w", ref, engine.ErrNotFound)
}

func up(state engine.State) bool { return state == engine.StateRunning || state == engine.StatePaused }

// Signal is only counted.
func (e *Engine) Signal(ctx context.Context, id, signal string) error {
	if err := e.begin(ctx, "Signal", signal); err != nil {
		return err
	}
	defer e.lock.Unlock()
	_, err := e.find(id)
	return err
}
