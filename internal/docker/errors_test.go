package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

var kinds = []error{
	engine.ErrNotFound, engine.ErrConflict, engine.ErrSubnetTaken, engine.ErrAddressTaken, engine.ErrAmbiguous, engine.ErrDenied, engine.ErrUnavailable, engine.ErrUnsupported,
}

// wantKind checks that a failure has one kind and no other; nil stands for none at all.
func wantKind(t *testing.T, err, want error) {
	t.Helper()
	if err == nil {
		t.Errorf("nothing failed, want %v", want)
		return
	}
	for _, kind := range kinds {
		if is := errors.Is(err, kind); is != errors.Is(kind, want) {
			t.Errorf("%q is %q: %v; want %v", err, kind, is, want)
		}
	}
}

// TestFailure classifies what engines from 20.10 to 29 were seen to answer.
func TestFailure(t *testing.T) {
	for _, test := range []struct {
		answer, kind error
	}{
		{errdefs.ErrNotFound.WithMessage("No such container: x"), engine.ErrNotFound},
		{errdefs.ErrConflict.WithMessage(`The container name "/x" is already in use`), engine.ErrConflict},
		{errdefs.ErrPermissionDenied.WithMessage("network x has active endpoints"), engine.ErrConflict},
		{errdefs.ErrPermissionDenied.WithMessage("Pool overlaps with other one on this address space"), engine.ErrSubnetTaken},
		{errdefs.ErrInvalidArgument.WithMessage("invalid pool request: Pool overlaps with other one on this address space"), engine.ErrSubnetTaken},
		{errdefs.ErrPermissionDenied.WithMessage("cannot create network x (br-x): conflicts with network y (br-y): networks have overlapping IPv4"), engine.ErrSubnetTaken},
		{errdefs.ErrPermissionDenied.WithMessage("Address already in use"), engine.ErrAddressTaken},
		{errdefs.ErrInvalidArgument.WithMessage("network x is ambiguous (2 matches found on name)"), engine.ErrAmbiguous},
		{errdefs.ErrInternal.WithMessage("failed to bind host port: listen tcp4 127.0.0.1:80: bind: address already in use"), engine.ErrConflict},
		{errdefs.ErrInternal.WithMessage("Bind for 127.0.0.1:80 failed: port is already allocated"), engine.ErrConflict},
		{errdefs.ErrNotFound.WithMessage("pull access denied for x, repository does not exist or may require 'docker login'"), engine.ErrDenied},
		{errors.New("unauthorized: authentication required"), engine.ErrDenied},
		{errors.New("Get https://r/v2/x/manifests/1: no basic auth credentials"), engine.ErrDenied},
		{errors.New("manifest for r/x:1 not found: manifest unknown: manifest unknown"), engine.ErrNotFound},
		{errdefs.ErrPermissionDenied.WithMessage("container x is not connected to network y"), engine.ErrNotFound},
		{errdefs.ErrUnavailable.WithMessage("the engine is shutting down"), engine.ErrUnavailable},
		{errdefs.ErrNotImplemented.WithMessage("not on this platform"), engine.ErrUnsupported},
		{errdefs.ErrInternal.WithMessage("dial tcp: lookup registry.example.com: no such host"), nil},
		{errdefs.ErrInvalidArgument.WithMessage("invalid reference format"), nil},
		{fmt.Errorf("Get container: %w", context.Canceled), nil},
		{fmt.Errorf("unauthorized: %w", context.DeadlineExceeded), nil},
	} {
		err := failure(test.answer, "do it to container %s", "x")
		wantKind(t, err, test.kind)
		if !errors.Is(err, test.answer) || !strings.HasPrefix(err.Error(), "do it to container x: ") {
			t.Errorf("%q hides the answer %q, or what was attempted", err, test.answer)
		}
	}
	if err := failure(nil, "do it"); err != nil {
		t.Errorf("a success became %v", err)
	}
}

// calls are all calls of an engine, about an object that it does not hold.
func calls(ctx context.Context, on *Engine, object string) map[string]error {
	failures := map[string]error{}
	_, failures["info"] = on.Info(ctx)
	_, failures["snapshot"] = on.Snapshot(ctx)
	_, failures["list containers"] = on.Containers(ctx, nil)
	_, failures["list networks"] = on.Networks(ctx, nil)
	_, failures["list volumes"] = on.Volumes(ctx, nil)
	_, failures["inspect"] = on.Container(ctx, object)
	_, failures["create container"] = on.CreateContainer(ctx, engine.ContainerSpec{Name: object, Image: object})
	failures["start"] = on.StartContainer(ctx, object)
	failures["stop"] = on.StopContainer(ctx, object, time.Second)
	failures["freeze"] = on.PauseContainer(ctx, object)
	failures["resume"] = on.UnpauseContainer(ctx, object)
	failures["limit"] = on.UpdateLimits(ctx, object, engine.Limits{CPUs: 1, Memory: 64 << 20})
	failures["signal"] = on.Signal(ctx, object, "HUP")
	_, failures["exec"] = on.Exec(ctx, object, []string{"true"})
	_, failures["log"] = on.Logs(ctx, object, 1)
	_, failures["follow"] = on.FollowLogs(ctx, object, time.Time{})
	failures["connect"] = on.Connect(ctx, object, object, engine.Endpoint{})
	_, failures["read archive"] = on.ReadArchive(ctx, object, "/")
	failures["write archive"] = on.WriteArchive(ctx, object, "/", strings.NewReader(""))
	_, failures["image"] = on.EnsureImage(ctx, object, engine.PullNever)
	failures["remove container"] = on.RemoveContainer(ctx, object)
	failures["wait removed"] = on.WaitRemoved(ctx, object)
	failures["remove network"] = on.RemoveNetwork(ctx, object)
	failures["disconnect"] = on.Disconnect(ctx, object, object)
	failures["remove volume"] = on.RemoveVolume(ctx, object)
	failures["remove image"] = on.RemoveImage(ctx, object)
	return failures
}

// TestDeadEngine calls an engine that has gone after the connection was made.
func TestDeadEngine(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	connected, err := client.NewClientWithOpts(client.WithHost("unix://"+socket), client.WithVersion(MinimumAPIVersion))
	if err != nil {
		t.Fatal(err)
	}
	on := newEngine(connected, nil, nil, nil)
	t.Cleanup(on.Close)
	failures := calls(t.Context(), on, "gone")
	_, failures["create network"] = on.CreateNetwork(t.Context(), engine.NetworkSpec{Name: "gone"})
	_, failures["create volume"] = on.CreateVolume(t.Context(), "gone", nil)
	_, failures["pull"] = on.EnsureImage(t.Context(), "gone", engine.PullAlways)
	failures["import"] = on.ImportImage(t.Context(), "gone", strings.NewReader(""))
	_, failed := on.Events(t.Context(), "gone")
	failures["events"] = <-failed
	for call, err := range failures {
		t.Run(call, func(t *testing.T) { wantKind(t, err, engine.ErrUnavailable) })
	}
}

func TestInterruptedCallsAreNotFailuresOfTheEngine(t *testing.T) {
	connected, err := client.NewClientWithOpts(client.WithHost("unix://"+filepath.Join(t.TempDir(), "docker.sock")), client.WithVersion(MinimumAPIVersion))
	if err != nil {
		t.Fatal(err)
	}
	on := newEngine(connected, nil, nil, nil)
	t.Cleanup(on.Close)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for call, err := range calls(ctx, on, "gone") {
		t.Run(call, func(t *testing.T) {
			wantKind(t, err, nil)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		})
	}
}
