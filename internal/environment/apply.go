package environment

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/hardening"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// Create makes an environment. Containers of an interrupted creation are taken over; [ErrExists] when the engine holds
// an environment of this name that was asked for in other words.
func (e *Environments) Create(ctx context.Context, wanted Wanted) (Environment, error) {
	existing, err := e.containers(ctx, wanted.Spec)
	if err != nil {
		return Environment{}, err
	}
	label, err := wanted.label()
	if err != nil {
		return Environment{}, err
	}
	for _, container := range existing {
		if container.Labels[naming.LabelSpec] != label {
			return Environment{}, fmt.Errorf("environment %s, container %s: %w", wanted.ID(), container.Name, ErrExists)
		}
	}
	return e.Apply(ctx, wanted)
}

// Apply brings an environment to what is wanted, whatever it is now: containers are made, replaced, repaired, limited,
// started, stopped and removed as needed, and left alone where nothing differs. When it fails half-way the answer still
// tells what is there.
func (e *Environments) Apply(ctx context.Context, wanted Wanted) (Environment, error) {
	failed := e.apply(ctx, &wanted)
	// What became of it must be known even when the caller was interrupted.
	now, err := e.observe(context.WithoutCancel(ctx), wanted)
	if failed == nil {
		failed = err
	}
	return now, failed
}

func (e *Environments) observe(ctx context.Context, wanted Wanted) (Environment, error) {
	summaries, err := e.containers(ctx, wanted.Spec)
	if err != nil {
		return Environment{}, err
	}
	now, err := e.inspect(ctx, wanted.Namespace, wanted.Name, summaries)
	if errors.Is(err, engine.ErrNotFound) {
		return Environment{Spec: wanted.Spec, Status: lifecycle.Absent}, nil
	}
	now.Hibernation = wanted.Hibernation
	return now, err
}

func (e *Environments) apply(ctx context.Context, wanted *Wanted) error {
	summaries, err := e.containers(ctx, wanted.Spec)
	if err != nil {
		return err
	}
	if wanted.Status == lifecycle.Absent {
		return e.remove(ctx, summaries, func(int) bool { return true })
	}
	room, err := e.room(ctx, *wanted)
	if err != nil {
		return err
	}
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
	if id != "" {
		current, err := e.engine.Container(ctx, id)
		switch {
		case errors.Is(err, engine.ErrNotFound):
			id = ""
		case err != nil:
			return err
		default:
			kept, err := e.keep(ctx, wanted, room, replica, current)
			if err != nil {
				return err
			}
			if !kept {
				id = ""
			}
		}
	}
	for refused := map[netip.Addr]bool{}; ; {
		var address netip.Addr
		if id == "" {
			var err error
			if id, address, err = e.make(ctx, wanted, room, replica, refused); err != nil {
				return err
			}
		}
		err := e.bring(ctx, wanted, id)
		if errors.Is(err, engine.ErrAddressTaken) && address.IsValid() {
			// Another process gave the address away at the same moment.
			refused[address] = true
			if err := e.engine.RemoveContainer(ctx, id); err != nil {
				return err
			}
			id = ""
			continue
		}
		return err
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

// make creates a container on a fresh address.
func (e *Environments) make(ctx context.Context, wanted Wanted, room room, replica int, refused map[netip.Addr]bool) (string, netip.Addr, error) {
	address, err := e.address(ctx, wanted.Namespace, room.internal, refused)
	if err != nil {
		return "", address, err
	}
	defer e.settled(wanted.Namespace, address)
	request, err := wanted.container(replica, address.String(), room.networks...)
	if err != nil {
		return "", address, err
	}
	id, err := e.engine.CreateContainer(ctx, request)
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
	}
	return nil
}

// Delete removes every container of an environment. Its volumes are the project's and stay.
func (e *Environments) Delete(ctx context.Context, namespace, name string) error {
	summaries, err := e.containers(ctx, Spec{Namespace: namespace, Name: name})
	if err != nil {
		return err
	}
	return e.remove(ctx, summaries, func(int) bool { return true })
}

func (e *Environments) containers(ctx context.Context, spec Spec) ([]engine.ContainerSummary, error) {
	return e.engine.Containers(ctx, map[string]string{naming.LabelProject: spec.Namespace, naming.LabelEnvironment: spec.Name})
}
