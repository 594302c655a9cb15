package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/isolab/terraform-provider-isolab/internal/docker"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

func TestAccRouteServes(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	h.environment(shop, 1)
	h.apply(g)
	route := h.route(shop)
	path := naming.RoutePath(shop)

	set := h.setRoute(g, route)
	if !set.Serving || set.Path != path || len(set.Upstreams) != 1 {
		t.Fatalf("set %+v", set)
	}

	t.Run("prefix stripped", func(t *testing.T) {
		got := h.get(path+"a/b?c=d", "X-Forwarded-For", "6.6.6.6", "X-Forwarded-Prefix", "/evil", "X-Real-IP", "6.6.6.6")
		if got.StatusCode != http.StatusOK || got.URL != "/a/b?c=d" {
			t.Fatalf("status %d, backend saw %s; %s", got.StatusCode, got.URL, got.Body)
		}
		for header, want := range map[string]string{
			"x-forwarded-prefix": strings.TrimSuffix(path, "/"), "x-forwarded-proto": "http",
			"x-forwarded-host": h.published(), "host": h.published(),
		} {
			if got.Request[header] != want {
				t.Errorf("%s: %q, want %q", header, got.Request[header], want)
			}
		}
		for _, header := range []string{"x-forwarded-for", "x-real-ip"} {
			if strings.Contains(got.Request[header], "6.6.6.6") || net.ParseIP(got.Request[header]) == nil {
				t.Errorf("%s: a client chose %q", header, got.Request[header])
			}
		}
		if got.Header.Get("X-Content-Type-Options") != "nosniff" || strings.Join(got.Header.Values("X-Frame-Options"), ",") != "SAMEORIGIN" {
			t.Errorf("security headers: %v", got.Header)
		}
		if cookie := got.Header.Get("Set-Cookie"); !strings.Contains(cookie, "Path="+path) {
			t.Errorf("cookie of all projects: %s", cookie)
		}
	})
	t.Run("redirects", func(t *testing.T) {
		if got := h.wantStatus(strings.TrimSuffix(path, "/")+"?x=1", 308); got.Header.Get("Location") != path+"?x=1" {
			t.Errorf("Location %q", got.Header.Get("Location"))
		}
		if got := h.wantStatus(path+"redirect", 302); got.Header.Get("Location") != path+"login" {
			t.Errorf("Location of the backend %q", got.Header.Get("Location"))
		}
	})
	t.Run("no way into another location", func(t *testing.T) {
		if got := h.get(path + "internal"); got.URL != "/internal" {
			t.Errorf("a backend's X-Accel-Redirect led elsewhere: %s", got.Body)
		}
	})
	t.Run("prefix kept and websocket", func(t *testing.T) {
		route.StripPrefix, route.WebSocket = false, true
		h.setRoute(g, route)
		got := h.get(path+"a", "X-Forwarded-Prefix", "/evil")
		if got.URL != path+"a" || got.Request["x-forwarded-prefix"] != "" {
			t.Errorf("backend saw %s with prefix %q", got.URL, got.Request["x-forwarded-prefix"])
		}
		connection, err := net.Dial("tcp", h.published())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", path)
		if line, err := bufio.NewReader(connection).ReadString('\n'); err != nil || !strings.Contains(line, " 101 ") {
			t.Errorf("upgrade answered %q, %v", line, err)
		}
	})
	t.Run("rate limit changes live", func(t *testing.T) {
		for _, rate := range []int{1, 2} { // a changed rate is a new zone: nginx refuses it under the old name
			route.RateLimit = gateway.RateLimit{ProjectRate: rate, ClientRate: rate, ClientBurst: 1, ProjectBurst: 1}
			h.setRoute(g, route)
			limited := false
			for range 10 {
				limited = limited || h.get(path).StatusCode == http.StatusTooManyRequests
			}
			if !limited {
				t.Errorf("10 requests at once pass a limit of %d a second", rate)
			}
		}
		route.RateLimit = gateway.RateLimit{}
		h.setRoute(g, route)
	})
	t.Run("phase", func(t *testing.T) {
		route.Phase = lifecycle.Paused
		if set := h.setRoute(g, route); set.Serving {
			t.Error("a paused project serves")
		}
		got := h.wantStatus(path+"x", 503)
		if got.Header.Get("Retry-After") == "" || !strings.Contains(got.Body, "paused") {
			t.Errorf("Retry-After %q, %s", got.Header.Get("Retry-After"), got.Body)
		}
		route.Phase = lifecycle.Testing
		h.setRoute(g, route)
		h.wantStatus(path, 200)
	})
	t.Run("removed", func(t *testing.T) {
		if err := g.RemoveRoute(t.Context(), h.gateway.Name, shop, "web"); err != nil {
			t.Fatal(err)
		}
		h.wantStatus(path, 404)
		if _, _, err := g.Route(t.Context(), h.gateway.Name, shop, "web"); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("still there: %v", err)
		}
		seen, err := g.Read(t.Context(), h.gateway.Name)
		if err != nil || len(seen.Drift) > 0 {
			t.Fatalf("drift %q, %v", seen.Drift, err)
		}
		container, err := h.on.Container(t.Context(), seen.ContainerID)
		if err != nil || len(container.Spec.Networks) != 1 {
			t.Errorf("still on the project's network: %v, %v", container.Spec.Networks, err)
		}
	})
}

