package enginetest

import (
	"context"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// Events streams what [Engine.Announce] says of one container.
func (e *Engine) Events(ctx context.Context, containerID string) (<-chan engine.Event, <-chan error) {
	failures := make(chan error, 1)
	happened := make(chan engine.Event, 16)
	if err := e.begin(ctx, "Events", containerID); err != nil {
		failures <- err
		return happened, failures
	}
	defer e.lock.Unlock()
	e.watchers[containerID] = append(e.watchers[containerID], happened)
	return happened, failures
}

// Announce changes what an event is about and tells everybody who watches. check is the output of a health check.
func (e *Engine) Announce(event engine.Event, check string) {
	e.lock.Lock()
	defer e.lock.Unlock()
	container := e.containers[event.ContainerID]
	container.Health.Output = check
	if status, ok := strings.CutPrefix(event.Action, "health_status: "); ok {
		container.Health.Status = status
	}
	if event.Action == "die" {
		container.State = engine.StateExited
	}
	for _, watcher := range e.watchers[event.ContainerID] {
		watcher <- event
	}
}

// Say appends to a container's log.
func (e *Engine) Say(id, text string) {
	e.lock.Lock()
	defer e.lock.Unlock()
	e.logs[id] += text
}

// Logs is all that a container said.
func (e *Engine) Logs(ctx context.Context, id string, _ int) (string, error) {
	if err := e.begin(ctx, "Logs", id); err != nil {
		return "", err
	}
	defer e.lock.Unlock()
	return e.logs[id], nil
}
