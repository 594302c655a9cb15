// Package health waits until a container that was started has come up, and says in the container's own words why it has not.
package health

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/interrupt"
)

// Engine is what this package needs of one.
type Engine interface {
	Container(ctx context.Context, id string) (engine.Container, error)
	Logs(ctx context.Context, id string, lines int) (string, error)
	Events(ctx context.Context, containerID string) (<-chan engine.Event, <-chan error)
}

// askTimeout bounds how long a container that did not come up is asked for its words.
const askTimeout = 10 * time.Second

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

// Await waits until the health check of a container that was started passes; one without a check is up when it runs. An
// [*UnhealthyError] when that is not going to happen. It is what an interruption cuts short.
func Await(ctx context.Context, on Engine, id string) error {
	ctx = interrupt.Lift(ctx)
	err := healthy(ctx, on, id)
	if err == nil || ctx.Err() == nil {
		return err
	}
	failure := unhealthy(ctx, on, id, fmt.Sprintf("the container was not healthy in time (%v)", context.Cause(ctx)))
	failure.Cause = context.Cause(ctx)
	return failure
}

func healthy(ctx context.Context, on Engine, id string) error {
	if up, err := up(ctx, on, id); up || err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	events, failures := on.Events(watching, id)
	// Looked at again, since the check may have passed before the events were subscribed to.
	if up, err := up(ctx, on, id); up || err != nil {
		return err
	}
	for {
		select {
		case event := <-events:
			switch event.Action {
			case "health_status: healthy":
				return nil
			case "health_status: unhealthy":
				return unhealthy(ctx, on, id, "the container is unhealthy")
			case "oom":
				return outOfMemory(ctx, on, id)
			case "die":
				return unhealthy(ctx, on, id, fmt.Sprintf("the container ended with exit code %s before it was healthy", event.ExitCode))
			}
		case err := <-failures:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// up reports whether a container has come up; false while its health check has not decided yet.
func up(ctx context.Context, on Engine, id string) (bool, error) {
	current, err := on.Container(ctx, id)
	switch {
	case err != nil:
		return false, err
	case current.State != engine.StateRunning:
		return false, unhealthy(ctx, on, id, endedBy(current))
	case current.Health.Status == "unhealthy":
		return false, unhealthy(ctx, on, id, "the container is unhealthy")
	}
	return current.Health.Status == "" || current.Health.Status == "healthy", nil
}

// Ended says why a container that was up, for nothing checks its health, does not run any more.
func Ended(ctx context.Context, on Engine, id string) error {
	current, err := on.Container(ctx, id)
	if err != nil {
		return err
	}
	if current.State == engine.StateRunning {
		return unhealthy(ctx, on, id, "the container ended right after its start, and was started again")
	}
	return unhealthy(ctx, on, id, endedBy(current))
}

func endedBy(current engine.Container) string {
	return fmt.Sprintf("the container ended with exit code %d right after its start", current.ExitCode)
}

func outOfMemory(ctx context.Context, on Engine, id string) error {
	current, err := on.Container(ctx, id)
	if err != nil {
		return err
	}
	return unhealthy(ctx, on, id, fmt.Sprintf("the container ran out of its memory limit of %d bytes", current.Spec.Limits.Memory))
}

// unhealthy gathers what the container itself says. Failing to gather must not hide the reason.
func unhealthy(ctx context.Context, on Engine, id, reason string) *UnhealthyError {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	failure := &UnhealthyError{Reason: reason}
	if current, err := on.Container(ctx, id); err == nil {
		failure.Check = current.Health.Output
	}
	if log, err := on.Logs(ctx, id, logLines); err == nil {
		failure.Log = log
	}
	return failure
}
