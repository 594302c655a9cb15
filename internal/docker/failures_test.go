package docker

import (
	"errors"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// gone are the calls for which an object that is not there is what was wanted.
var gone = []string{"remove container", "wait removed", "remove network", "disconnect", "remove volume", "remove image"}

func TestAccNotFound(t *testing.T) {
	b := newBench(t)
	failures := calls(t.Context(), b.on, b.id)
	for _, call := range gone {
		if err := failures[call]; err != nil {
			t.Errorf("%s: %v", call, err)
		}
		delete(failures, call)
	}
	for _, call := range []string{"info", "snapshot", "list containers", "list networks", "list volumes"} {
		if err := failures[call]; err != nil {
			t.Errorf("%s: %v", call, err)
		}
		delete(failures, call)
	}
	for call, err := range failures {
		t.Run(call, func(t *testing.T) { wantKind(t, err, engine.ErrNotFound) })
	}
	id := b.start(b.spec("there"))
	t.Run("connect to a network that is gone", func(t *testing.T) {
		wantKind(t, b.on.Connect(t.Context(), b.id, id, engine.Endpoint{}), engine.ErrNotFound)
	})
	t.Run("read a path that is not there", func(t *testing.T) {
		_, err := b.on.ReadArchive(t.Context(), id, "/not/there")
		wantKind(t, err, engine.ErrNotFound)
	})
}

func TestAccConflict(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	network, volume := b.network("n", true), b.volume("v")
	spec := b.spec("c", engine.Endpoint{Network: network.ID})
	spec.Mounts = []engine.Mount{{Volume: volume, Path: "/data"}}
	id := b.start(spec)
	idle := b.create(b.spec("idle"))
	_, nameTaken := b.on.CreateContainer(ctx, spec)
	_, notRunning := b.on.Exec(ctx, idle, []string{"true"})
	for what, err := range map[string]error{
		"name taken":             nameTaken,
		"network in use":         b.on.RemoveNetwork(ctx, network.ID),
		"volume in use":          b.on.RemoveVolume(ctx, volume),
		"exec while not running": notRunning,
	} {
		t.Run(what, func(t *testing.T) { wantKind(t, err, engine.ErrConflict) })
	}
	if found := b.inspect(id); found.State != engine.StateRunning || len(found.Spec.Networks) != 1 {
		t.Errorf("the failures changed the container: %+v", found)
	}
	b.must(b.on.Disconnect(ctx, network.ID, id))
	b.must(b.on.Disconnect(ctx, network.ID, id))
	b.must(b.on.RemoveNetwork(ctx, network.ID))
}

func TestAccSubnetTaken(t *testing.T) {
	b := newBench(t)
	network := b.network("first", true)
	_, err := b.on.CreateNetwork(t.Context(), engine.NetworkSpec{Name: b.id + "-second", Subnet: network.Subnets[0], Internal: true, Labels: b.labels})
	wantKind(t, err, engine.ErrSubnetTaken)
	if !strings.Contains(err.Error(), network.Subnets[0].String()) {
		t.Errorf("%q does not name the subnet", err)
	}
}

func TestAccAddressTaken(t *testing.T) {
	b := newBench(t)
	network := b.network("n", true)
	endpoint := engine.Endpoint{Network: network.ID, Address: network.Subnets[0].Addr().Next().Next().String()}
	b.start(b.spec("first", endpoint))
	second := b.create(b.spec("second", endpoint))
	wantKind(t, b.on.StartContainer(t.Context(), second), engine.ErrAddressTaken)
}

func TestAccPortTaken(t *testing.T) {
	b := newBench(t)
	network := b.network("n", false)
	first := b.spec("first", engine.Endpoint{Network: network.ID})
	first.Publish = []engine.PortBinding{{ContainerPort: 80, HostAddress: "127.0.0.1"}}
	port := b.inspect(b.start(first)).Spec.Publish[0].HostPort
	if port == 0 {
		t.Fatal("the engine chose no port")
	}
	second := b.spec("second", engine.Endpoint{Network: network.ID})
	second.Publish = []engine.PortBinding{{ContainerPort: 80, HostAddress: "127.0.0.1", HostPort: port}}
	wantKind(t, b.on.StartContainer(t.Context(), b.create(second)), engine.ErrConflict)
}

func TestAccPullFromNowhere(t *testing.T) {
	b := newBench(t)
	_, err := b.on.EnsureImage(t.Context(), "127.0.0.1:1/"+b.id+":1", engine.PullMissing)
	wantKind(t, err, nil)
	_, err = b.on.EnsureImage(t.Context(), "Not A Reference", engine.PullAlways)
	wantKind(t, err, nil)
}

// TestAccCreateCleansUp fails at the second network, which no engine allows beside another, after the container was made.
func TestAccCreateCleansUp(t *testing.T) {
	b := newBench(t)
	network := b.network("n", true)
	spec := b.spec("half", engine.Endpoint{Network: network.ID}, engine.Endpoint{Network: "host"})
	if id, err := b.on.CreateContainer(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "to network host") {
		t.Errorf("made %s, %v", id, err)
	}
	if _, err := b.on.Container(t.Context(), spec.Name); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("the half-made container is still there: %v", err)
	}
}
