package gateway

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/rolling"
)

// surroundings are the parts of the engine that routes lead to.
type surroundings struct {
	containers []engine.ContainerSummary // of environments
	networks   map[string]engine.Network // the projects' internal ones, by namespace
}

// look lists the surroundings anew. A commit must see what changed a moment ago, also through another process.
func (g *Gateways) look(ctx context.Context) (surroundings, error) {
	var result surroundings
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		result.containers, err = g.on.Containers(ctx, map[string]string{naming.LabelRole: naming.RoleEnvironment})
		return err
	})
	group.Go(func() error {
		networks, err := g.on.Networks(ctx, map[string]string{naming.LabelRole: naming.RoleNetwork})
		result.networks = byNamespace(networks)
		return err
	})
	if err := group.Wait(); err != nil {
		return surroundings{}, fmt.Errorf("look for what the routes lead to: %w", err)
	}
	return result, nil
}

// surroundingsOf takes the same out of a snapshot.
func surroundingsOf(snapshot engine.Snapshot) surroundings {
	return surroundings{containers: snapshot.Containers, networks: byNamespace(snapshot.Networks)}
}

// byNamespace picks the projects' internal networks. Labels decide: an engine may hold two networks of one name.
func byNamespace(networks []engine.Network) map[string]engine.Network {
	found := map[string]engine.Network{}
	for _, network := range networks {
		if namespace := network.Labels[naming.LabelProject]; namespace != "" && network.Labels[naming.LabelRole] == naming.RoleNetwork {
			found[namespace] = network
		}
	}
	return found
}

// resolve answers with a route as it has to be served now: the upstreams are all containers that stand for its
// environment, also stopped ones, whose addresses are fixed and which nginx passes over. So a restart by the engine needs
// no commit.
func (s surroundings) resolve(route Route) Route {
	route.Upstreams, route.Weights = nil, nil
	percent, replicas := map[string]int{route.Environment: 100}, map[string][]string{}
	for canary, part := range route.Canaries {
		percent[canary] = part
		percent[route.Environment] -= part
	}
	running := false
	for environment := range percent {
		for _, container := range rolling.Standing(s.behind(route.Namespace, environment)) {
			port := strconv.Itoa(route.Port)
			if route.Port == 0 {
				port = container.Labels[naming.LabelPort]
			}
			upstream := net.JoinHostPort(container.Labels[naming.LabelAddress], port)
			if validateUpstream(upstream) != nil {
				continue // An environment without a port has nothing that a route could lead to.
			}
			route.Upstreams = append(route.Upstreams, upstream)
			replicas[environment] = append(replicas[environment], upstream)
			running = running || container.State == engine.StateRunning
		}
	}
	slices.Sort(route.Upstreams)
	if len(replicas) > 1 {
		route.Weights = weigh(percent, replicas)
	}
	route.Serving = serves(route.Phase) && running && !route.Maintenance
	return route
}

// behind are the containers of an environment.
func (s surroundings) behind(namespace, environment string) []engine.ContainerSummary {
	return slices.DeleteFunc(slices.Clone(s.containers), func(container engine.ContainerSummary) bool {
		return container.Labels[naming.LabelRole] != naming.RoleEnvironment ||
			container.Labels[naming.LabelProject] != namespace ||
			container.Labels[naming.LabelEnvironment] != environment ||
			container.State == engine.StateRemoving || container.State == engine.StateDead
	})
}

// attached are the names of the networks that a container is on.
func attached(endpoints []engine.Endpoint) map[string]bool {
	names := map[string]bool{}
	for _, endpoint := range endpoints {
		names[endpoint.Network] = true
	}
	return names
}

// connectParallel is how many networks are joined at a time; the engine serialises most of the work anyway.
const connectParallel = 4

// connect joins a gateway's container to the networks of namespaces, and answers with the failures by namespace.
func (g *Gateways) connect(ctx context.Context, container string, around surroundings, namespaces []string) map[string]error {
	results := make([]error, len(namespaces))
	var group errgroup.Group
	group.SetLimit(connectParallel)
	for i, namespace := range namespaces {
		group.Go(func() error {
			network, ok := around.networks[namespace]
			if !ok {
				results[i] = fmt.Errorf("project %s has no network on the engine", namespace)
				return nil
			}
			results[i] = g.on.Connect(ctx, network.ID, container, engine.Endpoint{Network: network.ID})
			return nil
		})
	}
	_ = group.Wait() // each result is kept on its own
	failures := map[string]error{}
	for i, namespace := range namespaces {
		if results[i] != nil {
			failures[namespace] = results[i]
		}
	}
	return failures
}
