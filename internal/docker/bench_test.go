package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

const (
	busybox     = "isolab-fixture/busybox:1"
	labelOfTest = "isolab-test"
)

// bench is a real engine with objects of one test's own.
type bench struct {
	*testing.T
	on     *Engine
	id     string // starts the name of every object of the test
	labels map[string]string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("set TF_ACC to test on a real engine")
	}
	b := &bench{T: t, id: "isolab-docker-" + strings.ToLower(rand.Text()[:8])}
	b.labels = map[string]string{labelOfTest: b.id}
	b.on = b.connect(nil)
	t.Cleanup(b.clean)
	return b
}

// connect makes a connection of its own, which remembers nothing of the others.
func (b *bench) connect(auth map[string]Credentials) *Engine {
	b.Helper()
	on, err := Connect(b.Context(), Options{Auth: auth})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(on.Close)
	return on
}

// clean removes everything of the test.
func (b *bench) clean() {
	ctx := context.Background()
	containers, err := b.on.Containers(ctx, b.labels)
	for _, container := range containers {
		err = errors.Join(err, b.on.RemoveContainer(ctx, container.ID))
	}
	networks, listing := b.on.Networks(ctx, b.labels)
	err = errors.Join(err, listing)
	for _, network := range networks {
		err = errors.Join(err, b.on.RemoveNetwork(ctx, network.ID))
	}
	volumes, listing := b.on.Volumes(ctx, b.labels)
	err = errors.Join(err, listing)
	for _, volume := range volumes {
		err = errors.Join(err, b.on.RemoveVolume(ctx, volume.Name))
	}
	if err != nil {
		b.Errorf("clean up: %v", err)
	}
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// spec asks for a container that waits.
func (b *bench) spec(name string, endpoints ...engine.Endpoint) engine.ContainerSpec {
	return engine.ContainerSpec{
		Name: b.id + "-" + name, Image: busybox, Command: []string{"sleep", "600"}, Init: true, Labels: b.labels, Networks: endpoints,
	}
}

func (b *bench) create(spec engine.ContainerSpec) string {
	b.Helper()
	id, err := b.on.CreateContainer(b.Context(), spec)
	b.must(err)
	return id
}

func (b *bench) start(spec engine.ContainerSpec) string {
	b.Helper()
	id := b.create(spec)
	b.must(b.on.StartContainer(b.Context(), id))
	return id
}

// network makes a network on the first free subnet of a range that only these tests use.
func (b *bench) network(name string, internal bool) engine.Network {
	b.Helper()
	for i := range 256 {
		subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 131, byte(i), 0}), 26)
		network := engine.Network{Name: b.id + "-" + name, Subnets: []netip.Prefix{subnet}, Internal: internal}
		id, err := b.on.CreateNetwork(b.Context(), engine.NetworkSpec{Name: network.Name, Subnet: subnet, Internal: internal, Labels: b.labels})
		if errors.Is(err, engine.ErrSubnetTaken) {
			continue
		}
		b.must(err)
		network.ID = id
		return network
	}
	b.Fatal("all subnets of 10.131.0.0/16 are taken")
	return engine.Network{}
}

// volume makes a volume, which a snapshot shows too.
func (b *bench) volume(name string) string {
	b.Helper()
	made, err := b.on.CreateVolume(b.Context(), b.id+"-"+name, naming.Labels(b.labels, map[string]string{naming.LabelRole: "test"}))
	b.must(err)
	return made.Name
}

func (b *bench) inspect(id string) engine.Container {
	b.Helper()
	found, err := b.on.Container(b.Context(), id)
	b.must(err)
	return found
}
