package gateway

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// join connects the container to the networks of all projects with a route. One that is missing fails the changes of
// its project alone.
func (c *commit) join(ctx context.Context, around surroundings) {
	if c.at.container.ID == "" {
		return
	}
	missing := map[string]bool{}
	for key := range c.routes {
		if network, ok := around.networks[key.namespace]; !ok || !c.joined[network.Name] {
			missing[key.namespace] = true
		}
	}
	namespaces := slices.Sorted(maps.Keys(missing))
	failures := c.connect(ctx, c.at.container.ID, around, namespaces)
	for _, namespace := range namespaces {
		if failures[namespace] == nil {
			c.joined[around.networks[namespace].Name] = true
		}
	}
	for _, key := range slices.Collect(maps.Keys(c.routes)) {
		// A route that was there before goes on without its network, and says so as drift.
		if err := failures[key.namespace]; err != nil && c.wanted(key) {
			c.refuse(key.fail(err))
		}
	}
}

// wanted reports whether this batch sets a route.
func (c *commit) wanted(key key) bool {
	return slices.ContainsFunc(c.changes, func(one *change) bool {
		return one.key == key && one.route != nil && one.err == nil
	})
}

// leave disconnects the container from the networks of projects without a route.
func (c *commit) leave(ctx context.Context, around surroundings) error {
	for namespace, network := range around.networks {
		if !c.joined[network.Name] || c.serves(namespace) {
			continue
		}
		if err := c.on.Disconnect(ctx, network.ID, c.at.container.ID); err != nil {
			return fmt.Errorf("gateway %s: leave the network of project %s, which has no route any more: %w", c.at.name, namespace, err)
		}
		delete(c.joined, network.Name)
	}
	return nil
}

func (c *commit) serves(namespace string) bool {
	for key := range c.routes {
		if key.namespace == namespace {
			return true
		}
	}
	return false
}
