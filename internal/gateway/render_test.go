package gateway

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

func sample(namespace, name string) Route {
	return Route{
		Name: name, Namespace: namespace, Environment: "dev", Path: naming.RoutePath(namespace), Phase: lifecycle.Development,
		Serving: true, Upstreams: []string{"10.96.0.2:3000", "10.96.0.3:3000"},
	}.withDefaults()
}

func asSet(routes ...Route) map[key]Route {
	set := map[key]Route{}
	for _, route := range routes {
		set[route.key()] = route
	}
	return set
}

func mustRender(t *testing.T, routes ...Route) rendering {
	t.Helper()
	return mustRenderWith(t, Settings{}.withDefaults(), routes...)
}

func mustRenderWith(t *testing.T, settings Settings, routes ...Route) rendering {
	t.Helper()
	result, err := render(settings, asSet(routes...))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestRenderRoute(t *testing.T) {
	route := sample("shop", "web")
	route.StripPrefix = true
	result := mustRender(t, route)
	want := "upstream shop.web {\n    zone shop.web 66k;\n    server 10.96.0.2:3000 max_fails=2 fail_timeout=1s;\n    server 10.96.0.3:3000 max_fails=2 fail_timeout=1s;\n}\n"
	if got := string(result.files["http/shop.web.conf"]); got != want {
		t.Errorf("upstream\n%s\nwant\n%s", got, want)
	}
	location := string(result.files["locations/shop.web.conf"])
	for _, part := range []string{
		"location = /projects/shop {\n    return 308 /projects/shop/$is_args$args;",
		"location ^~ /projects/shop/ {", "proxy_pass http://shop.web/;",
		`proxy_set_header X-Forwarded-Prefix "/projects/shop";`, "proxy_set_header X-Forwarded-For $remote_addr;",
	} {
		if !strings.Contains(location, part) {
			t.Errorf("no %q in\n%s", part, location)
		}
	}
	for _, part := range []string{"$http_upgrade", "limit_req", "X-Frame-Options"} {
		if strings.Contains(location, part) {
			t.Errorf("%q in a route that does not ask for it", part)
		}
	}
	config := string(result.config("/folder"))
	for _, file := range []string{"main.conf", "shared.conf", "http/shop.web.conf", "locations/shop.web.conf"} {
		if _, ok := result.files[file]; !ok || !strings.Contains(config, "include /folder/"+file+";") {
			t.Errorf("%s is missing or not included", file)
		}
	}
}

func TestRenderNotServing(t *testing.T) {
	for _, phase := range lifecycle.Phases() {
		route := sample("shop", "web")
		route.Phase, route.Serving = phase, false
		result := mustRender(t, route)
		if _, ok := result.files["http/shop.web.conf"]; ok {
			t.Errorf("%s: an upstream that nothing uses", phase)
		}
		location := string(result.files["locations/shop.web.conf"])
		for _, part := range []string{"=503;", "return 503 ", "Retry-After", `"` + string(phase) + `"`} {
			if !strings.Contains(location, part) {
				t.Errorf("%s: no %q in\n%s", phase, part, location)
			}
		}
		if strings.Contains(location, "proxy_pass") {
			t.Errorf("%s: still leads to a container", phase)
		}
	}
}

func TestRenderIsDeterministic(t *testing.T) {
	routes := []Route{sample("a", "web"), sample("b", "web"), sample("c", "web")}
	first := mustRender(t, routes...)
	slices.Reverse(routes)
	if again := mustRender(t, routes...); first.digest() != again.digest() {
		t.Error("the order of the routes matters")
	}
	routes[0].Upstreams = routes[0].Upstreams[:1]
	if changed := mustRender(t, routes...); first.digest() == changed.digest() {
		t.Error("another upstream renders the same")
	}
	if fewer := mustRender(t, routes[1:]...); first.digest() == fewer.digest() {
		t.Error("fewer routes render the same")
	}
}

func TestRenderZones(t *testing.T) {
	zones := func(limits ...RateLimit) []string {
		var routes []Route
		for i, limit := range limits {
			route := sample("shop", string(rune('a'+i)))
			route.RateLimit = limit.withDefaults()
			routes = append(routes, route)
		}
		return strings.Split(strings.TrimSpace(string(mustRender(t, routes...).files["shared.conf"])), "\n")
	}
	one := zones(RateLimit{ProjectRate: 5, ClientRate: 5})
	if len(one) != 2 || one[0] == one[1] {
		t.Fatalf("zones %q", one)
	}
	if shared := zones(RateLimit{ProjectRate: 5}, RateLimit{ProjectRate: 5}); len(shared) != 1 {
		t.Errorf("a project's routes do not share its limit: %q", shared)
	}
	name := func(line string) string { return strings.Split(strings.Split(line, "zone=")[1], ":")[0] }
	if other := zones(RateLimit{ProjectRate: 6}); name(other[0]) == name(zones(RateLimit{ProjectRate: 5})[0]) {
		t.Error("another rate has the zone name of the former, which nginx would keep")
	}
}

// TestRenderRefusesHostileValues goes past the validation of what users ask for: a volume's files can be written by
// others too.
func TestRenderRefusesHostileValues(t *testing.T) {
	hostile := map[string]func(*Route){
		"path with directive":       func(r *Route) { r.Path = "/projects/shop/;return 200;/" },
		"path with block":           func(r *Route) { r.Path = "/projects/shop/{}/" },
		"path with newline":         func(r *Route) { r.Path = "/projects/shop/a\n/" },
		"path with trailing line":   func(r *Route) { r.Path = "/projects/shop/a/\n" },
		"path with variable":        func(r *Route) { r.Path = "/projects/shop/$host/" },
		"path with quote":           func(r *Route) { r.Path = `/projects/shop/"/` },
		"path with backslash":       func(r *Route) { r.Path = `/projects/shop/\/` },
		"path with space":           func(r *Route) { r.Path = "/projects/shop/ /" },
		"path with percent":         func(r *Route) { r.Path = "/projects/shop/%2e%2e/" },
		"path with comment":         func(r *Route) { r.Path = "/projects/shop/#/" },
		"path going up":             func(r *Route) { r.Path = "/projects/shop/../blog/" },
		"path with a single dot":    func(r *Route) { r.Path = "/projects/shop/./" },
		"path with double slash":    func(r *Route) { r.Path = "/projects/shop//" },
		"path of another project":   func(r *Route) { r.Path = "/projects/blog/" },
		"path of a longer project":  func(r *Route) { r.Path = "/projects/shopping/" },
		"path without end":          func(r *Route) { r.Path = "/projects/shop/a" },
		"path of everything":        func(r *Route) { r.Path = "/" },
		"no path":                   func(r *Route) { r.Path = "" },
		"environment with brace":    func(r *Route) { r.Environment = "dev}" },
		"upstream by name":          func(r *Route) { r.Upstreams = []string{"db.example.com:80"} },
		"upstream with directive":   func(r *Route) { r.Upstreams = []string{"10.0.0.1:80; server 1.1.1.1:80"} },
		"upstream unix socket":      func(r *Route) { r.Upstreams = []string{"unix:/run/docker.sock"} },
		"upstream without port":     func(r *Route) { r.Upstreams = []string{"10.0.0.1"} },
		"upstream port zero":        func(r *Route) { r.Upstreams = []string{"10.0.0.1:0"} },
		"serving without upstreams": func(r *Route) { r.Upstreams = nil },
		"negative rate":             func(r *Route) { r.RateLimit.ClientRate = -1 },
		"enormous burst":            func(r *Route) { r.RateLimit.ProjectBurst = maxRate + 1 },
		"balancing by directive":    func(r *Route) { r.LoadBalancing = "random; server 1.1.1.1" },
		"timeout below zero":        func(r *Route) { r.ReadTimeout = -time.Second },
		"timeout of years":          func(r *Route) { r.ReadTimeout = 1 << 62 },
		"timeout below nginx's":     func(r *Route) { r.ReadTimeout = time.Nanosecond },
		"body below zero":           func(r *Route) { r.MaxBodySize = -1 },
		"body without bounds":       func(r *Route) { r.MaxBodySize = 1 << 62 },
		"host of everything":        func(r *Route) { r.Host = "_" },
		"host by pattern":           func(r *Route) { r.Host = "*.shop.example.com" },
		"host by expression":        func(r *Route) { r.Host = "~^shop" },
		"host that is an address":   func(r *Route) { r.Host = "192.0.2.1" },
		"host with directive":       func(r *Route) { r.Host = "shop.example.com;" },
		"host not granted":          func(r *Route) { r.Host, r.Path = "shop.example.com", "/" },
		"path of the pages":         func(r *Route) { r.Host, r.Path = "shop.example.com", "/.isolab/" },
		"network with directive":    func(r *Route) { r.Allow = []string{"10.0.0.0/8; deny all"} },
		"network with host bits":    func(r *Route) { r.Allow = []string{"10.0.0.1/8"} },
		"user with a second line":   func(r *Route) { r.BasicAuth = BasicAuth{Username: "a\nb:c", Hash: "$6$a$b"} },
		"hash with a second line":   func(r *Route) { r.BasicAuth = BasicAuth{Username: "a", Hash: "$6$a\nb:c"} },
		"password in the open":      func(r *Route) { r.BasicAuth = BasicAuth{Username: "a", Hash: "{PLAIN}a"} },
		"client key with variable":  func(r *Route) { r.RateLimit.ClientKey = "header:$host" },
		"client key of a variable":  func(r *Route) { r.RateLimit.ClientKey = "$request_uri" },
		"frame options":             func(r *Route) { r.Headers.FrameOptions = "ALLOWALL" },
		"referrer policy":           func(r *Route) { r.Headers.ReferrerPolicy = "origin\"; return 200 \"" },
		"policy with quotes":        func(r *Route) { r.Headers.ContentSecurityPolicy = "a\"; return 200 \"" },
		"policy with variable":      func(r *Route) { r.Headers.PermissionsPolicy = "$http_cookie" },
		"policy with a line break":  func(r *Route) { r.Headers.ContentSecurityPolicy = "a\nX-B: c" },
		"strictness for others":     func(r *Route) { r.Headers.StrictTransportSecurity = time.Hour },
		"canary by directive":       func(r *Route) { r.Canaries = map[string]int{"a;": 1} },
		"canary of itself":          func(r *Route) { r.Canaries = map[string]int{"dev": 1} },
		"canaries of everything":    func(r *Route) { r.Canaries = map[string]int{"a": 60, "b": 40} },
		"weight below zero":         func(r *Route) { r.Weights = map[string]int{"10.96.0.2:3000": -1} },
		"fails below zero":          func(r *Route) { r.MaxFails = -1 },
		"fail timeout below zero":   func(r *Route) { r.FailTimeout = -1 },
		"connections of everybody":  func(r *Route) { r.Connections.Project = 1 << 20 },
		"page without bounds":       func(r *Route) { r.Page = strings.Repeat("a", MaxPage+1) },
		"unknown phase":             func(r *Route) { r.Phase = `"; return 200 "` },
	}
	for _, what := range slices.Sorted(maps.Keys(hostile)) {
		t.Run(what, func(t *testing.T) {
			route := sample("shop", "web")
			hostile[what](&route)
			_, err := render(Settings{}.withDefaults(), asSet(sample("blog", "web"), route))
			var refused *RouteError
			if !errors.As(err, &refused) || refused.Namespace != "shop" || refused.Name != "web" {
				t.Errorf("rendered, or blamed on another: %v", err)
			}
		})
	}
	for _, path := range []string{"/projects/shop/", "/projects/shop/v1.2/", "/projects/shop/a/b_c~d/..e/"} {
		if err := ValidatePath("shop", "", path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
