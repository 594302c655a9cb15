package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/versions"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// Containers lists the containers, in every state, that carry all of labels. An empty value asks for the label's
// presence alone. For a moment after a container ended the list may still say that it runs; [Engine.Container] knows.
func (e *Engine) Containers(ctx context.Context, labels map[string]string) ([]engine.ContainerSummary, error) {
	if asksForOurs(labels) {
		return e.containers.with(ctx, labels, func(one engine.ContainerSummary) map[string]string { return one.Labels })
	}
	return e.listContainers(ctx, labels)
}

func (e *Engine) listContainers(ctx context.Context, labels map[string]string) ([]engine.ContainerSummary, error) {
	listed, err := e.client.ContainerList(ctx, container.ListOptions{All: true, Filters: byLabels(labels)})
	if err != nil {
		return nil, failure(err, "list containers")
	}
	summaries := make([]engine.ContainerSummary, 0, len(listed))
	for _, item := range listed {
		summaries = append(summaries, summary(item))
	}
	return summaries, nil
}

// Container inspects one container by id or name.
func (e *Engine) Container(ctx context.Context, id string) (engine.Container, error) {
	inspected, err := e.client.ContainerInspect(ctx, id)
	if err != nil {
		return engine.Container{}, failure(err, "inspect container %s", id)
	}
	return observed(inspected), nil
}

// startIntervalAPI is the first API version that knows a health check's start interval; older ones refuse it.
const startIntervalAPI = "1.44"

// CreateContainer creates a container and joins it to every network of its spec; it does not start it. What was half
// made is removed again when a later step fails.
func (e *Engine) CreateContainer(ctx context.Context, spec engine.ContainerSpec) (string, error) {
	defer e.changed()
	config, host, network := request(spec)
	if config.Healthcheck != nil && versions.LessThan(e.client.ClientVersion(), startIntervalAPI) {
		config.Healthcheck.StartInterval = 0
	}
	created, err := e.client.ContainerCreate(ctx, config, host, network, nil, spec.Name)
	if err != nil {
		return "", failure(err, "create container %s from image %s", spec.Name, spec.Image)
	}
	for _, warning := range created.Warnings {
		e.log.Warn("the engine warns about a new container", "container", spec.Name, "warning", warning)
	}
	for _, endpoint := range further(spec.Networks) {
		if err := e.Connect(ctx, endpoint.Network, created.ID, endpoint); err != nil {
			return "", errors.Join(err, e.RemoveContainer(context.WithoutCancel(ctx), created.ID))
		}
	}
	e.log.Debug("created container", "container", spec.Name, "id", created.ID)
	return created.ID, nil
}

// further are the endpoints that an engine before API 1.44 refuses at creation: all but the first.
func further(endpoints []engine.Endpoint) []engine.Endpoint {
	if len(endpoints) == 0 {
		return nil
	}
	return endpoints[1:]
}

// StartContainer starts a container; one that runs already is left alone.
func (e *Engine) StartContainer(ctx context.Context, id string) error {
	defer e.changed()
	return failure(e.client.ContainerStart(ctx, id, container.StartOptions{}), "start container %s", id)
}

// StopContainer asks a container to end and kills it after grace, rounded up to seconds. One that is stopped already is
// left alone.
func (e *Engine) StopContainer(ctx context.Context, id string, grace time.Duration) error {
	defer e.changed()
	seconds := int(math.Ceil(grace.Seconds()))
	return failure(e.client.ContainerStop(ctx, id, container.StopOptions{Timeout: &seconds}), "stop container %s", id)
}

// PauseContainer freezes every process of a running container.
func (e *Engine) PauseContainer(ctx context.Context, id string) error {
	defer e.changed()
	return failure(e.client.ContainerPause(ctx, id), "freeze container %s", id)
}

// UnpauseContainer resumes a frozen container.
func (e *Engine) UnpauseContainer(ctx context.Context, id string) error {
	defer e.changed()
	return failure(e.client.ContainerUnpause(ctx, id), "resume container %s", id)
}

