package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// change is one caller's wish and, after the commit, its outcome.
type change struct {
	key    key
	route  *Route // nil removes the route
	reread bool   // changes no route: looks anew at what the routes lead to
	force  bool   // renders a new generation even when nothing has changed
	// settings are those that the gateway shall have; nil changes none.
	settings *Settings

	result     Route
	generation string // that serves it
	err        error
}

// maxSettle bounds how often a commit starts over because the environments changed meanwhile.
const maxSettle = 5

// commit is the work of one batch of changes on one gateway, under its lock.
type commit struct {
	*Gateways
	at       place
	before   state           // what the volume holds
	joined   map[string]bool // names of the networks that the container is on
	origin   map[key]Route   // the routes before this batch
	routes   map[key]Route   // the routes as they shall be
	settings Settings        // the gateway's as they shall be
	left     map[key]bool    // earlier routes that nginx refuses now, left out so that the others serve
	refused  []string        // generations that nginx refused
	changes  []*change
	force    bool
}

// commit runs a batch and leaves each change's outcome in it.
func (g *Gateways) commit(ctx context.Context, name string, batch []*change) {
	err := g.locked(ctx, name, func(ctx context.Context) error {
		c, err := g.begin(ctx, name, batch)
		if err != nil {
			return err
		}
		return c.settle(ctx)
	})
	g.routes.drop(name)
	for _, change := range batch {
		if change.err == nil {
			change.err = err
		}
	}
}

// begin reads what is there and applies the changes to it, in memory.
func (g *Gateways) begin(ctx context.Context, name string, batch []*change) (*commit, error) {
	at, err := g.find(ctx, name)
	if err != nil {
		return nil, err
	}
	before, err := g.read(ctx, at)
	if err != nil {
		return nil, err
	}
	c := &commit{
		Gateways: g, at: at, before: before, joined: attached(at.container.Endpoints),
		origin: before.routes, routes: maps.Clone(before.routes), left: map[key]bool{}, changes: batch,
		settings: before.settings,
	}
	for _, change := range batch {
		if change.settings != nil {
			c.settings = change.settings.after(before.settings)
		}
	}
	for _, change := range batch {
		switch {
		case change.reread:
			c.force = c.force || change.force
		case change.route == nil:
			delete(c.routes, change.key)
		default:
			if err := c.admit(change); err != nil {
				change.err = change.key.fail(err)
				continue
			}
			c.routes[change.key] = *change.route
		}
	}
	return c, nil
}

// admit checks a wish against the gateway and its other routes, and puts the password's hash in place of the password.
func (c *commit) admit(wish *change) (err error) {
	route := wish.route
	if err := c.settings.admits(*route); err != nil {
		return fmt.Errorf("gateway %s: %w", c.at.name, err)
	}
	for other, holder := range c.routes {
		if other != wish.key && holder.Host == route.Host && holder.Path == route.Path {
			return fmt.Errorf("%w: %s%s of gateway %s belongs to route %s/%s already", ErrPathTaken, route.Host, route.Path, c.at.name, other.namespace, other.name)
		}
	}
	route.BasicAuth, err = route.BasicAuth.hashed(c.origin[wish.key].BasicAuth)
	return err
}

// settle commits until what is served is what is desired. It looks at the environments again after each switch: whoever
// changed one in between may have read the routes before the new ones were written, and so not have followed them.
func (c *commit) settle(ctx context.Context) error {
	settings, err := c.hosted(ctx, c.at.name, c.settings)
	if err != nil {
		return err
	}
	for switches := 0; switches < maxSettle; {
		around, err := c.look(ctx)
		if err != nil {
			return err
		}
		if !bytes.Equal(c.settings.encode(), c.before.settingsFile) {
			if err := c.settings.distrusts(around); err != nil {
				return err
			}
		}
		c.join(ctx, around)
		for key, route := range c.routes {
			c.routes[key] = around.resolve(route)
		}
		next, err := c.render(settings, c.rendered())
		if err == nil && c.settled(next) {
			c.report()
			return c.leave(ctx, around)
		}
		if err == nil {
			err = c.apply(ctx, next)
		}
		var culprit *RouteError
		switch {
		case err == nil:
			switches++
		case !errors.As(err, &culprit) || !c.refuse(culprit):
			return err
		}
	}
	return fmt.Errorf("gateway %s: the environments behind its routes keep changing", c.at.name)
}

// rendered are the routes that nginx gets to see.
func (c *commit) rendered() map[key]Route {
	routes := maps.Clone(c.routes)
	maps.DeleteFunc(routes, func(key key, _ Route) bool { return c.left[key] })
	return routes
}

// refuse takes the route that a failure names out of the commit: its callers get the error and the route is again what
// it was. It reports false when that has been tried already.
func (c *commit) refuse(culprit *RouteError) bool {
	key := key{culprit.Namespace, culprit.Name}
	blamed := false
	for _, change := range c.changes {
		if change.key == key && change.err == nil && change.route != nil {
			change.err, blamed = culprit, true
		}
	}
	if blamed {
		delete(c.routes, key)
		if former, ok := c.origin[key]; ok {
			c.routes[key] = former
		}
		return true
	}
	if _, known := c.routes[key]; !known || c.left[key] {
		return false
	}
	c.left[key] = true
	c.log.Warn("an earlier route is left out", "gateway", c.at.name, "error", culprit)
	return true
}

// report leaves in each change what has become of it.
func (c *commit) report() {
	for _, change := range c.changes {
		change.generation = c.before.record.Generation
		if change.err == nil && change.route != nil {
			change.result = c.routes[change.key]
		}
	}
}

// outdated are the files of routes that differ from what they shall be; an empty one removes a route.
func (c *commit) outdated() map[key][]byte {
	files := map[key][]byte{}
	for key, route := range c.routes {
		if content := route.encode(); !bytes.Equal(content, c.before.files[key]) {
			files[key] = content
		}
	}
	for key, content := range c.before.files {
		if _, ok := c.routes[key]; !ok && len(content) > 0 {
			files[key] = nil
		}
	}
	return files
}

// current reports whether nginx has taken over just this rendering, or will when it starts.
func (c *commit) current(next rendering) bool {
	generation := c.before.record.Generation
	taken := c.before.record.Applied || !c.at.running()
	return !c.force && taken && strings.HasPrefix(generation, next.digest()+"-") &&
		bytes.Equal(c.before.config, next.config(folder(generation)))
}

func (c *commit) settled(next rendering) bool {
	return c.current(next) && len(c.outdated()) == 0 && bytes.Equal(c.settings.encode(), c.before.settingsFile)
}

// newGeneration names a rendering so that it is told apart from an earlier one with the same content: the name shows in
// nginx's log who has taken it over.
func newGeneration(next rendering) string {
	return next.digest() + "-" + strings.ToLower(rand.Text()[:8])
}

// folder is where nginx finds a generation.
func folder(generation string) string { return path.Join(volume.Root, generationsDir, generation) }