func TestAccRouteFollowsItsEnvironment(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	g := h.gateways()
	shop := h.project("shop")
	h.apply(g)
	path := naming.RoutePath(shop)
	h.setRoute(g, h.route(shop))
	h.wantStatus(path, 503)

	first := h.environment(shop, 1)
	_, drift, err := g.Route(ctx, h.gateway.Name, shop, "web")
	if err != nil || len(drift) != 2 {
		t.Fatalf("drift %q, %v", drift, err)
	}
	follow := func() {
		t.Helper()
		if err := g.Follow(ctx, shop, "dev"); err != nil {
			t.Fatal(err)
		}
	}
	follow()
	h.wantStatus(path, 200)

	h.environment(shop, 2)
	follow()
	seen := map[string]bool{}
	for range 8 {
		seen[h.wantStatus(path, 200).ID] = true
	}
	if !seen["dev-1"] || !seen["dev-2"] {
		t.Errorf("answers came from %v", seen)
	}

	gone, err := g.Read(ctx, h.gateway.Name)
	if err != nil {
		t.Fatal(err)
	}
	reloads := h.reloads(gone.ContainerID)
	follow()
	if again := h.reloads(gone.ContainerID); again != reloads {
		t.Error("nothing has changed and nginx was reloaded")
	}

	// One replica stops: nginx passes it over.
	if err := h.on.StopContainer(ctx, first, 0); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		h.wantStatus(path, 200)
	}
}

// intruded is an engine on which something else happens just while nginx tests a configuration.
type intruded struct {
	*docker.Engine
	happen func()
}

func (e *intruded) Exec(ctx context.Context, id string, command []string) (engine.ExecResult, error) {
	if happen := e.happen; happen != nil && command[0] == "nginx" {
		e.happen = nil
		happen()
	}
	return e.Engine.Exec(ctx, id, command)
}

// TestAccRouteSeesWhatChangesMeanwhile adds a replica after a commit has looked for replicas and before its route can be
// found by who follows the environment.
func TestAccRouteSeesWhatChangesMeanwhile(t *testing.T) {
	h := newHost(t)
	shop := h.project("shop")
	h.apply(h.gateways())
	h.environment(shop, 1)
	on := &intruded{Engine: h.on}
	g := gateway.New(on, h.networks, nil)
	on.happen = func() {
		h.environment(shop, 2)
		if err := h.gateways().Follow(t.Context(), shop, "dev"); err != nil {
			t.Error(err)
		}
	}
	if set := h.setRoute(g, h.route(shop)); len(set.Upstreams) != 2 {
		t.Errorf("the route leads to %v, to one replica of two", set.Upstreams)
	}
}