// filesInUse is how the engine says that it could not remove a container's files.
const filesInUse = "failed to remove root filesystem"

// RemoveContainer removes a container, running or not, with its anonymous volumes. One that is gone, or being removed
// by somebody else until it is gone, counts as removed.
func (e *Engine) RemoveContainer(ctx context.Context, id string) error {
	defer e.changed()
	remove := func() error {
		err := e.client.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		return failure(err, "remove container %s", id)
	}
	err := remove()
	// Somebody who reads an archive of the container keeps its files mounted: the engine then fails halfway, and
	// completes the removal when it is asked again after the reader.
	for pause := 50 * time.Millisecond; err != nil && strings.Contains(err.Error(), filesInUse) && pause < 5*time.Second; pause *= 2 {
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
			err = remove()
		}
	}
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return nil
	case errors.Is(err, engine.ErrConflict): // "removal of container … is already in progress"
		return e.WaitRemoved(ctx, id)
	}
	return err
}

// SetRestart changes what the engine does about a container, running or not, that ends, or that ran when the engine
// itself did: "no", "always", "unless-stopped", "on-failure".
func (e *Engine) SetRestart(ctx context.Context, id, policy string) error {
	defer e.changed()
	_, err := e.client.ContainerUpdate(ctx, id, container.UpdateConfig{RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyMode(policy)}})
	return failure(err, "set the restart policy of container %s to %s", id, policy)
}

// RenameContainer gives a container, running or not, another name. [engine.ErrConflict] when the name is taken.
func (e *Engine) RenameContainer(ctx context.Context, id, name string) error {
	defer e.changed()
	return failure(e.client.ContainerRename(ctx, id, name), "rename container %s to %s", id, name)
}

// MemoryUse is how much memory a running container uses now, in bytes, without what the kernel gives up on demand (the
// file cache that was not used lately: the working set, as docker stats shows it). It is 0 for one that does not run.
func (e *Engine) MemoryUse(ctx context.Context, id string) (int64, error) {
	answer, err := e.client.ContainerStatsOneShot(ctx, id)
	if err != nil {
		return 0, failure(err, "measure the memory of container %s", id)
	}
	defer answer.Body.Close()
	var stats container.StatsResponse
	if err := json.NewDecoder(answer.Body).Decode(&stats); err != nil {
		return 0, failure(err, "measure the memory of container %s", id)
	}
	memory := stats.MemoryStats
	idle := memory.Stats["inactive_file"] // cgroup v2
	if total, ok := memory.Stats["total_inactive_file"]; ok {
		idle = total // cgroup v1
	}
	if idle > memory.Usage {
		return 0, nil
	}
	return int64(memory.Usage - idle), nil
}

// UpdateLimits changes the CPU, memory and process limits of a container in place, running or not.
func (e *Engine) UpdateLimits(ctx context.Context, id string, limits engine.Limits) error {
	defer e.changed()
	_, err := e.client.ContainerUpdate(ctx, id, container.UpdateConfig{Resources: resources(limits)})
	return failure(err, "change the limits of container %s", id)
}

// Signal sends a signal such as "HUP" to a container's first process.
func (e *Engine) Signal(ctx context.Context, id, signal string) error {
	return failure(e.client.ContainerKill(ctx, id, signal), "send %s to container %s", signal, id)
}

// WaitRemoved returns when a container is gone, also when it is gone already.
func (e *Engine) WaitRemoved(ctx context.Context, id string) error {
	exited, failed := e.client.ContainerWait(ctx, id, container.WaitConditionRemoved)
	defer e.changed()
	select {
	case answer := <-exited:
		if answer.Error != nil {
			return fmt.Errorf("wait for the removal of container %s: %s", id, answer.Error.Message)
		}
		return nil
	case err := <-failed:
		if err := failure(err, "wait for the removal of container %s", id); !errors.Is(err, engine.ErrNotFound) {
			return err
		}
		return nil
	}
}
