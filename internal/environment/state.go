package environment

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/health"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// grace is how long a container may take to end by itself.
const grace = 10 * time.Second

// bring takes a container from the state it is in to the wanted status.
func (e *Environments) bring(ctx context.Context, wanted Wanted, id string, state engine.State) error {
	have := statusOf(state)
	if have == wanted.Status && state != engine.StateRestarting {
		return nil
	}
	switch wanted.Status {
	case lifecycle.Running:
		if have == lifecycle.Frozen {
			return e.engine.UnpauseContainer(ctx, id)
		}
		return e.start(ctx, wanted, id)
	case lifecycle.Frozen:
		if have == lifecycle.Stopped {
			if err := e.start(ctx, wanted, id); err != nil {
				return err
			}
		}
		return e.freeze(ctx, id)
	case lifecycle.Stopped:
		return e.stop(ctx, id, state)
	default:
		return fmt.Errorf("bring container %s to status %s: not a status of a container", id, wanted.Status)
	}
}

// freezeAttempts are made because the kernel's older freezer loses against a process that starts at that very moment,
// such as a health check: the engine then says "unable to freeze" and leaves the container running.
const freezeAttempts = 5

// asleep is the restart policy of a frozen container. An engine that is restarted ends what is frozen, and would by any
// other policy bring it up again, running.
const asleep = "no"

func (e *Environments) freeze(ctx context.Context, id string) error {
	if err := e.engine.SetRestart(ctx, id, asleep); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		err := e.engine.PauseContainer(ctx, id)
		if err == nil || attempt == freezeAttempts || ctx.Err() != nil {
			return err
		}
		e.log.Warn("freezing failed, trying again", "container", id, "attempt", attempt, "error", err)
	}
}

// start starts a container and, if asked to, waits until its health check passes. Without a health check it is up when
// it runs.
func (e *Environments) start(ctx context.Context, wanted Wanted, id string) error {
	err := e.engine.StartContainer(ctx, id)
	if errors.Is(err, engine.ErrAmbiguous) {
		if err = e.disambiguate(ctx, wanted.Spec); err == nil {
			err = e.engine.StartContainer(ctx, id)
		}
	}
	if err != nil || !wanted.Update.WaitForHealthy {
		return err
	}
	return health.Await(ctx, e.engine, id)
}

// disambiguate leaves one network of each name: finding them removes a second one, which a killed apply left behind.
func (e *Environments) disambiguate(ctx context.Context, spec Spec) error {
	if _, err := e.projects.Network(ctx, spec.Namespace); err != nil || !spec.Egress {
		return err
	}
	_, err := e.projects.Egress(ctx, spec.Namespace)
	return err
}

func (e *Environments) stop(ctx context.Context, id string, state engine.State) error {
	if state == engine.StatePaused {
		// A frozen process cannot answer the signal to end.
		if err := e.engine.UnpauseContainer(ctx, id); err != nil {
			return err
		}
	}
	return e.engine.StopContainer(ctx, id, grace)
}

// userID is the numeric user of the containers, for the ownership of their volumes.
func (s Spec) userID() int {
	user, _, _ := strings.Cut(s.User, ":")
	if id, err := strconv.Atoi(user); err == nil {
		return id
	}
	return volume.Owner
}
