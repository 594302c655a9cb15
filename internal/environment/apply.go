package environment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/health"
	"github.com/isolab/terraform-provider-isolab/internal/interrupt"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/rolling"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// Create makes an environment. Containers of an interrupted creation are taken over; [ErrExists] when the engine holds
// an environment of this name that was asked for in other words.
func (e *Environments) Create(ctx context.Context, wanted Wanted) (Environment, error) {
	neighbours, err := e.neighbours(ctx, wanted.Namespace)
	if err != nil {
		return Environment{}, err
	}
	label, err := wanted.label()
	if err != nil {
		return Environment{}, err
	}
	for _, container := range ours(neighbours, wanted.Name) {
		if container.Labels[naming.LabelSpec] != label {
			return Environment{}, fmt.Errorf("environment %s, container %s: %w", wanted.ID(), container.Name, ErrExists)
		}
	}
	return e.become(ctx, wanted, neighbours)
}

// Apply brings an environment to what is wanted, whatever it is now: containers are made, replaced, repaired, limited,
// started, stopped and removed as needed, and left alone where nothing differs. When it fails half-way the answer still
// tells what is there.
func (e *Environments) Apply(ctx context.Context, wanted Wanted) (Environment, error) {
	neighbours, err := e.neighbours(ctx, wanted.Namespace)
	if err != nil {
		return Environment{}, err
	}
	return e.become(ctx, wanted, neighbours)
}

// neighbours are all containers of a project.
func (e *Environments) neighbours(ctx context.Context, namespace string) ([]engine.ContainerSummary, error) {
	return e.engine.Containers(ctx, map[string]string{naming.LabelProject: namespace})
}

// ours are the containers of one environment among all of its project.
func ours(neighbours []engine.ContainerSummary, name string) []engine.ContainerSummary {
	return slices.DeleteFunc(slices.Clone(neighbours), func(container engine.ContainerSummary) bool {
		return container.Labels[naming.LabelRole] != naming.RoleEnvironment || container.Labels[naming.LabelEnvironment] != name
	})
}

// become does what Apply says, lets the routes follow, and reads back what became of it, which must be known even when
// the caller was interrupted.
func (e *Environments) become(ctx context.Context, wanted Wanted, neighbours []engine.ContainerSummary) (Environment, error) {
	failed := e.settleAll(ctx, &wanted, neighbours)
	ctx = context.WithoutCancel(ctx)
	neighbours, err := e.neighbours(ctx, wanted.Namespace)
	if err != nil {
		return Environment{}, errors.Join(failed, err)
	}
	now, err := e.inspect(ctx, wanted.Namespace, wanted.Name, ours(neighbours, wanted.Name))
	if errors.Is(err, engine.ErrNotFound) {
		now, err = Environment{Spec: wanted.Spec, Status: lifecycle.Absent}, nil
	}
	now.Hibernation = wanted.Hibernation
	if failed == nil && err == nil && wanted.Status == lifecycle.Running && now.Status == lifecycle.Stopped {
		failed = e.ended(ctx, now)
	}
	return now, errors.Join(failed, err, e.routes.Follow(ctx, wanted.Namespace, wanted.Name))
}

// ended says which container was up for a moment only. By now the engine may have started it again.
func (e *Environments) ended(ctx context.Context, now Environment) error {
	which := now.Containers[0]
	for _, container := range now.Containers {
		current, err := e.engine.Container(ctx, container.ID)
		if err != nil {
			return err
		}
		if current.State != engine.StateRunning {
			which = container
			break
		}
	}
	return fmt.Errorf("environment %s, container %s: %w", now.ID(), which.Name, health.Ended(ctx, e.engine, which.ID))
}

func (e *Environments) settleAll(ctx context.Context, wanted *Wanted, neighbours []engine.ContainerSummary) error {
	containers := ours(neighbours, wanted.Name)
	if wanted.Status == lifecycle.Absent {
		return e.end(ctx, containers...)
	}
	room, err := e.room(ctx, *wanted)
	if err != nil {
		return err
	}
	// From here on containers change: that is not left half-way.
	ctx, done := interrupt.Shield(ctx)
	defer done()
	wanted.ImageDigest = room.image.Digest
	if err := e.fits(ctx, *wanted, rolling.Replicas(containers)); err != nil {
		return err
	}
	accompanied := len(containers) > 0
	room.neighbours, err = e.admit(ctx, *wanted, room, neighbours)
	if err != nil {
		return err
	}
	existing := rolling.Replicas(ours(room.neighbours, wanted.Name))
	if err := e.settleEach(ctx, *wanted, room, existing, accompanied); err != nil {
		return err
	}
	return e.shrink(ctx, *wanted, existing)
}

