package gateway

import "strings"

// BreakRoute makes the renderer lead a route to a name that does not resolve: what only nginx itself can refuse.
func (g *Gateways) BreakRoute(namespace, name string) {
	broken := key{namespace, name}
	g.render = func(routes map[key]Route) (rendering, error) {
		result, err := render(routes)
		file := "http/" + broken.String() + ".conf"
		if content, ok := result.files[file]; ok {
			result.files[file] = []byte(strings.Replace(string(content), "server ", "server no.such.host.invalid:80; server ", 1))
		}
		return result, err
	}
}
