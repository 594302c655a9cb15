package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// Exec runs a command in a running container and waits for its end.
func (e *Engine) Exec(ctx context.Context, id string, command []string) (engine.ExecResult, error) {
	created, err := e.client.ContainerExecCreate(ctx, id, container.ExecOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return engine.ExecResult{}, failure(err, "run %s in container %s", command[0], id)
	}
	attached, err := e.client.ContainerExecAttach(ctx, created.ID, container.ExecAttachOptions{})
	if err != nil {
		return engine.ExecResult{}, failure(err, "run %s in container %s", command[0], id)
	}
	defer attached.Close()
	// The stream of an attached command does not heed the context: closing it does.
	stop := context.AfterFunc(ctx, attached.Close)
	defer stop()
	var output bytes.Buffer
	if _, err := stdcopy.StdCopy(&output, &output, attached.Reader); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return engine.ExecResult{}, failure(err, "read the output of %s in container %s", command[0], id)
	}
	code, err := e.exitCode(ctx, id, created.ID)
	return engine.ExecResult{ExitCode: code, Output: output.String()}, failure(err, "run %s in container %s", command[0], id)
}

// exitCode is that of a command whose output has ended. A busy engine hears of the command's own end later, and until
// then answers with a 0 that means nothing.
func (e *Engine) exitCode(ctx context.Context, containerID, execID string) (int, error) {
	ended, err := e.client.ContainerExecInspect(ctx, execID)
	if err != nil || !ended.Running {
		return ended.ExitCode, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	happened, failed := e.Events(ctx, containerID)
	for {
		ended, err := e.client.ContainerExecInspect(ctx, execID)
		if err != nil || !ended.Running {
			return ended.ExitCode, err
		}
		select {
		case <-happened:
		case err := <-failed:
			return 0, err
		}
	}
}

// Logs answers with the last lines of a container's output, standard output and error together.
func (e *Engine) Logs(ctx context.Context, id string, lines int) (string, error) {
	stream, err := e.client.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(lines)})
	if err != nil {
		return "", failure(err, "read the log of container %s", id)
	}
	defer stream.Close()
	var output bytes.Buffer
	_, err = stdcopy.StdCopy(&output, &output, stream)
	return output.String(), failure(err, "read the log of container %s", id)
}

// FollowLogs streams a container's output as plain text from a moment on, the zero time being the beginning, until ctx
// ends or the container stops. The caller closes it.
func (e *Engine) FollowLogs(ctx context.Context, id string, since time.Time) (io.ReadCloser, error) {
	return e.follow(ctx, id, since, container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
}

// FollowErrors does what FollowLogs does for the standard error alone.
func (e *Engine) FollowErrors(ctx context.Context, id string, since time.Time) (io.ReadCloser, error) {
	return e.follow(ctx, id, since, container.LogsOptions{ShowStderr: true, Follow: true})
}

func (e *Engine) follow(ctx context.Context, id string, since time.Time, options container.LogsOptions) (io.ReadCloser, error) {
	if !since.IsZero() {
		options.Since = fmt.Sprintf("%d.%09d", since.Unix(), since.Nanosecond())
	}
	stream, err := e.client.ContainerLogs(ctx, id, options)
	if err != nil {
		return nil, failure(err, "follow the log of container %s", id)
	}
	reader, writer := io.Pipe()
	go func() {
		defer stream.Close()
		_, err := stdcopy.StdCopy(writer, writer, stream)
		writer.CloseWithError(err)
	}()
	return reader, nil
}

// Events streams what happens to one container until ctx ends. Subscribe before the action whose outcome is awaited.
func (e *Engine) Events(ctx context.Context, containerID string) (<-chan engine.Event, <-chan error) {
	messages, failures := e.client.Events(ctx, events.ListOptions{
		Filters: filters.NewArgs(filters.Arg("type", string(events.ContainerEventType)), filters.Arg("container", containerID)),
	})
	happened, failed := make(chan engine.Event), make(chan error, 1)
	go func() {
		for {
			select {
			case message := <-messages:
				select {
				case happened <- engine.Event{ContainerID: message.Actor.ID, Action: string(message.Action), ExitCode: message.Actor.Attributes["exitCode"]}:
				case <-ctx.Done():
					return
				}
			case err := <-failures:
				failed <- failure(err, "follow the events of container %s", containerID)
				return
			}
		}
	}()
	return happened, failed
}