// settleEach settles the replicas that exist one after the other, so that the others serve meanwhile, and then makes
// those that are missing side by side.
func (e *Environments) settleEach(ctx context.Context, wanted Wanted, room room, existing map[int]rolling.Replica, accompanied bool) error {
	settle := func(replica int) error {
		one := place{Environments: e, wanted: wanted, room: room, replica: replica, accompanied: accompanied}
		if err := one.settle(ctx, existing[replica]); err != nil {
			return fmt.Errorf("replica %d of environment %s: %w", replica, wanted.ID(), err)
		}
		return nil
	}
	for replica := 1; replica <= wanted.Replicas; replica++ {
		if isNew(existing[replica]) {
			continue
		}
		if err := settle(replica); err != nil {
			return err
		}
	}
	failures := make([]error, wanted.Replicas+1)
	var missing sync.WaitGroup
	for replica := 1; replica <= wanted.Replicas; replica++ {
		if isNew(existing[replica]) {
			missing.Go(func() { failures[replica] = settle(replica) })
		}
	}
	missing.Wait()
	return errors.Join(failures...)
}

// isNew reports whether a replica has never had a container that ran.
func isNew(replica rolling.Replica) bool {
	return replica.Current == nil || replica.Current.State == engine.StateCreated
}

// shrink removes the replicas that are too many. Visitors are led away from them first.
func (e *Environments) shrink(ctx context.Context, wanted Wanted, existing map[int]rolling.Replica) error {
	var surplus []engine.ContainerSummary
	for _, number := range slices.Sorted(maps.Keys(existing)) {
		if number <= wanted.Replicas {
			continue
		}
		replica := existing[number]
		surplus = append(surplus, replica.Retired...)
		if replica.Next != nil {
			surplus = append(surplus, *replica.Next)
		}
		if replica.Current == nil {
			continue
		}
		surplus = append(surplus, *replica.Current)
		if wanted.Status == lifecycle.Running && len(replica.Retired) == 0 {
			if err := e.engine.RenameContainer(ctx, replica.Current.ID, naming.Retired(naming.Container(wanted.Namespace, wanted.Name, number))); err != nil {
				return err
			}
		}
	}
	return e.dismiss(ctx, wanted.Spec, surplus)
}

// room is what the containers of an environment stand in.
type room struct {
	image    engine.Image
	internal engine.Network
	networks []string // ids, the internal one first
	// neighbours are the project's containers, whose addresses are taken.
	neighbours []engine.ContainerSummary
}

func (e *Environments) room(ctx context.Context, wanted Wanted) (made room, err error) {
	if made.internal, err = e.projects.Network(ctx, wanted.Namespace); err != nil {
		return room{}, err
	}
	made.networks = []string{made.internal.ID}
	if wanted.Egress {
		egress, err := e.projects.Egress(ctx, wanted.Namespace)
		if err != nil {
			return room{}, err
		}
		made.networks = append(made.networks, egress.ID)
	}
	for name := range wanted.Volumes {
		if err := e.volume(ctx, wanted.Spec, name); err != nil {
			return room{}, err
		}
	}
	made.image, err = e.engine.EnsureImage(ctx, wanted.Image, wanted.PullPolicy)
	return made, err
}

// volume makes one of the project's own volumes, writable for the environment's user. One that exists is left as it is.
func (e *Environments) volume(ctx context.Context, spec Spec, name string) error {
	full := naming.Volume(spec.Namespace, name)
	labels := map[string]string{naming.LabelRole: naming.RoleVolume, naming.LabelProject: spec.Namespace, naming.LabelVolume: name}
	if existing, err := e.engine.Volumes(ctx, labels); err != nil || len(existing) > 0 {
		return err
	}
	made, err := e.engine.CreateVolume(ctx, full, naming.Labels(spec.Labels, labels))
	if err != nil {
		return err
	}
	if made.Labels[naming.LabelProject] != spec.Namespace {
		return fmt.Errorf("volume %s exists and is not the project's: %w; rename or remove it (docker volume rm %s)", full, engine.ErrConflict, full)
	}
	return volume.Write(ctx, e.engine, full, spec.userID(), nil)
}

// Delete removes every container of an environment. Its volumes are the project's and stay.
func (e *Environments) Delete(ctx context.Context, namespace, name string) error {
	ctx, done := interrupt.Shield(ctx)
	defer done()
	neighbours, err := e.neighbours(ctx, namespace)
	if err != nil {
		return err
	}
	if err := e.end(ctx, ours(neighbours, name)...); err != nil {
		return err
	}
	return e.routes.Follow(ctx, namespace, name)
}

// DeleteVolume removes one of the project's own volumes with all that is in it. One that is gone counts as removed.
func (e *Environments) DeleteVolume(ctx context.Context, namespace, name string) error {
	full := naming.Volume(namespace, name)
	existing, err := e.engine.Volumes(ctx, map[string]string{naming.LabelRole: naming.RoleVolume, naming.LabelProject: namespace, naming.LabelVolume: name})
	if err != nil || len(existing) == 0 {
		return err
	}
	return volume.Remove(ctx, e.engine, full)
}