func TestAccRouteRefusedAloneIsRolledBack(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	good, bad := h.project("good"), h.project("bad")
	h.environment(good, 1)
	h.environment(bad, 1)
	h.apply(g)
	h.setRoute(g, h.route(bad))
	g.Alter(func(files map[string][]byte) {
		if _, ok := files["http/"+bad+".late.conf"]; ok {
			files["http/"+bad+".late.conf"] = []byte("upstream " + bad + ".late { server no.such.host.invalid:80; }\n")
		}
	})
	late := h.route(bad)
	late.Name, late.Path = "late", naming.RoutePath(bad)+"late/"
	hostile := h.route(good)
	hostile.Name, hostile.Path = "hostile", naming.RoutePath(good)+"{}/" // as if no one had looked at it before
	double := h.route(good)
	double.Name = "double"

	outcomes := g.SetTogether(t.Context(), h.gateway.Name, late, h.route(good), hostile, double)
	if outcomes[1] != nil {
		t.Errorf("the good route: %v", outcomes[1])
	}
	for i, want := range map[int][]string{
		0: {"late", "no.such.host.invalid"}, 2: {"hostile", "{}"}, 3: {"double", good + "/web"},
	} {
		var refused *gateway.RouteError
		if !errors.As(outcomes[i], &refused) || refused.Name != want[0] || !strings.Contains(refused.Error(), want[1]) {
			t.Errorf("route %s: %v", want[0], outcomes[i])
			continue
		}
		if _, _, err := g.Route(t.Context(), h.gateway.Name, refused.Namespace, refused.Name); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("the refused route %s is stored: %v", refused.Name, err)
		}
	}
	h.wantStatus(naming.RoutePath(good), 200)
	h.wantStatus(naming.RoutePath(bad), 200)

	// A change that is refused leaves the route what it was.
	g.Alter(func(files map[string][]byte) {
		if name := "locations/" + bad + ".web.conf"; strings.Contains(string(files[name]), "limit_req") {
			files[name] = []byte("no_such_directive;\n")
		}
	})
	limited := h.route(bad)
	limited.RateLimit.ProjectRate = 1
	if _, err := g.SetRoute(t.Context(), h.gateway.Name, limited); err == nil || !strings.Contains(err.Error(), "no_such_directive") {
		t.Errorf("the refused change: %v", err)
	}
	h.wantStatus(naming.RoutePath(bad), 200)
	if route, _, err := g.Route(t.Context(), h.gateway.Name, bad, "web"); err != nil || route.RateLimit.ProjectRate != 0 {
		t.Errorf("the route is no longer what it was: %+v, %v", route, err)
	}
}

// TestAccReloadRefusedIsSwitchedBack has nginx accept a configuration in its test and refuse it when it reloads.
func TestAccReloadRefusedIsSwitchedBack(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	h.environment(shop, 1)
	h.apply(g)
	keyed := func(variable string) {
		g.Alter(func(files map[string][]byte) {
			files["shared.conf"] = fmt.Appendf(nil, "limit_req_zone %s zone=probe:64k rate=1r/s;\n", variable)
		})
	}
	keyed("$remote_addr")
	h.setRoute(g, h.route(shop))
	keyed("$host")
	second := h.route(shop)
	second.Name, second.Path = "second", naming.RoutePath(shop)+"second/"
	if _, err := g.SetRoute(t.Context(), h.gateway.Name, second); err == nil || !strings.Contains(err.Error(), "probe") {
		t.Fatalf("nginx has refused the reload, and that went unseen: %v", err)
	}
	h.wantStatus(naming.RoutePath(shop), 200)
	if _, _, err := g.Route(t.Context(), h.gateway.Name, shop, "second"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("the route that is not served is stored: %v", err)
	}
	keyed("$remote_addr")
	h.setRoute(g, second)
	h.wantStatus(second.Path, 200)
}

func TestAccRoutesShareReloadsAndDisturbNobody(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	h.environment(shop, 1)
	observed := h.apply(g)
	h.setRoute(g, h.route(shop))
	before := h.reloads(observed.ContainerID)

	done, failures := make(chan struct{}), make(chan int)
	go func() {
		failed := 0
		for {
			select {
			case <-done:
				failures <- failed
				return
			default:
			}
			if got := h.get(naming.RoutePath(shop)); got.StatusCode != http.StatusOK {
				failed++
			}
		}
	}()
	h.setMany(20, shop, g)
	close(done)
	if failed := <-failures; failed > 0 {
		t.Errorf("%d requests of a neighbour failed", failed)
	}
	if reloads := h.reloads(observed.ContainerID) - before; reloads < 1 || reloads > 8 {
		t.Errorf("20 routes took %d reloads", reloads)
	}
	for i := range 20 {
		h.wantStatus(many(shop, i), 200)
	}
	left, err := h.on.Exec(t.Context(), observed.ContainerID, []string{"ls", "/volume/generations"})
	if err != nil || len(strings.Fields(left.Output)) != 1 {
		t.Errorf("generations left: %s, %v", left.Output, err)
	}
}

func TestAccRoutesOfTwoRunsAreAllKept(t *testing.T) {
	h := newHost(t)
	first, second := h.gateways(), h.gateways()
	shop, blog := h.project("shop"), h.project("blog")
	h.environment(shop, 1)
	h.environment(blog, 1)
	h.apply(first)
	var wait sync.WaitGroup
	wait.Go(func() { h.setMany(10, shop, first) })
	wait.Go(func() { h.setMany(10, blog, second) })
	wait.Wait()
	for i := range 10 {
		h.wantStatus(many(shop, i), 200)
		h.wantStatus(many(blog, i), 200)
	}
	if seen, err := first.Read(t.Context(), h.gateway.Name); err != nil || len(seen.Drift) > 0 {
		t.Errorf("drift %q, %v", seen.Drift, err)
	}
}

