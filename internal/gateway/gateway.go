// Package gateway runs the shared nginx containers and their routes. What is desired lies as one file per route on the
// gateway's own volume, so that it survives the container and is the same for every Terraform workspace; what nginx
// reads is rendered from all of them, tested, switched to and watched by one commit path.
package gateway

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/isolab/terraform-provider-isolab/internal/batch"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lock"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// Engine is what this package needs of one.
type Engine interface {
	volume.Engine
	lock.Engine

	Snapshot(ctx context.Context) (engine.Snapshot, error)
	Containers(ctx context.Context, labels map[string]string) ([]engine.ContainerSummary, error)
	StartContainer(ctx context.Context, id string) error
	StopContainer(ctx context.Context, id string, grace time.Duration) error
	RenameContainer(ctx context.Context, id, name string) error
	UnpauseContainer(ctx context.Context, id string) error
	UpdateLimits(ctx context.Context, id string, limits engine.Limits) error
	Signal(ctx context.Context, id, signal string) error
	Exec(ctx context.Context, id string, command []string) (engine.ExecResult, error)
	Logs(ctx context.Context, id string, lines int) (string, error)
	FollowErrors(ctx context.Context, id string, since time.Time) (io.ReadCloser, error)

	Networks(ctx context.Context, labels map[string]string) ([]engine.Network, error)
	RemoveNetwork(ctx context.Context, id string) error
	Connect(ctx context.Context, networkID, containerID string, endpoint engine.Endpoint) error
	Disconnect(ctx context.Context, networkID, containerID string) error

	Volumes(ctx context.Context, labels map[string]string) ([]engine.Volume, error)
	CreateVolume(ctx context.Context, name string, labels map[string]string) (engine.Volume, error)
	RemoveVolume(ctx context.Context, name string) error

	EnsureImage(ctx context.Context, ref string, policy engine.PullPolicy) (engine.Image, error)
}

// Networks finds a network by its labels or makes it, with a subnet of its own.
type Networks interface {
	Ensure(ctx context.Context, spec engine.NetworkSpec, labels map[string]string) (engine.Network, error)
}

// workTimeout is how long the work on one gateway may take. Joining a re-created gateway to hundreds of networks takes the
// longest.
const workTimeout = 4 * time.Minute

// commitPause is longer than Terraform takes from one resource to the next, and nothing beside a reload.
const commitPause = 100 * time.Millisecond

// Gateways manages the gateways of one engine. It is safe for concurrent use, and so are several of them on one engine.
type Gateways struct {
	on       Engine
	networks Networks
	locks    *lock.Locker
	log      hclog.Logger
	render   func(settings Settings, routes map[key]Route) (rendering, error)

	routes  shared // what the volumes hold
	follows *batch.Queue[*followed]

	mutex   sync.Mutex
	commits map[string]*batch.Queue[*change] // by gateway
}

// New manages the gateways of an engine, whose own networks are made by networks. A nil log is silent.
func New(on Engine, networks Networks, log hclog.Logger) *Gateways {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	g := &Gateways{
		on: on, networks: networks, locks: lock.New(on), log: log.Named("gateway"), render: render,
		commits: map[string]*batch.Queue[*change]{},
	}
	g.follows = batch.New(g.followAll)
	return g
}

// committing is the queue of one gateway's changes.
func (g *Gateways) committing(name string) *batch.Queue[*change] {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.commits[name] == nil {
		g.commits[name] = batch.NewPausing(commitPause, func(ctx context.Context, changes []*change) { g.commit(ctx, name, changes) })
	}
	return g.commits[name]
}

func lockName(gateway string) string { return "gateway_" + gateway }

// locked does work on one gateway while no other process does.
func (g *Gateways) locked(ctx context.Context, name string, work func(ctx context.Context) error) error {
	held, release, err := g.locks.Acquire(ctx, lockName(name))
	if err != nil {
		return fmt.Errorf("gateway %s: %w", name, err)
	}
	defer func() {
		// The work is done all the same, and others take the lock over.
		if err := release(); err != nil {
			g.log.Warn("could not give back a lock", "gateway", name, "error", err)
		}
	}()
	held, cancel := context.WithTimeout(held, workTimeout)
	defer cancel()
	return work(held)
}
