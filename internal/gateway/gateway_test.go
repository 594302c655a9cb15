package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/lock"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

func TestAccGatewayServesWithoutRoutes(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	observed := h.apply(g)
	if observed.Status != lifecycle.Running || len(observed.Drift) > 0 {
		t.Fatalf("status %s, drift %q", observed.Status, observed.Drift)
	}
	if observed.Spec.HTTPPort != h.gateway.HTTPPort || observed.Spec.Limits.Memory != 256<<20 {
		t.Errorf("read back %+v", observed.Spec)
	}
	h.wantStatus("/healthz", 200)
	if got := h.wantStatus("/projects/", 404); strings.Contains(got.Header.Get("Server"), "/") {
		t.Errorf("the server tells its version: %s", got.Header.Get("Server"))
	}
	again := h.apply(g)
	if again.ContainerID != observed.ContainerID || h.reloads(again.ContainerID) > 0 {
		t.Error("a second apply did something")
	}
}

func TestAccGatewayIsRepaired(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	g := h.gateways()
	shop := h.project("shop")
	h.environment(shop, 1)
	first := h.apply(g)
	h.setRoute(g, h.route(shop))
	path := naming.RoutePath(shop)
	h.wantStatus(path, 200)

	t.Run("container removed by hand", func(t *testing.T) {
		if err := h.on.RemoveContainer(ctx, first.ContainerID); err != nil {
			t.Fatal(err)
		}
		if seen, err := g.Read(ctx, h.gateway.Name); err != nil || seen.Status != lifecycle.Absent {
			t.Fatalf("status %q, %v", seen.Status, err)
		}
		if _, _, err := g.Route(ctx, h.gateway.Name, shop, "web"); err != nil {
			t.Fatalf("the route went with the container: %v", err)
		}
		if again := h.apply(g); again.Status != lifecycle.Running || len(again.Drift) > 0 {
			t.Fatalf("status %s, drift %q", again.Status, again.Drift)
		}
		h.wantStatus(path, 200)
	})
	t.Run("container stopped by hand", func(t *testing.T) {
		seen, _ := g.Read(ctx, h.gateway.Name)
		if err := h.on.StopContainer(ctx, seen.ContainerID, 0); err != nil {
			t.Fatal(err)
		}
		if seen, err := g.Read(ctx, h.gateway.Name); err != nil || seen.Status != lifecycle.Stopped {
			t.Fatalf("status %q, %v", seen.Status, err)
		}
		if again := h.apply(g); again.ContainerID != seen.ContainerID {
			t.Error("a stopped container was made anew")
		}
		h.wantStatus(path, 200)
	})
	t.Run("network attached by hand", func(t *testing.T) {
		foreign, err := h.networks.Create(ctx, engine.NetworkSpec{Name: h.id + "-foreign", Labels: map[string]string{"foreign": h.id}})
		if err != nil {
			t.Fatal(err)
		}
		h.t.Cleanup(func() {
			h.removeAll(map[string]string{naming.LabelGateway: h.id}) // it may still be on the network
			h.removeAll(map[string]string{"foreign": h.id})
		})
		seen, _ := g.Read(ctx, h.gateway.Name)
		if err := h.on.Connect(ctx, foreign.ID, seen.ContainerID, engine.Endpoint{}); err != nil {
			t.Fatal(err)
		}
		seen, err = g.Read(ctx, h.gateway.Name)
		if err != nil || len(seen.Drift) != 1 || !strings.Contains(seen.Drift[0], foreign.Name) {
			t.Fatalf("drift %q, %v", seen.Drift, err)
		}
		if again := h.apply(g); len(again.Drift) > 0 || again.ContainerID != seen.ContainerID {
			t.Errorf("not repaired in place: %q", again.Drift)
		}
	})
	t.Run("project network left by hand", func(t *testing.T) {
		seen, _ := g.Read(ctx, h.gateway.Name)
		if err := h.on.Disconnect(ctx, naming.Network(shop), seen.ContainerID); err != nil {
			t.Fatal(err)
		}
		_, drift, err := g.Route(ctx, h.gateway.Name, shop, "web")
		if err != nil || len(drift) != 1 || !strings.Contains(drift[0], "network") {
			t.Fatalf("drift of the route %q, %v", drift, err)
		}
		h.apply(g)
		h.wantStatus(path, 200)
	})
	t.Run("another port", func(t *testing.T) {
		h.gateway.HTTPPort = freePort(t)
		if again := h.apply(g); again.Spec.HTTPPort != h.gateway.HTTPPort || len(again.Drift) > 0 {
			t.Fatalf("read back %+v, drift %q", again.Spec, again.Drift)
		}
		h.wantStatus(path, 200)
	})
	t.Run("limits change in place", func(t *testing.T) {
		before, _ := g.Read(ctx, h.gateway.Name)
		h.gateway.Limits = engine.Limits{CPUs: 0.5, Memory: 128 << 20, Pids: 128}
		after := h.apply(g)
		if after.Spec.Limits != h.gateway.Limits || after.ContainerID != before.ContainerID {
			t.Errorf("limits %+v, container made anew: %v", after.Spec.Limits, after.ContainerID != before.ContainerID)
		}
	})
	t.Run("weakened hardening", func(t *testing.T) {
		before, _ := g.Read(ctx, h.gateway.Name)
		inspected, err := h.on.Container(ctx, before.ContainerID)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.on.RemoveContainer(ctx, before.ContainerID); err != nil {
			t.Fatal(err)
		}
		weak := inspected.Spec
		weak.CapDrop, weak.ReadOnly, weak.Networks = nil, false, weak.Networks[:1]
		if _, err := h.on.CreateContainer(ctx, weak); err != nil {
			t.Fatal(err)
		}
		seen, err := g.Read(ctx, h.gateway.Name)
		if err != nil || len(seen.Drift) < 2 {
			t.Fatalf("drift %q, %v", seen.Drift, err)
		}
		if again := h.apply(g); len(again.Drift) > 0 || again.Status != lifecycle.Running {
			t.Errorf("not repaired: %s, %q", again.Status, again.Drift)
		}
		h.wantStatus(path, 200)
	})
}