func many(namespace string, i int) string {
	return fmt.Sprintf("%sr%d/", naming.RoutePath(namespace), i)
}

// setMany sets routes side by side, as Terraform does.
func (h *host) setMany(count int, namespace string, g *gateway.Gateways) {
	var wait sync.WaitGroup
	for i := range count {
		wait.Go(func() {
			route := h.route(namespace)
			route.Name, route.Path = fmt.Sprintf("r%d", i), many(namespace, i)
			if _, err := g.SetRoute(h.t.Context(), h.gateway.Name, route); err != nil {
				h.t.Error(err)
			}
		})
	}
	wait.Wait()
}

// TestAccRoutesOutliveARemovalUnderReaders removes a gateway's container by hand while many other runs look at its
// routes, as each change of an environment does.
func TestAccRoutesOutliveARemovalUnderReaders(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	h.environment(shop, 1)
	h.apply(g)
	h.setRoute(g, h.route(shop))
	for range 6 {
		seen, err := g.Read(t.Context(), h.gateway.Name)
		if err != nil {
			t.Fatal(err)
		}
		reading, stop := context.WithCancel(t.Context())
		var readers errgroup.Group
		for range 4 {
			readers.Go(func() error {
				for reading.Err() == nil {
					_ = h.gateways().Follow(reading, shop, "web") // It may come upon what is half removed.
				}
				return nil
			})
		}
		err = h.on.RemoveContainer(t.Context(), seen.ContainerID)
		stop()
		if err := errors.Join(err, readers.Wait()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.gateways().Route(t.Context(), h.gateway.Name, shop, "web"); err != nil {
			t.Fatalf("the route went with the container: %v", err)
		}
		h.apply(h.gateways())
	}
	h.wantStatus(naming.RoutePath(shop), 200)
}

func TestAccRouteSpreadsRequests(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	h.environment(shop, 1)
	h.environment(shop, 2)
	h.apply(g)
	for balancing, replicas := range map[gateway.LoadBalancing]int{gateway.RoundRobin: 2, gateway.LeastConn: 2, gateway.IPHash: 1} {
		route := h.route(shop)
		route.LoadBalancing = balancing
		h.setRoute(g, route)
		seen := map[string]bool{}
		for range 12 {
			seen[h.wantStatus(naming.RoutePath(shop), 200).ID] = true
		}
		if len(seen) != replicas {
			t.Errorf("%s: answers came from %v", balancing, seen)
		}
	}
}

// A container that is killed is passed over: whoever asks gets an answer from another one.
func TestAccBackendKilled(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	var victim string
	for replica := 1; replica <= 3; replica++ {
		victim = h.environment(shop, replica)
	}
	h.apply(g)
	h.setRoute(g, h.route(shop))
	path := naming.RoutePath(shop)
	killed := make(chan error)
	counts := map[string]int{}
	for i := range 150 {
		if i == 30 {
			go func() { killed <- h.on.Signal(t.Context(), victim, "KILL") }()
		}
		counts[h.wantStatus(path, 200).ID]++
	}
	if err := <-killed; err != nil {
		t.Fatal(err)
	}
	if counts["dev-3"] < 5 || counts["dev-3"] > 60 || counts["dev-1"]+counts["dev-2"]+counts["dev-3"] != 150 {
		t.Errorf("of 150 requests got %v", counts)
	}
}

func TestAccRouteBounds(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	h.environment(shop, 1)
	h.apply(g)
	path := naming.RoutePath(shop)
	post := func(size int) int {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.published()+path, strings.NewReader(strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	route := h.route(shop)
	if set := h.setRoute(g, route); set.MaxBodySize != gateway.DefaultMaxBodySize || set.ReadTimeout != time.Minute {
		t.Errorf("defaults %+v", set)
	}
	if status := post(2000); status != 200 {
		t.Errorf("a small body gets %d", status)
	}
	h.wantStatus(path+"slow", 200)

	route.MaxBodySize, route.ReadTimeout = 1000, 500*time.Millisecond
	h.setRoute(g, route)
	if status := post(2000); status != 413 {
		t.Errorf("a body that is too large gets %d", status)
	}
	h.wantStatus(path+"slow", 503)

	// The first event comes while the program goes on.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+h.published()+path+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	route.ReadTimeout = time.Minute
	h.setRoute(g, route)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if line, err := bufio.NewReader(response.Body).ReadString('\n'); err != nil || line != "data: first\n" {
		t.Errorf("the stream begins with %q, %v", line, err)
	}
}
