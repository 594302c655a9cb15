package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// ErrPathTaken means that another route of the gateway has the path.
var ErrPathTaken = errors.New("the path is taken")

// SetRoute creates or changes a route and answers with it as it is served. It returns when nginx serves it, unless the
// gateway does not run: then the route serves when the gateway is back. A [*RouteError] says that this route is refused
// (and again what it was before), whatever becomes of others that are set at the same
// time. [ErrAbsent] and [ErrPathTaken] are among its causes.
func (g *Gateways) SetRoute(ctx context.Context, gateway string, route Route) (Route, error) {
	route = route.withDefaults()
	route.Serving, route.Upstreams, route.Weights = false, nil, nil
	if err := route.validate(); err != nil {
		return Route{}, route.key().fail(err)
	}
	wish := &change{key: route.key(), route: &route}
	if err := g.submit(ctx, gateway, wish); err != nil {
		return Route{}, fmt.Errorf("set route %s/%s: %w", route.Namespace, route.Name, err)
	}
	return wish.result, nil
}

// RemoveRoute removes a route; with the last one of its project, the gateway leaves the project's network. A route, or
// a gateway, that is gone already counts as removed.
func (g *Gateways) RemoveRoute(ctx context.Context, gateway, namespace, name string) error {
	err := g.submit(ctx, gateway, &change{key: key{namespace, name}})
	if err != nil && !errors.Is(err, ErrAbsent) {
		return fmt.Errorf("remove route %s/%s: %w", namespace, name, err)
	}
	return nil
}

// submit queues a change and waits for its outcome.
func (g *Gateways) submit(ctx context.Context, gateway string, wish *change) error {
	if err := g.committing(gateway).Do(ctx, wish); err != nil {
		return err
	}
	return wish.err
}

// Route reads a route, with what on the engine is not as it should be, in sentences. [engine.ErrNotFound] means that
// the gateway does not have it.
func (g *Gateways) Route(ctx context.Context, gateway, namespace, name string) (Route, []string, error) {
	missing := fmt.Errorf("route %s/%s of gateway %s: %w", namespace, name, gateway, engine.ErrNotFound)
	snapshot, err := g.on.Snapshot(ctx)
	if err != nil {
		return Route{}, nil, fmt.Errorf("read route %s/%s: %w", namespace, name, err)
	}
	at, err := locate(gateway, snapshot.Containers, snapshot.Volumes)
	if errors.Is(err, ErrAbsent) {
		return Route{}, nil, missing
	}
	stored, err := g.routes.get(ctx, gateway, func(ctx context.Context) (state, error) { return g.read(ctx, at) })
	if err != nil {
		return Route{}, nil, err
	}
	route, ok := stored.routes[key{namespace, name}]
	if !ok {
		return Route{}, nil, missing
	}
	return route, drift(route, at, surroundingsOf(snapshot)), nil
}

// drift says what keeps a route from leading where it should.
func drift(route Route, at place, around surroundings) []string {
	var found []string
	now := around.resolve(route)
	if !slices.Equal(now.Upstreams, route.Upstreams) || !maps.Equal(now.Weights, route.Weights) {
		found = append(found, fmt.Sprintf("The route leads to %s, while the containers of environment %s have %s.",
			addresses(route.Upstreams), route.Environment, addresses(now.Upstreams)))
	}
	switch {
	case route.Serving && !now.Serving:
		found = append(found, fmt.Sprintf("The route serves, while no container of environment %s runs.", route.Environment))
	case !route.Serving && now.Serving:
		found = append(found, fmt.Sprintf("The route answers 503, while environment %s runs.", route.Environment))
	}
	network, ok := around.networks[route.Namespace]
	if ok && at.container.ID != "" && !attached(at.container.Endpoints)[network.Name] {
		found = append(found, fmt.Sprintf("The gateway is not on the network of project %s.", route.Namespace))
	}
	return found
}