// A container that is made anew is on all its networks before the former one goes, and does not stay when it cannot serve.
func TestAccGatewaySucceeds(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	g := h.gateways()
	path := ""
	for i := range 10 {
		namespace := h.project(fmt.Sprintf("p%d", i))
		h.environment(namespace, 1)
		path = naming.RoutePath(namespace)
	}
	first := h.apply(g)
	for i := range 10 {
		h.setRoute(g, h.route(fmt.Sprintf("%s-p%d", h.id, i)))
	}
	h.wantStatus(path, 200)

	var over atomic.Bool
	longest := make(chan time.Duration)
	go func() {
		last, gap := time.Now(), time.Duration(0)
		client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		for answered := false; !answered || !over.Load(); {
			ending := over.Load()
			response, err := client.Get("http://" + h.published() + path)
			if err == nil {
				response.Body.Close()
			}
			if err == nil && response.StatusCode == http.StatusOK {
				gap, last, answered = max(gap, time.Since(last)), time.Now(), ending
			}
		}
		longest <- gap
	}()
	h.gateway.Labels = map[string]string{"made": "anew"}
	second := h.apply(g)
	over.Store(true)
	t.Logf("on 11 networks, nobody was answered for %s", <-longest)
	if second.ContainerID == first.ContainerID || len(second.Drift) > 0 {
		t.Errorf("another label has not made another container: %q", second.Drift)
	}
	h.wantStatus(path, 200)

	good := h.gateway
	for what, spoil := range map[string]func(){
		"image without nginx": func() { h.gateway.Image = nodeImage },
		"port taken": func() {
			listener, err := net.Listen("tcp", net.JoinHostPort(h.gateway.BindAddress, "0"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { listener.Close() })
			h.gateway.HTTPSPort = listener.Addr().(*net.TCPAddr).Port
			content, key := certificate(t, "a.example.com")
			h.gateway.Settings.TLS = gateway.TLS{Certificate: content, PrivateKey: key, Redirect: true}
		},
	} {
		h.gateway = good
		spoil()
		if _, err := g.Apply(ctx, h.gateway); err == nil || !strings.Contains(err.Error(), "serves as before") {
			t.Errorf("%s: %v", what, err)
		}
		h.gateway = good
		now, err := g.Read(ctx, good.Name)
		if err != nil || now.ContainerID != second.ContainerID || now.Status != lifecycle.Running || now.Spec.Settings.TLS.Enabled() || len(now.Drift) > 0 {
			t.Errorf("%s: left %+v, %v", what, now, err)
		}
		h.wantStatus(path, 200)
	}

	// What is left of an update that was interrupted, at each of its moments.
	inspected, err := h.on.Container(ctx, second.ContainerID)
	if err != nil {
		t.Fatal(err)
	}
	left := inspected.Spec
	left.Name, left.Networks = naming.Successor(left.Name), left.Networks[:1]
	if _, err := h.on.CreateContainer(ctx, left); err != nil {
		t.Fatal(err)
	}
	if now, err := g.Read(ctx, good.Name); err != nil || len(now.Drift) != 1 || !strings.Contains(now.Drift[0], "interrupted") {
		t.Errorf("a successor that was left shows as %q, %v", now.Drift, err)
	}
	if now := h.apply(g); now.ContainerID != second.ContainerID || len(now.Drift) > 0 {
		t.Errorf("a successor that was left: %q", now.Drift)
	}
	if err := h.on.RenameContainer(ctx, second.ContainerID, left.Name); err != nil {
		t.Fatal(err)
	}
	if now := h.apply(g); now.ContainerID != second.ContainerID || len(now.Drift) > 0 {
		t.Errorf("a successor whose former is gone: %q", now.Drift)
	}
	if renamed, err := h.on.Container(ctx, second.ContainerID); err != nil || renamed.Spec.Name != naming.Gateway(good.Name) {
		t.Errorf("it is called %s: %v", renamed.Spec.Name, err)
	}
	h.wantStatus(path, 200)
}

// With its volume, a gateway's routes are gone: they are missing, so that a plan makes them again.
func TestAccGatewayLosesItsVolume(t *testing.T) {
	h := newHost(t)
	g := h.gateways()
	shop := h.project("shop")
	h.environment(shop, 1)
	h.apply(g)
	h.setRoute(g, h.route(shop))
	containers, err := h.on.Containers(t.Context(), map[string]string{naming.LabelGateway: h.id})
	if err != nil {
		t.Fatal(err)
	}
	for _, container := range containers {
		if err := h.on.RemoveContainer(t.Context(), container.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.on.RemoveVolume(t.Context(), naming.Gateway(h.id)); err != nil {
		t.Fatal(err)
	}
	g = h.gateways()
	if _, _, err := g.Route(t.Context(), h.id, shop, "web"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("the route is not missing: %v", err)
	}
	h.apply(g)
	h.wantStatus(naming.RoutePath(shop), 404)
	h.setRoute(g, h.route(shop))
	h.wantStatus(naming.RoutePath(shop), 200)
}

func TestAccGatewayDelete(t *testing.T) {
	h := newHost(t)
	ctx := t.Context()
	g := h.gateways()
	shop := h.project("shop")
	h.apply(g)
	h.setRoute(g, h.route(shop))

	var remain *gateway.RoutesRemainError
	if err := g.Delete(ctx, h.gateway.Name); !errors.As(err, &remain) || !slices.Equal(remain.Routes, []string{shop + "/web"}) {
		t.Fatalf("deleted in spite of a route: %v", err)
	}
	if err := g.RemoveRoute(ctx, h.gateway.Name, shop, "web"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing left, which is no failure
		if err := g.Delete(ctx, h.gateway.Name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.Read(ctx, h.gateway.Name); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("still there: %v", err)
	}
	_, release, err := lock.New(h.on).Acquire(ctx, "gateway_"+h.gateway.Name)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := g.Read(ctx, h.gateway.Name); err != nil || left.Status != lifecycle.Absent {
		t.Errorf("removed halfway, as its lock says, it is %+v, %v", left, err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if networks, err := h.on.Networks(ctx, map[string]string{naming.LabelGateway: h.gateway.Name}); err != nil || len(networks) > 0 {
		t.Errorf("networks left: %v, %v", networks, err)
	}
	if err := g.RemoveRoute(ctx, h.gateway.Name, shop, "web"); err != nil {
		t.Errorf("removing a route of a gateway that is gone: %v", err)
	}
	if _, err := g.SetRoute(ctx, h.gateway.Name, h.route(shop)); err == nil || errors.Is(err, engine.ErrNotFound) {
		t.Errorf("setting a route on a gateway that is gone: %v", err)
	}
}

// TestAccGatewayIsHardened looks from inside: what the configuration says proves nothing.
func TestAccGatewayIsHardened(t *testing.T) {
	h := newHost(t)
	observed := h.apply(h.gateways())
	inside := func(command ...string) engine.ExecResult {
		result, err := h.on.Exec(context.Background(), observed.ContainerID, command)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	status := inside("cat", "/proc/self/status").Output
	for _, want := range []string{"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Uid:\t1000\t1000"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	if result := inside("touch", "/etc/proof"); result.ExitCode == 0 {
		t.Error("the root filesystem can be written to")
	}
	if addresses := inside("hostname", "-I").Output; len(strings.Fields(addresses)) != 1 {
		t.Errorf("a gateway without routes has other addresses than its own network's: %s", addresses)
	} else if _, err := netip.ParseAddr(strings.TrimSpace(addresses)); err != nil {
		t.Error(err)
	}
}
