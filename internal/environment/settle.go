package environment

import (
	"context"
	"errors"
	"maps"
	"net/netip"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/hardening"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/rolling"
)

// place is that of one replica, which containers take one after the other.
type place struct {
	*Environments
	wanted  Wanted
	room    room
	replica int
	// accompanied means that the environment had containers before, so that visitors may be on their way to it.
	accompanied bool
}

// name is that of the container that stands for the replica.
func (p place) name() string { return naming.Container(p.wanted.Namespace, p.wanted.Name, p.replica) }

// newName is that of a container which is made for the replica: beside others that serve already it gets its own name,
// and with it visitors, once it is up.
func (p place) newName() string {
	if p.wanted.Status == lifecycle.Running && p.accompanied {
		return naming.Successor(p.name())
	}
	return p.name()
}

// settle brings the replica to what is wanted, from wherever an earlier apply left it.
func (p place) settle(ctx context.Context, have rolling.Replica) error {
	if err := p.dismiss(ctx, p.wanted.Spec, have.Retired); err != nil {
		return err
	}
	current, faults, err := p.examine(ctx, have.Current)
	if err != nil {
		return err
	}
	next, unfit, err := p.examine(ctx, have.Next)
	if err != nil {
		return err
	}
	if next != nil && (len(unfit) > 0 || current == nil || len(faults) == 0) {
		// It was made for something else, or what it was to replace is as wanted again, or gone.
		if err := p.end(ctx, *have.Next); err != nil {
			return err
		}
		next = nil
	}
	switch {
	case current == nil:
		return p.fill(ctx)
	case len(faults) == 0:
		return p.keep(ctx, *current)
	}
	p.log.Info("replacing container", "environment", p.wanted.ID(), "container", current.Spec.Name, "reasons", faults)
	if p.wanted.Status == lifecycle.Running && current.State == engine.StateRunning {
		return p.roll(ctx, *current, next)
	}
	// Nobody is served: the old container can go first, and the new one has its address.
	if err := p.engine.RemoveContainer(ctx, current.ID); err != nil {
		return err
	}
	address, _ := netip.ParseAddr(current.Spec.Labels[naming.LabelAddress])
	_, err = p.make(ctx, p.name(), address)
	return err
}

// examine looks closely at a container and says why it cannot stay, if it cannot: these things no engine changes on a
// container that exists. It answers with nil for one that is not, or no longer, there.
func (p place) examine(ctx context.Context, listed *engine.ContainerSummary) (*engine.Container, []string, error) {
	if listed == nil {
		return nil, nil, nil
	}
	found, err := p.engine.Container(ctx, listed.ID)
	if errors.Is(err, engine.ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	label, err := p.wanted.label()
	if err != nil {
		return nil, nil, err
	}
	request, err := p.wanted.container(p.replica, found.Spec.Labels[naming.LabelAddress], p.room.networks...)
	if err != nil {
		return nil, nil, err
	}
	request.Restart = found.Spec.Restart // changes in place
	faults := hardening.Weakened(request, found)
	missing, _ := misplaced(p.wanted.Spec, found.Spec)
	switch {
	case found.Spec.Labels[naming.LabelSpec] != label:
		faults = append(faults, "its configuration changed")
	case len(missing) > 0:
		faults = append(faults, "it lost a network")
	case len(aliased(p.wanted.Spec, found)) > 0:
		faults = append(faults, "it answers to a foreign name")
	}
	return &found, faults, nil
}

// keep brings a container that can stay to what is wanted. One that is to stop does so first: then it uses no memory that
// its limits could be too low for.
func (p place) keep(ctx context.Context, current engine.Container) error {
	if p.wanted.Status == lifecycle.Stopped {
		if err := p.bring(ctx, p.wanted, current.ID, current.State); err != nil {
			return err
		}
		return p.repair(ctx, current)
	}
	if current.State == engine.StateCreated {
		err := p.bring(ctx, p.wanted, current.ID, current.State)
		if errors.Is(err, engine.ErrAddressTaken) {
			// It was given away while this container did not run.
			if err := p.engine.RemoveContainer(ctx, current.ID); err != nil {
				return err
			}
			return p.fill(ctx)
		}
		return p.introduce(ctx, current.ID, err)
	}
	if err := p.repair(ctx, current); err != nil {
		return err
	}
	return p.bring(ctx, p.wanted, current.ID, current.State)
}

// introduce ends the making of a replica's first container, which may have failed.
func (p place) introduce(ctx context.Context, id string, failed error) error {
	if failed != nil && p.accompanied && p.wanted.Update.Rollback && id != "" {
		return errors.Join(failed, p.discard(ctx, id))
	}
	if id == "" {
		return failed
	}
	found, err := p.engine.Container(ctx, id)
	if err == nil {
		err = p.repair(ctx, found)
	}
	return errors.Join(failed, err)
}

// repair mends in place what can be mended there.
func (p place) repair(ctx context.Context, current engine.Container) error {
	if current.Spec.Name != p.name() {
		if err := p.engine.RenameContainer(ctx, current.ID, p.name()); err != nil {
			return err
		}
	}
	_, foreign := misplaced(p.wanted.Spec, current.Spec)
	for _, network := range foreign {
		if err := p.engine.Disconnect(ctx, network, current.ID); err != nil {
			return err
		}
	}
	if p.wanted.Status == lifecycle.Running && current.Spec.Restart != hardening.Baseline().Restart {
		if err := p.engine.SetRestart(ctx, current.ID, hardening.Baseline().Restart); err != nil {
			return err
		}
	}
	limits, have := p.wanted.Limits, current.Spec.Limits
	if limits.CPUs != have.CPUs || limits.Memory != have.Memory || limits.Pids != have.Pids {
		return p.engine.UpdateLimits(ctx, current.ID, limits)
	}
	return nil
}

// fill makes the container of a replica that has none.
func (p place) fill(ctx context.Context) error {
	id, err := p.make(ctx, p.newName(), netip.Addr{})
	if p.newName() == p.name() {
		return err
	}
	return p.introduce(ctx, id, err)
}

// make creates a container and brings it to the wanted status, on an address of its predecessor's where it has one and
// the network still has it. A container that was created and failed later is answered with too.
func (p place) make(ctx context.Context, name string, address netip.Addr) (string, error) {
	for refused := map[netip.Addr]bool{}; ; {
		id, at, err := p.create(ctx, name, address, refused)
		if err != nil {
			return "", err
		}
		err = p.bring(ctx, p.wanted, id, engine.StateCreated)
		if !errors.Is(err, engine.ErrAddressTaken) {
			return id, err
		}
		// Another process gave the address away at the same moment.
		refused[at], address = true, netip.Addr{}
		if err := p.engine.RemoveContainer(ctx, id); err != nil {
			return "", err
		}
	}
}

func (p place) create(ctx context.Context, name string, address netip.Addr, refused map[netip.Addr]bool) (string, netip.Addr, error) {
	namespace, network := p.wanted.Namespace, p.room.internal
	if len(network.Subnets) > 0 && network.Subnets[0].Contains(address) {
		p.addresses.keep(namespace, address)
	} else {
		var err error
		if address, err = p.addresses.give(namespace, network, p.room.neighbours, refused); err != nil {
			return "", address, err
		}
	}
	request, err := p.wanted.container(p.replica, address.String(), p.room.networks...)
	if err != nil {
		return "", address, err
	}
	request.Name = name
	maps.Copy(request.Env, p.wanted.Secrets)
	id, err := p.engine.CreateContainer(ctx, request)
	if err != nil {
		p.addresses.free(namespace, address)
	}
	return id, address, err
}
