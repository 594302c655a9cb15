// Package docker speaks to a Docker engine. It is the only importer of the Docker client: everything that goes in and
// comes out is in the words of package engine, so that a move to the client's successor stays inside this folder.
package docker

import (
	"context"
	"sync"

	"github.com/docker/docker/client"
	"github.com/hashicorp/go-hclog"
	"golang.org/x/sync/singleflight"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// Engine is a connection to one Docker engine. It is safe for concurrent use; all of one provider's work shares it.
type Engine struct {
	client *client.Client
	log    hclog.Logger
	auth   map[string]Credentials

	pulls      pulls
	imports    singleflight.Group
	snapshot   snapshot
	containers listing[engine.ContainerSummary]
	networks   listing[engine.Network]

	closers sync.Once
	close   func()
}

// Credentials for one registry.
type Credentials struct {
	Username string
	Password string
}

// newEngine wraps a connected client. release frees what belongs to the connection (temporary key files, a shared ssh
// connection) when the engine is closed.
func newEngine(connected *client.Client, log hclog.Logger, auth map[string]Credentials, release func()) *Engine {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	e := &Engine{client: connected, log: log.Named("docker"), auth: auth, close: release}
	e.containers = newListing(func(ctx context.Context) ([]engine.ContainerSummary, error) { return e.listContainers(ctx, labelled) })
	e.networks = newListing(func(ctx context.Context) ([]engine.Network, error) { return e.listNetworks(ctx, labelled) })
	return e
}

// Close ends the connection.
func (e *Engine) Close() {
	e.closers.Do(func() {
		_ = e.client.Close()
		if e.close != nil {
			e.close()
		}
	})
}
