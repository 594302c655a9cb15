package environment

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/interrupt"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// grace is how long a container may take to end by itself.
const grace = 10 * time.Second

// logLines of a container are shown when it does not come up.
const logLines = 20

// UnhealthyError says why a container did not come up, in its own words.
type UnhealthyError struct {
	Reason string
	Cause  error  // why the waiting ended early, if it did: the context's error
	Check  string // output of the last health check
	Log    string // last lines
}

func (e *UnhealthyError) Error() string {
	text := e.Reason
	if e.Check != "" {
		text += "\n\nLast health check:\n" + indent(e.Check)
	}
	if e.Log != "" {
		text += "\n\nLast log lines:\n" + indent(e.Log)
	}
	return text
}

func (e *UnhealthyError) Unwrap() error { return e.Cause }

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}

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
	return e.await(ctx, wanted, id)
}

// disambiguate leaves one network of each name: finding them removes a second one, which a killed apply left behind.
func (e *Environments) disambiguate(ctx context.Context, spec Spec) error {
	if _, err := e.projects.Network(ctx, spec.Namespace); err != nil || !spec.Egress {
		return err
	}
	_, err := e.projects.Egress(ctx, spec.Namespace)
	return err
}

// await waits until the health check of a container that was started passes. It is what an interruption cuts short.
func (e *Environments) await(ctx context.Context, wanted Wanted, id string) error {
	ctx = interrupt.Lift(ctx)
	err := e.healthy(ctx, wanted, id)
	if err == nil || ctx.Err() == nil {
		return err
	}
	failure := e.unhealthy(ctx, id, fmt.Sprintf("the container was not healthy in time (%v)", context.Cause(ctx)))
	failure.Cause = context.Cause(ctx)
	return failure
}

func (e *Environments) healthy(ctx context.Context, wanted Wanted, id string) error {
	if up, err := e.up(ctx, id); up || err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	events, failures := e.engine.Events(watching, id)
	// Looked at again, since the check may have passed before the events were subscribed to.
	if up, err := e.up(ctx, id); up || err != nil {
		return err
	}
	for {
		select {
		case event := <-events:
			switch event.Action {
			case "health_status: healthy":
				return nil
			case "health_status: unhealthy":
				return e.unhealthy(ctx, id, "the container is unhealthy")
			case "oom":
				return e.unhealthy(ctx, id, fmt.Sprintf("the container ran out of its memory limit of %d bytes", wanted.Limits.Memory))
			case "die":
				return e.unhealthy(ctx, id, fmt.Sprintf("the container ended with exit code %s before it was healthy", event.ExitCode))
			}
		case err := <-failures:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// up reports whether a container has come up; false while its health check has not decided yet.
func (e *Environments) up(ctx context.Context, id string) (bool, error) {
	current, err := e.engine.Container(ctx, id)
	switch {
	case err != nil:
		return false, err
	case current.State != engine.StateRunning:
		return false, e.unhealthy(ctx, id, fmt.Sprintf("the container ended with exit code %d right after its start", current.ExitCode))
	case current.Health.Status == "unhealthy":
		return false, e.unhealthy(ctx, id, "the container is unhealthy")
	}
	return current.Health.Status == "" || current.Health.Status == "healthy", nil
}

// unhealthy gathers what the container itself says. Failing to gather must not hide the reason.
func (e *Environments) unhealthy(ctx context.Context, id, reason string) *UnhealthyError {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	failure := &UnhealthyError{Reason: reason}
	if current, err := e.engine.Container(ctx, id); err == nil {
		failure.Check = current.Health.Output
	}
	if log, err := e.engine.Logs(ctx, id, logLines); err == nil {
		failure.Log = log
	}
	return failure
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