func addresses(upstreams []string) string {
	if len(upstreams) == 0 {
		return "no address"
	}
	return strings.Join(upstreams, ", ")
}

// followed is an environment whose addresses or state may have changed.
type followed struct {
	namespace, environment string

	serving []serving // that lead to the environment now
	err     error
}

// serving is a generation that a gateway serves.
type serving struct{ gateway, container, generation string }

// Follow lets every gateway with a route to an environment look at the environment's containers anew. It is to be called
// after each change of them, and costs next to nothing where no route leads or nothing has changed.
func (g *Gateways) Follow(ctx context.Context, namespace, environment string) error {
	_, err := g.follow(ctx, namespace, environment)
	return err
}

// Move does what Follow does, and then waits until the requests that were under way before have ended: afterwards none is
// sent to, or answered by, a container that does not stand for the environment any more. Connections that stay open for
// long, as websockets do, are waited for no longer than [drainTimeout].
func (g *Gateways) Move(ctx context.Context, namespace, environment string) error {
	lead, err := g.follow(ctx, namespace, environment)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	for _, one := range lead {
		if err := g.drain(ctx, one); err != nil {
			g.log.Info("connections are still open", "gateway", one.gateway, "environment", namespace+"/"+environment, "reason", err)
		}
	}
	return nil
}

// follow answers with what leads to the environment now.
func (g *Gateways) follow(ctx context.Context, namespace, environment string) ([]serving, error) {
	wish := &followed{namespace: namespace, environment: environment}
	err := g.follows.Do(ctx, wish)
	if err == nil {
		err = wish.err
	}
	if err != nil {
		return nil, fmt.Errorf("let the gateways follow environment %s/%s: %w", namespace, environment, err)
	}
	return wish.serving, nil
}

// followAll serves many environments with one look at every gateway. Its readings begin after the callers' changes, so
// none of them is missed: a route written later is resolved later too.
func (g *Gateways) followAll(ctx context.Context, batch []*followed) {
	fail := func(err error) {
		for _, one := range batch {
			one.err = errors.Join(one.err, err)
		}
	}
	containers, err := g.on.Containers(ctx, map[string]string{naming.LabelGateway: ""})
	if err != nil || len(containers) == 0 {
		fail(err)
		return
	}
	around, err := g.look(ctx)
	if err != nil {
		fail(err)
		return
	}
	for _, container := range containers {
		if container.Labels[naming.LabelRole] != naming.RoleGateway {
			continue
		}
		at := located(container.Labels[naming.LabelGateway], containers)
		concerned := batch
		// A container that cannot be read may be on its way out or being made anew. Under the gateway's lock, that is over.
		if stored, err := g.read(ctx, at); err == nil {
			concerned = concernedBy(batch, stored, around)
			lead(batch, stored, serving{at.name, container.ID, stored.record.Generation})
		}
		if len(concerned) == 0 {
			continue
		}
		wish := &change{reread: true}
		err := g.submit(ctx, at.name, wish)
		if errors.Is(err, ErrAbsent) {
			err = nil
		}
		for _, one := range concerned {
			one.err = errors.Join(one.err, err)
			one.serving = append(one.serving, serving{at.name, container.ID, wish.generation})
		}
	}
}

// lead notes for each environment to which a gateway has a route what the gateway serves.
func lead(batch []*followed, stored state, what serving) {
	for _, one := range batch {
		for _, route := range stored.routes {
			if route.leadsTo(one.namespace, one.environment) {
				one.serving = append(one.serving, what)
				break
			}
		}
	}
}

// concernedBy picks the environments to which a gateway has a route that is not as it would be resolved now.
func concernedBy(batch []*followed, stored state, around surroundings) []*followed {
	var concerned []*followed
	for _, one := range batch {
		for _, route := range stored.routes {
			if !route.leadsTo(one.namespace, one.environment) {
				continue
			}
			if !around.resolve(route).leadsAs(route) {
				concerned = append(concerned, one)
				break
			}
		}
	}
	return concerned
}
