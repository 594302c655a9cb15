package environment

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/hardening"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
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

// become does what Apply says and reads back what became of it, which must be known even when the caller was
// interrupted.
func (e *Environments) become(ctx context.Context, wanted Wanted, neighbours []engine.ContainerSummary) (Environment, error) {
	failed := e.settleAll(ctx, &wanted, neighbours)
	ctx = context.WithoutCancel(ctx)
	neighbours, err := e.neighbours(ctx, wanted.Namespace)
	if err != nil {
		return Environment{}, errors.Join(failed, err)
	}
	now, err := e.inspect(ctx, wanted.Namespace, wanted.Name, ours(neighbours, wanted.Name))
	if errors.Is(err, engine.ErrNotFound) {
		return Environment{Spec: wanted.Spec, Status: lifecycle.Absent}, failed
	}
	now.Hibernation = wanted.Hibernation
	return now, errors.Join(failed, err)
}

func (e *Environments) settleAll(ctx context.Context, wanted *Wanted, neighbours []engine.ContainerSummary) error {
	summaries := ours(neighbours, wanted.Name)
	if wanted.Status == lifecycle.Absent {
		return e.remove(ctx, summaries, func(int) bool { return true })
	}
	room, err := e.room(ctx, *wanted)
	if err != nil {
		return err
	}
	room.neighbours = neighbours
	wanted.ImageDigest = room.image.Digest
	existing := replicas(summaries)
	for replica := 1; replica <= wanted.Replicas; replica++ {
		if err := e.settle(ctx, *wanted, room, replica, existing[replica].ID); err != nil {
			return fmt.Errorf("replica %d of environment %s: %w", replica, wanted.ID(), err)
		}
	}
	return e.remove(ctx, summaries, func(replica int) bool { return replica > wanted.Replicas })
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

// settle brings one replica to what is wanted; id is the container it has now, or "".
func (e *Environments) settle(ctx context.Context, wanted Wanted, room room, replica int, id string) error {
	var address netip.Addr // of a container that has to be replaced
	if id != "" {
		current, err := e.engine.Container(ctx, id)
		if err == nil {
			var kept bool
			if kept, err = e.keep(ctx, wanted, room, replica, current); kept {
				return e.bring(ctx, wanted, id, current.State)
			}
			address, _ = netip.ParseAddr(current.Spec.Labels[naming.LabelAddress])
		}
		if err != nil && !errors.Is(err, engine.ErrNotFound) {
			return err
		}
	}
	for refused := map[netip.Addr]bool{}; ; {
		id, at, err := e.make(ctx, wanted, room, replica, address, refused)
		if err != nil {
			return err
		}
		err = e.bring(ctx, wanted, id, engine.StateCreated)
		if !errors.Is(err, engine.ErrAddressTaken) {
			return err
		}
		// Another process gave the address away at the same moment.
		refused[at], address = true, netip.Addr{}
		if err := e.engine.RemoveContainer(ctx, id); err != nil {
			return err
		}
	}
}

// keep repairs a container in place where that is possible. Otherwise it removes it and answers false.
func (e *Environments) keep(ctx context.Context, wanted Wanted, room room, replica int, current engine.Container) (bool, error) {
	label, err := wanted.label()
	if err != nil {
		return false, err
	}
	request, err := wanted.container(replica, current.Spec.Labels[naming.LabelAddress], room.networks...)
	if err != nil {
		return false, err
	}
	missing, foreign := misplaced(wanted.Spec, current.Spec)
	reasons := hardening.Weakened(request, current)
	switch {
	case current.Spec.Labels[naming.LabelSpec] != label:
		reasons = append(reasons, "its configuration changed")
	case len(missing) > 0:
		reasons = append(reasons, "it lost a network")
	case len(aliased(wanted.Spec, current)) > 0:
		reasons = append(reasons, "it answers to a foreign name")
	case request.Name != current.Spec.Name:
		reasons = append(reasons, "it was renamed")
	}
	if len(reasons) > 0 {
		e.log.Info("replacing container", "environment", wanted.ID(), "container", current.Spec.Name, "reasons", reasons)
		return false, e.engine.RemoveContainer(ctx, current.ID)
	}
	for _, network := range foreign {
		if err := e.engine.Disconnect(ctx, network, current.ID); err != nil {
			return false, err
		}
	}
	limits, have := wanted.Limits, current.Spec.Limits
	if limits.CPUs != have.CPUs || limits.Memory != have.Memory || limits.Pids != have.Pids {
		return true, e.engine.UpdateLimits(ctx, current.ID, limits)
	}
	return true, nil
}

// make creates a container, on its predecessor's address where it has one and the network still has it.
func (e *Environments) make(ctx context.Context, wanted Wanted, room room, replica int, address netip.Addr, refused map[netip.Addr]bool) (string, netip.Addr, error) {
	if len(room.internal.Subnets) > 0 && room.internal.Subnets[0].Contains(address) {
		e.addresses.keep(wanted.Namespace, address)
	} else {
		var err error
		if address, err = e.addresses.give(wanted.Namespace, room.internal, room.neighbours, refused); err != nil {
			return "", address, err
		}
	}
	request, err := wanted.container(replica, address.String(), room.networks...)
	if err != nil {
		return "", address, err
	}
	id, err := e.engine.CreateContainer(ctx, request)
	if err != nil {
		e.addresses.free(wanted.Namespace, address)
	}
	return id, address, err
}

// remove ends and removes the replicas that match.
func (e *Environments) remove(ctx context.Context, summaries []engine.ContainerSummary, match func(replica int) bool) error {
	for replica, container := range replicas(summaries) {
		if !match(replica) {
			continue
		}
		if err := e.end(ctx, container.ID, container.State); err != nil {
			return err
		}
		if address, err := netip.ParseAddr(container.Labels[naming.LabelAddress]); err == nil {
			e.addresses.free(container.Labels[naming.LabelProject], address)
		}
	}
	return nil
}

// Delete removes every container of an environment. Its volumes are the project's and stay.
func (e *Environments) Delete(ctx context.Context, namespace, name string) error {
	neighbours, err := e.neighbours(ctx, namespace)
	if err != nil {
		return err
	}
	return e.remove(ctx, ours(neighbours, name), func(int) bool { return true })
}
