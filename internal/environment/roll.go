package environment

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/health"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Strategy is how a container that serves is replaced.
type Strategy string

const (
	// Rolling starts the successor beside the container that serves, which goes when nobody is led to it any more.
	Rolling Strategy = "rolling"
	// Recreate stops the container that serves before its successor starts, for programs that cannot run twice. It
	// starts again when the successor fails.
	Recreate Strategy = "recreate"
)

// Strategies lists all strategies.
func Strategies() []Strategy { return []Strategy{Rolling, Recreate} }

// Update is how the containers of an environment are replaced.
type Update struct {
	Strategy Strategy
	// WaitForHealthy waits until the health check of a container that starts has passed.
	WaitForHealthy bool
	// Rollback keeps the container that serves when its successor does not come up. Otherwise the successor takes its
	// place all the same, to be looked at.
	Rollback bool
}

// roll replaces a container that serves. next is the successor that an interrupted roll left behind, if any. Until the
// successor is up nothing leads to it, and until nothing leads to the former container it runs.
func (p place) roll(ctx context.Context, current engine.Container, next *engine.Container) error {
	if p.wanted.Update.Strategy == Recreate {
		if err := p.engine.StopContainer(ctx, current.ID, grace); err != nil {
			return p.rollBack(ctx, current, "", err)
		}
	}
	var id string
	var failed error
	if next != nil {
		id, failed = next.ID, p.resume(ctx, *next)
	} else {
		id, failed = p.make(ctx, naming.Successor(p.name()), netip.Addr{})
	}
	if failed != nil && (id == "" || p.wanted.Update.Rollback) {
		return p.rollBack(ctx, current, id, failed)
	}
	return errors.Join(failed, p.promote(context.WithoutCancel(ctx), current, id))
}

// resume goes on with a successor that was left in whatever state.
func (p place) resume(ctx context.Context, next engine.Container) error {
	if next.State != engine.StateRunning || !p.wanted.Update.WaitForHealthy {
		return p.bring(ctx, p.wanted, next.ID, next.State)
	}
	return health.Await(ctx, p.engine, next.ID)
}

// promote gives a successor the place of a container that served, leads the visitors to it, and removes the former one
// when their requests have ended.
func (p place) promote(ctx context.Context, former engine.Container, successor string) error {
	if err := p.engine.RenameContainer(ctx, former.ID, naming.Retired(p.name())); err != nil {
		return err
	}
	if err := p.engine.RenameContainer(ctx, successor, p.name()); err != nil {
		return err
	}
	return p.dismiss(ctx, p.wanted.Spec, []engine.ContainerSummary{summaryOf(former)})
}

// rollBack removes a successor that failed and leaves, or puts back, what served before it.
func (p place) rollBack(ctx context.Context, former engine.Container, successor string, failed error) error {
	ctx = context.WithoutCancel(ctx)
	var undone error
	if successor != "" {
		undone = p.discard(ctx, successor)
	}
	if p.wanted.Update.Strategy == Recreate {
		undone = errors.Join(undone, p.engine.StartContainer(ctx, former.ID))
	}
	if undone != nil {
		return errors.Join(failed, fmt.Errorf("roll back to container %s: %w", former.Spec.Name, undone))
	}
	return fmt.Errorf("container %s was left in its place, because its successor failed: %w", former.Spec.Name, failed)
}

// discard removes a container that nobody is led to.
func (p place) discard(ctx context.Context, id string) error {
	ctx = context.WithoutCancel(ctx)
	found, err := p.engine.Container(ctx, id)
	if errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.end(ctx, summaryOf(found))
}

// dismiss leads the visitors away from containers that do not stand for the environment any more, and removes these.
func (e *Environments) dismiss(ctx context.Context, spec Spec, containers []engine.ContainerSummary) error {
	if len(containers) == 0 {
		return nil
	}
	if err := e.routes.Move(ctx, spec.Namespace, spec.Name); err != nil {
		return err
	}
	return e.end(ctx, containers...)
}

// end stops and removes containers and frees their addresses.
func (e *Environments) end(ctx context.Context, containers ...engine.ContainerSummary) error {
	for _, container := range containers {
		if statusOf(container.State) == lifecycle.Running {
			if err := e.engine.StopContainer(ctx, container.ID, grace); err != nil && !errors.Is(err, engine.ErrNotFound) {
				return err
			}
		}
		if err := e.engine.RemoveContainer(ctx, container.ID); err != nil {
			return err
		}
		if address, err := netip.ParseAddr(container.Labels[naming.LabelAddress]); err == nil {
			e.addresses.free(container.Labels[naming.LabelProject], address)
		}
	}
	return nil
}

// summaryOf is what a listing would say of a container.
func summaryOf(container engine.Container) engine.ContainerSummary {
	return engine.ContainerSummary{ID: container.ID, Name: container.Spec.Name, State: container.State, Labels: container.Spec.Labels}
}
