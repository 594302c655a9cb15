package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// partingGrace is how long the former container may take to answer what it has begun. Nobody listens meanwhile.
const partingGrace = time.Second

// succeed lets a container that has been made while the former one served take its place. Two cannot have one port of the
// host, so there is a gap: from the former's end to the successor's start, and nothing else falls into it. If the successor
// does not come up, the former one serves again.
func (g *Gateways) succeed(ctx context.Context, spec Spec) error {
	at, err := g.find(ctx, spec.Name)
	if err != nil || at.next.ID == "" {
		return err
	}
	if at.running() {
		stored, err := g.read(ctx, at)
		if err != nil {
			return err
		}
		err = g.on.StopContainer(ctx, at.container.ID, partingGrace)
		if err == nil {
			err = g.start(ctx, spec, at.next.ID, stored.record.Generation)
		}
		if err != nil {
			return g.stay(ctx, at, err)
		}
	}
	if err := g.on.RemoveContainer(ctx, at.container.ID); err != nil {
		return err
	}
	return g.on.RenameContainer(ctx, at.next.ID, naming.Gateway(spec.Name))
}

// stay has the former container serve again, since a gateway that is down takes every project with it.
func (g *Gateways) stay(ctx context.Context, at place, reason error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reloadTimeout)
	defer cancel()
	removed := g.on.RemoveContainer(ctx, at.next.ID)
	if errors.Is(removed, engine.ErrNotFound) {
		removed = nil
	}
	if err := errors.Join(removed, g.on.StartContainer(ctx, at.container.ID)); err != nil {
		return errors.Join(reason, fmt.Errorf("serve as before: %w", err))
	}
	return fmt.Errorf("%w (the gateway serves as before)", reason)
}
