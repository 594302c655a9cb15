package gateway

import "context"

// Alter lets a test change what is rendered: what passes all of our checks and only nginx itself can refuse.
func (g *Gateways) Alter(change func(files map[string][]byte)) {
	g.render = func(settings Settings, routes map[key]Route) (rendering, error) {
		result, err := render(settings, routes)
		if err == nil {
			change(result.files)
		}
		return result, err
	}
}

// SetTogether sets routes in one and the same batch.
func (g *Gateways) SetTogether(ctx context.Context, gateway string, routes ...Route) []error {
	var batch []*change
	for _, route := range routes {
		route = route.withDefaults()
		batch = append(batch, &change{key: route.key(), route: &route})
	}
	g.commit(ctx, gateway, batch)
	var outcomes []error
	for _, one := range batch {
		outcomes = append(outcomes, one.err)
	}
	return outcomes
}
